//! Full-text search over hashes and JSON documents.
//!
//! The engine here is a mutable inverted index whose writes are visible to the next search and
//! whose totals are exact. It knows nothing of commands, connections or the keyspace: documents
//! come in as fields, queries as text, and hits leave as keys. On top of it, [`catalog`] says which
//! keys are documents of which index, [`commands`] is what clients call, `rdb` keeps definitions in files, and [`module`] ties both
//! to the keyspace.
//!
//! * [`schema`] says what is indexed; [`analysis`] turns text into terms.
//! * [`postings`], [`numeric`], [`tag`], [`column`] and [`docs`] hold the data.
//! * [`query`] parses, [`plan`] binds a query to a snapshot, [`iter`] matches, [`score`] ranks and
//!   [`search`] collects the best hits; `cost` guesses what that takes.
//! * [`index`] ties them together behind one lock that no query holds while it runs.

pub mod analysis;
pub mod catalog;
pub mod column;
pub mod commands;
mod cost;
pub mod dictionary;
pub mod docs;
pub mod gc;
pub mod index;
pub mod iter;
pub mod memory;
mod module;
pub mod number;
pub mod numeric;
mod patterns;
pub mod plan;
pub mod postings;
pub mod query;
mod rdb;
pub mod schema;
pub mod score;
pub mod search;
pub mod tag;
pub mod window;

pub use module::{SearchModule, module};

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod oracle_tests;
