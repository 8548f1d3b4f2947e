//! Tests of the quicklist beside a deque of strings.

use super::*;
use proptest::prelude::*;

type Model = VecDeque<Vec<u8>>;

fn contents<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<Vec<u8>> {
    elements.map(|element| element.to_vec()).collect()
}

/// Recounts everything, and checks that nothing is empty or too large.
fn check(list: &Quicklist) {
    let mut total = 0;
    for chunk in &list.chunks {
        assert!(!chunk.nodes().is_empty() && chunk.nodes().len() <= CHUNK_NODES);
        let mut len = 0;
        for node in chunk.nodes() {
            let count = match node.content() {
                Content::Packed(listpack) => {
                    let (bytes, count) = (listpack.as_bytes().len(), listpack.len());
                    assert!(list.limit.allows(bytes, count) || count == 1, "{bytes}, {count}");
                    count
                }
                Content::Plain(bytes) => {
                    assert!(list.limit.is_large(&Element::Bytes(bytes)));
                    1
                }
            };
            assert!(count > 0);
            assert_eq!(count, node.len());
            len += count;
        }
        assert_eq!(len, chunk.len());
        total += len;
    }
    assert_eq!(total, list.len());
}

#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    /// Adds as many equal elements at the end.
    Fill(Vec<u8>, usize),
    PopBack,
    PopFront,
    Insert(f64, Vec<u8>),
    Set(f64, Vec<u8>),
    Remove(f64, usize),
    Delete(f64, usize),
    Trim(f64, f64),
    RemoveEqual(Vec<u8>, usize, bool),
    SplitAndJoin(f64),
    MoveNode,
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u8..8).prop_map(|n| vec![b'0' + n]),
        4 => proptest::collection::vec(any::<u8>(), 0..40),
        2 => (100usize..2000).prop_map(|n| vec![b'x'; n]),
        1 => (4090usize..4110).prop_map(|n| vec![b'y'; n]),
        1 => (8180usize..9000).prop_map(|n| vec![b'z'; n]),
    ]
}

/// A place in a list, as a part of its length.
fn part() -> impl Strategy<Value = f64> {
    0.0..1.02f64
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => element().prop_map(Step::PushBack),
        3 => element().prop_map(Step::PushFront),
        3 => (element(), 0usize..300).prop_map(|(e, n)| Step::Fill(e, n)),
        1 => Just(Step::PopBack),
        1 => Just(Step::PopFront),
        6 => (part(), element()).prop_map(|(at, e)| Step::Insert(at, e)),
        4 => (part(), element()).prop_map(|(at, e)| Step::Set(at, e)),
        2 => (part(), 0usize..50).prop_map(|(at, n)| Step::Remove(at, n)),
        2 => (part(), 0usize..50).prop_map(|(at, n)| Step::Delete(at, n)),
        1 => (0.0..0.3f64, 0.7..1.02f64).prop_map(|(from, to)| Step::Trim(from, to)),
        2 => (element(), 0usize..9, any::<bool>()).prop_map(|(e, n, b)| Step::RemoveEqual(e, n, b)),
        2 => part().prop_map(Step::SplitAndJoin),
        1 => Just(Step::MoveNode),
    ]
}

fn place(part: f64, len: usize) -> usize {
    (part * len as f64) as usize
}

/// Removes a range from the model, clipped to it.
fn drain(model: &mut Model, from: usize, count: usize) -> Vec<Vec<u8>> {
    let len = model.len();
    model.drain(from.min(len)..(from + count).min(len)).collect()
}

fn model_remove_equal(model: &mut Model, element: &[u8], most: usize, from_back: bool) -> usize {
    let mut places: Vec<usize> = (0..model.len()).filter(|&i| model[i] == element).collect();
    if from_back {
        places.reverse();
    }
    places.truncate(most);
    places.sort_unstable();
    places.iter().rev().for_each(|&i| drop(model.remove(i)));
    places.len()
}

fn apply(list: &mut Quicklist, model: &mut Model, step: Step) {
    let len = model.len();
    match step {
        Step::PushBack(e) => {
            list.push_back(&e);
            model.push_back(e);
        }
        Step::PushFront(e) => {
            list.push_front(&e);
            model.push_front(e);
        }
        Step::Fill(e, n) => (0..n).for_each(|_| {
            list.push_back(&e);
            model.push_back(e.clone());
        }),
        Step::PopBack => assert_eq!(list.pop_back(), model.pop_back()),
        Step::PopFront => assert_eq!(list.pop_front(), model.pop_front()),
        Step::Insert(part, e) => {
            let at = place(part, len);
            assert_eq!(list.insert(at, &e), at <= len);
            if at <= len {
                model.insert(at, e);
            }
        }
        Step::Set(part, e) => {
            let at = place(part, len);
            assert_eq!(list.set(at, &e), at < len);
            if at < len {
                model[at] = e;
            }
        }
        Step::Remove(part, n) => {
            let at = place(part, len);
            let removed = list.remove_range(at..at + n);
            check(&removed);
            assert_eq!(contents(removed.iter()), drain(model, at, n));
        }
        Step::Delete(part, n) => {
            let at = place(part, len);
            assert_eq!(list.delete_range(at..at + n), drain(model, at, n).len());
        }
        Step::Trim(from, to) => {
            let (from, to) = (place(from, len), place(to, len));
            let [before, behind] = list.trim(from..to);
            assert_eq!(contents(behind.iter()), drain(model, to, len));
            assert_eq!(contents(before.iter()), drain(model, 0, from));
        }
        Step::RemoveEqual(e, most, from_back) => {
            let removed = list.remove_equal(&e, most, from_back);
            assert_eq!(removed, model_remove_equal(model, &e, most, from_back));
        }
        Step::SplitAndJoin(part) => {
            let at = place(part, len);
            let tail = list.split_off(at);
            check(list);
            check(&tail);
            assert_eq!((list.len(), tail.len()), (at.min(len), len.saturating_sub(at)));
            list.append(tail);
        }
        Step::MoveNode => {
            if let Some(content) = list.pop_content() {
                let moved = len - list.len();
                list.push_content(content);
                model.rotate_left(moved);
            }
        }
    }
}

fn limits() -> impl Strategy<Value = NodeLimit> {
    prop_oneof![Just(-1i64), Just(-2), Just(-5), Just(1), Just(3), Just(128)]
        .prop_map(NodeLimit::from_config)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque(
        limit in limits(),
        steps in proptest::collection::vec(step(), 0..50),
        frozen_at in 0usize..50,
    ) {
        let (mut list, mut model) = (Quicklist::new(limit), Model::new());
        let mut frozen = None;
        for (i, step) in steps.into_iter().enumerate() {
            if i == frozen_at {
                frozen = Some((list.clone(), model.clone()));
            }
            apply(&mut list, &mut model, step);
            check(&list);
            prop_assert_eq!(list.len(), model.len());
        }
        prop_assert!(contents(list.iter()).iter().eq(model.iter()));
        prop_assert!(contents(list.iter().rev()).iter().eq(model.iter().rev()));
        for (index, element) in model.iter().enumerate() {
            prop_assert_eq!(list.get(index).map(|e| e.to_vec()), Some(element.clone()));
        }
        prop_assert_eq!(list.get(model.len()), None);
        if let Some((list, model)) = frozen {
            check(&list);
            prop_assert!(contents(list.iter()).iter().eq(model.iter()));
        }
    }

    #[test]
    fn ranges_run_from_both_ends(
        fill in proptest::collection::vec(element(), 0..40),
        repeat in 1usize..20,
        from in part(),
        to in part(),
        turns in proptest::collection::vec(any::<bool>(), 0..300),
    ) {
        let (mut list, mut model) = (Quicklist::default(), Vec::new());
        for e in (0..repeat).flat_map(|_| &fill) {
            list.push_back(e);
            model.push(e.clone());
        }
        let (from, to) = (place(from, model.len()), place(to, model.len()));
        let mut range = list.range(from..to);
        let clipped = from.min(to.min(model.len()))..to.min(model.len());
        let mut expected = model[clipped].iter();
        prop_assert_eq!(range.len(), expected.len());
        for back in turns {
            let (found, wanted) = match back {
                true => (range.next_back(), expected.next_back()),
                false => (range.next(), expected.next()),
            };
            prop_assert_eq!(found.map(|e| e.to_vec()), wanted.cloned());
        }
        prop_assert_eq!(&contents(range), &expected.cloned().collect::<Vec<_>>());
    }
}

#[test]
fn a_long_list_is_changed_anywhere() {
    let mut list = Quicklist::new(NodeLimit::from_config(-1));
    let total = 300_000usize;
    (0..total).for_each(|n| list.push_back(format!("element:{n}").as_bytes()));
    check(&list);
    assert!(list.chunks.len() > 10);
    let index = |list: &Quicklist, i| list.get(i).map(|e| e.to_vec());
    assert_eq!(index(&list, 123_456), Some(b"element:123456".to_vec()));
    (0..20_000).for_each(|_| assert!(list.insert(150_000, b"inserted")));
    check(&list);
    assert_eq!(index(&list, 150_000), Some(b"inserted".to_vec()));
    assert_eq!(index(&list, 170_000), Some(b"element:150000".to_vec()));
    assert_eq!(list.remove_range(100..300_000).len(), 299_900);
    assert_eq!(index(&list, 100), Some(b"element:280000".to_vec()));
    check(&list);
    assert_eq!(list.remove_equal(b"inserted", usize::MAX, false), 0);
    (0..20_000).for_each(|_| assert_eq!(list.delete_range(50..51), 1));
    check(&list);
    assert_eq!(list.len(), 100);
}

#[test]
fn clones_share_nodes_until_they_change() {
    let mut list = Quicklist::default();
    (0..100_000).for_each(|n| list.push_back(n.to_string().as_bytes()));
    let frozen = list.clone();
    let shared = |a: &Quicklist, b: &Quicklist| {
        let same = |(a, b): &(&Content, &Content)| std::ptr::eq(*a, *b);
        a.contents().zip(b.contents()).filter(same).count()
    };
    let nodes = list.contents().count();
    assert_eq!(shared(&list, &frozen), nodes);
    assert!(list.set(50_000, b"1"));
    assert_eq!(shared(&list, &frozen), nodes - 1);
    assert_eq!(frozen.get(50_000), Some(Element::Int(50_000)));
}

#[test]
fn limits_follow_the_configuration() {
    let limit = |value| NodeLimit::from_config(value);
    assert!(limit(-2).allows(8192, 5000) && !limit(-2).allows(8193, 1));
    assert!(limit(-5).allows(65_536, 1) && limit(-9) == limit(-5));
    assert!(limit(128).allows(8192, 128) && !limit(128).allows(100, 129));
    assert!(!limit(128).allows(8193, 2));
    assert_eq!(limit(0), limit(1));
    assert_eq!(limit(i64::MIN), limit(-5));
}

#[test]
fn a_list_that_is_freed_by_the_node() {
    let mut list = Quicklist::default();
    (0..20_000).for_each(|n| list.push_back(n.to_string().as_bytes()));
    let mut left = list.len();
    while list.pop_content().is_some() {
        assert!(list.len() < left);
        left = list.len();
        check(&list);
    }
    assert!(list.is_empty() && list.chunks.is_empty());
}
