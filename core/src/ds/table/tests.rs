//! Tests of the table against standard maps, with good and with bad hashes.

use super::*;
use crate::ds::hash::{Seed, hash_u64};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// How a test hashes its numbers.
#[derive(Clone, Copy, Debug)]
enum Spread {
    Even,
    /// All elements share their 20 leading bits.
    SameTop,
    /// Seven hashes for everything.
    Seven,
    Equal,
    /// Only the tag differs.
    LowByte,
}

impl Spread {
    fn hash(self, n: u64) -> u64 {
        let even = hash_u64(&Seed::fixed(1), n);
        match self {
            Spread::Even => even,
            Spread::SameTop => even >> 20,
            Spread::Seven => hash_u64(&Seed::fixed(2), n % 7),
            Spread::Equal => 0xdead_beef_0123_4567,
            Spread::LowByte => 0xabcd << 48 | even & 0xff,
        }
    }
}

fn spreads() -> impl Strategy<Value = Spread> {
    prop_oneof![
        4 => Just(Spread::Even),
        1 => Just(Spread::SameTop),
        1 => Just(Spread::Seven),
        1 => Just(Spread::Equal),
        1 => Just(Spread::LowByte),
    ]
}

/// Recounts everything that the table keeps counts of.
fn check<T>(table: &Table<T>, hasher: impl Fn(&T) -> u64) {
    assert_eq!(table.iter().len(), table.len());
    assert_eq!(table.iter().count(), table.len());
    if table.directory.is_empty() {
        assert_eq!((table.len, table.segments, table.memory()), (0, 0, 0));
        return;
    }
    assert_eq!(table.directory.len(), 1 << table.directory_bits);
    let (mut at, mut segments, mut deepest, mut bytes, mut len) = (0, 0, 0, 0, 0);
    while let Some(segment) = table.directory.get(at) {
        let entries = 1 << (table.directory_bits - segment.depth);
        assert_eq!(at % entries, 0);
        let elements: Vec<_> = segment.elements().collect();
        assert_eq!(elements.len(), segment.len as usize);
        assert!(elements.len() <= segment.limit());
        for hash in segment.hashes(&hasher) {
            assert_eq!(table.first_entry(hash), at);
        }
        segments += 1;
        deepest += usize::from(segment.depth == table.directory_bits);
        bytes += segment.bytes();
        len += elements.len();
        at += entries;
    }
    let counted = (table.segments, table.deepest, table.segment_bytes, table.len);
    assert_eq!((segments, deepest, bytes, len), counted);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(u64),
    /// Adds as many numbers from here on.
    Fill(u64, u64),
    /// Removes as many numbers from here on.
    Drain(u64, u64),
}

fn steps(range: u64, bulk: u64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..range).prop_map(Step::Insert),
        4 => (0..range).prop_map(Step::Remove),
        2 => (0..range, 0..bulk).prop_map(|(from, n)| Step::Fill(from, n)),
        2 => (0..range, 0..bulk).prop_map(|(from, n)| Step::Drain(from, n)),
    ];
    proptest::collection::vec(step, 0..40)
}

/// A table of (key, value) pairs beside its model.
struct Pair {
    spread: Spread,
    table: Table<(u64, Rc<u64>)>,
    model: HashMap<u64, Rc<u64>>,
}

impl Pair {
    fn new(spread: Spread) -> Self {
        Pair { spread, table: Table::new(), model: HashMap::new() }
    }

    fn insert(&mut self, key: u64, value: u64) {
        let spread = self.spread;
        let (hash, value) = (spread.hash(key), Rc::new(value));
        let (element, added) = self.table.find_or_insert(
            hash,
            |e| e.0 == key,
            |e| spread.hash(e.0),
            || (key, value.clone()),
        );
        element.1 = value.clone();
        assert_eq!(added, self.model.insert(key, value).is_none());
    }

    fn remove(&mut self, key: u64) {
        let spread = self.spread;
        let removed = self.table.remove(spread.hash(key), |e| e.0 == key, |e| spread.hash(e.0));
        assert_eq!(removed.map(|e| e.1), self.model.remove(&key));
    }

    fn apply(&mut self, step: &Step, value: u64) {
        match *step {
            Step::Insert(key) => self.insert(key, value),
            Step::Remove(key) => self.remove(key),
            Step::Fill(from, n) => (from..from + n).for_each(|key| self.insert(key, value)),
            Step::Drain(from, n) => (from..from + n).for_each(|key| self.remove(key)),
        }
    }

    fn check(&self) {
        check(&self.table, |e| self.spread.hash(e.0));
        let elements: HashMap<u64, Rc<u64>> = self.table.iter().cloned().collect();
        assert_eq!(elements, self.model);
        for key in self.model.keys().copied().chain([u64::MAX, u64::MAX - 1]) {
            let found = self.table.find(self.spread.hash(key), |e| e.0 == key);
            assert_eq!(found.map(|e| &e.1), self.model.get(&key));
        }
    }

    /// Scans on from a cursor.
    fn scan(&self, cursor: u64, seen: &mut Vec<u64>) -> u64 {
        self.table.scan(cursor, |e| self.spread.hash(e.0), |e| seen.push(e.0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 60 }))]

    #[test]
    fn behaves_like_a_map(spread in spreads(), steps in steps(4000, 900)) {
        let mut pair = Pair::new(spread);
        for (value, step) in steps.iter().enumerate() {
            pair.apply(step, value as u64);
            check(&pair.table, |e| spread.hash(e.0));
        }
        pair.check();
        let values: Vec<Rc<u64>> = pair.model.values().cloned().collect();
        drop(pair);
        assert!(values.iter().all(|value| Rc::strong_count(value) <= values.len()));
    }

    /// Whatever happens between its calls, a scan passes what stays.
    #[test]
    fn scans_pass_what_stays(
        spread in spreads(),
        kept in 0u64..3000,
        steps in steps(6000, 2000),
    ) {
        let mut pair = Pair::new(spread);
        (0..kept).for_each(|key| pair.insert(key, 0));
        let mut seen = Vec::new();
        let mut steps = steps.into_iter();
        let mut cursor = pair.scan(0, &mut seen);
        let mut calls = 0u32;
        while cursor != 0 {
            calls += 1;
            if calls.is_multiple_of(8) && let Some(step) = steps.next() {
                match step {
                    Step::Insert(key) => pair.apply(&Step::Insert(key + kept), 1),
                    Step::Remove(key) => pair.apply(&Step::Remove(key + kept), 1),
                    Step::Fill(from, n) => pair.apply(&Step::Fill(from + kept, n), 1),
                    Step::Drain(from, n) => pair.apply(&Step::Drain(from + kept, n), 1),
                }
            }
            let next = pair.scan(cursor, &mut seen);
            prop_assert!(next == 0 || next > cursor);
            prop_assert!(next >> CURSOR_BITS == 0);
            cursor = next;
        }
        let seen: HashSet<u64> = seen.into_iter().collect();
        prop_assert!((0..kept).all(|key| seen.contains(&key)));
    }

    #[test]
    fn any_cursor_is_harmless(len in 0u64..3000, cursors: Vec<u64>) {
        let mut pair = Pair::new(Spread::Even);
        (0..len).for_each(|key| pair.insert(key, 0));
        for cursor in cursors {
            pair.scan(cursor, &mut Vec::new());
        }
    }
}

#[test]
fn an_undisturbed_scan_passes_each_element_once_in_small_portions() {
    let mut pair = Pair::new(Spread::Even);
    (0..50_000).for_each(|key| pair.insert(key, 0));
    let (mut seen, mut calls, mut cursor) = (Vec::new(), 0, 0);
    loop {
        let before = seen.len();
        cursor = pair.scan(cursor, &mut seen);
        assert!(seen.len() - before < 60);
        calls += 1;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 50_000);
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 50_000);
    assert!((5..16).contains(&(seen.len() / calls)), "{calls} calls");
}

#[test]
fn filling_and_emptying_goes_in_bounded_steps_and_frees_all() {
    let spread = Spread::Even;
    let mut table = Table::new();
    assert_eq!(table.memory(), 0);
    for key in 0..100_000u64 {
        table.insert_unique(spread.hash(key), key, |&key| spread.hash(key));
    }
    check(&table, |&key| spread.hash(key));
    let most = table.memory();
    assert!(most < 100_000 * 15, "{most} bytes");
    let largest = table.directory.iter().map(|segment| segment.capacity()).max();
    assert_eq!(largest, Some(usize::from(MOST_SLOTS) << FULL_GROUP_BITS));
    for key in 0..99_900u64 {
        let removed = table.remove(spread.hash(key), |&k| k == key, |&key| spread.hash(key));
        assert_eq!(removed, Some(key));
    }
    check(&table, |&key| spread.hash(key));
    assert!(table.memory() < 4000, "{} bytes", table.memory());
    for key in 99_900..100_000u64 {
        table.remove(spread.hash(key), |&k| k == key, |&key| spread.hash(key));
    }
    assert!(table.is_empty());
    assert_eq!(table.memory(), 0);
}

#[test]
fn equal_hashes_make_one_large_segment_and_no_large_directory() {
    for spread in [Spread::Equal, Spread::LowByte, Spread::SameTop] {
        let mut pair = Pair::new(spread);
        (0..3000).for_each(|key| pair.insert(key, 0));
        pair.check();
        assert!(pair.table.directory.len() <= 3000 / LEAST_ELEMENTS_PER_ENTRY);
        (0..3000).for_each(|key| pair.remove(key));
        assert_eq!(pair.table.memory(), 0);
    }
}

#[test]
fn elements_of_any_size_fit() {
    fn fill<T: Clone + PartialEq + std::fmt::Debug>(make: impl Fn(u64) -> T, key: fn(&T) -> u64) {
        let hash = |element: &T| Spread::Even.hash(key(element));
        let mut table = Table::new();
        for n in 0..2000 {
            let element = make(n);
            assert_eq!(*table.insert_unique(hash(&element), element.clone(), hash), element);
        }
        check(&table, hash);
        for n in 0..2000 {
            let element = make(n);
            assert_eq!(table.find(hash(&element), |e| *e == element), Some(&element));
            assert_eq!(table.remove(hash(&element), |e| *e == element, hash), Some(element));
        }
        assert_eq!(table.memory(), 0);
    }
    fill(|n| n as u16, |&n| u64::from(n));
    fill(|n| n as u32, |&n| u64::from(n));
    fill(u128::from, |&n| n as u64);
    fill(|n| n.to_string(), |s| s.parse().unwrap_or_default());
    fill(|n| [n; 9], |a| a[0]);
    fill(|_| (), |()| 0);
}

#[test]
fn taking_the_elements_out_frees_segments_on_the_way() {
    let values: Vec<Rc<u64>> = (0..5000).map(Rc::new).collect();
    let mut table = Table::new();
    for value in &values {
        let hasher = |value: &Rc<u64>| Spread::Even.hash(**value);
        table.insert_unique(hasher(value), value.clone(), hasher);
    }
    for value in table.iter_mut() {
        *value = values[**value as usize].clone();
    }
    let mut elements = table.into_iter();
    assert_eq!(elements.len(), 5000);
    let slice: Vec<Rc<u64>> = elements.by_ref().take(1000).collect();
    assert_eq!(slice.len(), 1000);
    assert_eq!(values.iter().filter(|value| Rc::strong_count(value) == 2).count(), 5000);
    drop(elements);
    assert_eq!(values.iter().filter(|value| Rc::strong_count(value) == 2).count(), 1000);
}

#[test]
fn random_elements_are_drawn_evenly() {
    for len in [1u64, 5, 100, 1700] {
        let mut pair = Pair::new(Spread::Even);
        assert!(pair.table.random(1).is_none());
        (0..len).for_each(|key| pair.insert(key, 0));
        let mut drawn = vec![0u32; len as usize];
        for draw in 0..len * 200 {
            let (key, _) = pair.table.random(draw).expect("the table has elements");
            drawn[*key as usize] += 1;
        }
        // 200 expected, standard deviation 14.
        assert!(drawn.iter().all(|&n| (120..290).contains(&n)), "{len}: {drawn:?}");
    }
}

#[test]
fn a_panicking_hasher_leaves_the_table_whole() {
    let mut table = Table::new();
    let good = |n: &Rc<u64>| Spread::Even.hash(**n);
    for n in 0..5000u64 {
        let value = Rc::new(n);
        let hash = good(&value);
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            table.insert_unique(hash, value.clone(), |n| match **n % 3 {
                0 => std::panic::resume_unwind(Box::new("hasher")),
                _ => good(n),
            });
        }));
        if attempt.is_err() {
            table.insert_unique(hash, value, good);
        }
    }
    check(&table, good);
    assert_eq!(table.len(), 5000);
}
