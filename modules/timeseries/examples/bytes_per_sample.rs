//! Prints what the engine takes a sample, in bytes and nanoseconds, on a few typical series.
//!
//! `cargo run --release -p cairn-timeseries --example bytes_per_sample`

use std::time::Instant;

use cairn_timeseries::aggregate::Aggregator;
use cairn_timeseries::duplicate::DuplicatePolicy;
use cairn_timeseries::query::{Aggregation, BucketTimestamp, RangeQuery};
use cairn_timeseries::sample::Sample;
use cairn_timeseries::series::{Options, Series};

const SAMPLES: u64 = 1_000_000;

/// A linear congruential generator (Knuth's MMIX), so that runs are the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ (self.0 >> 33)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal, with deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

fn main() {
    let mut random = Random(42);
    let mut walk = 100.0f64;
    measure("random walk, two decimals", |i| {
        walk = ((walk + random.normal()) * 100.0).round() / 100.0;
        (i * 1000, walk)
    });
    let (mut random, mut walk, mut ts) = (Random(43), 20.0f64, 0);
    measure("random walk, one decimal, jitter of 20 ms", |_| {
        walk = ((walk + random.normal() * 0.3) * 10.0).round() / 10.0;
        ts += 990 + random.next() % 20;
        (ts, walk)
    });
    let (mut random, mut walk) = (Random(47), 20.0f64);
    measure("random walk at full precision", |i| {
        walk += random.normal() * 0.01;
        (i * 1000, walk)
    });
    let mut random = Random(44);
    measure("uniform noise", |i| (i * 1000, random.unit()));
    let mut random = Random(45);
    measure("normal noise", |i| (i * 1000, random.normal()));
    let (mut random, mut count) = (Random(46), 0u64);
    measure("counter", |i| {
        count += random.next() % 100;
        (i * 1000, count as f64)
    });
    measure("constant", |i| (i * 1000, 42.0));
}

fn measure(name: &str, mut next: impl FnMut(u64) -> (u64, f64)) {
    let samples: Vec<_> = (0..SAMPLES)
        .map(|i| {
            let (ts, value) = next(i);
            Sample::new(1_700_000_000_000 + ts, value)
        })
        .collect();
    let mut series = Series::default();
    let append = best(|| {
        series = Series::new(Options::default());
        for &sample in &samples {
            let _ = series.add(sample, DuplicatePolicy::Block);
        }
    });
    let late = best_late(&samples);
    let bytes = series.memory() as f64 / SAMPLES as f64;
    let raw = timed(&series, None);
    let max = timed(&series, Some(Aggregator::Max));
    let avg = timed(&series, Some(Aggregator::Avg));
    println!(
        "{name:<44} {bytes:5.2} bytes  append {append:5.1} ns  late {late:5.2} us  read {raw:4.1} ns  max {max:4.1} ns  avg {avg:4.1} ns"
    );
}

/// Microseconds for a sample that belongs in the midst of older ones.
fn best_late(samples: &[Sample]) -> f64 {
    const LATE: usize = 1000;
    let mut series = Series::new(Options::default());
    let newest = samples.len() - 1;
    for (i, &sample) in samples.iter().enumerate() {
        if i % LATE != newest % LATE || i == newest {
            let _ = series.add(sample, DuplicatePolicy::Block);
        }
    }
    let start = Instant::now();
    let mut added = 0;
    for sample in samples.iter().rev().skip(LATE).step_by(LATE) {
        added += u64::from(series.add(*sample, DuplicatePolicy::Block).is_ok());
    }
    start.elapsed().as_nanos() as f64 / added as f64 / 1000.0
}

fn timed(series: &Series, aggregator: Option<Aggregator>) -> f64 {
    let aggregation = aggregator.map(|aggregator| Aggregation {
        aggregators: [aggregator].into_iter().collect(),
        duration: 3_600_000,
        align: 0,
        timestamp: BucketTimestamp::Start,
        empty: false,
    });
    let query = RangeQuery { to: u64::MAX, aggregation, ..RangeQuery::default() };
    best(|| assert!(query.run(series).is_ok_and(|rows| !rows.is_empty())))
}

/// Nanoseconds a sample in the best of a few runs, since other work on the machine only adds.
fn best(mut run: impl FnMut()) -> f64 {
    let mut time = || {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as f64 / SAMPLES as f64
    };
    (0..5).map(|_| time()).fold(f64::INFINITY, f64::min)
}
