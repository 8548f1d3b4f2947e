//! Latency histogram with log-linear buckets, after Gil Tene's HdrHistogram: 128 buckets for each
//! power of two, so that a quantile is exact to 0.8 % from nanoseconds to hours in 60 KB.

/// Bits of precision below the leading one.
const SUB_BITS: u32 = 7;
const SUB: usize = 1 << SUB_BITS;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) * SUB;

/// Counts of values (nanoseconds, here).
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Records `value` `n` times.
    pub fn record(&mut self, value: u64, n: u64) {
        self.counts[bucket(value)] += n;
        self.total += n;
        self.max = self.max.max(value);
    }

    /// Adds all that `other` has recorded.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value below which a share `q` (0 to 1) of the records lies, rounded up to its bucket's
    /// end; 0 when nothing was recorded.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((self.total as f64 * q).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(index).min(self.max);
            }
        }
        self.max
    }

    /// The largest value, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }
}

/// Values below `SUB` have a bucket each; above, the leading one picks the row and the `SUB_BITS`
/// bits after it the column.
fn bucket(value: u64) -> usize {
    if value < SUB as u64 {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - SUB_BITS;
    (shift as usize + 1) * SUB + ((value >> shift) as usize & (SUB - 1))
}

/// The largest value that falls into bucket `index`.
fn highest(index: usize) -> u64 {
    if index < SUB {
        return index as u64;
    }
    let shift = (index / SUB - 1) as u32;
    let lowest = ((SUB + index % SUB) as u64) << shift;
    lowest + ((1u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_contains_its_value_within_a_percent(value: u64) {
            let top = highest(bucket(value));
            prop_assert!(top >= value);
            prop_assert!((top - value) as f64 <= value as f64 / 127.0);
        }

        #[test]
        fn quantiles_match_a_sorted_list(
            mut values in prop::collection::vec(0u64..10_000_000, 1..300),
            q in 0.0f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&v| histogram.record(v, 1));
            values.sort_unstable();
            let rank = ((values.len() as f64 * q).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            let got = histogram.quantile(q);
            prop_assert!(got >= exact && (got - exact) as f64 <= exact as f64 / 127.0);
        }
    }

    #[test]
    fn merging_adds_up() {
        let (mut a, mut b) = (Histogram::default(), Histogram::default());
        a.record(5, 3);
        b.record(1_000_000, 1);
        a.merge(&b);
        assert_eq!((a.total, a.max(), a.quantile(0.5)), (4, 1_000_000, 5));
    }
}
