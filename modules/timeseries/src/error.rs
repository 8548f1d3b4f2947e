//! Everything that can go wrong in the engine, with the texts that clients match on.

use thiserror::Error;

/// An error of the time-series engine; its text is what the client reads.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TsError {
    /// A sample at this timestamp exists and the policy is BLOCK.
    #[error(
        "TSDB: Error at upsert, update is not supported when DUPLICATE_POLICY is set to BLOCK mode"
    )]
    Blocked,
    /// The sample lies before the retention period.
    #[error("TSDB: Timestamp is older than retention")]
    OlderThanRetention,
    /// A filter that is no matcher.
    #[error("TSDB: failed parsing labels")]
    BadFilter,
    /// No filter selects series positively.
    #[error("TSDB: please provide at least one matcher")]
    NoMatcher,
    /// More filters, or values in one, than a query may have.
    #[error("TSDB: too many filters")]
    TooManyFilters,
    /// An aggregator's name is not known.
    #[error("TSDB: Unknown aggregation type")]
    UnknownAggregation,
    /// A duplicate policy's name is not known.
    #[error("TSDB: Unknown DUPLICATE_POLICY")]
    UnknownPolicy,
    /// EMPTY over a range with more buckets than a reply may have.
    #[error("TSDB: too many empty buckets, use COUNT or a larger bucketDuration")]
    TooManyBuckets,
    /// A stored chunk whose bytes do not decode to what its header says.
    #[error("TSDB: corrupt chunk")]
    CorruptChunk,
    /// The chunk size is out of range or not a multiple of eight.
    #[error("TSDB: CHUNK_SIZE value must be a multiple of 8 in the range [48 .. 1048576]")]
    ChunkSize,
    /// An argument that cannot be read; what is wrong with it.
    #[error("TSDB: {0}")]
    Argument(&'static str),
    /// Arguments are missing.
    #[error("wrong number of arguments")]
    Arity,
}
