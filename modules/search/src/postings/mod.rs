//! Posting lists: which documents hold a term, how often, in which fields and at which places.
//!
//! A list is a varint-coded tail of fewer than [`BLOCK_LEN`] entries after bit-packed blocks of
//! that many. Blocks are immutable and shared, so a snapshot of a list costs a few reference
//! counts and a copy of its tail.

pub mod block;
pub mod bounds;
pub mod cursor;
pub mod list;
#[cfg(test)]
mod tests;
pub mod varint;

pub use block::Block;
pub use bounds::{Bounds, Share};
pub use cursor::TermCursor;
pub use list::{PostingList, PostingSnapshot};

use crate::schema::FieldMask;

/// Entries in a full block; the width of the bit packer.
pub const BLOCK_LEN: usize = 128;

/// "No more documents"; never a document's id.
pub const END: u32 = u32::MAX;

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting<'a> {
    /// The document.
    pub doc: u32,
    /// Weighted number of occurrences, at least 1.
    pub freq: u32,
    /// TEXT fields the term occurs in.
    pub mask: FieldMask,
    /// Places of the term, as [`varint::write_positions`] codes them.
    pub positions: &'a [u8],
}
