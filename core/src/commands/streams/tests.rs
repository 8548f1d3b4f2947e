//! The commands on streams: replies, effects and events. Time stands still at one trillion
//! milliseconds.

use crate::testing::Bed;

#[test]
fn identifiers_ascend() {
    Bed::new().check(
        r#"
        XADD s * a b -> "1000000000000-0"
        XADD s * a b -> "1000000000000-1"
        XADD s 5-1 a b -> ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD t 0-0 a b -> ERR The ID specified in XADD must be greater than 0-0
        XADD t 0-* a b -> "0-1"
        XADD t 7-* a b -> "7-0"
        XADD t 7-* a b -> "7-1"
        XADD t 8-18446744073709551615 a b -> "8-18446744073709551615"
        XADD t 8-* a b -> ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD t 18446744073709551615-18446744073709551615 a b -> "18446744073709551615-18446744073709551615"
        XADD t * a b -> ERR The stream has exhausted the last possible ID, unable to add more items
        XADD t 1-1 a -> ERR wrong number of arguments for 'xadd' command
        XADD none NOMKSTREAM * a b -> nil
        XLEN t -> 5
        "#,
    );
}

#[test]
fn deletion_for_all_groups_asks_for_references_first() {
    Bed::new().check(
        r#"
        SET text a
        XDELEX text ACKED 1 2-1 -> WRONGTYPE Operation against a key holding the wrong kind of value
        XACKDEL text g IDS 2 2-1 -> WRONGTYPE Operation against a key holding the wrong kind of value
        XADD s 9-1 a b
        XGROUP CREATE s g 0 -> OK
        XGROUP CREATE s h 0 -> OK
        XREADGROUP GROUP g c STREAMS s >
        XREADGROUP GROUP h c STREAMS s >
        XDEL s 9-1 -> 1
        XDELEX s ACKED IDS 2 9-1 10-1 -> [2 2]
        XACKDEL s g ACKED IDS 1 9-1 -> [2]
        XACKDEL s h DELREF IDS 1 9-1 -> [1]
        XDELEX s ACKED IDS 1 9-1 -> [-1]
        "#,
    );
}

#[test]
fn ranges_are_inclusive_unless_said_otherwise() {
    Bed::new().check(
        r#"
        XADD s 1-1 a b
        XADD s 1-2 a c
        XADD s 2-1 x y
        XRANGE s - + -> [["1-1" ["a" "b"]] ["1-2" ["a" "c"]] ["2-1" ["x" "y"]]]
        XRANGE s 1 1 -> [["1-1" ["a" "b"]] ["1-2" ["a" "c"]]]
        XRANGE s (1-1 (2-1 -> [["1-2" ["a" "c"]]]
        XREVRANGE s + - COUNT 1 -> [["2-1" ["x" "y"]]]
        XRANGE s - + COUNT 0 -> nil
        XRANGE none - + -> []
        XDEL s 1-2 9-9 -> 1
        XRANGE s - + -> [["1-1" ["a" "b"]] ["2-1" ["x" "y"]]]
        XREAD STREAMS s 1 -> [["s" [["1-1" ["a" "b"]] ["2-1" ["x" "y"]]]]]
        XREAD STREAMS s + -> [["s" [["2-1" ["x" "y"]]]]]
        XREAD STREAMS s $ -> nil
        XREAD COUNT 1 MAXCOUNT 1 STREAMS s s 0 0 -> [["s" [["1-1" ["a" "b"]]]]]
        XREAD MAXSIZE 1 STREAMS s s 0 0 -> [["s" [["1-1" ["a" "b"]]]]]
        "#,
    );
}

#[test]
fn groups_hand_out_each_entry_once() {
    Bed::new().check(
        r#"
        XADD s 1-1 a b
        XADD s 2-1 a b
        XADD s 3-1 a b
        XGROUP CREATE s g 0 -> OK
        XGROUP CREATE s g 0 -> BUSYGROUP Consumer Group name already exists
        XREADGROUP GROUP g one COUNT 2 STREAMS s > -> [["s" [["1-1" ["a" "b"]] ["2-1" ["a" "b"]]]]]
        XREADGROUP GROUP g two STREAMS s > -> [["s" [["3-1" ["a" "b"]]]]]
        XREADGROUP GROUP g two STREAMS s > -> nil
        XPENDING s g -> [3 "1-1" "3-1" [["one" "2"] ["two" "1"]]]
        XACK s g 1-1 1-1 -> 1
        XREADGROUP GROUP g one STREAMS s 0 -> [["s" [["2-1" ["a" "b"]]]]]
        XPENDING s g - + 9 one -> [["2-1" "one" 0 2]]
        XCLAIM s g two 0 2-1 JUSTID -> ["2-1"]
        XAUTOCLAIM s g one 0 - COUNT 1 -> ["3-1" [["2-1" ["a" "b"]]] []]
        XDEL s 2-1
        XAUTOCLAIM s g one 0 - JUSTID -> ["0-0" ["3-1"] ["2-1"]]
        XINFO GROUPS s -> [["name" "g" "consumers" 2 "pending" 1 "last-delivered-id" "3-1" "entries-read" 3 "lag" 0]]
        XREADGROUP GROUP none one STREAMS s > -> NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option
        "#,
    );
}

#[test]
fn released_entries_are_claimed_first() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        XADD s 1-1 a b
        XADD s 2-1 a b
        XADD s 3-1 a b
        XGROUP CREATE s g 0
        XREADGROUP GROUP g one COUNT 2 STREAMS s >
        "#,
    );
    bed.pass(100);
    bed.check(
        r#"
        XNACK s g FAIL IDS 1 2-1 -> 1
        XNACK s g FAIL IDS 1 9-1 -> 0
        XPENDING s g - + 9 -> [["1-1" "one" 100 1] ["2-1" "" -1 1]]
        XREADGROUP GROUP g two CLAIM 100 STREAMS s > -> [["s" [["2-1" ["a" "b"] 1000000000100 1] ["1-1" ["a" "b"] 100 1] ["3-1" ["a" "b"]]]]]
        XPENDING s g -> [3 "1-1" "3-1" [["two" "3"]]]
        XNACK s g SILENT IDS 2 1-1 3-1 -> 2
        XNACK s g FATAL IDS 1 2-1 RETRYCOUNT 5 -> 1
        XPENDING s g - + 9 -> [["1-1" "" -1 1] ["2-1" "" -1 5] ["3-1" "" -1 0]]
        XNACK s none FAIL IDS 1 1-1 -> NOGROUP No such key 's' or consumer group 'none'
        "#,
    );
}

#[test]
fn producers_can_send_an_entry_twice() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        XADD s IDMP p 1 * a b -> "1000000000000-0"
        XADD s IDMP p 1 * a c -> "1000000000000-0"
        XADD s IDMP q 1 * a b -> "1000000000000-1"
        XADD s IDMPAUTO p * a b -> "1000000000000-2"
        XADD s IDMPAUTO p * a b -> "1000000000000-2"
        XLEN s -> 3
        XIDMPRECORD s p 1 1000000000000-0 -> OK
        XIDMPRECORD s p 1 1000000000000-1 -> ERR the idempotent ID belongs to another entry
        XCFGSET s IDMP-DURATION 0 -> ERR invalid duration
        XCFGSET s -> ERR syntax error
        XCFGSET s IDMP-MAXSIZE 100 -> OK
        XADD s IDMP p 1 * a b -> "1000000000000-0"
        XCFGSET s IDMP-MAXSIZE 1 -> OK
        XADD s IDMP p 1 * a b -> "1000000000000-3"
        XADD s IDMP p 2 * a b -> "1000000000000-4"
        XADD s IDMP p 1 * a b -> "1000000000000-5"
        "#,
    );
    bed.pass(101_000);
    bed.check(r#"XADD s IDMP p 1 * a b -> "1000000101000-0""#);
}

#[test]
fn effects_do_not_depend_on_time_or_nodes() {
    Bed::new().check_traces(
        r#"
        XADD s * a b -> XADD s 1000000000000-0 a b | new(s) xadd(s)
        XADD s MAXLEN ~ 1 * a b -> XADD s MAXLEN = 2 1000000000000-1 a b | xadd(s)
        XADD s MAXLEN 2 * a b -> XADD s MAXLEN = 2 1000000000000-2 a b | xadd(s) xtrim(s)
        XTRIM s MAXLEN ~ 0 -> XTRIM s MAXLEN = 0 | xtrim(s)
        XADD s IDMP p i 1000000000000-5 a b -> |
        XADD s IDMP p i * a b -> MULTI; XADD s 1000000000000-3 a b; XIDMPRECORD s p i 1000000000000-3; EXEC | xadd(s)
        XGROUP CREATE s g 0 -> XGROUP CREATE s g 0 | xgroup-create(s)
        XREADGROUP GROUP g c STREAMS s > -> MULTI; XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 1000000000000-3 TIME 1000000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1000000000000-3; XGROUP SETID s g 1000000000000-3 ENTRIESREAD 4; EXEC | xgroup-createconsumer(s)
        XREADGROUP GROUP g c STREAMS s 0 -> |
        XACK s g 1000000000000-3 -> XACK s g 1000000000000-3 |
        XDEL s 1000000000000-3 -> XDEL s 1000000000000-3 | xdel(s)
        XGROUP DESTROY s g -> XGROUP DESTROY s g | xgroup-destroy(s)
        "#,
    );
}

#[test]
fn a_stream_can_be_made_anew() {
    use crate::types::stream::Stream;
    use crate::value::Object;
    let mut bed = Bed::new();
    bed.check(
        r#"
        XADD s 1-1 a b c d
        XADD s 2-1 a b
        XADD s 3-1 a b
        XADD s 4-1 a b
        XDEL s 2-1
        XGROUP CREATE s g 0
        XREADGROUP GROUP g one STREAMS s >
        XNACK s g FAIL IDS 1 3-1
        XGROUP CREATECONSUMER s g two
        XGROUP CREATE e g $ MKSTREAM
        "#,
    );
    for key in [b"s", b"e"] {
        let engine = std::sync::Arc::clone(&bed.engine);
        let shard = crate::keyspace::shard_of(key);
        let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
        engine.try_with(&bed.worker, shard, |space| {
            let stream = space.peek_object::<Stream>(key).unwrap().unwrap();
            stream.rebuild(b"copy", &mut |words| {
                commands.push(words.iter().map(|word| word.to_vec()).collect());
            });
        });
        engine.end_turn(&bed.worker);
        bed.run("DEL copy");
        for words in &commands {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let reply = bed.call(&words);
            assert!(!reply.starts_with(b"-"), "{}", reply.escape_ascii());
        }
        let name = String::from_utf8_lossy(key);
        let without_seen = |text: String| text.replace("\"active-time\" -1", "");
        let original = bed.run(&format!("XINFO STREAM {name} FULL"));
        let original = original.replace("\"active-time\" 1000000000000", "");
        let copy = bed.run("XINFO STREAM copy FULL");
        let copy = copy.replace("\"active-time\" 1000000000000", "");
        assert_eq!(without_seen(copy), without_seen(original));
    }
}

#[test]
fn those_who_watch_hear_of_entries_and_not_of_groups() {
    let mut bed = Bed::new();
    bed.run("XADD x 1-1 f v");
    bed.run("XGROUP CREATE x g 0");
    let mut watched = |lines: &[&str]| {
        bed.run("WATCH x");
        lines.iter().for_each(|line| drop(bed.run(line)));
        bed.run("MULTI");
        bed.run("XLEN none");
        bed.run("EXEC")
    };
    let groups = [
        "XREADGROUP GROUP g one STREAMS x >",
        "XGROUP CREATECONSUMER x g two",
        "XCLAIM x g two 0 1-1",
        "XGROUP DELCONSUMER x g two",
        "XGROUP SETID x g 0",
        "XSETID x 5-5",
        "XGROUP CREATE x h 0",
        "XGROUP DESTROY x h",
    ];
    for line in groups {
        assert_eq!(watched(&[line]), "[0]", "{line}");
    }
    for line in ["XADD x 6-1 f v", "XDEL x 6-1", "XTRIM x MAXLEN 0"] {
        assert_eq!(watched(&[line]), "nil", "{line}");
    }
}

#[test]
fn a_group_before_all_entries_lags_by_all_of_them() {
    let mut bed = Bed::new();
    bed.check("XADD x 19-1 f v \n XGROUP CREATE x g 9-0 ENTRIESREAD 6");
    let lag = |bed: &mut Bed| bed.run("XINFO GROUPS x").rsplit(' ').next().map(str::to_owned);
    assert_eq!(lag(&mut bed).as_deref(), Some("1]]"));
    bed.check("XADD x 20-1 f v \n XADD x 21-1 f v \n XDEL x 20-1");
    assert_eq!(lag(&mut bed).as_deref(), Some("nil]]"), "an entry in between is gone");
    bed.check("XDEL x 19-1");
    assert_eq!(lag(&mut bed).as_deref(), Some("1]]"));
    bed.check("XTRIM x MAXLEN 0");
    assert_eq!(lag(&mut bed).as_deref(), Some("0]]"));
}
