//! The memory of a listpack: two words, since the length is in the listpack's own header.

use std::ops::{Deref, DerefMut};

/// The header's first bytes: the length of all.
const LENGTH: usize = 4;

/// Bytes that begin with their own number, and room behind them. It reads as those bytes.
pub(super) struct Buffer {
    /// At least [`LENGTH`] bytes.
    memory: Box<[u8]>,
}

impl Buffer {
    /// A copy of `bytes`, at least [`LENGTH`] of them, with room for `capacity` in all.
    pub(super) fn new(bytes: &[u8], capacity: usize) -> Self {
        let mut memory = Vec::with_capacity(capacity.max(bytes.len()));
        memory.extend_from_slice(bytes);
        Self::from_vec(memory)
    }

    /// Takes over bytes with the room behind them.
    fn from_vec(mut bytes: Vec<u8>) -> Self {
        let used = bytes.len();
        bytes.resize(bytes.capacity(), 0);
        let mut buffer = Self { memory: bytes.into_boxed_slice() };
        buffer.set_used(used);
        buffer
    }

    /// The bytes, with the room behind them as spare capacity.
    pub(super) fn into_vec(self) -> Vec<u8> {
        let used = self.used();
        let mut bytes = self.memory.into_vec();
        bytes.truncate(used);
        bytes
    }

    #[inline]
    fn used(&self) -> usize {
        let [a, b, c, d, ..] = *self.memory else { return 0 };
        u32::from_le_bytes([a, b, c, d]) as usize
    }

    /// A listpack is never too long for its header.
    fn set_used(&mut self, used: usize) {
        self.memory[..LENGTH].copy_from_slice(&(used as u32).to_le_bytes());
    }

    pub(super) fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Makes room for so many bytes in all.
    pub(super) fn reserve(&mut self, capacity: usize) {
        if capacity > self.capacity() {
            let mut bytes = std::mem::take(&mut self.memory).into_vec();
            bytes.reserve_exact(capacity - bytes.len());
            bytes.resize(bytes.capacity(), 0);
            self.memory = bytes.into_boxed_slice();
        }
    }

    /// Adds zero bytes, for which there must be room, or takes bytes off, so that there are `len`.
    pub(super) fn resize(&mut self, len: usize) {
        let used = self.used();
        if len > used {
            self.memory[used..len].fill(0);
        }
        self.set_used(len);
    }

    /// Gives back the room behind the bytes.
    pub(super) fn shrink_to_fit(&mut self) {
        if self.used() < self.capacity() {
            self.memory = Box::from(&**self);
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self { memory: Box::from(&**self) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.memory[..self.used()]
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        let used = self.used();
        &mut self.memory[..used]
    }
}
