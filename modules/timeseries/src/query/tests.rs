use super::*;
use crate::duplicate::DuplicatePolicy;
use crate::series::Options;
use proptest::prelude::*;
use smallvec::smallvec;

fn series(samples: &[(u64, f64)]) -> Series {
    let mut series = Series::new(Options { chunk_size: 64, ..Options::default() });
    for &(ts, value) in samples {
        series.add(Sample::new(ts, value), DuplicatePolicy::Last).unwrap();
    }
    series
}

fn aggregation(aggregator: Aggregator, duration: u64) -> Aggregation {
    Aggregation {
        aggregators: smallvec![aggregator],
        duration,
        align: 0,
        timestamp: BucketTimestamp::Start,
        empty: false,
    }
}

fn query(from: u64, to: u64, aggregation: Option<Aggregation>) -> RangeQuery {
    RangeQuery { from, to, aggregation, ..RangeQuery::default() }
}

fn run(series: &Series, query: &RangeQuery) -> Vec<(u64, f64)> {
    query.run(series).unwrap().iter().map(|(ts, values)| (ts, values[0])).collect()
}

/// Samples whose answers below were observed on Redis Stack.
const OBSERVED: [(u64, f64); 6] =
    [(12, 1.0), (14, 3.0), (25, 5.0), (58, -2.0), (61, 7.0), (95, 9.0)];

fn twa(from: u64, to: u64, empty: bool) -> Vec<(u64, f64)> {
    let aggregation = Aggregation { empty, ..aggregation(Aggregator::Twa, 10) };
    run(&series(&OBSERVED), &query(from, to, Some(aggregation)))
}

fn assert_near(found: &[(u64, f64)], expected: &[(u64, f64)]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (f, e) in found.iter().zip(expected) {
        assert!(f.0 == e.0 && (f.1 - e.1).abs() < 1e-12, "{found:?} {expected:?}");
    }
}

#[test]
fn time_weighted_averages_see_beyond_the_range() {
    let all = [
        (10, 3.159090909090909),
        (20, 4.507575757575758),
        (50, -0.7212121212121211),
        (60, 7.088235294117647),
        (90, 8.852941176470587),
    ];
    assert_near(&twa(0, 100, false), &all);
    assert_near(&twa(20, 70, false), &all[1..4]);
    assert_near(&twa(30, 40, true), &[(30, 2.878787878787879), (40, 1.8181818181818183)]);
    assert_near(&twa(30, 40, false), &[]);
    assert_near(&twa(0, 5, true), &[]);
    assert_near(&twa(96, 200, true), &[]);
    let clipped = [
        (20, 4.363636363636363),
        (30, 2.878787878787879),
        (40, 0.7575757575757578),
        (50, -1.0454545454545454),
    ];
    assert_near(&twa(26, 57, true), &clipped);
    assert_near(&twa(20, 70, true)[5..], &[(70, 7.529411764705882)]);
    assert_near(&twa(13, 60, true)[5..], &[(60, 4.0)]);
    assert_near(
        &run(&series(&[(15, 4.0)]), &query(0, 99, Some(aggregation(Aggregator::Twa, 10)))),
        &[(10, 4.0)],
    );
}

#[test]
fn filters_hold_inside_but_edges_see_the_raw_neighbours() {
    let raw = [
        (5, 100.0),
        (12, 1.0),
        (14, 3.0),
        (17, 100.0),
        (23, 5.0),
        (27, 100.0),
        (36, 2.0),
        (58, 100.0),
        (61, 1.0),
    ];
    let query = RangeQuery {
        filter_value: Some((0.0, 10.0)),
        ..query(8, 40, Some(aggregation(Aggregator::Twa, 10)))
    };
    let expected = [(10, 5.628571428571429), (20, 4.334615384615384), (30, 5.979020979020978)];
    assert_near(&run(&series(&raw), &query), &expected);
}

#[test]
fn empty_buckets_lie_between_full_ones() {
    let ask = |aggregator, from, to| {
        let aggregation = Aggregation { empty: true, ..aggregation(aggregator, 10) };
        run(&series(&OBSERVED), &query(from, to, Some(aggregation)))
    };
    let sums = [(20, 5.0), (30, 0.0), (40, 0.0), (50, -2.0), (60, 7.0)];
    assert_eq!(ask(Aggregator::Sum, 20, 70), sums);
    let last = [(20, 5.0), (30, 5.0), (40, 5.0), (50, -2.0), (60, 7.0)];
    assert_eq!(ask(Aggregator::Last, 20, 70), last);
    assert_eq!(ask(Aggregator::Sum, 30, 40), []);
    assert!(ask(Aggregator::Min, 20, 70)[1].1.is_nan());
}

#[test]
fn buckets_align_and_start_at_zero_at_the_earliest() {
    let ask = |align, duration, timestamp| {
        let aggregation =
            Aggregation { align, timestamp, ..aggregation(Aggregator::Sum, duration) };
        run(&series(&OBSERVED), &query(0, 100, Some(aggregation)))
    };
    use BucketTimestamp::*;
    assert_eq!(ask(3, 10, Start), [(3, 1.0), (13, 3.0), (23, 5.0), (53, 5.0), (93, 9.0)]);
    assert_eq!(ask(93, 100, Start), [(0, 14.0), (93, 9.0)]);
    assert_eq!(ask(93, 100, End), [(100, 14.0), (193, 9.0)]);
    assert_eq!(ask(93, 100, Mid), [(50, 14.0), (143, 9.0)]);
    assert_eq!(ask(0, 15, Mid)[0], (7, 4.0));
}

#[test]
fn empty_buckets_are_bounded() {
    let far = series(&[(1, 1.0), (1 << 40, 1.0)]);
    let empty = Aggregation { empty: true, ..aggregation(Aggregator::Sum, 1) };
    let mut query = query(0, u64::MAX, Some(empty));
    assert_eq!(query.run(&far), Err(TsError::TooManyBuckets));
    query.count = Some(5);
    assert_eq!(run(&far, &query).len(), 5);
}

#[test]
fn the_latest_bucket_is_one_more_sample() {
    let series = series(&[(0, 3.0), (10, 7.0)]);
    let query = RangeQuery { latest: Some(Sample::new(20, 1.0)), ..query(0, 100, None) };
    assert_eq!(run(&series, &query), [(0, 3.0), (10, 7.0), (20, 1.0)]);
    let reverse = RangeQuery { reverse: true, count: Some(2), ..query.clone() };
    assert_eq!(run(&series, &reverse), [(20, 1.0), (10, 7.0)]);
    assert_eq!(run(&series, &RangeQuery { to: 15, ..query }), [(0, 3.0), (10, 7.0)]);
}

/// The aggregate of a bucket's values, written down as in a textbook.
fn naive(aggregator: Aggregator, all: &[f64]) -> f64 {
    let numbers: Vec<f64> = all.iter().copied().filter(|v| !v.is_nan()).collect();
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares: f64 = numbers.iter().map(|v| (v - mean).powi(2)).sum();
    let variance = |divisor: f64| match numbers.len() {
        0 => f64::NAN,
        1 => 0.0,
        _ => squares / divisor,
    };
    let min = numbers.iter().copied().fold(f64::NAN, f64::min);
    let max = numbers.iter().copied().fold(f64::NAN, f64::max);
    match aggregator {
        Aggregator::Avg => mean,
        Aggregator::Sum => numbers.iter().sum(),
        Aggregator::Min => min,
        Aggregator::Max => max,
        Aggregator::Range => max - min,
        Aggregator::Count => n,
        Aggregator::CountNan => all.len() as f64 - n,
        Aggregator::CountAll => all.len() as f64,
        Aggregator::First => numbers.first().copied().unwrap_or(f64::NAN),
        Aggregator::Last => numbers.last().copied().unwrap_or(f64::NAN),
        Aggregator::VarP => variance(n),
        Aggregator::VarS => variance(n - 1.0),
        Aggregator::StdP => variance(n).sqrt(),
        Aggregator::StdS => variance(n - 1.0).sqrt(),
        Aggregator::Twa => unreachable!("has its own test"),
    }
}

const ORDERLESS: [Aggregator; 14] = [
    Aggregator::Avg,
    Aggregator::Sum,
    Aggregator::Min,
    Aggregator::Max,
    Aggregator::Range,
    Aggregator::Count,
    Aggregator::CountNan,
    Aggregator::CountAll,
    Aggregator::First,
    Aggregator::Last,
    Aggregator::VarP,
    Aggregator::VarS,
    Aggregator::StdP,
    Aggregator::StdS,
];

fn same(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![9 => (-1000i32..1000).prop_map(|v| f64::from(v) / 10.0), 1 => Just(f64::NAN)]
}

proptest! {
    #[test]
    fn buckets_match_a_naive_model(
        map in prop::collection::btree_map(0u64..3000, value(), 0..400),
        (from, len) in (0u64..3000, 0u64..3000),
        duration in prop_oneof![1u64..20, 50u64..5000],
        align in 0u64..6000,
        filter in prop::option::of((-50.0..0.0f64, 0.0..50.0f64)),
        count in prop::option::of(0usize..20),
        reverse: bool,
    ) {
        let to = from + len;
        let stored: Vec<_> = map.iter().map(|(&ts, &v)| (ts, v)).collect();
        let series = series(&stored);
        let passes = |v: f64| filter.is_none_or(|(min, max)| v >= min && v <= max);
        let mut expected: Vec<(u64, Vec<f64>)> = Vec::new();
        for &(ts, v) in stored.iter().filter(|s| (from..=to).contains(&s.0) && passes(s.1)) {
            let start = (0..).map(|i| (align % duration) as i64 - duration as i64 + i * duration as i64)
                .take_while(|&start| start <= ts as i64).last().unwrap().max(0) as u64;
            match expected.last_mut() {
                Some(bucket) if bucket.0 == start => bucket.1.push(v),
                _ => expected.push((start, vec![v])),
            }
        }
        if reverse {
            expected.reverse();
        }
        expected.truncate(count.unwrap_or(usize::MAX));
        let query = RangeQuery {
            filter_value: filter,
            count,
            reverse,
            ..query(from, to, Some(Aggregation { aggregators: ORDERLESS.into_iter().collect(), align, ..aggregation(Aggregator::Sum, duration) }))
        };
        let rows = query.run(&series).unwrap();
        prop_assert_eq!(rows.len(), expected.len());
        for ((ts, values), (start, bucket)) in rows.iter().zip(&expected) {
            prop_assert_eq!(ts, *start);
            for (&aggregator, &value) in ORDERLESS.iter().zip(values) {
                let model = naive(aggregator, bucket);
                prop_assert!(same(value, model), "{:?} {} {}", aggregator, value, model);
            }
        }
    }

    #[test]
    fn samples_match_a_naive_model(
        map in prop::collection::btree_map(0u64..3000, value(), 0..400),
        (from, len) in (0u64..3000, 0u64..3000),
        wanted in prop::option::of(prop::collection::btree_set(0u64..3000, 1..300)),
        count in prop::option::of(0usize..50),
        reverse: bool,
    ) {
        let stored: Vec<_> = map.iter().map(|(&ts, &v)| (ts, v)).collect();
        let mut expected: Vec<u64> = map.keys().copied()
            .filter(|ts| (from..=from + len).contains(ts) && wanted.as_ref().is_none_or(|w| w.contains(ts)))
            .collect();
        if reverse {
            expected.reverse();
        }
        expected.truncate(count.unwrap_or(usize::MAX));
        let filter_ts = wanted.map(|w| w.into_iter().collect());
        let query = RangeQuery { filter_ts, count, reverse, ..query(from, from + len, None) };
        prop_assert_eq!(query.run(&series(&stored)).unwrap().ts, expected);
    }

    #[test]
    fn reverse_is_forward_backwards(
        map in prop::collection::btree_map(0u64..500, -100.0..100.0f64, 0..60),
        (from, len) in (0u64..500, 0u64..500),
        duration in 1u64..60,
        empty: bool,
        count in 1usize..20,
    ) {
        let stored: Vec<_> = map.iter().map(|(&ts, &v)| (ts, v)).collect();
        let series = series(&stored);
        let aggregation = Aggregation { aggregators: smallvec![Aggregator::Twa, Aggregator::Last], empty, ..aggregation(Aggregator::Twa, duration) };
        let mut query = query(from, from + len, Some(aggregation));
        let forward: Vec<_> = query.run(&series).unwrap().iter().map(|(ts, v)| (ts, format!("{v:?}"))).collect();
        query.reverse = true;
        query.count = Some(count);
        let reverse: Vec<_> = query.run(&series).unwrap().iter().map(|(ts, v)| (ts, format!("{v:?}"))).collect();
        let expected: Vec<_> = forward.into_iter().rev().take(count).collect();
        prop_assert_eq!(reverse, expected);
    }
}
