//! The commands on HyperLogLogs, through the engine.

use crate::testing::Bed;

#[test]
fn elements_are_counted() {
    let mut bed = Bed::new();
    bed.check(
        r#"PFADD h -> 1
           GET h -> "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
           OBJECT ENCODING h -> "raw"
           PFADD h -> 0
           PFADD h a b c -> 1
           PFADD h a b c -> 0
           GET h -> "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ"
           PFCOUNT h -> 3
           GET h -> "HYLL\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00`\xf3\x80P\xb1\x84K\xfb\x80BZ"
           PFDEBUG DECODE h -> "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"
           PFCOUNT nope -> 0
           PFADD g c d -> 1
           PFCOUNT h g nope -> 4
           PFMERGE m h nope g -> OK
           PFCOUNT m -> 4
           PFDEBUG ENCODING m -> sparse
           PFDEBUG TODENSE h -> 1
           GETRANGE h 0 15 -> "HYLL\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
           PFDEBUG TODENSE h -> 0
           PFDEBUG DECODE h -> ERR HLL encoding is not sparse
           PFMERGE m h -> OK
           PFDEBUG ENCODING m -> dense
           PFADD m d -> 0
           PFADD m e -> 1
           PFCOUNT m -> 5
           PFDEBUG ENCODING nope -> ERR The specified key does not exist
           PFDEBUG WHAT m -> ERR Unknown PFDEBUG subcommand 'WHAT'
           PFSELFTEST -> OK"#,
    );
}

#[test]
fn what_is_none_is_refused() {
    let mut bed = Bed::new();
    let foreign = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    let corrupted = "INVALIDOBJ Corrupted HLL object detected";
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    bed.check(
        "SET s foo
         SET n 12
         RPUSH l a
         PFADD h a
         APPEND h x
         PFADD good a",
    );
    for (key, error) in [("s", foreign), ("n", foreign), ("l", wrong_type)] {
        for command in ["PFADD", "PFCOUNT", "PFCOUNT good", "PFMERGE d", "PFDEBUG ENCODING"] {
            assert_eq!(bed.run(&format!("{command} {key}")), error, "{command} {key}");
        }
    }
    for command in ["PFCOUNT h", "PFCOUNT good h", "PFMERGE d h", "PFDEBUG GETREG h"] {
        assert_eq!(bed.run(command), corrupted, "{command}");
    }
    bed.check("EXISTS d -> 0");
}

#[test]
fn changes_leave_their_traces() {
    let mut bed = Bed::new();
    bed.check_traces(
        "PFADD h a -> PFADD h a | new(h) pfadd(h)
         PFADD h a -> |
         PFADD h b -> PFADD h b | pfadd(h)
         PFCOUNT h -> |
         PFMERGE d h -> PFMERGE d h | keymiss(d) new(d) pfadd(d)",
    );
}
