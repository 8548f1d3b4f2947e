//! How long commands take: a histogram of bounded relative error, as HdrHistogram has it.
//!
//! Values are nanoseconds. Each power of two is divided into [`PARTS`] equal buckets, so that a
//! bucket is at most 1/32 of its values wide; values from 2^36 ns (69 s) on count as the largest.
//! One thread records, without read-modify-write instructions; others may read meanwhile.
//!
//! Source: <http://hdrhistogram.org>, the layout of its counts array.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a value below its highest that tell buckets apart.
const PART_BITS: u32 = 5;
/// Buckets in a power of two.
const PARTS: usize = 1 << PART_BITS;
/// Values have at most this many bits.
const VALUE_BITS: u32 = 36;
const MAX_VALUE: u64 = (1 << VALUE_BITS) - 1;
const BUCKETS: usize = (VALUE_BITS - PART_BITS + 1) as usize * PARTS;

/// Counts of durations.
pub struct Histogram {
    counts: Box<[AtomicU64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

/// The bucket of a value.
#[inline]
fn bucket(nanos: u64) -> usize {
    let value = nanos.min(MAX_VALUE);
    let shift = (63 - (value | PARTS as u64).leading_zeros()) - PART_BITS;
    shift as usize * PARTS + (value >> shift) as usize
}

/// The largest value of a bucket.
fn highest(bucket: usize) -> u64 {
    let shift = (bucket / PARTS).saturating_sub(1);
    let lowest = ((bucket - shift * PARTS) as u64) << shift;
    lowest + (1 << shift) - 1
}

impl Histogram {
    /// Counts a duration. Only one thread may do so.
    #[inline]
    pub fn record(&self, nanos: u64) {
        // The bucket of a clamped value is always there.
        if let Some(count) = self.counts.get(bucket(nanos)) {
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Forgets all counts. One that is made at the same time may survive.
    pub fn reset(&self) {
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Adds the counts so far to a total.
    pub fn add_to(&self, total: &mut Latencies) {
        for (sum, count) in total.counts.iter_mut().zip(&self.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
    }

    /// Takes over the counts of a thread that has ended.
    pub fn absorb(&self, other: &Self) {
        for (mine, theirs) in self.counts.iter().zip(&other.counts) {
            let sum = mine.load(Ordering::Relaxed) + theirs.load(Ordering::Relaxed);
            mine.store(sum, Ordering::Relaxed);
        }
    }
}

/// The counts of several histograms together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    counts: Box<[u64]>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into() }
    }
}

impl Latencies {
    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration in nanoseconds that this percentage of all do not exceed, as the upper end of
    /// its bucket; 0 when there are none.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent.clamp(0.0, 100.0) / 100.0 * self.count() as f64 + 0.5) as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        found.map_or(0, highest)
    }

    /// How many durations are below each power of two from 1,024 ns on: `(bound, count)` for the
    /// bounds at which the count grows.
    pub fn by_powers_of_two(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            seen += count;
            let bound = (highest(at) + 1).next_power_of_two().max(1024);
            match steps.last_mut() {
                Some((last, total)) if *last == bound => *total = seen,
                _ => steps.push((bound, seen)),
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Latencies {
        let histogram = Histogram::default();
        values.iter().for_each(|v| histogram.record(*v));
        let mut total = Latencies::default();
        histogram.add_to(&mut total);
        total
    }

    #[test]
    fn buckets_are_in_order_and_without_gaps() {
        assert_eq!(bucket(MAX_VALUE), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        for at in 1..BUCKETS {
            assert_eq!(bucket(highest(at - 1) + 1), at);
            assert_eq!(bucket(highest(at)), at);
        }
    }

    #[test]
    fn powers_of_two_count_what_is_below() {
        let all = of(&[0, 1023, 1024, 5000, 5000]);
        assert_eq!(all.by_powers_of_two(), [(1024, 2), (2048, 3), (8192, 5)]);
        assert_eq!(of(&[]).by_powers_of_two(), []);
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(of(&[]).percentile(50.0), 0);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_bucket(mut values in prop::collection::vec(0u64..MAX_VALUE, 1..200), percent in 0.0f64..=100.0) {
            let found = of(&values).percentile(percent);
            values.sort_unstable();
            let rank = ((percent / 100.0 * values.len() as f64 + 0.5) as usize).max(1);
            let exact = values[rank - 1];
            prop_assert!(found >= exact);
            prop_assert!(found - exact <= exact / PARTS as u64);
        }
    }
}
