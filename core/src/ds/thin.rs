//! A byte string that takes one word: for tables of very many short strings, where a pointer with
//! a length beside it would cost as much as the string.
//!
//! Up to [`INLINE_MAX`] bytes stand in the word itself. Longer strings have one allocation: their
//! length as a base-128 number (least digits first, the top bit set on all but the last), then
//! their bytes.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Bytes of a word.
const WORD: usize = size_of::<NonNull<u8>>();

/// Longest string that needs no allocation.
pub const INLINE_MAX: usize = WORD - 1;

/// Which byte of a word holds a pointer's lowest bits, and where the others begin.
const LOW: usize = if cfg!(target_endian = "little") { 0 } else { WORD - 1 };
const REST: usize = if cfg!(target_endian = "little") { 1 } else { 0 };

/// Blocks begin at even addresses, so that the lowest bit tells a string in the word from a block.
const ALIGN: usize = 2;
const INLINE: u8 = 1;

/// A byte string of fixed length in one word.
pub struct ThinBytes(Word);

/// Either a block, whose address is even, or, when the lowest bit is set, a string: the length in
/// the other bits of that byte, the bytes in the rest of the word.
union Word {
    block: NonNull<u8>,
    bytes: [u8; WORD],
}

// SAFETY: a ThinBytes owns its block, like a Box.
unsafe impl Send for ThinBytes {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for ThinBytes {}

impl ThinBytes {
    /// A copy of `bytes`.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        Self::concat([bytes])
    }

    /// These strings one after the other.
    #[inline]
    pub fn concat<const N: usize>(parts: [&[u8]; N]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum();
        if len <= INLINE_MAX {
            let mut bytes = [0; WORD];
            bytes[LOW] = (len as u8) << 1 | INLINE;
            fill(&mut bytes[REST..REST + INLINE_MAX], &parts);
            return Self(Word { bytes });
        }
        Self(Word { block: allocate(len, &parts) })
    }

    #[inline]
    fn low(&self) -> u8 {
        // SAFETY: all bytes of a word are initialised, whichever of its forms it has.
        unsafe { self.0.bytes[LOW] }
    }

    /// The block, unless the string is in the word.
    #[inline]
    fn block(&self) -> Option<NonNull<u8>> {
        if self.low() & INLINE != 0 {
            return None;
        }
        // SAFETY: the lowest bit of a block's address is 0, and set in the other form.
        Some(unsafe { self.0.block })
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self.block() {
            None => {
                let len = usize::from(self.low() >> 1);
                // SAFETY: the word is in its other form, and initialised.
                unsafe { self.0.bytes.get_unchecked(REST..REST + len) }
            }
            Some(block) => {
                // SAFETY: a block begins with its length, followed by that many bytes.
                unsafe {
                    let (len, digits) = read_length(block);
                    std::slice::from_raw_parts(block.as_ptr().add(digits), len)
                }
            }
        }
    }

    /// The bytes, to change them in place.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        match self.block() {
            None => {
                let len = usize::from(self.low() >> 1);
                // SAFETY: the word is in its other form, and initialised.
                unsafe { &mut self.0.bytes[REST..REST + len] }
            }
            Some(block) => {
                // SAFETY: as in `as_bytes`, with exclusive access.
                unsafe {
                    let (len, digits) = read_length(block);
                    std::slice::from_raw_parts_mut(block.as_ptr().add(digits), len)
                }
            }
        }
    }

    /// Bytes allocated beside the word.
    #[inline]
    pub fn memory(&self) -> usize {
        match self.block() {
            None => 0,
            // SAFETY: a block begins with its length.
            Some(block) => unsafe { layout(read_length(block).0).size() },
        }
    }
}

impl Drop for ThinBytes {
    #[inline]
    fn drop(&mut self) {
        if let Some(block) = self.block() {
            // SAFETY: the block came from `allocate` with this layout and is not used again.
            unsafe { dealloc(block.as_ptr(), layout(read_length(block).0)) }
        }
    }
}

impl Clone for ThinBytes {
    fn clone(&self) -> Self {
        Self::new(self.as_bytes())
    }
}

impl std::fmt::Debug for ThinBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

/// Copies strings one after the other into `to`, which is long enough.
#[inline]
fn fill(to: &mut [u8], parts: &[&[u8]]) {
    let mut at = 0;
    for part in parts {
        to[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
}

/// How many digits of base 128 a length has.
#[inline]
pub(crate) fn digits(len: usize) -> usize {
    if len < 0x80 { 1 } else { (usize::BITS - len.leading_zeros()).div_ceil(7) as usize }
}

/// The layout of the block of a string of this length.
#[inline]
fn layout(len: usize) -> Layout {
    len.checked_add(digits(len))
        .and_then(|size| Layout::from_size_align(size, ALIGN).ok())
        .unwrap_or_else(|| panic!("thin string: capacity overflow"))
}

/// Makes a block of strings that have this length together.
fn allocate(len: usize, parts: &[&[u8]]) -> NonNull<u8> {
    let layout = layout(len);
    // SAFETY: the layout has a size: there is at least one digit.
    let raw = unsafe { alloc(layout) };
    let Some(block) = NonNull::new(raw) else { handle_alloc_error(layout) };
    // SAFETY: the block holds `digits(len)` digits and `len` bytes, and nobody else knows of it.
    unsafe {
        let mut at = write_length(block, len);
        for part in parts {
            part.as_ptr().copy_to_nonoverlapping(block.as_ptr().add(at), part.len());
            at += part.len();
        }
    }
    block
}

/// Writes a length at the beginning of a block; returns in how many digits.
///
/// # Safety
/// `block` must have room for [`digits`] bytes, and nobody else may use it.
#[inline]
pub(crate) unsafe fn write_length(block: NonNull<u8>, len: usize) -> usize {
    let (mut rest, mut at) = (len, 0);
    // SAFETY: one byte a digit.
    unsafe {
        while rest >= 0x80 {
            block.add(at).write(rest as u8 | 0x80);
            (rest, at) = (rest >> 7, at + 1);
        }
        block.add(at).write(rest as u8);
    }
    at + 1
}

/// The length that a block begins with, and in how many digits.
///
/// # Safety
/// `block` must begin with what [`write_length`] wrote.
#[inline]
pub(crate) unsafe fn read_length(block: NonNull<u8>) -> (usize, usize) {
    // SAFETY: the first byte without the top bit ends the length, which every block has.
    unsafe {
        let first = block.read();
        if first < 0x80 {
            return (usize::from(first), 1);
        }
        let (mut len, mut at) = (usize::from(first & 0x7f), 1);
        loop {
            let digit = block.add(at).read();
            len |= usize::from(digit & 0x7f) << (7 * at);
            at += 1;
            if digit < 0x80 {
                return (len, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_of_every_kind_of_length_come_back() {
        assert_eq!(size_of::<ThinBytes>(), WORD);
        for len in [0, 1, 6, 7, 8, 14, 127, 128, 129, 16_383, 16_384, 70_000, 2_100_000] {
            let text: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut thin = ThinBytes::new(&text);
            assert_eq!(thin.as_bytes(), text);
            assert_eq!(thin.memory(), if len <= INLINE_MAX { 0 } else { digits(len) + len });
            let copy = thin.clone();
            thin.as_mut_bytes().fill(b'x');
            assert_eq!(thin.as_bytes(), vec![b'x'; len]);
            assert_eq!(copy.as_bytes(), text);
        }
    }

    proptest! {
        #[test]
        fn parts_are_joined(parts in proptest::array::uniform3(
            proptest::collection::vec(any::<u8>(), 0..90),
        )) {
            let thin = ThinBytes::concat([&parts[0], &parts[1], &parts[2]]);
            prop_assert_eq!(thin.as_bytes(), parts.concat());
            let moved = Box::new(thin);
            prop_assert_eq!(moved.as_bytes(), parts.concat());
        }

        #[test]
        fn many_live_side_by_side(words in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..200), 0..50,
        )) {
            let mut thin: Vec<ThinBytes> = words.iter().map(|word| ThinBytes::new(word)).collect();
            thin.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            let mut words = words;
            words.sort();
            prop_assert!(thin.iter().map(ThinBytes::as_bytes).eq(words.iter().map(Vec::as_slice)));
        }
    }
}
