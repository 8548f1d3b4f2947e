//! Compaction rules: a source series feeds the aggregates of its buckets to another series.
//! Rules say what changes; the caller, who holds the other series, carries it out.

use crate::aggregate::{Accumulator, Aggregator};
use crate::bucket::Bucket;
use crate::sample::{Batch, Sample, Timestamp};
use crate::series::Series;

/// A change to the series that a rule feeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// A bucket's value, which replaces the one stored.
    Upsert(Sample),
    /// The buckets that start from the first timestamp to the second have no samples any more.
    Delete(Timestamp, Timestamp),
}

/// A rule of a source series.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The key of the series that is fed.
    pub destination: Box<[u8]>,
    /// What a bucket becomes.
    pub aggregator: Aggregator,
    /// A bucket's length in milliseconds, at least 1.
    pub duration: u64,
    /// A timestamp at which a bucket starts.
    pub align: Timestamp,
    /// The bucket of the latest sample: it is still being filled.
    open: Option<Open>,
    /// Whether no sample has come since the rule was made. Samples from before it do not count.
    fresh: bool,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    bucket: Bucket,
    accumulator: Accumulator,
}

impl Rule {
    /// A rule for the samples to come.
    pub fn new(
        destination: &[u8],
        aggregator: Aggregator,
        duration: u64,
        align: Timestamp,
    ) -> Self {
        let destination = destination.into();
        Self { destination, aggregator, duration, align, open: None, fresh: true }
    }

    /// A rule that was stored together with its series: the open bucket is computed anew.
    pub fn restore(mut self, series: &Series) -> Self {
        if let Some(last) = series.last() {
            self.fresh = false;
            self.reopen(series, self.bucket(last.ts));
        }
        self
    }

    /// The bucket that `ts` belongs to.
    pub fn bucket(&self, ts: Timestamp) -> Bucket {
        Bucket::of(ts, self.duration, self.align)
    }

    /// The bucket that is being filled.
    pub fn open_bucket(&self) -> Option<Bucket> {
        self.open.map(|open| open.bucket)
    }

    /// The value of the open bucket so far, for LATEST.
    pub fn latest(&self) -> Option<Sample> {
        let mut open = self.open?;
        let value = open.accumulator.close(open.bucket.window(), None);
        Some(Sample::new(open.bucket.start, value))
    }

    /// The latest sample of `series` was appended; `before` was the latest until then.
    /// Returns what this does to an earlier bucket, usually that it is closed.
    pub fn on_append(
        &mut self,
        series: &Series,
        before: Option<Sample>,
        sample: Sample,
    ) -> Option<Effect> {
        if let Some(open) = self.open.as_mut().filter(|open| open.bucket.contains(sample.ts)) {
            open.accumulator.feed(&[sample.ts], &[sample.value]);
            return None;
        }
        let fresh = std::mem::take(&mut self.fresh);
        let bucket = self.bucket(sample.ts);
        let before_bucket = before.filter(|_| !fresh).map(|before| self.bucket(before.ts));
        if before_bucket == Some(bucket) {
            // The bucket was closed, but its successors were deleted since: it is open again.
            self.reopen(series, bucket);
            return Some(Effect::Delete(bucket.start, bucket.start));
        }
        let closed = match self.open {
            Some(mut open) => {
                let value = open.accumulator.close(open.bucket.window(), Some(sample));
                Some(Effect::Upsert(Sample::new(open.bucket.start, value)))
            }
            // The open bucket was deleted, so this sample is a new neighbour of the one before.
            None if self.weighted() => before_bucket.and_then(|b| self.closed_value(series, b)),
            None => None,
        };
        let mut accumulator = self.aggregator.accumulator();
        accumulator.open(bucket.window(), before);
        accumulator.feed(&[sample.ts], &[sample.value]);
        self.open = Some(Open { bucket, accumulator });
        closed
    }

    /// A sample of `series` that is not its latest one, or not newly so, was added or changed.
    pub fn on_change(&mut self, series: &Series, ts: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let bucket = self.bucket(ts);
        self.recompute(series, bucket, &mut effects);
        self.recompute_neighbours(series, bucket.start, bucket.last(), &mut effects);
        effects
    }

    /// The samples of `series` from `from` to `to` were deleted.
    pub fn on_delete(&mut self, series: &Series, from: Timestamp, to: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let (first, last) = (self.bucket(from), self.bucket(to));
        self.recompute(series, first, &mut effects);
        if first != last {
            if let Some(open) =
                self.open.filter(|open| (first.end..last.start).contains(&open.bucket.start))
            {
                self.reopen(series, open.bucket);
            }
            if last.start > first.end {
                effects.push(Effect::Delete(first.end, last.start - 1));
            }
            self.recompute(series, last, &mut effects);
        }
        self.recompute_neighbours(series, first.start, last.last(), &mut effects);
        effects
    }

    /// Computes a bucket from the samples that are there.
    fn recompute(&mut self, series: &Series, bucket: Bucket, effects: &mut Vec<Effect>) {
        if self.open.is_some_and(|open| open.bucket == bucket) {
            self.reopen(series, bucket);
            return;
        }
        let gone = Effect::Delete(bucket.start, bucket.start);
        effects.push(self.closed_value(series, bucket).unwrap_or(gone));
    }

    /// The value of a bucket that is not open; `None` if it has no samples.
    fn closed_value(&self, series: &Series, bucket: Bucket) -> Option<Effect> {
        let mut accumulator = self.aggregate(series, bucket)?;
        let next = self.weighted().then(|| series.first_after(bucket.last())).flatten();
        let value = accumulator.close(bucket.window(), next);
        Some(Effect::Upsert(Sample::new(bucket.start, value)))
    }

    /// Computes the buckets before `from` and after `to` anew, if their values depend on samples
    /// next to them.
    fn recompute_neighbours(
        &mut self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if self.weighted() {
            let neighbours = [series.last_before(from), series.first_after(to)];
            for sample in neighbours.into_iter().flatten() {
                self.recompute(series, self.bucket(sample.ts), effects);
            }
        }
    }

    fn reopen(&mut self, series: &Series, bucket: Bucket) {
        let accumulator = self.aggregate(series, bucket);
        self.open = accumulator.map(|accumulator| Open { bucket, accumulator });
    }

    /// A bucket's samples, accumulated; `None` if it has none.
    fn aggregate(&self, series: &Series, bucket: Bucket) -> Option<Accumulator> {
        let prev = self.weighted().then(|| series.last_before(bucket.start)).flatten();
        let mut accumulator = self.aggregator.accumulator();
        accumulator.open(bucket.window(), prev);
        let (mut reader, mut batch) = (series.range(bucket.start, bucket.last()), Batch::default());
        let mut any = false;
        while reader.fill(&mut batch) {
            accumulator.feed(batch.ts(), batch.values());
            any = true;
        }
        any.then_some(accumulator)
    }

    fn weighted(&self) -> bool {
        self.aggregator == Aggregator::Twa
    }
}
