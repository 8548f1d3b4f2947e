//! GROUPBY … REDUCE: several series' rows become one.

use crate::aggregate::Aggregator;
use crate::bucket::Window;
use crate::query::Rows;
use crate::sample::Timestamp;

/// Puts rows of one value together: at each timestamp that occurs, the values of all series that
/// have it are reduced to one. Timestamps descend in the result if `reverse`, else ascend; they may
/// come in either order.
pub fn reduce(group: &[Rows], reducer: Aggregator, reverse: bool) -> Rows {
    let mut all: Vec<(Timestamp, f64)> = Vec::with_capacity(group.iter().map(Rows::len).sum());
    for rows in group {
        all.extend(rows.iter().filter_map(|(ts, values)| Some((ts, *values.first()?))));
    }
    // Stable, so that values of one timestamp are reduced in the order of their series.
    all.sort_by_key(|(ts, _)| *ts);
    let mut out = Rows::new(1);
    let mut values = Vec::new();
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        values.clear();
        values.extend(same.iter().map(|(_, value)| *value));
        out.ts.push(same[0].0);
        out.values.push(reduce_values(&values, reducer));
    }
    if reverse {
        out.ts.reverse();
        out.values.reverse();
    }
    out
}

fn reduce_values(values: &[f64], reducer: Aggregator) -> f64 {
    let window = Window { from: 0, to: 0 };
    let mut accumulator = reducer.accumulator();
    accumulator.open(window, None);
    accumulator.feed(&[], values);
    let none = values.iter().all(|value| value.is_nan());
    match reducer {
        Aggregator::Sum | Aggregator::Count if none => f64::NAN,
        _ => accumulator.close(window, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(samples: &[(u64, f64)]) -> Rows {
        let mut rows = Rows::new(1);
        rows.ts.extend(samples.iter().map(|s| s.0));
        rows.values.extend(samples.iter().map(|s| s.1));
        rows
    }

    #[test]
    fn groups_reduce_by_timestamp() {
        let group = [rows(&[(1, 1.0), (2, 2.0), (5, 7.0)]), rows(&[(1, 5.0), (3, 2.0)])];
        let sums = reduce(&group, Aggregator::Sum, false);
        assert_eq!(sums, rows(&[(1, 6.0), (2, 2.0), (3, 2.0), (5, 7.0)]));
        let ranges = reduce(&group, Aggregator::Range, true);
        assert_eq!(ranges, rows(&[(5, 0.0), (3, 0.0), (2, 0.0), (1, 4.0)]));
        let deviations = reduce(&group, Aggregator::StdS, false);
        assert_eq!(deviations.values, [2.8284271247461903, 0.0, 0.0, 0.0]);
        for reducer in [Aggregator::Sum, Aggregator::Count, Aggregator::Min] {
            assert!(reduce(&[rows(&[(1, f64::NAN)])], reducer, false).values[0].is_nan());
        }
    }
}
