//! The tree against a sorted set.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::node::MAX;
use super::*;

impl Key for u32 {}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Remove(u32),
    /// Numbers from the first on, so many, each so far from the last.
    Fill(u32, u32, i32),
    Drain(u32, u32, i32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let run = (0..20_000u32, 0..1500u32, prop_oneof![Just(1), Just(-1), Just(7), Just(-13)]);
    let step = prop_oneof![
        3 => (0..20_000u32).prop_map(Step::Insert),
        3 => (0..20_000u32).prop_map(Step::Remove),
        3 => run.clone().prop_map(|(from, n, by)| Step::Fill(from, n, by)),
        3 => run.prop_map(|(from, n, by)| Step::Drain(from, n, by)),
    ];
    proptest::collection::vec(step, 0..25)
}

fn insert(tree: &mut Tree<u32>, model: &mut BTreeSet<u32>, n: u32) {
    if model.insert(n) {
        tree.insert(n);
    }
}

fn remove(tree: &mut Tree<u32>, model: &mut BTreeSet<u32>, n: u32) {
    assert_eq!(tree.remove(&n), model.remove(&n));
}

/// Counts the memory of all nodes anew and checks what inner nodes know of their children.
fn check(node: &Node<u32>, depth: usize, tally: &mut Tally) -> (usize, Option<u32>, usize) {
    match node {
        Node::Leaf(keys) => {
            assert!(keys.len() <= MAX && keys.is_sorted());
            tally.leaf_slots += keys.capacity();
            (keys.len(), keys.first().copied(), depth)
        }
        Node::Inner(inner) => {
            tally.inner_nodes += 1;
            assert!(inner.nodes.len() <= MAX && !inner.nodes.is_empty());
            let mut depths = BTreeSet::new();
            for (index, node) in inner.nodes.iter().enumerate() {
                let (count, first, below) = check(node, depth + 1, tally);
                assert_eq!((inner.counts[index], Some(inner.keys[index])), (count, first));
                depths.insert(below);
            }
            assert_eq!(depths.len(), 1);
            (inner.counts.iter().sum(), inner.keys.first().copied(), depths.pop_first().unwrap())
        }
    }
}

fn check_all(tree: &Tree<u32>, model: &BTreeSet<u32>) {
    let mut tally = Tally::default();
    assert_eq!(check(&tree.root, 0, &mut tally).0, model.len());
    assert_eq!(tree.len(), model.len());
    assert_eq!(tally.leaf_slots, tree.tally.leaf_slots);
    assert_eq!(tally.inner_nodes, tree.tally.inner_nodes);
}

proptest! {
    #[test]
    fn agrees_with_a_sorted_set(steps in steps(), probes in proptest::collection::vec(0..20_000u32, 20)) {
        let (mut tree, mut model) = (Tree::default(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Insert(n) => insert(&mut tree, &mut model, n),
                Step::Remove(n) => remove(&mut tree, &mut model, n),
                Step::Fill(from, n, by) => {
                    (0..n as i32).for_each(|i| insert(&mut tree, &mut model, from.wrapping_add_signed(i * by)));
                }
                Step::Drain(from, n, by) => {
                    (0..n as i32).for_each(|i| remove(&mut tree, &mut model, from.wrapping_add_signed(i * by)));
                }
            }
            check_all(&tree, &model);
        }
        let sorted: Vec<u32> = model.iter().copied().collect();
        prop_assert!(tree.walk(0, false).eq(sorted.iter().copied()));
        for probe in probes {
            let rank = sorted.partition_point(|n| *n < probe);
            prop_assert_eq!(tree.rank(&probe), rank);
            prop_assert_eq!(tree.at(rank), sorted.get(rank).copied());
            let before = tree.walk(rank, true).take(200);
            prop_assert!(before.eq(sorted.iter().take(rank + 1).rev().take(200).copied()) || rank == sorted.len());
            prop_assert!(tree.walk(rank, false).take(200).eq(sorted.iter().skip(rank).take(200).copied()));
        }
        for n in sorted {
            remove(&mut tree, &mut model, n);
        }
        check_all(&tree, &model);
        prop_assert_eq!((tree.tally.inner_nodes, tree.at(0)), (0, None));
    }
}

#[test]
fn keys_in_order_leave_full_leaves() {
    for descending in [false, true] {
        let mut tree = Tree::default();
        for n in 0..100_000u32 {
            tree.insert(if descending { 1_000_000 - n } else { n });
        }
        assert!(tree.tally.leaf_slots < 100_000 + 2 * MAX, "{}", tree.tally.leaf_slots);
        assert!(tree.tally.inner_nodes < 100_000 / MAX / MAX + 6, "{}", tree.tally.inner_nodes);
    }
}

#[test]
fn keys_in_no_order_leave_little_room() {
    let mut tree = Tree::default();
    let mut state = 3;
    for _ in 0..100_000 {
        tree.insert(crate::ds::hash::split_mix(&mut state) as u32);
    }
    assert!(tree.tally.leaf_slots < 115_000, "{}", tree.tally.leaf_slots);
}
