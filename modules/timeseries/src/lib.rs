//! Time series as a native value type: compressed chunks, range queries, label index, compactions.
//!
//! The engine is pure: it knows no sockets, no clock and no keyspace. Commands call it with parsed
//! arguments and the current time, and the keyspace owns its values.

pub mod aggregate;
pub mod args;
pub mod bucket;
pub mod chunk;
pub mod codec;
pub mod compaction;
pub mod duplicate;
pub mod error;
pub mod labels;
pub mod number;
pub mod query;
pub mod reader;
pub mod reduce;
pub mod sample;
pub mod series;
pub mod value;
