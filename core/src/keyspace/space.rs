//! What commands do to keys.
//!
//! A [`Space`] is the critical section of one command, EXEC or script: the shards it holds, the
//! one moment at which it happens, and what it leaves behind: effects for the log, notifications,
//! keys that may serve blocked clients, keys that modules want to look at. Every change of an
//! entry passes through here. A change has two halves: access for writing
//! ([`Space::lookup_mut`], [`Space::put`], [`Space::remove`]), before which a snapshot can take
//! the entry, and [`Space::changed`], which tells everybody who needs to know.

mod tell;

pub use tell::{Event, INVALIDATE_ALL, INVALIDATED};

use std::sync::Arc;

use super::sizes::{Noted, SizeClass};
use super::string::{StrBytes, string_of};
use super::{Entry, Held, Kept, Keyspace, LAZY_FREE_EFFORT, Shard, Value, ValueRef, access};
use crate::blocking::Mailbox;
use crate::effects::Effects;
use crate::engine::{Engine, Worker};
use crate::error::CmdError;
use crate::notify::Class;
use crate::value::Object;

/// What happens to the expiry when a value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// No expiry.
    Persist,
    /// The expiry it had, if any.
    Keep,
    /// This one, in Unix milliseconds.
    At(i64),
}

/// The critical section of one command or transaction.
pub struct Space<'e> {
    engine: &'e Engine,
    worker: &'e Worker,
    held: Held<'e>,
    now: i64,
    /// What expires up to this moment is over: nothing in a replay, in which the log says what
    /// expired.
    due: i64,
    db: usize,
    physical: usize,
    /// The key that most commands are about, with its place.
    own: Option<(*const [u8], Place)>,
    /// The value last accessed for writing, whose size may have changed since.
    pub(super) noted: Option<Noted>,
    /// Elements whose time is over are hidden from the running command, and left to others to
    /// remove.
    pub(crate) only_hides: bool,
    /// Changes made by the running command.
    pub(crate) dirty: u64,
    /// The running command stated its own effects, or none: its words are not logged.
    pub(crate) stated: bool,
    /// What is left to do at its end.
    pub(crate) after: Box<Aftermath>,
}

/// Where a key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its shard.
    pub shard: u16,
    /// Its hash in the shard's tables.
    pub hash: u64,
}

/// What a critical section leaves behind. A worker keeps one for all its commands, so that most
/// of them neither make nor move any of it.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// Effects that were stated so far.
    pub(crate) effects: Effects,
    /// Keyspace events to publish.
    pub(crate) events: Vec<Event>,
    /// Keys (with their logical databases) that may serve blocked clients.
    pub(crate) ready: Vec<(usize, Box<[u8]>)>,
    /// Keys that modules want to look at.
    pub(crate) touched: Vec<(usize, Box<[u8]>)>,
    /// Replies of blocked commands that were served.
    pub(crate) deliveries: Vec<(Arc<dyn Mailbox>, Vec<u8>)>,
}

impl<'e> Space<'e> {
    /// The critical section that `held` gives, at the worker's last reading of the clock.
    pub fn new(engine: &'e Engine, worker: &'e Worker, held: Held<'e>, db: usize) -> Self {
        let now = (worker.clock.get() / 1_000_000) as i64;
        Self {
            engine,
            worker,
            held,
            now,
            due: if worker.replays() { i64::MIN } else { now },
            db,
            physical: engine.keyspace.physical(db),
            own: None,
            noted: None,
            only_hides: false,
            dirty: 0,
            stated: false,
            after: worker.take_aftermath(),
        }
    }

    /// The critical section of a command about one key, whose place the caller has worked out.
    /// The key must be the very slice that the command will use, which outlives the section.
    #[inline]
    pub(crate) fn about(mut self, key: &[u8], place: Place) -> Self {
        self.own = Some((key, place));
        self
    }

    /// Ends the critical section: lets the shards go.
    #[inline]
    pub(crate) fn end(mut self) {
        self.settle_size();
        let Self { worker, after, held, .. } = self;
        drop(held);
        worker.put_aftermath(after);
    }

    /// Ends the critical section, but leaves the shards locked for the thread's next command.
    #[inline]
    pub(crate) fn end_and_keep(mut self) -> Kept {
        self.settle_size();
        let Self { worker, after, held, .. } = self;
        worker.put_aftermath(after);
        held.keep()
    }

    /// Where a key is found. Commands ask several times for the same key: its checksum and hash
    /// are worked out once (measured: a quarter of the time of a GET).
    #[inline]
    fn place(&self, key: &[u8]) -> Place {
        match self.own {
            // The same address and length: the words of a command do not change while it runs.
            Some((own, place)) if std::ptr::eq(own, key) => place,
            _ => self.keyspace().place(key),
        }
    }

    /// The engine.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// The thread that runs the command.
    pub fn worker(&self) -> &'e Worker {
        self.worker
    }

    /// The moment at which the command happens, in Unix milliseconds.
    #[inline]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Goes on at another moment, in Unix nanoseconds: what follows is no part of the command that
    /// the section was made for.
    pub(crate) fn go_on_at(&mut self, nanos: u64) {
        self.now = (nanos / 1_000_000) as i64;
        self.due = if self.worker.replays() { i64::MIN } else { self.now };
    }

    /// What expires up to this moment, in Unix milliseconds, is over.
    #[inline]
    pub(super) fn due(&self) -> i64 {
        self.due
    }

    /// The logical database that keys are looked up in.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Changes to another logical database.
    pub fn select(&mut self, db: usize) {
        self.db = db;
        self.physical = self.keyspace().physical(db);
    }

    /// Runs `work` in another logical database.
    pub fn within<R>(&mut self, db: usize, work: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.db;
        self.select(db);
        let result = work(self);
        self.select(before);
        result
    }

    /// The shards that are held.
    pub fn held(&self) -> &Held<'e> {
        &self.held
    }

    /// A shard that is held, for work on whole shards. Entries in it must not be changed.
    pub fn shard(&self, shard: u16) -> &Shard {
        self.held.shard(shard)
    }

    /// Walks the entries of the selected database in one held shard, in hash order: calls `f` for
    /// a few of them and returns where to go on, 0 at the end. Entries that are there throughout
    /// are seen at least once, whatever changes between the calls.
    pub fn scan_shard(&self, shard: u16, cursor: u64, f: impl FnMut(&Entry)) -> u64 {
        let Some(db) = self.held.shard(shard).db(self.physical) else { return 0 };
        let keyspace = self.keyspace();
        db.table.scan(cursor, |e| keyspace.hash(e.key()), f)
    }

    pub(crate) fn shard_mut(&mut self, shard: u16) -> &mut Shard {
        self.held.shard_mut(shard)
    }

    pub(crate) fn physical(&self) -> usize {
        self.physical
    }

    fn keyspace(&self) -> &'e Keyspace {
        &self.engine.keyspace
    }

    // ---- looking ----

    /// The entry of a key, for a command that reads it: an expired key is removed, the access is
    /// remembered for eviction, and hit or miss counted.
    #[inline]
    pub fn lookup(&mut self, key: &[u8]) -> Option<&Entry> {
        let worker = self.worker;
        if self.engine.tuning.notifies(Class::KEY_MISS) {
            self.notify_miss(key);
        }
        let keeps_expired = self.engine.tuning.keeps_expired();
        if keeps_expired {
            // Whatever may not be removed is hidden from readers all the same.
            self.use_entry(key);
            self.hide_members(key, self.due);
            let found = self.peek(key);
            worker.counters.lookup(found.is_some());
            return found;
        }
        let found = if self.engine.tuning.tracks_changes_only() {
            self.expire_if_due(key);
            self.find_mut(key)
        } else {
            self.use_entry(key)
        };
        worker.counters.lookup(found.is_some());
        found.map(|entry| &*entry)
    }

    /// As [`Space::lookup`], for a command that asks about a key: it does not count as a use.
    #[inline]
    pub fn inspect(&mut self, key: &[u8]) -> Option<&Entry> {
        if self.engine.tuning.notifies(Class::KEY_MISS) {
            self.notify_miss(key);
        }
        self.expire_if_due(key);
        let worker = self.worker;
        let found = self.peek(key);
        worker.counters.lookup(found.is_some());
        found
    }

    #[cold]
    fn notify_miss(&mut self, key: &[u8]) {
        self.expire_if_due(key);
        if !self.exists(key) {
            self.notify(Class::KEY_MISS, "keymiss", key);
        }
    }

    /// The entry of a key, to be changed: the first half of a change. An expired key is removed.
    #[inline]
    pub fn lookup_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.use_found(key, Self::find_to_change)
    }

    /// The entry of a key that is used, but whose value stays as it is. An expired key is removed.
    #[inline]
    fn use_entry(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.use_found(key, Self::find_mut)
    }

    #[inline]
    fn use_found(
        &mut self,
        key: &[u8],
        find: impl for<'s> FnOnce(&'s mut Self, &[u8]) -> Option<&'s mut Entry>,
    ) -> Option<&mut Entry> {
        self.expire_if_due(key);
        self.preserve(key);
        let (tracking, now, worker) = (self.engine.tuning.tracking(), self.now, self.worker);
        let entry = find(self, key)?;
        if worker.touches() {
            access::touch(entry, now, tracking, || worker.dice());
        }
        Some(entry)
    }

    /// The entry of a key, without any side effect; `None` when it has expired.
    #[inline]
    pub fn peek(&self, key: &[u8]) -> Option<&Entry> {
        let Place { shard, hash } = self.place(key);
        let db = self.held.shard(shard).db(self.physical)?;
        let entry = db.table.find(hash, |e| e.key() == key)?;
        if db.expiring.any_due(self.due) {
            self.hide_members(key, self.due);
        }
        if entry.expiry().is_some_and(|at| at <= self.due) { None } else { Some(entry) }
    }

    /// Whether a key exists.
    #[inline]
    pub fn exists(&self, key: &[u8]) -> bool {
        self.peek(key).is_some()
    }

    /// Whether a key is there but its time is over.
    pub fn is_expired(&self, key: &[u8]) -> bool {
        self.find(key).and_then(Entry::expiry).is_some_and(|at| at <= self.due)
    }

    /// Whether there is an entry of a key, even if its time is over.
    pub fn has_entry(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Says that a key was not used for so many seconds.
    pub fn set_idle(&mut self, key: &[u8], now: i64, seconds: u64) {
        let idle = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        self.set_clock(key, access::lru_clock(now.saturating_sub(idle)), false);
    }

    /// Says how often a key was used, as the logarithmic counter does.
    pub fn set_frequency(&mut self, key: &[u8], now: i64, counter: u8) {
        self.set_clock(key, access::with_frequency(now, counter), true);
    }

    fn set_clock(&mut self, key: &[u8], clock: u32, counts: bool) {
        let is_lfu = matches!(self.engine.tuning.tracking(), access::Tracking::Lfu { .. });
        if let Some(entry) = self.find_mut(key).filter(|_| is_lfu == counts) {
            entry.set_clock(clock);
        }
    }

    /// The entry of a key, whether or not its time is over.
    pub(super) fn find(&self, key: &[u8]) -> Option<&Entry> {
        let Place { shard, hash } = self.place(key);
        let db = self.held.shard(shard).db(self.physical)?;
        db.table.find(hash, |e| e.key() == key)
    }

    #[inline]
    pub(super) fn find_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let Place { shard, hash } = self.place(key);
        let physical = self.physical;
        let db = self.held.shard_mut(shard).db_mut(physical)?;
        db.table.find_mut(hash, |e| e.key() == key)
    }

    /// As [`Space::find_mut`], for changes of the value. Its size is compared with the present
    /// one before another value is accessed.
    #[inline]
    pub(super) fn find_to_change(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let (place, physical) = (self.place(key), self.physical);
        if self.noted.is_some_and(|noted| !noted.is_at(physical, place)) {
            self.settle_size();
        }
        let db = self.held.shard_mut(place.shard).db_mut(physical)?;
        let entry = db.table.find_mut(place.hash, |e| e.key() == key)?;
        if self.noted.is_none() {
            self.noted = Some(Noted::of(physical, place, entry));
        }
        Some(entry)
    }

    /// The value of a key as `T`; `None` when there is no such key.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it is something else.
    pub fn object<T: Object>(&mut self, key: &[u8]) -> Result<Option<&T>, CmdError> {
        self.lookup(key).map(|entry| typed(entry)).transpose()
    }

    /// As [`Space::object`], without side effects, so that several values can be held at a time.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it is something else.
    pub fn peek_object<T: Object>(&self, key: &[u8]) -> Result<Option<&T>, CmdError> {
        self.peek(key).map(|entry| typed(entry)).transpose()
    }

    /// The value of a key as `T`, to be changed.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it is something else.
    pub fn object_mut<T: Object>(&mut self, key: &[u8]) -> Result<Option<&mut T>, CmdError> {
        match self.lookup_mut(key) {
            None => Ok(None),
            Some(entry) => {
                let object = entry.object_mut().and_then(|o| o.downcast_mut::<T>());
                object.map(Some).ok_or(CmdError::WRONG_TYPE)
            }
        }
    }

    /// The value of a key as `T`, made by `make` if there is none.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it is something else.
    pub fn object_or_insert<T: Object>(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> T,
    ) -> Result<&mut T, CmdError> {
        if self.lookup_mut(key).is_none() {
            self.put(key, Value::Object(Box::new(make())), Put::Persist);
        }
        let object = self.find_to_change(key).and_then(Entry::object_mut);
        object.and_then(|o| o.downcast_mut::<T>()).ok_or(CmdError::WRONG_TYPE)
    }

    /// The string at a key, integers in their decimal form.
    ///
    /// # Errors
    /// [`CmdError::WRONG_TYPE`] when it is something else.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<StrBytes<'_>>, CmdError> {
        self.lookup(key).map(string_of).transpose()
    }

    // ---- changing ----

    /// Sets a key's value, whether or not it existed.
    pub fn put(&mut self, key: &[u8], mut value: Value, put: Put) {
        self.expire_if_due(key);
        self.preserve(key);
        self.moving(key, &mut value);
        if self.engine.tuning.notify_classes() != Class::default() {
            self.notify_overwrite(
                key,
                if let Value::Object(o) = &value { Some(&**o) } else { None },
            );
        }
        let expires = matches!(&value, Value::Object(o)
            if o.expiring().is_some_and(|value| value.deadlines().is_some()));
        self.settle_size();
        if let Some(entry) = self.find_mut(key) {
            let had = entry.expiry().is_some();
            let expiry = put.resolve(entry.expiry());
            let before = SizeClass::of(entry);
            let old = entry.set_value(value);
            entry.set_expiry(expiry);
            let after = SizeClass::of(entry);
            self.count_resized(before, after);
            self.used_now(key);
            self.count_expiry(key, had, expiry.is_some());
            if let Some(old) = &old {
                self.end_waits(&**old, key);
            }
            if old.is_some() || expires {
                self.index_members(key);
            }
            self.free(old);
            return;
        }
        self.insert(key, Entry::new(key, value, put.resolve(None)));
        if expires {
            self.index_members(key);
        }
    }

    /// Sets a key to a string. The hot path of SET: a value of the same length is overwritten in
    /// place, anything else is copied once.
    #[inline]
    pub fn put_bytes(&mut self, key: &[u8], bytes: &[u8], put: Put) {
        self.expire_if_due(key);
        self.preserve(key);
        let (tracking, now, worker) = (self.engine.tuning.tracking(), self.now, self.worker);
        if self.engine.tuning.notify_classes() != Class::default() {
            self.notify_overwrite(key, None);
        }
        self.settle_size();
        let Some(entry) = self.find_mut(key) else {
            return self.insert(key, Entry::with_bytes(key, bytes, put.resolve(None)));
        };
        let had = entry.expiry();
        let expiry = put.resolve(had);
        let in_place = had == expiry && entry.try_overwrite(bytes);
        let before = if in_place { None } else { SizeClass::of(entry) };
        let old = if in_place { None } else { entry.set_bytes(bytes, expiry) };
        let after = if in_place { None } else { SizeClass::of(entry) };
        access::touch(entry, now, tracking, || worker.dice());
        self.count_resized(before, after);
        self.count_expiry(key, had.is_some(), expiry.is_some());
        if let Some(old) = &old {
            self.end_waits(&**old, key);
            self.set_member_deadline(key, None);
        }
        self.free(old);
    }

    /// Publishes that a key is about to get another value, and perhaps another type; `object` is
    /// the new value unless that is a string.
    #[cold]
    fn notify_overwrite(&mut self, key: &[u8], object: Option<&dyn Object>) {
        let Some(entry) = self.peek(key) else { return };
        let old = if let ValueRef::Object(o) = entry.value() { Some(o.kind()) } else { None };
        let changes_type = old != object.map(Object::kind);
        self.notify(Class::OVERWRITTEN, "overwritten", key);
        if changes_type {
            self.notify(Class::TYPE_CHANGED, "type_changed", key);
        }
    }

    /// Adds an entry whose key does not exist.
    fn insert(&mut self, key: &[u8], mut entry: Entry) {
        access::init(&mut entry, self.now, self.engine.tuning.tracking());
        entry.set_epoch(self.keyspace().snapshots.epoch());
        self.count_size(SizeClass::of(&entry), 1);
        let (keyspace, physical) = (self.keyspace(), self.physical);
        let Place { shard, hash } = self.place(key);
        let volatile = entry.expiry().is_some();
        let db = self.held.shard_mut(shard).db_or_new(physical);
        db.table.insert_unique(hash, entry, |e| keyspace.hash(e.key()));
        keyspace.set_used(physical, true);
        self.worker.counters.keys(physical, 1);
        if volatile {
            self.count_expiry(key, false, true);
        }
        if self.engine.tuning.notifies(Class::NEW) {
            self.notify(Class::NEW, "new", key);
        }
    }

    /// Removes a key and returns its entry. It does not say that the key changed.
    pub fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.expire_if_due(key);
        self.detach(key)
    }

    fn detach(&mut self, key: &[u8]) -> Option<Entry> {
        self.preserve(key);
        self.settle_size();
        let (keyspace, physical) = (self.keyspace(), self.physical);
        let Place { shard, hash } = self.place(key);
        let db = self.held.shard_mut(shard).db_mut(physical)?;
        let entry = db.table.remove(hash, |e| e.key() == key, |e| keyspace.hash(e.key()))?;
        let indexed = db.expiring.len() != 0;
        self.worker.counters.keys(physical, -1);
        self.count_size(SizeClass::of(&entry), -1);
        if indexed {
            self.set_member_deadline(key, None);
        }
        if entry.expiry().is_some() {
            self.count_expiry(key, true, false);
        }
        if let ValueRef::Object(object) = entry.value() {
            self.end_waits(object, key);
        }
        Some(entry)
    }

    /// Removes a key; false when it did not exist. Large values are freed in the background.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.expire_if_due(key);
        self.discard(key)
    }

    /// As [`Space::remove`], of a key that is known not to have expired.
    pub(super) fn discard(&mut self, key: &[u8]) -> bool {
        let Some(mut entry) = self.detach(key) else { return false };
        if let ValueRef::Object(_) = entry.value()
            && let Value::Object(object) = entry.take_value()
        {
            self.free(Some(object));
        }
        true
    }

    /// Puts an entry of [`Space::take`] under another key.
    pub fn put_entry(&mut self, key: &[u8], mut entry: Entry) {
        let expiry = entry.expiry();
        let put = expiry.map_or(Put::Persist, Put::At);
        let (clock, raw) = (entry.clock(), entry.is_raw());
        self.put(key, entry.take_value(), put);
        if let Some(entry) = self.find_mut(key) {
            entry.set_clock(clock);
            if raw {
                entry.mark_raw();
            }
        }
    }

    /// Sets or clears a key's expiry, in Unix milliseconds; false when there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], expiry: Option<i64>) -> bool {
        self.expire_if_due(key);
        self.preserve(key);
        let Some(entry) = self.find_mut(key) else { return false };
        let had = entry.expiry().is_some();
        entry.set_expiry(expiry);
        self.count_expiry(key, had, expiry.is_some());
        true
    }

    fn used_now(&mut self, key: &[u8]) {
        let (tracking, now, worker) = (self.engine.tuning.tracking(), self.now, self.worker);
        if let Some(entry) = self.find_mut(key) {
            access::touch(entry, now, tracking, || worker.dice());
        }
    }

    /// Keeps the set of keys that expire in step.
    fn count_expiry(&mut self, key: &[u8], had: bool, has: bool) {
        if had == has {
            return;
        }
        let Place { shard, hash } = self.place(key);
        let physical = self.physical;
        let db = self.held.shard_mut(shard).db_or_new(physical);
        if has {
            db.volatile += 1;
            if db.expires.find(hash, |h| *h == hash).is_none() {
                db.expires.insert_unique(hash, hash, |h| *h);
            }
        } else {
            db.volatile -= 1;
            db.expires.remove(hash, |h| *h == hash, |h| *h);
        }
        self.worker.counters.volatile(physical, if has { 1 } else { -1 });
    }

    /// Removes a key whose time is over.
    #[inline]
    fn expire_if_due(&mut self, key: &[u8]) {
        let Some(db) = self.held.shard(self.place(key).shard).db(self.physical) else { return };
        let members_due = db.expiring.any_due(self.due);
        if db.volatile != 0 && self.is_expired(key) && !self.engine.tuning.keeps_expired() {
            return self.expire(key);
        }
        if members_due {
            self.expire_members_if_due(key);
        }
    }

    /// Removes a key because its time is over, whatever its expiry says.
    #[cold]
    pub fn expire(&mut self, key: &[u8]) {
        let Some(mut entry) = self.detach(key) else { return };
        if let Value::Object(object) = entry.take_value() {
            self.free(Some(object));
        }
        self.worker.counters.expired();
        self.log_removal(key, self.engine.tuning.lazy_expire());
        self.touch(key);
        self.notify(Class::EXPIRED, "expired", key);
    }

    /// Removes a key to make room.
    pub fn evict(&mut self, key: &[u8]) {
        let Some(mut entry) = self.detach(key) else { return };
        if let Value::Object(object) = entry.take_value() {
            self.free(Some(object));
        }
        self.worker.counters.evicted();
        self.log_removal(key, self.engine.tuning.lazy_evict());
        self.touch(key);
        self.notify(Class::EVICTED, "evicted", key);
    }

    /// Logs a removal that no command asked for. The running command's own effect follows it.
    fn log_removal(&mut self, key: &[u8], lazily: bool) {
        if self.engine.effects.is_active() {
            let name: &[u8] = if lazily { b"UNLINK" } else { b"DEL" };
            self.after.effects.push(self.db, &[name, key]);
        }
    }

    /// Gives a value back, in the background when that is much work.
    pub fn free(&self, object: Option<Box<dyn Object>>) {
        if let Some(object) = object
            && object.free_effort() > LAZY_FREE_EFFORT
        {
            self.engine.freer.free(object);
        }
    }
}

impl Put {
    fn resolve(self, present: Option<i64>) -> Option<i64> {
        match self {
            Put::Persist => None,
            Put::Keep => present,
            Put::At(at) => Some(at),
        }
    }
}

fn typed<T: Object>(entry: &Entry) -> Result<&T, CmdError> {
    match entry.value() {
        ValueRef::Object(object) => object.downcast_ref::<T>().ok_or(CmdError::WRONG_TYPE),
        _ => Err(CmdError::WRONG_TYPE),
    }
}
