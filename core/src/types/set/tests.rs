//! Sets against a naive model, across the changes of form.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SMALL: Limit = Limit { integers: 10, entries: 6, value: 12 };

#[derive(Clone, Debug)]
enum Op {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Pop(u64),
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (-5..30i64).prop_map(|n| n.to_string().into_bytes()),
        2 => (0..20u8).prop_map(|n| vec![b'a' + n]),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => word().prop_map(Op::Add),
        4 => word().prop_map(Op::Remove),
        1 => any::<u64>().prop_map(Op::Pop),
    ]
}

fn contents(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(|member| member.to_vec()).collect()
}

fn scanned(set: &Set) -> BTreeSet<Vec<u8>> {
    let (mut cursor, mut all) = (0, BTreeSet::new());
    loop {
        cursor = set.scan(cursor, |member| {
            all.insert(member.to_vec());
        });
        if cursor == 0 {
            return all;
        }
    }
}

/// The encoding that a set must have at least, from what it holds.
fn least_form(model: &BTreeSet<Vec<u8>>) -> usize {
    let integers = model.iter().all(|member| num::parse_i64(member).is_some());
    let longest = model.iter().map(Vec::len).max().unwrap_or(0);
    match model.len() {
        len if integers && len <= SMALL.integers => 0,
        len if !integers && len <= SMALL.entries && longest <= SMALL.value => 1,
        _ => 2,
    }
}

fn form(set: &Set) -> usize {
    ["intset", "listpack", "hashtable"].iter().position(|name| *name == set.encoding()).unwrap()
}

proptest! {
    #[test]
    fn agrees_with_a_tree(ops in proptest::collection::vec(op(), 1..120)) {
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        let mut was = 0;
        for op in ops {
            match op {
                Op::Add(member) => {
                    prop_assert_eq!(set.add(&member, SMALL), model.insert(member.clone()));
                    prop_assert!(set.contains(&member));
                }
                Op::Remove(member) => {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                    prop_assert!(!set.contains(&member));
                }
                Op::Pop(seed) => match set.pop(&mut Random::new(seed)) {
                    Some(member) => prop_assert!(model.remove(&member)),
                    None => prop_assert!(model.is_empty()),
                }
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert!(form(&set) >= was);
            if was < form(&set) || was == 0 {
                prop_assert!(form(&set) >= least_form(&model));
            }
            was = form(&set);
        }
        prop_assert_eq!(contents(&set), model.clone());
        prop_assert_eq!(scanned(&set), model.clone());
        prop_assert_eq!(contents(&set.clone()), model.clone());
        let mut other = Set::for_members(b"", 3, SMALL);
        model.iter().for_each(|member| { other.add(member, SMALL); });
        prop_assert!(set.iter().all(|member| other.contains_element(member)));
        prop_assert!(other.iter().all(|member| set.contains_element(member)));
    }

    #[test]
    fn rebuilding_gives_the_same(members in proptest::collection::btree_set(word(), 1..300)) {
        let mut set = Set::new();
        members.iter().for_each(|member| { set.add(member, SMALL); });
        let mut seen = BTreeSet::new();
        set.rebuild(b"key", &mut |words| {
            assert_eq!(&words[..2], [b"SADD".as_slice(), b"key"]);
            assert!(words.len() <= REBUILD_MEMBERS + 2);
            seen.extend(words[2..].iter().map(|word| word.to_vec()));
        });
        prop_assert_eq!(seen, members);
    }
}

#[test]
fn forms_follow_the_expected_number() {
    let limit = SMALL;
    assert_eq!(Set::for_members(b"1", 10, limit).encoding(), "intset");
    assert_eq!(Set::for_members(b"1", 11, limit).encoding(), "hashtable");
    assert_eq!(Set::for_members(b"a", 6, limit).encoding(), "listpack");
    assert_eq!(Set::for_members(b"a", 7, limit).encoding(), "hashtable");
    let mut set = Set::for_members(b"1", 1, limit);
    set.add(b"1", limit);
    set.expect(10, limit);
    assert_eq!(set.encoding(), "intset");
    set.add(b"x", limit);
    set.expect(7, limit);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 2));
}

#[test]
fn choices_are_even_in_every_form() {
    for size in [5i64, 40] {
        for prefix in ["", "member"] {
            let mut set = Set::new();
            (0..size).for_each(|n| {
                set.add(format!("{prefix}{n}").as_bytes(), Limit { integers: 512, ..SMALL });
            });
            let mut random = Random::new(7);
            let mut counts = std::collections::HashMap::new();
            for _ in 0..size * 1000 {
                *counts.entry(set.random(&mut random).unwrap().to_vec()).or_insert(0) += 1;
            }
            assert_eq!(counts.len() as i64, size);
            assert!(counts.values().all(|n| (800..1200).contains(n)), "{counts:?}");
        }
    }
}

#[test]
fn a_scan_passes_what_stays() {
    let mut set = Set::new();
    let name = |n: usize| format!("member{n}").into_bytes();
    (0..2000).for_each(|n| {
        set.add(&name(n), SMALL);
    });
    let (mut cursor, mut seen, mut step) = (0, BTreeSet::new(), 0);
    loop {
        cursor = set.scan(cursor, |member| {
            seen.insert(member.to_vec());
        });
        // Odd members go and others come while the scan is under way.
        for n in step..step + 20 {
            set.remove(&name(n * 2 + 1));
            set.add(&name(10_000 + n), SMALL);
        }
        step += 20;
        if cursor == 0 {
            break;
        }
    }
    assert!((0..1000).all(|n| seen.contains(&name(n * 2))));
}

#[test]
fn a_large_set_is_small() {
    let mut set = Set::new();
    for n in 0..200_000 {
        set.add(format!("member:{n:07}").as_bytes(), SMALL);
    }
    let each = set.memory() as f64 / 200_000.0;
    assert!(each < 30.0, "{each} bytes a member of 14 bytes");
}
