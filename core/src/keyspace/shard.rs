//! A shard: for each database the entries of its slots, and who waits for or watches them.

use crate::blocking::WaitQueues;
use crate::ds::table::Table;
use crate::keyspace::{Entry, ExpiringKeys};
use crate::watch::Watchers;

/// The part of the keyspace behind one lock.
#[derive(Default)]
pub struct Shard {
    /// Clients blocked on keys of this shard.
    pub(crate) queues: WaitQueues,
    /// WATCHed keys of this shard.
    pub(crate) watchers: Watchers,
    /// Physical database 0, which most data is in, without a detour.
    first: ShardDb,
    /// The others from 1 on; a database's tables exist once it is used.
    others: Vec<Option<Box<ShardDb>>>,
}

/// The keys of one database in one shard.
#[derive(Default)]
pub struct ShardDb {
    /// The entries, by the hash of their key.
    pub(crate) table: Table<Entry>,
    /// The hashes of the keys that have an expiry, for active expiry to walk. Two keys of one
    /// 64-bit hash would share a place here; the second is then expired when it is next touched.
    pub(crate) expires: Table<u64>,
    /// How many entries expire.
    pub(crate) volatile: usize,
    /// The keys whose values have elements that expire.
    pub(crate) expiring: ExpiringKeys,
}

impl Shard {
    /// A database's part, if it was ever used.
    #[inline]
    pub fn db(&self, db: usize) -> Option<&ShardDb> {
        match db.checked_sub(1) {
            None => Some(&self.first),
            Some(other) => self.others.get(other)?.as_deref(),
        }
    }

    /// A database's part to change, if it was ever used.
    #[inline]
    pub fn db_mut(&mut self, db: usize) -> Option<&mut ShardDb> {
        match db.checked_sub(1) {
            None => Some(&mut self.first),
            Some(other) => self.others.get_mut(other)?.as_deref_mut(),
        }
    }

    /// A database's part, made if need be.
    #[inline]
    pub fn db_or_new(&mut self, db: usize) -> &mut ShardDb {
        let Some(other) = db.checked_sub(1) else { return &mut self.first };
        if self.others.len() <= other {
            self.others.resize_with(other + 1, || None);
        }
        self.others[other].get_or_insert_default()
    }

    /// Takes a database's part away whole: O(1), for FLUSHDB.
    pub fn take_db(&mut self, db: usize) -> Option<Box<ShardDb>> {
        match db.checked_sub(1) {
            None => Some(Box::new(std::mem::take(&mut self.first))),
            Some(other) => self.others.get_mut(other)?.take(),
        }
    }
}

impl ShardDb {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many keys have an expiry.
    pub fn volatile(&self) -> usize {
        self.volatile
    }

    /// How many keys have elements that expire.
    pub fn expiring(&self) -> usize {
        self.expiring.len()
    }
}
