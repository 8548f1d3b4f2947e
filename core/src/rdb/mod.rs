//! RDB: the binary form of values in dump files, DUMP payloads and the base of an append-only file.
//!
//! - [`writer`]: lengths, strings and numbers out; [`reader`]: the same in, checked.
//! - [`error`]: what can be wrong with a file or payload.
//!
//! The format is Redis's (<https://rdb.fnordig.de/file_format.html> describes its frame). Nothing
//! here knows files, threads or the keyspace.

pub mod error;
pub mod reader;
pub mod writer;

pub use error::RdbError;
pub use reader::Reader;
pub use writer::Writer;

/// The newest version of the format that can be read.
pub const VERSION_MAX: u16 = 15;

/// The version that Valkey 9 writes, which is read as well.
pub const VERSION_VALKEY: u16 = 80;

/// The version written unless something stored asks for a newer one: that of Redis 7.2.
pub const VERSION_DEFAULT: u16 = 11;

/// The type byte of a module's value.
pub const TYPE_MODULE: u8 = 7;

/// A type of values that a module stores, by the name that stands in files.
pub struct ModuleType {
    /// Nine characters of `A-Z a-z 0-9 - _`, for example `ReJSON-RL`.
    pub name: &'static str,
    /// The newest encoding that `load` understands, and the one that is written (0 to 1023).
    pub encoding: u16,
    /// Reads a value up to its end mark, which is left to the caller. `encoding` is what the file
    /// says.
    pub load: fn(
        input: &mut Reader<'_>,
        encoding: u16,
    ) -> Result<Box<dyn crate::value::Object>, RdbError>,
}
