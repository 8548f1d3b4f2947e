//! Core's value types other than strings: how each keeps its elements, and when it changes from
//! its compact form to the large one.
//!
//! Commands, replies and errors are not known here: see `crate::commands`. The structures that
//! values are built of live in [`crate::ds`].

pub mod array;
mod beside;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use crate::ds::quicklist::NodeLimit;

/// The thresholds at which values leave their compact forms, by their configuration's names.
pub struct Limits {
    hash_entries: AtomicUsize,
    hash_value: AtomicUsize,
    list_size: AtomicI64,
    set_integers: AtomicUsize,
    set_entries: AtomicUsize,
    set_value: AtomicUsize,
    hll_sparse: AtomicUsize,
    zset_entries: AtomicUsize,
    zset_value: AtomicUsize,
    stream_bytes: AtomicUsize,
    stream_entries: AtomicU64,
    idmp_duration: AtomicU64,
    idmp_most: AtomicUsize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries: AtomicUsize::new(512),
            hash_value: AtomicUsize::new(64),
            list_size: AtomicI64::new(-2),
            set_integers: AtomicUsize::new(512),
            set_entries: AtomicUsize::new(128),
            set_value: AtomicUsize::new(64),
            hll_sparse: AtomicUsize::new(3000),
            zset_entries: AtomicUsize::new(128),
            zset_value: AtomicUsize::new(64),
            stream_bytes: AtomicUsize::new(4096),
            stream_entries: AtomicU64::new(100),
            idmp_duration: AtomicU64::new(100),
            idmp_most: AtomicUsize::new(100),
        }
    }
}

impl Limits {
    /// `hash-max-listpack-entries` and `hash-max-listpack-value`.
    #[inline]
    pub fn hash(&self) -> hash::Limit {
        hash::Limit {
            entries: self.hash_entries.load(Ordering::Relaxed),
            value: self.hash_value.load(Ordering::Relaxed),
        }
    }

    /// Changes the limits of hashes. Present values change their form when they are next written.
    pub fn set_hash(&self, limit: hash::Limit) {
        self.hash_entries.store(limit.entries, Ordering::Relaxed);
        self.hash_value.store(limit.value, Ordering::Relaxed);
    }

    /// `list-max-listpack-size`.
    #[inline]
    pub fn list(&self) -> NodeLimit {
        NodeLimit::from_config(self.list_size.load(Ordering::Relaxed))
    }

    /// Changes the limit of lists, by the setting's value. Lists that are long by now keep the
    /// limit they were made with.
    pub fn set_list(&self, value: i64) {
        self.list_size.store(value, Ordering::Relaxed);
    }

    /// `set-max-intset-entries`, `set-max-listpack-entries` and `set-max-listpack-value`.
    #[inline]
    pub fn set(&self) -> set::Limit {
        set::Limit {
            integers: self.set_integers.load(Ordering::Relaxed),
            entries: self.set_entries.load(Ordering::Relaxed),
            value: self.set_value.load(Ordering::Relaxed),
        }
    }

    /// Changes the limits of sets. Present values change their form when they are next written.
    pub fn set_set(&self, limit: set::Limit) {
        self.set_integers.store(limit.integers, Ordering::Relaxed);
        self.set_entries.store(limit.entries, Ordering::Relaxed);
        self.set_value.store(limit.value, Ordering::Relaxed);
    }

    /// `hll-sparse-max-bytes`.
    pub fn hll_sparse(&self) -> usize {
        self.hll_sparse.load(Ordering::Relaxed)
    }

    /// Changes how large a sparse HyperLogLog may be, in bytes.
    pub fn set_hll_sparse(&self, bytes: usize) {
        self.hll_sparse.store(bytes, Ordering::Relaxed);
    }

    /// `zset-max-listpack-entries` and `zset-max-listpack-value`.
    #[inline]
    pub fn zset(&self) -> zset::Limit {
        zset::Limit {
            entries: self.zset_entries.load(Ordering::Relaxed),
            value: self.zset_value.load(Ordering::Relaxed),
        }
    }

    /// Changes the limits of sorted sets. Present values change their form when they are next
    /// written.
    pub fn set_zset(&self, limit: zset::Limit) {
        self.zset_entries.store(limit.entries, Ordering::Relaxed);
        self.zset_value.store(limit.value, Ordering::Relaxed);
    }

    /// `stream-node-max-bytes` and `stream-node-max-entries`.
    #[inline]
    pub fn stream(&self) -> stream::Limit {
        stream::Limit {
            bytes: self.stream_bytes.load(Ordering::Relaxed),
            entries: self.stream_entries.load(Ordering::Relaxed),
        }
    }

    /// Changes the limits of streams' nodes.
    pub fn set_stream(&self, limit: stream::Limit) {
        self.stream_bytes.store(limit.bytes, Ordering::Relaxed);
        self.stream_entries.store(limit.entries, Ordering::Relaxed);
    }

    /// `stream-idmp-duration` and `stream-idmp-maxsize`, for streams that have none of their own.
    pub fn idempotency(&self) -> stream::idempotency::Settings {
        stream::idempotency::Settings {
            duration: self.idmp_duration.load(Ordering::Relaxed),
            most: self.idmp_most.load(Ordering::Relaxed),
        }
    }

    /// Changes what streams remember of their producers.
    pub fn set_idempotency(&self, settings: stream::idempotency::Settings) {
        self.idmp_duration.store(settings.duration, Ordering::Relaxed);
        self.idmp_most.store(settings.most, Ordering::Relaxed);
    }
}
