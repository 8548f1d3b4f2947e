//! The sixteen control bytes of a group of slots, compared all at once.
//!
//! Bytes 0 to 13 are the tags of the slots (0: the slot is free). Elements that find their home
//! group full go past it, to the next: byte 15 counts those that went past this group (at 255 it
//! has lost count, and stays there until the segment is built anew), and byte 14 is a filter of
//! their hashes, so that a search for what is not there seldom follows them (after
//! boost::unordered_flat_map). With the count, groups need no tombstones.
#![allow(unsafe_code)]

/// Bytes of the control block.
pub(super) const CONTROL: usize = 16;
/// Slots that a control block can describe.
pub(super) const TAGS: usize = 14;
/// Index of the filter of hashes that went past.
const FILTER: usize = 14;
/// Index of the count of elements that went past.
const PASSED: usize = 15;
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

/// The filter's bit for a hash: neither part of the order nor of the tag.
#[inline(always)]
fn filter_bit(hash: u64) -> u8 {
    1 << (hash >> 8 & 7)
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

    /// Whether elements have gone past this group.
    #[inline(always)]
    pub(super) fn has_passed(&self) -> bool {
        self.0[FILTER] != 0
    }

    /// Whether an element of this hash may have gone past this group.
    #[inline(always)]
    pub(super) fn may_have_passed(&self, hash: u64) -> bool {
        self.0[FILTER] & filter_bit(hash) != 0
    }

    #[inline(always)]
    pub(super) fn count_passing(&mut self, hash: u64) {
        self.0[FILTER] |= filter_bit(hash);
        self.0[PASSED] = self.0[PASSED].saturating_add(1);
    }

    #[inline(always)]
    pub(super) fn uncount_passing(&mut self) {
        if self.0[PASSED] != u8::MAX {
            self.0[PASSED] -= 1;
            if self.0[PASSED] == 0 {
                self.0[FILTER] = 0;
            }
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
    fn the_count_of_passing_elements_sticks_at_its_end() {
        let mut control = Control([0; CONTROL]);
        control.count_passing(0x100);
        control.count_passing(0x200);
        control.uncount_passing();
        assert!(control.may_have_passed(0x100) && !control.may_have_passed(0x300));
        control.uncount_passing();
        assert!(!control.has_passed());
        (0..300).for_each(|_| control.count_passing(0));
        (0..300).for_each(|_| control.uncount_passing());
        assert!(control.has_passed());
    }

    #[test]
    fn tags_are_never_zero() {
        assert!((0..512u64).all(|hash| tag_of(hash) != 0));
    }
}
