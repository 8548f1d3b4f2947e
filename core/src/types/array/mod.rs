//! Arrays: strings by index, sparse, with a cursor at which values are inserted one after the
//! other.
//!
//! Indexes are grouped into slices of [`SLICE`] that exist once they hold something. A slice is a
//! short sorted list at first and a table of all its places when that fills up.

mod object;
mod slice;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use object::ARRAY;
pub use slice::Form;
use slice::Slice;

/// Indexes of a slice.
pub const SLICE: u64 = 4096;

/// The greatest index; so the length always fits.
pub const MAX_INDEX: u64 = u64::MAX - 1;

/// An array.
#[derive(Clone, Default)]
pub struct Array {
    /// Shared with a copy that is being saved, until they change.
    slices: BTreeMap<u64, Arc<Slice>>,
    count: u64,
    /// Where the next value is inserted; above [`MAX_INDEX`] once there is no more room.
    next: u64,
}

impl Array {
    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The greatest index with a value, plus one.
    pub fn len(&self) -> u64 {
        let last = self.slices.last_key_value();
        last.and_then(|(number, slice)| Some(number * SLICE + slice.last()? + 1)).unwrap_or(0)
    }

    /// Where the next value is inserted; `None` when there is no more room.
    pub fn next_index(&self) -> Option<u64> {
        (self.next <= MAX_INDEX).then_some(self.next)
    }

    /// Sets where the next value is inserted.
    pub fn seek(&mut self, index: u64) {
        self.next = index;
    }

    /// The value of an index.
    pub fn get(&self, index: u64) -> Option<&[u8]> {
        self.slices.get(&(index / SLICE))?.get(index % SLICE)
    }

    /// Sets the value of an index, at most [`MAX_INDEX`]; whether there was none before.
    pub fn set(&mut self, index: u64, value: &[u8]) -> bool {
        let slice = Arc::make_mut(self.slices.entry(index / SLICE).or_default());
        let is_new = slice.set(index % SLICE, value);
        self.count += u64::from(is_new);
        is_new
    }

    /// Removes the value of an index; whether there was one.
    pub fn remove(&mut self, index: u64) -> bool {
        self.remove_range(index, index) != 0
    }

    /// Removes the values of these indexes, inclusive; how many there were.
    pub fn remove_range(&mut self, start: u64, end: u64) -> u64 {
        let touched: Vec<u64> = self.numbers(start, end).collect();
        let mut removed = 0;
        for number in touched {
            let Some(slice) = self.slices.get_mut(&number) else { continue };
            let (from, to) = within(number, start, end);
            removed += Arc::make_mut(slice).remove_range(from, to);
            if slice.used() == 0 {
                self.slices.remove(&number);
            }
        }
        self.count -= removed;
        removed
    }

    /// The numbers of the slices that hold any of these indexes.
    fn numbers(&self, start: u64, end: u64) -> impl DoubleEndedIterator<Item = u64> {
        let range = (start <= end).then(|| self.slices.range(start / SLICE..=end / SLICE));
        range.into_iter().flatten().map(|(number, _)| *number)
    }

    /// Calls `visit` for the values of these indexes, inclusive and in ascending order, until it
    /// answers false.
    pub fn scan<'a>(&'a self, start: u64, end: u64, mut visit: impl FnMut(u64, &'a [u8]) -> bool) {
        for number in self.numbers(start, end) {
            let Some(slice) = self.slices.get(&number) else { continue };
            let (from, to) = within(number, start, end);
            if !slice.scan(from, to, |at, value| visit(number * SLICE + at, value)) {
                return;
            }
        }
    }

    /// As [`Array::scan`], in descending order.
    pub fn scan_back<'a>(
        &'a self,
        start: u64,
        end: u64,
        mut visit: impl FnMut(u64, &'a [u8]) -> bool,
    ) {
        for number in self.numbers(start, end).rev() {
            let Some(slice) = self.slices.get(&number) else { continue };
            let (from, to) = within(number, start, end);
            if !slice.scan_back(from, to, |at, value| visit(number * SLICE + at, value)) {
                return;
            }
        }
    }

    /// Inserts values one after the other and returns the last one's index; `None`, and nothing is
    /// done, if there is no room for all.
    pub fn insert(&mut self, values: &[&[u8]]) -> Option<u64> {
        let last = self.next.checked_add(values.len() as u64)?.checked_sub(1)?;
        if last > MAX_INDEX {
            return None;
        }
        for value in values {
            self.set(self.next, value);
            self.next += 1;
        }
        Some(last)
    }

    /// Inserts values into the first `size` indexes, over and over again, and returns the last
    /// one's index. Whatever is behind them is removed.
    pub fn insert_ring(&mut self, size: u64, values: &[&[u8]]) -> u64 {
        self.remove_range(size, u64::MAX);
        let mut last = 0;
        for value in values {
            last = self.next % size;
            self.set(last, value);
            self.next = last + 1;
        }
        last
    }

    /// The `count` values that were inserted last, the latest first: those before the cursor, and
    /// then, as in a ring, those at the end.
    pub fn latest(&self, count: usize) -> Vec<Option<&[u8]>> {
        let len = self.len();
        let count = count.min(usize::try_from(self.count).unwrap_or(usize::MAX));
        let mut at = self.next.min(len);
        let mut found = Vec::with_capacity(count);
        for _ in 0..count {
            at = if at == 0 { len } else { at }.saturating_sub(1);
            found.push(self.get(at));
        }
        found
    }

    /// The forms of the slices: dense or sparse, places allocated and used.
    pub fn forms(&self) -> impl ExactSizeIterator<Item = Form> {
        self.slices.values().map(|slice| slice.form())
    }
}

/// The part of a range that lies in a slice, from the slice's beginning.
fn within(number: u64, start: u64, end: u64) -> (u64, u64) {
    let from = start.saturating_sub(number * SLICE);
    (from, (end - number * SLICE).min(SLICE - 1))
}
