//! Aggregators: what a bucket of samples becomes. They take slices, so that their loops vectorise,
//! and pass NaN over, as Redis 8.6 does. Which samples make a bucket is `query`'s business.

use crate::bucket::Window;
use crate::error::TsError;
use crate::sample::{Sample, Timestamp};

/// An aggregation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    /// Arithmetic mean.
    Avg,
    /// Sum.
    Sum,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Greatest less least value.
    Range,
    /// Number of values that are numbers.
    Count,
    /// Number of NaN.
    CountNan,
    /// Number of values, NaN included.
    CountAll,
    /// Earliest value.
    First,
    /// Latest value.
    Last,
    /// Population standard deviation.
    StdP,
    /// Sample standard deviation.
    StdS,
    /// Population variance.
    VarP,
    /// Sample variance.
    VarS,
    /// Average weighted by time.
    Twa,
}

const NAMES: [(Aggregator, &str); 15] = [
    (Aggregator::Avg, "avg"),
    (Aggregator::Sum, "sum"),
    (Aggregator::Min, "min"),
    (Aggregator::Max, "max"),
    (Aggregator::Range, "range"),
    (Aggregator::Count, "count"),
    (Aggregator::CountNan, "countNaN"),
    (Aggregator::CountAll, "countAll"),
    (Aggregator::First, "first"),
    (Aggregator::Last, "last"),
    (Aggregator::StdP, "std.p"),
    (Aggregator::StdS, "std.s"),
    (Aggregator::VarP, "var.p"),
    (Aggregator::VarS, "var.s"),
    (Aggregator::Twa, "twa"),
];

impl Aggregator {
    /// Parses an aggregator's name, in any case.
    ///
    /// # Errors
    /// [`TsError::UnknownAggregation`] for any other word.
    pub fn parse(name: &[u8]) -> Result<Self, TsError> {
        let found = NAMES.iter().find(|(_, n)| n.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(aggregator, _)| *aggregator).ok_or(TsError::UnknownAggregation)
    }

    /// The name that [`Aggregator::parse`] takes.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(a, _)| *a == self).map_or("", |(_, name)| name)
    }

    /// Whether the function may reduce a group of series (its values then have no order).
    pub fn can_reduce(self) -> bool {
        !matches!(self, Self::First | Self::Last | Self::Twa)
    }

    /// An accumulator for one bucket after the other.
    pub fn accumulator(self) -> Accumulator {
        match self {
            Self::Avg | Self::Sum => Accumulator::Sum { of: self, sum: 0.0, count: 0 },
            Self::Min | Self::Max | Self::Range => {
                Accumulator::Extremes { of: self, extremes: Extremes::default() }
            }
            Self::Count | Self::CountNan | Self::CountAll => {
                Accumulator::Count { of: self, numbers: 0, all: 0 }
            }
            Self::First => Accumulator::First { value: f64::NAN },
            Self::Last => Accumulator::Last { value: f64::NAN },
            Self::StdP | Self::StdS | Self::VarP | Self::VarS => {
                Accumulator::Moments { of: self, moments: Moments::default() }
            }
            Self::Twa => Accumulator::Twa(Twa::default()),
        }
    }

    /// The value of a bucket without samples between `prev` and `next`.
    pub fn empty_value(self, window: Window, prev: Option<Sample>, next: Option<Sample>) -> f64 {
        match (self, prev, next) {
            (Self::Sum | Self::Count | Self::CountNan | Self::CountAll, ..) => 0.0,
            (Self::Last, Some(prev), _) => prev.value,
            (Self::Twa, Some(prev), Some(next)) => {
                (line_at(prev, next, window.from) + line_at(prev, next, window.to)) / 2.0
            }
            _ => f64::NAN,
        }
    }
}

/// The value at `ts` on the line through two samples.
fn line_at(a: Sample, b: Sample, ts: Timestamp) -> f64 {
    let part = ts.abs_diff(a.ts) as f64 / b.ts.abs_diff(a.ts).max(1) as f64;
    if ts >= a.ts { a.value + (b.value - a.value) * part } else { a.value }
}

/// A running aggregate: `open` a bucket, `feed` it, `close` it.
#[derive(Clone, Copy, Debug)]
pub enum Accumulator {
    /// Sum and mean.
    Sum {
        /// Which of the two.
        of: Aggregator,
        /// The sum so far.
        sum: f64,
        /// The numbers so far.
        count: u64,
    },
    /// Least, greatest, and their difference.
    Extremes {
        /// Which of them.
        of: Aggregator,
        /// Both so far.
        extremes: Extremes,
    },
    /// Counts.
    Count {
        /// Which of them.
        of: Aggregator,
        /// The values that are numbers.
        numbers: u64,
        /// All values.
        all: u64,
    },
    /// The earliest value.
    First {
        /// NaN before there is one.
        value: f64,
    },
    /// The latest value.
    Last {
        /// NaN before there is one.
        value: f64,
    },
    /// Variances and deviations.
    Moments {
        /// Which of them.
        of: Aggregator,
        /// The sums behind them.
        moments: Moments,
    },
    /// The time-weighted average.
    Twa(Twa),
}

impl Accumulator {
    /// Starts a bucket. `prev` is the sample before the bucket's first, if there is one.
    pub fn open(&mut self, window: Window, prev: Option<Sample>) {
        match self {
            Self::Sum { sum, count, .. } => (*sum, *count) = (0.0, 0),
            Self::Extremes { extremes, .. } => *extremes = Extremes::default(),
            Self::Count { numbers, all, .. } => (*numbers, *all) = (0, 0),
            Self::First { value } | Self::Last { value } => *value = f64::NAN,
            Self::Moments { moments, .. } => *moments = Moments::default(),
            Self::Twa(twa) => *twa = Twa::new(window, prev),
        }
    }

    /// Adds samples in ascending order of time; both slices are of one length.
    pub fn feed(&mut self, ts: &[Timestamp], values: &[f64]) {
        match self {
            // In order and without lanes: the sum is then the same to the last digit as everyone's.
            Self::Sum { sum, count, .. } => {
                *sum = values.iter().fold(*sum, |s, &v| if v.is_nan() { s } else { s + v });
                *count += count_numbers(values);
            }
            Self::Extremes { extremes, .. } => extremes.feed(values),
            Self::Count { numbers, all, .. } => {
                *numbers += count_numbers(values);
                *all += values.len() as u64;
            }
            Self::First { value } if value.is_nan() => {
                *value = values.iter().copied().find(|v| !v.is_nan()).unwrap_or(f64::NAN);
            }
            Self::First { .. } => {}
            Self::Last { value } => {
                *value = values.iter().copied().rfind(|v| !v.is_nan()).unwrap_or(*value);
            }
            Self::Moments { moments, .. } => moments.feed(values),
            Self::Twa(twa) => twa.feed(ts, values),
        }
    }

    /// Ends the bucket. `next` is the sample after the bucket's last, if there is one.
    pub fn close(&mut self, window: Window, next: Option<Sample>) -> f64 {
        match self {
            Self::Sum { of: Aggregator::Avg, sum, count } => *sum / *count as f64,
            Self::Sum { sum, .. } => *sum,
            Self::Extremes { of, extremes } => extremes.value(*of),
            Self::Count { of: Aggregator::Count, numbers, .. } => *numbers as f64,
            Self::Count { of: Aggregator::CountNan, numbers, all } => (*all - *numbers) as f64,
            Self::Count { all, .. } => *all as f64,
            Self::First { value } | Self::Last { value } => *value,
            Self::Moments { of, moments } => moments.value(*of),
            Self::Twa(twa) => twa.close(window, next),
        }
    }
}

fn count_numbers(values: &[f64]) -> u64 {
    values.iter().map(|v| u64::from(!v.is_nan())).sum()
}

const LANES: usize = 8;

/// The least and the greatest number seen.
#[derive(Clone, Copy, Debug)]
pub struct Extremes {
    min: f64,
    max: f64,
    any: bool,
}

impl Default for Extremes {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, any: false }
    }
}

impl Extremes {
    fn feed(&mut self, values: &[f64]) {
        // A comparison with NaN is false, so NaN never replaces anything.
        let lower = |a: f64, b: f64| if b < a { b } else { a };
        let higher = |a: f64, b: f64| if b > a { b } else { a };
        let (mut min, mut max) = ([self.min; LANES], [self.max; LANES]);
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                min[lane] = lower(min[lane], chunk[lane]);
                max[lane] = higher(max[lane], chunk[lane]);
            }
        }
        self.min = min.iter().chain(rest).fold(self.min, |a, &b| lower(a, b));
        self.max = max.iter().chain(rest).fold(self.max, |a, &b| higher(a, b));
        self.any = self.any || count_numbers(values) > 0;
    }

    fn value(self, of: Aggregator) -> f64 {
        match of {
            _ if !self.any => f64::NAN,
            Aggregator::Min => self.min,
            Aggregator::Max => self.max,
            _ => self.max - self.min,
        }
    }
}

/// Sums of differences from the first value, which keeps variances of large values exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    origin: f64,
    count: u64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn feed(&mut self, values: &[f64]) {
        if self.count == 0 {
            self.origin = values.iter().copied().find(|v| !v.is_nan()).unwrap_or(0.0);
        }
        for &value in values.iter().filter(|v| !v.is_nan()) {
            let difference = value - self.origin;
            self.sum += difference;
            self.squares += difference * difference;
        }
        self.count += count_numbers(values);
    }

    fn value(self, of: Aggregator) -> f64 {
        let count = self.count as f64;
        let divisor = match of {
            Aggregator::StdS | Aggregator::VarS => count - 1.0,
            _ => count,
        };
        let variance = match self.count {
            0 => f64::NAN,
            1 => 0.0,
            _ => ((self.squares - self.sum * self.sum / count) / divisor).max(0.0),
        };
        if matches!(of, Aggregator::StdP | Aggregator::StdS) { variance.sqrt() } else { variance }
    }
}

/// The area under the line through the samples, and how long it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Twa {
    /// Where the area begins: the window's start if a sample lies before it.
    window_from: Timestamp,
    prev: Option<Sample>,
    start: Timestamp,
    last: Option<Sample>,
    area: f64,
}

impl Twa {
    fn new(window: Window, prev: Option<Sample>) -> Self {
        let prev = prev.filter(|sample| !sample.value.is_nan());
        Self { window_from: window.from, prev, ..Self::default() }
    }

    fn feed(&mut self, ts: &[Timestamp], values: &[f64]) {
        let samples = ts.iter().zip(values).filter(|(_, value)| !value.is_nan());
        for (&ts, &value) in samples {
            let sample = Sample::new(ts, value);
            match self.last {
                Some(last) => self.area += trapezoid(last, sample),
                None => self.begin(sample),
            }
            self.last = Some(sample);
        }
    }

    /// The area from the window's start, or from the first sample if none lies before it.
    fn begin(&mut self, first: Sample) {
        self.start = first.ts;
        if let Some(prev) = self.prev {
            let at_start = line_at(prev, first, self.window_from);
            self.start = self.window_from;
            self.area = trapezoid(Sample::new(self.window_from, at_start), first);
        }
    }

    fn close(&mut self, window: Window, next: Option<Sample>) -> f64 {
        let Some(last) = self.last else { return f64::NAN };
        let mut end = last.ts;
        if let Some(next) = next.filter(|sample| !sample.value.is_nan()) {
            end = window.to;
            self.area += trapezoid(last, Sample::new(end, line_at(last, next, end)));
        }
        if end > self.start { self.area / (end - self.start) as f64 } else { last.value }
    }
}

fn trapezoid(a: Sample, b: Sample) -> f64 {
    (a.value + b.value) * b.ts.saturating_sub(a.ts) as f64 / 2.0
}
