//! Lists against a naive model, across the changes of form.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Push(bool, Vec<Vec<u8>>),
    Pop(bool, usize),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(Vec<u8>, usize, bool),
    Trim(usize, usize),
}

fn end(left: bool) -> End {
    if left { End::Left } else { End::Right }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0..8i64).prop_map(|n| n.to_string().into_bytes()),
        3 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => proptest::collection::vec(any::<u8>(), 1000..6000),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let index = 0..40usize;
    prop_oneof![
        6 => (any::<bool>(), proptest::collection::vec(word(), 1..12)).prop_map(|(l, e)| Op::Push(l, e)),
        3 => (any::<bool>(), 0..20usize).prop_map(|(l, n)| Op::Pop(l, n)),
        2 => (index.clone(), word()).prop_map(|(i, e)| Op::Set(i, e)),
        2 => (index.clone(), word()).prop_map(|(i, e)| Op::Insert(i, e)),
        2 => (word(), 0..5usize, any::<bool>()).prop_map(|(e, n, l)| Op::Remove(e, n, l)),
        1 => (index.clone(), index).prop_map(|(a, b)| Op::Trim(a, b)),
    ]
}

/// Most bytes that encoding adds to the elements of one push: see [`op`].
const ENCODING_MAX: usize = 12 * 10;

type Model = VecDeque<Vec<u8>>;

fn remove_from_model(model: &mut Model, element: &[u8], most: usize, left: bool) -> usize {
    let mut at: Vec<usize> = (0..model.len()).filter(|&i| model[i] == element).collect();
    if !left {
        at.reverse();
    }
    at.truncate(most);
    at.sort_unstable();
    at.iter().rev().for_each(|&i| drop(model.remove(i)));
    at.len()
}

fn apply(
    list: &mut List,
    model: &mut Model,
    op: Op,
    limit: NodeLimit,
) -> Result<(), TestCaseError> {
    match op {
        Op::Push(left, elements) => {
            let words: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
            list.push(end(left), &words, limit);
            for element in elements {
                if left { model.push_front(element) } else { model.push_back(element) }
            }
        }
        Op::Pop(left, count) => {
            for _ in 0..count {
                let expected = if left { model.pop_front() } else { model.pop_back() };
                prop_assert_eq!(list.pop(end(left)), expected);
            }
            list.settle();
        }
        Op::Set(index, element) => {
            prop_assert_eq!(list.set(index, &element, limit), index < model.len());
            if let Some(slot) = model.get_mut(index) {
                *slot = element;
            }
        }
        Op::Insert(index, element) => {
            prop_assert_eq!(list.insert(index, &element, limit), index <= model.len());
            if index <= model.len() {
                model.insert(index, element);
            }
        }
        Op::Remove(element, most, left) => {
            let removed = list.remove_equal(&element, most, end(left));
            prop_assert_eq!(removed, remove_from_model(model, &element, most, left));
        }
        Op::Trim(start, stop) => {
            let stop = stop.min(model.len());
            let start = start.min(stop);
            drop(list.trim(start..stop));
            *model = model.range(start..stop).cloned().collect();
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn agrees_with_a_deque(ops in proptest::collection::vec(op(), 1..60), size in prop_oneof![Just(-2i64), Just(-1), 1i64..30]) {
        let limit = NodeLimit::from_config(size);
        let (mut list, mut model) = (List::default(), Model::new());
        for op in ops {
            apply(&mut list, &mut model, op, limit)?;
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.is_empty(), model.is_empty());
            if let Some(pack) = list.as_listpack() {
                // The limit is compared before a push, with elements as they come, not encoded.
                let bytes = pack.as_bytes().len().saturating_sub(ENCODING_MAX);
                prop_assert!(limit.allows(bytes, pack.len()) || pack.is_empty());
            }
        }
        let elements: Vec<Vec<u8>> = list.iter().map(|e| e.to_vec()).collect();
        prop_assert_eq!(&elements, &model.iter().cloned().collect::<Vec<_>>());
        let (from, to) = (model.len() / 3, model.len() * 2 / 3 + 1);
        let part: Vec<Vec<u8>> = list.range(from..to).rev().map(|e| e.to_vec()).collect();
        let expected: Vec<Vec<u8>> = elements[from..to.min(elements.len())].iter().rev().cloned().collect();
        prop_assert_eq!(part, expected);
        for index in 0..=model.len() {
            prop_assert_eq!(list.get(index).map(|e| e.to_vec()), model.get(index).cloned());
        }
        let mut again = List::default();
        list.duplicate().rebuild(b"key", &mut |words| {
            assert!(words[0] == b"RPUSH" && words[1] == b"key");
            again.push(End::Right, &words[2..], limit);
        });
        prop_assert_eq!(again.iter().map(|e| e.to_vec()).collect::<Vec<_>>(), elements);
    }
}

#[test]
fn the_form_follows_the_size() {
    let limit = NodeLimit::from_config(-2);
    let mut list = List::default();
    assert_eq!(list.encoding(), "listpack");
    for _ in 0..100 {
        list.push(End::Right, &[&[b'x'; 100]], limit);
    }
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.memory() > 10_000);
    for _ in 0..85 {
        list.pop(End::Left);
        list.settle();
    }
    assert_eq!(list.encoding(), "listpack");
    assert!(list.memory() < 2_500);
}

#[test]
fn effort_counts_nodes() {
    let limit = NodeLimit::from_config(-1);
    let mut list = List::default();
    assert_eq!(list.free_effort(), 1);
    for _ in 0..200 {
        list.push(End::Right, &[&[b'x'; 3000]], limit);
    }
    assert_eq!(list.free_effort(), 200);
}
