//! The atomics and mutexes that the lock protocols are built on.
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
