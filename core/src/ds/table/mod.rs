//! A hash table that grows and shrinks in bounded steps.
//!
//! Extendible hashing (Fagin, Nievergelt, Pippenger and Strong, 1979) over segments in the style
//! of Swiss tables: a directory, indexed by the top bits of a hash, points to segments of a few
//! hundred elements, each one allocation. A full segment becomes larger, or splits in two by the
//! next bit of the hash; a sparse one becomes smaller, or merges with the neighbour that it once
//! split from. So no operation moves more than a segment's elements, except that the directory
//! (sixteen bytes for some hundred elements) is copied when it doubles or halves.
//!
//! Hashes come from the caller and must be evenly spread and secret from whoever chooses the
//! keys ([`super::hash`]). Should many of them be equal all the same, segments grow beyond their
//! usual size instead of splitting for ever.
//!
//! The order of elements in memory is the order of the top [`CURSOR_BITS`] bits of their hashes,
//! as far as groups of some fourteen slots go; [`Table::scan`] rests on that.
#![allow(unsafe_code)]

mod group;
mod iter;
mod segment;
#[cfg(test)]
mod tests;

pub use iter::{IntoIter, Iter, IterMut};

use std::ptr::NonNull;

use super::hash::split_mix;
use segment::{FULL_GROUP_BITS, MOST_SLOTS, Place, Segment, Shape};

/// Bits of a scan cursor, which is a position among the top bits of hashes.
pub const CURSOR_BITS: u32 = 48;

/// The directory doubles only while it has at least this many elements an entry, which evenly
/// spread hashes always exceed.
const LEAST_ELEMENTS_PER_ENTRY: usize = 32;

/// Two neighbours merge when they have at most this many elements together, well below what makes
/// a segment split.
const MERGE_LIMIT: usize = ((MOST_SLOTS as usize) << FULL_GROUP_BITS) * 5 / 8;

/// Attempts of [`Table::random`] at an exactly uniform choice.
const RANDOM_ATTEMPTS: usize = 256;

/// A hash table of elements whose hashes the caller computes. See the module's page.
///
/// Every `hasher` passed to one table must be the same function, and give the hash that the
/// element was inserted with; otherwise elements are not found again (but memory stays sound).
pub struct Table<T> {
    /// `1 << directory_bits` entries, or none while the table is empty. An entry is repeated for
    /// all values of the bits beyond its segment's depth; the first of them holds its length.
    directory: Vec<Segment<T>>,
    directory_bits: u8,
    len: usize,
    /// Bytes allocated for segments.
    segment_bytes: usize,
    /// Distinct segments in the directory.
    segments: usize,
    /// Segments whose depth is `directory_bits`.
    deepest: usize,
}

// SAFETY: a table owns its elements, like a Vec; handles of its segments never leave it.
unsafe impl<T: Send> Send for Table<T> {}
// SAFETY: as above; a shared table gives out only shared references.
unsafe impl<T: Sync> Sync for Table<T> {}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    /// An empty table, which owns no memory.
    pub const fn new() -> Self {
        Table {
            directory: Vec::new(),
            directory_bits: 0,
            len: 0,
            segment_bytes: 0,
            segments: 0,
            deepest: 0,
        }
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the table has allocated, without what its elements point to.
    pub fn memory(&self) -> usize {
        self.segment_bytes + self.directory.capacity() * size_of::<Segment<T>>()
    }

    /// The element with this hash for which `eq` holds.
    #[inline]
    pub fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        let (segment, place) = self.locate(hash, eq)?;
        // SAFETY: `locate` names an element, which is borrowed as the table is.
        Some(unsafe { segment.slot(place).as_ref() })
    }

    /// As [`Table::find`], for changing the element, though not its hash.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let (segment, place) = self.locate(hash, eq)?;
        // SAFETY: `locate` names an element, which is borrowed as the table is.
        Some(unsafe { segment.slot(place).as_mut() })
    }

    /// Adds an element that is known not to be there.
    #[inline]
    pub fn insert_unique(&mut self, hash: u64, element: T, hasher: impl Fn(&T) -> u64) -> &mut T {
        let first = self.segment_with_room(hash, &hasher);
        let segment = &mut self.directory[first];
        segment.len += 1;
        self.len += 1;
        // SAFETY: the segment has fewer elements than its limit, so a free slot; it is ours alone.
        unsafe {
            let mut slot = segment.claim(hash);
            slot.write(element);
            slot.as_mut()
        }
    }

    /// The element with this hash for which `eq` holds, or else the one that `make` gives, which
    /// must have this hash; and whether it was added.
    #[inline]
    pub fn find_or_insert(
        &mut self,
        hash: u64,
        eq: impl FnMut(&T) -> bool,
        hasher: impl Fn(&T) -> u64,
        make: impl FnOnce() -> T,
    ) -> (&mut T, bool) {
        if let Some((segment, place)) = self.locate(hash, eq) {
            // SAFETY: `locate` names an element, which is borrowed as the table is.
            return (unsafe { segment.slot(place).as_mut() }, false);
        }
        (self.insert_unique(hash, make(), hasher), true)
    }

    /// Takes out the element with this hash for which `eq` holds. May shrink a segment, hence the
    /// hasher.
    #[inline]
    pub fn remove(
        &mut self,
        hash: u64,
        eq: impl FnMut(&T) -> bool,
        hasher: impl Fn(&T) -> u64,
    ) -> Option<T> {
        let (segment, place) = self.locate(hash, eq)?;
        // SAFETY: `place` holds an element, which is read once and its slot then freed; the
        // exclusive borrow of the table leaves no other reference.
        let element = unsafe {
            segment.release(place, hash);
            segment.slot(place).read()
        };
        let first = self.first_entry(hash);
        self.directory[first].len -= 1;
        self.len -= 1;
        if (self.directory[first].len as usize) < segment.limit() / 2 {
            self.settle(first, &hasher);
        }
        Some(element)
    }

    /// Takes out all elements; the table then owns no memory.
    pub fn clear(&mut self) {
        *self = Table::new();
    }

    /// Asks the processor to load what a search for this hash will read.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(segment) = self.entry(hash) {
            segment.prefetch(hash);
        }
    }

    /// All elements, in no order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(&self.directory, self.directory_bits, self.len)
    }

    /// All elements, in no order, for changing them, though not their hashes.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut::new(&self.directory, self.directory_bits, self.len)
    }

    /// Passes the elements of one group of hashes (about ten, at times none) to `f`, and returns
    /// the cursor to go on with: 0 once all hashes are through. A scan begins with cursor 0.
    ///
    /// The cursor is a position of [`CURSOR_BITS`] bits in the order of hashes and needs no state
    /// here: whatever is added or removed between calls, every element that is there throughout a
    /// scan is passed at least once (and at most once if the table is not changed). A cursor made
    /// up by a client does no harm.
    pub fn scan(&self, cursor: u64, hasher: impl Fn(&T) -> u64, mut f: impl FnMut(&T)) -> u64 {
        // SAFETY: the element is borrowed as the table is.
        self.scan_slots(cursor, hasher, |element| f(unsafe { element.as_ref() }))
    }

    /// As [`Table::scan`], for changing the elements, though not their hashes.
    pub fn scan_mut(
        &mut self,
        cursor: u64,
        hasher: impl Fn(&T) -> u64,
        mut f: impl FnMut(&mut T),
    ) -> u64 {
        // SAFETY: the table is borrowed exclusively, and each element is named once.
        self.scan_slots(cursor, hasher, |mut element| f(unsafe { element.as_mut() }))
    }

    fn scan_slots(
        &self,
        cursor: u64,
        hasher: impl Fn(&T) -> u64,
        mut f: impl FnMut(NonNull<T>),
    ) -> u64 {
        let cursor = cursor & ((1 << CURSOR_BITS) - 1);
        let from = cursor << (64 - CURSOR_BITS);
        let Some(segment) = self.entry(from) else { return 0 };
        segment.for_each_at_home(segment.home(from), hasher, |hash, element| {
            if hash >= from {
                f(element);
            }
        });
        segment.next_position(cursor, CURSOR_BITS) & ((1 << CURSOR_BITS) - 1)
    }

    /// An element chosen at random, uniformly unless hashes are badly spread. `random` is any
    /// random number.
    pub fn random(&self, random: u64) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        let mut state = random;
        (0..RANDOM_ATTEMPTS)
            .find_map(|_| self.random_slot(&mut state))
            .or_else(|| self.element_after(split_mix(&mut state)))
    }

    /// Draws a slot, each of the table's with the same probability; it may be free.
    fn random_slot(&self, state: &mut u64) -> Option<&T> {
        let segment = self.entry(split_mix(state))?;
        // A segment is drawn once for each of its entries: draw its slots as much more rarely.
        let entries = 1usize << (self.directory_bits - segment.depth);
        let full = match self.directory_bits {
            0 => segment.capacity(),
            _ => usize::from(MOST_SLOTS) << FULL_GROUP_BITS,
        };
        let slots = segment.capacity().max(full.saturating_mul(entries));
        let slot = ((u128::from(split_mix(state)) * slots as u128) >> 64) as usize;
        if slot >= segment.capacity() {
            return None;
        }
        // SAFETY: `nth_slot` names an element, which is borrowed as the table is.
        segment.nth_slot(slot).map(|element| unsafe { element.as_ref() })
    }

    /// An element at or after this position of the hash order, around its end.
    fn element_after(&self, hash: u64) -> Option<&T> {
        let start = self.first_entry(hash);
        let (before, after) = self.directory.split_at(start);
        let element = after.iter().chain(before).find_map(|segment| segment.elements().next())?;
        // SAFETY: `elements` names elements, which are borrowed as the table is.
        Some(unsafe { element.as_ref() })
    }

    #[inline(always)]
    fn entry_index(&self, hash: u64) -> usize {
        let shift = 64 - u32::from(self.directory_bits);
        hash.wrapping_shr(shift) as usize & self.directory.len().wrapping_sub(1)
    }

    #[inline(always)]
    fn entry(&self, hash: u64) -> Option<&Segment<T>> {
        self.directory.get(self.entry_index(hash))
    }

    #[inline(always)]
    fn locate(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<(Segment<T>, Place)> {
        let segment = *self.entry(hash)?;
        let place = segment.find(hash, eq)?;
        Some((segment, place))
    }

    /// Index of the first entry of the segment that this hash belongs to.
    #[inline(always)]
    fn first_entry(&self, hash: u64) -> usize {
        let index = self.entry_index(hash);
        let Some(segment) = self.directory.get(index) else { return 0 };
        let repeated = self.directory_bits - segment.depth;
        index >> repeated << repeated
    }

    /// Makes room for one element of this hash and returns its segment's first entry.
    #[inline(always)]
    fn segment_with_room(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> usize {
        loop {
            let first = self.first_entry(hash);
            match self.directory.get(first) {
                Some(segment) if (segment.len as usize) < segment.limit() => return first,
                _ => self.make_room(first, hasher),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, first: usize, hasher: &impl Fn(&T) -> u64) {
        let Some(&segment) = self.directory.get(first) else {
            self.directory.push(Segment::vacant(0));
            (self.directory_bits, self.segments, self.deepest) = (0, 1, 1);
            return;
        };
        match segment.next_shape() {
            Some(shape) => self.reshape(first, shape, hasher),
            None if self.may_split(&segment) => self.split(first, hasher),
            None => {
                let shape = Segment::<T>::shape_for(segment.limit() + 1);
                self.reshape(first, shape, hasher);
            }
        }
    }

    /// Whether a segment may split: if its depth is the directory's, that must double, which it
    /// does only while elements are spread well enough to be worth it.
    fn may_split(&self, segment: &Segment<T>) -> bool {
        segment.depth < self.directory_bits
            || self.directory.len() * 2 * LEAST_ELEMENTS_PER_ENTRY <= self.len
    }

    /// Moves a segment's elements to one of another shape.
    fn reshape(&mut self, first: usize, shape: Shape, hasher: &impl Fn(&T) -> u64) {
        let old = self.directory[first];
        let new = if old.widens_to(shape) {
            old.widened(shape)
        } else {
            let hashes = old.hashes(hasher);
            let mut new = Segment::allocate(shape, old.depth);
            // SAFETY: nothing changed since `hashes`; `new` is fresh, of the same depth, and has
            // room by its shape; the old copies are forgotten below.
            unsafe { old.copy_to(&hashes, std::slice::from_mut(&mut new), |_| 0) };
            new
        };
        self.replace(first, new);
        self.retire(old);
    }

    /// Splits a segment by the next bit of its hashes.
    fn split(&mut self, first: usize, hasher: &impl Fn(&T) -> u64) {
        let old = self.directory[first];
        let hashes = old.hashes(hasher);
        let mut first = first;
        if old.depth == self.directory_bits {
            self.double_directory();
            first *= 2;
        }
        let depth = old.depth + 1;
        let bit = 1u64 << (63 - old.depth);
        let ones = hashes.iter().filter(|&hash| hash & bit != 0).count();
        let mut halves = [hashes.len() - ones, ones]
            .map(|len| Segment::allocate(Segment::<T>::shape_for(len), depth));
        // SAFETY: nothing changed since `hashes`; the targets are fresh and share the bits up to
        // their depth with the elements they get, for whom their shapes have room; the old copies
        // are forgotten below.
        unsafe { old.copy_to(&hashes, &mut halves, |hash| usize::from(hash & bit != 0)) };
        self.segments += 1;
        if depth == self.directory_bits {
            self.deepest += 2;
        }
        let [low, high] = halves;
        self.replace(first, low);
        self.replace(first + (1 << (self.directory_bits - depth)), high);
        self.retire(old);
    }

    /// After a removal that left a segment sparse: makes it smaller, or merges it with its
    /// neighbour.
    #[cold]
    #[inline(never)]
    fn settle(&mut self, first: usize, hasher: &impl Fn(&T) -> u64) {
        if self.len == 0 {
            self.clear();
            return;
        }
        let segment = self.directory[first];
        if let Some(buddy) = self.buddy(first) {
            let together = segment.len as usize + self.directory[buddy].len as usize;
            if together <= MERGE_LIMIT {
                self.merge(first.min(buddy), first.max(buddy), hasher);
                self.halve_directory();
                return;
            }
        }
        if segment.len == 0 {
            self.replace(first, Segment::vacant(segment.depth));
            self.retire(segment);
        } else {
            self.reshape(first, Segment::<T>::shape_for(segment.len as usize), hasher);
        }
    }

    /// First entry of the segment that differs in just the last bit of depth.
    fn buddy(&self, first: usize) -> Option<usize> {
        let depth = self.directory[first].depth;
        if depth == 0 {
            return None;
        }
        let buddy = first ^ (1 << (self.directory_bits - depth));
        (self.directory[buddy].depth == depth).then_some(buddy)
    }

    fn merge(&mut self, low: usize, high: usize, hasher: &impl Fn(&T) -> u64) {
        let (left, right) = (self.directory[low], self.directory[high]);
        let (left_hashes, right_hashes) = (left.hashes(hasher), right.hashes(hasher));
        let depth = left.depth - 1;
        let shape = Segment::<T>::shape_for(left_hashes.len() + right_hashes.len());
        let mut merged = Segment::allocate(shape, depth);
        // SAFETY: nothing changed since `hashes`; `merged` is fresh, covers the hashes of both and
        // has room by its shape; the old copies are forgotten below.
        unsafe {
            let target = std::slice::from_mut(&mut merged);
            left.copy_to(&left_hashes, target, |_| 0);
            right.copy_to(&right_hashes, target, |_| 0);
        }
        self.segments -= 1;
        if left.depth == self.directory_bits {
            self.deepest -= 2;
        }
        self.replace(low, merged);
        self.retire(left);
        self.retire(right);
    }

    /// Writes a segment into all of its entries, and counts its memory.
    fn replace(&mut self, first: usize, segment: Segment<T>) {
        let entries = 1 << (self.directory_bits - segment.depth);
        self.directory[first..first + entries].fill(segment);
        self.segment_bytes += segment.bytes();
    }

    /// Frees a segment that is no longer in the directory and whose elements have moved.
    fn retire(&mut self, segment: Segment<T>) {
        self.segment_bytes -= segment.bytes();
        // SAFETY: the directory was its owner and has dropped it.
        unsafe { segment.deallocate() };
    }

    fn double_directory(&mut self) {
        let mut doubled = Vec::with_capacity(self.directory.len() * 2);
        doubled.extend(self.directory.iter().flat_map(|&segment| [segment, segment]));
        self.directory = doubled;
        self.directory_bits += 1;
        self.deepest = 0;
    }

    /// Halves the directory while no segment needs its last bit and it has four times as many
    /// entries as segments, so that it does not double again soon.
    fn halve_directory(&mut self) {
        while self.directory_bits > 0
            && self.deepest == 0
            && (self.segments == 1 || self.segments * 4 <= self.directory.len())
        {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.directory_bits -= 1;
            let bits = self.directory_bits;
            self.deepest = self.directory.iter().filter(|segment| segment.depth == bits).count();
        }
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

impl<T> Table<T> {
    fn take_all(&mut self) -> IntoIter<T> {
        let directory = std::mem::take(&mut self.directory);
        let all = IntoIter::new(directory, self.directory_bits, self.len);
        (self.directory_bits, self.len, self.segment_bytes) = (0, 0, 0);
        (self.segments, self.deepest) = (0, 0);
        all
    }
}

impl<T> IntoIterator for Table<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    /// Takes the elements out. Each segment is freed once its elements are out, so a caller that
    /// takes a few at a time frees a large table in slices.
    fn into_iter(mut self) -> IntoIter<T> {
        self.take_all()
    }
}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
