//! Replies, effects and events of the commands on keys of any type. What is expected was compared
//! with Redis 8.2.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::keyspace::access::Tracking;
use crate::session::Session;
use crate::testing::Bed;

#[test]
fn keys_are_deleted_and_asked_for() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        MSET a 1 b 2 c 3
        EXISTS a b a nokey -> 3
        TOUCH a nokey a -> 2
        TYPE a -> string
        TYPE nokey -> none
        DBSIZE -> 3
        DEL a nokey a -> 1
        UNLINK b c -> 2
        DBSIZE -> 0
        EXISTS -> ERR wrong number of arguments for 'exists' command
        SET a 1 PX 10
        "#,
    );
    bed.pass(10);
    bed.check("DEL a -> 0\n EXISTS a -> 0\n DBSIZE -> 0");
}

#[test]
fn expiry_is_set_under_conditions() {
    Bed::new().check(
        r#"
        SET a 1
        EXPIRE a x -> ERR value is not an integer or out of range
        EXPIRE a 10 foo -> ERR Unsupported option foo
        EXPIRE a 10 NX XX -> ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE a 10 NX GT -> ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE a 10 GT LT -> ERR GT and LT options at the same time are not compatible
        EXPIRE a 10 XX GT -> 0
        EXPIRE a 10 GT -> 0
        EXPIRE a 10 LT -> 1
        EXPIRE a 20 GT -> 1
        EXPIRE a 5 GT -> 0
        EXPIRE a 20 LT -> 0
        EXPIRE a 5 LT -> 1
        EXPIRE a 7 NX -> 0
        EXPIRE a 7 XX -> 1
        TTL a -> 7
        PTTL a -> 7000
        EXPIRETIME a -> 1000000007
        PEXPIRETIME a -> 1000000007000
        PERSIST a -> 1
        PERSIST a -> 0
        TTL a -> -1
        EXPIRETIME a -> -1
        PEXPIRE a 1499 -> 1
        TTL a -> 1
        PEXPIRE a 1500 -> 1
        TTL a -> 2
        EXPIREAT a 1000000010 -> 1
        TTL a -> 10
        PEXPIREAT a 1000000010500 -> 1
        PTTL a -> 10500
        EXPIRE a 9223372036854775807 -> ERR invalid expire time in 'expire' command
        EXPIRE a -9223372036854775808 -> ERR invalid expire time in 'expire' command
        PEXPIRE a 9223372036854775807 -> ERR invalid expire time in 'pexpire' command
        EXPIREAT a -9223372036854775808 -> ERR invalid expire time in 'expireat' command
        PEXPIREAT a 9223372036854775807 -> 1
        PEXPIREAT a -9223372036854775808 -> 1
        EXISTS a -> 0
        EXPIRE nokey 10 -> 0
        EXPIRE nokey x -> ERR value is not an integer or out of range
        EXPIRE nokey 9223372036854775807 -> ERR invalid expire time in 'expire' command
        TTL nokey -> -2
        PEXPIRETIME nokey -> -2
        PERSIST nokey -> 0
        SET a 1
        EXPIRE a -1 -> 1
        EXISTS a -> 0
        "#,
    );
}

#[test]
fn keys_come_under_other_names() {
    Bed::new().check(
        r#"
        SET a 1 EX 10
        RENAME nokey b -> ERR no such key
        RENAME a a -> OK
        RENAMENX a a -> 0
        RENAME a b -> OK
        TTL b -> 10
        EXISTS a -> 0
        SET c 3
        RENAMENX b c -> 0
        RENAMENX nokey c -> ERR no such key
        RENAME b c -> OK
        GET c -> "1"
        RENAMENX c d -> 1
        COPY d d -> ERR source and destination objects are the same
        COPY nokey e -> 0
        COPY d e -> 1
        TTL e -> 10
        COPY d e -> 0
        SET d 2
        COPY d e REPLACE -> 1
        GET e -> "2"
        TTL e -> -1
        COPY d d DB 1 -> 1
        COPY d d DB 1 -> 0
        COPY d d DB 0 -> ERR source and destination objects are the same
        COPY d e DB 16 -> ERR DB index is out of range
        COPY d e DB x -> ERR value is not an integer or out of range
        COPY d e DB 99999999999 -> ERR value is out of range, value must between -2147483648 and 2147483647
        COPY d e DB -> ERR syntax error
        COPY d e FOO -> ERR syntax error
        MOVE d 1 -> 0
        MOVE d 0 -> ERR source and destination objects are the same
        MOVE d 16 -> ERR DB index is out of range
        MOVE nokey 1 -> 0
        SET m 5 EX 10
        MOVE m 1 -> 1
        EXISTS m -> 0
        SELECT 1 -> OK
        TTL m -> 10
        MGET d m -> ["2" "5"]
        "#,
    );
}

#[test]
fn databases_are_flushed_and_swapped() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        MSET a 1 b 2
        SET v 1 EX 100
        SELECT 3
        SET c 3
        FLUSHDB FOO -> ERR syntax error
        FLUSHDB ASYNC SYNC -> ERR syntax error
        SWAPDB 0 3 -> OK
        MGET a b c -> ["1" "2" nil]
        DBSIZE -> 3
        SWAPDB 3 3 -> OK
        SWAPDB x 1 -> ERR invalid first DB index
        SWAPDB 0 y -> ERR invalid second DB index
        SWAPDB 0 16 -> ERR DB index is out of range
        FLUSHDB -> OK
        DBSIZE -> 0
        SELECT 0
        GET c -> "3"
        FLUSHDB ASYNC -> OK
        SET a 1
        SELECT 5
        SET a 1
        FLUSHALL SYNC -> OK
        DBSIZE -> 0
        SELECT 0
        DBSIZE -> 0
        KEYS * -> []
        SELECT 16 -> ERR DB index is out of range
        SELECT x -> ERR value is not an integer or out of range
        ECHO "a b" -> "a b"
        "#,
    );
    assert_eq!((0..16).map(|db| bed.engine.db_volatile(db)).sum::<usize>(), 0);
}

/// Runs a line in another session.
fn elsewhere(bed: &mut Bed, line: &str) {
    let other = Session::new(bed.engine.next_session_id(), Box::new(()));
    let mine = std::mem::replace(&mut bed.session, other);
    bed.run(line);
    bed.session = mine;
}

#[test]
fn flush_and_swap_touch_watched_keys_that_exist() {
    for (watched, command, aborts) in [
        ("a", "FLUSHDB", true),
        ("nokey", "FLUSHDB", false),
        ("a", "FLUSHALL ASYNC", true),
        ("nokey", "FLUSHALL", false),
        ("a", "SWAPDB 0 1", true),
        ("other", "SWAPDB 0 1", true),
        ("nokey", "SWAPDB 0 1", false),
        ("a", "SWAPDB 1 2", false),
    ] {
        let mut bed = Bed::new();
        bed.check("SELECT 1\n SET other 1\n SELECT 0\n SET a 1");
        bed.run(&format!("WATCH {watched}"));
        elsewhere(&mut bed, command);
        bed.check("MULTI\n ECHO x");
        let expected = if aborts { "nil" } else { "[\"x\"]" };
        assert_eq!(bed.run("EXEC"), expected, "{watched}: {command}");
    }
}

#[test]
fn objects_tell_how_they_are_kept() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        SET a 12
        OBJECT ENCODING a -> "int"
        APPEND a 3
        OBJECT ENCODING a -> "raw"
        COPY a copy -> 1
        OBJECT ENCODING copy -> "raw"
        INCR a -> 124
        OBJECT ENCODING a -> "int"
        SET a 012
        OBJECT ENCODING a -> "embstr"
        SET a ""
        OBJECT ENCODING a -> "embstr"
        SET a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        OBJECT ENCODING a -> "embstr"
        SET a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        OBJECT ENCODING a -> "raw"
        SETRANGE b 0 abc
        OBJECT ENCODING b -> "raw"
        RENAME b c
        OBJECT ENCODING c -> "raw"
        APPEND d 12
        OBJECT ENCODING d -> "int"
        OBJECT REFCOUNT a -> 1
        OBJECT IDLETIME a -> 0
        OBJECT ENCODING nokey -> nil
        OBJECT FOO -> ERR unknown subcommand 'FOO'. Try OBJECT HELP.
        OBJECT ENCODING -> ERR wrong number of arguments for 'object|encoding' command
        "#,
    );
    bed.pass(42_000);
    bed.check(
        "TTL a -> -1\n EXISTS a -> 1\n OBJECT IDLETIME a -> 42\n TOUCH a\n OBJECT IDLETIME a -> 0",
    );
    assert!(bed.run("OBJECT FREQ a").starts_with("ERR An LFU maxmemory policy is not selected"));
    bed.engine.tuning.set_tracking(Tracking::Lfu { log_factor: 10, decay_minutes: 1 });
    bed.check("SET f 1\n OBJECT FREQ f -> 5");
    assert!(bed.run("OBJECT IDLETIME f").starts_with("ERR An LFU maxmemory policy is selected"));
    assert!(bed.run("OBJECT HELP").starts_with("[OBJECT <subcommand>"));
}

#[test]
fn effects_and_events_are_those_of_redis() {
    Bed::new().check_traces(
        "
        MSET a 1 b 2 -> MSET a 1 b 2 | new(a) set(a) new(b) set(b)
        DEL a b nokey -> DEL a b nokey | del(a) del(b)
        SET a 1 -> SET a 1 | new(a) set(a)
        EXPIRE a 100 -> PEXPIREAT a 1000000100000 | expire(a)
        EXPIRE a 100 NX -> |
        PERSIST a -> PERSIST a | persist(a)
        EXPIRE a -1 -> DEL a | del(a)
        SET a 1 -> SET a 1 | new(a) set(a)
        TOUCH a -> |
        RENAME a b -> RENAME a b | new(b) rename_from(a) rename_to(b)
        SET a 2 -> SET a 2 | new(a) set(a)
        RENAME a b -> RENAME a b | new(b) rename_from(a) rename_to(b) overwritten(b)
        RENAME b b -> |
        RENAMENX b c -> RENAMENX b c | new(c) rename_from(b) rename_to(c)
        COPY c d -> COPY c d | new(d) copy_to(d)
        COPY c d -> |
        COPY c d REPLACE -> COPY c d REPLACE | new(d) copy_to(d) overwritten(d)
        MOVE c 1 -> MOVE c 1 | new(c) move_from(c) move_to(c)
        EXISTS c -> | keymiss(c)
        TTL c -> | keymiss(c)
        TYPE c -> | keymiss(c)
        OBJECT ENCODING c -> |
        FLUSHDB -> FLUSHDB |
        FLUSHALL ASYNC -> FLUSHALL ASYNC |
        SWAPDB 0 1 -> SWAPDB 0 1 |
        ",
    );
}

#[test]
fn keys_are_found_by_pattern() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        RANDOMKEY -> nil
        SCAN 0 -> ["0" []]
        SET user:1 x
        KEYS user:1 -> ["user:1"]
        KEYS user:2 -> []
        KEYS us?r:* -> ["user:1"]
        KEYS x* -> []
        RANDOMKEY -> "user:1"
        SCAN 0 -> ["0" ["user:1"]]
        SCAN 0 MATCH user:* COUNT 5 TYPE string -> ["0" ["user:1"]]
        SCAN 0 MATCH x* -> ["0" []]
        SCAN 0 TYPE hash -> ["0" []]
        SCAN 0 TYPE STRING -> ["0" ["user:1"]]
        SCAN x -> ERR invalid cursor
        SCAN -1 -> ERR invalid cursor
        SCAN 18446744073709551616 -> ERR invalid cursor
        SCAN 18446744073709551615 -> ["0" []]
        SCAN +0 -> ["0" ["user:1"]]
        SCAN 0 NOVALUES -> ERR NOVALUES option can only be used in HSCAN
        SCAN 0 COUNT -> ERR syntax error
        SCAN 0 COUNT 0 -> ERR syntax error
        SCAN 0 COUNT x -> ERR value is not an integer or out of range
        SCAN 0 FOO 1 -> ERR syntax error
        SCAN 0 COUNT 9223372036854775807 -> ["0" ["user:1"]]
        MULTI
        SCAN 0
        KEYS *
        RANDOMKEY
        DBSIZE
        EXEC -> [["0" ["user:1"]] ["user:1"] "user:1" 1]
        SET user:1 x PX 5
        "#,
    );
    bed.pass(5);
    bed.check("SCAN 0 -> [\"0\" []]\n KEYS * -> []\n RANDOMKEY -> nil");
}

#[test]
fn random_keys_are_spread() {
    let mut bed = Bed::new();
    bed.check("MSET a 1 b 2 c 3 d 4");
    let seen: HashSet<String> = (0..500).map(|_| bed.run("RANDOMKEY")).collect();
    assert_eq!(seen.len(), 4);
}

/// The cursor and the keys of a reply of SCAN.
fn split(reply: &str) -> (u64, Vec<String>) {
    let inner = reply.strip_prefix("[\"").and_then(|r| r.strip_suffix("]]")).unwrap();
    let (cursor, keys) = inner.split_once("\" [").unwrap();
    let keys = keys.split(' ').filter(|k| !k.is_empty());
    (cursor.parse().unwrap(), keys.map(|k| k.trim_matches('"').to_string()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_scan_finds_every_key_that_stays(
        count in 1usize..300,
        keys in 0usize..3000,
        tagged in any::<bool>(),
        changes in proptest::collection::vec(0usize..6000, 0..400),
    ) {
        let mut bed = Bed::new();
        let name = |n: usize| if tagged { format!("{{tag}}{n}") } else { format!("key:{n}") };
        for n in 0..keys {
            bed.run(&format!("SET {} x", name(n)));
        }
        let mut staying: HashSet<String> = (0..keys).map(name).collect();
        let (mut cursor, mut found, mut rounds) = (0, HashSet::new(), 0);
        let mut changes = changes.into_iter();
        loop {
            let (next, part) = split(&bed.run(&format!("SCAN {cursor} COUNT {count}")));
            prop_assert!(next < 1 << 53);
            found.extend(part);
            rounds += 1;
            // Between calls, other keys come and go.
            if let Some(n) = changes.next() {
                if n % 2 == 0 && n < keys {
                    bed.run(&format!("DEL {}", name(n)));
                    staying.remove(&name(n));
                } else {
                    bed.run(&format!("SET {} x", name(n + keys)));
                }
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        prop_assert!(staying.is_subset(&found));
        prop_assert!(rounds <= (keys + 400) / count + 2, "{} calls", rounds);
    }
}

#[test]
fn changes_are_counted_as_redis_counts_them() {
    let mut bed = Bed::new();
    for (line, changes) in [
        ("RPUSH l a b c d", 4),
        ("LTRIM l 0 -1", 0),
        ("LTRIM l 1 2", 2),
        ("LMOVE l m LEFT LEFT", 1),
        ("RPUSH l x x", 2),
        ("LREM l 0 x", 2),
        ("LPOP l 1", 1),
        ("SADD s a b c", 3),
        ("SMOVE s t a", 2),
        ("SPOP s 2", 2),
        ("ZADD z 1 a 2 b", 2),
        ("ZPOPMIN z 2", 2),
        ("HSET h a 1 b 2", 2),
        ("HDEL h a b c", 2),
        ("PFADD p a b", 3),
        ("SADD u 3 1 2", 3),
        ("SORT u STORE v", 3),
        ("RENAME v w", 1),
        ("COPY w x", 1),
        ("MOVE x 1", 1),
        ("FLUSHDB", 5),
        ("FLUSHDB", 0),
    ] {
        let before = bed.engine.totals().changes;
        bed.run(line);
        assert_eq!(bed.engine.totals().changes - before, changes, "{line}");
    }
    bed.effects();
    bed.run("FLUSHALL");
    assert_eq!(bed.effects(), "FLUSHALL", "it is logged all the same");
}

#[test]
fn what_changes_nothing_is_news_only_where_redis_says_so() {
    let mut bed = Bed::new();
    bed.check("RPUSH l a \n HSET h a 1 b 2 \n HPEXPIRE h 10 FIELDS 1 a");
    for (line, gone) in [("HLEN h", false), ("HGETALL h", false), ("LTRIM l 0 -1", true)] {
        bed.check("WATCH l h");
        bed.pass(20);
        bed.run(line);
        bed.check("MULTI");
        assert_eq!(bed.run("EXEC") == "nil", gone, "{line}");
    }
    bed.check("HLEN h -> 1 \n HGETALL h -> [\"b\" \"2\"] \n HGET h a -> nil");
}
