//! Work on whole shards: walks over all keys of a database, a bounded part at a time, and changes
//! that concern all of its keys at once.

use super::{Entry, SHARDS, Scope, ShardDb, ShardSet, Space};
use crate::ds::table::CURSOR_BITS;
use crate::watch::Change;

/// Bits of a cursor that say where in a shard's hash order it stands. With the shard's number the
/// cursor has 53, the most that clients which hold it in a double can carry. The bits left out
/// are zero unless a shard has over 2^43 groups of keys.
const POSITION_BITS: u32 = 43;
const DROPPED_BITS: u32 = CURSOR_BITS - POSITION_BITS;

/// A walk through the keys of a database, shard by shard and in the hash order of each.
///
/// It keeps no state but its position: whatever is added or removed meanwhile, a key that is
/// there throughout is visited at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    shard: usize,
    at: u64,
}

impl Sweep {
    /// A walk from the beginning.
    pub fn new() -> Self {
        Self { shard: 0, at: 0 }
    }

    /// Goes on where [`Sweep::cursor`] said. A cursor that nobody handed out does no harm.
    pub fn from_cursor(cursor: u64) -> Self {
        let at = (cursor & ((1 << POSITION_BITS) - 1)) << DROPPED_BITS;
        Self { shard: ((cursor >> POSITION_BITS) as usize).min(SHARDS), at }
    }

    /// Where it stands, as a number; 0 when it is over.
    pub fn cursor(&self) -> u64 {
        if self.is_over() {
            return 0;
        }
        (self.shard as u64) << POSITION_BITS | self.at >> DROPPED_BITS
    }

    /// Whether all keys were visited.
    pub fn is_over(&self) -> bool {
        self.shard >= SHARDS
    }

    /// What to hold for going on: up to `shards` shards.
    pub fn scope(&self, shards: usize) -> Scope {
        let end = (self.shard + shards.max(1)).min(SHARDS);
        Scope::Shards((self.shard..end).map(|shard| shard as u16).collect::<ShardSet>())
    }

    /// Visits about `budget` keys of the shards that are held, and at least one group of keys;
    /// `visit` is told whether a key's time is over. Returns how many were visited.
    pub fn advance(
        &mut self,
        space: &Space<'_>,
        budget: usize,
        mut visit: impl FnMut(&Entry, bool),
    ) -> usize {
        let (keyspace, now) = (&space.engine().keyspace, space.now());
        let mut visited = 0;
        while !self.is_over() && visited < budget && space.held().owns(self.shard as u16) {
            let db = space.shard(self.shard as u16).db(space.physical());
            self.at = db.map_or(0, |db| {
                let hash = |e: &Entry| keyspace.hash(e.key());
                db.table.scan(self.at, hash, |entry| {
                    visited += 1;
                    visit(entry, entry.expiry().is_some_and(|at| at <= now));
                })
            });
            if self.at == 0 {
                self.shard += 1;
            }
        }
        visited
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}

/// How often a random key is drawn again when its time is over.
const DRAWS: usize = 16;

impl Space<'_> {
    /// A key of the held shards, at random; `None` when there is none, or as good as none that
    /// has not expired.
    pub fn random_key(&self) -> Option<&[u8]> {
        let len = |shard: u16| self.shard(shard).db(self.physical()).map_or(0, ShardDb::len);
        let total: usize = self.held_shards().map(len).sum();
        if total == 0 {
            return None;
        }
        (0..DRAWS).find_map(|_| {
            let mut at = (self.worker().random() % total as u64) as usize;
            let shard = self.held_shards().find(|&shard| {
                let here = at < len(shard);
                at = at.saturating_sub(len(shard));
                here
            })?;
            let db = self.shard(shard).db(self.physical())?;
            let entry = db.table.random(self.worker().random())?;
            let alive = entry.expiry().is_none_or(|at| at > self.now());
            alive.then(|| entry.key())
        })
    }

    fn held_shards(&self) -> impl Iterator<Item = u16> {
        let all = self.held().owns_all();
        let some = if all { ShardSet::new() } else { *self.held().shards() };
        (0..if all { SHARDS as u16 } else { 0 }).chain(some.iter())
    }

    /// Removes all keys of the current logical database; all shards have to be held. Watched keys
    /// among them count as changed. Returns the tables, for the caller to have them dropped where
    /// nobody waits, unless a snapshot needs them.
    pub fn flush(&mut self) -> Vec<ShardDb> {
        let (db, physical) = (self.db(), self.physical());
        let (keyspace, worker) = (&self.engine().keyspace, self.worker());
        let mut tables = Vec::new();
        for shard in 0..SHARDS as u16 {
            let shard = self.shard_mut(shard);
            if shard.db(physical).is_none_or(ShardDb::is_empty) {
                continue;
            }
            let Some(table) = shard.take_db(physical) else { continue };
            let was_there =
                |key: &[u8]| table.table.find(keyspace.hash(key), |e| e.key() == key).is_some();
            shard.watchers.touch_where(db, |key| match was_there(key) {
                true => Change::Gone,
                false => Change::Nothing,
            });
            let waiting = shard.queues.keys(db);
            waiting.iter().filter(|key| was_there(key)).for_each(|key| self.signal(key));
            worker.counters.keys(physical, -(table.len() as i64));
            worker.counters.volatile(physical, -(table.volatile() as i64));
            worker.counters.expiring(physical, -(table.expiring() as i64));
            tables.push(*table);
        }
        keyspace.set_used(physical, false);
        self.clear_sizes();
        self.hand_over(tables)
    }

    /// Swaps two logical databases; all shards have to be held. Watched keys of either that are
    /// in the one or the other count as changed, and clients that wait in either are served from
    /// what is there now.
    pub fn swap(&mut self, a: usize, b: usize) {
        let keyspace = &self.engine().keyspace;
        let (pa, pb) = (keyspace.physical(a), keyspace.physical(b));
        keyspace.swap(a, b);
        self.select(self.db());
        let now = self.now();
        for number in 0..SHARDS as u16 {
            if !self.shard(number).watchers.is_empty() {
                let shard = self.shard_mut(number);
                let mut watchers = std::mem::take(&mut shard.watchers);
                let change = |key: &[u8], before: usize, after: usize| {
                    let hash = keyspace.hash(key);
                    let find = |db| shard.db(db)?.table.find(hash, |e| e.key() == key);
                    let stale = |e: &Entry| e.expiry().is_some_and(|at| at <= now);
                    match (find(before).is_some(), find(after).map(stale)) {
                        (false, None) => Change::Nothing,
                        (true, None) => Change::Gone,
                        (_, Some(false)) => Change::Other,
                        (true, Some(true)) => Change::Stale,
                        (false, Some(true)) => Change::NewlyStale,
                    }
                };
                watchers.touch_where(a, |key| change(key, pa, pb));
                watchers.touch_where(b, |key| change(key, pb, pa));
                shard.watchers = watchers;
            }
            for db in [a, b] {
                for key in self.shard(number).queues.keys(db) {
                    self.within(db, |space| {
                        if space.exists(&key) {
                            space.signal(&key);
                        }
                    });
                }
            }
        }
    }
}
