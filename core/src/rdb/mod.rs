//! RDB: the binary form of values in dump files, DUMP payloads and the base of an append-only file.
//!
//! - [`writer`]: lengths, strings and numbers out; [`reader`]: the same in, checked.
//! - [`file`]: a walk over a file; [`kind`]: the type bytes of values.
//! - [`value`]: values of core's types.
//! - [`template`]: fields that hashes have in common.
//! - [`frame`]: what stands around the values in a file.
//! - [`payload`]: what DUMP and RESTORE exchange.
//! - [`queue`]: the entries of a snapshot on their way into a file.
//! - [`error`]: what can be wrong with a file or payload.
//!
//! The format is Redis's (<https://rdb.fnordig.de/file_format.html> describes its frame). Nothing
//! here opens files or starts threads.

pub mod error;
pub mod file;
pub mod frame;
pub mod kind;
mod legacy;
mod lzf;
pub mod payload;
pub mod queue;
pub mod reader;
pub mod template;
pub mod value;
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

/// The oldest version that is written: that of Redis 7.0.
pub const VERSION_OLDEST: u16 = 10;

/// The oldest version that knows fields of hashes which expire on their own.
pub const VERSION_FIELD_TTL: u16 = 12;

/// The oldest version that knows producers of streams: that of Redis 8.6.
pub const VERSION_PRODUCERS: u16 = 13;

/// The oldest version that knows arrays, and released entries of streams: that of Redis 8.8.
pub const VERSION_ARRAYS: u16 = 14;

/// Bytes that stand where a value's type could, and say what follows instead.
pub mod opcode {
    /// The fields that hashes have in common, under a number.
    pub const HASH_TEMPLATE: u8 = 242;
    /// What modules say of the next key besides its value.
    pub const KEY_METADATA: u8 = 243;
    /// The slot that the next keys are of, with sizes: a hint.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const FUNCTION: u8 = 245;
    /// A library of functions as a release candidate of Redis 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    /// What a module stores besides values.
    pub const MODULE_AUX: u8 = 247;
    /// For how long the next key was not used.
    pub const IDLE: u8 = 248;
    /// How often the next key was used.
    pub const FREQUENCY: u8 = 249;
    /// A fact about the file.
    pub const AUX: u8 = 250;
    /// How many keys the database has: a hint.
    pub const RESIZE_DB: u8 = 251;
    /// When the next key expires, in Unix milliseconds.
    pub const EXPIRES_AT_MILLIS: u8 = 252;
    /// When the next key expires, in Unix seconds.
    pub const EXPIRES_AT_SECONDS: u8 = 253;
    /// The database that the next keys are in.
    pub const SELECT_DB: u8 = 254;
    /// The end of the file, but for its checksum.
    pub const EOF: u8 = 255;
}

/// Reads a value up to its end mark, which is left to the caller. The number is the encoding that
/// the file says.
pub type LoadValue = fn(&mut Reader<'_>, u16) -> Result<Box<dyn crate::value::Object>, RdbError>;

/// Takes what a module stores besides values: the name of a type, its encoding, and what writes the
/// parts.
pub type SaveAux<'a> = dyn FnMut(&'static str, u16, &mut dyn FnMut(&mut Writer)) + 'a;

/// A type of values that a module stores, by the name that stands in files.
pub struct ModuleType {
    /// Nine characters of `A-Z a-z 0-9 - _`, for example `ReJSON-RL`.
    pub name: &'static str,
    /// The newest encoding that `load` understands, and the one that is written (0 to 1023).
    pub encoding: u16,
    /// Whether its module wants to hear of changed keys as soon as there is such a value.
    pub observed: bool,
    /// Reads a value.
    pub load: LoadValue,
}
