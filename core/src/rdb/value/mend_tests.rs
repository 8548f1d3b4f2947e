//! Damaged values: what is mended, what that gives, and what is refused all the same.

use proptest::prelude::*;

use super::tests::{VALUES, bed, described, saved};
use super::*;
use crate::ds::Listpack;
use crate::keyspace::Entry;
use crate::testing::Bed;

/// What becomes of a value, and what was mended; or why it is refused.
fn mended(kind: u8, bytes: &[u8]) -> Result<(String, Option<String>), String> {
    let bed = Bed::new();
    let context = Context {
        limits: &bed.engine.tuning.limits,
        modules: &bed.engine.modules,
        now: Some(0),
        templates: None,
    };
    let mut input = Reader::new(bytes, 0).mending();
    let value = load(&mut input, kind, context).map_err(|error| error.to_string())?;
    let value = value.ok_or("nothing is left")?;
    let mut text = String::new();
    let ValueRef::Object(object) = value.view() else { return Err("a string".into()) };
    object.rebuild(b"k", &mut |words| {
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        text.push_str(&words.join(" "));
        text.push(';');
    });
    Ok((text, input.mended()))
}

fn strict(kind: u8, bytes: &[u8]) -> Result<Option<Value>, RdbError> {
    let bed = Bed::new();
    let context = Context {
        limits: &bed.engine.tuning.limits,
        modules: &bed.engine.modules,
        now: Some(0),
        templates: None,
    };
    load(&mut Reader::new(bytes, 0), kind, context)
}

/// A string of RDB.
fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Writer::new(11, false);
    out.string(bytes);
    out.as_bytes().to_vec()
}

fn pack(elements: &[&str]) -> Vec<u8> {
    elements.iter().map(|element| element.as_bytes()).collect::<Listpack>().into_bytes()
}

/// A list of one node.
fn list(elements: &[u8]) -> Vec<u8> {
    [&[1, 2][..], &string(elements)].concat()
}

/// Checks what a damaged value is mended to, and that it is refused otherwise.
fn check(kind: u8, bytes: &[u8], value: &str, what: &str) {
    assert!(strict(kind, bytes).is_err(), "{value}: refused unless it is to be mended");
    assert_eq!(mended(kind, bytes), Ok((value.into(), Some(what.into()))));
}

#[test]
fn a_wrong_count_does_not_matter() {
    let mut bytes = pack(&["a", "1", "b", "2"]);
    bytes[4] = 9;
    let what = "1 listpacks that miscount";
    check(kind::HASH_LISTPACK, &string(&bytes), "HSET k a 1 b 2;", what);
    check(kind::LIST_QUICKLIST_2, &list(&bytes), "RPUSH k a 1 b 2;", what);
}

#[test]
fn what_comes_before_a_malformed_entry_is_kept() {
    let mut bytes = pack(&["a", "1", "b", "2"]);
    // "b" says that it is 61 bytes long.
    bytes[11] = 0xbd;
    let lost = "5 bytes of listpacks that cannot be read";
    check(kind::HASH_LISTPACK, &string(&bytes), "HSET k a 1;", lost);
    check(kind::ZSET_LISTPACK, &string(&bytes), "ZADD k 1 a;", lost);
    check(kind::LIST_QUICKLIST_2, &list(&bytes), "RPUSH k a 1;", lost);
    check(kind::SET_LISTPACK, &string(&bytes), "SADD k a 1;", lost);
    // The size behind the second element is wrong, so that its field has no value.
    bytes[10] = 7;
    let lost = "7 bytes of listpacks that cannot be read, 1 fields without a value";
    let refused = mended(kind::HASH_LISTPACK, &string(&bytes));
    assert!(refused.is_err_and(|error| error.starts_with("fields without a value")), "{lost}");
}

#[test]
fn a_listpack_whose_frame_is_wrong_is_refused() {
    for damage in [0, 4, 6, 11] {
        let mut bytes = pack(&["a", "1"]);
        let last = bytes.len() - 1;
        match damage {
            0 => bytes[0] += 1,
            4 => bytes[4] = 0,
            6 => bytes[6] = 0xff,
            _ => bytes[last] = 0,
        }
        let refused = mended(kind::HASH_LISTPACK, &string(&bytes));
        assert!(refused.is_err_and(|error| error.starts_with("damaged listpack")), "{damage}");
    }
}

#[test]
fn the_first_of_two_fields_or_members_counts() {
    let twice = string(&pack(&["a", "1", "b", "2", "a", "3"]));
    let fields = "1 fields that are there twice (listpack with dup elements)";
    check(kind::HASH_LISTPACK, &twice, "HSET k a 1 b 2;", fields);
    check(kind::ZSET_LISTPACK, &twice, "ZADD k 1 a 2 b;", "1 members that are there twice");
    let twice = string(&pack(&["a", "b", "a"]));
    check(kind::SET_LISTPACK, &twice, "SADD k a b;", "1 members that are there twice");
}

#[test]
fn order_is_restored() {
    let unsorted = string(&pack(&["b", "2", "a", "1", "c", "0.5"]));
    let what = "2 members that are not in order";
    check(kind::ZSET_LISTPACK, &unsorted, "ZADD k 0.5 c 1 a 2 b;", what);
    let integers = string(&[2, 0, 0, 0, 3, 0, 0, 0, 5, 0, 3, 0, 3, 0]);
    check(kind::SET_INTSET, &integers, "SADD k 3 5;", "1 intsets that are not in order");
}

#[test]
fn a_field_without_a_value_is_left_out() {
    let odd = string(&pack(&["a", "1", "b"]));
    check(kind::HASH_LISTPACK, &odd, "HSET k a 1;", "1 fields without a value");
    let odd = string(&pack(&["a"]));
    assert!(mended(kind::HASH_LISTPACK, &odd).is_err(), "nothing would be left");
}

#[test]
fn what_has_no_sensible_value_is_refused() {
    let score = string(&pack(&["a", "much"]));
    let refused = mended(kind::ZSET_LISTPACK, &score);
    assert!(refused.is_err_and(|error| error.starts_with("a score that is no number")));
    let width = string(&[3, 0, 0, 0, 1, 0, 0, 0, 5, 0]);
    assert!(mended(kind::SET_INTSET, &width).is_err());
    for (kind, bytes) in
        [(kind::SET, &b"\x02\x01a\x01a"[..]), (kind::HASH, b"\x02\x01a\x01b\x01a\x01c")]
    {
        assert!(mended(kind, bytes).is_err(), "{kind}: as Redis has it");
    }
}

/// A stream of one node of these elements, under 1-1.
fn stream(elements: &[&str], len: u8, last: u8) -> Vec<u8> {
    let mut id = [0; 16];
    (id[7], id[15]) = (1, 1);
    let rest = [len, last, 1, 1, 1, 0, 0, len, 0];
    [&[1][..], &string(&id), &string(&pack(elements)), &rest].concat()
}

const NODE: &str = "1 nodes of a stream that are not what they say";

#[test]
fn what_a_stream_says_of_numbers_does_not_count() {
    let value = "XADD k 1-1 f v;XADD k 2-1 f w;";
    let sound = ["2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "1", "0", "w", "4"];
    assert!(mended(kind::STREAM_2, &stream(&sound, 2, 2)).is_ok_and(|(_, what)| what.is_none()));
    let begins = |bytes: &[u8], what: &str| {
        assert!(strict(kind::STREAM_2, bytes).is_err());
        let (text, told) = mended(kind::STREAM_2, bytes).expect(what);
        assert!(text.starts_with(value), "{text}");
        assert_eq!(told.as_deref(), Some(what));
    };
    for at in [0, 1, 9, 14] {
        let mut elements = sound;
        elements[at] = "77";
        begins(&stream(&elements, 2, 2), NODE);
    }
    begins(&stream(&sound, 5, 2), "3 entries more or fewer than a stream says");
    begins(&stream(&sound, 2, 1), "1 last ids of a stream that are before its last entry");
}

#[test]
fn the_entries_of_a_stream_up_to_the_damage_are_kept() {
    let cut = ["2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "1", "0"];
    let back = ["2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "0", "0", "w", "4"];
    let text = ["2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "x", "0", "w", "4"];
    for elements in [&cut[..], &text] {
        let (value, what) = mended(kind::STREAM_2, &stream(elements, 2, 2)).unwrap();
        assert!(value.starts_with("XADD k 1-1 f v;") && !value.contains("w"), "{value}");
        assert_eq!(what, Some(format!("{NODE}, 1 entries more or fewer than a stream says")));
    }
    // Well formed, but with an identifier twice.
    assert!(mended(kind::STREAM_2, &stream(&back, 2, 2)).is_err());
    for elements in [&["2", "0", "1", "f", "0"][..], &["2", "0", "7", "f", "0"]] {
        assert!(mended(kind::STREAM_2, &stream(elements, 2, 2)).is_err(), "nothing is left");
    }
}

/// As [`described`], in the sorted order of words.
fn describe(value: Value) -> String {
    described(&Entry::new(b"k", value, None))
}

proptest! {
    /// What is taken of a damaged value is a sound one; and what is not damaged is not mended.
    #[test]
    fn what_is_mended_is_sound(
        which in 0..VALUES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let bed = bed(VALUES[which]);
        let (kind, mut bytes) = saved(&bed, 12, false);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let context = Context {
            limits: &bed.engine.tuning.limits,
            modules: &bed.engine.modules,
            now: Some(0),
            templates: None,
        };
        let mut input = Reader::new(&bytes, 0).mending();
        let taken = load(&mut input, kind, context);
        let refused = load(&mut Reader::new(&bytes, 0), kind, context);
        match (taken, refused) {
            (Ok(Some(value)), strict) => {
                prop_assert_eq!(strict.is_ok(), input.mended().is_none());
                let mut out = Writer::new(12, false);
                let kind = save(value.view(), &mut out);
                let again = load(&mut Reader::new(out.as_bytes(), 0), kind.unwrap(), context);
                let before = describe(value);
                prop_assert_eq!(describe(again.unwrap().unwrap()), before.clone());
                if let Ok(Some(strict)) = strict {
                    prop_assert_eq!(describe(strict), before);
                }
            }
            (Ok(None), strict) => prop_assert!(matches!(strict, Ok(None))),
            (Err(_), strict) => prop_assert!(strict.is_err()),
        }
    }
}
