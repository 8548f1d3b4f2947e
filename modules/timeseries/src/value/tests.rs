use std::collections::BTreeMap;

use super::*;
use crate::aggregate::Aggregator;
use crate::query::{Aggregation, BucketTimestamp, RangeQuery};
use proptest::prelude::*;
use smallvec::smallvec;

/// A source and the destination of its only rule.
struct Pair {
    source: TimeSeries,
    destination: TimeSeries,
}

impl Pair {
    fn new(aggregator: Aggregator, duration: u64, align: u64) -> Self {
        let mut source = TimeSeries::new(Options::default(), Vec::new());
        assert!(source.add_rule(Rule::new(b"d", aggregator, duration, align)));
        let destination = TimeSeries { source: Some((*b"s").into()), ..TimeSeries::default() };
        Self { source, destination }
    }

    fn add(&mut self, ts: u64, value: f64) {
        let mut effects = Vec::new();
        let last = DuplicatePolicy::Last;
        self.source.add(Sample::new(ts, value), None, last, &mut effects).unwrap();
        self.carry_out(effects);
    }

    fn delete(&mut self, from: u64, to: u64) {
        let mut effects = Vec::new();
        self.source.delete_range(from, to, &mut effects);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<RuleEffect>) {
        for (rule, effect) in effects {
            assert_eq!(rule, 0);
            self.destination.apply(effect, &mut Vec::new());
        }
    }

    fn stored(&self) -> Vec<(u64, f64)> {
        self.ask(None)
    }

    fn with_latest(&self) -> Vec<(u64, f64)> {
        self.ask(self.source.rules()[0].latest())
    }

    fn ask(&self, latest: Option<Sample>) -> Vec<(u64, f64)> {
        let query = RangeQuery { to: u64::MAX, latest, ..RangeQuery::default() };
        rows(&query, self.destination.series())
    }
}

fn rows(query: &RangeQuery, series: &Series) -> Vec<(u64, f64)> {
    query.run(series).unwrap().iter().map(|(ts, values)| (ts, values[0])).collect()
}

#[test]
fn closed_buckets_are_stored_and_the_open_one_is_latest() {
    let mut pair = Pair::new(Aggregator::Sum, 10, 0);
    for (ts, value) in [(1, 1.0), (5, 2.0), (12, 3.0), (17, 4.0)] {
        pair.add(ts, value);
    }
    assert_eq!(pair.stored(), [(0, 3.0)]);
    assert_eq!(pair.with_latest(), [(0, 3.0), (10, 7.0)]);
    pair.add(3, 10.0);
    pair.add(11, 10.0);
    assert_eq!(pair.with_latest(), [(0, 13.0), (10, 17.0)]);
    pair.add(45, 1.0);
    pair.add(45, 5.0);
    pair.add(33, 5.0);
    assert_eq!(pair.with_latest(), [(0, 13.0), (10, 17.0), (30, 5.0), (40, 5.0)]);
    pair.delete(0, 12);
    assert_eq!(pair.with_latest(), [(10, 4.0), (30, 5.0), (40, 5.0)]);
    pair.delete(40, 50);
    assert_eq!(pair.with_latest(), [(10, 4.0), (30, 5.0)]);
    pair.add(38, 1.0);
    pair.add(51, 1.0);
    assert_eq!(pair.stored(), [(10, 4.0), (30, 6.0)]);
}

#[test]
fn samples_from_before_the_rule_do_not_count() {
    let mut pair = Pair::new(Aggregator::Sum, 10, 0);
    let rule = pair.source.rules()[0].clone();
    pair.source.remove_rule(b"d");
    pair.add(1, 100.0);
    pair.source.add_rule(rule);
    pair.add(5, 2.0);
    pair.add(12, 3.0);
    assert_eq!(pair.stored(), [(0, 2.0)]);
}

#[test]
fn rules_can_be_chained() {
    let mut first = Pair::new(Aggregator::Sum, 10, 0);
    first.destination.add_rule(Rule::new(b"e", Aggregator::Max, 100, 0));
    let mut end = TimeSeries::default();
    for i in 0..50u64 {
        let (mut effects, mut chained) = (Vec::new(), Vec::new());
        let sample = Sample::new(i * 5, i as f64);
        first.source.add(sample, None, DuplicatePolicy::Last, &mut effects).unwrap();
        effects.iter().for_each(|(_, effect)| first.destination.apply(*effect, &mut chained));
        chained.iter().for_each(|(_, effect)| end.apply(*effect, &mut Vec::new()));
    }
    let query = RangeQuery { to: u64::MAX, ..RangeQuery::default() };
    assert_eq!(rows(&query, end.series()), [(0, 18.0 + 19.0), (100, 38.0 + 39.0)]);
}

#[derive(Clone, Debug)]
enum Op {
    Next(u64),
    At(u64),
    Delete(u64, u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (1u64..15).prop_map(Op::Next),
        3 => (0u64..300).prop_map(Op::At),
        1 => (0u64..300, 0u64..60).prop_map(|(from, len)| Op::Delete(from, from + len)),
    ]
}

proptest! {
    /// After any sequence of changes, stored and open buckets are those of a query on the source.
    #[test]
    fn compactions_match_a_query(
        ops in prop::collection::vec(op(), 1..80),
        duration in 1u64..40,
        align in 0u64..40,
        aggregator in prop::sample::select(vec![Aggregator::Sum, Aggregator::Twa, Aggregator::First, Aggregator::StdP]),
    ) {
        let mut pair = Pair::new(aggregator, duration, align);
        let mut model = BTreeMap::new();
        for (i, op) in ops.into_iter().enumerate() {
            match op {
                Op::Next(gap) => {
                    let ts = pair.source.series().last().map_or(0, |s| s.ts) + gap;
                    pair.add(ts, i as f64);
                    model.insert(ts, i as f64);
                }
                Op::At(ts) => {
                    pair.add(ts, i as f64);
                    model.insert(ts, i as f64);
                }
                Op::Delete(from, to) => {
                    pair.delete(from, to);
                    model.retain(|ts, _| !(from..=to).contains(ts));
                }
            }
        }
        let aggregation = Aggregation { aggregators: smallvec![aggregator], duration, align, timestamp: BucketTimestamp::Start, empty: false };
        let query = RangeQuery { to: u64::MAX, aggregation: Some(aggregation), ..RangeQuery::default() };
        let expected = rows(&query, pair.source.series());
        let found = pair.with_latest();
        prop_assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(&expected) {
            prop_assert!(f.0 == e.0 && (f.1 - e.1).abs() < 1e-9, "{:?} {:?}", found, expected);
        }
        prop_assert_eq!(pair.source.series().len(), model.len());
    }
}
