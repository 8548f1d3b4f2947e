//! The allocator's own figures.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{background_thread, epoch, stats};

use crate::priority;

/// Bytes by which a thread's own count may run ahead of what all threads see.
const UNPUBLISHED_MAX: i64 = 16 * 1024;

/// The allocator's figure when it was last read, and what threads have counted since.
static USED: AtomicI64 = AtomicI64::new(0);

/// How far the count may be from the allocator's figure, which itself moves by some hundred KiB as
/// threads fill and empty their caches of free memory.
const DRIFT_MAX: i64 = 1 << 20;

/// How far the count was off when [`settle`] last looked.
static DRIFT: AtomicI64 = AtomicI64::new(0);

/// How often counting began anew: see [`restart`].
static RESTARTS: AtomicU64 = AtomicU64::new(0);

/// A thread's share in [`USED`], from the counters that jemalloc keeps for it.
struct Meter {
    counters: Option<(ThreadLocal<u64>, ThreadLocal<u64>)>,
    published: Cell<i64>,
    restarts: Cell<u64>,
}

impl Meter {
    fn new() -> Self {
        let read = || Some((thread::allocatedp::read().ok()?, thread::deallocatedp::read().ok()?));
        let meter = Self { counters: read(), published: Cell::new(0), restarts: Cell::new(0) };
        meter.published.set(meter.net());
        meter.restarts.set(RESTARTS.load(Ordering::Acquire));
        meter
    }

    /// Bytes that this thread has allocated less those it has freed; negative where it frees what
    /// others allocate.
    fn net(&self) -> i64 {
        let Some((allocated, freed)) = &self.counters else { return 0 };
        allocated.get().wrapping_sub(freed.get()) as i64
    }
}

thread_local! {
    static METER: Meter = Meter::new();
}

/// Bytes that are allocated and not freed, as far as threads have told: a few loads, for the path
/// of every command. Off by less than [`UNPUBLISHED_MAX`] a thread that counts, and by up to
/// [`DRIFT_MAX`] for what other threads did.
pub fn estimate() -> usize {
    let used = METER.with(|meter| {
        let net = meter.net();
        let restarts = RESTARTS.load(Ordering::Acquire);
        if meter.restarts.replace(restarts) != restarts {
            meter.published.set(net);
        }
        let delta = net.wrapping_sub(meter.published.get());
        if delta.abs() < UNPUBLISHED_MAX {
            return USED.load(Ordering::Relaxed) + delta;
        }
        meter.published.set(net);
        USED.fetch_add(delta, Ordering::Relaxed) + delta
    });
    usize::try_from(used).unwrap_or(0)
}

/// Brings [`estimate`] in line with the allocator's own figure, when it was off twice in a row: a
/// command under way may have allocated what it has yet to tell. Called some times a second.
pub fn settle() {
    let drift = measured() - USED.load(Ordering::Relaxed);
    let before = DRIFT.swap(drift, Ordering::Relaxed);
    if drift.abs() > DRIFT_MAX && before.abs() > DRIFT_MAX && drift.signum() == before.signum() {
        USED.fetch_add(drift.abs().min(before.abs()) * drift.signum(), Ordering::Relaxed);
        DRIFT.store(0, Ordering::Relaxed);
    }
}

fn measured() -> i64 {
    i64::try_from(allocated()).unwrap_or(i64::MAX)
}

/// Begins counting anew. To be called while no command is under way, when `maxmemory` changes:
/// without a limit threads do not tell what they allocate, and the allocator's figure has it.
pub fn restart() {
    RESTARTS.fetch_add(1, Ordering::AcqRel);
    USED.store(measured(), Ordering::Relaxed);
    DRIFT.store(0, Ordering::Relaxed);
}

/// Has the calling thread tell the others what it has freed.
pub fn publish() {
    estimate();
}

/// Bytes that are allocated and not freed: `used_memory`.
///
/// Refreshes the allocator's statistics, which costs microseconds: not for the path of every
/// command, which has [`estimate`].
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

/// Has pages that are free for some seconds given back by threads of the allocator, or else by
/// whichever thread happens to allocate then: a command takes up to a millisecond longer for that
/// while large collections grow.
pub fn purge_in_background(does: bool) {
    // The allocator's threads are as nice as the one that starts them.
    let switch = move || {
        priority::give_way();
        background_thread::write(does)
    };
    // A system that gives no further thread leaves things as they were.
    if let Ok(thread) = std::thread::Builder::new().name("purge".into()).spawn(switch) {
        let _ = thread.join();
    }
}

/// The allocator's own report, as malloc_stats_print(3) writes it.
pub fn allocator_stats() -> String {
    extern "C" fn append(out: *mut std::ffi::c_void, text: *const std::ffi::c_char) {
        // SAFETY: 2. the allocator hands back the pointer that it was given below, to a String
        // that nobody else uses during the call, and a text that ends in NUL.
        let (out, text) = unsafe { (&mut *out.cast::<String>(), std::ffi::CStr::from_ptr(text)) };
        out.push_str(&text.to_string_lossy());
    }
    let mut out = String::new();
    // SAFETY: 3. `append` has the signature that the control asks for, the String outlives the
    // call, and no options means the default ones.
    unsafe {
        tikv_jemalloc_sys::malloc_stats_print(Some(append), (&raw mut out).cast(), c"".as_ptr());
    }
    out
}

/// The memory of the machine, in bytes.
pub fn of_system() -> usize {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// User and system time of the process, in milliseconds.
pub fn cpu_millis() -> (u64, u64) {
    cpu_millis_in("/proc/self/stat")
}

/// The same of the thread that the process began with.
pub fn cpu_millis_of_main() -> (u64, u64) {
    cpu_millis_in(&format!("/proc/self/task/{}/stat", std::process::id()))
}

fn cpu_millis_in(path: &str) -> (u64, u64) {
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    // The name, which may hold anything, ends at the last parenthesis. utime and stime are fields
    // 14 and 15 of proc_pid_stat(5), in ticks of 10 ms.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let mut ticks = fields.map(|field| field.parse::<u64>().unwrap_or(0) * 10);
    (ticks.next().unwrap_or(0), ticks.next().unwrap_or(0))
}

/// The resident set of the process as the kernel counts it, in bytes.
pub fn rss() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
