//! Arrays against a sorted map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Set(u64, u8),
    SetMany(u64, u16),
    Remove(u64, u64),
}

fn index() -> impl Strategy<Value = u64> {
    prop_oneof![0..600u64, 4000..4200u64, Just(MAX_INDEX), Just(1 << 40)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(i, v)| Step::Set(i, v)),
        (0..5000u64, 1..400u16).prop_map(|(i, n)| Step::SetMany(i, n)),
        (index(), index()).prop_map(|(a, b)| Step::Remove(a.min(b), a.max(b))),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(step(), 1..30), start in index(), end in index()) {
        let (mut array, mut model) = (Array::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Set(i, v) => {
                    prop_assert_eq!(array.set(i, &[v]), model.insert(i, vec![v]).is_none());
                }
                Step::SetMany(i, n) => for i in i..i + u64::from(n) {
                    array.set(i, b"x");
                    model.insert(i, b"x".to_vec());
                },
                Step::Remove(a, b) => {
                    let before = model.len();
                    model.retain(|i, _| !(a..=b).contains(i));
                    prop_assert_eq!(array.remove_range(a, b), (before - model.len()) as u64);
                }
            }
        }
        prop_assert_eq!(array.count(), model.len() as u64);
        prop_assert_eq!(array.len(), model.last_key_value().map_or(0, |(i, _)| i + 1));
        let (start, end) = (start.min(end), start.max(end));
        let expected: Vec<(u64, Vec<u8>)> =
            model.range(start..=end).map(|(i, v)| (*i, v.clone())).collect();
        let mut seen = Vec::new();
        array.scan(start, end, |i, v| { seen.push((i, v.to_vec())); true });
        prop_assert_eq!(&seen, &expected);
        let mut back = Vec::new();
        array.scan_back(start, end, |i, v| { back.push((i, v.to_vec())); true });
        back.reverse();
        prop_assert_eq!(back, expected);
        for (i, value) in &model {
            prop_assert_eq!(array.get(*i), Some(&value[..]));
        }
    }

    #[test]
    fn a_ring_holds_what_came_last(size in 1..20u64, values in prop::collection::vec(any::<u8>(), 1..80)) {
        let mut array = Array::default();
        for value in &values {
            array.insert_ring(size, &[&[*value]]);
        }
        let kept = values.len().min(size as usize);
        let latest: Vec<u8> = array.latest(100).into_iter().map(|v| v.unwrap()[0]).collect();
        let expected: Vec<u8> = values.iter().rev().take(kept).copied().collect();
        prop_assert_eq!(latest, expected);
    }
}

#[test]
fn there_is_no_index_behind_the_last() {
    let mut array = Array::default();
    array.seek(MAX_INDEX);
    assert_eq!(array.insert(&[b"a", b"b"]), None);
    assert!(array.is_empty());
    assert_eq!(array.insert(&[b"a"]), Some(MAX_INDEX));
    assert_eq!(array.next_index(), None);
    assert_eq!(array.insert(&[b"a"]), None);
    assert_eq!(array.len(), u64::MAX);
}
