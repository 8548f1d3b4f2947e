use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::keyspace::{Buffer, Value};
use crate::types::{hash, set, zset};
use crate::value::Object;

/// Elements with their second parts and deadlines.
type Contents = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// A collection in its large form, and what it was when it was captured.
struct Bench {
    object: Box<dyn Object>,
    capture: Arc<Capture>,
    gathered: Arc<AtomicUsize>,
    before: Contents,
    passed: Contents,
    twice: bool,
    /// The score that was passed last, of a sorted set.
    score: f64,
    disordered: bool,
}

/// Longer than what compact forms take.
fn name(number: u16) -> Vec<u8> {
    format!("{number:070}").into_bytes()
}

fn add(object: &mut dyn Object, number: u16, value: u32) {
    let member = name(number);
    if let Some(set) = object.downcast_mut::<set::Set>() {
        set.add(&member, set::Limit { integers: 0, entries: 0, value: 0 });
    } else if let Some(hash) = object.downcast_mut::<hash::Hash>() {
        hash.set(&member, &value.to_le_bytes(), hash::Limit { entries: 0, value: 0 });
    } else if let Some(zset) = object.downcast_mut::<zset::Zset>() {
        zset.insert(&member, f64::from(value), zset::Limit { entries: 0, value: 0 });
    }
}

fn remove(object: &mut dyn Object, number: u16) {
    object.expiring_mut().unwrap().drop_element(&name(number));
}

fn expire(object: &mut dyn Object, number: u16, at: i64) {
    let value = object.expiring_mut().unwrap();
    if value.has(&name(number)) {
        value.set_deadline(&name(number), at);
    }
}

/// Everything in the collection, read in one go.
fn contents(object: &mut dyn Object) -> Contents {
    let (parts, mut all, mut cursor) = (object.parts().unwrap(), BTreeMap::new(), 0);
    loop {
        cursor = parts.scan_parts(cursor, &mut |_, first, second, at| {
            all.insert(first.to_vec(), (second.to_vec(), at));
        });
        if cursor == 0 {
            return all;
        }
    }
}

impl Bench {
    fn new(collection: Collection, members: u16, expire_each: Option<usize>) -> Self {
        let mut object: Box<dyn Object> = match collection {
            Collection::Set => Box::new(set::Set::large()),
            Collection::Hash => Box::new(hash::Hash::default()),
            Collection::Zset => Box::new(zset::Zset::default()),
            Collection::String => unreachable!("a string is no object"),
        };
        (0..members).for_each(|number| add(&mut *object, number, number.into()));
        let some = (0..members).step_by(expire_each.unwrap_or(usize::MAX));
        some.skip(1).for_each(|number| expire(&mut *object, number, 5000 - i64::from(number)));
        let (before, gathered) = (contents(&mut *object), Arc::default());
        let head = Entry::new(b"key", Value::Int(0), None);
        let capture = Capture::begin((0, 0), head, object.parts().unwrap(), &gathered);
        Self {
            object,
            capture,
            gathered,
            before,
            passed: BTreeMap::new(),
            twice: false,
            score: f64::INFINITY,
            disordered: false,
        }
    }

    /// Sees that scores do not grow.
    fn see(&mut self, second: &[u8]) {
        if self.capture.collection == Collection::Zset {
            let score = second.try_into().map_or(f64::NAN, f64::from_le_bytes);
            self.disordered |= score > self.score;
            self.score = score;
        }
    }

    fn slice(&mut self) {
        let slices = Slices { least: 0, elements: 40, bytes: usize::MAX, nodes: 0, string: 0 };
        for pairs in self.capture.slice(self.object.parts().unwrap(), slices) {
            for (first, second, at) in pairs.with_deadlines() {
                self.see(second);
                self.twice |= self.passed.insert(first.to_vec(), (second.to_vec(), at)).is_some();
            }
        }
    }

    fn finish(mut self, dropped: bool) -> Result<(), TestCaseError> {
        if dropped {
            // Its elements go to the capture, and the walk goes on there.
            drop(self.object);
            while !self.capture.is_over() {
                let Whereabouts::Orphan(orphan) = self.capture.whereabouts() else {
                    return Err(TestCaseError::fail("no orphan"));
                };
                for pairs in self.capture.slice(&*orphan, Slices::default()) {
                    for (first, second, at) in pairs.with_deadlines() {
                        self.twice |=
                            self.passed.insert(first.to_vec(), (second.to_vec(), at)).is_some();
                    }
                }
                self.capture.keep(orphan);
            }
        } else {
            while !self.capture.is_over() {
                self.slice();
            }
        }
        prop_assert!(!self.twice && !self.disordered);
        prop_assert_eq!(self.passed, self.before);
        prop_assert_eq!(self.gathered.load(Ordering::SeqCst), 0);
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// So many members from one on, each with a new value.
    Add(u16, u16),
    /// So many members from one on.
    Remove(u16, u16),
    /// Gives so many members from one on a deadline.
    Expire(u16, u16),
    /// Takes them away.
    Persist(u16, u16),
    /// Removes members up to a deadline.
    Pass(u16),
    Slice,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..4000u16, 1..900u16).prop_map(|(from, count)| Op::Add(from, count)),
        2 => (0..4000u16, 1..900u16).prop_map(|(from, count)| Op::Remove(from, count)),
        1 => (0..4000u16, 1..900u16).prop_map(|(from, count)| Op::Expire(from, count)),
        1 => (0..4000u16, 1..900u16).prop_map(|(from, count)| Op::Persist(from, count)),
        1 => (0..500u16).prop_map(Op::Pass),
        3 => Just(Op::Slice),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    /// So many bytes from a place on, as far as there are any.
    Change(usize, usize),
    Lengthen(usize),
    Shorten(usize),
    Slice,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0..60_000usize, 1..9000usize).prop_map(|(from, count)| Edit::Change(from, count)),
        1 => (1..9000usize).prop_map(Edit::Lengthen),
        1 => (0..60_000usize).prop_map(Edit::Shorten),
        4 => Just(Edit::Slice),
    ]
}

fn change_buffer(buffer: &mut Buffer, edit: &Edit, value: u8) {
    let len = buffer.len();
    match *edit {
        Edit::Change(from, count) => {
            let range = from.min(len)..(from + count).min(len);
            buffer.ranges_mut(std::slice::from_ref(&range))[range].fill(value);
        }
        Edit::Lengthen(more) => buffer.tail_mut(len).resize(len + more, value),
        Edit::Shorten(to) => buffer.tail_mut(to.min(len)).truncate(to),
        Edit::Slice => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_bytes_of_that_moment_are_passed_in_order(
        before in proptest::collection::vec(any::<u8>(), 1..50_000),
        edits in proptest::collection::vec(edit(), 0..40),
        looks: bool,
        dropped: bool,
        bytes in 1..9000usize,
    ) {
        let (mut buffer, gathered) = (Box::new(Buffer::new(before.clone())), Arc::default());
        let head = Entry::new(b"key", Value::Int(0), None);
        let capture = Capture::begin((0, 0), head, &mut *buffer, &gathered);
        if looks {
            capture.look_first();
        }
        let mut passed = [Vec::new(), Vec::new()];
        let slices = Slices { bytes, ..Slices::default() };
        let slice = |parts: &dyn Parts, passed: &mut [Vec<u8>; 2]| {
            let which = usize::from(!capture.is_looking());
            let [nothing, slice] = capture.slice(parts, slices);
            assert!(nothing.is_empty());
            passed[which].extend_from_slice(slice.bytes());
        };
        for (value, edit) in (0..).zip(&edits) {
            match edit {
                Edit::Slice if !capture.is_over() => slice(&*buffer, &mut passed),
                edit => change_buffer(&mut buffer, edit, value),
            }
        }
        let mut orphan: Box<dyn Parts> = buffer;
        if dropped && !capture.is_over() {
            drop(orphan);
            let Whereabouts::Orphan(heir) = capture.whereabouts() else {
                return Err(TestCaseError::fail("no orphan"));
            };
            orphan = heir;
        }
        while !capture.is_over() {
            slice(&*orphan, &mut passed);
        }
        prop_assert!(passed[1] == before);
        prop_assert!(!looks || passed[0] == before);
        prop_assert_eq!(gathered.load(Ordering::SeqCst), 0);
    }
}

proptest! {
    // Hundreds of members a step: segments split, merge, grow and shrink under the walk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_element_of_that_moment_is_passed_once_as_it_was(
        collection in prop_oneof![
            Just(Collection::Set), Just(Collection::Hash), Just(Collection::Zset),
        ],
        members in 0..2000u16,
        ops in proptest::collection::vec(op(), 0..60),
        expire_each in proptest::option::of(1..9usize),
        dropped: bool,
    ) {
        // A collection that is a key's value is not empty.
        let mut bench = Bench::new(collection, members + 1, expire_each);
        for (value, op) in (100_000..).zip(ops) {
            match op {
                Op::Slice => bench.slice(),
                Op::Add(from, count) => {
                    (from..from + count).for_each(|n| add(&mut *bench.object, n, value));
                }
                Op::Expire(from, count) => {
                    (from..from + count).for_each(|n| expire(&mut *bench.object, n, value.into()));
                }
                Op::Persist(from, count) => {
                    let value = bench.object.expiring_mut().unwrap();
                    (from..from + count).for_each(|n| _ = value.clear_deadline(&name(n)));
                }
                Op::Pass(most) => {
                    let value = bench.object.expiring_mut().unwrap();
                    value.remove_due(i64::MAX, most.into());
                }
                Op::Remove(from, count) => {
                    (from..from + count).for_each(|n| remove(&mut *bench.object, n));
                }
            }
        }
        // Dropped after the end, it leaves nothing.
        let dropped = dropped && !bench.capture.is_over();
        bench.finish(dropped)?;
    }
}
