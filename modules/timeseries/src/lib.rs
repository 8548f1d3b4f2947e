//! Time series as a native value type: compressed chunks, range queries, label index, compactions,
//! and the TS commands.
//!
//! The engine is pure: it knows no sockets, no clock and no keyspace. Commands call it with parsed
//! arguments and the current time, and the keyspace owns its values.
//!
//! * [`sample`], [`codec`], [`chunk`] and [`series`] hold samples; [`duplicate`] says what becomes of
//!   a second one at a timestamp.
//! * [`query`], [`aggregate`], [`bucket`], [`reader`] and [`reduce`] answer queries.
//! * [`value`] adds labels and, with [`compaction`], rules; [`labels`] indexes series by label.
//! * [`args`], [`number`] and [`error`] are the words that clients write and read.
//!
//! On top of it, [`catalog`] says which keys are series with which labels, [`object`] makes a series
//! a value of the keyspace, `rdb` is its form in files, [`commands`] is what clients call, and [`module()`] ties them together.

pub mod aggregate;
pub mod args;
pub mod bucket;
pub mod catalog;
pub mod chunk;
pub mod codec;
pub mod commands;
pub mod compaction;
pub mod duplicate;
pub mod error;
pub mod labels;
mod module;
pub mod number;
pub mod object;
pub mod query;
mod rdb;
pub mod reader;
pub mod reduce;
pub mod sample;
pub mod series;
pub mod value;

pub use module::{TimeSeriesModule, module};
