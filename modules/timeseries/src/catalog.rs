//! Which keys hold series with which labels: one label index a logical database.
//!
//! A series in the keyspace carries its entry in the index with it ([`Slot`]). So a series that is
//! dropped, for whatever reason, leaves the index by itself; one that comes under another key or
//! into another database is placed anew. An entry may live a little longer than its key, since
//! large values are dropped in the background: who asks the index looks at the keys themselves.
//!
//! Locks are taken in the order shards, slot, map of databases, index, links.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::labels::{FilterSet, Label, LabelIndex};
use crate::value::TimeSeries;

/// All series.
#[derive(Debug, Default)]
pub struct Catalog {
    databases: RwLock<HashMap<usize, Arc<Database>>>,
    /// Whether there ever was a series with a rule.
    rules: AtomicBool,
}

/// The series of one logical database.
#[derive(Debug, Default)]
struct Database {
    /// Its number, which SWAPDB changes.
    number: AtomicUsize,
    index: RwLock<Index>,
    /// Links that have yet to follow keys to new names, by the key whose series has them.
    links: Mutex<HashMap<Arc<[u8]>, Vec<Moved>>>,
    /// How many keys are in `links`, to be asked without a lock.
    linked: AtomicUsize,
}

#[derive(Debug, Default)]
struct Index {
    labels: LabelIndex,
    /// The keys, by number.
    keys: Vec<Option<Arc<[u8]>>>,
    /// Numbers to be used again.
    free: Vec<u32>,
}

/// A key that one end of a rule names has another name now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its name before.
    pub old: Arc<[u8]>,
    /// Its name now.
    pub new: Arc<[u8]>,
}

/// A series' entry in the index, if it has one. A copy has none.
#[derive(Debug, Default)]
pub struct Slot(Mutex<Option<Place>>);

/// Where a series stands. Dropping it takes it out of the index.
#[derive(Debug)]
struct Place {
    database: Arc<Database>,
    id: u32,
    key: Arc<[u8]>,
    labels: Arc<[Label]>,
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Place>> {
        // A place is whole at any time, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that the series stands under.
    pub fn key(&self) -> Option<Arc<[u8]>> {
        self.lock().as_ref().map(|place| Arc::clone(&place.key))
    }

    /// The name that a key has now which a rule of the series, or its source, was named by.
    pub fn present_name(&self, other: &[u8]) -> Box<[u8]> {
        let slot = self.lock();
        let Some(place) = slot.as_ref() else { return other.into() };
        if place.database.linked.load(Ordering::Acquire) == 0 {
            return other.into();
        }
        let links = place.database.links.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = links.get(&place.key).map_or(&[][..], Vec::as_slice);
        unheard.iter().fold(other, |name, moved| moved.apply(name)).into()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut index = self.database.index.write().unwrap_or_else(PoisonError::into_inner);
        index.labels.remove(self.id, &self.labels);
        if let Some(key) = index.keys.get_mut(self.id as usize) {
            *key = None;
            index.free.push(self.id);
        }
        drop(index);
        self.database.forget_links(&self.key);
    }
}

impl Index {
    fn insert(&mut self, key: Arc<[u8]>, labels: &[Label]) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.keys.push(None);
            // A key takes more than a byte, so memory ends before the numbers do.
            (self.keys.len() - 1) as u32
        });
        if let Some(slot) = self.keys.get_mut(id as usize) {
            *slot = Some(key);
        }
        self.labels.insert(id, labels);
        id
    }
}

impl Database {
    fn forget_links(&self, key: &[u8]) {
        if self.linked.load(Ordering::Acquire) != 0 {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.remove(key);
            self.linked.store(links.len(), Ordering::Release);
        }
    }

    /// A series has another name. What it has yet to hear of others goes along, and those at the
    /// other ends of its rules, by the names they have now, have yet to hear of it.
    fn rename(&self, series: &TimeSeries, old: &Arc<[u8]>, new: &Arc<[u8]>) {
        let mut others = series.others().peekable();
        if others.peek().is_none() {
            return;
        }
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = links.remove(old).unwrap_or_default();
        for other in others {
            let other = unheard.iter().fold(other, |name, moved| moved.apply(name));
            let moved = Moved { old: Arc::clone(old), new: Arc::clone(new) };
            links.entry(other.into()).or_default().push(moved);
        }
        if !unheard.is_empty() {
            links.insert(Arc::clone(new), unheard);
        }
        self.linked.store(links.len(), Ordering::Release);
    }
}

impl Moved {
    /// The name that a key named `name` before has now.
    fn apply<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        if *self.old == *name { &self.new } else { name }
    }
}

impl Catalog {
    fn database(&self, db: usize) -> Arc<Database> {
        let databases = self.databases.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = databases.get(&db) {
            return Arc::clone(database);
        }
        drop(databases);
        let mut databases = self.databases.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Database { number: AtomicUsize::new(db), ..Database::default() });
        Arc::clone(databases.entry(db).or_insert_with(fresh))
    }

    fn existing(&self, db: usize) -> Option<Arc<Database>> {
        let databases = self.databases.read().unwrap_or_else(PoisonError::into_inner);
        databases.get(&db).cloned()
    }

    /// Whether any series may have a rule.
    pub fn has_rules(&self) -> bool {
        self.rules.load(Ordering::Relaxed)
    }

    /// Indexes the series of a key, unless it is indexed under that key already.
    pub fn place(&self, series: &TimeSeries, db: usize, key: &[u8]) {
        if !self.has_rules() && series.others().next().is_some() {
            self.rules.store(true, Ordering::Relaxed);
        }
        let mut slot = series.slot.lock();
        if let Some(place) = &*slot
            && *place.key == *key
            && place.database.number.load(Ordering::Relaxed) == db
        {
            return;
        }
        let database = self.database(db);
        let key: Arc<[u8]> = key.into();
        if let Some(old) = &*slot
            && Arc::ptr_eq(&old.database, &database)
        {
            database.rename(series, &old.key, &key);
        }
        *slot = None; // first, so that its number is free
        let labels = Arc::clone(series.labels());
        let mut index = database.index.write().unwrap_or_else(PoisonError::into_inner);
        let id = index.insert(Arc::clone(&key), &labels);
        drop(index);
        *slot = Some(Place { database, id, key, labels });
    }

    /// The keys of the series that pass all filters, in order.
    pub fn query(&self, db: usize, filters: &FilterSet) -> Vec<Arc<[u8]>> {
        let Some(database) = self.existing(db) else { return Vec::new() };
        let index = database.index.read().unwrap_or_else(PoisonError::into_inner);
        let ids = index.labels.query(filters);
        let keys = ids.iter().filter_map(|id| index.keys.get(id as usize)?.clone());
        let mut keys: Vec<_> = keys.collect();
        drop(index);
        keys.sort_unstable();
        // A key's old entry may wait for its series to be dropped.
        keys.dedup();
        keys
    }

    /// Takes the new names of keys that the rules of `key`'s series, or its source, name by old ones,
    /// in the order in which they changed.
    pub fn take_moves(&self, db: usize, key: &[u8]) -> Vec<Moved> {
        let Some(database) = self.existing(db) else { return Vec::new() };
        if database.linked.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut links = database.links.lock().unwrap_or_else(PoisonError::into_inner);
        let moves = links.remove(key).unwrap_or_default();
        database.linked.store(links.len(), Ordering::Release);
        moves
    }

    /// A logical database, or each of them, lost all keys.
    pub fn flush(&self, db: Option<usize>) {
        let mut databases = self.databases.write().unwrap_or_else(PoisonError::into_inner);
        match db {
            // Series on their way out keep what they have to be taken out of.
            Some(db) => drop(databases.remove(&db)),
            None => databases.clear(),
        }
    }

    /// Two logical databases changed places.
    pub fn swap(&self, a: usize, b: usize) {
        let mut databases = self.databases.write().unwrap_or_else(PoisonError::into_inner);
        let (old_a, old_b) = (databases.remove(&a), databases.remove(&b));
        for (database, number) in [(old_a, b), (old_b, a)] {
            if let Some(database) = database {
                database.number.store(number, Ordering::Relaxed);
                databases.insert(number, database);
            }
        }
    }

    /// How many series there are, and an estimate of the bytes that their index takes.
    pub fn totals(&self) -> (usize, usize) {
        let databases = self.databases.read().unwrap_or_else(PoisonError::into_inner);
        let all = databases.values().map(|database| {
            let index = database.index.read().unwrap_or_else(PoisonError::into_inner);
            (index.keys.len() - index.free.len(), index.labels.memory())
        });
        all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}
