//! The rules of a stored series.
//!
//! A rule: destination (string), bucket's duration and alignment, aggregator ([`AGGREGATORS`]), start
//! of the open bucket or `u64::MAX` without one (4 unsigned), and how far the open bucket has come:
//!
//! | aggregator | parts |
//! |---|---|
//! | min, max, range | greatest and least value (2 double), ±[`f64::MAX`] where none was looked for |
//! | sum, count, last | the value (double) |
//! | avg | sum and count (2 double), whether the sum overflowed (unsigned) |
//! | first | the value (double), whether it is still to come (unsigned) |
//! | std, var | sum and sum of squares (2 double), count (unsigned) |
//! | twa | weighted sum (double), last timestamp (unsigned) and value (double), the bucket's start and end, first and last timestamp counted, whether no bucket came before, number of samples, 0 (6 unsigned) |
//!
//! The open bucket is computed anew from the samples when it is read.

use cairn_core::rdb::{RdbError, Reader, Writer};

use crate::aggregate::Aggregator;
use crate::bucket::Bucket;
use crate::compaction::Rule;
use crate::sample::{Batch, MAX_TIMESTAMP, Sample};
use crate::series::Series;
use crate::value::{MAX_RULES, TimeSeries};

/// Aggregators by their number less one. The last two are not known to RedisTimeSeries 1.12.
pub(super) const AGGREGATORS: [Aggregator; 15] = [
    Aggregator::Min,
    Aggregator::Max,
    Aggregator::Sum,
    Aggregator::Avg,
    Aggregator::Count,
    Aggregator::First,
    Aggregator::Last,
    Aggregator::Range,
    Aggregator::StdP,
    Aggregator::StdS,
    Aggregator::VarP,
    Aggregator::VarS,
    Aggregator::Twa,
    Aggregator::CountNan,
    Aggregator::CountAll,
];

/// Writes all rules of a series.
pub fn save(series: &TimeSeries, out: &mut Writer) {
    out.module_unsigned(series.rules().len() as u64);
    for rule in series.rules() {
        out.module_string(&series.slot.present_name(&rule.destination));
        out.module_unsigned(rule.duration);
        out.module_unsigned(rule.align);
        let number = AGGREGATORS.iter().position(|a| *a == rule.aggregator);
        out.module_unsigned(number.map_or(0, |at| at as u64 + 1));
        let bucket = rule.open_bucket();
        out.module_unsigned(bucket.map_or(u64::MAX, |bucket| bucket.start));
        Progress::of(series.series(), bucket).save(rule.aggregator, out);
    }
}

/// How far an open bucket has come, for whatever aggregator.
#[derive(Default)]
struct Progress {
    bucket: Option<Bucket>,
    /// The sample before the bucket.
    before: Option<Sample>,
    first: Option<Sample>,
    last: Option<Sample>,
    count: u64,
    sum: f64,
    squares: f64,
    least: Option<f64>,
    greatest: Option<f64>,
    /// The area below the line through the samples, from the bucket's start on.
    area: f64,
}

impl Progress {
    fn of(series: &Series, bucket: Option<Bucket>) -> Self {
        let mut progress = Self { bucket, ..Self::default() };
        let Some(bucket) = bucket else { return progress };
        progress.before = series.last_before(bucket.start);
        let mut reader = series.range(bucket.start, bucket.last().min(MAX_TIMESTAMP));
        let mut batch = Batch::default();
        while reader.fill(&mut batch) {
            batch.iter().for_each(|sample| progress.feed(sample));
        }
        progress
    }

    fn feed(&mut self, sample: Sample) {
        let value = sample.value;
        self.area += match (self.last, self.before, self.bucket) {
            (Some(last), ..) => area(last, sample),
            (None, Some(before), Some(bucket)) => {
                area(between(before, sample, bucket.start), sample)
            }
            _ => 0.0,
        };
        self.first = self.first.or(Some(sample));
        self.last = Some(sample);
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
        self.greatest = Some(self.greatest.map_or(value, |greatest| greatest.max(value)));
    }

    fn save(&self, aggregator: Aggregator, out: &mut Writer) {
        let value = |sample: Option<Sample>| sample.map_or(0.0, |sample| sample.value);
        match aggregator {
            Aggregator::Min | Aggregator::Max | Aggregator::Range => {
                let greatest = self.greatest.filter(|_| aggregator != Aggregator::Min);
                let least = self.least.filter(|_| aggregator != Aggregator::Max);
                out.module_double(greatest.unwrap_or(-f64::MAX));
                out.module_double(least.unwrap_or(f64::MAX));
            }
            Aggregator::Sum => out.module_double(self.sum),
            Aggregator::Count | Aggregator::CountNan | Aggregator::CountAll => {
                out.module_double(self.count as f64);
            }
            Aggregator::Last => out.module_double(value(self.last)),
            Aggregator::Avg => {
                out.module_double(self.sum);
                out.module_double(self.count as f64);
                out.module_unsigned(0);
            }
            Aggregator::First => {
                out.module_double(value(self.first));
                out.module_unsigned(u64::from(self.first.is_none()));
            }
            Aggregator::StdP | Aggregator::StdS | Aggregator::VarP | Aggregator::VarS => {
                out.module_double(self.sum);
                out.module_double(self.squares);
                out.module_unsigned(self.count);
            }
            Aggregator::Twa => self.save_weighted(out),
        }
    }

    fn save_weighted(&self, out: &mut Writer) {
        let last = self.last.unwrap_or(Sample::new(0, 0.0));
        let (start, end) = self.bucket.map_or((0, 0), |bucket| (bucket.start, bucket.end));
        let first = match self.before {
            Some(_) => start,
            None => self.first.map_or(0, |first| first.ts),
        };
        out.module_double(self.area);
        out.module_unsigned(last.ts);
        out.module_double(last.value);
        let lonely = u64::from(self.before.is_none());
        [start, end, first, last.ts, lonely, self.count, 0]
            .iter()
            .for_each(|n| out.module_unsigned(*n));
    }
}

/// The area below the line between two samples.
fn area(a: Sample, b: Sample) -> f64 {
    (a.value + b.value) / 2.0 * (b.ts - a.ts) as f64
}

/// Where the line between two samples is at `ts`.
fn between(a: Sample, b: Sample, ts: u64) -> Sample {
    let part = (ts - a.ts) as f64 / (b.ts - a.ts) as f64;
    Sample::new(ts, a.value + (b.value - a.value) * part)
}

/// Reads all rules, and of each whether it has an open bucket.
///
/// # Errors
/// When the parts are not those of rules.
pub fn load(input: &mut Reader<'_>) -> Result<Vec<(Rule, bool)>, RdbError> {
    let mut rules = Vec::new();
    for _ in 0..input.module_unsigned()? {
        if rules.len() == MAX_RULES {
            return Err(input.corrupt("too many rules of a series"));
        }
        rules.push(load_rule(input)?);
    }
    Ok(rules)
}

fn load_rule(input: &mut Reader<'_>) -> Result<(Rule, bool), RdbError> {
    let destination = input.module_string()?;
    let (duration, align) = (input.module_unsigned()?, input.module_unsigned()?);
    let number = input.module_unsigned()?;
    let at = number.checked_sub(1).and_then(|at| usize::try_from(at).ok());
    let aggregator = at.and_then(|at| AGGREGATORS.get(at)).copied();
    let aggregator = aggregator.ok_or_else(|| input.corrupt(format!("aggregator {number}")))?;
    if duration == 0 {
        return Err(input.corrupt("rule with a bucket of no duration"));
    }
    let start = input.module_unsigned()?;
    skip_progress(input, aggregator)?;
    Ok((Rule::new(&destination, aggregator, duration, align), start != u64::MAX))
}

fn skip_progress(input: &mut Reader<'_>, aggregator: Aggregator) -> Result<(), RdbError> {
    let (doubles, numbers) = match aggregator {
        Aggregator::Min | Aggregator::Max | Aggregator::Range => (2, 0),
        Aggregator::Sum | Aggregator::Last => (1, 0),
        Aggregator::Count | Aggregator::CountNan | Aggregator::CountAll => (1, 0),
        Aggregator::Avg => (2, 1),
        Aggregator::First => (1, 1),
        Aggregator::StdP | Aggregator::StdS | Aggregator::VarP | Aggregator::VarS => (2, 1),
        Aggregator::Twa => {
            input.module_double()?;
            input.module_unsigned()?;
            (1, 7)
        }
    };
    for _ in 0..doubles {
        input.module_double()?;
    }
    for _ in 0..numbers {
        input.module_unsigned()?;
    }
    Ok(())
}
