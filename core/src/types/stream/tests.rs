//! Streams against a sorted map of their entries.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::group::Group;
use super::trim::{Keep, References, Trim};
use super::*;

const LIMIT: Limit = Limit { bytes: 200, entries: 7 };

type Pairs = Vec<Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Add(u64, Pairs),
    Delete(u64),
    Trim(bool, u64, bool),
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let word = prop_oneof![
        Just(b"a".to_vec()),
        Just(b"-17".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec((word.clone(), word), 1..4)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(f, v)| [f, v]).collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..9u64, pairs()).prop_map(|(gap, pairs)| Step::Add(gap, pairs)),
        2 => any::<u64>().prop_map(Step::Delete),
        1 => (any::<bool>(), 0..60u64, any::<bool>()).prop_map(|(a, n, b)| Step::Trim(a, n, b)),
    ]
}

fn words(pairs: &Pairs) -> Vec<&[u8]> {
    pairs.iter().map(Vec::as_slice).collect()
}

fn read(entry: &Entry<'_>) -> (StreamId, Pairs) {
    let pairs = entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]);
    (entry.id, pairs.collect())
}

fn some_id(model: &BTreeMap<StreamId, Pairs>, n: u64) -> Option<StreamId> {
    let at = usize::try_from(n).ok()?.checked_rem(model.len())?;
    model.keys().nth(at).copied()
}

fn apply(stream: &mut Stream, model: &mut BTreeMap<StreamId, Pairs>, step: Step) {
    match step {
        Step::Add(gap, pairs) => {
            let last = stream.last_id();
            let id = StreamId::new(last.ms + gap / 4, last.seq.wrapping_add(gap).max(1));
            let id = if id > last { id } else { StreamId::new(last.ms + 1, 0) };
            stream.append(id, &words(&pairs), LIMIT);
            model.insert(id, pairs);
        }
        Step::Delete(n) => {
            let id = some_id(model, n).unwrap_or(StreamId::new(n, n));
            assert_eq!(stream.delete(id), model.remove(&id).is_some());
        }
        Step::Trim(by_count, n, approximate) => {
            let keep = match some_id(model, n) {
                Some(id) if !by_count => Keep::From(id),
                _ => Keep::Newest(n),
            };
            let trim = Trim { keep, approximate, limit: 0, references: References::Keep };
            let removed = stream.trim(&trim);
            let most = match keep {
                Keep::Newest(n) => (model.len() as u64).saturating_sub(n),
                Keep::From(id) => model.range(..id).count() as u64,
            };
            assert!(if approximate { removed <= most } else { removed == most });
            (0..removed).for_each(|_| drop(model.pop_first()));
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(
        steps in prop::collection::vec(step(), 1..120),
        start: u64,
        end: u64,
    ) {
        let (mut stream, mut model) = (Stream::default(), BTreeMap::new());
        for step in steps {
            apply(&mut stream, &mut model, step);
            prop_assert_eq!(stream.len(), model.len() as u64);
            prop_assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
        }
        let start = some_id(&model, start).unwrap_or(StreamId::MIN);
        let end = some_id(&model, end).unwrap_or(StreamId::MAX);
        let expected: Vec<(StreamId, Pairs)> = model
            .iter()
            .filter(|(id, _)| (start..=end).contains(id))
            .map(|(id, pairs)| (*id, pairs.clone()))
            .collect();
        let (mut seen, mut back) = (Vec::new(), Vec::new());
        stream.scan(start, end, |entry| { seen.push(read(entry)); true });
        stream.scan_back(start, end, |entry| { back.push(read(entry)); true });
        back.reverse();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(&back, &expected);
        for (id, pairs) in &model {
            prop_assert_eq!(stream.get(*id).map(|entry| read(&entry)), Some((*id, pairs.clone())));
        }
        for (_, node) in stream.nodes() {
            let copy = Node::from_listpack(node.listpack().clone());
            prop_assert!(copy.is_ok_and(|copy| copy.counts() == node.counts()));
        }
    }

    #[test]
    fn pending_entries_agree_with_a_map(
        steps in prop::collection::vec((0..4u8, 0..30u64, 0..3u32, 0..50i64), 0..80),
        until in 0..50i64,
    ) {
        let mut group = Group::default();
        let consumers: Vec<_> = [b"a", b"b", b"c"].map(|name| group.add_consumer(name, 0)).into();
        let mut model: BTreeMap<StreamId, (Option<u32>, i64)> = BTreeMap::new();
        let mut released: Vec<StreamId> = Vec::new();
        // The order by age is kept from here on.
        group.claimable(0, 0);
        for (what, id, consumer, time) in steps {
            let id = StreamId::new(id, 0);
            released.retain(|other| *other != id || what == 3);
            match what {
                0 => {
                    let known = model.remove(&id).is_some();
                    prop_assert_eq!(group.acknowledge(id), known);
                }
                1 => {
                    group.release(id, 1);
                    model.insert(id, (None, 0));
                    released.push(id);
                }
                2 => {
                    group.assign(id, consumers[consumer as usize], time, 1);
                    model.insert(id, (Some(consumers[consumer as usize]), time));
                }
                _ => {}
            }
        }
        let seen: Vec<_> = group
            .pel()
            .from(StreamId::MIN)
            .map(|(id, pending)| (id, (pending.owner, pending.delivered())))
            .collect();
        prop_assert_eq!(seen, model.iter().map(|(id, p)| (*id, *p)).collect::<Vec<_>>());
        let mut idle: Vec<(i64, StreamId)> = model
            .iter()
            .filter(|(_, (owner, time))| owner.is_some() && *time <= until)
            .map(|(id, (_, time))| (*time, *id))
            .collect();
        idle.sort_unstable();
        let mut expected = released;
        expected.extend(idle.into_iter().map(|(_, id)| id));
        prop_assert_eq!(group.claimable(until, usize::MAX), expected);
        for consumer in consumers {
            let own: Vec<StreamId> =
                model.iter().filter(|(_, p)| p.0 == Some(consumer)).map(|(id, _)| *id).collect();
            let pending = group.consumer(consumer).unwrap().pending();
            prop_assert_eq!(pending.iter().copied().collect::<Vec<_>>(), own);
        }
    }
}

#[test]
fn entries_that_are_not_acknowledged_can_be_spared() {
    let mut stream = Stream::default();
    (1..=20).for_each(|ms| stream.append(StreamId::new(ms, 0), &[b"a", b"b"], LIMIT));
    let mut group = Group::new(StreamId::new(10, 0), None);
    let consumer = group.add_consumer(b"c", 0);
    group.assign(StreamId::new(3, 0), consumer, 0, 1);
    stream.groups_mut().insert((*b"g").into(), group);
    let keep = Keep::Newest(0);
    let trim = Trim { keep, approximate: false, limit: 0, references: References::Spare };
    assert_eq!(stream.trim(&trim), 9);
    assert_eq!(stream.first_id(), StreamId::new(3, 0));
    let trim = Trim { references: References::Remove, ..trim };
    assert_eq!(stream.trim(&trim), 11);
    assert!(stream.groups().values().all(|group| group.pel().is_empty()));
}

#[test]
fn a_listpack_that_is_no_node_is_refused() {
    use crate::ds::Listpack;
    let wrong: [&[i64]; 4] = [&[], &[1, 0, 1], &[1, 0, 0, 0], &[0, 0, 0, 0, 2, 0]];
    for elements in wrong {
        let pack: Listpack = elements.iter().copied().collect();
        assert!(Node::from_listpack(pack).is_err(), "{elements:?}");
    }
    // One entry with the field of the head, and how many elements it says it has: four it are.
    for stated in [0, 3, 4, 5, i64::MAX] {
        let elements = [1, 0, 1, 7, 0, 2, 0, 0, 9, stated];
        let pack: Listpack = elements.into_iter().collect();
        assert_eq!(Node::from_listpack(pack).is_ok(), stated == 4, "{stated}");
    }
}
