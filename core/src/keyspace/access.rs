//! When a key was last used, or how often: the 24 bits that eviction and OBJECT look at.
//!
//! LRU stores seconds modulo 2^24. LFU stores 16 bits of minutes and an 8-bit logarithmic
//! counter, after Morris's approximate counting, with Redis's parameters `lfu-log-factor` and
//! `lfu-decay-time`.

use super::Entry;

/// What the 24 bits mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// Time of the last use.
    Lru,
    /// Frequency of use.
    Lfu {
        /// How quickly the counter saturates.
        log_factor: u32,
        /// Minutes in which an unused counter loses one.
        decay_minutes: u32,
    },
}

/// The counter that a new key starts with, so that it is not evicted at once.
pub const LFU_INITIAL: u32 = 5;

const CLOCK_MASK: u32 = 0x00ff_ffff;

/// The LRU clock at a time in Unix milliseconds.
#[inline]
pub fn lru_clock(now: i64) -> u32 {
    ((now / 1000) as u32) & CLOCK_MASK
}

fn minutes(now: i64) -> u32 {
    ((now / 60_000) as u32) & 0xffff
}

/// Seconds since an entry was last used, under LRU tracking.
pub fn idle_seconds(entry: &Entry, now: i64) -> u64 {
    u64::from(lru_clock(now).wrapping_sub(entry.clock()) & CLOCK_MASK)
}

/// The frequency counter after decay, under LFU tracking.
pub fn frequency(entry: &Entry, now: i64, decay_minutes: u32) -> u32 {
    let clock = entry.clock();
    let (stamp, counter) = (clock >> 8, clock & 0xff);
    let elapsed = minutes(now).wrapping_sub(stamp) & 0xffff;
    elapsed.checked_div(decay_minutes).map_or(counter, |lost| counter.saturating_sub(lost))
}

/// The bits of an entry whose logarithmic counter is `counter` now.
pub fn with_frequency(now: i64, counter: u8) -> u32 {
    minutes(now) << 8 | u32::from(counter)
}

/// Marks a new entry as used now.
#[inline]
pub fn init(entry: &mut Entry, now: i64, tracking: Tracking) {
    entry.set_clock(match tracking {
        Tracking::Lru => lru_clock(now),
        Tracking::Lfu { .. } => (minutes(now) << 8) | LFU_INITIAL,
    });
}

/// Marks an entry as used. `dice` is a uniform random number in [0, 1).
#[inline]
pub fn touch(entry: &mut Entry, now: i64, tracking: Tracking, dice: impl FnOnce() -> f64) {
    match tracking {
        // A write would take the cache line away from other threads that read the entry.
        Tracking::Lru if entry.clock() == lru_clock(now) => {}
        Tracking::Lru => entry.set_clock(lru_clock(now)),
        Tracking::Lfu { log_factor, decay_minutes } => {
            let mut counter = frequency(entry, now, decay_minutes);
            let base = counter.saturating_sub(LFU_INITIAL);
            if counter < 255 && dice() < 1.0 / f64::from(base * log_factor + 1) {
                counter += 1;
            }
            entry.set_clock((minutes(now) << 8) | counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lru_counts_the_seconds_since_the_last_use() {
        let mut entry = Entry::with_bytes(b"k", b"v", None);
        init(&mut entry, 5_000_000, Tracking::Lru);
        assert_eq!(idle_seconds(&entry, 5_042_000), 42);
        touch(&mut entry, 5_042_000, Tracking::Lru, || 0.0);
        assert_eq!(idle_seconds(&entry, 5_043_000), 1);
    }

    #[test]
    fn lfu_counts_up_by_chance_and_decays_with_time() {
        let lfu = Tracking::Lfu { log_factor: 10, decay_minutes: 1 };
        let mut entry = Entry::with_bytes(b"k", b"v", None);
        init(&mut entry, 0, lfu);
        for _ in 0..300 {
            touch(&mut entry, 0, lfu, || 0.0);
        }
        assert_eq!(frequency(&entry, 0, 1), 255);
        assert_eq!(frequency(&entry, 10 * 60_000, 1), 245);
        touch(&mut entry, 0, lfu, || 0.99);
        assert_eq!(frequency(&entry, 0, 1), 255);
    }
}
