//! Range queries over one series: filters, buckets, empty buckets, COUNT, both directions.
//! What a bucket's value is lives in `aggregate`; several series at once in `reduce`.

use smallvec::SmallVec;

use crate::aggregate::{Accumulator, Aggregator};
use crate::bucket::{Bucket, Window};
use crate::error::TsError;
use crate::sample::{Batch, Sample, Timestamp};
use crate::series::Series;

/// The most buckets that EMPTY may add to one reply.
pub const MAX_EMPTY_BUCKETS: usize = 1 << 24;

/// Which timestamp stands for a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketTimestamp {
    /// Its start.
    #[default]
    Start,
    /// Its middle, rounded down.
    Mid,
    /// Its end, which is the next one's start.
    End,
}

/// How samples are put together in buckets.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// One column of the reply each.
    pub aggregators: SmallVec<[Aggregator; 2]>,
    /// A bucket's length in milliseconds; 0 counts as 1.
    pub duration: u64,
    /// A timestamp at which a bucket starts.
    pub align: Timestamp,
    /// Which timestamp is reported.
    pub timestamp: BucketTimestamp,
    /// Whether buckets without samples are reported.
    pub empty: bool,
}

/// A query over a closed range of time.
#[derive(Clone, Debug, Default)]
pub struct RangeQuery {
    /// The first timestamp.
    pub from: Timestamp,
    /// The last timestamp.
    pub to: Timestamp,
    /// Only samples at these timestamps, which ascend.
    pub filter_ts: Option<Vec<Timestamp>>,
    /// Only samples with values from the first to the second.
    pub filter_value: Option<(f64, f64)>,
    /// At most so many rows.
    pub count: Option<usize>,
    /// Buckets instead of samples.
    pub aggregation: Option<Aggregation>,
    /// Latest first.
    pub reverse: bool,
    /// A compaction's open bucket, reported as if it were the latest sample.
    pub latest: Option<Sample>,
}

/// The result of a query: a timestamp and `width` values a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Timestamps, ascending or descending.
    pub ts: Vec<Timestamp>,
    /// The values, row by row.
    pub values: Vec<f64>,
    width: usize,
}

impl Rows {
    /// No rows of `width` values.
    pub fn new(width: usize) -> Self {
        Self { ts: Vec::new(), values: Vec::new(), width: width.max(1) }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// The number of values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows: a timestamp and its values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Timestamp, &[f64])> {
        self.ts.iter().copied().zip(self.values.chunks_exact(self.width))
    }

    /// Keeps the first `count` rows.
    pub fn truncate(&mut self, count: usize) {
        self.ts.truncate(count);
        self.values.truncate(count.saturating_mul(self.width));
    }

    fn reverse(&mut self) {
        self.ts.reverse();
        self.values.reverse();
        if self.width > 1 {
            self.values.chunks_exact_mut(self.width).for_each(<[f64]>::reverse);
        }
    }

    fn append(&mut self, mut other: Rows) {
        self.ts.append(&mut other.ts);
        self.values.append(&mut other.values);
    }

    fn push_batch(&mut self, batch: &Batch) {
        self.ts.extend_from_slice(batch.ts());
        self.values.extend_from_slice(batch.values());
    }
}

impl RangeQuery {
    /// Runs the query.
    ///
    /// # Errors
    /// [`TsError::TooManyBuckets`] if EMPTY would report more than [`MAX_EMPTY_BUCKETS`].
    pub fn run(&self, series: &Series) -> Result<Rows, TsError> {
        let limit = self.count.unwrap_or(usize::MAX);
        let width = self.aggregation.as_ref().map_or(1, |a| a.aggregators.len());
        if self.from > self.to || limit == 0 {
            return Ok(Rows::new(width));
        }
        let mut rows = match &self.aggregation {
            None if self.reverse => self.samples_reverse(series, limit),
            None => self.samples(series, limit),
            Some(aggregation) => self.buckets(series, aggregation, limit)?,
        };
        rows.truncate(limit);
        Ok(rows)
    }

    fn samples(&self, series: &Series, limit: usize) -> Rows {
        let mut rows = Rows::new(1);
        let (mut source, mut batch) =
            (Source::new(self, series, self.from, self.to), Batch::default());
        while rows.len() < limit && source.fill(&mut batch) {
            rows.push_batch(&batch);
        }
        rows
    }

    fn samples_reverse(&self, series: &Series, limit: usize) -> Rows {
        let mut rows = Rows::new(1);
        let mut batch = Batch::default();
        if self.latest_batch(series, self.from, self.to, &mut batch) {
            rows.push_batch(&batch);
        }
        let mut reader = series.range_reverse(self.from, self.to);
        while rows.len() < limit && reader.fill(&mut batch) {
            self.filter(&mut batch);
            rows.push_batch(&batch);
        }
        rows
    }

    /// Puts the open bucket of a compaction into `batch`, if it is asked for and later than all
    /// samples.
    fn latest_batch(
        &self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
        batch: &mut Batch,
    ) -> bool {
        batch.clear();
        let newest = series.last().map(|sample| sample.ts);
        let within = |sample: &Sample| (from..=to).contains(&sample.ts) && Some(sample.ts) > newest;
        if let Some(sample) = self.latest.filter(within) {
            batch.push(sample.ts, sample.value);
            self.filter(batch);
        }
        !batch.is_empty()
    }

    /// Keeps what the filters let through.
    fn filter(&self, batch: &mut Batch) {
        if let Some(wanted) = &self.filter_ts {
            batch.retain(|ts, _| wanted.binary_search(&ts).is_ok());
        }
        if let Some((min, max)) = self.filter_value {
            batch.retain(|_, value| value >= min && value <= max);
        }
    }

    fn has_filter(&self) -> bool {
        self.filter_ts.is_some() || self.filter_value.is_some()
    }

    fn buckets(
        &self,
        series: &Series,
        aggregation: &Aggregation,
        limit: usize,
    ) -> Result<Rows, TsError> {
        if !self.reverse {
            return self.aggregate(series, aggregation, self.from, self.to, limit);
        }
        let weighted = aggregation.aggregators.contains(&Aggregator::Twa);
        let whole = aggregation.empty || (weighted && self.has_filter());
        if limit == usize::MAX || whole {
            let mut rows = self.aggregate(series, aggregation, self.from, self.to, usize::MAX)?;
            rows.reverse();
            return Ok(rows);
        }
        self.last_buckets(series, aggregation, limit)
    }

    /// The last `limit` buckets, latest first, without reading what lies far before them: as many
    /// buckets' time as are wanted is aggregated, then, if some were empty, twice as much before it.
    fn last_buckets(
        &self,
        series: &Series,
        aggregation: &Aggregation,
        limit: usize,
    ) -> Result<Rows, TsError> {
        let mut rows = Rows::new(aggregation.aggregators.len());
        let mut span = aggregation.duration.saturating_mul(limit as u64 - 1);
        let mut to = self.to;
        while rows.len() < limit {
            let latest = self.latest.map(|sample| sample.ts).filter(|&ts| ts <= to);
            let stored = series.last_before(to.saturating_add(1)).map(|sample| sample.ts);
            let Some(newest) = latest.max(stored).filter(|&ts| ts >= self.from) else { break };
            let low = bucket_of(newest, aggregation).start.saturating_sub(span);
            let low = bucket_of(low, aggregation).start;
            let from = low.max(self.from);
            let mut part = self.aggregate(series, aggregation, from, to, usize::MAX)?;
            part.reverse();
            rows.append(part);
            match low.checked_sub(1) {
                Some(before) if low > self.from => to = before,
                _ => break,
            }
            span = span.saturating_mul(2).max(aggregation.duration);
        }
        Ok(rows)
    }

    fn aggregate(
        &self,
        series: &Series,
        aggregation: &Aggregation,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Rows, TsError> {
        let mut buckets = Buckets::new(self, series, aggregation, limit);
        let (mut source, mut batch) = (Source::new(self, series, from, to), Batch::default());
        while !buckets.is_done() && source.fill(&mut batch) {
            buckets.feed(batch.ts(), batch.values())?;
        }
        buckets.finish()
    }
}

/// The filtered samples of a range, and after them the open bucket of a compaction.
struct Source<'q> {
    query: &'q RangeQuery,
    series: &'q Series,
    reader: crate::reader::RangeReader<'q>,
    range: (Timestamp, Timestamp),
    ended: bool,
}

impl<'q> Source<'q> {
    fn new(query: &'q RangeQuery, series: &'q Series, from: Timestamp, to: Timestamp) -> Self {
        let (mut low, mut high) = (from, to);
        if let Some(wanted) = &query.filter_ts {
            low = low.max(wanted.first().copied().unwrap_or(Timestamp::MAX));
            high = high.min(wanted.last().copied().unwrap_or(0));
        }
        let reader = series.range(low, high);
        Self { query, series, reader, range: (from, to), ended: false }
    }

    fn fill(&mut self, batch: &mut Batch) -> bool {
        while !self.ended {
            if !self.reader.fill(batch) {
                self.ended = true;
                return self.query.latest_batch(self.series, self.range.0, self.range.1, batch);
            }
            self.query.filter(batch);
            if !batch.is_empty() {
                return true;
            }
        }
        false
    }
}

/// The bucket that `ts` belongs to.
fn bucket_of(ts: Timestamp, aggregation: &Aggregation) -> Bucket {
    Bucket::of(ts, aggregation.duration, aggregation.align)
}

/// Cuts ascending samples into buckets and collects their rows.
struct Buckets<'q> {
    query: &'q RangeQuery,
    series: &'q Series,
    aggregation: &'q Aggregation,
    limit: usize,
    accumulators: SmallVec<[Accumulator; 2]>,
    weighted: bool,
    current: Option<Bucket>,
    prev: Option<Sample>,
    empties: usize,
    rows: Rows,
}

impl<'q> Buckets<'q> {
    fn new(
        query: &'q RangeQuery,
        series: &'q Series,
        aggregation: &'q Aggregation,
        limit: usize,
    ) -> Self {
        let aggregators = &aggregation.aggregators;
        Self {
            query,
            series,
            aggregation,
            limit,
            accumulators: aggregators.iter().map(|a| a.accumulator()).collect(),
            weighted: aggregators.contains(&Aggregator::Twa),
            current: None,
            prev: None,
            empties: 0,
            rows: Rows::new(aggregators.len()),
        }
    }

    fn is_done(&self) -> bool {
        self.rows.len() >= self.limit
    }

    /// The part of a bucket that the query covers.
    fn window(&self, bucket: Bucket) -> Window {
        Window { from: bucket.start.max(self.query.from), to: bucket.end.min(self.query.to) }
    }

    fn feed(&mut self, ts: &[Timestamp], values: &[f64]) -> Result<(), TsError> {
        let (mut ts, mut values) = (ts, values);
        while let (Some(&first), Some(&value)) = (ts.first(), values.first()) {
            let bucket = match self.current {
                Some(bucket) if first < bucket.end => bucket,
                _ => self.turn(Sample::new(first, value))?,
            };
            let within = match ts.last() {
                Some(&last) if last < bucket.end => ts.len(),
                _ => ts.iter().position(|&t| t >= bucket.end).unwrap_or(ts.len()),
            };
            let (now, later) = ts.split_at(within);
            let (now_values, later_values) = values.split_at(within);
            self.accumulators.iter_mut().for_each(|a| a.feed(now, now_values));
            if let (Some(&ts), Some(&value)) = (now.last(), now_values.last()) {
                self.prev = Some(Sample::new(ts, value));
            }
            (ts, values) = (later, later_values);
        }
        Ok(())
    }

    /// Closes the current bucket and opens the one of `first`.
    fn turn(&mut self, first: Sample) -> Result<Bucket, TsError> {
        let bucket = bucket_of(first.ts, self.aggregation);
        match self.current {
            Some(closed) => {
                self.close(closed, Some(first));
                self.fill_empty(closed.end, bucket.start, Some(first))?;
            }
            None if self.weighted => {
                self.prev = self.series.last_before(first.ts);
                if self.prev.is_some() && !self.query.has_filter() {
                    let start = bucket_of(self.query.from, self.aggregation).start;
                    self.fill_empty(start, bucket.start, Some(first))?;
                }
            }
            None => {}
        }
        let window = self.window(bucket);
        let prev = self.prev;
        self.accumulators.iter_mut().for_each(|a| a.open(window, prev));
        self.current = Some(bucket);
        Ok(bucket)
    }

    fn close(&mut self, bucket: Bucket, next: Option<Sample>) {
        let window = self.window(bucket);
        self.rows.ts.push(self.label(bucket.start));
        let values = self.accumulators.iter_mut().map(|a| a.close(window, next));
        self.rows.values.extend(values);
    }

    fn label(&self, start: Timestamp) -> Timestamp {
        let duration = self.aggregation.duration;
        match self.aggregation.timestamp {
            BucketTimestamp::Start => start,
            BucketTimestamp::Mid => start.saturating_add(duration / 2),
            BucketTimestamp::End => start.saturating_add(duration),
        }
    }

    /// Reports the buckets that start from `from` on and before `until`, if EMPTY asks for them.
    fn fill_empty(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        next: Option<Sample>,
    ) -> Result<(), TsError> {
        let mut start = from;
        while self.aggregation.empty && start < until && !self.is_done() {
            let bucket = Bucket { end: bucket_of(start, self.aggregation).end, start };
            let window = self.window(bucket);
            self.rows.ts.push(self.label(start));
            let (prev, aggregators) = (self.prev, &self.aggregation.aggregators);
            self.rows.values.extend(aggregators.iter().map(|a| a.empty_value(window, prev, next)));
            self.empties += 1;
            if self.empties > MAX_EMPTY_BUCKETS {
                return Err(TsError::TooManyBuckets);
            }
            start = bucket.end.max(start + 1);
        }
        Ok(())
    }

    /// Closes the last bucket. Time-weighted averages are also known for the empty buckets between
    /// it and the end of the query, if a sample follows.
    fn finish(mut self) -> Result<Rows, TsError> {
        if self.is_done() {
            return Ok(self.rows);
        }
        let query = self.query;
        let begin = bucket_of(query.from, self.aggregation).start;
        let mut empty_from = begin;
        let mut next = None;
        if let Some(bucket) = self.current {
            let last = self.prev.map_or(query.to, |sample| sample.ts);
            next = if self.weighted { self.series.first_after(last) } else { None };
            self.close(bucket, next);
            empty_from = bucket.end;
        } else if self.weighted && !query.has_filter() {
            self.prev = self.series.last_before(query.from);
            next = self.series.first_after(query.to);
        }
        if self.prev.is_some() && next.is_some() && !query.has_filter() {
            let end = bucket_of(query.to, self.aggregation).start.saturating_add(1);
            self.fill_empty(empty_from, end, next)?;
        }
        Ok(self.rows)
    }
}

#[cfg(test)]
mod tests;
