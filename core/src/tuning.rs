//! Settings that the hot path reads, taken from the configuration whenever it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::config::Config;
use crate::config::table::{clients, collections, logging, memory};
use crate::keyspace::access::Tracking;
use crate::keyspace::{Eviction, Policy};
use crate::notify::Class;
use crate::types::{Limits, hash, set, stream, zset};

/// Settings that the hot path reads.
pub struct Tuning {
    notify: AtomicU32,
    lfu: AtomicBool,
    lrm: AtomicBool,
    lfu_log_factor: AtomicU32,
    lfu_decay_minutes: AtomicU32,
    lazy: AtomicU8,
    keeps_expired: AtomicBool,
    /// Which keys go when memory is short.
    pub eviction: Eviction,
    /// When values leave their compact forms.
    pub limits: Limits,
    /// `maxmemory` in bytes, 0 for no limit.
    pub maxmemory: AtomicU64,
    /// `proto-max-bulk-len` in bytes: also the longest string a command may make.
    pub max_bulk_len: AtomicU64,
    /// Nanoseconds from which a command is told to [`crate::Host::observe`]: 0 for all of them,
    /// `u64::MAX` for none.
    pub observe_above: AtomicU64,
    /// `latency-tracking`: whether durations are counted for percentiles.
    pub times_commands: AtomicBool,
    /// RESTORE takes payloads whose checksum is wrong: for tests.
    pub skips_checksums: AtomicBool,
}

const LAZY_EXPIRE: u8 = 1;
const LAZY_EVICT: u8 = 2;

impl Default for Tuning {
    fn default() -> Self {
        Self {
            notify: AtomicU32::new(0),
            lfu: AtomicBool::new(false),
            lrm: AtomicBool::new(false),
            lfu_log_factor: AtomicU32::new(10),
            lfu_decay_minutes: AtomicU32::new(1),
            lazy: AtomicU8::new(0),
            keeps_expired: AtomicBool::new(false),
            eviction: Eviction::default(),
            limits: Limits::default(),
            maxmemory: AtomicU64::new(0),
            max_bulk_len: AtomicU64::new(512 * 1024 * 1024),
            observe_above: AtomicU64::new(u64::MAX),
            times_commands: AtomicBool::new(true),
            skips_checksums: AtomicBool::new(false),
        }
    }
}

impl Tuning {
    /// Settings that follow the configuration.
    pub(crate) fn hooked(config: &Config) -> Arc<Self> {
        let tuning = Arc::new(Self::default());
        let hooked = Arc::clone(&tuning);
        let ids = [
            memory::MAXMEMORY,
            memory::MAXMEMORY_POLICY,
            memory::MAXMEMORY_SAMPLES,
            memory::LFU_LOG_FACTOR,
            memory::LFU_DECAY_TIME,
            memory::LAZYFREE_LAZY_EXPIRE,
            memory::LAZYFREE_LAZY_EVICTION,
            collections::HASH_MAX_LISTPACK_ENTRIES,
            collections::HASH_MAX_LISTPACK_VALUE,
            collections::LIST_MAX_LISTPACK_SIZE,
            collections::SET_MAX_INTSET_ENTRIES,
            collections::SET_MAX_LISTPACK_ENTRIES,
            collections::SET_MAX_LISTPACK_VALUE,
            collections::ZSET_MAX_LISTPACK_ENTRIES,
            collections::ZSET_MAX_LISTPACK_VALUE,
            collections::HLL_SPARSE_MAX_BYTES,
            collections::STREAM_NODE_MAX_BYTES,
            collections::STREAM_NODE_MAX_ENTRIES,
            collections::STREAM_IDMP_DURATION,
            collections::STREAM_IDMP_MAXSIZE,
            clients::PROTO_MAX_BULK_LEN,
            clients::NOTIFY_KEYSPACE_EVENTS,
            logging::LATENCY_TRACKING,
        ];
        config.on_change(&ids, move |config| hooked.follow(config));
        tuning
    }

    /// Takes over the configuration's values.
    fn follow(&self, config: &Config) -> Result<(), String> {
        self.maxmemory.store(config.unsigned(memory::MAXMEMORY), Ordering::Relaxed);
        let name = config.formatted(memory::MAXMEMORY_POLICY);
        let policy = Policy::NAMES.iter().find(|(known, _)| known.as_bytes() == name);
        let policy = policy.map_or(Policy::NoEviction, |(_, policy)| *policy);
        self.eviction.set_policy(policy);
        self.lrm.store(policy.is_lrm(), Ordering::Relaxed);
        self.eviction.set_samples(config.int(memory::MAXMEMORY_SAMPLES) as u32);
        self.set_tracking(if policy.is_lfu() {
            Tracking::Lfu {
                log_factor: config.int(memory::LFU_LOG_FACTOR) as u32,
                decay_minutes: config.int(memory::LFU_DECAY_TIME) as u32,
            }
        } else {
            Tracking::Lru
        });
        self.set_lazy(
            config.bool(memory::LAZYFREE_LAZY_EXPIRE),
            config.bool(memory::LAZYFREE_LAZY_EVICTION),
        );
        self.max_bulk_len.store(config.unsigned(clients::PROTO_MAX_BULK_LEN), Ordering::Relaxed);
        self.times_commands.store(config.bool(logging::LATENCY_TRACKING), Ordering::Relaxed);
        self.limits.set_hash(hash::Limit {
            entries: config.size(collections::HASH_MAX_LISTPACK_ENTRIES),
            value: config.size(collections::HASH_MAX_LISTPACK_VALUE),
        });
        self.limits.set_zset(zset::Limit {
            entries: config.size(collections::ZSET_MAX_LISTPACK_ENTRIES),
            value: config.size(collections::ZSET_MAX_LISTPACK_VALUE),
        });
        self.limits.set_list(config.int(collections::LIST_MAX_LISTPACK_SIZE));
        self.limits.set_set(set::Limit {
            integers: config.size(collections::SET_MAX_INTSET_ENTRIES),
            entries: config.size(collections::SET_MAX_LISTPACK_ENTRIES),
            value: config.size(collections::SET_MAX_LISTPACK_VALUE),
        });
        self.limits.set_hll_sparse(config.size(collections::HLL_SPARSE_MAX_BYTES));
        self.limits.set_stream(stream::Limit {
            bytes: config.size(collections::STREAM_NODE_MAX_BYTES),
            entries: config.int(collections::STREAM_NODE_MAX_ENTRIES) as u64,
        });
        self.limits.set_idempotency(stream::idempotency::Settings {
            duration: config.int(collections::STREAM_IDMP_DURATION) as u64,
            most: config.int(collections::STREAM_IDMP_MAXSIZE) as usize,
        });
        let letters = config.string(clients::NOTIFY_KEYSPACE_EVENTS);
        let classes = Class::parse(&letters)
            .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdnocaSTIV'.")?;
        self.set_notify_classes(classes);
        Ok(())
    }

    /// Whether events of a class are published.
    #[inline]
    pub fn notifies(&self, class: Class) -> bool {
        let set = self.notify.load(Ordering::Relaxed);
        set != 0 && Class::from_bits(set).has(class)
    }

    /// The classes of events that are published to channels.
    #[inline]
    pub fn notify_classes(&self) -> Class {
        Class::from_bits(self.notify.load(Ordering::Relaxed) & !Class::INVALIDATION.bits())
    }

    /// Chooses the classes of events that are published to channels.
    pub fn set_notify_classes(&self, class: Class) {
        self.notify.fetch_and(Class::INVALIDATION.bits(), Ordering::Relaxed);
        self.notify.fetch_or(class.bits() & !Class::INVALIDATION.bits(), Ordering::Relaxed);
    }

    /// Chooses whether the host is told of every key that changes, as an event of
    /// [`Class::INVALIDATION`].
    pub fn set_invalidates(&self, invalidates: bool) {
        if invalidates {
            self.notify.fetch_or(Class::INVALIDATION.bits(), Ordering::SeqCst);
        } else {
            self.notify.fetch_and(!Class::INVALIDATION.bits(), Ordering::SeqCst);
        }
    }

    /// Whether the clock of a key tells its last change, not its last use: the `lrm` policies.
    #[inline]
    pub fn tracks_changes_only(&self) -> bool {
        self.lrm.load(Ordering::Relaxed)
    }

    /// How the use of keys is tracked.
    #[inline]
    pub fn tracking(&self) -> Tracking {
        if !self.lfu.load(Ordering::Relaxed) {
            return Tracking::Lru;
        }
        Tracking::Lfu {
            log_factor: self.lfu_log_factor.load(Ordering::Relaxed),
            decay_minutes: self.lfu_decay_minutes.load(Ordering::Relaxed),
        }
    }

    /// Chooses how the use of keys is tracked.
    pub fn set_tracking(&self, tracking: Tracking) {
        if let Tracking::Lfu { log_factor, decay_minutes } = tracking {
            self.lfu_log_factor.store(log_factor, Ordering::Relaxed);
            self.lfu_decay_minutes.store(decay_minutes, Ordering::Relaxed);
        }
        self.lfu.store(matches!(tracking, Tracking::Lfu { .. }), Ordering::Relaxed);
    }

    /// `lfu-decay-time`, in minutes.
    pub fn lfu_decay_minutes(&self) -> u32 {
        self.lfu_decay_minutes.load(Ordering::Relaxed)
    }

    /// Whether expiry is logged as UNLINK.
    pub fn lazy_expire(&self) -> bool {
        self.lazy.load(Ordering::Relaxed) & LAZY_EXPIRE != 0
    }

    /// Whether eviction is logged as UNLINK.
    pub fn lazy_evict(&self) -> bool {
        self.lazy.load(Ordering::Relaxed) & LAZY_EVICT != 0
    }

    /// Chooses how expiry and eviction are logged.
    pub fn set_lazy(&self, expire: bool, evict: bool) {
        let bits = if expire { LAZY_EXPIRE } else { 0 } | if evict { LAZY_EVICT } else { 0 };
        self.lazy.store(bits, Ordering::Relaxed);
    }

    /// Whether expired keys are only hidden, not removed (a replica leaves that to its primary).
    #[inline]
    pub fn keeps_expired(&self) -> bool {
        self.keeps_expired.load(Ordering::Relaxed)
    }

    /// Chooses whether expired keys are only hidden.
    pub fn set_keeps_expired(&self, keeps: bool) {
        self.keeps_expired.store(keeps, Ordering::Relaxed);
    }
}
