//! Making room: eviction under `maxmemory`, before a command takes its locks.
//!
//! As in Redis, victims are found by sampling: a few random keys, the best of which goes. Samples
//! are taken from one random shard at a time, locked only if it is free at once.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use super::{SHARDS, Space, access};
use crate::engine::{Engine, Worker};

/// `maxmemory-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Policy {
    /// Refuse writes.
    NoEviction,
    /// Least recently used, of all keys.
    AllKeysLru,
    /// Least frequently used, of all keys.
    AllKeysLfu,
    /// Any key.
    AllKeysRandom,
    /// Least recently modified, of all keys.
    AllKeysLrm,
    /// Least recently used, of the keys that expire.
    VolatileLru,
    /// Least frequently used, of the keys that expire.
    VolatileLfu,
    /// Any key that expires.
    VolatileRandom,
    /// The key that expires soonest.
    VolatileTtl,
    /// Least recently modified, of the keys that expire.
    VolatileLrm,
}

impl Policy {
    /// All policies with their names in the configuration.
    pub const NAMES: &'static [(&'static str, Policy)] = &[
        ("noeviction", Policy::NoEviction),
        ("allkeys-lru", Policy::AllKeysLru),
        ("allkeys-lfu", Policy::AllKeysLfu),
        ("allkeys-random", Policy::AllKeysRandom),
        ("allkeys-lrm", Policy::AllKeysLrm),
        ("volatile-lru", Policy::VolatileLru),
        ("volatile-lfu", Policy::VolatileLfu),
        ("volatile-random", Policy::VolatileRandom),
        ("volatile-ttl", Policy::VolatileTtl),
        ("volatile-lrm", Policy::VolatileLrm),
    ];

    /// Whether only keys that expire may go.
    pub fn is_volatile(self) -> bool {
        self as u8 >= Policy::VolatileLru as u8
    }

    /// Whether it goes by the time of the last use.
    pub fn is_lru(self) -> bool {
        matches!(self, Policy::AllKeysLru | Policy::VolatileLru)
    }

    /// Whether it goes by frequency of use.
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::AllKeysLfu | Policy::VolatileLfu)
    }

    /// Whether it goes by the last change instead of the last use.
    pub fn is_lrm(self) -> bool {
        matches!(self, Policy::AllKeysLrm | Policy::VolatileLrm)
    }

    fn is_random(self) -> bool {
        matches!(self, Policy::AllKeysRandom | Policy::VolatileRandom)
    }
}

/// Settings of eviction.
pub struct Eviction {
    policy: AtomicU8,
    samples: AtomicU32,
}

impl Default for Eviction {
    fn default() -> Self {
        Self { policy: AtomicU8::new(0), samples: AtomicU32::new(5) }
    }
}

impl Eviction {
    /// The policy.
    pub fn policy(&self) -> Policy {
        let at = self.policy.load(Ordering::Relaxed);
        let found = Policy::NAMES.iter().find(|(_, policy)| *policy as u8 == at);
        found.map_or(Policy::NoEviction, |(_, policy)| *policy)
    }

    /// Chooses the policy.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.store(policy as u8, Ordering::Relaxed);
    }

    /// Chooses `maxmemory-samples`.
    pub fn set_samples(&self, samples: u32) {
        self.samples.store(samples.max(1), Ordering::Relaxed);
    }
}

/// Keys that one call evicts at most; the next write goes on.
const BATCH: usize = 64;

/// Shards that are tried for one victim before it is given up.
const TRIES: usize = 4 * SHARDS;

impl Engine {
    /// Evicts keys until memory is below `maxmemory`. False when there is still too much and
    /// nothing could be evicted.
    pub fn make_room(&self, worker: &Worker) -> bool {
        let limit = self.tuning.maxmemory.load(Ordering::Relaxed);
        let over = || self.host().is_some_and(|h| h.used_memory() as u64 > limit);
        if limit == 0 || !over() {
            return true;
        }
        let policy = self.tuning.eviction.policy();
        if policy == Policy::NoEviction {
            return false;
        }
        for _ in 0..BATCH {
            if !self.evict_one(worker, policy) {
                return !over();
            }
            if !over() {
                return true;
            }
        }
        true
    }

    /// Evicts the best of a few random keys; false when none was found.
    fn evict_one(&self, worker: &Worker, policy: Policy) -> bool {
        let start = worker.random() as usize;
        for i in 0..TRIES {
            let shard = ((start + i) % SHARDS) as u16;
            let evicted = self.try_with(worker, shard, |space| self.evict_in(space, shard, policy));
            if evicted == Some(true) {
                return true;
            }
            if i % SHARDS == SHARDS - 1 {
                self.end_turn(worker);
            }
        }
        false
    }

    fn evict_in(&self, space: &mut Space<'_>, shard: u16, policy: Policy) -> bool {
        for db in 0..self.keyspace.databases() {
            space.select(db);
            let Some(key) = self.victim(space, shard, policy) else { continue };
            space.evict(&key);
            return true;
        }
        false
    }

    /// The best of a few random keys of one database in one shard.
    fn victim(&self, space: &Space<'_>, shard: u16, policy: Policy) -> Option<Vec<u8>> {
        let db = space.shard(shard).db(space.physical())?;
        let worker = space.worker();
        let samples = self.tuning.eviction.samples.load(Ordering::Relaxed);
        let samples = if policy.is_random() { 1 } else { samples };
        let decay = self.tuning.lfu_decay_minutes();
        let mut best: Option<(u64, Vec<u8>)> = None;
        for _ in 0..samples {
            let entry = if policy.is_volatile() {
                let hash = *db.expires.random(worker.random())?;
                db.table.find(hash, |e| self.keyspace.hash(e.key()) == hash)
            } else {
                db.table.random(worker.random())
            };
            let Some(entry) = entry else { continue };
            let score = match policy {
                Policy::VolatileTtl => u64::MAX - entry.expiry().unwrap_or(i64::MAX) as u64,
                p if p.is_lfu() => 255 - u64::from(access::frequency(entry, space.now(), decay)),
                _ => access::idle_seconds(entry, space.now()),
            };
            if best.as_ref().is_none_or(|(s, _)| score > *s) {
                best = Some((score, entry.key().to_vec()));
            }
        }
        best.map(|(_, key)| key)
    }
}
