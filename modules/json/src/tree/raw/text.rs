//! Heap strings: a length prefix of one or five bytes, then UTF-8. One exact allocation each.

use super::size_class;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// Longest string a value may hold, in bytes (the server's own bulk limit).
pub const MAX_TEXT: usize = 512 << 20;

/// Prefix byte that announces a four-byte length after it.
const LONG: u8 = 0xFF;

fn prefix_len(len: usize) -> usize {
    if len < usize::from(LONG) { 1 } else { 5 }
}

/// Strings are aligned to eight so that the word that points to them has room for its tag.
fn layout(len: usize) -> Layout {
    assert!(len <= MAX_TEXT, "string longer than MAX_TEXT");
    Layout::from_size_align(prefix_len(len) + len, 8).unwrap_or(Layout::new::<u64>())
}

/// Copies `text` into a new block.
pub(super) fn new(text: &str) -> *mut u8 {
    let layout = layout(text.len());
    let prefix = prefix_len(text.len());
    // SAFETY: the layout is never empty, and the block holds prefix + text.len() bytes, which is
    // what is written; a fresh block can't overlap `text`.
    unsafe {
        let block = alloc(layout);
        if block.is_null() {
            handle_alloc_error(layout);
        }
        if prefix == 1 {
            block.write(text.len() as u8);
        } else {
            block.write(LONG);
            let len = (text.len() as u32).to_le_bytes();
            block.add(1).copy_from_nonoverlapping(len.as_ptr(), 4);
        }
        block.add(prefix).copy_from_nonoverlapping(text.as_ptr(), text.len());
        block
    }
}

/// # Safety
/// `block` came from [`new`] and lives.
unsafe fn len(block: *const u8) -> usize {
    // SAFETY: a block has at least its prefix.
    unsafe {
        match block.read() {
            LONG => {
                let mut bytes = [0; 4];
                block.add(1).copy_to_nonoverlapping(bytes.as_mut_ptr(), 4);
                u32::from_le_bytes(bytes) as usize
            }
            short => usize::from(short),
        }
    }
}

/// # Safety
/// `block` came from [`new`] and outlives `'a`.
pub(super) unsafe fn get<'a>(block: *const u8) -> &'a str {
    // SAFETY: `new` wrote prefix and `len` bytes of valid UTF-8, and blocks never change.
    unsafe {
        let len = len(block);
        let bytes = std::slice::from_raw_parts(block.add(prefix_len(len)), len);
        std::str::from_utf8_unchecked(bytes)
    }
}

/// Frees a block.
///
/// # Safety
/// `block` came from [`new`] and is not used again.
pub(super) unsafe fn free(block: *mut u8) {
    // SAFETY: same layout as in `new`, since it depends on the length alone.
    unsafe { dealloc(block, layout(len(block))) }
}

/// Allocated bytes of a string of `len` bytes.
pub(super) fn memory(len: usize) -> usize {
    size_class(prefix_len(len) + len)
}
