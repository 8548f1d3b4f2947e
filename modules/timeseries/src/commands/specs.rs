//! The table of the TS commands. Flags and key specs are what RedisTimeSeries 1.12 answers to COMMAND
//! INFO; arities, too, are the handlers' business there, and errors of queued commands come at EXEC.

use cairn_core::command::{Access, Acl, Flags, Handler, KeySpec, Reach, Spec};

use super::{create, info, load, many, read, rules, write};

const ACCESS: Access = Access::RW.or(Access::ACCESS).or(Access::UPDATE);
const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const GROW: Flags = Flags::WRITE.or(Flags::DENYOOM);

const KEY: &[KeySpec] = &[KeySpec::one(1, ACCESS)];
const KEYS: &[KeySpec] = &[KeySpec::range(1, -1, 3, ACCESS)];

/// What all commands have in common. Most begin with the shard of their key, or with none, and may
/// ask for others: those of rules, or of series that pass filters.
const fn spec(name: &'static str, flags: Flags, handler: Handler) -> Spec {
    Spec {
        name,
        arity: -1,
        flags,
        acl: Acl::TIMESERIES,
        keys: KEY,
        reach: Reach::Steps,
        group: "timeseries",
        since: "1.0.0",
        handler,
        ..Spec::DEFAULT
    }
}

/// The keys of a rule. Its key spec tells of the source alone, as RedisTimeSeries' does.
fn rule_keys(args: &[&[u8]], out: &mut Vec<usize>) {
    out.extend(1..args.len().min(3));
}

/// The commands.
pub const SPECS: &[Spec] = &[
    Spec {
        reach: Reach::Keys,
        summary: "Creates a time series",
        complexity: "O(1)",
        syntax: "key [RETENTION retentionPeriod] [ENCODING <UNCOMPRESSED | COMPRESSED>] [CHUNK_SIZE size] [DUPLICATE_POLICY policy] [IGNORE ignoreMaxTimediff ignoreMaxValDiff] [LABELS [label value ...]]",
        ..spec("ts.create", GROW, create::create)
    },
    Spec {
        reach: Reach::Keys,
        summary: "Changes how a time series behaves, and its labels",
        complexity: "O(N) in the number of labels",
        syntax: "key [RETENTION retentionPeriod] [CHUNK_SIZE size] [DUPLICATE_POLICY policy] [IGNORE ignoreMaxTimediff ignoreMaxValDiff] [LABELS [label value ...]]",
        ..spec("ts.alter", GROW, create::alter)
    },
    Spec {
        summary: "Adds a sample to a time series, which is created if need be",
        complexity: "O(M) in the number of rules; O(N) in the length of a chunk for late samples",
        syntax: "key timestamp value [RETENTION retentionPeriod] [ENCODING <COMPRESSED | UNCOMPRESSED>] [CHUNK_SIZE size] [DUPLICATE_POLICY policy] [ON_DUPLICATE policy_ovr] [IGNORE ignoreMaxTimediff ignoreMaxValDiff] [LABELS [label value ...]]",
        ..spec("ts.add", GROW, write::add)
    },
    Spec {
        keys: KEYS,
        summary: "Adds samples to time series",
        complexity: "O(N*M) in the numbers of samples and of rules",
        syntax: "key timestamp value [key timestamp value ...]",
        ..spec("ts.madd", GROW, write::madd)
    },
    Spec {
        summary: "Adds a sample, greater than the latest by a number",
        complexity: "O(M) in the number of rules",
        syntax: "key addend [TIMESTAMP timestamp] [RETENTION retentionPeriod] [ENCODING <COMPRESSED | UNCOMPRESSED>] [CHUNK_SIZE size] [DUPLICATE_POLICY policy] [IGNORE ignoreMaxTimediff ignoreMaxValDiff] [LABELS [label value ...]]",
        ..spec("ts.incrby", GROW, write::increase)
    },
    Spec {
        summary: "Adds a sample, less than the latest by a number",
        complexity: "O(M) in the number of rules",
        syntax: "key subtrahend [TIMESTAMP timestamp] [RETENTION retentionPeriod] [ENCODING <COMPRESSED | UNCOMPRESSED>] [CHUNK_SIZE size] [DUPLICATE_POLICY policy] [IGNORE ignoreMaxTimediff ignoreMaxValDiff] [LABELS [label value ...]]",
        ..spec("ts.decrby", GROW, write::decrease)
    },
    Spec {
        since: "1.6.0",
        summary: "Deletes the samples of a range of time",
        complexity: "O(N) in the number of samples deleted",
        syntax: "key fromTimestamp toTimestamp",
        ..spec("ts.del", WRITE, write::delete)
    },
    Spec {
        summary: "Returns the latest sample of a time series",
        complexity: "O(1)",
        syntax: "key [LATEST]",
        ..spec("ts.get", READ, read::get)
    },
    Spec {
        summary: "Returns the samples of a range of time, or aggregates of them",
        complexity: "O(N) in the number of samples read",
        syntax: "key fromTimestamp toTimestamp [LATEST] [FILTER_BY_TS ts [ts ...]] [FILTER_BY_VALUE min max] [COUNT count] [[ALIGN align] AGGREGATION aggregators bucketDuration [BUCKETTIMESTAMP bt] [EMPTY]]",
        ..spec("ts.range", READ, read::range)
    },
    Spec {
        since: "1.4.0",
        summary: "Returns the samples of a range of time, or aggregates of them, latest first",
        complexity: "O(N) in the number of samples read",
        syntax: "key fromTimestamp toTimestamp [LATEST] [FILTER_BY_TS ts [ts ...]] [FILTER_BY_VALUE min max] [COUNT count] [[ALIGN align] AGGREGATION aggregators bucketDuration [BUCKETTIMESTAMP bt] [EMPTY]]",
        ..spec("ts.revrange", READ, read::reverse_range)
    },
    Spec {
        keys: &[],
        summary: "Returns the samples of a range of time from the series that pass filters",
        complexity: "O(N) in the number of samples read",
        syntax: "fromTimestamp toTimestamp [LATEST] [FILTER_BY_TS ts [ts ...]] [FILTER_BY_VALUE min max] [WITHLABELS | <SELECTED_LABELS label [label ...]>] [COUNT count] [[ALIGN align] AGGREGATION aggregators bucketDuration [BUCKETTIMESTAMP bt] [EMPTY]] FILTER filterExpr [filterExpr ...] [GROUPBY label REDUCE reducer]",
        ..spec("ts.mrange", READ, many::range)
    },
    Spec {
        keys: &[],
        since: "1.4.0",
        summary: "Returns the samples of a range of time from the series that pass filters, latest first",
        complexity: "O(N) in the number of samples read",
        syntax: "fromTimestamp toTimestamp [LATEST] [FILTER_BY_TS ts [ts ...]] [FILTER_BY_VALUE min max] [WITHLABELS | <SELECTED_LABELS label [label ...]>] [COUNT count] [[ALIGN align] AGGREGATION aggregators bucketDuration [BUCKETTIMESTAMP bt] [EMPTY]] FILTER filterExpr [filterExpr ...] [GROUPBY label REDUCE reducer]",
        ..spec("ts.mrevrange", READ, many::reverse_range)
    },
    Spec {
        keys: &[],
        summary: "Returns the latest samples of the series that pass filters",
        complexity: "O(N) in the number of series",
        syntax: "[LATEST] [WITHLABELS | <SELECTED_LABELS label [label ...]>] FILTER filterExpr [filterExpr ...]",
        ..spec("ts.mget", READ, many::get)
    },
    Spec {
        keys: &[],
        summary: "Returns the keys of the series that pass filters",
        complexity: "O(N) in the number of series",
        syntax: "filterExpr [filterExpr ...]",
        ..spec("ts.queryindex", READ, many::query_index)
    },
    Spec {
        summary: "Describes a time series",
        complexity: "O(1), or O(N) in the number of chunks with DEBUG",
        syntax: "key [DEBUG]",
        ..spec("ts.info", READ, info::info)
    },
    Spec {
        find_keys: Some(rule_keys),
        summary: "Lets a time series feed aggregates of its samples to another",
        complexity: "O(1)",
        syntax: "sourceKey destKey AGGREGATION aggregator bucketDuration [alignTimestamp]",
        ..spec("ts.createrule", GROW, rules::create)
    },
    Spec {
        find_keys: Some(rule_keys),
        summary: "Ends the feeding of one time series by another",
        complexity: "O(N) in the number of rules of the source",
        syntax: "sourceKey destKey",
        ..spec("ts.deleterule", WRITE, rules::delete)
    },
    Spec {
        reach: Reach::Keys,
        summary: "Adds samples to a time series that is restored",
        complexity: "O(N) in the number of samples",
        syntax: "key timestamp bits [timestamp bits ...]",
        ..spec("ts._load", GROW, load::load)
    },
    Spec {
        reach: Reach::Keys,
        summary: "Tells a time series that is restored of one end of a rule",
        complexity: "O(1)",
        syntax: "key <SOURCE sourceKey | RULE destKey aggregator bucketDuration alignTimestamp>",
        ..spec("ts._link", GROW, load::link)
    },
];
