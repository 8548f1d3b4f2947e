//! Changes of documents by path: what the writing JSON commands do, without keys and replies.
//!
//! Every operation finds all matches first. Results come one a match, in match order, `None` where
//! a node has the wrong type; changes are applied from the last and deepest node to the first, so
//! that none moves another. Errors are found before anything is changed.

mod arrays;
mod merge;
mod numbers;
mod place;
mod scalars;
#[cfg(test)]
mod tests;
mod write;

pub use arrays::{append, index_of, insert, pop, trim};
pub use merge::merge;
pub use numbers::{Number, increment, multiply, raise};
pub use scalars::{append_string, clear, toggle};
pub use write::{Deleted, SetMode, delete, set};

use crate::path::PathError;
use crate::tree::MAX_DEPTH;

/// Why an operation was refused. Texts are RedisJSON's where it has the case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// The path is wrong, or matches too much.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The change would nest values deeper than [`MAX_DEPTH`].
    #[error("ERR value would be nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The change would make an array, an object or a string longer than its limit.
    #[error("ERR value would become too long")]
    TooLong,
    /// The argument of an arithmetic operation is not a number.
    #[error("bad input number")]
    BadNumber,
    /// The result of an arithmetic operation is not finite.
    #[error("ERR result is not a number")]
    NotFinite,
    /// An array has no such position to insert at.
    #[error("ERR index out of bounds")]
    OutOfBounds,
    /// A value was to be set at an index that an array does not have.
    #[error("ERR array index out of range")]
    NoSuchIndex,
    /// A path that matches nothing names no single place to create.
    #[error("Err wrong static path")]
    NotStatic,
}
