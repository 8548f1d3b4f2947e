//! Posting lists against a sorted map.

use super::*;
use crate::docs::DocFacts;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

type Entry = (u32, FieldMask, Vec<u32>);

fn entries() -> impl Strategy<Value = BTreeMap<u32, Entry>> {
    let mask = prop_oneof![
        Just(1),
        Just(3),
        1u128..8,
        Just(1 << 40 | 1),
        any::<u128>().prop_map(|m| m | 1)
    ];
    let positions =
        prop::collection::btree_set(1u32..5000, 0..6).prop_map(|p| p.into_iter().collect());
    let freq = prop_oneof![1u32..4, 1u32..100_000];
    prop::collection::btree_map(1u32..60_000, (freq, mask, positions), 0..600)
}

fn facts(freq: u32) -> DocFacts {
    DocFacts { len: 10, max_freq: freq + 1, score: 1.0 }
}

fn build(model: &BTreeMap<u32, Entry>) -> PostingList {
    let mut list = PostingList::default();
    for (&doc, (freq, mask, positions)) in model {
        let mut bytes = Vec::new();
        varint::write_positions(positions.iter().copied(), &mut bytes);
        list.push(Posting { doc, freq: *freq, mask: *mask, positions: &bytes }, &facts(*freq));
    }
    list
}

fn read(list: &PostingList, filter: FieldMask) -> BTreeMap<u32, (u32, Vec<u32>)> {
    let mut cursor = TermCursor::new(Arc::new(list.snapshot()), filter);
    let mut out = BTreeMap::new();
    while cursor.doc() != END {
        let mut positions = Vec::new();
        cursor.positions(&mut positions);
        out.insert(cursor.doc(), (cursor.freq(), positions));
        cursor.advance();
    }
    out
}

fn filtered(model: &BTreeMap<u32, Entry>, filter: FieldMask) -> BTreeMap<u32, (u32, Vec<u32>)> {
    let kept = model.iter().filter(|(_, (_, mask, _))| mask & filter != 0);
    kept.map(|(&doc, (freq, _, positions))| (doc, (*freq, positions.clone()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reads_back_what_was_pushed(model in entries(), filter in prop_oneof![Just(FieldMask::MAX), Just(2u128), Just(1 << 40)]) {
        prop_assert_eq!(read(&build(&model), filter), filtered(&model, filter));
    }

    #[test]
    fn seeks_and_windows(model in entries(), targets in prop::collection::btree_set(0u32..61_000, 1..40), filter in prop_oneof![Just(FieldMask::MAX), Just(2u128)]) {
        let expected = filtered(&model, filter);
        let snapshot = Arc::new(build(&model).snapshot());
        let mut cursor = TermCursor::new(snapshot.clone(), filter);
        for &target in &targets {
            let want = expected.range(target..).next().map_or(END, |(&d, _)| d);
            prop_assert_eq!(cursor.seek(target), want);
            if want != END {
                prop_assert_eq!(cursor.freq(), expected[&want].0);
            }
        }
        let mut cursor = TermCursor::new(snapshot, filter);
        let mut seen = Vec::new();
        for base in (0..60_000).step_by(crate::window::WINDOW as usize) {
            let mut window = crate::window::Window::at(base);
            cursor.fill(&mut window);
            seen.extend(window.iter());
        }
        prop_assert_eq!(seen, expected.keys().copied().collect::<Vec<_>>());
    }

    #[test]
    fn collects_dead_documents(mut model in entries(), dead in 2u32..5, later in 60_000u32..70_000) {
        let mut list = build(&model);
        let before = list.snapshot();
        let is_dead = |doc: u32| doc.is_multiple_of(dead);
        for at in 0..=list.run_count() {
            list.collect(at, &is_dead);
        }
        list.drop_empty_runs();
        prop_assert_eq!(before.docs() as usize, model.len());
        model.retain(|&d, _| !is_dead(d));
        prop_assert_eq!(list.docs() as usize, model.len());
        list.push(Posting { doc: later, freq: 1, mask: 1, positions: &[] }, &facts(1));
        model.insert(later, (1, 1, Vec::new()));
        prop_assert_eq!(read(&list, FieldMask::MAX), filtered(&model, FieldMask::MAX));
    }
}
