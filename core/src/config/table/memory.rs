//! Parameters of memory: its limit, what goes when it is reached, and how it is freed.

use super::INT_MAX;
use crate::config::Param;

/// Values of `maxmemory-policy`. The numbers are only places in this list.
const POLICIES: &[(&str, i64)] = &[
    ("volatile-lru", 0),
    ("volatile-lfu", 1),
    ("volatile-random", 2),
    ("volatile-ttl", 3),
    ("allkeys-lru", 4),
    ("allkeys-lfu", 5),
    ("allkeys-random", 6),
    ("noeviction", 7),
    ("volatile-lrm", 8),
    ("allkeys-lrm", 9),
];

crate::params! {
    "Memory", after super::server::END;

    /// The most memory that data may take; beyond it keys are evicted or writes refused. 0 is no
    /// limit.
    MAXMEMORY = Param::memory("maxmemory", "0", 0, u64::MAX);
    /// Which keys are evicted: of all keys or only of those that expire (`volatile-`), the least
    /// recently used (`lru`), least frequently used (`lfu`), least recently modified (`lrm`), those
    /// closest to their end (`ttl`) or any (`random`).
    MAXMEMORY_POLICY = Param::choice("maxmemory-policy", "noeviction", POLICIES);
    /// How many keys are looked at to find one to evict.
    MAXMEMORY_SAMPLES = Param::int("maxmemory-samples", "5", 1, 64);
    /// How long a command may be kept waiting by eviction, from 0 to 100.
    MAXMEMORY_EVICTION_TENACITY = Param::int("maxmemory-eviction-tenacity", "10", 0, 100).later();
    /// How slowly the frequency of use grows: the higher, the more uses it takes to tell keys
    /// apart.
    LFU_LOG_FACTOR = Param::int("lfu-log-factor", "10", 0, INT_MAX);
    /// The minutes after which the frequency of use falls by one; 0 is never.
    LFU_DECAY_TIME = Param::int("lfu-decay-time", "1", 0, INT_MAX);
    /// Whether evicted values are freed in the background.
    LAZYFREE_LAZY_EVICTION = Param::bool("lazyfree-lazy-eviction", "no");
    /// Whether expired values are freed in the background.
    LAZYFREE_LAZY_EXPIRE = Param::bool("lazyfree-lazy-expire", "no");
    /// Whether values that a command replaces are freed in the background. Those whose freeing is
    /// much work are in any case.
    LAZYFREE_LAZY_SERVER_DEL = Param::bool("lazyfree-lazy-server-del", "no");
    /// Whether DEL frees in the background, as UNLINK does. Both do, as soon as it is much work.
    LAZYFREE_LAZY_USER_DEL = Param::bool("lazyfree-lazy-user-del", "no");
    /// Whether FLUSHALL, FLUSHDB and SCRIPT FLUSH work in the background unless told otherwise.
    LAZYFREE_LAZY_USER_FLUSH = Param::bool("lazyfree-lazy-user-flush", "no");
    /// Whether the allocator gives memory back to the system in the background.
    JEMALLOC_BG_THREAD = Param::bool("jemalloc-bg-thread", "yes");
}

/// The name of a policy by its number.
pub fn policy_name(number: i64) -> &'static str {
    POLICIES.iter().find(|(_, policy)| *policy == number).map_or("noeviction", |(name, _)| name)
}
