//! Orders of hits by a column's values.

use crate::docs::DocsView;
use crate::numeric::NumericRange;
use std::cmp::Ordering;

/// Orders two documents by their keys, then by id, both turned round when descending. Documents
/// without a key go last.
pub fn order<K: Ord>(descending: bool, a: &(Option<K>, u32), b: &(Option<K>, u32)) -> Ordering {
    match (&a.0, &b.0) {
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (x, y) if descending => (y, b.1).cmp(&(x, a.1)),
        (x, y) => (x, a.1).cmp(&(y, b.1)),
    }
}

/// The first documents of a range in the order of its values, which its index has already: no
/// document may have several values. Returns the number of living documents in the range, too.
pub fn range_in_order(
    range: &NumericRange,
    docs: &DocsView,
    descending: bool,
    keep: usize,
) -> (u64, Vec<u32>) {
    let is_alive = |pair: &(crate::number::Number, u32)| docs.is_alive(pair.1);
    let total = if docs.all_alive(0, docs.end().saturating_sub(1)) {
        range.slices().map(|s| s.len() as u64).sum()
    } else {
        range.slices().map(|s| s.iter().filter(|p| is_alive(p)).count() as u64).sum()
    };
    let first: Vec<u32> = if descending {
        let pairs = range.slices().rev().flat_map(|s| s.iter().rev());
        pairs.filter(|p| is_alive(p)).take(keep).map(|p| p.1).collect()
    } else {
        let pairs = range.slices().flatten();
        pairs.filter(|p| is_alive(p)).take(keep).map(|p| p.1).collect()
    };
    (total, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_go_last() {
        let mut items = [(Some(2), 1), (None, 2), (Some(1), 3), (Some(1), 4), (None, 5)];
        items.sort_by(|a, b| order(false, a, b));
        assert_eq!(items.iter().map(|i| i.1).collect::<Vec<_>>(), [3, 4, 1, 2, 5]);
        items.sort_by(|a, b| order(true, a, b));
        assert_eq!(items.iter().map(|i| i.1).collect::<Vec<_>>(), [1, 4, 3, 5, 2]);
    }
}
