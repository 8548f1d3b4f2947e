//! Listpack: a sequence of strings and integers in one piece of memory, byte for byte in the
//! format that RDB files and DUMP carry.
//!
//! Reading by index and changing anything takes time in proportion to the bytes, so a listpack is
//! for short sequences; the thresholds are the caller's. Positions are byte offsets ([`At`]); a
//! change invalidates those behind it.

mod buffer;
mod format;
#[cfg(test)]
mod tests;

pub use format::{Element, Malformed};

use buffer::Buffer;
use format::{
    END, Encoded, HEADER, UNCOUNTED, back_length_size, check_header, decode, decode_back_length,
    sound_entries, validate,
};
use smallvec::SmallVec;
use std::ops::Range;

/// Most bytes of a listpack: no change may make one longer. (The format's own limit is 4 GiB.)
pub const MAX_BYTES: usize = 1 << 30;

/// Where an entry begins in a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(usize);

/// A compact sequence of elements.
#[derive(Clone)]
pub struct Listpack {
    bytes: Buffer,
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl Listpack {
    /// An empty listpack: seven bytes.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty listpack with room for entries of so many bytes ([`Element::encoded_len`]).
    pub fn with_capacity(entries: usize) -> Self {
        let empty = [HEADER as u8 + 1, 0, 0, 0, 0, 0, END];
        Listpack { bytes: Buffer::new(&empty, HEADER + entries + 1) }
    }

    /// Takes over a listpack from outside, after checking all of its structure.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::Length);
        }
        validate(bytes)?;
        Ok(Listpack { bytes: Buffer::new(bytes, bytes.len()) })
    }

    /// Takes what comes before the first malformed entry over from a damaged listpack, and counts
    /// it. Also gives the number of bytes that are lost: 0 when the count alone was wrong.
    ///
    /// # Errors
    /// When the listpack has not the length that it says, does not end as one, or says that it is
    /// empty.
    pub fn salvage(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::Length);
        }
        if check_header(bytes)? == 0 {
            return Err(Malformed::Count);
        }
        let last = bytes.len() - 1;
        if bytes[last] != END {
            return Err(Malformed::Entry(last));
        }
        let (end, counted) = sound_entries(bytes);
        let mut buffer = Buffer::new(bytes, bytes.len());
        buffer.resize(end + 1);
        buffer[end] = END;
        let counted = u16::try_from(counted).unwrap_or(UNCOUNTED);
        buffer[4..HEADER].copy_from_slice(&counted.to_le_bytes());
        Ok((Listpack { bytes: buffer }, last - end))
    }

    /// The listpack's bytes, as an RDB file has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back spare capacity.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Number of elements. Constant time below 65535, then a walk.
    pub fn len(&self) -> usize {
        match self.counted() {
            UNCOUNTED => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// Whether entries of so many more bytes keep within [`MAX_BYTES`].
    pub fn fits(&self, entries: usize) -> bool {
        entries <= MAX_BYTES.saturating_sub(self.bytes.len())
    }

    /// Position of the first element.
    pub fn first(&self) -> Option<At> {
        self.existing(HEADER)
    }

    /// Position of the last element.
    pub fn last(&self) -> Option<At> {
        self.prev(self.end())
    }

    /// The position behind the last element: not an element's, but one to insert at.
    pub fn end(&self) -> At {
        At(self.bytes.len() - 1)
    }

    /// The element at a position.
    #[inline]
    pub fn at(&self, at: At) -> Option<Element<'_>> {
        decode(self.bytes.get(at.0..)?).map(|(element, _)| element)
    }

    /// Position of the element after the one at `at`.
    #[inline]
    pub fn next(&self, at: At) -> Option<At> {
        self.existing(self.entry(at)?.end)
    }

    /// Position of the element before the one at `at`, which may be the end.
    #[inline]
    pub fn prev(&self, at: At) -> Option<At> {
        let before = self.bytes.get(HEADER..at.0)?;
        let size = decode_back_length(before)?;
        let start = before.len().checked_sub(size + back_length_size(size))?;
        Some(At(HEADER + start))
    }

    /// Position of an element by its index, sought from the nearer end.
    pub fn seek(&self, index: usize) -> Option<At> {
        let count = self.counted();
        if count == UNCOUNTED || index <= usize::from(count) / 2 {
            return self.positions().nth(index);
        }
        let from_end = usize::from(count).checked_sub(index + 1)?;
        self.positions().nth_back(from_end)
    }

    /// The element of an index.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        self.at(self.seek(index)?)
    }

    /// All elements in order; also backwards.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_between(At(HEADER), self.end())
    }

    /// The elements from `from` up to `to`, exclusive; also backwards. Either may be
    /// [`Listpack::end`].
    pub fn iter_between(&self, from: At, to: At) -> Iter<'_> {
        Iter { positions: Positions { listpack: self, from: from.0, to: to.0 } }
    }

    /// Positions of all elements in order; also backwards.
    pub fn positions(&self) -> Positions<'_> {
        Positions { listpack: self, from: HEADER, to: self.end().0 }
    }

    /// Position of the first element equal to `element` at or after `from`; between any two
    /// compared, `skip` are passed over (1 finds the field in a sequence of fields and values).
    pub fn find<'e>(&self, from: At, element: impl Into<Element<'e>>, skip: usize) -> Option<At> {
        let wanted = element.into();
        let (mut at, mut skipped) = (from.0, skip);
        while let Some((found, size)) = decode(self.bytes.get(at..)?) {
            if skipped < skip {
                skipped += 1;
            } else if wanted.same(&found) {
                return Some(At(at));
            } else {
                skipped = 0;
            }
            at += size + back_length_size(size);
        }
        None
    }

    /// Adds an element at the end.
    pub fn push_back<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.insert_at(self.end(), element);
    }

    /// Adds all of these at the end, for less than one by one.
    ///
    /// # Panics
    /// If the listpack would exceed [`MAX_BYTES`]: see [`Listpack::fits`].
    pub fn push_all<'e>(&mut self, elements: impl Iterator<Item = Element<'e>>) {
        let encoded: SmallVec<[Encoded<'e>; 8]> = elements.map(Encoded::new).collect();
        let more = encoded.iter().map(Encoded::len).sum();
        assert!(self.fits(more), "listpack would exceed {MAX_BYTES} bytes");
        self.reserve(more);
        let mut at = self.end().0;
        let end = at + more;
        self.bytes.resize(end + 1);
        let bytes = &mut *self.bytes;
        for one in &encoded {
            one.write(&mut bytes[at..at + one.len()]);
            at += one.len();
        }
        bytes[end] = END;
        self.count(0, encoded.len());
    }

    /// Makes room for entries of so many more bytes: for a listpack that is known to grow.
    pub fn make_room(&mut self, entries: usize) {
        self.bytes.reserve(self.bytes.len() + entries);
    }

    /// Bytes of entries for which there is room.
    pub fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// The place `count` elements after `at`, which may be the end; `None` if there are not as
    /// many.
    #[inline]
    pub fn skip(&self, at: At, count: usize) -> Option<At> {
        let mut at = at.0;
        for _ in 0..count {
            let (_, size) = decode(self.bytes.get(at..)?)?;
            at += size + back_length_size(size);
        }
        Some(At(at))
    }

    /// Adds an element at the beginning.
    pub fn push_front<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.insert_at(At(HEADER), element);
    }

    /// Inserts an element before the one at `at`, which may be the end. The element is then at
    /// `at`.
    ///
    /// # Panics
    /// If the listpack would exceed [`MAX_BYTES`]: see [`Listpack::fits`].
    pub fn insert_at<'e>(&mut self, at: At, element: impl Into<Element<'e>>) {
        self.splice(at.0..at.0, Some(element.into()));
        self.count(0, 1);
    }

    /// Inserts an element so that it has this index. Does nothing and returns false if the index
    /// is more than the length.
    pub fn insert<'e>(&mut self, index: usize, element: impl Into<Element<'e>>) -> bool {
        let at = match self.seek(index) {
            Some(at) => at,
            None if index == self.len() => self.end(),
            None => return false,
        };
        self.insert_at(at, element);
        true
    }

    /// Puts another element in the place of the one at `at`.
    pub fn replace<'e>(&mut self, at: At, element: impl Into<Element<'e>>) {
        if let Some(entry) = self.entry(at) {
            self.splice(entry, Some(element.into()));
        }
    }

    /// Removes the element at `at`, where the next one then is.
    pub fn remove_at(&mut self, at: At) {
        self.remove_from(at, 1);
    }

    /// Removes up to `count` elements from the one at `at` on; returns how many there were.
    pub fn remove_from(&mut self, at: At, count: usize) -> usize {
        let (mut end, mut removed) = (at, 0);
        while removed < count {
            let Some(entry) = self.entry(end) else { break };
            end = At(entry.end);
            removed += 1;
        }
        self.splice(at.0..end.0, None);
        self.count(removed, 0);
        removed
    }

    /// Removes the elements of these indices, as far as they exist; returns how many.
    pub fn remove_range(&mut self, indices: Range<usize>) -> usize {
        match self.seek(indices.start) {
            Some(at) => self.remove_from(at, indices.len()),
            None => 0,
        }
    }

    /// Removes the elements for which `keep` is false, in one pass; returns how many.
    pub fn retain(&mut self, mut keep: impl FnMut(Element<'_>) -> bool) -> usize {
        let (mut from, mut to, mut removed) = (HEADER, HEADER, 0);
        while let Some((element, size)) = self.bytes.get(from..).and_then(decode) {
            let end = from + size + back_length_size(size);
            if keep(element) {
                self.bytes.copy_within(from..end, to);
                to += end - from;
            } else {
                removed += 1;
            }
            from = end;
        }
        self.splice(to..from, None);
        self.count(removed, 0);
        removed
    }

    /// Removes the first element and returns its bytes.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        let at = self.first()?;
        let bytes = self.at(at)?.to_vec();
        self.remove_at(at);
        Some(bytes)
    }

    /// Removes the last element and returns its bytes.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        let at = self.last()?;
        let bytes = self.at(at)?.to_vec();
        self.remove_at(at);
        Some(bytes)
    }

    /// Appends all elements of another listpack.
    ///
    /// # Panics
    /// If the listpack would exceed [`MAX_BYTES`].
    pub fn append(&mut self, other: &Listpack) {
        let count = self.len() + other.len();
        let entries = &other.bytes[HEADER..other.end().0];
        let end = self.end().0;
        self.resize_gap(end..end, entries.len());
        self.bytes[end..end + entries.len()].copy_from_slice(entries);
        self.set_count(count);
    }

    /// Splits off the elements from `at` on.
    pub fn split_off(&mut self, at: At) -> Listpack {
        let end = self.end().0;
        let mut tail = Listpack::with_capacity(end - at.0);
        tail.resize_gap(HEADER..HEADER, end - at.0);
        tail.bytes[HEADER..HEADER + end - at.0].copy_from_slice(&self.bytes[at.0..end]);
        tail.set_count(tail.iter().count());
        let left = self.len() - tail.len();
        self.splice(at.0..end, None);
        self.set_count(left);
        tail
    }

    /// The count in the header.
    fn counted(&self) -> u16 {
        u16::from_le_bytes([self.bytes[4], self.bytes[5]])
    }

    /// Changes the header's count, which stays unknown once it is.
    fn count(&mut self, removed: usize, added: usize) {
        let count = self.counted();
        if count != UNCOUNTED {
            self.set_count(usize::from(count) - removed + added);
        }
    }

    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(UNCOUNTED);
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    fn existing(&self, at: usize) -> Option<At> {
        (at < self.end().0).then_some(At(at))
    }

    /// The bytes of the entry at a position.
    #[inline]
    fn entry(&self, at: At) -> Option<Range<usize>> {
        let (_, size) = decode(self.bytes.get(at.0..)?)?;
        Some(at.0..at.0 + size + back_length_size(size))
    }

    /// Replaces whole entries by the one of an element, or by nothing.
    fn splice(&mut self, old: Range<usize>, element: Option<Element<'_>>) {
        let Some(encoded) = element.map(Encoded::new) else {
            self.resize_gap(old, 0);
            return;
        };
        let start = old.start;
        self.resize_gap(old, encoded.len());
        encoded.write(&mut self.bytes[start..start + encoded.len()]);
    }

    /// Makes the gap `old` as long as `new_len` by moving what is behind it.
    fn resize_gap(&mut self, old: Range<usize>, new_len: usize) {
        let (end, new_end) = (self.bytes.len(), old.start + new_len);
        if new_len > old.len() {
            let more = new_len - old.len();
            assert!(self.fits(more), "listpack would exceed {MAX_BYTES} bytes");
            self.reserve(more);
            self.bytes.resize(end + more);
            self.bytes.copy_within(old.end..end, new_end);
        } else {
            self.bytes.copy_within(old.end..end, new_end);
            self.bytes.resize(end - (old.len() - new_len));
        }
    }

    /// Makes room for more bytes, up to a size that the allocator would round to anyway: a quarter
    /// of a power of two.
    fn reserve(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        if wanted > self.bytes.capacity() {
            let step = (wanted.next_power_of_two() / 8).max(16);
            self.bytes.reserve(wanted.next_multiple_of(step));
        }
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Listpack {}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'e, E: Into<Element<'e>>> Extend<E> for Listpack {
    fn extend<I: IntoIterator<Item = E>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push_back(element));
    }
}

impl<'e, E: Into<Element<'e>>> FromIterator<E> for Listpack {
    fn from_iter<I: IntoIterator<Item = E>>(elements: I) -> Self {
        let mut listpack = Listpack::new();
        listpack.extend(elements);
        listpack
    }
}

/// Iterator over positions.
#[derive(Clone)]
pub struct Positions<'a> {
    listpack: &'a Listpack,
    from: usize,
    to: usize,
}

impl Iterator for Positions<'_> {
    type Item = At;

    #[inline]
    fn next(&mut self) -> Option<At> {
        if self.from >= self.to {
            return None;
        }
        let at = At(self.from);
        self.from = self.listpack.entry(at)?.end;
        Some(at)
    }
}

impl DoubleEndedIterator for Positions<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<At> {
        if self.from >= self.to {
            return None;
        }
        let at = self.listpack.prev(At(self.to))?;
        self.to = at.0;
        Some(at)
    }
}

/// Iterator over elements.
#[derive(Clone)]
pub struct Iter<'a> {
    positions: Positions<'a>,
}

impl Iter<'_> {
    /// The place of the element that comes next, or the end.
    #[inline]
    pub fn place(&self) -> At {
        At(self.positions.from)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let Positions { listpack, from, to } = self.positions;
        if from >= to {
            return None;
        }
        let (element, size) = decode(listpack.bytes.get(from..)?)?;
        self.positions.from = from + size + back_length_size(size);
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let at = self.positions.next_back()?;
        self.positions.listpack.at(at)
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
