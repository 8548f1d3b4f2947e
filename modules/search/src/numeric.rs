//! The range index of a NUMERIC field: ordered buckets of `(value, document)` pairs.
//!
//! Buckets are shared with snapshots; a writer copies a bucket only while a query holds it.

use crate::number::{Number, Range};
use std::sync::Arc;

/// Pairs a bucket holds at most; one that grows beyond is split in the middle.
pub const BUCKET_LEN: usize = 1024;

/// Different values from which RediSearch splits a numeric range.
const SPLIT_VALUES: usize = 16;

/// Pairs that are looked at to find so many.
const SPLIT_SAMPLE: usize = 4096;

/// A run of pairs in order; never empty.
#[derive(Debug, Clone)]
pub struct Bucket {
    pairs: Vec<(Number, u32)>,
}

impl Bucket {
    /// The pairs, ascending by value, then by document.
    pub fn pairs(&self) -> &[(Number, u32)] {
        &self.pairs
    }
}

/// All values of a field in order.
#[derive(Debug, Clone, Default)]
pub struct NumericIndex {
    buckets: Vec<Arc<Bucket>>,
    len: usize,
    /// Some document had several values.
    has_many: bool,
}

impl NumericIndex {
    /// Adds a value of a document.
    pub fn insert(&mut self, value: Number, doc: u32) {
        self.len += 1;
        let pair = (value, doc);
        let at = self.buckets.partition_point(|b| b.pairs.first().is_some_and(|&p| p <= pair));
        let at = at.saturating_sub(1);
        let Some(bucket) = self.buckets.get_mut(at) else {
            self.buckets.push(Arc::new(Bucket { pairs: vec![pair] }));
            return;
        };
        let bucket = Arc::make_mut(bucket);
        let place = bucket.pairs.partition_point(|&p| p < pair);
        bucket.pairs.insert(place, pair);
        if bucket.pairs.len() > BUCKET_LEN {
            let upper = bucket.pairs.split_off(BUCKET_LEN / 2);
            bucket.pairs.shrink_to_fit();
            self.buckets.insert(at + 1, Arc::new(Bucket { pairs: upper }));
        }
    }

    /// Notes that a document has several values.
    pub fn note_many(&mut self) {
        self.has_many = true;
    }

    /// Values in the index, those of dead documents included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buckets that may hold values of `range`.
    pub fn range(&self, range: &Range) -> NumericRange {
        let from =
            self.buckets.partition_point(|b| b.pairs.last().is_some_and(|p| range.is_above(p.0)));
        let rest = &self.buckets[from..];
        let count = rest.partition_point(|b| b.pairs.first().is_some_and(|p| !range.is_below(p.0)));
        NumericRange {
            buckets: rest[..count].to_vec(),
            range: *range,
            is_split: self.is_split(),
            is_single: !self.has_many,
        }
    }

    /// Whether there are so many different values that RediSearch would hold them in several
    /// ranges; its scores by distance depend on that.
    fn is_split(&self) -> bool {
        let pairs = self.buckets.iter().flat_map(|b| &b.pairs).take(SPLIT_SAMPLE);
        let mut values: Vec<Number> = pairs.map(|p| p.0).collect();
        values.dedup();
        values.len() > SPLIT_VALUES
    }

    /// Number of buckets, the steps of a collection.
    pub fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// Drops the pairs of dead documents from a bucket. An emptied bucket keeps one of them, so
    /// that the order of buckets stays known, until [`NumericIndex::drop_dead_buckets`].
    pub fn collect(&mut self, at: usize, is_dead: &impl Fn(u32) -> bool) -> usize {
        let Some(bucket) = self.buckets.get_mut(at) else { return 0 };
        if !bucket.pairs.iter().any(|p| is_dead(p.1)) {
            return 0;
        }
        let before = bucket.pairs.len();
        let mut kept: Vec<_> = bucket.pairs.iter().copied().filter(|p| !is_dead(p.1)).collect();
        if kept.is_empty() {
            kept.extend(bucket.pairs.first());
        }
        let dropped = before - kept.len();
        *bucket = Arc::new(Bucket { pairs: kept });
        self.len -= dropped;
        dropped
    }

    /// Removes the buckets whose single pair is dead.
    pub fn drop_dead_buckets(&mut self, is_dead: &impl Fn(u32) -> bool) {
        let dead = |b: &Arc<Bucket>| b.pairs.len() == 1 && is_dead(b.pairs[0].1);
        let before = self.buckets.len();
        self.buckets.retain(|b| !dead(b));
        self.len -= before - self.buckets.len();
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        let pair = size_of::<(Number, u32)>();
        let bucket = |b: &Arc<Bucket>| b.pairs.capacity() * pair + size_of::<Bucket>() + 16;
        self.buckets.iter().map(bucket).sum::<usize>() + self.buckets.capacity() * 8
    }
}

/// The values of a range, as they were when it was taken.
#[derive(Debug, Clone)]
pub struct NumericRange {
    buckets: Vec<Arc<Bucket>>,
    range: Range,
    is_split: bool,
    is_single: bool,
}

impl NumericRange {
    /// The interval asked for.
    pub fn range(&self) -> &Range {
        &self.range
    }

    /// Whether every document has at most one value in the field.
    pub fn is_single(&self) -> bool {
        self.is_single
    }

    /// Whether RediSearch would read the range from several parts.
    pub fn is_split(&self) -> bool {
        self.is_split
    }

    /// Values in the range, those of dead documents included.
    pub fn estimate(&self) -> usize {
        self.slices().map(<[_]>::len).sum()
    }

    /// The pairs in the range, by buckets, ascending.
    pub fn slices(&self) -> impl DoubleEndedIterator<Item = &[(Number, u32)]> {
        self.buckets.iter().map(|b| {
            let from = b.pairs.partition_point(|p| self.range.is_above(p.0));
            let to = b.pairs.partition_point(|p| !self.range.is_below(p.0));
            b.pairs.get(from..to).unwrap_or(&[])
        })
    }

    /// The documents in the range, in order of their values.
    pub fn docs(&self) -> impl Iterator<Item = u32> + '_ {
        self.slices().flatten().map(|p| p.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn ranges_and_collection(values in prop::collection::vec(-50i64..50, 0..4000), min in -60i64..60, span in 0i64..60, ends in any::<(bool, bool)>(), dead in 2u32..4) {
            let mut index = NumericIndex::default();
            let mut model = BTreeSet::new();
            for (doc, &value) in values.iter().enumerate() {
                index.insert(Number::from_i64(value), doc as u32);
                model.insert((value, doc as u32));
            }
            let n = Number::from_i64;
            let range = Range { min_inclusive: ends.0, max_inclusive: ends.1, ..Range::closed(n(min), n(min + span)) };
            let docs = |model: &BTreeSet<(i64, u32)>| -> Vec<u32> {
                model.iter().filter(|(v, _)| range.contains(n(*v))).map(|p| p.1).collect()
            };
            prop_assert_eq!(index.range(&range).docs().collect::<Vec<_>>(), docs(&model));
            let is_dead = |doc: u32| doc.is_multiple_of(dead);
            for at in 0..index.bucket_count() {
                index.collect(at, &is_dead);
            }
            index.drop_dead_buckets(&is_dead);
            model.retain(|p| !is_dead(p.1));
            prop_assert_eq!(index.len(), model.len());
            prop_assert_eq!(index.range(&range).docs().collect::<Vec<_>>(), docs(&model));
        }
    }
}
