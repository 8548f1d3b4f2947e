//! Large values in parts: a snapshot takes a collection as it stood at one moment while the
//! collection goes on changing, and without ever looking at more than a few hundred of its elements
//! at a time.
//!
//! A captured collection refers to its [`Capture`]. A walk in the order of hashes passes its
//! elements on, a slice at a time; what is about to change ahead of the walk is passed on first, as
//! it was ([`Capture::before`]), and skipped when the walk comes by. So every element of the moment
//! of capture is passed exactly once, as it was then, and nothing else is:
//!
//! - [`Table::scan`](crate::ds::table::Table::scan) goes from one position of the hash order to a
//!   later one and passes the elements in between, all of them and no others, whatever shape the
//!   table has by then. Hence one number, the cursor, says of every hash whether it was passed, and
//!   goes on saying so when segments grow, split, shrink or merge.
//! - Before the first change at a hash that was not passed, all elements of that hash are taken
//!   aside, and the hash is *ahead*; later changes at it are of no interest, and the walk skips it.
//!   An element added later is of such a hash.
//! - At a hash that was passed nothing is left to be done, and at one that is neither passed nor
//!   ahead nothing has changed.
//!
//! A long string is taken in the same way, by chunks of [`CHUNK`] bytes in place of hashes
//! ([`Captured::before_bytes`]). Its chunks are passed on in order, so those ahead of the walk are
//! kept until it comes by. Whoever compresses it needs to know in advance how long the result is,
//! and sees it twice: nothing counts as passed the first time.
//!
//! Sorted sets are passed on in their order, which is in [`order`].
//!
//! A collection that is dropped while the walk has not come to its end leaves its elements to the
//! capture, whose *orphan* they then are. So nobody who removes, overwrites or flushes keys has to
//! know of captures. Whoever puts a collection under another key says so ([`Capture::moved`]).

mod order;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use order::Order;

use crate::ds::table::CURSOR_BITS;
use crate::keyspace::Entry;
use crate::util::num;
use crate::value::Emit;

/// What kind of value comes in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Bytes in order. The second of a pair is empty.
    String,
    /// Members. The second of a pair is empty.
    Set,
    /// Fields and values.
    Hash,
    /// Members and scores, the scores as the bytes of an `f64`, the lowest first.
    Zset,
}

/// Bytes of a string that are kept together before they change.
pub const CHUNK: usize = 4096;

/// Elements in one command of [`Collection::rebuild`].
const REBUILD_ELEMENTS: usize = 64;

impl Collection {
    /// The commands that add these elements to a collection at `key`, or bytes to a string.
    pub fn rebuild(self, key: &[u8], all: &Pairs, emit: &mut Emit<'_>) {
        let name: &[u8] = match self {
            Self::String => b"APPEND",
            Self::Set => b"SADD",
            Self::Hash => b"HSET",
            Self::Zset => b"ZADD",
        };
        let mut elements = all.iter().peekable();
        while elements.peek().is_some() {
            let some = elements.by_ref().take(REBUILD_ELEMENTS);
            let words: Vec<Cow<'_, [u8]>> = some.flat_map(|pair| self.words(pair)).collect();
            let line: Vec<&[u8]> =
                [name, key].into_iter().chain(words.iter().map(|word| &**word)).collect();
            emit(&line);
        }
        self.rebuild_deadlines(key, all, emit);
    }

    /// The commands that give those elements deadlines that have one.
    fn rebuild_deadlines(self, key: &[u8], elements: &Pairs, emit: &mut Emit<'_>) {
        let [name, keyword]: [&[u8]; 2] = match self {
            Self::String => return,
            Self::Set => [b"SPEXPIREAT", b"MEMBERS"],
            Self::Hash => [b"HPEXPIREAT", b"FIELDS"],
            Self::Zset => [b"ZPEXPIREAT", b"MEMBERS"],
        };
        for (element, _, at) in elements.with_deadlines() {
            if let Some(at) = at {
                let mut number = itoa::Buffer::new();
                emit(&[name, key, number.format(at).as_bytes(), keyword, b"1", element]);
            }
        }
    }

    /// What names an element in a command that adds it.
    fn words<'a>(
        self,
        (first, second): (&'a [u8], &'a [u8]),
    ) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let [before, behind] = match self {
            Self::String | Self::Set => [None, None],
            Self::Hash => [None, Some(second.into())],
            Self::Zset => {
                let score = second.try_into().map_or(0.0, f64::from_le_bytes);
                [Some(num::format_f64(score).into_bytes().into()), None]
            }
        };
        before.into_iter().chain([first.into()]).chain(behind)
    }
}

/// How much of a collection is looked at while its shard is held.
#[derive(Clone, Copy, Debug)]
pub struct Slices {
    /// Collections of fewer elements are written whole.
    pub least: usize,
    /// Elements from which on a slice ends.
    pub elements: usize,
    /// Bytes from which on a slice ends.
    pub bytes: usize,
    /// Lists and streams of fewer nodes are written whole.
    pub nodes: usize,
    /// Strings of fewer bytes are written whole.
    pub string: usize,
}

impl Default for Slices {
    /// Some hundred microseconds at most, unless elements are very large.
    fn default() -> Self {
        Self { least: 4096, elements: 512, bytes: 256 * 1024, nodes: 32, string: 256 * 1024 }
    }
}

/// Takes an element: its two parts, and its deadline in Unix milliseconds.
pub type PutPart<'a> = dyn FnMut(&[u8], &[u8], Option<i64>) + 'a;

/// What [`Parts::scan_parts`] passes elements to: as [`PutPart`], with the hash in front.
pub type EachPart<'a> = dyn FnMut(u64, &[u8], &[u8], Option<i64>) + 'a;

/// What [`Parts::descend`] passes members to: hash, member, score and deadline.
pub type EachMember<'a> = dyn FnMut(u64, &[u8], f64, Option<i64>) -> bool + 'a;

/// A collection's capture, for as long as there is one. Whoever owns it calls [`Captured::leave`]
/// when it is dropped.
#[derive(Default)]
pub struct Captured(Option<Arc<Capture>>);

impl Captured {
    /// Called before anything of this hash is added, changed or removed. `each` passes on all
    /// elements of the hash.
    #[inline]
    pub fn before(&mut self, hash: u64, each: impl FnOnce(&mut PutPart<'_>)) {
        if self.0.is_some() {
            self.take_aside(hash, each);
        }
    }

    /// As [`Captured::before`], of bytes of a string; before it gets longer there is nothing to do.
    #[inline]
    pub fn before_bytes(&mut self, bytes: &[u8], range: Range<usize>) {
        if let Some(capture) = &self.0
            && !capture.before_bytes(bytes, range)
        {
            self.0 = None;
        }
    }

    #[cold]
    fn take_aside(&mut self, hash: u64, each: impl FnOnce(&mut PutPart<'_>)) {
        if self.0.as_ref().is_some_and(|capture| !capture.before(hash, each)) {
            self.0 = None;
        }
    }

    /// Leaves the elements to the capture; `take` moves them out of the collection. Nothing is
    /// taken without a capture, or once it is over.
    pub fn leave(&mut self, take: impl FnOnce() -> Box<dyn Parts>) {
        if let Some(capture) = self.0.take() {
            capture.inherit(take);
        }
    }

    pub(super) fn get(&self) -> Option<&Arc<Capture>> {
        self.0.as_ref()
    }

    pub(super) fn set(&mut self, capture: Option<Arc<Capture>>) {
        self.0 = capture;
    }
}

/// The table of a large collection, or a long string.
pub trait Parts: Send + Sync {
    /// What it is the table of.
    fn collection(&self) -> Collection;

    /// Number of elements, or of bytes.
    fn count(&self) -> usize;

    /// The earliest deadline of an element.
    fn earliest(&self) -> Option<i64> {
        None
    }

    /// The capture, if there is one. Whatever changes an element calls [`Captured::before`] first.
    fn captured(&mut self) -> &mut Captured;

    /// As [`Table::scan`](crate::ds::table::Table::scan), each element with its hash.
    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64;

    /// Passes on the members of a sorted set in descending order, those below `from` or else all,
    /// until `f` answers false.
    fn descend(&self, _from: Option<(f64, &[u8])>, _f: &mut EachMember<'_>) {}

    /// The bytes, if it is a string.
    fn bytes(&self) -> &[u8] {
        &[]
    }
}

/// Pairs of bytes, one behind the other, and a deadline for some.
#[derive(Debug, Default)]
pub struct Pairs {
    bytes: Vec<u8>,
    lengths: Vec<(usize, usize)>,
    /// Those of the first pairs; none of the rest has one.
    deadlines: Vec<Option<i64>>,
}

impl Pairs {
    /// Adds a pair.
    pub fn push(&mut self, first: &[u8], second: &[u8], deadline: Option<i64>) {
        if deadline.is_some() {
            self.deadlines.resize(self.lengths.len(), None);
            self.deadlines.push(deadline);
        }
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.lengths.push((first.len(), second.len()));
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The pairs in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().map(move |&(first, second)| {
            let (pair, behind) = rest.split_at(first + second);
            rest = behind;
            pair.split_at(first)
        })
    }

    /// The pairs with their deadlines.
    pub fn with_deadlines(&self) -> impl Iterator<Item = (&[u8], &[u8], Option<i64>)> {
        let deadlines = self.deadlines.iter().copied().chain(std::iter::repeat(None));
        self.iter().zip(deadlines).map(|((first, second), at)| (first, second, at))
    }

    /// The bytes of all, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of memory in use.
    fn weight(&self) -> usize {
        self.bytes.len()
            + self.lengths.len() * size_of::<(usize, usize)>()
            + self.deadlines.len() * size_of::<Option<i64>>()
    }
}

/// Bytes of memory for one chunk that is kept.
const CHUNK_WEIGHT: usize = CHUNK + 48;

/// Bytes of memory for one hash that is ahead: about two thirds of a tree's node are in use.
const AHEAD_WEIGHT: usize = 12;

/// A collection that a snapshot takes in parts. See the file's page.
pub struct Capture {
    /// The number of the database at the start of the snapshot.
    pub db: usize,
    /// Key, expiry and use of the entry, with no value.
    pub head: Entry,
    /// What it is.
    pub collection: Collection,
    /// How many elements there are, or bytes.
    pub count: usize,
    /// The earliest deadline of an element; without one there is none at all.
    pub earliest: Option<i64>,
    /// Bytes that all captures of the keyspace keep.
    gathered: Arc<AtomicUsize>,
    state: Mutex<State>,
    orphaned: Condvar,
}

#[derive(Default)]
struct State {
    /// Where the collection is: the tables of which database, and under which key.
    home: (usize, Box<[u8]>),
    /// Hashes before this position were passed.
    cursor: u64,
    /// Whether all were passed, or nobody wants them.
    over: bool,
    /// Hashes that are not passed, but whose elements were taken aside.
    ahead: BTreeSet<u64>,
    /// Those elements.
    aside: Pairs,
    /// Chunks of a string by their numbers, as they were before they changed.
    chunks: BTreeMap<u64, Box<[u8]>>,
    /// The chunk that is looked at next, while a string is seen for the first time of two.
    looking: Option<u64>,
    /// What is done in place of all this to a sorted set.
    order: Order,
    /// The collection, once its key does not have it any more.
    orphan: Option<Box<dyn Parts>>,
}

impl State {
    fn has_passed(&self, hash: u64) -> bool {
        self.over || hash >> (64 - CURSOR_BITS) < self.cursor
    }

    fn weight(&self) -> usize {
        self.aside.weight()
            + self.ahead.len() * AHEAD_WEIGHT
            + self.chunks.len() * CHUNK_WEIGHT
            + self.order.weight()
    }

    /// The next bytes of a string that had `count` of them, at least `most` unless it ends; `bytes`
    /// is what it is now.
    fn next_bytes(&mut self, bytes: &[u8], count: usize, most: usize) -> Pairs {
        let (mut slice, mut chunk) = (Vec::new(), self.looking.unwrap_or(self.cursor));
        let (bytes, end) = (&bytes[..count.min(bytes.len())], count.div_ceil(CHUNK) as u64);
        while chunk < end && slice.len() < most {
            match self.chunks.get(&chunk) {
                Some(kept) => slice.extend_from_slice(kept),
                None => slice.extend_from_slice(chunk_of(bytes, chunk)),
            }
            chunk += 1;
        }
        match self.looking {
            Some(_) => self.looking = Some(chunk).filter(|_| chunk < end),
            None => {
                self.chunks = self.chunks.split_off(&chunk);
                (self.cursor, self.over) = (chunk, chunk >= end);
            }
        }
        let lengths = vec![(slice.len(), 0)];
        Pairs { bytes: slice, lengths, ..Pairs::default() }
    }

    fn pass(&mut self, cursor: u64) {
        self.cursor = cursor;
        self.over = cursor == 0;
        while self.ahead.first().is_some_and(|&hash| self.has_passed(hash)) {
            self.ahead.pop_first();
        }
    }
}

/// The bytes of a chunk, fewer or none behind the end.
fn chunk_of(bytes: &[u8], chunk: u64) -> &[u8] {
    let from = (chunk as usize * CHUNK).min(bytes.len());
    &bytes[from..(from + CHUNK).min(bytes.len())]
}

/// What became of a capture's collection.
pub(super) enum Whereabouts {
    /// It is at a key of these tables.
    At(usize, Box<[u8]>),
    /// It has no key any more.
    Orphan(Box<dyn Parts>),
}

impl Capture {
    /// Captures a collection that `tables` have at the key of `head`. `gathered` counts the bytes
    /// of memory that captures take.
    pub(super) fn begin(
        (db, tables): (usize, usize),
        head: Entry,
        parts: &mut dyn Parts,
        gathered: &Arc<AtomicUsize>,
    ) -> Arc<Self> {
        let state = State { home: (tables, head.key().into()), ..State::default() };
        let capture = Arc::new(Self {
            db,
            head,
            collection: parts.collection(),
            count: parts.count(),
            earliest: parts.earliest(),
            gathered: Arc::clone(gathered),
            state: Mutex::new(state),
            orphaned: Condvar::new(),
        });
        parts.captured().set(Some(Arc::clone(&capture)));
        capture
    }

    fn state(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }

    /// Runs `work` and keeps count of the memory.
    fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state();
        let before = state.weight();
        let result = work(&mut state);
        let after = state.weight();
        if after >= before {
            self.gathered.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.gathered.fetch_sub(before - after, Ordering::Relaxed);
        }
        result
    }

    /// Called before anything of this hash is added, changed or removed. `each` passes on all
    /// elements of the hash. False once the capture is over: it is then to be forgotten.
    pub fn before(&self, hash: u64, each: impl FnOnce(&mut PutPart<'_>)) -> bool {
        self.change(|state| {
            if self.collection == Collection::Zset {
                if !state.over {
                    state.order.before(hash, each);
                }
            } else if !state.has_passed(hash) && state.ahead.insert(hash) {
                each(&mut |first, second, at| state.aside.push(first, second, at));
            }
            !state.over
        })
    }

    /// As [`Capture::before`], of bytes of a string.
    pub fn before_bytes(&self, bytes: &[u8], range: Range<usize>) -> bool {
        self.change(|state| {
            if state.over {
                return false;
            }
            let before = &bytes[..self.count.min(bytes.len())];
            let end = range.end.min(before.len()).div_ceil(CHUNK) as u64;
            for chunk in ((range.start / CHUNK) as u64).max(state.cursor)..end {
                state.chunks.entry(chunk).or_insert_with(|| chunk_of(before, chunk).into());
            }
            true
        })
    }

    /// Has a string seen once before it is passed on.
    pub(super) fn look_first(&self) {
        self.state().looking = Some(0);
    }

    /// Whether a string is being seen before it is passed on.
    pub(super) fn is_looking(&self) -> bool {
        self.state().looking.is_some()
    }

    /// Leaves the elements of a collection that is dropped; `take` moves them out of it. Nothing
    /// is taken once the capture is over.
    pub fn inherit(&self, take: impl FnOnce() -> Box<dyn Parts>) {
        let mut state = self.state();
        if !state.over {
            state.orphan = Some(take());
            self.orphaned.notify_all();
        }
    }

    /// Says that the collection is now at this key of these tables.
    pub(super) fn moved(&self, tables: usize, key: &[u8]) {
        self.state().home = (tables, key.into());
    }

    /// Where the collection is now.
    pub(super) fn whereabouts(&self) -> Whereabouts {
        let mut state = self.state();
        match state.orphan.take() {
            Some(orphan) => Whereabouts::Orphan(orphan),
            None => Whereabouts::At(state.home.0, state.home.1.clone()),
        }
    }

    /// Waits a moment for a collection that is at no key: somebody is about to drop it.
    pub(super) fn wait_for_orphan(&self, moment: Duration) {
        let state = self.state();
        if state.orphan.is_none() {
            // What came of it is seen when it is asked for the next time.
            drop(self.orphaned.wait_timeout(state, moment));
        }
    }

    /// Takes what was put aside, and the next slice of `parts`, which is the collection itself.
    pub(super) fn slice(&self, parts: &dyn Parts, slices: Slices) -> [Pairs; 2] {
        self.change(|state| {
            if self.collection == Collection::String {
                let slice = state.next_bytes(parts.bytes(), self.count, slices.bytes);
                return [Pairs::default(), slice];
            }
            if state.over {
                return Default::default();
            }
            if self.collection == Collection::Zset {
                let (slice, over) = state.order.slice(parts, slices);
                if over {
                    (state.over, state.order) = (true, Order::default());
                }
                return [Pairs::default(), slice];
            }
            let (aside, mut slice) = (std::mem::take(&mut state.aside), Pairs::default());
            while !state.over && slice.len() < slices.elements && slice.bytes.len() < slices.bytes {
                let ahead = &state.ahead;
                let cursor = parts.scan_parts(state.cursor, &mut |hash, first, second, at| {
                    if !ahead.contains(&hash) {
                        slice.push(first, second, at);
                    }
                });
                state.pass(cursor);
            }
            [aside, slice]
        })
    }

    /// Takes an orphan that is not needed at the moment.
    pub(super) fn keep(&self, orphan: Box<dyn Parts>) {
        self.state().orphan = Some(orphan);
    }

    /// Whether all elements were passed on, or nobody wants them any more.
    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Ends the capture: nobody wants its elements. Returns the orphan, if there is one.
    pub(super) fn give_up(&self) -> Option<Box<dyn Parts>> {
        self.change(|state| {
            let orphan = state.orphan.take();
            *state = State { over: true, ..State::default() };
            orphan
        })
    }

    /// Bytes of memory that the capture takes.
    pub(super) fn weight(&self) -> usize {
        self.state().weight()
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
