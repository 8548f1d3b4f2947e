//! The atomics and mutexes that the lock protocols are built on, and how long those spin.
//!
//! The protocols in [`crate::lock`] name their primitives through this module only, so that the
//! model tests can compile the very same sources against a scheduler that explores interleavings.

pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub use std::sync::{Arc, Mutex, MutexGuard};

/// Tells the processor that the caller spins.
#[inline]
pub fn spin_hint() {
    std::hint::spin_loop();
}

/// How often a locked shard is looked at again before the caller gives up. A command holds its
/// shards for well under a microsecond; longer than that, other connections are better served.
pub const SHARD_SPINS: u32 = 32;

/// How often whoever closes the gate looks at the flags before it parks. A command in flight
/// takes about a microsecond, so this covers the usual case.
pub const GATE_SPINS: u32 = 64;
