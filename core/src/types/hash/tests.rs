//! Hashes against a naive model, across the change of form.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

const SMALL: Limit = Limit { entries: 8, value: 12 };

#[derive(Clone, Debug)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..30i64).prop_map(|n| n.to_string().into_bytes()),
        (0..20u8).prop_map(|n| vec![b'a' + n]),
        proptest::collection::vec(any::<u8>(), 0..10),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![20 => word(), 1 => proptest::collection::vec(any::<u8>(), 10..300)];
    prop_oneof![
        3 => (word(), value).prop_map(|(field, value)| Op::Set(field, value)),
        2 => word().prop_map(Op::Remove),
    ]
}

fn contents(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

fn scanned(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut cursor, mut all) = (0, BTreeMap::new());
    loop {
        cursor = hash.scan(cursor, |field, value| {
            all.insert(field.to_vec(), value.to_vec());
        });
        if cursor == 0 {
            return all;
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(ops in proptest::collection::vec(op(), 1..120)) {
        let (mut hash, mut model) = (Hash::default(), BTreeMap::new());
        let mut was_large = false;
        for op in ops {
            match op {
                Op::Set(field, value) => {
                    let new = hash.set(&field, &value, SMALL);
                    prop_assert_eq!(new, model.insert(field, value).is_none());
                }
                Op::Remove(field) => {
                    prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                }
            }
            prop_assert_eq!(hash.len(), model.len());
            let large = hash.encoding() == "hashtable";
            prop_assert!(large || !was_large, "a large hash stays large");
            was_large = large;
            let longest = model.iter().map(|(f, v)| f.len().max(v.len())).max().unwrap_or(0);
            prop_assert!(large || (model.len() <= SMALL.entries && longest <= SMALL.value));
        }
        prop_assert_eq!(contents(&hash), model.clone());
        prop_assert_eq!(scanned(&hash), model.clone());
        for (field, value) in &model {
            prop_assert_eq!(hash.get(field).map(|v| v.to_vec()), Some(value.clone()));
        }
        let copy = hash.duplicate();
        let copy = copy.downcast_ref::<Hash>().unwrap();
        prop_assert_eq!(contents(copy), model.clone());
        prop_assert_eq!(copy.encoding(), hash.encoding());
        let mut again = Hash::default();
        hash.rebuild(b"key", &mut |words| {
            assert!(words[0] == b"HSET" && words[1] == b"key");
            for pair in words[2..].chunks(2) {
                again.set(pair[0], pair[1], SMALL);
            }
        });
        prop_assert_eq!(contents(&again), model);
    }
}

#[test]
fn every_field_is_drawn_from_either_form() {
    for count in [5, 500] {
        let mut hash = Hash::default();
        for n in 0..count {
            hash.set(format!("f{n}").as_bytes(), b"v", SMALL);
        }
        let mut random = Random::new(1);
        let drawn: HashSet<Vec<u8>> = (0..count * 30)
            .filter_map(|_| hash.random(&mut random))
            .map(|(f, _)| f.to_vec())
            .collect();
        assert_eq!(drawn.len(), count, "{}", hash.encoding());
    }
}

#[test]
fn memory_and_effort_follow_the_contents() {
    let mut hash = Hash::default();
    let empty = hash.memory();
    for n in 0..1000 {
        hash.set(format!("field:{n}").as_bytes(), &[b'x'; 100], SMALL);
    }
    let full = hash.memory();
    assert!(full > empty + 100_000);
    assert_eq!(hash.free_effort(), 1000);
    for n in 0..999 {
        hash.remove(format!("field:{n}").as_bytes());
    }
    assert!(hash.memory() < full / 20);
}
