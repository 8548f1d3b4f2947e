//! How large values are: for each database and type of value a histogram by powers of two, kept up
//! to date as values change.
//!
//! A change has two halves here as elsewhere: access for writing notes the value's class, and
//! [`Space::changed`], the next access to another key or the end of the critical section compares.
//! Nearly every change stays within its class, and then nothing is counted.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Entry, Place, Space, ValueRef};
use crate::rdb::{VERSION_ARRAYS, VERSION_PRODUCERS};
use crate::util::int::decimal_len;

/// Classes of sizes: 0, 1, 2 to 3, 4 to 7 and so on; the last one is open.
pub const SIZE_CLASSES: usize = 48;

/// The types of values that are counted, in the order in which INFO shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeKind {
    /// Strings, by their bytes.
    Strings,
    /// Lists, by their elements.
    Lists,
    /// Sets, by their members.
    Sets,
    /// Sorted sets, by their members.
    SortedSets,
    /// Hashes, by their fields.
    Hashes,
    /// Values that RDB can only hold since version 13, all of class 0: streams with producers.
    NeedsRdb13,
    /// The same of version 14: arrays, and streams with released entries.
    NeedsRdb14,
}

impl SizeKind {
    /// How many there are.
    pub const COUNT: usize = Self::NeedsRdb14 as usize + 1;

    /// How many of them, from the first on, INFO shows.
    pub const SHOWN: usize = Self::Hashes as usize + 1;

    /// What a stream or array counts as that needs this version of RDB.
    pub(crate) fn needing_rdb(version: u16) -> Option<Self> {
        let newer = version >= VERSION_PRODUCERS;
        newer.then_some(match version {
            VERSION_ARRAYS.. => Self::NeedsRdb14,
            _ => Self::NeedsRdb13,
        })
    }
}

/// The oldest version of RDB that can hold all values which are counted in `sizes`; 0 when each can.
/// Fields that expire are not counted here.
pub fn needed_rdb(sizes: &KeySizes) -> u16 {
    let any = |kind: SizeKind| sizes[kind as usize].iter().any(|n| *n > 0);
    match (any(SizeKind::NeedsRdb14), any(SizeKind::NeedsRdb13)) {
        (true, _) => VERSION_ARRAYS,
        (false, true) => VERSION_PRODUCERS,
        (false, false) => 0,
    }
}

/// Numbers of keys, by [`SizeKind`] and class of size.
pub type KeySizes = [[i64; SIZE_CLASSES]; SizeKind::COUNT];

/// The part of [`KeySizes`] that one thread has counted. Single figures can be negative: another
/// thread may have added the key.
pub(crate) struct SizeCounters([[AtomicI64; SIZE_CLASSES]; SizeKind::COUNT]);

impl Default for SizeCounters {
    fn default() -> Self {
        Self([const { [const { AtomicI64::new(0) }; SIZE_CLASSES] }; SizeKind::COUNT])
    }
}

impl SizeCounters {
    /// Adds to a figure that only this thread writes.
    #[inline]
    pub(crate) fn add(&self, class: SizeClass, by: i64) {
        let figure = &self.0[class.kind as usize][class.class as usize];
        figure.store(figure.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// Adds all figures to a sum.
    pub(crate) fn add_to(&self, sum: &mut KeySizes) {
        for (sum, own) in sum.iter_mut().flatten().zip(self.0.iter().flatten()) {
            *sum += own.load(Ordering::Relaxed);
        }
    }

    /// Adds the figures of a thread that has ended.
    pub(crate) fn absorb(&self, other: &Self) {
        for (own, other) in self.0.iter().flatten().zip(other.0.iter().flatten()) {
            own.store(
                own.load(Ordering::Relaxed) + other.load(Ordering::Relaxed),
                Ordering::Relaxed,
            );
        }
    }

    /// Subtracts a sum from this thread's figures.
    pub(crate) fn subtract(&self, sum: &KeySizes) {
        for (own, sum) in self.0.iter().flatten().zip(sum.iter().flatten()) {
            own.store(own.load(Ordering::Relaxed) - sum, Ordering::Relaxed);
        }
    }
}

/// Where a value is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeClass {
    kind: SizeKind,
    class: u8,
}

impl SizeClass {
    #[inline]
    fn new(kind: SizeKind, size: usize) -> Self {
        let class = (usize::BITS - size.leading_zeros()) as usize;
        Self { kind, class: class.min(SIZE_CLASSES - 1) as u8 }
    }

    /// That of an entry; `None` for types that are not counted.
    #[inline]
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match entry.value() {
            ValueRef::Bytes(bytes) => Some(Self::new(SizeKind::Strings, bytes.len())),
            ValueRef::Int(n) => Some(Self::new(SizeKind::Strings, decimal_len(n))),
            ValueRef::Object(object) => {
                let (kind, size) = object.counted_size()?;
                Some(Self::new(kind, size))
            }
        }
    }
}

/// Counts an entry in `sizes`, for those who compare with what was counted as values changed.
#[cfg(test)]
pub(crate) fn tally(entry: &Entry, sizes: &mut KeySizes) {
    if let Some(SizeClass { kind, class }) = SizeClass::of(entry) {
        sizes[kind as usize][class as usize] += 1;
    }
}

/// The value that was last accessed for writing, as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    physical: usize,
    place: Place,
    class: Option<SizeClass>,
}

impl Noted {
    #[inline]
    pub(super) fn of(physical: usize, place: Place, entry: &Entry) -> Self {
        Self { physical, place, class: SizeClass::of(entry) }
    }

    #[inline]
    pub(super) fn is_at(&self, physical: usize, place: Place) -> bool {
        self.place == place && self.physical == physical
    }
}

impl Space<'_> {
    /// Counts an entry of the selected database that has come or gone.
    #[inline]
    pub(super) fn count_size(&self, class: Option<SizeClass>, by: i64) {
        self.shift_size(self.physical(), class, by);
    }

    /// Counts a value of the selected database that has taken another's place.
    #[inline]
    pub(super) fn count_resized(&self, before: Option<SizeClass>, after: Option<SizeClass>) {
        if before != after {
            self.count_size(before, -1);
            self.count_size(after, 1);
        }
    }

    #[inline]
    fn shift_size(&self, physical: usize, class: Option<SizeClass>, by: i64) {
        if let Some(class) = class {
            self.worker().counters.size(physical, class, by);
        }
    }

    /// Counts a change of size of the value that was last accessed for writing, if there was one.
    /// From here on every value is counted as it stands.
    #[inline]
    pub(crate) fn settle_size(&mut self) {
        if let Some(noted) = self.noted.take() {
            self.compare_size(noted);
        }
    }

    /// As [`Space::settle_size`], for a value that now has so many elements: it need not be looked
    /// up again. It must be the one that was last accessed for writing.
    #[inline]
    pub(crate) fn settle_size_at(&mut self, elements: usize) {
        if let Some(Noted { physical, class: Some(before), .. }) = self.noted.take() {
            let after = SizeClass::new(before.kind, elements);
            if before != after {
                self.shift_size(physical, Some(before), -1);
                self.shift_size(physical, Some(after), 1);
            }
        }
    }

    fn compare_size(&self, noted: Noted) {
        let (keyspace, Place { shard, hash }) = (&self.engine().keyspace, noted.place);
        let entry = self.shard(shard).db(noted.physical);
        let entry = entry.and_then(|db| db.table.find(hash, |e| keyspace.hash(e.key()) == hash));
        let class = entry.and_then(SizeClass::of);
        if class != noted.class {
            self.shift_size(noted.physical, noted.class, -1);
            self.shift_size(noted.physical, class, 1);
        }
    }

    /// Forgets what the selected database held, of which nothing is left. All shards are held.
    pub(super) fn clear_sizes(&mut self) {
        self.noted = None;
        let physical = self.physical();
        let sum = self.engine().sizes_of(physical);
        self.worker().counters.clear_sizes(physical, &sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bed;

    fn class(bed: &Bed, db: usize, kind: SizeKind) -> Vec<(usize, i64)> {
        let sizes = bed.engine.db_sizes(db)[kind as usize];
        sizes.into_iter().enumerate().filter(|(_, n)| *n > 0).collect()
    }

    // The test bed compares the figures with the values after each command of every test.
    #[test]
    fn values_are_counted_by_powers_of_two_of_their_size() {
        let mut bed = Bed::new();
        bed.check("SET a x\nSET n -12\nSET c 123456789\nAPPEND e abcd\nSETRANGE e 0 wxyz");
        assert_eq!(class(&bed, 0, SizeKind::Strings), [(1, 1), (2, 1), (3, 1), (4, 1)]);
        bed.check("RPUSH l 1 2 3 4\nLPOP l\nSELECT 3\nRPUSH l x\nHSET h f v g w\nHDEL h f");
        assert_eq!(class(&bed, 0, SizeKind::Lists), [(2, 1)]);
        assert_eq!(class(&bed, 3, SizeKind::Hashes), [(1, 1)]);
        bed.check("SWAPDB 0 3\nFLUSHDB");
        assert_eq!(class(&bed, 0, SizeKind::Lists), [(1, 1)]);
        assert!(bed.engine.db_sizes(3).iter().flatten().all(|n| *n == 0));
    }
}
