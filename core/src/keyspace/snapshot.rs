//! Snapshots without fork: all databases as they stood at one moment, written out while commands
//! go on.
//!
//! The start closes the gate, raises the epoch and notes which tables each database number stands
//! for. From then on an entry whose mark is older than the epoch is *unsaved*. A walk visits every
//! shard, a bounded part at a time, writes out the entries that are unsaved and marks them; a
//! command that is about to change or remove an unsaved entry has it written out first
//! ([`Space::preserve`]); new entries bear the epoch from the beginning. So each entry of that
//! moment is written exactly once, as it was. FLUSH hands over the tables that it empties, and
//! SWAPDB swaps names, which were noted.
//!
//! A large collection or long string is not written out before its first change but captured
//! ([`capture`]): what changes in it is taken aside bit by bit, and once the walk has been everywhere
//! the captured values are written one after the other, each in slices. A long list or stream is
//! frozen ([`Frozen`]): a copy that shares its nodes is written in slices after all others.
//!
//! A walk always comes to its end, even if nothing is written any more, so that afterwards every
//! entry bears the epoch: eight bits are enough to tell old from new.

mod capture;

use capture::Whereabouts;
pub use capture::{
    Capture, Captured, Collection, EachMember, EachPart, Pairs, Parts, PutPart, Slices,
};

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use super::{Entry, Held, Keyspace, SHARDS, Scope, ShardDb, ShardSet, Space, Value, Wait};
use crate::engine::{Engine, Worker};
use crate::lock::{Line, Ticket};
use crate::value::Frozen;

/// Keys that the walk visits while it holds a shard, unless they are large.
const KEYS_HELD: usize = 64;

/// Bytes that captures may take in any case before writers have to wait for each step of the walk.
const GATHERED_LEAST: usize = 16 * 1024 * 1024;

/// The part of the used memory that they may take, as a divisor.
const GATHERED_SHARE: usize = 16;

/// How long the walk waits at a time for a collection that is about to be dropped.
const ORPHAN_WAIT: Duration = Duration::from_millis(5);

/// What a snapshot is written to.
pub trait Sink: Send + Sync {
    /// Takes an entry of a database as it stood at the start. Called while its shard is held: it
    /// must not wait. True when so much has gathered that writers should wait
    /// ([`Engine::snapshot_relieved`] lets them go on).
    fn entry(&self, db: usize, entry: &Entry) -> bool;

    /// How large collections are taken in parts.
    fn slices(&self) -> Slices {
        Slices::default()
    }

    /// Whether a value that comes in parts is to be seen before it begins ([`Sink::look`]).
    fn looks_first(&self, _capture: &Capture) -> bool {
        false
    }

    /// Sees bytes of a string that is about to begin. They come again, in the same pieces.
    fn look(&self, _capture: &Capture, _elements: &Pairs) {}

    /// Begins a collection that comes in parts. Nothing else is taken before its end.
    fn begin_parts(&self, capture: &Capture);

    /// Takes some elements of the collection that was begun.
    fn part(&self, capture: &Capture, elements: &Pairs);

    /// Ends the collection, of which all elements were taken.
    fn end_parts(&self, capture: &Capture);

    /// Takes the next bit of a value that comes in parts, the first one if `first`. Nothing else
    /// is taken before its end. False when it was the last.
    fn frozen(&self, frozen: &mut FrozenEntry, first: bool) -> bool;

    /// Whether nobody wants more.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An entry whose value is saved a bit at a time.
pub struct FrozenEntry {
    /// The number of its database.
    pub db: usize,
    /// Its key and expiry, with a value of no meaning.
    pub head: Entry,
    /// Its value.
    pub value: Box<dyn Frozen>,
}

/// A snapshot that is being taken.
pub struct Snapshot {
    epoch: u8,
    /// Database numbers with the tables that they stood for.
    databases: Box<[(usize, usize)]>,
    sink: Arc<dyn Sink>,
    /// Tables that were emptied since, with their database number.
    flushed: Mutex<Vec<(usize, ShardDb)>>,
    /// Large collections that are to be written in parts.
    captures: Mutex<Vec<Arc<Capture>>>,
    /// Bytes that they keep.
    gathered: Arc<AtomicUsize>,
    /// Values that were frozen, to be written in parts.
    frozen: Mutex<Vec<FrozenEntry>>,
}

/// Tables that were emptied: nothing is found in them any more.
const NO_TABLES: usize = usize::MAX;

impl Snapshot {
    /// Writes out or captures an entry of a database number's tables, if it is unsaved.
    fn save(&self, place: (usize, usize), entry: &mut Entry) -> bool {
        if entry.epoch() == self.epoch {
            return false;
        }
        entry.set_epoch(self.epoch);
        !self.in_parts(place, entry) && self.sink.entry(place.0, entry)
    }

    /// Freezes or captures the value of an entry, if it is large enough to be written in parts.
    fn in_parts(&self, place: (usize, usize), entry: &mut Entry) -> bool {
        self.freeze(place.0, entry) || self.capture(place, entry)
    }

    /// Freezes the value of an entry, if it is large and can be frozen.
    fn freeze(&self, db: usize, entry: &mut Entry) -> bool {
        let nodes = self.sink.slices().nodes;
        let Some(value) = entry.object_mut().and_then(|object| object.freeze(nodes)) else {
            return false;
        };
        lock(&self.frozen).push(FrozenEntry { db, head: head_of(entry), value });
        true
    }

    /// Captures the value of an entry, if it is a large collection.
    fn capture(&self, place: (usize, usize), entry: &mut Entry) -> bool {
        let (slices, mut head) = (self.sink.slices(), None);
        let large = |parts: &mut dyn Parts| match parts.collection() {
            Collection::String => parts.count() >= slices.string,
            _ => parts.count() >= slices.least,
        };
        if entry.parts().is_some_and(large) {
            head = Some(head_of(entry));
        }
        let Some((head, parts)) = head.zip(entry.parts()) else { return false };
        lock(&self.captures).push(Capture::begin(place, head, parts, &self.gathered));
        true
    }

    /// The capture that takes the most memory, or else any, to be written next.
    fn next_capture(&self) -> Option<Arc<Capture>> {
        let mut captures = lock(&self.captures);
        let (at, _) = captures.iter().enumerate().max_by_key(|(_, c)| c.weight())?;
        Some(captures.swap_remove(at))
    }

    /// The tables that a database number stood for.
    fn physical(&self, logical: usize) -> usize {
        let found = self.databases.iter().find(|(db, _)| *db == logical);
        found.map_or(logical, |(_, tables)| *tables)
    }

    /// The database number that tables stood for.
    fn logical(&self, physical: usize) -> usize {
        let found = self.databases.iter().find(|(_, tables)| *tables == physical);
        found.map_or(physical, |(db, _)| *db)
    }
}

/// An entry without its value.
fn head_of(entry: &Entry) -> Entry {
    let mut head = Entry::new(entry.key(), Value::Int(0), entry.expiry());
    head.set_clock(entry.clock());
    head
}

impl Drop for Snapshot {
    /// Usually there is nothing left. After a panic, collections are not to gather for ever.
    fn drop(&mut self) {
        lock(&self.captures).iter().for_each(|capture| drop(capture.give_up()));
    }
}

/// What the keyspace knows of snapshots.
#[derive(Default)]
pub struct Snapshots {
    /// The mark of entries made now. Changes while the gate is closed.
    epoch: AtomicU8,
    running: AtomicBool,
    current: Mutex<Option<Arc<Snapshot>>>,
    /// Whether writers wait because the sink has more than enough.
    full: AtomicBool,
    room: Arc<Line>,
    /// Bytes that captured collections have taken aside.
    gathered: Arc<AtomicUsize>,
    /// How many they may take before writers have to wait.
    gathered_max: AtomicUsize,
    /// Bytes of entries that were written out early, by whoever was about to change them.
    copied: AtomicU64,
}

impl Snapshots {
    /// Bytes of entries that whoever was about to change them had to write out first, for the
    /// snapshot that is being taken or the last one. What another process's copy-on-write would
    /// have copied.
    pub fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    /// The mark of entries made now.
    #[inline]
    pub fn epoch(&self) -> u8 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Whether a snapshot is being taken.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// Whether a write has to wait until the sink has written more.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Waits for the sink. True when the caller has to wait; `waker` is then called.
    pub(super) fn poll_room(&self, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        match place {
            Some(ticket) if Arc::ptr_eq(ticket.line(), &self.room) => ticket.again(waker),
            _ => *place = Some(Ticket::take(&self.room, waker)),
        }
        if self.full.load(Ordering::SeqCst) {
            return true;
        }
        *place = None;
        false
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
        lock(&self.current)
    }

    /// Has writers wait until the walk is a step further.
    fn slow_down(&self) {
        // The lock: whoever ends the snapshot lets writers go on after taking it.
        if self.current().is_some() {
            self.set_full(true);
        }
    }

    fn set_full(&self, full: bool) {
        if self.full.swap(full, Ordering::SeqCst) && !full {
            self.room.wake_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Where the walk of a snapshot stands.
#[derive(Default)]
pub struct SnapshotWalk {
    database: usize,
    shard: u16,
    at: u64,
    /// The collection that is being written in parts.
    capture: Option<Arc<Capture>>,
    /// The frozen value that is.
    frozen: Option<FrozenEntry>,
}

impl Drop for SnapshotWalk {
    /// As a snapshot's.
    fn drop(&mut self) {
        if let Some(capture) = &self.capture {
            drop(capture.give_up());
        }
    }
}

impl SnapshotWalk {
    /// How far it is, from 0 to 1, by the shards visited; large collections come after them.
    pub fn progress(&self, snapshot: &Snapshot) -> f64 {
        let shards = snapshot.databases.len().max(1) * SHARDS;
        (self.database * SHARDS + usize::from(self.shard)) as f64 / shards as f64
    }
}

impl Keyspace {
    /// Begins a snapshot. `None` when one is being taken.
    fn start_snapshot(&self, held: &Held<'_>, sink: Arc<dyn Sink>) -> Option<Arc<Snapshot>> {
        assert!(held.owns_all(), "a snapshot begins behind the gate");
        let mut current = self.snapshots.current();
        if current.is_some() {
            return None;
        }
        let used = |tables| (0..SHARDS as u16).any(|s| held.shard(s).db(tables).is_some());
        let all = (0..self.databases()).map(|db| (db, self.physical(db)));
        let epoch = self.snapshots.epoch().wrapping_add(1);
        let snapshot = Arc::new(Snapshot {
            epoch,
            databases: all.filter(|(_, tables)| used(*tables)).collect(),
            sink,
            flushed: Mutex::default(),
            captures: Mutex::default(),
            frozen: Mutex::default(),
            gathered: Arc::clone(&self.snapshots.gathered),
        });
        self.snapshots.copied.store(0, Ordering::Relaxed);
        self.snapshots.epoch.store(epoch, Ordering::Relaxed);
        self.snapshots.running.store(true, Ordering::Relaxed);
        *current = Some(Arc::clone(&snapshot));
        Some(snapshot)
    }
}

/// Wakes a thread that waits for shards.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Engine {
    /// Runs `work` with these shards held, for a thread that serves no connections and may
    /// therefore sleep until it has them.
    pub fn hold_and<R>(
        &self,
        worker: &Worker,
        scope: &Scope,
        work: impl FnOnce(&mut Space<'_>) -> R,
    ) -> R {
        let held = self.wait_for(worker, scope);
        worker.read_clock();
        let mut space = Space::new(self, worker, held, 0);
        let result = work(&mut space);
        space.end();
        self.end_turn(worker);
        result
    }

    fn wait_for(&self, worker: &Worker, scope: &Scope) -> Held<'_> {
        let (token, mut wait) = (self.next_session_id(), Wait::default());
        // Mostly it is free, and nobody has to be woken.
        if let Some(held) = self.poll_hold(worker, token, &mut wait, scope, Waker::noop()) {
            return held;
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            self.end_turn(worker);
            if let Some(held) = self.poll_hold(worker, token, &mut wait, scope, &waker) {
                return held;
            }
            self.end_turn(worker);
            std::thread::park();
        }
    }

    /// Begins a snapshot of all databases, at a moment at which no command runs; `at_start` is
    /// called then. `None` when one is being taken already. The caller makes the walk
    /// ([`Engine::walk_snapshot`]) to its end.
    pub fn begin_snapshot(
        &self,
        worker: &Worker,
        sink: Arc<dyn Sink>,
        at_start: impl FnOnce(&mut Space<'_>),
    ) -> Option<Arc<Snapshot>> {
        self.hold_and(worker, &Scope::All, |space| {
            let snapshot = self.keyspace.start_snapshot(space.held(), sink)?;
            let used = self.host().map_or(0, |host| host.used_memory());
            let most = GATHERED_LEAST.max(used / GATHERED_SHARE);
            self.keyspace.snapshots.gathered_max.store(most, Ordering::Relaxed);
            at_start(space);
            Some(snapshot)
        })
    }

    /// Writes out a bounded part of a snapshot. False once all of it is written: the snapshot is
    /// then over.
    pub fn walk_snapshot(
        &self,
        worker: &Worker,
        snapshot: &Snapshot,
        walk: &mut SnapshotWalk,
    ) -> bool {
        self.save_flushed(snapshot);
        let Some(&(db, tables)) = snapshot.databases.get(walk.database) else {
            self.save_flushed(snapshot);
            if self.write_captured(worker, snapshot, walk)
                || self.write_frozen(worker, snapshot, walk)
            {
                return true;
            }
            self.keyspace.snapshots.running.store(false, Ordering::Relaxed);
            *self.keyspace.snapshots.current() = None;
            self.snapshot_relieved();
            return false;
        };
        let scope = Scope::Shards(ShardSet::one(walk.shard));
        walk.at = self.hold_and(worker, &scope, |space| {
            space.save_part(snapshot, (db, tables), walk.shard, walk.at)
        });
        // Better here than while a shard is held: threads that serve clients go first. Measured
        // under 50,000 SET a second: their p99.9 was halved.
        std::thread::yield_now();
        if walk.at == 0 {
            walk.shard += 1;
            if usize::from(walk.shard) == SHARDS {
                (walk.shard, walk.database) = (0, walk.database + 1);
            }
        }
        true
    }

    /// Writes out what is unsaved in tables that were emptied. Nobody else has them.
    fn save_flushed(&self, snapshot: &Snapshot) {
        let flushed = std::mem::take(&mut *lock(&snapshot.flushed));
        for (db, mut tables) in flushed {
            for entry in tables.table.iter_mut() {
                snapshot.save((db, NO_TABLES), entry);
            }
            self.freer.free_any(Box::new(tables));
        }
    }

    /// Writes the next slice of the collections that were captured. False when none is left.
    fn write_captured(
        &self,
        worker: &Worker,
        snapshot: &Snapshot,
        walk: &mut SnapshotWalk,
    ) -> bool {
        let sink = &*snapshot.sink;
        let Some(capture) = walk.capture.take().or_else(|| {
            let next = snapshot.next_capture()?;
            match sink.looks_first(&next) {
                true => next.look_first(),
                false => sink.begin_parts(&next),
            }
            Some(next)
        }) else {
            return false;
        };
        if sink.is_cancelled() {
            if let Some(orphan) = capture.give_up() {
                self.freer.free_any(Box::new(orphan));
            }
            return true;
        }
        let looking = capture.is_looking();
        for part in self.next_slice(worker, &capture, sink.slices()) {
            match looking {
                _ if part.is_empty() => {}
                true => sink.look(&capture, &part),
                false => sink.part(&capture, &part),
            }
        }
        if looking && !capture.is_looking() {
            sink.begin_parts(&capture);
        }
        if capture.is_over() {
            sink.end_parts(&capture);
        } else {
            walk.capture = Some(capture);
        }
        std::thread::yield_now();
        true
    }

    /// The next elements of a captured collection, wherever it is.
    fn next_slice(&self, worker: &Worker, capture: &Arc<Capture>, slices: Slices) -> [Pairs; 2] {
        let (tables, key) = match capture.whereabouts() {
            Whereabouts::At(tables, key) => (tables, key),
            Whereabouts::Orphan(orphan) => {
                let pairs = capture.slice(&*orphan, slices);
                match capture.is_over() {
                    true => self.freer.free_any(Box::new(orphan)),
                    false => capture.keep(orphan),
                }
                return pairs;
            }
        };
        let place = self.keyspace.place(&key);
        let scope = Scope::Shards(ShardSet::one(place.shard));
        let found = self.hold_and(worker, &scope, |space| {
            let db = space.shard_mut(place.shard).db_mut(tables)?;
            let entry = db.table.find_mut(place.hash, |entry| entry.key() == &*key)?;
            let parts = entry.parts()?;
            parts.captured().get().filter(|here| Arc::ptr_eq(here, capture))?;
            let pairs = capture.slice(parts, slices);
            if capture.is_over() {
                parts.captured().set(None);
            }
            Some(pairs)
        });
        found.unwrap_or_else(|| {
            // It was moved just now, or the freer has not come to it yet.
            capture.wait_for_orphan(ORPHAN_WAIT);
            Default::default()
        })
    }

    /// Writes the next bit of the values that were frozen. False when none is left.
    fn write_frozen(&self, worker: &Worker, snapshot: &Snapshot, walk: &mut SnapshotWalk) -> bool {
        let first = walk.frozen.is_none();
        let Some(mut frozen) = walk.frozen.take().or_else(|| lock(&snapshot.frozen).pop()) else {
            return false;
        };
        if !snapshot.sink.is_cancelled() && snapshot.sink.frozen(&mut frozen, first) {
            walk.frozen = Some(frozen);
        } else {
            let FrozenEntry { db, head, value } = frozen;
            drop(value);
            self.thaw(worker, snapshot.physical(db), head.key());
        }
        std::thread::yield_now();
        true
    }

    /// Tells a value that its frozen copy is gone, if it is still where it was. Otherwise it finds
    /// out when it is frozen the next time.
    fn thaw(&self, worker: &Worker, tables: usize, key: &[u8]) {
        let place = self.keyspace.place(key);
        let scope = Scope::Shards(ShardSet::one(place.shard));
        let remains = self.hold_and(worker, &scope, |space| {
            let db = space.shard_mut(place.shard).db_mut(tables)?;
            let entry = db.table.find_mut(place.hash, |entry| entry.key() == key)?;
            entry.object_mut()?.thaw()
        });
        if let Some(remains) = remains {
            self.freer.free_any(remains);
        }
    }

    /// Lets writers go on that wait for the sink of a snapshot.
    pub fn snapshot_relieved(&self) {
        self.keyspace.snapshots.set_full(false);
    }
}

impl Space<'_> {
    /// Has an entry that is about to change or go written out first, if a snapshot still needs it.
    #[inline]
    pub(super) fn preserve(&mut self, key: &[u8]) {
        if self.engine().keyspace.snapshots.is_running() {
            self.preserve_unsaved(key);
        }
    }

    #[cold]
    fn preserve_unsaved(&mut self, key: &[u8]) {
        let snapshots = &self.engine().keyspace.snapshots;
        let most = snapshots.gathered_max.load(Ordering::Relaxed);
        if snapshots.gathered.load(Ordering::Relaxed) > most {
            snapshots.slow_down();
        }
        let physical = self.physical();
        let Some(entry) = self.find_mut(key).filter(|e| e.epoch() != snapshots.epoch()) else {
            return;
        };
        let Some(snapshot) = snapshots.current().clone() else { return };
        let place = (snapshot.logical(physical), physical);
        entry.set_epoch(snapshot.epoch);
        if snapshot.in_parts(place, entry) {
            return;
        }
        snapshots.copied.fetch_add(entry.memory() as u64, Ordering::Relaxed);
        if snapshot.sink.entry(place.0, entry) {
            snapshots.set_full(true);
        }
    }

    /// Says that a value is about to be put at a key, which it may have had elsewhere.
    #[inline]
    pub(super) fn moving(&self, key: &[u8], value: &mut Value) {
        if self.engine().keyspace.snapshots.is_running()
            && let Some(parts) = value.parts()
            && let Some(capture) = parts.captured().get()
        {
            capture.moved(self.physical(), key);
        }
    }

    /// Gives a snapshot the tables of a database that are being emptied. They come back if none
    /// needs them.
    pub(super) fn hand_over(&self, tables: Vec<ShardDb>) -> Vec<ShardDb> {
        let snapshots = &self.engine().keyspace.snapshots;
        let Some(snapshot) = snapshots.current().clone() else { return tables };
        let db = snapshot.logical(self.physical());
        lock(&snapshot.flushed).extend(tables.into_iter().map(|tables| (db, tables)));
        Vec::new()
    }

    /// Writes out some of a held shard from a position on, and returns the next; 0 at the end.
    fn save_part(
        &mut self,
        snapshot: &Snapshot,
        place: (usize, usize),
        shard: u16,
        mut at: u64,
    ) -> u64 {
        let keyspace = &self.engine().keyspace;
        let Some(tables) = self.shard_mut(shard).db_mut(place.1) else { return 0 };
        let (mut keys, mut full) = (0, false);
        loop {
            at = tables.table.scan_mut(
                at,
                |e| keyspace.hash(e.key()),
                |entry| {
                    keys += 1;
                    full |= snapshot.save(place, entry);
                },
            );
            if at == 0 || full || keys >= KEYS_HELD {
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests;
