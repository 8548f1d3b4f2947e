//! Deadlines against a naive model.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Set(u8, i64),
    Remove(u8),
    Pop(i64),
    Hide(i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (any::<u8>(), 0i64..40).prop_map(|(e, at)| Op::Set(e, at)),
        2 => any::<u8>().prop_map(Op::Remove),
        1 => (0i64..10).prop_map(Op::Pop),
        1 => (0i64..40).prop_map(Op::Hide),
    ]
}

fn pop_due(deadlines: &mut Deadlines, now: i64) -> Option<Box<[u8]>> {
    let element: Box<[u8]> = deadlines.first_due(now)?.into();
    deadlines.remove(&element);
    Some(element)
}

proptest! {
    #[test]
    fn deadlines_agree_with_a_map(ops in proptest::collection::vec(op(), 0..400)) {
        let mut deadlines = Deadlines::default();
        let mut model: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        let mut horizon = i64::MIN;
        for op in ops {
            match op {
                Op::Set(e, at) => {
                    prop_assert_eq!(deadlines.set(&[e], at), model.insert(vec![e], at));
                }
                Op::Remove(e) => {
                    prop_assert_eq!(deadlines.remove(&[e]), model.remove([e].as_slice()));
                }
                Op::Pop(now) => {
                    let first = model.values().min().copied().filter(|at| *at <= now);
                    let popped = pop_due(&mut deadlines, now);
                    prop_assert_eq!(popped.is_some(), first.is_some());
                    if let Some(element) = popped {
                        prop_assert_eq!(model.remove(&*element), first);
                    }
                }
                Op::Hide(now) => {
                    deadlines.hide_due(now);
                    horizon = now;
                }
            }
            prop_assert_eq!(deadlines.len(), model.len());
            prop_assert_eq!(deadlines.next(), model.values().min().copied());
            prop_assert_eq!(deadlines.hidden(), model.values().filter(|at| **at <= horizon).count());
        }
        let copy = deadlines.clone();
        for (element, at) in &model {
            prop_assert_eq!(copy.get(element), Some(*at));
            prop_assert_eq!(copy.hides(element), *at <= horizon);
        }
        let mut all: Vec<(Vec<u8>, i64)> = copy.iter().map(|(e, at)| (e.to_vec(), at)).collect();
        all.sort();
        prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn many_of_one_deadline_all_come_out() {
    let mut deadlines = Deadlines::default();
    for n in 0..1000u32 {
        deadlines.set(&n.to_le_bytes(), 5);
    }
    assert!(deadlines.memory() > 4000);
    assert_eq!(deadlines.first_due(4), None);
    let mut seen = std::collections::HashSet::new();
    while let Some(element) = pop_due(&mut deadlines, 5) {
        assert!(seen.insert(element));
    }
    assert_eq!((seen.len(), deadlines.len(), deadlines.bytes), (1000, 0, 0));
}
