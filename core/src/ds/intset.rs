//! A sorted sequence of distinct integers, byte for byte in the format that RDB files and DUMP
//! carry: the width of an integer (2, 4 or 8 bytes) and their number, each in four bytes, then the
//! integers, all little endian. The width is that of the widest integer there ever was.
//!
//! Adding and removing take time in proportion to the number of integers, looking one up in
//! proportion to its logarithm.

use std::cmp::Ordering;

/// Bytes before the first integer.
const HEADER: usize = 8;

/// Most integers of a set from outside, so that sizes fit the header.
const MAX_LEN: usize = 1 << 28;

/// What is wrong with an integer set from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed integer set")]
pub struct Malformed;

/// A set of integers.
#[derive(Clone, PartialEq, Eq)]
pub struct IntSet {
    /// Width 2, 4 or 8.
    width: usize,
    /// The integers alone; [`IntSet::to_bytes`] writes the header.
    integers: Vec<u8>,
}

impl Default for IntSet {
    fn default() -> Self {
        Self { width: 2, integers: Vec::new() }
    }
}

/// The narrowest width that holds an integer.
fn width_of(n: i64) -> usize {
    if i16::try_from(n).is_ok() {
        2
    } else if i32::try_from(n).is_ok() {
        4
    } else {
        8
    }
}

/// Reads an integer of `bytes.len()` bytes.
#[inline]
fn read(bytes: &[u8]) -> i64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let unused = 64 - 8 * bytes.len() as u32;
    i64::from_le_bytes(word) << unused >> unused
}

impl IntSet {
    /// A set without integers, which owns no memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a set from outside, after checking all of its structure: integers must ascend.
    ///
    /// # Errors
    /// [`Malformed`], whatever is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let set = Self::framed(bytes)?;
        if set.iter().is_sorted_by(|a, b| a < b) { Ok(set) } else { Err(Malformed) }
    }

    /// As [`IntSet::from_bytes`], but the integers may come in any order and several times.
    ///
    /// # Errors
    /// [`Malformed`] when the header is wrong.
    pub fn from_unsorted(bytes: &[u8]) -> Result<Self, Malformed> {
        let found = Self::framed(bytes)?;
        let mut integers: Vec<i64> = found.iter().collect();
        integers.sort_unstable();
        integers.dedup();
        let width = found.width;
        let integers = integers.iter().flat_map(|n| n.to_le_bytes().into_iter().take(width));
        Ok(Self { width, integers: integers.collect() })
    }

    /// The integers behind a header that is right, in whatever order.
    fn framed(bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, integers) = bytes.split_at_checked(HEADER).ok_or(Malformed)?;
        let field = |at: usize| read(&header[at..at + 4]);
        let width = usize::try_from(field(0)).map_err(|_| Malformed)?;
        let len = usize::try_from(field(4)).map_err(|_| Malformed)?;
        if !matches!(width, 2 | 4 | 8) || len > MAX_LEN || integers.len() != len * width {
            return Err(Malformed);
        }
        Ok(Self { width, integers: integers.to_vec() })
    }

    /// The set as an RDB file has it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.integers.len());
        bytes.extend_from_slice(&(self.width as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.integers);
        bytes
    }

    /// Number of integers.
    #[inline]
    pub fn len(&self) -> usize {
        self.integers.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.integers.is_empty()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.integers.capacity()
    }

    /// The integer of an index, in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        let at = index.checked_mul(self.width)?;
        self.integers.get(at..at.checked_add(self.width)?).map(read)
    }

    /// The index of an integer, or the one it would have.
    fn search(&self, n: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).map(|found| found.cmp(&n)) {
                Some(Ordering::Equal) => return Ok(middle),
                Some(Ordering::Less) => low = middle + 1,
                _ => high = middle,
            }
        }
        Err(low)
    }

    /// Whether an integer is in the set.
    pub fn contains(&self, n: i64) -> bool {
        self.search(n).is_ok()
    }

    /// Adds an integer; false when it is there already.
    pub fn insert(&mut self, n: i64) -> bool {
        let Err(index) = self.search(n) else { return false };
        if width_of(n) > self.width {
            self.widen(width_of(n));
        }
        let at = index * self.width;
        let bytes = n.to_le_bytes();
        self.integers.splice(at..at, bytes[..self.width].iter().copied());
        true
    }

    /// Removes an integer; false when it is not there.
    pub fn remove(&mut self, n: i64) -> bool {
        let Ok(index) = self.search(n) else { return false };
        self.integers.drain(index * self.width..(index + 1) * self.width);
        if self.integers.len() * 4 < self.integers.capacity() {
            self.integers.shrink_to(self.integers.len() * 2);
        }
        true
    }

    /// All integers, ascending.
    pub fn iter(&self) -> Iter<'_> {
        Iter { integers: self.integers.chunks_exact(self.width) }
    }

    fn widen(&mut self, width: usize) {
        let mut wider = Vec::with_capacity((self.len() + 1) * width);
        for n in self.iter() {
            wider.extend_from_slice(&n.to_le_bytes()[..width]);
        }
        (self.width, self.integers) = (width, wider);
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Iterator over the integers of a set.
#[derive(Clone)]
pub struct Iter<'a> {
    integers: std::slice::ChunksExact<'a, u8>,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        self.integers.next().map(read)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.integers.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![
            8 => -20i64..20,
            2 => -40_000i64..40_000,
            1 => any::<i32>().prop_map(i64::from),
            1 => any::<i64>(),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree(ops in proptest::collection::vec((any::<bool>(), integer()), 0..200)) {
            let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
            for (add, n) in ops {
                if add {
                    prop_assert_eq!(set.insert(n), model.insert(n));
                } else {
                    prop_assert_eq!(set.remove(n), model.remove(&n));
                }
                prop_assert_eq!(set.contains(n), model.contains(&n));
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(IntSet::from_bytes(&set.to_bytes()), Ok(set));
        }

        #[test]
        fn bytes_from_outside_are_checked(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(set) = IntSet::from_bytes(&bytes) {
                prop_assert_eq!(set.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn the_format_is_that_of_rdb_files() {
        let mut set = IntSet::new();
        for n in [5, -1, 5] {
            set.insert(n);
        }
        assert_eq!(set.to_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 5, 0]);
        set.insert(65_536);
        assert_eq!(set.to_bytes()[..8], [4, 0, 0, 0, 3, 0, 0, 0]);
        let unsorted = [2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 5, 0];
        assert_eq!(IntSet::from_bytes(&unsorted), Err(Malformed));
        let sorted = IntSet::from_unsorted(&unsorted).expect("a header that is right");
        assert!(sorted.iter().eq([5]));
    }
}
