//! Hashes against a naive model, across the change of form.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

const SMALL: Limit = Limit { entries: 8, value: 12 };

#[derive(Clone, Debug)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    Update(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Deadline(Vec<u8>, i64),
    Expire(i64, usize),
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
        1 => (word(), word()).prop_map(|(field, value)| Op::Update(field, value)),
        2 => word().prop_map(Op::Remove),
        2 => (word(), 0..20i64).prop_map(|(field, at)| Op::Deadline(field, at)),
        1 => (0..8i64, 0..4usize).prop_map(|(now, most)| Op::Expire(now, most)),
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

/// A hash of maps. Elements whose time is over are gone at once.
#[derive(Default)]
struct Model {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    deadlines: BTreeMap<Vec<u8>, i64>,
    now: i64,
}

impl Model {
    fn set(&mut self, field: Vec<u8>, value: Vec<u8>) -> bool {
        self.deadlines.remove(&field);
        self.values.insert(field, value).is_none()
    }

    fn remove(&mut self, field: &[u8]) -> bool {
        self.deadlines.remove(field);
        self.values.remove(field).is_some()
    }

    fn expire(&mut self, now: i64) {
        self.now = now;
        let over: Vec<Vec<u8>> =
            self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(f, _)| f.clone()).collect();
        over.iter().for_each(|field| {
            self.remove(field);
        });
    }
}

fn apply(hash: &mut Hash, model: &mut Model, op: Op) -> Result<(), TestCaseError> {
    match op {
        Op::Set(field, value) => {
            let new = hash.set(&field, &value, SMALL);
            prop_assert_eq!(new, model.set(field, value));
        }
        Op::Update(field, value) => {
            let new = hash.update(&field, &value, SMALL);
            prop_assert_eq!(new, model.values.insert(field, value).is_none());
        }
        Op::Remove(field) => prop_assert_eq!(hash.remove(&field), model.remove(&field)),
        Op::Deadline(field, at) => {
            // Time goes on only: what was hidden is not to come back.
            let at = at + model.now + 1;
            prop_assert_eq!(hash.has(&field), model.values.contains_key(&field));
            if hash.has(&field) {
                hash.set_deadline(&field, at);
                model.deadlines.insert(field, at);
            }
        }
        Op::Expire(after, most) => {
            let now = model.now + after;
            prop_assert!(hash.remove_due(now, most).len() <= most);
            model.expire(now);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn agrees_with_a_map(ops in proptest::collection::vec(op(), 1..120)) {
        let (mut hash, mut model) = (Hash::default(), Model::default());
        let mut was_large = false;
        for op in ops {
            apply(&mut hash, &mut model, op)?;
            prop_assert_eq!(hash.visible_len(), model.values.len());
            prop_assert!(hash.len() >= hash.visible_len());
            let large = hash.encoding() == "hashtable";
            prop_assert!(large || !was_large, "a large hash stays large");
            was_large = large;
            let longest =
                model.values.iter().map(|(f, v)| f.len().max(v.len())).max().unwrap_or(0);
            prop_assert!(large || (hash.len() <= SMALL.entries && longest <= SMALL.value));
        }
        prop_assert_eq!(contents(&hash), model.values.clone());
        prop_assert_eq!(scanned(&hash), model.values.clone());
        for (field, value) in &model.values {
            prop_assert_eq!(hash.get(field).map(|v| v.to_vec()), Some(value.clone()));
        }
        let drawn = hash.random(&mut Random::new(7)).map(|(field, _)| field.to_vec());
        prop_assert_eq!(drawn.is_some(), !model.values.is_empty());
        prop_assert!(drawn.is_none_or(|field| model.values.contains_key(&field)));
        hash.remove_due(model.now, usize::MAX);
        prop_assert_eq!(hash.len(), model.values.len());
        let copy = hash.duplicate();
        let copy = copy.downcast_ref::<Hash>().unwrap();
        prop_assert_eq!(contents(copy), model.values.clone());
        prop_assert_eq!(copy.encoding(), hash.encoding());
        let (mut again, mut deadlines) = (Hash::default(), BTreeMap::new());
        hash.rebuild(b"key", &mut |words| {
            assert_eq!(words[1], b"key");
            if words[0] == b"HPEXPIREAT" {
                let at = std::str::from_utf8(words[2]).unwrap().parse::<i64>().unwrap();
                deadlines.insert(words[5].to_vec(), at);
                return;
            }
            assert_eq!(words[0], b"HSET");
            for pair in words[2..].chunks(2) {
                again.set(pair[0], pair[1], SMALL);
            }
        });
        prop_assert_eq!(contents(&again), model.values);
        prop_assert_eq!(deadlines, model.deadlines);
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

#[test]
fn a_small_hash_is_two_words() {
    assert_eq!(size_of::<Hash>(), 2 * size_of::<usize>());
}
