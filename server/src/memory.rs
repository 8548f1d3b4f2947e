//! The allocator's own figures.

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
    // MALLCTL_ARENAS_ALL is 4096; an allocator without the control keeps its pages.
    if let Ok(mib) = tikv_jemalloc_ctl::raw::name_to_mib::<3>(b"arena.4096.purge\0") {
        let _ = mib;
    }
}

/// The resident set of the process as the kernel counts it, in bytes.
pub fn rss() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
