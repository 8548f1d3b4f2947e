use std::collections::BTreeMap;

use super::*;
use crate::sample::Batch;
use proptest::prelude::*;

/// A map of all samples, and what the series promises about it.
#[derive(Default)]
struct Model {
    samples: BTreeMap<Timestamp, f64>,
    retention: u64,
}

impl Model {
    fn floor(&self) -> Timestamp {
        match self.samples.last_key_value() {
            Some((&last, _)) if self.retention > 0 => last.saturating_sub(self.retention),
            _ => 0,
        }
    }

    fn add(&mut self, ts: Timestamp, value: f64, policy: DuplicatePolicy) -> Result<(), TsError> {
        if ts < self.floor() {
            return Err(TsError::OlderThanRetention);
        }
        let merged = match self.samples.get(&ts) {
            Some(&old) => policy.resolve(old, value)?,
            None => value,
        };
        self.samples.insert(ts, merged);
        let floor = self.floor();
        self.samples.retain(|&ts, _| ts >= floor);
        Ok(())
    }

    fn delete(&mut self, from: Timestamp, to: Timestamp) -> usize {
        let before = self.samples.len();
        self.samples.retain(|ts, _| !(from..=to).contains(ts));
        before - self.samples.len()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Next(u64, f64),
    At(u64, f64, u8),
    Delete(u64, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        4 => (-5000i32..5000).prop_map(|cents| f64::from(cents) / 100.0),
        1 => any::<f64>().prop_filter("no NaN: compared by ==", |v| !v.is_nan()),
    ];
    prop_oneof![
        6 => (1u64..40, value.clone()).prop_map(|(gap, v)| Op::Next(gap, v)),
        3 => (0u64..5000, value, 0u8..6).prop_map(|(ts, v, p)| Op::At(ts, v, p)),
        1 => (0u64..5000, 0u64..400).prop_map(|(from, len)| Op::Delete(from, from + len)),
    ]
}

fn policy(index: u8) -> DuplicatePolicy {
    use DuplicatePolicy::*;
    [Block, First, Last, Min, Max, Sum][usize::from(index % 6)]
}

fn read(series: &Series, from: u64, to: u64) -> Vec<(u64, u64)> {
    let (mut reader, mut batch, mut all) = (series.range(from, to), Batch::default(), Vec::new());
    while reader.fill(&mut batch) {
        all.extend(batch.iter().map(|s| (s.ts, s.value.to_bits())));
    }
    all
}

fn read_reverse(series: &Series, from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut reader = series.range_reverse(from, to);
    let (mut batch, mut all) = (Batch::default(), Vec::new());
    while reader.fill(&mut batch) {
        all.extend(batch.iter().map(|s| (s.ts, s.value.to_bits())));
    }
    all.reverse();
    all
}

fn check(series: &Series, model: &Model, from: u64, to: u64) {
    let expected = |from, to| -> Vec<_> {
        model.samples.range(from..=to).map(|(&ts, v)| (ts, v.to_bits())).collect()
    };
    assert_eq!(read(series, 0, u64::MAX), expected(0, u64::MAX));
    assert_eq!(read(series, from, to), expected(from, to));
    assert_eq!(read_reverse(series, from, to), expected(from, to));
    assert_eq!(series.len(), model.samples.len());
    assert_eq!(series.first_ts(), model.samples.keys().next().copied());
    assert_eq!(series.last().map(|s| s.ts), model.samples.keys().last().copied());
    assert_eq!(
        series.last_before(from).map(|s| s.ts),
        model.samples.range(..from).next_back().map(|(&ts, _)| ts)
    );
    assert_eq!(
        series.first_after(to).map(|s| s.ts),
        model.samples.range(to + 1..).next().map(|(&ts, _)| ts)
    );
    assert!(series.chunks().all(|chunk| !chunk.is_empty()));
}

proptest! {
    #[test]
    fn behaves_like_a_map(
        ops in prop::collection::vec(op(), 1..300),
        chunk_size in prop::sample::select(vec![48usize, 64, 128, 512]),
        retention in prop::sample::select(vec![0u64, 0, 700, 3000]),
        plain: bool,
        (from, len) in (0u64..5000, 0u64..3000),
    ) {
        let encoding = if plain { Encoding::Uncompressed } else { Encoding::Compressed };
        let mut series = Series::new(Options { retention, chunk_size, encoding, ignore_value: -1.0, ..Options::default() });
        let mut model = Model { retention, ..Model::default() };
        for op in ops {
            match op {
                Op::Next(gap, value) => {
                    let ts = series.last().map_or(0, |s| s.ts) + gap;
                    let added = series.add(Sample::new(ts, value), DuplicatePolicy::Block);
                    prop_assert_eq!(added, Ok(Added::Appended));
                    model.add(ts, value, DuplicatePolicy::Block).unwrap();
                }
                Op::At(ts, value, p) => {
                    let added = series.add(Sample::new(ts, value), policy(p)).map(|_| ());
                    prop_assert_eq!(added, model.add(ts, value, policy(p)));
                }
                Op::Delete(a, b) => prop_assert_eq!(series.delete_range(a, b), model.delete(a, b)),
            }
        }
        check(&series, &model, from, from + len);
        for chunk in series.chunks() {
            prop_assert!(chunk.size() <= chunk_size || chunk.len() == 1);
            if let Some((bytes, bits)) = chunk.as_bytes() {
                let back = Chunk::from_bytes(bytes.to_vec(), bits, chunk.len() as u32).unwrap();
                prop_assert_eq!((back.first_ts(), back.last_ts()), (chunk.first_ts(), chunk.last_ts()));
            }
        }
        let chunks: Vec<_> = series.chunks().cloned().collect();
        let reloaded = Series::from_chunks(*series.options(), chunks).unwrap();
        check(&reloaded, &model, from, from + len);
    }

    #[test]
    fn hostile_chunks_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..120), count in 0u32..2000, cut in 0usize..8) {
        let bits = (bytes.len() * 8).saturating_sub(cut);
        if let Ok(chunk) = Chunk::from_bytes(bytes, bits, count) {
            let samples = chunk.samples();
            prop_assert_eq!(samples.len(), count as usize);
            prop_assert!(samples.windows(2).all(|w| w[0].ts < w[1].ts));
            let mut series = Series::from_chunks(Options::default(), vec![chunk]).unwrap();
            let next = samples[samples.len() - 1].ts + 1;
            series.add(Sample::new(next, 0.5), DuplicatePolicy::Last).unwrap();
            prop_assert_eq!(series.len(), samples.len() + 1);
            prop_assert_eq!(series.last(), Some(Sample::new(next, 0.5)));
        }
    }
}

#[test]
fn ignore_drops_what_hardly_changes() {
    let options = Options { ignore_time: 10, ignore_value: 0.5, ..Options::default() };
    let mut series = Series::new(options);
    let mut add = |ts, v, policy| series.add(Sample::new(ts, v), policy).unwrap();
    assert_eq!(add(100, 1.0, DuplicatePolicy::Last), Added::Appended);
    assert_eq!(add(105, 1.5, DuplicatePolicy::Last), Added::Ignored);
    assert_eq!(add(105, 1.6, DuplicatePolicy::Last), Added::Appended);
    assert_eq!(add(110, 1.7, DuplicatePolicy::Sum), Added::Appended);
    assert_eq!(add(99, 1.7, DuplicatePolicy::Last), Added::Inserted);
}

#[test]
fn small_series_take_little_memory() {
    let mut series = Series::new(Options::default());
    for i in 0..10 {
        series
            .add(Sample::new(1_700_000_000_000 + i * 1000, i as f64), DuplicatePolicy::Last)
            .unwrap();
    }
    assert!(series.memory() < 600, "{} bytes", series.memory());
}
