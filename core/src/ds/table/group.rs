//! The sixteen control bytes of a group of slots, compared all at once.
//!
//! Bytes 0 to 14 are the tags of the slots (0: the slot is free), byte 15 counts the elements that
//! found their home group or a later one full and went past this group (255: it lost count and
//! stays there until the segment is built anew).
#![allow(unsafe_code)]

/// Bytes of the control block.
pub(super) const CONTROL: usize = 16;
/// Slots that a control block can describe.
pub(super) const TAGS: usize = 15;
/// Mask of the tag bytes in a comparison's result.
const TAG_MASK: u32 = (1 << TAGS) - 1;

/// The control block of a group, as it lies in memory.
#[repr(C, align(16))]
pub(super) struct Control([u8; CONTROL]);

/// What segments without memory point to: no slot used, nothing went past.
pub(super) static VACANT: Control = Control([0; CONTROL]);

/// Slots by number, lowest first.
#[derive(Clone, Copy)]
pub(super) struct Slots(pub(super) u32);

impl Iterator for Slots {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// The tag of a hash: its low byte, which takes no part in the order, and never 0.
#[inline(always)]
pub(super) fn tag_of(hash: u64) -> u8 {
    let low = hash as u8;
    low | u8::from(low == 0)
}

impl Control {
    /// Slots that carry `tag`.
    #[inline(always)]
    pub(super) fn matching(&self, tag: u8) -> Slots {
        Slots(self.equal(tag) & TAG_MASK)
    }

    /// Slots in use.
    #[inline(always)]
    pub(super) fn used(&self) -> Slots {
        Slots(!self.equal(0) & TAG_MASK)
    }

    /// The first free one of the first `slots` slots.
    #[inline(always)]
    pub(super) fn first_free(&self, slots: usize) -> Option<usize> {
        Slots(self.equal(0) & TAG_MASK & ((1 << slots) - 1)).next()
    }

    #[inline(always)]
    pub(super) fn set(&mut self, slot: usize, tag: u8) {
        self.0[slot] = tag;
    }

    #[inline(always)]
    pub(super) fn clear(&mut self, slot: usize) {
        self.0[slot] = 0;
    }

    /// Whether elements may have gone past this group.
    #[inline(always)]
    pub(super) fn overflowed(&self) -> bool {
        self.0[TAGS] != 0
    }

    #[inline(always)]
    pub(super) fn count_overflow(&mut self) {
        self.0[TAGS] = self.0[TAGS].saturating_add(1);
    }

    #[inline(always)]
    pub(super) fn uncount_overflow(&mut self) {
        if self.0[TAGS] != u8::MAX {
            self.0[TAGS] -= 1;
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn equal(&self, byte: u8) -> u32 {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_load_si128, _mm_movemask_epi8, _mm_set1_epi8};
        // SAFETY: SSE2 is part of x86-64; `self` is 16 readable bytes, aligned to 16.
        unsafe {
            let bytes = _mm_load_si128(std::ptr::from_ref(self).cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))) as u32
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn equal(&self, byte: u8) -> u32 {
        self.equal_portable(byte)
    }

    /// Compares eight bytes at a time. The result is exact: a slot it names is in use.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    #[inline(always)]
    fn equal_portable(&self, byte: u8) -> u32 {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let half = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.0[at..at + 8]);
            let x = u64::from_le_bytes(bytes) ^ u64::from_ne_bytes([byte; 8]);
            let zero = !(((x & LOW) + LOW) | x | LOW);
            ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
        };
        half(0) | half(8) << 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::hash::split_mix;

    #[test]
    fn both_comparisons_agree() {
        let mut state = 5;
        for _ in 0..2000 {
            let mut bytes = [0; CONTROL];
            bytes
                .iter_mut()
                .for_each(|b| *b = [0, 1, 64, 128, 255][(split_mix(&mut state) % 5) as usize]);
            let control = Control(bytes);
            for byte in [0, 1, 64, 128, 192, 255] {
                let expected =
                    (0..CONTROL).filter(|&i| bytes[i] == byte).fold(0, |m, i| m | 1 << i);
                assert_eq!(control.equal(byte), expected);
                assert_eq!(control.equal_portable(byte), expected);
            }
        }
    }

    #[test]
    fn the_overflow_count_sticks_at_its_end() {
        let mut control = Control([0; CONTROL]);
        control.count_overflow();
        control.uncount_overflow();
        assert!(!control.overflowed());
        (0..300).for_each(|_| control.count_overflow());
        (0..300).for_each(|_| control.uncount_overflow());
        assert!(control.overflowed());
    }

    #[test]
    fn tags_are_never_zero() {
        assert!((0..512u64).all(|hash| tag_of(hash) != 0));
    }
}
