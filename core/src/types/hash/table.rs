//! The large form of a hash: a table of entries that hold field and value in one allocation.
//!
//! What only few fields have, such as a deadline, is beside the table and not in it.

use crate::ds::table::{self, Table};
use crate::ds::{Deadlines, Seed, ThinBytes, hash_bytes};
use crate::keyspace::{Captured, Collection, EachPart, Parts};
use crate::types::beside::Beside;

/// A field and its value in one allocation: the field's length as a base-128 number (least digits
/// first, the top bit set on all but the last), the field, the value.
#[derive(Clone)]
struct Pair(ThinBytes);

/// Digits that the length of any field has at most.
const DIGITS_MAX: usize = usize::BITS.div_ceil(7) as usize;

impl Pair {
    fn new(field: &[u8], value: &[u8]) -> Self {
        let mut length = [0; DIGITS_MAX];
        let (mut rest, mut digits) = (field.len(), 0);
        while rest >= 0x80 {
            length[digits] = rest as u8 | 0x80;
            (rest, digits) = (rest >> 7, digits + 1);
        }
        length[digits] = rest as u8;
        Self(ThinBytes::concat([&length[..=digits], field, value]))
    }

    #[inline]
    fn split(&self) -> (&[u8], &[u8]) {
        let bytes = self.0.as_bytes();
        let (mut length, mut shift, mut at) = (0, 0, 0);
        loop {
            let digit = bytes[at];
            length |= usize::from(digit & 0x7f) << shift;
            (shift, at) = (shift + 7, at + 1);
            if digit & 0x80 == 0 {
                return bytes[at..].split_at(length);
            }
        }
    }

    #[inline]
    fn field(&self) -> &[u8] {
        self.split().0
    }

    /// Changes the value; in place when it is as long as the old one.
    fn set(&mut self, value: &[u8]) {
        let (field, old) = self.split();
        if old.len() == value.len() {
            let bytes = self.0.as_mut_bytes();
            let from = bytes.len() - value.len();
            bytes[from..].copy_from_slice(value);
        } else {
            *self = Self::new(field, value);
        }
    }

    /// Bytes allocated beside the table.
    fn memory(&self) -> usize {
        self.0.memory()
    }
}

/// Fields by their hashes, under a seed of the hash's own.
pub(super) struct FieldTable {
    pairs: Table<Pair>,
    seed: Seed,
    /// Bytes that the pairs have allocated.
    bytes: usize,
    /// Deadlines, and the snapshot that takes it in parts.
    beside: Beside,
}

impl Default for FieldTable {
    fn default() -> Self {
        Self::seeded(Seed::random())
    }
}

impl Clone for FieldTable {
    fn clone(&self) -> Self {
        let mut copy = Self::seeded(self.seed);
        copy.bytes = self.bytes;
        copy.beside = self.beside.copy();
        for pair in &self.pairs {
            let hash = hash_bytes(&self.seed, pair.field());
            copy.pairs.insert_unique(hash, pair.clone(), hasher(&self.seed));
        }
        copy
    }
}

fn hasher(seed: &Seed) -> impl Fn(&Pair) -> u64 {
    |pair| hash_bytes(seed, pair.field())
}

impl FieldTable {
    fn seeded(seed: Seed) -> Self {
        Self { pairs: Table::new(), seed, bytes: 0, beside: Beside::default() }
    }

    /// Has a snapshot take what is about to change.
    #[inline]
    fn preserve(&mut self, hash: u64) {
        self.beside.before(hash, |put| {
            self.pairs.find(hash, |pair| {
                let (field, value) = pair.split();
                if hash_bytes(&self.seed, field) == hash {
                    put(field, value);
                }
                false
            });
        });
    }

    /// When elements expire, once one was given a deadline.
    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.beside.deadlines()
    }

    /// Gives an element that is there a deadline.
    pub(super) fn set_deadline(&mut self, element: &[u8], at: i64) {
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.set(element, at);
    }

    /// Takes an element's deadline away and returns it.
    pub(super) fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        self.beside.deadlines()?;
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.clear(element)
    }

    /// With these deadlines; it has none yet.
    pub(super) fn with_deadlines(mut self, deadlines: Option<Box<Deadlines>>) -> Self {
        self.beside = Beside::new(deadlines);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let hash = hash_bytes(&self.seed, field);
        let pair = self.pairs.find(hash, |pair| pair.field() == field)?;
        Some(pair.split().1)
    }

    /// Sets a field; true when it is new.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash_bytes(&self.seed, field);
        self.preserve(hash);
        if let Some(pair) = self.pairs.find_mut(hash, |pair| pair.field() == field) {
            self.bytes -= pair.memory();
            pair.set(value);
            self.bytes += pair.memory();
            return false;
        }
        let pair = Pair::new(field, value);
        self.bytes += pair.memory();
        self.pairs.insert_unique(hash, pair, hasher(&self.seed));
        true
    }

    /// Removes a field; false when there was none.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let hash = hash_bytes(&self.seed, field);
        self.preserve(hash);
        self.beside.clear(field);
        let removed = self.pairs.remove(hash, |pair| pair.field() == field, hasher(&self.seed));
        self.bytes -= removed.as_ref().map_or(0, Pair::memory);
        removed.is_some()
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter(self.pairs.iter())
    }

    pub(super) fn random(&self, random: u64) -> Option<(&[u8], &[u8])> {
        self.pairs.random(random).map(Pair::split)
    }

    /// See [`Table::scan`].
    pub(super) fn scan(&self, cursor: u64, mut f: impl FnMut(&[u8], &[u8])) -> u64 {
        self.pairs.scan(cursor, hasher(&self.seed), |pair| {
            let (field, value) = pair.split();
            f(field, value);
        })
    }

    pub(super) fn memory(&self) -> usize {
        let deadlines = self.deadlines().map_or(0, Deadlines::memory);
        size_of::<Self>() + self.pairs.memory() + self.bytes + deadlines
    }
}

impl Parts for FieldTable {
    fn collection(&self) -> Collection {
        Collection::Hash
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn earliest(&self) -> Option<i64> {
        self.beside.deadlines()?.next()
    }

    fn captured(&mut self) -> &mut Captured {
        &mut self.beside.captured
    }

    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64 {
        self.scan(cursor, |field, value| {
            f(hash_bytes(&self.seed, field), field, value, self.beside.deadline(field));
        })
    }
}

impl Drop for FieldTable {
    fn drop(&mut self) {
        std::mem::take(&mut self.beside.captured).leave(|| {
            let mut heir = Self::seeded(self.seed);
            heir.beside = self.beside.heir();
            std::mem::swap(&mut heir.pairs, &mut self.pairs);
            Box::new(heir)
        });
    }
}

/// Iterator over fields and values, in no order.
pub struct Iter<'a>(table::Iter<'a, Pair>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Pair::split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_gives_back_what_it_was_made_of() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 100_000] {
            let field = vec![b'f'; length];
            let mut pair = Pair::new(&field, b"value");
            assert_eq!(pair.split(), (field.as_slice(), b"value".as_slice()));
            pair.set(b"other");
            assert_eq!(pair.split(), (field.as_slice(), b"other".as_slice()));
            pair.set(b"");
            assert_eq!(pair.split(), (field.as_slice(), b"".as_slice()));
        }
    }
}
