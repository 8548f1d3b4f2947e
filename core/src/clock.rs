//! Time: one reading a command, so that all it does happens at one moment.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch.
#[inline]
pub fn now_nanos() -> u64 {
    #[cfg(test)]
    if let Some(nanos) = FIXED.get() {
        return nanos;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

#[cfg(test)]
thread_local! {
    /// What the clock says on this thread, for tests whose time only they move on.
    pub(crate) static FIXED: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Milliseconds since the Unix epoch.
#[inline]
pub fn now_millis() -> i64 {
    (now_nanos() / 1_000_000) as i64
}
