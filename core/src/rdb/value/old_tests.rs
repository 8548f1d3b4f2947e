//! Forms that are read and never written here, in bytes made by hand after the format.

use super::tests::described;
use super::*;
use crate::ds::Listpack;
use crate::keyspace::Entry;
use crate::testing::Bed;

/// A value read whole at a moment, as the words of the commands that make it, in sorted order.
fn read(kind: u8, bytes: &[u8], now: i64) -> Result<String, String> {
    let bed = Bed::new();
    let context = Context {
        limits: &bed.engine.tuning.limits,
        modules: &bed.engine.modules,
        now: Some(now),
        templates: None,
    };
    let mut skipped = Reader::new(bytes, 0);
    super::super::file::skip_value(&mut skipped, kind, None).map_err(|error| error.to_string())?;
    assert!(skipped.rest().is_empty(), "a walk over a file finds its end");
    let mut input = Reader::new(bytes, 0);
    let value = load(&mut input, kind, context).map_err(|error| error.to_string())?;
    assert!(input.rest().is_empty(), "all of it is read");
    Ok(value.map_or("nothing".into(), |value| described(&Entry::new(b"k", value, None))))
}

/// A string of RDB.
fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Writer::new(9, false);
    out.string(bytes);
    out.as_bytes().to_vec()
}

fn pack(elements: &[&str]) -> Vec<u8> {
    string(elements.iter().map(|element| element.as_bytes()).collect::<Listpack>().as_bytes())
}

fn raw_id(ms: u64, seq: u64) -> [u8; 16] {
    (u128::from(ms) << 64 | u128::from(seq)).to_be_bytes()
}

/// Redis 2.2 and 2.4 wrote small hashes like this.
#[test]
fn a_zipmap_is_a_hash() {
    // Two free bytes behind the first value.
    let two = string(b"\x02\x01a\x01\x021..\x01b\x02\x00xy\xff");
    assert_eq!(read(kind::HASH_ZIPMAP, &two, 0), Ok("1 HSET a b k listpack xy".into()));
    // A count of 254 says that there may be any number.
    let many = string(b"\xfe\x01a\x01\x00b\xff");
    assert_eq!(read(kind::HASH_ZIPMAP, &many, 0), Ok("HSET a b k listpack".into()));
    let mut long = b"\x01\xfe\x00\x01\x00\x00".to_vec();
    long.extend_from_slice(&[b'f'; 256]);
    long.extend_from_slice(b"\x01\x00v\xff");
    assert!(
        read(kind::HASH_ZIPMAP, &string(&long), 0).is_ok_and(|text| text.contains("hashtable"))
    );
    for damaged in
        [&b"\x02\x01a\x01\x00b\xff"[..], b"\x01\x01a\x01\x05b\xff", b"\x01\x01a\x01\x00b"]
    {
        assert!(read(kind::HASH_ZIPMAP, &string(damaged), 0).is_err(), "{damaged:?}");
    }
    assert_eq!(read(kind::HASH_ZIPMAP, &string(b"\x00\xff"), 0), Ok("nothing".into()));
}

/// The stream of Redis 5 to 6.2: without its first id, the greatest one deleted and the numbers of
/// entries added and read.
#[test]
fn the_first_form_of_a_stream_is_read() {
    let node = pack(&["2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "1", "0", "w", "4"]);
    let mut bytes = [&[1][..], &string(&raw_id(5, 1)), &node].concat();
    // Two entries, the last one 6-1; a group that read one, which a consumer has not acknowledged.
    bytes.extend_from_slice(&[2, 6, 1, 1]);
    bytes.extend_from_slice(b"\x01g\x05\x01\x01");
    bytes.extend_from_slice(&raw_id(5, 1));
    bytes.extend_from_slice(&1000i64.to_le_bytes());
    bytes.extend_from_slice(b"\x03\x01\x01c");
    bytes.extend_from_slice(&2000i64.to_le_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&raw_id(5, 1));
    let text = read(kind::STREAM, &bytes, 0).unwrap();
    for part in ["XADD", "5-1", "6-1", "CREATE", "ENTRIESREAD", "XCLAIM", "RETRYCOUNT"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let value = load_stream(&bytes);
    let group = value.groups().values().next().expect("one group");
    assert_eq!((value.len(), value.added(), group.read), (2, 2, Some(1)));
    let consumer = group.consumers().next().expect("one consumer");
    assert_eq!((consumer.seen, consumer.active), (2000, Some(2000)));
    let pending = group.pel().get(crate::types::stream::StreamId::new(5, 1)).expect("pending");
    assert_eq!((pending.delivered(), pending.count), (1000, 3));
    for cut in 0..bytes.len() {
        assert!(read(kind::STREAM, &bytes[..cut], 0).is_err(), "cut off at {cut}");
    }
}

fn load_stream(bytes: &[u8]) -> crate::types::stream::Stream {
    let bed = Bed::new();
    let (limits, modules) = (&bed.engine.tuning.limits, &bed.engine.modules);
    let context = Context { limits, modules, now: Some(0), templates: None };
    stream::load_stream(&mut Reader::new(bytes, 0), kind::STREAM, context).expect("a stream")
}

/// Small hashes with deadlines, as Redis 7.4 and later write them, and as its release candidates
/// did, without the earliest deadline.
#[test]
fn listpacks_with_deadlines_are_read() {
    let triples = pack(&["a", "1", "500", "b", "2", "900", "c", "3", "0"]);
    let released = [&500i64.to_le_bytes()[..], &triples].concat();
    for (kind, bytes) in
        [(kind::HASH_LISTPACK_TTL_PRE_GA, &triples), (kind::HASH_LISTPACK_TTL, &released)]
    {
        let text = read(kind, bytes, 0).unwrap();
        for word in ["HSET", "HPEXPIREAT", "500", "900", "a", "b", "c", "1", "2", "3"] {
            assert!(text.split(' ').any(|found| found == word), "{kind} {word}: {text}");
        }
        let text = read(kind, bytes, 500).unwrap();
        assert!(!text.split(' ').any(|word| word == "a" || word == "500"), "{kind}: {text}");
        assert_eq!(read(kind, bytes, 900), Ok("3 HSET c k listpack".into()), "{kind}");
    }
    for wrong in [&["a", "1"][..], &["a", "1", "soon"], &["a", "1", "0", "a", "2", "0"]] {
        assert!(read(kind::HASH_LISTPACK_TTL_PRE_GA, &pack(wrong), 0).is_err(), "{wrong:?}");
    }
}

/// Hashes with deadlines of Redis 7.4: relative to the earliest one; before that as they are.
#[test]
fn fields_with_deadlines_are_read() {
    let pre = b"\x02\x45\xdc\x01a\x011\x00\x01b\x012";
    let released = [&1500i64.to_le_bytes()[..], b"\x02\x01\x01a\x011\x00\x01b\x012"].concat();
    for (kind, bytes) in [(kind::HASH_TTL_PRE_GA, &pre[..]), (kind::HASH_TTL, &released)] {
        let text = read(kind, bytes, 0).unwrap();
        assert!(text.contains("1500") && text.contains("HPEXPIREAT"), "{kind}: {text}");
        assert_eq!(read(kind, bytes, 1500), Ok("2 HSET b k listpack".into()), "{kind}");
    }
}
