//! Small helpers without dependencies, with exactly Redis's semantics: numbers as text, glob
//! patterns, quoted words, checksums, hashes, memory sizes; and a fast source of randomness.
//!
//! Nothing here knows of keys, commands or the configuration.

mod bignum;
pub mod crc16;
pub mod crc64;
pub mod float;
pub mod glob;
pub mod int;
pub mod long_double;
pub mod memory;
pub mod murmur;
pub mod random;
mod scan;
pub mod sha1;
pub mod words;

/// Numbers as text, under one name.
pub mod num {
    pub use super::float::{format_f64, parse_f64, write_f64};
    pub use super::int::{parse_i64, parse_u64};
}
