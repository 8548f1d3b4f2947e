//! A sample and a decoded batch of samples: the two shapes in which data crosses module borders here.
//! How samples are stored lives in `codec` and `chunk`.

/// Unix time in milliseconds.
pub type Timestamp = u64;

/// The largest timestamp a command accepts (the greatest signed 64-bit integer).
pub const MAX_TIMESTAMP: Timestamp = i64::MAX as u64;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Unix time in milliseconds; unique within a series.
    pub ts: Timestamp,
    /// Any double, NaN and infinities included.
    pub value: f64,
}

impl Sample {
    /// A sample of `value` at `ts`.
    pub fn new(ts: Timestamp, value: f64) -> Self {
        Self { ts, value }
    }
}

/// How many samples a batch holds: large enough to amortise the calls, small enough for the L1 cache.
pub const BATCH: usize = 256;

/// Decoded samples as two parallel columns, so that loops over the values vectorise.
#[derive(Clone, Debug)]
pub struct Batch {
    ts: [Timestamp; BATCH],
    values: [f64; BATCH],
    len: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { ts: [0; BATCH], values: [0.0; BATCH], len: 0 }
    }
}

impl Batch {
    /// The timestamps, ascending.
    pub fn ts(&self) -> &[Timestamp] {
        &self.ts[..self.len]
    }

    /// The values that belong to [`Batch::ts`].
    pub fn values(&self) -> &[f64] {
        &self.values[..self.len]
    }

    /// The number of samples held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the batch holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether no further sample fits.
    pub fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Forgets all samples.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a sample; a full batch ignores it.
    #[inline]
    pub fn push(&mut self, ts: Timestamp, value: f64) {
        if let (Some(t), Some(v)) = (self.ts.get_mut(self.len), self.values.get_mut(self.len)) {
            *t = ts;
            *v = value;
            self.len += 1;
        }
    }

    /// Keeps the samples from `from` to `to`, both included.
    pub fn clip(&mut self, from: Timestamp, to: Timestamp) {
        let (Some(&first), Some(&last)) = (self.ts().first(), self.ts().last()) else { return };
        if first >= from && last <= to {
            return;
        }
        let end = self.ts().partition_point(|&ts| ts <= to);
        let start = self.ts().partition_point(|&ts| ts < from).min(end);
        self.ts.copy_within(start..end, 0);
        self.values.copy_within(start..end, 0);
        self.len = end - start;
    }

    /// Keeps the samples for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(Timestamp, f64) -> bool) {
        let mut kept = 0;
        for i in 0..self.len {
            let (ts, value) = (self.ts[i], self.values[i]);
            self.ts[kept] = ts;
            self.values[kept] = value;
            kept += usize::from(keep(ts, value));
        }
        self.len = kept;
    }

    /// The samples, one by one.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> + '_ {
        self.ts().iter().zip(self.values()).map(|(&ts, &value)| Sample { ts, value })
    }
}
