//! Data structures that know nothing of keys, commands or the server: the incremental hash table
//! and the sequences that values are built of.
//!
//! Nothing here depends on the rest of the crate but its utilities. What a structure means to a
//! client (types, encodings' names, thresholds) is decided by the code that uses it.

pub mod deadlines;
pub mod hash;
pub mod intset;
pub mod listpack;
pub mod quicklist;
pub mod table;
pub mod thin;

pub use deadlines::Deadlines;
pub use hash::{Seed, hash_bytes};
pub use intset::IntSet;
pub use listpack::Listpack;
pub use quicklist::Quicklist;
pub use table::Table;
pub use thin::ThinBytes;
