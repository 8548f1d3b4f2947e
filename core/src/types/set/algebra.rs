//! Intersection, union and difference of sets, member by member. Nothing is built but, for many
//! operands, an index of the members that were seen.
//!
//! Each passes every member of the result to `f` once, in no order, until `f` returns false. A
//! missing operand counts as an empty set.

use super::Set;
use crate::ds::listpack::Element;

/// Receives members; false ends the walk.
pub type Visit<'v> = dyn FnMut(Element<'_>) -> bool + 'v;

/// Up to so many operands, a member is looked up in each of the others; beyond that an index of
/// what was seen costs less.
const FEW: usize = 8;

/// The members that all operands have.
pub fn intersection(operands: &[Option<&Set>], f: &mut Visit<'_>) {
    let Some(mut sets) = operands.iter().copied().collect::<Option<Vec<&Set>>>() else { return };
    // The smallest set bounds the result, and the next smallest rejects most cheaply.
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        if others.iter().all(|other| other.contains_element(member)) && !f(member) {
            return;
        }
    }
}

/// The members that any operand has.
pub fn union(operands: &[Option<&Set>], f: &mut Visit<'_>) {
    let mut sets: Vec<&Set> = operands.iter().copied().flatten().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    if sets.len() > FEW {
        return union_of_many(&sets, f);
    }
    for (i, set) in sets.iter().enumerate() {
        for member in set.iter() {
            if !sets[..i].iter().any(|before| before.contains_element(member)) && !f(member) {
                return;
            }
        }
    }
}

fn union_of_many(sets: &[&Set], f: &mut Visit<'_>) {
    let mut seen = Set::large();
    for member in sets.iter().flat_map(|set| set.iter()) {
        if seen.index(member) && !f(member) {
            return;
        }
    }
}

/// The members that the first operand has and no other.
pub fn difference(operands: &[Option<&Set>], f: &mut Visit<'_>) {
    let Some((Some(first), others)) = operands.split_first() else { return };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    // The larger a set, the sooner it rejects.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let mut removed = Set::large();
    if others.len() > FEW {
        for member in others.drain(..).flat_map(Set::iter) {
            if first.contains_element(member) {
                removed.index(member);
            }
        }
        others.push(&removed);
    }
    for member in first.iter() {
        if !others.iter().any(|other| other.contains_element(member)) && !f(member) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limit;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Model = BTreeSet<Vec<u8>>;
    type Algebra = fn(&[Option<&Set>], &mut Visit<'_>);

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0..25i64).prop_map(|n| n.to_string().into_bytes()),
            (0..10u8).prop_map(|n| vec![b'a' + n]),
        ]
    }

    fn run(algebra: Algebra, sets: &[Option<Set>], most: usize) -> Vec<Vec<u8>> {
        let operands: Vec<Option<&Set>> = sets.iter().map(Option::as_ref).collect();
        let mut out = Vec::new();
        algebra(&operands, &mut |member| {
            out.push(member.to_vec());
            out.len() < most
        });
        out
    }

    fn models(sets: &[Option<Set>]) -> Vec<Model> {
        let model = |set: &Set| set.iter().map(|member| member.to_vec()).collect();
        sets.iter().map(|set| set.as_ref().map_or_else(Model::new, model)).collect()
    }

    fn sets() -> impl Strategy<Value = Vec<Option<Set>>> {
        let set =
            (proptest::collection::vec(member(), 1..30), 0..12usize).prop_map(|(all, most)| {
                let limit = Limit { integers: most * 2, entries: most, value: 64 };
                let mut set = Set::new();
                all.iter().for_each(|member| {
                    set.add(member, limit);
                });
                set
            });
        proptest::collection::vec(proptest::option::weighted(0.9, set), 1..14)
    }

    proptest! {
        #[test]
        fn agrees_with_trees(sets in sets(), most in 1..40usize) {
            let models = models(&sets);
            let (first, others) = models.split_first().unwrap();
            let and = others.iter().fold(first.clone(), |all, other| &all & other);
            let or = others.iter().fold(first.clone(), |all, other| &all | other);
            let minus = others.iter().fold(first.clone(), |all, other| &all - other);
            let cases: [(Algebra, Model); 3] =
                [(intersection, and), (union, or), (difference, minus)];
            for (algebra, expected) in cases {
                let all = run(algebra, &sets, usize::MAX);
                prop_assert_eq!(all.len(), expected.len());
                prop_assert_eq!(all.into_iter().collect::<Model>(), expected.clone());
                prop_assert_eq!(run(algebra, &sets, most).len(), most.min(expected.len()));
            }
        }
    }
}
