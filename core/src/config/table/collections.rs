//! Parameters of values: up to where small collections are kept compactly.

use super::INT_MAX;
use crate::config::Param;

/// No bound but the type's.
const ANY: u64 = u64::MAX;

crate::params! {
    "Values", after super::memory::END;

    /// The most fields of a hash that is kept compactly.
    HASH_MAX_LISTPACK_ENTRIES =
        Param::unsigned("hash-max-listpack-entries", "512", 0, ANY).alias("hash-max-ziplist-entries");
    /// The longest field or value of a hash that is kept compactly, in bytes.
    HASH_MAX_LISTPACK_VALUE =
        Param::memory("hash-max-listpack-value", "64", 0, ANY).alias("hash-max-ziplist-value");
    /// From how many fields on a hash shares their names with others; 0 is never.
    HASH_MIN_TEMPLATE_ENTRIES = Param::unsigned("hash-min-template-entries", "0", 0, ANY).later();
    /// Up to how many fields a hash shares their names with others; 0 is no bound.
    HASH_MAX_TEMPLATE_ENTRIES = Param::unsigned("hash-max-template-entries", "0", 0, ANY).later();
    /// As `hash-min-template-entries`, for hashes that are loaded.
    HASH_RDB_LOAD_MIN_TEMPLATE_ENTRIES =
        Param::unsigned("hash-rdb-load-min-template-entries", "0", 0, ANY).later();
    /// As `hash-max-template-entries`, for hashes that are loaded.
    HASH_RDB_LOAD_MAX_TEMPLATE_ENTRIES =
        Param::unsigned("hash-rdb-load-max-template-entries", "0", 0, ANY).later();
    /// How many hashes that are loaded have to share names so that they do; 0 is any number.
    HASH_RDB_LOAD_TEMPLATE_DISASSEMBLY_THRESHOLD =
        Param::unsigned("hash-rdb-load-template-disassembly-threshold", "0", 0, ANY).later();
    /// The largest compact node of a list: elements if positive, else from -1 to -5 a size of 4, 8,
    /// 16, 32 or 64 KiB.
    LIST_MAX_LISTPACK_SIZE =
        Param::int("list-max-listpack-size", "-2", i32::MIN as i64, INT_MAX)
            .alias("list-max-ziplist-size");
    /// How many nodes at each end of a list are never compressed; 0 compresses none.
    LIST_COMPRESS_DEPTH = Param::int("list-compress-depth", "0", 0, INT_MAX).later();
    /// The most members of a set of integers that is kept compactly.
    SET_MAX_INTSET_ENTRIES = Param::unsigned("set-max-intset-entries", "512", 0, ANY);
    /// The most members of another set that is kept compactly.
    SET_MAX_LISTPACK_ENTRIES = Param::unsigned("set-max-listpack-entries", "128", 0, ANY);
    /// The longest member of a set that is kept compactly, in bytes.
    SET_MAX_LISTPACK_VALUE = Param::unsigned("set-max-listpack-value", "64", 0, ANY);
    /// The most members of a sorted set that is kept compactly.
    ZSET_MAX_LISTPACK_ENTRIES =
        Param::unsigned("zset-max-listpack-entries", "128", 0, ANY).alias("zset-max-ziplist-entries");
    /// The longest member of a sorted set that is kept compactly, in bytes.
    ZSET_MAX_LISTPACK_VALUE =
        Param::memory("zset-max-listpack-value", "64", 0, ANY).alias("zset-max-ziplist-value");
    /// The largest sparse HyperLogLog, in bytes.
    HLL_SPARSE_MAX_BYTES = Param::memory("hll-sparse-max-bytes", "3000", 0, ANY);
    /// The largest node of a stream, in bytes; 0 is no limit.
    STREAM_NODE_MAX_BYTES = Param::memory("stream-node-max-bytes", "4096", 0, ANY);
    /// The most entries of a node of a stream; 0 is no limit.
    STREAM_NODE_MAX_ENTRIES = Param::int("stream-node-max-entries", "100", 0, i64::MAX);
    /// How long a stream remembers the identifiers of idempotent producers, in seconds.
    STREAM_IDMP_DURATION = Param::int("stream-idmp-duration", "100", 1, 86_400);
    /// How many identifiers of each idempotent producer a stream remembers.
    STREAM_IDMP_MAXSIZE = Param::int("stream-idmp-maxsize", "100", 1, 10_000);
}
