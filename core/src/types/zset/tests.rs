//! Sorted sets against a naive model, across the change of form.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

const SMALL: Limit = Limit { entries: 8, value: 12 };

#[derive(Clone, Debug)]
enum Op {
    Insert(Vec<u8>, f64),
    Add(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..60i64).prop_map(|n| n.to_string().into_bytes()),
        (0..20u8).prop_map(|n| vec![b'a' + n]),
        proptest::collection::vec(any::<u8>(), 0..10),
        proptest::collection::vec(any::<u8>(), 10..200),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-5..5i32).prop_map(f64::from),
        (-100..100i32).prop_map(|n| f64::from(n) / 8.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        any::<f64>().prop_filter("a number", |score| !score.is_nan()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (word(), score()).prop_map(|(member, score)| Op::Insert(member, score)),
        2 => (word(), -3.0..3.0).prop_map(|(member, by)| Op::Add(member, by)),
        2 => word().prop_map(Op::Remove),
        1 => (0..30usize, 0..6usize).prop_map(|(rank, count)| Op::RemoveRanks(rank, count)),
    ]
}

type Model = BTreeMap<Vec<u8>, f64>;

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut all: Vec<_> = model.iter().map(|(m, s)| (m.clone(), *s)).collect();
    all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
    all
}

fn contents(zset: &Zset) -> Vec<(Vec<u8>, f64)> {
    zset.walk(0, false).map(|(member, score)| (member.to_vec(), score)).collect()
}

fn scanned(zset: &Zset) -> Model {
    let (mut cursor, mut all) = (0, BTreeMap::new());
    loop {
        cursor = zset.scan(cursor, |member, score| {
            all.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            return all;
        }
    }
}

fn apply(zset: &mut Zset, model: &mut Model, op: Op) {
    match op {
        Op::Insert(member, score) => {
            let new = zset.insert(&member, score, SMALL);
            assert_eq!(new, model.insert(member, score).is_none());
        }
        Op::Add(member, by) => {
            let sum = |before: Option<f64>| before.map_or(by, |score| score + by);
            let before = zset.update(&member, SMALL, |before| Some(sum(before)));
            assert_eq!(before, model.get(&member).copied());
            model.insert(member, sum(before));
        }
        Op::Remove(member) => assert_eq!(zset.remove(&member), model.remove(&member)),
        Op::RemoveRanks(rank, count) => {
            let mut removed = Vec::new();
            let all = sorted(model);
            let expected: Vec<_> = all.into_iter().skip(rank).take(count).collect();
            let number = zset.remove_ranks(rank..rank + count, |member, score| {
                removed.push((member.to_vec(), score));
            });
            assert_eq!((number, &removed), (expected.len(), &expected));
            removed.iter().for_each(|(member, _)| {
                model.remove(member);
            });
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(
        ops in proptest::collection::vec(op(), 1..150),
        ranges in proptest::collection::vec((score(), score(), any::<bool>(), any::<bool>()), 5),
        ranks in proptest::collection::vec((0..40usize, any::<bool>()), 5),
    ) {
        let (mut zset, mut model) = (Zset::default(), Model::new());
        let mut was_large = false;
        for op in ops {
            apply(&mut zset, &mut model, op);
            prop_assert_eq!(zset.len(), model.len());
            let large = zset.encoding() == "skiplist";
            prop_assert!(large || !was_large, "a large sorted set stays large");
            was_large = large;
            let longest = model.keys().map(Vec::len).max().unwrap_or(0);
            prop_assert!(large || (model.len() <= SMALL.entries && longest <= SMALL.value));
        }
        let all = sorted(&model);
        prop_assert_eq!(contents(&zset), all.clone());
        prop_assert_eq!(scanned(&zset), model.clone());
        prop_assert_eq!(zset.iter().count(), model.len());
        for (rank, (member, score)) in all.iter().enumerate() {
            prop_assert_eq!(zset.score(member), Some(*score));
            prop_assert_eq!(zset.rank(member), Some((rank, *score)));
        }
        for (min, max, min_open, max_open) in ranges {
            let range = ScoreRange { min, max, min_open, max_open };
            let inside = |score: f64| !range.is_below(score) && !range.is_above(score);
            prop_assert_eq!(zset.score_ranks(&range).len(), all.iter().filter(|p| inside(p.1)).count());
        }
        for (rank, reverse) in ranks {
            let walk: Vec<_> = zset.walk(rank, reverse).map(|(m, s)| (m.to_vec(), s)).collect();
            let expected: Vec<_> = match reverse {
                _ if rank >= all.len() => Vec::new(),
                true => all[..=rank].iter().rev().cloned().collect(),
                false => all[rank..].to_vec(),
            };
            prop_assert_eq!(walk, expected);
        }
        let copy = zset.duplicate();
        let copy = copy.downcast_ref::<Zset>().unwrap();
        prop_assert_eq!(contents(copy), all.clone());
        prop_assert_eq!(copy.encoding(), zset.encoding());
        prop_assert_eq!(contents(&Zset::from_sorted(&all, SMALL)), all.clone());
        let mut again = Zset::default();
        zset.rebuild(b"key", &mut |words| {
            assert!(words[0] == b"ZADD" && words[1] == b"key");
            for pair in words[2..].chunks(2) {
                again.insert(pair[1], num::parse_f64(pair[0]).unwrap(), SMALL);
            }
        });
        prop_assert_eq!(contents(&again), all);
    }

    #[test]
    fn ranges_of_members_agree_with_a_set(
        members in proptest::collection::btree_set(proptest::collection::vec(97..100u8, 0..4), 0..30),
        min in bound(),
        max in bound(),
    ) {
        let mut zset = Zset::default();
        members.iter().for_each(|member| {
            zset.insert(member, 0.0, SMALL);
        });
        let range = LexRange { min: min.as_bound(), max: max.as_bound() };
        let expected: Vec<_> =
            members.into_iter().filter(|m| !range.is_below(m) && !range.is_above(m)).collect();
        let ranks = zset.lex_ranks(&range);
        prop_assert_eq!(ranks.len(), expected.len());
        let found = zset.walk(ranks.start, false).take(ranks.len()).map(|(m, _)| m.to_vec());
        prop_assert!(found.eq(expected));
    }
}

#[derive(Clone, Debug)]
enum Bound {
    Least,
    Greatest,
    Closed(Vec<u8>),
    Open(Vec<u8>),
}

impl Bound {
    fn as_bound(&self) -> LexBound<'_> {
        match self {
            Bound::Least => LexBound::Least,
            Bound::Greatest => LexBound::Greatest,
            Bound::Closed(at) => LexBound::Closed(at),
            Bound::Open(at) => LexBound::Open(at),
        }
    }
}

fn bound() -> impl Strategy<Value = Bound> {
    let at = || proptest::collection::vec(97..100u8, 0..4);
    prop_oneof![
        1 => Just(Bound::Least),
        1 => Just(Bound::Greatest),
        4 => at().prop_map(Bound::Closed),
        4 => at().prop_map(Bound::Open),
    ]
}

#[test]
fn every_member_is_drawn_from_either_form() {
    for count in [5, 500] {
        let mut zset = Zset::default();
        for n in 0..count {
            zset.insert(format!("m{n}").as_bytes(), 1.0, SMALL);
        }
        let mut random = Random::new(1);
        let drawn: HashSet<Vec<u8>> = (0..count * 30)
            .filter_map(|_| zset.random(&mut random))
            .map(|(member, _)| member.to_vec())
            .collect();
        assert_eq!(drawn.len(), count, "{}", zset.encoding());
    }
}

#[test]
fn a_member_takes_little_memory() {
    let mut zset = Zset::default();
    for n in 0..100_000u64 {
        let score = crate::ds::hash::hash_u64(&crate::ds::Seed::fixed(7), n);
        zset.insert(format!("member:{n:07}").as_bytes(), score as f64, SMALL);
    }
    let each = zset.memory() / zset.len();
    assert!(each < 60, "{each}");
    assert_eq!(zset.free_effort(), 100_000);
    while zset.len() > 10 {
        let half = zset.len() / 2;
        zset.remove_ranks(5..half + 5, |_, _| ());
    }
    assert!(zset.memory() < 2000, "{}", zset.memory());
}

#[test]
fn listpacks_from_outside_are_checked() {
    let pairs = |words: &[&str]| words.iter().map(|word| word.as_bytes()).collect::<Listpack>();
    for (words, expected) in [
        (&["a", "-inf", "b", "1", "c", "1", "10", "2.5"][..], Some(4)),
        (&[], Some(0)),
        (&["a", "1", "b"], None),
        (&["a", "nan"], None),
        (&["a", "x"], None),
        (&["a", "2", "b", "1"], None),
        (&["b", "1", "a", "1"], None),
        (&["a", "1", "b", "2", "a", "3"], None),
    ] {
        let zset = Zset::from_listpack(pairs(words), SMALL);
        assert_eq!(zset.map(|zset| zset.len()).ok(), expected, "{words:?}");
    }
    let tight = Limit { entries: 1, value: 64 };
    let zset = Zset::from_listpack(pairs(&["a", "1", "b", "2"]), tight).ok().unwrap();
    assert_eq!((zset.encoding(), zset.rank(b"b")), ("skiplist", Some((1, 2.0))));
}

#[test]
fn many_members_at_once_make_a_large_one() {
    let mut zset = Zset::default();
    zset.insert(b"a", 1.0, SMALL);
    zset.expect(SMALL.entries, SMALL);
    assert_eq!(zset.encoding(), "listpack");
    zset.expect(SMALL.entries + 1, SMALL);
    assert_eq!((zset.encoding(), zset.score(b"a")), ("skiplist", Some(1.0)));
}

proptest! {
    #[test]
    fn members_in_no_order_are_sorted_at_the_end(
        members in proptest::collection::vec((word(), score()), 0..300),
    ) {
        let (mut model, mut unsorted) = (Model::new(), Unsorted::default());
        for (member, score) in members {
            let fresh = !model.contains_key(&member);
            prop_assert_eq!(unsorted.add(&member, score), fresh);
            model.entry(member).or_insert(score);
        }
        let mut zset = unsorted.sort();
        prop_assert_eq!(contents(&zset), sorted(&model));
        prop_assert_eq!(zset.len(), model.len());
        for (member, score) in &model {
            prop_assert_eq!(zset.score(member), Some(*score));
        }
        // Table and tree agree: what is taken from one goes from the other.
        for member in model.keys() {
            prop_assert!(zset.remove(member).is_some());
        }
        prop_assert!(zset.is_empty());
    }
}
