//! The forms of Redis 8.6 to 8.10.

use super::tests::{bed, described, loaded, saved};
use super::*;
use crate::ds::listpack::Listpack;
use crate::keyspace::Entry;
use crate::rdb::VERSION_MAX;
use crate::rdb::file::{FileReader, Item, skip_value};
use crate::testing::Bed;
use crate::util::crc64::crc64;

/// What a stream looks like that has one entry, `1-1 a b`, up to its groups.
const STREAM: &[u8] = b"\x01\
    \x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\
    \x1d\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81a\x02\0\x01\x02\x01\0\x01\0\x01\x81b\x02\x04\x01\xff\
    \x01\x01\x01\x01\x01\0\0\x01";

fn text(value: Value) -> String {
    described(&Entry::new(b"k", value, None))
}

/// The value of `bytes`, which a walk over a file finds the end of as well.
fn read(kind: u8, bytes: &[u8]) -> String {
    let mut skipped = Reader::new(bytes, 0);
    skip_value(&mut skipped, kind, None).expect("it can be stepped over");
    assert!(skipped.rest().is_empty());
    text(loaded(&Bed::new(), kind, bytes).expect("it is whole").expect("it is not empty"))
}

fn refused(kind: u8, bytes: &[u8]) -> String {
    loaded(&Bed::new(), kind, bytes).err().expect("it is damaged").to_string()
}

#[test]
fn newer_versions_have_forms_of_their_own() {
    for (commands, kinds) in [
        ("XADD k 1-1 a b", [kind::STREAM_3, kind::STREAM_4, kind::STREAM_5]),
        ("XADD k IDMP p i * a b", [kind::MODULE, kind::STREAM_4, kind::STREAM_5]),
        (
            "XADD k 1-1 a b; XGROUP CREATE k g 0; XREADGROUP GROUP g c STREAMS k >; \
             XNACK k g FAIL IDS 1 1-1",
            [kind::MODULE, kind::MODULE, kind::STREAM_5],
        ),
        ("ARSET k 3 a", [kind::MODULE, kind::MODULE, kind::ARRAY]),
    ] {
        for (version, kind) in (12..).zip(kinds) {
            assert_eq!(saved(&bed(commands), version, false).0, kind, "{commands} in {version}");
        }
    }
}

#[test]
fn a_stream_remembers_its_producers() {
    let mut bytes = STREAM.to_vec();
    // No groups; 7 seconds, 3 identifiers; p has i and j; 5 added, 2 sent again.
    bytes.extend_from_slice(b"\0\x07\x03\x01\x01p\x02\x01i\x01\x01\x01j\x01\x01\x05\x02");
    let found = loaded(&Bed::new(), kind::STREAM_4, &bytes).unwrap().unwrap();
    let ValueRef::Object(object) = found.view() else { panic!("it is an object") };
    let stream = object.downcast_ref::<crate::types::stream::Stream>().expect("a stream");
    assert_eq!(stream.idempotency().map(|known| known.counts()), Some([1, 2, 5, 2]));
    let text = read(kind::STREAM_4, &bytes);
    assert!(text.contains("IDMP-DURATION IDMP-MAXSIZE") && text.contains("XIDMPRECORD"), "{text}");
    // What every stream has is nothing to remember.
    let mut bytes = STREAM.to_vec();
    bytes.extend_from_slice(b"\0\x40\x64\x40\x64\0\0\0");
    let text = read(kind::STREAM_5, &bytes);
    assert!(!text.contains("IDMP") && text.contains("XADD"), "{text}");
}

#[test]
fn a_released_entry_is_pending_without_a_consumer() {
    let group = |released: &[u8]| {
        let mut bytes = STREAM.to_vec();
        bytes.extend_from_slice(b"\x01\x01g\x01\x01\x01");
        bytes.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x09\0\0\0\0\0\0\0\x04");
        bytes.push(0);
        bytes.extend_from_slice(released);
        bytes.extend_from_slice(b"\x40\x64\x40\x64\0\0\0");
        bytes
    };
    let text = read(kind::STREAM_5, &group(b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"));
    assert!(text.contains("XNACK") && text.contains("RETRYCOUNT"), "{text}");
    assert!(refused(kind::STREAM_5, &group(b"\0")).contains("without a consumer"));
    let other = group(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01");
    assert!(refused(kind::STREAM_5, &other).contains("not pending"));
}

#[test]
fn an_array_has_values_of_four_forms() {
    let mut bytes = b"\x04\x01\x07".to_vec();
    bytes.extend_from_slice(b"\0\0\x01a");
    bytes.extend_from_slice(b"\x02\x01\xfe\xff\xff\xff\xff\xff\xff\xff");
    bytes.extend_from_slice(b"\x03\x02\0\0\0\0\0\0\xf8\x3f");
    bytes.extend_from_slice(b"\x81\0\0\0\0\0\x01\0\0\x03\x02bc");
    let text = read(kind::ARRAY, &bytes);
    for word in ["a", "-2", "1.5", "65536", "bc", "ARSEEK", "8"] {
        assert!(text.split(' ').any(|w| w == word), "{word} in {text}");
    }
    for (damage, what) in [
        (&b"\x01\x02\0\0\x01a"[..], "unknown form"),
        (b"\x01\0\0\x04\x01a", "unknown form"),
        (b"\x02\0\x01\0\x01a\x01\0\x01b", "there twice"),
        (b"\x01\0\x81\xff\xff\xff\xff\xff\xff\xff\xff\0\x01a", "too large"),
        (b"\x01\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x01a", "too large"),
    ] {
        let error = refused(kind::ARRAY, damage);
        assert!(error.contains(what), "{error}");
    }
}

/// The end of an array is where Redis has it: at an index from which nothing can be inserted.
#[test]
fn an_array_that_is_full_stays_full() {
    let bed = bed("ARSET k 0 a; ARSEEK k 18446744073709551615");
    let (kind, bytes) = saved(&bed, 14, false);
    assert_eq!(
        (kind, &bytes[..11]),
        (kind::ARRAY, &b"\x01\x01\x81\xff\xff\xff\xff\xff\xff\xff\xfe"[..])
    );
    assert_eq!(read(kind, &bytes), text(loaded(&bed, kind, &bytes).unwrap().unwrap()));
}

fn listpack(elements: &[&str]) -> Vec<u8> {
    let mut pack = Listpack::new();
    elements.iter().for_each(|element| pack.push_back(element.as_bytes()));
    let mut out = Writer::new(VERSION_MAX, false);
    out.string(pack.as_bytes());
    out.as_bytes().to_vec()
}

#[test]
fn a_hash_alone_has_its_template_in_front() {
    let expected = "1 2 HSET a bb k listpack";
    let (fields, values) = (listpack(&["a", "bb"]), listpack(&["7", "1", "2"]));
    let raw = b"\x01\x02\x01a\x02bb";
    let packed = [&[0], &fields[..]].concat();
    for fields in [&raw[..], &packed] {
        let bytes = [fields, &values].concat();
        assert_eq!(read(kind::HASH_TEMPLATE_LISTPACK, &bytes), expected);
        let bytes = [fields, b"\x01\x31\xc0\x02"].concat();
        assert_eq!(read(kind::HASH_TEMPLATE_ARRAY, &bytes), expected);
    }
    let few = [&raw[..], &listpack(&["7", "1"])].concat();
    assert!(refused(kind::HASH_TEMPLATE_LISTPACK, &few).contains("more or fewer values"));
    let unnumbered = [&raw[..], &listpack(&["x", "1", "2"])].concat();
    assert!(refused(kind::HASH_TEMPLATE_LISTPACK, &unnumbered).contains("without the number"));
    for (kind, damage) in [
        (kind::HASH_TEMPLATE_ARRAY, &b"\x01\0"[..]),
        (kind::HASH_TEMPLATE_ARRAY, b"\x02\x01\x01a\x01b"),
        (kind::HASH_TEMPLATE_ARRAY, b"\x01\x02\x01a\x01a\x011\x012"),
        (kind::HASH_TEMPLATE_ARRAY, b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
        (kind::HASH_TEMPLATE_ARRAY_REF, b"\x07\x01x"),
        (kind::HASH_TEMPLATE_LISTPACK_REF, &values),
    ] {
        refused(kind, damage);
    }
}

/// The hashes of a file that has these bytes behind its header.
fn hashes(body: &[u8]) -> Result<Vec<String>, RdbError> {
    let mut file = [&b"REDIS0015"[..], body, b"\xff"].concat();
    file.extend_from_slice(&crc64(0, &file).to_le_bytes());
    let (mut reader, mut found) = (FileReader::new(&file)?, Vec::new());
    let bed = Bed::new();
    while let Some(item) = reader.next_item()? {
        let Item::Key(mut record) = item else { continue };
        let templates = record.templates.as_deref();
        let (limits, modules) = (&bed.engine.tuning.limits, &bed.engine.modules);
        let context = Context { limits, modules, now: Some(0), templates };
        found.extend(load(&mut record.body, record.kind, context)?.map(text));
        assert!(record.body.rest().is_empty());
    }
    Ok(found)
}

#[test]
fn hashes_of_a_file_refer_to_its_templates() {
    let templates = b"\xf2\x07\x02\x01a\x02bb\xf2\x00\x01\x01c";
    let packed = [&b"\x1e\x01k"[..], &listpack(&["7", "1", "2"])].concat();
    let array = b"\x20\x01k\x07\x011\x012\x20\x01k\x00\x013";
    let body = [&templates[..], b"\xfe\0", &packed, array].concat();
    let pair = "1 2 HSET a bb k listpack";
    assert_eq!(hashes(&body).unwrap(), [pair, pair, "3 HSET c k listpack"]);
    for (damage, what) in [
        (&b"\xf2\x01\x01\x01a\xf2\x01\x01\x01b"[..], "two hash templates"),
        (b"\xf2\x01\0", "without fields"),
        (b"\xfe\0\x20\x01k\x07\x011", "no hash template 7"),
        (b"\xf2\x01\x01\x01a\xfe\0\x20\x01k\x07\x011", "no hash template 7"),
    ] {
        let error = hashes(damage).expect_err("it is damaged").to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn metadata_of_a_key_is_found_and_stepped_over() {
    let file = b"REDIS0015\xfe\0\xf3\x02\x01\x02\x03\x04\x02\x09\x05\x01s\0\x05\x06\x07\x08\0\
        \0\x01k\x01v\xff\0\0\0\0\0\0\0\0";
    let mut reader = FileReader::new(file).unwrap();
    let Ok(Some(Item::Key(record))) = reader.next_item() else { panic!("there is a key") };
    assert_eq!((&record.key[..], record.metadata), (&b"k"[..], Some([1, 2, 3, 4])));
}
