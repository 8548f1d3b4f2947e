//! A member's bytes: one allocation, owned by the table of members and referred to from the tree.
//!
//! The allocation holds the length, coded as in [`crate::ds::thin`], and then the bytes, so that a
//! member of up to 15 bytes takes 16. Short ones are not kept in the word: the tree refers to them.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use crate::ds::thin::{digits, read_length, write_length};

/// A member, owned.
pub(super) struct Member(NonNull<u8>);

/// Refers to a member that another owns.
#[derive(Clone, Copy)]
pub(super) struct MemberRef(NonNull<u8>);

// SAFETY: a member owns its bytes, which do not change, like a Box<[u8]>.
unsafe impl Send for Member {}
// SAFETY: as above.
unsafe impl Sync for Member {}
// SAFETY: a reference gives out bytes only to who vouches for its owner; see `MemberRef::bytes`.
unsafe impl Send for MemberRef {}
// SAFETY: as above.
unsafe impl Sync for MemberRef {}

fn layout(bytes: usize) -> Layout {
    // No member comes near the greatest length that a layout can have.
    Layout::from_size_align(bytes, 1).unwrap_or(Layout::new::<u8>())
}

impl Member {
    /// Copies the bytes.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let head = digits(bytes.len());
        let layout = layout(head + bytes.len());
        // SAFETY: the layout has at least the one byte of the length.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout);
        };
        // SAFETY: the allocation begins with `head` bytes for the length.
        unsafe { write_length(start, bytes.len()) };
        // SAFETY: behind the length there is room for the bytes, in an allocation of their own.
        unsafe {
            start.add(head).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        Self(start)
    }

    /// The bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the allocation is alive as long as its owner, which is borrowed.
        unsafe { self.refer().bytes() }
    }

    /// A reference to it.
    #[inline]
    pub(super) fn refer(&self) -> MemberRef {
        MemberRef(self.0)
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let len = self.bytes().len();
        digits(len) + len
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this very layout.
        unsafe { dealloc(self.0.as_ptr(), layout(self.memory())) };
    }
}

impl MemberRef {
    /// The member's bytes.
    ///
    /// # Safety
    /// The [`Member`] must be alive for `'a`.
    #[inline]
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: `Member::new` wrote the length, and that many bytes behind it, which live as long
        // as the member.
        unsafe {
            let (length, head) = read_length(self.0);
            std::slice::from_raw_parts(self.0.add(head).as_ptr(), length)
        }
    }

    /// Asks the processor to load the member.
    #[inline]
    pub(super) fn prefetch(self) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: prefetching reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.0.as_ptr().cast_const().cast()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_gives_back_its_bytes() {
        for length in [0, 1, 14, 127, 128, 129, 16_383, 16_384, 300_000] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let member = Member::new(&bytes);
            assert_eq!(member.bytes(), bytes);
            assert_eq!(member.memory(), digits(length) + length);
            // SAFETY: the member is alive.
            assert_eq!(unsafe { member.refer().bytes() }, bytes);
        }
    }
}
