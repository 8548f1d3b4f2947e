//! Buckets of time: where they start and end.

use crate::sample::Timestamp;

/// A bucket: where it starts (not before 0) and where the next one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The first timestamp in the bucket.
    pub start: Timestamp,
    /// The first timestamp after it.
    pub end: Timestamp,
}

impl Bucket {
    /// The bucket that `ts` belongs to, among buckets of `duration` milliseconds (0 counts as 1) of
    /// which one starts at `align`.
    pub fn of(ts: Timestamp, duration: u64, align: Timestamp) -> Self {
        let duration = i128::from(duration.max(1));
        let start = i128::from(ts) - (i128::from(ts) - i128::from(align)).rem_euclid(duration);
        let clamp = |t: i128| t.clamp(0, i128::from(u64::MAX)) as u64;
        Self { start: clamp(start), end: clamp(start + duration) }
    }

    /// Whether `ts` lies in the bucket.
    pub fn contains(&self, ts: Timestamp) -> bool {
        (self.start..self.end).contains(&ts)
    }

    /// The last timestamp in the bucket.
    pub fn last(&self) -> Timestamp {
        self.end.saturating_sub(1).max(self.start)
    }

    /// The whole bucket as a window.
    pub fn window(&self) -> Window {
        Window { from: self.start, to: self.end }
    }
}

/// The part of a bucket that a query covers, both ends included.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The bucket's start, or the query's if that is later.
    pub from: Timestamp,
    /// The bucket's end (the start of the next bucket), or the query's if that is earlier.
    pub to: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_align() {
        assert_eq!(Bucket::of(25, 10, 3), Bucket { start: 23, end: 33 });
        assert_eq!(Bucket::of(25, 10, 103), Bucket { start: 23, end: 33 });
        assert_eq!(Bucket::of(2, 10, 3), Bucket { start: 0, end: 3 });
        assert_eq!(Bucket::of(5, 0, 0), Bucket { start: 5, end: 6 });
        assert_eq!(Bucket::of(u64::MAX, u64::MAX, 1).end, u64::MAX);
    }
}
