//! The allocator's own figures.
#![allow(unsafe_code)]

use std::ptr::null_mut;

use tikv_jemalloc_ctl::{epoch, stats};

/// Bytes that are allocated and not freed: `used_memory`.
///
/// Refreshes the allocator's statistics, which costs microseconds: not for the path of every
/// command.
pub fn allocated() -> usize {
    refresh();
    stats::allocated::read().unwrap_or(0)
}

/// Bytes of physical memory that the allocator holds, as it counts them.
pub fn resident() -> usize {
    refresh();
    stats::resident::read().unwrap_or(0)
}

/// Bytes in pages that hold allocations.
pub fn active() -> usize {
    refresh();
    stats::active::read().unwrap_or(0)
}

fn refresh() {
    // Without fresh figures the last ones are read.
    let _ = epoch::advance();
}

/// Gives free pages back to the system.
pub fn purge() {
    let name = c"arena.4096.purge";
    // SAFETY: 1. mallctl(3) takes a name that ends in NUL and, for this control (4096 stands for
    // all arenas), neither reads nor writes a value.
    unsafe { tikv_jemalloc_sys::mallctl(name.as_ptr(), null_mut(), null_mut(), null_mut(), 0) };
}

/// The resident set of the process as the kernel counts it, in bytes.
pub fn rss() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
