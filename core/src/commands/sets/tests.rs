//! The commands on sets, through the engine.

use std::collections::BTreeSet;

use crate::testing::Bed;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

/// The members of a reply that is an array.
fn members(reply: &str) -> Vec<String> {
    reply.trim_matches(['[', ']']).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn members_are_added_found_and_removed() {
    let mut bed = Bed::new();
    bed.check(
        r#"SADD s a b a -> 2
           SADD s b c -> 1
           SCARD s -> 3
           SISMEMBER s a -> 1
           SISMEMBER s x -> 0
           SMISMEMBER s a x c -> [1 0 1]
           SMISMEMBER nope a x -> [0 0]
           SMEMBERS s -> ["a" "b" "c"]
           SMEMBERS nope -> []
           SREM s a x -> 1
           SREM s a -> 0
           SREM nope a -> 0
           SREM s b c -> 2
           EXISTS s -> 0
           SCARD s -> 0
           SADD n 3 -1 200000 -> 3
           SMEMBERS n -> ["-1" "3" "200000"]
           OBJECT ENCODING n -> "intset"
           SADD n x -> 1
           OBJECT ENCODING n -> "listpack"
           TYPE n -> set
           COPY n m -> 1
           SMEMBERS m -> ["-1" "3" "200000" "x"]"#,
    );
}

#[test]
fn other_types_are_refused() {
    let mut bed = Bed::new();
    bed.check("SET str x\nSADD s a");
    for command in [
        "SADD str a",
        "SREM str a",
        "SISMEMBER str a",
        "SMISMEMBER str a",
        "SCARD str",
        "SMEMBERS str",
        "SSCAN str 0",
        "SMOVE str s a",
        "SMOVE s str a",
        "SPOP str",
        "SPOP str 1",
        "SRANDMEMBER str",
        "SRANDMEMBER str 1",
        "SINTER nope str",
        "SUNION nope str",
        "SDIFF nope str",
        "SINTERSTORE d s str",
        "SINTERCARD 2 s str",
        "SUNIONCARD 1 str",
        "SUNIONCARD 1 str APPROX",
        "SDIFFCARD 2 s str",
    ] {
        assert_eq!(bed.run(command), WRONG_TYPE, "{command}");
    }
    bed.check("SMOVE nope str a -> 0\nSINTERSTORE str s -> 1\nTYPE str -> set");
}

#[test]
fn sets_are_combined() {
    let mut bed = Bed::new();
    bed.check(
        r#"SADD a 1 2 3 4
           SADD b 2 3 x
           SADD c 3 x
           SINTER a b c -> ["3"]
           SINTER a nope -> []
           SDIFF a b -> ["1" "4"]
           SDIFF nope a -> []
           SINTERSTORE d a b -> 2
           OBJECT ENCODING d -> "intset"
           SUNIONSTORE d a b c -> 5
           OBJECT ENCODING d -> "listpack"
           SDIFFSTORE d a b c -> 2
           SMEMBERS d -> ["1" "4"]
           SDIFFSTORE d a a -> 0
           EXISTS d -> 0
           SINTERCARD 2 a b -> 2
           SINTERCARD 2 a b LIMIT 1 -> 1
           SINTERCARD 2 a b LIMIT 0 -> 2
           SUNIONCARD 3 a b c -> 5
           SUNIONCARD 3 a b c LIMIT 4 -> 4
           SUNIONCARD 3 a b c APPROX -> 5
           SUNIONCARD 3 a b c LIMIT 2 APPROX -> 2
           SDIFFCARD 3 a b c -> 2
           SDIFFCARD 2 a nope LIMIT 3 -> 3
           SINTERCARD 0 a -> ERR numkeys should be greater than 0
           SINTERCARD x a -> ERR numkeys should be greater than 0
           SINTERCARD 2 a -> ERR Number of keys can't be greater than number of args
           SINTERCARD 1 a LIMIT -> ERR syntax error
           SINTERCARD 1 a LIMIT -1 -> ERR LIMIT can't be negative
           SINTERCARD 1 a APPROX -> ERR syntax error
           SDIFFCARD 1 a b -> ERR syntax error"#,
    );
    assert_eq!(members(&bed.run("SUNION a b c")).len(), 5);
}

#[test]
fn choices_are_as_many_as_asked_for() {
    let mut bed = Bed::new();
    let all: Vec<String> = (0..600).map(|n| format!("member{n}")).collect();
    bed.run(&format!("SADD s {}", all.join(" ")));
    for (count, least_different) in [("5", 5), ("300", 300), ("1000", 600), ("-900", 300)] {
        let chosen = members(&bed.run(&format!("SRANDMEMBER s {count}")));
        let different: BTreeSet<&String> = chosen.iter().collect();
        assert!(different.len() >= least_different, "{count}");
        assert!(chosen.len() == different.len() || count == "-900");
    }
    bed.check(
        "SRANDMEMBER s x y -> ERR syntax error
         SRANDMEMBER s 0 -> []
         SRANDMEMBER nope -> nil
         SRANDMEMBER nope 1 -> []
         SRANDMEMBER s x -> ERR value is not an integer or out of range
         SRANDMEMBER s 1 2 -> ERR syntax error
         SRANDMEMBER s -9223372036854775807 -> ERR value is out of range
         SPOP nope -> nil
         SPOP nope 1 -> []
         SPOP s 0 -> []
         SPOP s -1 -> ERR value is out of range, must be positive
         SPOP s 1 2 -> ERR syntax error",
    );
    let mut left: BTreeSet<String> = all.iter().map(|member| format!("\"{member}\"")).collect();
    for count in [1, 7, 500, 91] {
        for member in members(&bed.run(&format!("SPOP s {count}"))) {
            assert!(left.remove(&member), "{member}");
        }
        assert_eq!(bed.run("SCARD s"), left.len().to_string());
    }
    let last = bed.run("SPOP s");
    assert!(left.remove(&last));
    bed.check("EXISTS s -> 0");
    assert!(left.is_empty());
}

#[test]
fn changes_leave_their_traces() {
    let mut bed = Bed::new();
    bed.check_traces(
        "SADD s a b c -> SADD s a b c | new(s) sadd(s)
         SADD s a -> |
         SREM s x -> |
         SREM s a -> SREM s a | srem(s)
         SMOVE s t b -> SMOVE s t b | srem(s) new(t) sadd(t)
         SMOVE s s c -> |
         SMOVE s t x -> |
         SMOVE s t c -> SMOVE s t c | srem(s) del(s) sadd(t)
         SPOP t 9 -> DEL t | spop(t) del(t)
         SADD u 7 -> SADD u 7 | new(u) sadd(u)
         SPOP u -> SREM u 7 | spop(u) del(u)
         SADD v 1 2 -> SADD v 1 2 | new(v) sadd(v)
         SADD w 1 -> SADD w 1 | new(w) sadd(w)
         SPOP nope -> |
         SINTERSTORE d v w -> SINTERSTORE d v w | new(d) sinterstore(d)
         SUNIONSTORE d v w -> SUNIONSTORE d v w | overwritten(d) sunionstore(d)
         SDIFFSTORE d w v -> SDIFFSTORE d w v | del(d)
         SDIFFSTORE d w v -> |
         SREM w 1 -> SREM w 1 | srem(w) del(w)",
    );
    bed.run("SADD v 1 2 3 4 5");
    bed.effects();
    bed.events();
    let popped = members(&bed.run("SPOP v 3")).join(" ").replace('"', "");
    assert_eq!(bed.effects(), format!("SREM v {popped}"));
    assert_eq!(bed.events(), "spop(v)");
}

#[test]
fn a_scan_passes_every_member() {
    let mut bed = Bed::new();
    let all: Vec<String> = (0..1000).map(|n| format!("m{n}")).collect();
    bed.run(&format!("SADD s {}", all.join(" ")));
    let (mut cursor, mut calls, mut seen) = ("0".to_owned(), 0, BTreeSet::new());
    loop {
        let reply = bed.run(&format!("SSCAN s {cursor} COUNT 20"));
        let mut words = members(&reply).into_iter();
        cursor = words.next().unwrap().replace('"', "");
        seen.extend(words);
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
    assert!((10..100).contains(&calls), "{calls} calls");
    bed.check(
        r#"SADD n 1 2 3
           SSCAN n 0 -> ["0" ["1" "2" "3"]]
           SSCAN n 0 MATCH [12] COUNT 1 -> ["0" ["1" "2"]]
           SSCAN nope 0 -> ["0" []]
           SSCAN nope x -> ERR invalid cursor
           SSCAN n 0 COUNT 0 -> ERR syntax error
           SSCAN n 0 NOVALUES -> ERR NOVALUES option can only be used in HSCAN
           SSCAN n 0 TYPE x -> ERR syntax error"#,
    );
}
