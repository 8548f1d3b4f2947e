//! Replies, effects and events of the string commands, and random commands against a model.
//! What is expected was compared with Redis 8.2, newer options with their documentation.

use std::collections::HashMap;

use proptest::prelude::*;

use crate::testing::{Bed, show};

#[test]
fn set_obeys_its_options() {
    Bed::new().check(
        r#"
        SET a 1 -> OK
        GET a -> "1"
        SET a 2 NX -> nil
        SET b 2 nx -> OK
        SET c 3 XX -> nil
        SET a 3 XX GET -> "1"
        SET c 3 GET -> nil
        SET c 4 NX GET -> "3"
        GET c -> "3"
        SET a 1 NX NX -> nil
        SET a 1 NX XX -> ERR syntax error
        SET a 1 FOO -> ERR syntax error
        SET a 1 EX -> ERR syntax error
        SET a 1 EX 10 PX 10 -> ERR syntax error
        SET a 1 EX 10 KEEPTTL -> ERR syntax error
        SET a 1 KEEPTTL EX 10 -> ERR syntax error
        SET a 1 EX 10 EX 20 -> OK
        TTL a -> 20
        SET a 1 KEEPTTL -> OK
        TTL a -> 20
        SET a 1 -> OK
        TTL a -> -1
        SET a 1 EX 0 -> ERR invalid expire time in 'set' command
        SET a 1 EX -5 -> ERR invalid expire time in 'set' command
        SET a 1 EX x -> ERR value is not an integer or out of range
        SET a 1 EX 9223372036854775807 -> ERR invalid expire time in 'set' command
        SET a 1 PX 9223372036854775807 -> ERR invalid expire time in 'set' command
        SET a 1 EXAT 0 -> ERR invalid expire time in 'set' command
        SET a 1 PXAT 1 -> OK
        GET a -> nil
        SET a 1 PXAT 1000000005000 -> OK
        PTTL a -> 5000
        SET a 1 EXAT 1000000007 -> OK
        PTTL a -> 7000
        SET -> ERR wrong number of arguments for 'set' command
        "#,
    );
}

#[test]
fn set_compares_values_and_digests() {
    Bed::new().check(
        r#"
        SET a 1 IFEQ 1 -> nil
        EXISTS a -> 0
        SET a 1 IFNE 1 -> OK
        SET a 2 IFNE 1 -> nil
        SET a 2 IFEQ 1 GET -> "1"
        SET a 3 IFEQ 1 GET -> "2"
        GET a -> "2"
        SET a "Hello world"
        DIGEST a -> "b6acb9d84a38ff74"
        SET a x IFDEQ b6acb9d84a38ff75 -> nil
        SET a x IFDNE B6ACB9D84A38FF74 -> nil
        SET a x IFDEQ B6acb9d84a38ff74 -> OK
        SET a y IFDEQ abc -> ERR must be exactly 16 hexadecimal characters
        SET a y IFEQ x NX -> ERR syntax error
        SET a y IFEQ -> ERR syntax error
        DIGEST nokey -> nil
        INCR n
        SET n 5 IFEQ 1 -> OK
        DELEX n IFEQ 6 -> 0
        DELEX n IFNE 5 -> 0
        DELEX n IFDNE 0000000000000000 -> 1
        DELEX n -> 0
        DELEX a IFEQ -> ERR wrong number of arguments for 'delex' command
        DELEX a FOO x -> ERR syntax error
        DELEX a -> 1
        "#,
    );
}

#[test]
fn strings_are_returned_and_removed() {
    Bed::new().check(
        r#"
        SETNX a 1 -> 1
        SETNX a 2 -> 0
        SETEX a 10 x -> OK
        TTL a -> 10
        SETEX a 0 x -> ERR invalid expire time in 'setex' command
        PSETEX a -1 x -> ERR invalid expire time in 'psetex' command
        SETEX a x x -> ERR value is not an integer or out of range
        PSETEX a 10 y -> OK
        GETSET a z -> "y"
        PTTL a -> -1
        GETSET new z -> nil
        GETDEL new -> "z"
        GETDEL new -> nil
        GETEX a -> "z"
        GETEX a EX 10 -> "z"
        TTL a -> 10
        GETEX a PERSIST -> "z"
        TTL a -> -1
        GETEX a EX 10 PERSIST -> ERR syntax error
        GETEX a FOO -> ERR syntax error
        GETEX a EX 0 -> ERR invalid expire time in 'getex' command
        GETEX nokey EX 0 -> nil
        GETEX a PXAT 1 -> "z"
        EXISTS a -> 0
        MSET a 1 b 2 a 3 -> OK
        MSET a 1 b -> ERR wrong number of arguments for 'mset' command
        MGET a b c -> ["3" "2" nil]
        MSETNX c 1 a 2 -> 0
        EXISTS c -> 0
        MSETNX c 1 d 2 c 3 -> 1
        MGET c d -> ["3" "2"]
        STRLEN c -> 1
        STRLEN nokey -> 0
        "#,
    );
}

#[test]
fn msetex_sets_all_or_nothing() {
    Bed::new().check(
        r#"
        MSETEX 2 a 1 b 2 EX 10 -> 1
        MGET a b -> ["1" "2"]
        TTL b -> 10
        MSETEX 2 a 1 c 2 NX -> 0
        MSETEX 2 a 1 c 2 XX -> 0
        MSETEX 2 a 3 b 4 XX KEEPTTL -> 1
        TTL a -> 10
        MSETEX 1 a 5 -> 1
        TTL a -> -1
        MSETEX 0 a 5 -> ERR invalid numkeys value
        MSETEX x a 5 -> ERR invalid numkeys value
        MSETEX 2 a 5 -> ERR wrong number of key-value pairs
        MSETEX 1 a 5 NX XX -> ERR syntax error
        MSETEX 1 a 5 EX 1 KEEPTTL -> ERR syntax error
        MSETEX 1 a 5 EX 0 -> ERR invalid expire time in 'msetex' command
        "#,
    );
}

#[test]
fn strings_are_edited_in_place() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        APPEND a abc -> 3
        APPEND a "" -> 3
        APPEND a def -> 6
        GET a -> "abcdef"
        SETRANGE a 1 XY -> 6
        GET a -> "aXYdef"
        SETRANGE a 8 z -> 9
        GET a -> "aXYdef\x00\x00z"
        SETRANGE b 0 "" -> 0
        EXISTS b -> 0
        SETRANGE b 3 x -> 4
        GET b -> "\x00\x00\x00x"
        SETRANGE a -1 x -> ERR offset is out of range
        SETRANGE a x x -> ERR value is not an integer or out of range
        SETRANGE a 536870912 x -> ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE a 9223372036854775807 xx -> ERR string exceeds maximum allowed size (proto-max-bulk-len)
        INCR n
        APPEND n 0 -> 2
        INCR n -> 11
        SETRANGE n 0 2
        GET n -> "21"
        SET s 0123456789
        GETRANGE s 0 -1 -> "0123456789"
        GETRANGE s -3 -1 -> "789"
        GETRANGE s -1 -3 -> ""
        GETRANGE s 0 -100 -> "0"
        GETRANGE s -100 -100 -> "0"
        GETRANGE s 9 20 -> "9"
        GETRANGE s 10 20 -> ""
        SUBSTR s 5 3 -> ""
        GETRANGE s -9223372036854775808 9223372036854775807 -> "0123456789"
        GETRANGE s a 1 -> ERR value is not an integer or out of range
        GETRANGE nokey 0 1 -> ""
        "#,
    );
    bed.engine.tuning.max_bulk_len.store(5, std::sync::atomic::Ordering::Relaxed);
    bed.check(
        "SET t 1234
         APPEND t 5 -> 5
         APPEND t 6 -> ERR string exceeds maximum allowed size (proto-max-bulk-len)
         SETRANGE t 5 6 -> ERR string exceeds maximum allowed size (proto-max-bulk-len)",
    );
}

#[test]
fn a_long_string_grows_by_appending() {
    let mut bed = Bed::new();
    for n in 1..=2000 {
        assert_eq!(bed.run("APPEND a 0123456789"), (n * 10).to_string());
    }
    bed.check(
        r#"
        GETRANGE a 19995 -1 -> "56789"
        SETRANGE a 10 x -> 20000
        GETRANGE a 9 11 -> "9x1"
        "#,
    );
}

#[test]
fn counters_count_within_64_bits() {
    Bed::new().check(
        r#"
        INCR n -> 1
        INCRBY n 41 -> 42
        DECR n -> 41
        DECRBY n 50 -> -9
        GET n -> "-9"
        INCRBY n x -> ERR value is not an integer or out of range
        SET n 9223372036854775807
        INCR n -> ERR increment or decrement would overflow
        SET n -9223372036854775808
        DECR n -> ERR increment or decrement would overflow
        DECRBY n -9223372036854775808 -> ERR decrement would overflow
        SET n " 1"
        INCR n -> ERR value is not an integer or out of range
        SET n 5 EX 10
        INCR n -> 6
        TTL n -> 10
        "#,
    );
}

#[test]
fn counters_count_in_floating_point() {
    Bed::new().check(
        r#"
        INCRBYFLOAT f 10.5 -> "10.5"
        INCRBYFLOAT f 0.1 -> "10.6"
        INCRBYFLOAT f -5 -> "5.6"
        SET f 3.0e3
        INCRBYFLOAT f 200 -> "3200"
        INCR f -> 3201
        INCRBYFLOAT f 0.5 -> "3201.5"
        INCR f -> ERR value is not an integer or out of range
        INCRBYFLOAT f abc -> ERR value is not a valid float
        INCRBYFLOAT f nan -> ERR value is not a valid float
        INCRBYFLOAT f inf -> ERR increment would produce NaN or Infinity
        SET f abc
        INCRBYFLOAT f 1 -> ERR value is not a valid float
        SET f 0.1
        INCRBYFLOAT f -0.1 -> "0"
        "#,
    );
}

#[test]
fn increx_counts_within_bounds() {
    let mut bed = Bed::new();
    bed.check(
        r#"
        INCREX a -> [1 1]
        INCREX a BYINT 5 -> [6 5]
        INCREX a BYINT 5 UBOUND 10 -> [6 0]
        INCREX a BYINT 5 UBOUND 10 SATURATE -> [10 4]
        INCREX a BYINT -20 LBOUND 0 SATURATE -> [0 -10]
        INCREX a EX 100 -> [1 1]
        TTL a -> 100
        INCREX a EX 10 ENX -> [2 1]
        TTL a -> 100
        INCREX a BYINT 9 UBOUND 5 PERSIST -> [2 0]
        TTL a -> 100
        INCREX a PERSIST -> [3 1]
        TTL a -> -1
        INCREX a EX 10 ENX -> [4 1]
        TTL a -> 10
        SET a 9223372036854775807
        INCREX a -> [9223372036854775807 0]
        INCREX a SATURATE -> [9223372036854775807 0]
        INCREX a UBOUND -5 SATURATE -> ERR increment or decrement would overflow
        INCREX new UBOUND 0 -> [0 0]
        EXISTS new -> 0
        INCREX new PXAT 1 -> [1 1]
        EXISTS new -> 0
        SET f 1.5
        INCREX f -> ERR value is not an integer or out of range
        INCREX f BYFLOAT 0.25 -> ["1.75" "0.25"]
        INCREX f BYFLOAT 1 UBOUND 2 -> ["1.75" "0"]
        INCREX f BYFLOAT 1 UBOUND 2 SATURATE -> ["2" "0.25"]
        INCREX f BYFLOAT -9 LBOUND -1.5 SATURATE -> ["-1.5" "-3.5"]
        INCREX f BYFLOAT inf -> ERR increment would produce NaN or Infinity
        INCREX f BYFLOAT x -> ERR value is not a valid float
        INCREX a BYINT 1 BYFLOAT 1 -> ERR syntax error
        INCREX a ENX -> ERR syntax error
        INCREX a ENX PERSIST -> ERR syntax error
        INCREX a EX 10 PERSIST -> ERR syntax error
        INCREX a BYINT -> ERR syntax error
        INCREX a EX 0 -> ERR invalid expire time in 'increx' command
        DEL a
        "#,
    );
    bed.check_traces(
        "
        INCREX a EX 10 -> SET a 1 PXAT 1000000010000 | new(a) incrby(a) expire(a)
        INCREX a -> SET a 2 PXAT 1000000010000 | incrby(a)
        INCREX a UBOUND 0 -> |
        INCREX a PERSIST -> SET a 3 | incrby(a) persist(a)
        INCREX a PXAT 1 -> DEL a | incrby(a) del(a)
        ",
    );
}

#[test]
fn other_types_are_refused() {
    let mut bed = Bed::new();
    bed.run("RPUSH l 1");
    for command in [
        "SET l 1 GET",
        "SET l 1 NX GET",
        "SET l 1 IFEQ 1",
        "GET l",
        "GETSET l 1",
        "GETDEL l",
        "GETEX l EX 0",
        "APPEND l 1",
        "STRLEN l",
        "SETRANGE l 0 a",
        "SETRANGE l 0 \"\"",
        "SETRANGE l 536870912 a",
        "GETRANGE l 0 1",
        "DIGEST l",
        "INCR l",
        "INCRBYFLOAT l abc",
        "INCREX l",
        "SETBIT l 0 1",
        "GETBIT l 0",
        "BITCOUNT l",
        "BITPOS l 1",
        "BITOP AND d l",
        "BITFIELD l GET u8 0",
        "BITFIELD l SET u8 0 1",
    ] {
        let error = "WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(bed.run(command), error, "{command}");
    }
    bed.check(
        r#"
        LCS l a -> ERR The specified keys must contain string values
        DELEX l IFEQ 1 -> ERR Key should be of string type if conditions are specified
        MGET l x -> [nil nil]
        SETNX l 1 -> 0
        TYPE l -> list
        SCAN 0 TYPE list -> ["0" ["l"]]
        SCAN 0 TYPE string -> ["0" []]
        COPY l m -> 1
        LRANGE m 0 -1 -> ["1"]
        RPUSH m 2 -> 2
        LLEN l -> 1
        "#,
    );
    bed.check_traces(
        "
        SET l 1 -> SET l 1 | overwritten(l) type_changed(l) set(l)
        RENAME m l -> RENAME m l | new(l) rename_from(m) rename_to(l) overwritten(l) type_changed(l)
        BITOP NOT l n -> BITOP NOT l n | keymiss(n) del(l)
        ",
    );
}

#[test]
fn the_longest_common_subsequence_is_found() {
    Bed::new().check(
        r#"
        MSET k1 ohmytext k2 mynewtext
        LCS k1 k2 -> "mytext"
        LCS k1 k2 LEN -> 6
        LCS k1 k2 IDX -> ["matches" [[[4 7] [5 8]] [[2 3] [0 1]]] "len" 6]
        LCS k1 k2 IDX MINMATCHLEN 4 -> ["matches" [[[4 7] [5 8]]] "len" 6]
        LCS k1 k2 IDX MINMATCHLEN -4 WITHMATCHLEN -> ["matches" [[[4 7] [5 8] 4] [[2 3] [0 1] 2]] "len" 6]
        LCS k1 k2 WITHMATCHLEN -> "mytext"
        LCS k1 no -> ""
        LCS k1 no IDX -> ["matches" [] "len" 0]
        LCS k1 k2 LEN IDX -> ERR If you want both the length and indexes, please just use IDX.
        LCS k1 k2 FOO -> ERR syntax error
        LCS k1 k2 MINMATCHLEN -> ERR syntax error
        LCS k1 k2 MINMATCHLEN x -> ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn effects_and_events_are_those_of_redis() {
    Bed::new().check_traces(
        "
        SET a 1 -> SET a 1 | new(a) set(a)
        SET a 2 -> SET a 2 | overwritten(a) set(a)
        SET a 3 EX 100 -> SET a 3 PXAT 1000000100000 | overwritten(a) set(a) expire(a)
        SET a 3 NX -> |
        SET a 3 XX PX 1000 GET -> SET a 3 PXAT 1000000001000 | overwritten(a) set(a) expire(a)
        SET a 1 KEEPTTL -> SET a 1 KEEPTTL | overwritten(a) set(a)
        SETEX a 100 2 -> SET a 2 PXAT 1000000100000 | overwritten(a) set(a) expire(a)
        SETNX b 1 -> SETNX b 1 | new(b) set(b)
        SETNX b 1 -> |
        GETSET a x -> SET a x | overwritten(a) set(a)
        GETSET c x -> SET c x | keymiss(c) new(c) set(c)
        GETDEL c -> DEL c | del(c)
        GETDEL c -> | keymiss(c)
        GETEX a -> |
        GETEX a EX 100 -> PEXPIREAT a 1000000100000 | expire(a)
        GETEX a PERSIST -> PERSIST a | persist(a)
        GETEX a PERSIST -> |
        GETEX a PXAT 1 -> DEL a | del(a)
        MSET p 1 q 2 p 3 -> MSET p 1 q 2 p 3 | new(p) set(p) new(q) set(q) overwritten(p) set(p)
        MSETNX p 1 -> |
        MSETEX 1 r 1 EX 5 NX -> MSETEX 1 r 1 PXAT 1000000005000 | new(r) set(r) expire(r)
        DELEX r IFEQ 1 -> DEL r | del(r)
        APPEND z abc -> APPEND z abc | new(z) append(z)
        SETRANGE z 1 x -> SETRANGE z 1 x | setrange(z)
        SETRANGE z 1 \"\" -> |
        INCR n -> INCR n | new(n) incrby(n)
        DECRBY n 2 -> DECRBY n 2 | incrby(n)
        INCRBYFLOAT n 1.5 -> SET n 0.5 KEEPTTL | incrbyfloat(n)
        ",
    );
}

/// What a random command does, on keys `0..KEYS`.
#[derive(Clone, Debug)]
enum Op {
    Set(u8, Vec<u8>),
    SetFor(u8, Vec<u8>, i64),
    SetNx(u8, Vec<u8>),
    Get(u8),
    GetSet(u8, Vec<u8>),
    GetDel(u8),
    Append(u8, Vec<u8>),
    SetRange(u8, u8, Vec<u8>),
    GetRange(u8, i8, i8),
    IncrBy(u8, i64),
    Pass(i64),
}

const KEYS: u8 = 4;

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-9i64..100).prop_map(|n| n.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(any::<u8>(), 4090..4100),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..KEYS;
    prop_oneof![
        (key(), value()).prop_map(|(k, v)| Op::Set(k, v)),
        (key(), value(), 1i64..50).prop_map(|(k, v, t)| Op::SetFor(k, v, t)),
        (key(), value()).prop_map(|(k, v)| Op::SetNx(k, v)),
        key().prop_map(Op::Get),
        (key(), value()).prop_map(|(k, v)| Op::GetSet(k, v)),
        key().prop_map(Op::GetDel),
        (key(), value()).prop_map(|(k, v)| Op::Append(k, v)),
        (key(), any::<u8>(), value()).prop_map(|(k, at, v)| Op::SetRange(k, at, v)),
        (key(), any::<i8>(), any::<i8>()).prop_map(|(k, a, b)| Op::GetRange(k, a, b)),
        (key(), -100i64..100).prop_map(|(k, n)| Op::IncrBy(k, n)),
        (1i64..60).prop_map(Op::Pass),
    ]
}

/// Keys with their values and expiries.
#[derive(Default)]
struct Model {
    keys: HashMap<u8, (Vec<u8>, Option<i64>)>,
    now: i64,
}

impl Model {
    fn get(&mut self, key: u8) -> Option<Vec<u8>> {
        let now = self.now;
        self.keys.retain(|_, (_, at)| at.is_none_or(|at| at > now));
        self.keys.get(&key).map(|(value, _)| value.clone())
    }

    /// Changes a value and leaves the expiry.
    fn edit(&mut self, key: u8, value: Vec<u8>) {
        self.keys.entry(key).or_default().0 = value;
    }

    /// Runs a command; returns the reply in the form of [`show`].
    fn run(&mut self, op: &Op) -> String {
        let text = |value: &Option<Vec<u8>>| match value {
            Some(value) => format!("\"{}\"", value.escape_ascii()),
            None => "nil".into(),
        };
        match op {
            Op::Set(k, v) => {
                self.keys.insert(*k, (v.clone(), None));
                "OK".into()
            }
            Op::SetFor(k, v, t) => {
                self.keys.insert(*k, (v.clone(), Some(self.now + t)));
                "OK".into()
            }
            Op::SetNx(k, v) => {
                let free = self.get(*k).is_none();
                if free {
                    self.keys.insert(*k, (v.clone(), None));
                }
                i64::from(free).to_string()
            }
            Op::Get(k) => text(&self.get(*k)),
            Op::GetSet(k, v) => {
                let old = self.get(*k);
                self.keys.insert(*k, (v.clone(), None));
                text(&old)
            }
            Op::GetDel(k) => {
                let old = self.get(*k);
                self.keys.remove(k);
                text(&old)
            }
            Op::Append(k, v) => {
                let mut value = self.get(*k).unwrap_or_default();
                value.extend(v);
                let len = value.len();
                self.edit(*k, value);
                len.to_string()
            }
            Op::SetRange(k, at, v) => {
                let mut value = self.get(*k).unwrap_or_default();
                if !v.is_empty() {
                    let at = usize::from(*at);
                    value.resize(value.len().max(at + v.len()), 0);
                    value[at..at + v.len()].copy_from_slice(v);
                    self.edit(*k, value.clone());
                }
                value.len().to_string()
            }
            Op::GetRange(k, a, b) => {
                let value = self.get(*k).unwrap_or_default();
                text(&Some(range(&value, i64::from(*a), i64::from(*b))))
            }
            Op::IncrBy(k, n) => self.incr(*k, *n),
            Op::Pass(t) => {
                self.now += t;
                String::new()
            }
        }
    }

    fn incr(&mut self, key: u8, by: i64) -> String {
        let value = self.get(key).unwrap_or_else(|| b"0".to_vec());
        let text = String::from_utf8_lossy(&value).into_owned();
        match text.parse::<i64>() {
            Ok(n) if n.to_string() == text => match n.checked_add(by) {
                Some(sum) => {
                    self.edit(key, sum.to_string().into_bytes());
                    sum.to_string()
                }
                None => "ERR increment or decrement would overflow".into(),
            },
            _ => "ERR value is not an integer or out of range".into(),
        }
    }
}

/// GETRANGE by asking every position.
fn range(value: &[u8], start: i64, end: i64) -> Vec<u8> {
    let len = value.len() as i64;
    if start < 0 && end < 0 && start > end {
        return Vec::new();
    }
    let start = if start < 0 { (len + start).max(0) } else { start };
    let end = if end < 0 { (len + end).max(0) } else { end };
    let inside = |at: &i64| (start..=end).contains(at);
    (0..len).filter(inside).map(|at| value[at as usize]).collect()
}

fn run(bed: &mut Bed, op: &Op) -> String {
    let text = |n: &dyn ToString| n.to_string().into_bytes();
    let (name, key, rest): (&str, u8, Vec<Vec<u8>>) = match op {
        Op::Set(k, v) => ("SET", *k, vec![v.clone()]),
        Op::SetFor(k, v, t) => ("SET", *k, vec![v.clone(), b"PX".to_vec(), text(t)]),
        Op::SetNx(k, v) => ("SETNX", *k, vec![v.clone()]),
        Op::Get(k) => ("GET", *k, vec![]),
        Op::GetSet(k, v) => ("GETSET", *k, vec![v.clone()]),
        Op::GetDel(k) => ("GETDEL", *k, vec![]),
        Op::Append(k, v) => ("APPEND", *k, vec![v.clone()]),
        Op::SetRange(k, at, v) => ("SETRANGE", *k, vec![text(at), v.clone()]),
        Op::GetRange(k, a, b) => ("GETRANGE", *k, vec![text(a), text(b)]),
        Op::IncrBy(k, n) => ("INCRBY", *k, vec![text(n)]),
        Op::Pass(t) => {
            bed.pass(*t);
            return String::new();
        }
    };
    let key = text(&key);
    let mut args: Vec<&[u8]> = vec![name.as_bytes(), &key];
    args.extend(rest.iter().map(Vec::as_slice));
    show(&bed.call(&args))
}

proptest! {
    #[test]
    fn random_commands_agree_with_a_map(ops in proptest::collection::vec(op(), 1..120)) {
        let mut bed = Bed::new();
        let mut model = Model { now: crate::testing::START, ..Model::default() };
        for op in &ops {
            prop_assert_eq!(run(&mut bed, op), model.run(op), "{:?}", op);
        }
        model.get(0);
        prop_assert_eq!(bed.engine.db_size(0) >= model.keys.len(), true);
    }
}
