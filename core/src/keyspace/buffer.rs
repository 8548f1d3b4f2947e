//! The bytes of a long string, which a snapshot can take in parts.

use std::ops::{Deref, Range};

use super::snapshot::{Captured, Collection, EachPart, Parts};

/// A long string. It is read as a slice; whoever changes it says where first, for a snapshot that
/// takes it in parts.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    captured: Captured,
}

impl Buffer {
    /// A buffer of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, captured: Captured::default() }
    }

    /// All bytes, of which only those of these ranges are to be changed.
    pub fn ranges_mut(&mut self, ranges: &[Range<usize>]) -> &mut [u8] {
        for range in ranges {
            self.captured.before_bytes(&self.bytes, range.clone());
        }
        &mut self.bytes
    }

    /// All bytes, of which only those from `from` on are to be changed. There may be more or fewer
    /// of them afterwards.
    pub fn tail_mut(&mut self, from: usize) -> &mut Vec<u8> {
        self.captured.before_bytes(&self.bytes, from..self.bytes.len());
        &mut self.bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Parts for Buffer {
    fn collection(&self) -> Collection {
        Collection::String
    }

    fn count(&self) -> usize {
        self.bytes.len()
    }

    fn captured(&mut self) -> &mut Captured {
        &mut self.captured
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A string has no elements.
    fn scan_parts(&self, _: u64, _: &mut EachPart<'_>) -> u64 {
        0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.captured.leave(|| Box::new(Self::new(std::mem::take(&mut self.bytes))));
    }
}
