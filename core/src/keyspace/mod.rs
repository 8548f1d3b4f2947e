//! The keyspace: 16,384 hash slots in lock-striped shards, a table a database in each.
//!
//! - [`cells`]: shards behind their locks; the only way to a shard is [`Held`].
//! - [`shard`]: what a shard holds; [`ShardSet`] says which shards a command needs.
//! - [`entry`]: a key and its value in one allocation; [`buffer`]: the bytes of long strings.
//! - [`space`]: what commands do to keys; every change of an entry passes through it.
//! - [`members`]: elements that expire on their own.
//! - [`sweep`]: walks over whole shards, and changes of whole databases.
//! - [`snapshot`]: all databases as they stood at one moment, while commands go on.
//! - [`sizes`]: how many keys there are of which size.
//! - [`access`]: LRU and LFU bookkeeping; [`evict`] and [`expire`] remove keys by it.
//!
//! Commands, replies and sessions are not known here.

pub mod access;
mod buffer;
mod cells;
mod entry;
mod evict;
mod expire;
mod members;
mod shard;
mod shard_set;
mod sizes;
mod snapshot;
mod space;
mod string;
mod sweep;
mod warm;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub use buffer::Buffer;
pub use cells::{Cells, Held, Kept, SHARDS, Scope, Wait};
pub use entry::{Entry, INLINE_MAX, KEY_MAX, Value, ValueRef};
pub use evict::{Eviction, Policy};
pub(crate) use expire::ExpiryFigures;
pub use expire::{ExpireCursor, ExpireCycle};
pub use members::ExpiringKeys;
pub use shard::{Shard, ShardDb};
pub use shard_set::ShardSet;
#[cfg(test)]
pub(crate) use sizes::tally;
pub use sizes::{KeySizes, SIZE_CLASSES, SizeKind, needed_rdb};
pub(crate) use sizes::{SizeClass, SizeCounters};
pub use snapshot::{
    Capture, Captured, Collection, EachMember, EachPart, FrozenEntry, Pairs, Parts, PutPart, Sink,
    Slices, Snapshot, SnapshotWalk, Snapshots,
};
pub(crate) use space::Aftermath;
pub use space::{Event, INVALIDATE_ALL, INVALIDATED, Place, Put, Space};
pub use sweep::Sweep;
pub use warm::WARM_MAX;

use crate::ds::hash::{Seed, hash_bytes};
use crate::util::crc16;

/// A value whose [`crate::value::Object::free_effort`] is above this is freed in the background.
pub const LAZY_FREE_EFFORT: usize = 64;

/// Slots in a shard.
const SLOTS_PER_SHARD: u16 = (crc16::SLOTS as usize / SHARDS) as u16;

/// All databases.
pub struct Keyspace {
    /// Shards and locks.
    pub cells: Cells,
    seed: Seed,
    /// Which tables a database number stands for: SWAPDB swaps two of these.
    physical: Box<[AtomicUsize]>,
    /// Which of these tables were written to since they were last taken away whole.
    used: Box<[AtomicBool]>,
    /// Snapshots, one at a time.
    pub snapshots: Snapshots,
}

impl Keyspace {
    /// An empty keyspace of `databases` databases.
    pub fn new(databases: usize) -> Self {
        Self {
            cells: Cells::new(),
            seed: Seed::random(),
            physical: (0..databases.max(1)).map(AtomicUsize::new).collect(),
            used: (0..databases.max(1)).map(|_| AtomicBool::new(false)).collect(),
            snapshots: Snapshots::default(),
        }
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.physical.len()
    }

    /// The tables that a database number stands for.
    #[inline]
    pub fn physical(&self, db: usize) -> usize {
        self.physical[db].load(Ordering::Acquire)
    }

    /// Whether a database has tables: it had a key since the start, or since it was last flushed.
    pub fn is_used(&self, db: usize) -> bool {
        self.used[self.physical(db)].load(Ordering::Relaxed)
    }

    /// Says that tables are written to, or taken away.
    #[inline]
    fn set_used(&self, physical: usize, used: bool) {
        // Mostly it says nothing new: a store would take the line from other threads.
        if self.used[physical].load(Ordering::Relaxed) != used {
            self.used[physical].store(used, Ordering::Relaxed);
        }
    }

    /// Swaps two databases. The caller holds all shards.
    pub fn swap(&self, a: usize, b: usize) {
        let (pa, pb) = (self.physical(a), self.physical(b));
        self.physical[a].store(pb, Ordering::Release);
        self.physical[b].store(pa, Ordering::Release);
    }

    /// Where a key is found.
    #[inline]
    pub fn place(&self, key: &[u8]) -> Place {
        Place { shard: shard_of(key), hash: self.hash(key) }
    }

    /// The hash of a key in its table.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        hash_bytes(&self.seed, key)
    }
}

/// The shard of a key.
#[inline]
pub fn shard_of(key: &[u8]) -> u16 {
    crc16::key_slot(key) / SLOTS_PER_SHARD
}
