use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::keyspace::{Capture, Entry, FrozenEntry, Pairs, Scope, Sink};
use crate::rdb::file::skip_value;
use crate::testing::Bed;
use crate::types;

/// Commands that make values of every form, by the key `k`.
pub(super) const VALUES: [&str; 24] = [
    "SET k text",
    "SET k 12345678901",
    "SET k -7",
    "SET k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "RPUSH k a b 1 2 -300000",
    "LIMIT list 2; RPUSH k a b c d e 6 7 8 9",
    "SADD k 1 2 70000 -5",
    "SADD k 1 a b c",
    "LIMIT set 2; SADD k 1 a b c d",
    "SADD k a b c; SPEXPIREAT k 60000000000000 MEMBERS 2 a b",
    "ZADD k 1 a 2.5 b -inf c 1e300 d",
    "LIMIT zset 2; ZADD k 1 a 2.5 b -inf c +inf d",
    "ZADD k 1 a 2 b; ZPEXPIREAT k 60000000000000 MEMBERS 1 b",
    "HSET k a 1 b 2 3 c",
    "LIMIT hash 1; HSET k a 1 b 2 3 c",
    "HSET k a 1 b 2 c 3; HPEXPIREAT k 60000000000000 FIELDS 2 a c; HPEXPIREAT k 60000000000009 FIELDS 1 b",
    "LIMIT hash 1; HSET k a 1 b 2; HPEXPIREAT k 60000000000000 FIELDS 1 a",
    "XADD k 1-1 a b; XADD k 2-1 a c; XADD k 3-9 other d; XDEL k 2-1",
    "XGROUP CREATE k g $ MKSTREAM",
    "XADD k 1-1 a b; XADD k 2-1 a c; XADD k 3-1 a c; XGROUP CREATE k g 0; XGROUP CREATE k h 0; \
     XREADGROUP GROUP g one COUNT 2 STREAMS k >; XREADGROUP GROUP g two STREAMS k >; \
     XGROUP CREATECONSUMER k g idle",
    "XADD k 1-1 a b; XADD k 2-1 a c; XGROUP CREATE k g 0; XREADGROUP GROUP g one STREAMS k >; \
     XNACK k g FAIL IDS 1 1-1",
    "XADD k IDMP p i * a b; XCFGSET k IDMP-DURATION 7 IDMP-MAXSIZE 3; XADD k IDMP p j * a b",
    "ARMSET k 0 a 5 b 1000000 c; ARSEEK k 9",
    "PFADD k a b c d",
];

/// The value of `k`, its type byte and its RDB form.
pub(super) fn saved(bed: &Bed, version: u16, compress: bool) -> (u8, Vec<u8>) {
    bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
        let mut out = Writer::new(version, compress);
        let kind = save(space.peek(b"k").expect("there is a value").value(), &mut out);
        (kind.expect("it can be expressed"), out.as_bytes().to_vec())
    })
}

/// As [`saved`], a bit at a time.
fn saved_in_slices(bed: &Bed, version: u16) -> Option<(u8, Vec<u8>)> {
    bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
        let mut frozen = space.lookup_mut(b"k")?.object_mut()?.freeze(2)?;
        let mut out = Writer::new(version, false);
        while frozen.save_next(&mut out) {}
        Some((frozen.rdb_kind(version), out.as_bytes().to_vec()))
    })
}

#[test]
fn what_is_saved_in_slices_is_the_same() {
    for (line, count) in [("RPUSH k", 1000), ("RPUSH k", 40), ("XADD k * f", 900)] {
        let mut bed = Bed::new();
        bed.engine.config.set(&[(b"list-max-listpack-size", b"5")], false).expect("a number");
        for n in 0..count {
            bed.run(&format!("{line} {n}"));
        }
        bed.run("XGROUP CREATE k g 0");
        bed.run("XREADGROUP GROUP g one COUNT 20 STREAMS k >");
        for version in [10, 11, 13, 14] {
            let whole = saved(&bed, version, false);
            assert_eq!(saved_in_slices(&bed, version), Some(whole), "{line}");
        }
    }
    let mut bed = Bed::new();
    for n in 0..20_000 {
        bed.run(&format!("ARSET k {} value{n}", n * 7));
    }
    for version in [11, 14] {
        assert_eq!(saved_in_slices(&bed, version), Some(saved(&bed, version, false)));
    }
    let mut bed = Bed::new();
    bed.run("RPUSH k a b");
    assert_eq!(saved_in_slices(&bed, 11), None, "a short one is not worth it");
}

#[test]
fn a_stream_in_a_form_of_its_own_comes_back_from_slices() {
    let mut bed = Bed::new();
    (1..5000).for_each(|n| drop(bed.run(&format!("XADD k {n}-1 field value{n}"))));
    (0..500).for_each(|n| drop(bed.run(&format!("XADD k IDMP p{} i{n} * field value", n % 9))));
    bed.run("XGROUP CREATE k g 0");
    bed.run("XREADGROUP GROUP g one COUNT 20 STREAMS k >");
    bed.run("XNACK k g FAIL IDS 1 3-1");
    for (version, expected) in [(11, kind::MODULE), (13, kind::MODULE), (14, kind::STREAM_5)] {
        let (kind, bytes) = saved_in_slices(&bed, version).expect("it is large");
        assert_eq!(kind, expected);
        let back = loaded(&bed, kind, &bytes).expect("it is whole").expect("it is not empty");
        bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
            let entry = space.peek(b"k").expect("it is still there");
            assert!(described(&Entry::new(b"k", back, None)) == described(entry));
        });
        for cut in (0..bytes.len()).step_by(997) {
            assert!(loaded(&bed, kind, &bytes[..cut]).is_err());
        }
    }
}

/// Takes the one value of a snapshot that comes in parts.
#[derive(Default)]
struct PartsSink(Mutex<(u8, Vec<u8>)>);

impl PartsSink {
    fn put(&self, capture: &Capture, work: impl FnOnce(&mut Writer)) {
        let mut out = Writer::new(12, false);
        work(&mut out);
        let mut all = self.0.lock().unwrap();
        all.0 = kind_of(capture);
        all.1.extend_from_slice(out.as_bytes());
    }
}

impl Sink for PartsSink {
    fn entry(&self, _: usize, _: &Entry) -> bool {
        unreachable!("the value is large")
    }

    fn begin_parts(&self, capture: &Capture) {
        self.put(capture, |out| begin_parts(capture, out).expect("version 12 has all"));
    }

    fn part(&self, capture: &Capture, elements: &Pairs) {
        self.put(capture, |out| save_part(capture, elements, out));
    }

    fn end_parts(&self, capture: &Capture) {
        self.put(capture, |out| end_parts(capture, out));
    }

    fn frozen(&self, _: &mut FrozenEntry, _: bool) -> bool {
        unreachable!("it is a collection")
    }
}

#[test]
fn what_is_saved_in_parts_comes_back() {
    for (add, expire) in [
        ("SADD k {}", "SPEXPIREAT k 6000000000000{} MEMBERS 1 {}"),
        ("HSET k {} value{}", "HPEXPIREAT k 6000000000000{} FIELDS 1 {}"),
        ("ZADD k {} {}", "ZPEXPIREAT k 6000000000000{} MEMBERS 1 {}"),
    ] {
        for every in [usize::MAX, 3] {
            let mut bed = Bed::new();
            for n in 0..5000 {
                bed.run(&add.replace("{}", &format!("{n}")));
                if n % every == 1 {
                    bed.run(&expire.replace("{}", &format!("{n}")));
                }
            }
            let sink = Arc::new(PartsSink::default());
            let snapshot =
                bed.engine.begin_snapshot(&bed.worker, Arc::<PartsSink>::clone(&sink), |_| {});
            let (snapshot, mut walk) = (snapshot.expect("none is running"), Default::default());
            while bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk) {}
            let (kind, bytes) = std::mem::take(&mut *sink.0.lock().unwrap());
            let value = loaded(&bed, kind, &bytes).expect("it is whole").expect("it is not empty");
            let mut back = Entry::new(b"k", value, None);
            let present = bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
                elements(space.lookup_mut(b"k").expect("it is still there"))
            });
            assert_eq!(present.len(), 5000);
            assert!(elements(&mut back) == present, "{add}");
        }
    }
}

/// The elements of a large collection, with their deadlines.
fn elements(entry: &mut Entry) -> BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> {
    let (parts, mut all, mut cursor) = (entry.parts().expect("it is large"), BTreeMap::new(), 0);
    loop {
        cursor = parts.scan_parts(cursor, &mut |_, first, second, at| {
            all.insert(first.to_vec(), (second.to_vec(), at));
        });
        if cursor == 0 {
            return all;
        }
    }
}

pub(super) fn loaded(bed: &Bed, kind: u8, bytes: &[u8]) -> Result<Option<Value>, RdbError> {
    let limits = &bed.engine.tuning.limits;
    let context = Context { limits, modules: &bed.engine.modules, now: Some(0), templates: None };
    let mut input = Reader::new(bytes, 0);
    let value = load(&mut input, kind, context)?;
    assert!(input.rest().is_empty(), "all of it is read");
    Ok(value)
}

/// A value as the commands that make it, and its encoding.
pub(super) fn described(entry: &Entry) -> String {
    let mut text = String::new();
    match entry.value() {
        ValueRef::Bytes(bytes) => text = format!("{bytes:?}"),
        ValueRef::Int(n) => text = n.to_string(),
        ValueRef::Object(object) => {
            text.push_str(object.encoding());
            object.rebuild(b"k", &mut |words| {
                let words: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w)).collect();
                text.push_str(&format!("\n{}", words.join(" ")));
            });
        }
    }
    // Elements of tables come in no order.
    let mut lines: Vec<&str> = text.split(['\n', ' ']).collect();
    lines.sort_unstable();
    lines.join(" ")
}

/// Lowers the number of elements from which a type takes its large form.
fn set_limit(bed: &Bed, limit: &str) {
    let limits = &bed.engine.tuning.limits;
    let (family, entries) = limit.split_once(' ').expect("a family and a number");
    let entries: usize = entries.parse().expect("a number");
    match family {
        "list" => limits.set_list(entries as i64),
        "set" => limits.set_set(types::set::Limit { entries, ..limits.set() }),
        "zset" => limits.set_zset(types::zset::Limit { entries, ..limits.zset() }),
        _ => limits.set_hash(types::hash::Limit { entries, ..limits.hash() }),
    }
}

pub(super) fn bed(commands: &str) -> Bed {
    let mut bed = Bed::new();
    for command in commands.split("; ") {
        if let Some(limit) = command.strip_prefix("LIMIT ") {
            set_limit(&bed, limit);
            continue;
        }
        let reply = bed.run(command.trim());
        assert!(!reply.starts_with("ERR"), "{command}: {reply}");
    }
    bed
}

#[test]
fn every_form_comes_back() {
    for commands in VALUES {
        let bed = bed(commands);
        for (version, compress) in [(12, false), (12, true), (13, false), (14, false), (15, true)] {
            let (kind, bytes) = saved(&bed, version, compress);
            let value = loaded(&bed, kind, &bytes).expect(commands).expect(commands);
            let mut skipped = Reader::new(&bytes, 0);
            skip_value(&mut skipped, kind, None).expect(commands);
            assert!(skipped.rest().is_empty(), "{commands}: a walk over a file finds its end");
            let before = bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
                described(space.peek(b"k").expect("there is a value"))
            });
            assert_eq!(described(&Entry::new(b"k", value, None)), before, "{commands}");
        }
    }
}

#[test]
fn what_redis_7_0_loads_is_written_on_request() {
    for (commands, kind) in [
        ("SADD k 1 a b c", kind::SET),
        ("XADD k 1-1 a b", kind::STREAM_2),
        ("RPUSH k a", kind::LIST_QUICKLIST_2),
        ("HSET k a b", kind::HASH_LISTPACK),
    ] {
        assert_eq!(saved(&bed(commands), 10, true).0, kind, "{commands}");
    }
}

#[test]
fn elements_whose_time_is_over_are_left_out() {
    let bed = bed("HSET k a 1 b 2; HPEXPIREAT k 60000000000000 FIELDS 1 a");
    let (kind, bytes) = saved(&bed, 12, false);
    let limits = &bed.engine.tuning.limits;
    let context =
        Context { limits, modules: &bed.engine.modules, now: Some(i64::MAX), templates: None };
    let value = load(&mut Reader::new(&bytes, 0), kind, context).unwrap().unwrap();
    assert!(described(&Entry::new(b"k", value, None)).ends_with("HSET b k listpack"));
}

#[test]
fn an_unknown_type_is_named() {
    let bed = bed("SET k v");
    let error = loaded(&bed, 40, b"").err().expect("nobody knows it").to_string();
    assert!(error.contains("type 40") && error.contains("32 is the newest"), "{error}");
}

#[test]
fn what_is_shaped_well_and_makes_no_sense_is_refused() {
    let bed = bed("SET k v");
    let text = |kind, bytes: &[u8]| match loaded(&bed, kind, bytes) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.of_value(kind).to_string(),
    };
    let empty = text(kind::LIST_QUICKLIST_2, b"\x01\x01\x00");
    assert_eq!(empty, "List integrity check failed: a node without bytes at offset 3");
    let twice = b"\x17\x17\0\0\0\x04\0\x82a\0\x03\x82b\0\x03\x82a\0\x03\x82d\0\x03\xff";
    let twice = text(kind::HASH_LISTPACK, twice);
    assert!(twice.contains("listpack with dup elements"), "{twice}");
}

#[test]
fn an_unknown_module_is_named() {
    let bed = Bed::new();
    let mut out = Writer::new(11, false);
    out.module_id("MBbloom--", 4);
    out.module_end();
    let error = loaded(&bed, kind::MODULE, out.as_bytes()).err().expect("it is unknown");
    assert!(error.to_string().contains("MBbloom--"), "{error}");
}

/// Old forms, as Redis 2.4 to 6.2 wrote them.
#[test]
fn old_forms_are_read() {
    let bed = Bed::new();
    let ziplist = |body: &[u8], n: u16| {
        let mut list = (11 + body.len() as u32).to_le_bytes().to_vec();
        // Where the last entry is.
        list.extend_from_slice(&13u32.to_le_bytes());
        list.extend_from_slice(&n.to_le_bytes());
        list.extend_from_slice(body);
        list.push(0xff);
        let mut out = Writer::new(9, false);
        out.string(&list);
        out.as_bytes().to_vec()
    };
    let pair = ziplist(b"\x00\x01a\x03\xf3", 2);
    let mut nodes = vec![1];
    nodes.extend_from_slice(&pair);
    for (kind, bytes, expected) in [
        (kind::LIST_ZIPLIST, &pair[..], "2 RPUSH a k listpack"),
        (kind::LIST_QUICKLIST, &nodes, "2 RPUSH a k listpack"),
        (kind::HASH_ZIPLIST, &pair, "2 HSET a k listpack"),
        (kind::ZSET_ZIPLIST, &pair, "2 ZADD a k listpack"),
        (kind::HASH_ZIPMAP, b"\x09\x01\x01a\x01\x002\xff\xff", ""),
        (kind::ZSET, b"\x01\x01a\x012", "2 ZADD a k listpack"),
        (
            kind::of_version(22, crate::rdb::VERSION_VALKEY),
            b"\x01\x01a\x012\xff\xff\xff\xff\xff\xff\xff\xff",
            "2 HSET a k listpack",
        ),
    ] {
        match loaded(&bed, kind, bytes) {
            Ok(value) => {
                let value = value.expect("it is not empty");
                assert_eq!(described(&Entry::new(b"k", value, None)), expected);
            }
            Err(error) => assert_eq!(expected, "", "{kind}: {error}"),
        }
    }
}

proptest! {
    #[test]
    fn damage_is_an_error_or_a_value(
        which in 0..VALUES.len(),
        version in 12..16u16,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let bed = bed(VALUES[which]);
        let (kind, mut bytes) = saved(&bed, version, false);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = &bed.engine.tuning.limits;
        let context = Context { limits, modules: &bed.engine.modules, now: Some(0), templates: None };
        if let Ok(Some(value)) = load(&mut Reader::new(&bytes, 0), kind, context) {
            // Whatever it is, it can be looked at and written again.
            let entry = Entry::new(b"k", value, None);
            described(&entry);
            let mut out = Writer::new(12, false);
            prop_assert!(save(entry.value(), &mut out).is_ok());
        }
    }
}
