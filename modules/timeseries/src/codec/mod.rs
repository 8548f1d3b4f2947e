//! The compressed sample codec: bits, adaptive Rice integers, and the value modes built on them.
//!
//! Timestamps are coded as in Gorilla (Pelkonen et al., VLDB 2015): the change of the interval
//! ("delta of delta"), here in an adaptive Rice code instead of Gorilla's fixed classes. Values are
//! coded in one of two modes, switched within the stream: *decimal* (values that are exactly
//! `integer / 10^scale`, as deltas of the integers, the idea of ALP and Elf) and *XOR* (Gorilla's
//! own, for full-precision doubles). Both are bit-exact for every double.
//!
//! What a chunk is and when it is full lives in `chunk`.

mod bits;
mod rice;
mod state;
#[cfg(test)]
mod tests;
mod value;

pub use bits::{BitBuf, BitReader};
pub use state::{CodecState, Decoder};

/// The most bytes that one encoded sample takes: a wide timestamp (16 + 6 + 64 bits), a change of
/// scale (18 + 4) and a wide delta (18 + 6 + 64), or a change to XOR (18) and a fraction (91).
pub const MAX_SAMPLE_BYTES: usize = 32;
