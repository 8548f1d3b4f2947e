//! The large form of a hash: a table of entries that hold field and value in one allocation.

use crate::ds::ThinBytes;
use crate::keyspace::Collection;
use crate::types::beside::{Element, Elements};

/// A field and its value in one allocation: the field's length as a base-128 number (least digits
/// first, the top bit set on all but the last), the field, the value.
#[derive(Clone)]
pub(super) struct Pair(ThinBytes);

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

    /// The field and the value.
    #[inline]
    pub(super) fn split(&self) -> (&[u8], &[u8]) {
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
}

impl Element for Pair {
    const COLLECTION: Collection = Collection::Hash;

    #[inline]
    fn name(&self) -> &[u8] {
        self.split().0
    }

    fn memory(&self) -> usize {
        self.0.memory()
    }

    fn pass(&self, put: impl FnOnce(&[u8], &[u8])) {
        let (field, value) = self.split();
        put(field, value);
    }
}

/// Fields and their values.
pub(super) type FieldTable = Elements<Pair>;

impl FieldTable {
    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        Some(self.find(self.hash(field), field)?.split().1)
    }

    /// Sets a field; true when it is new.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = self.hash(field);
        if self.change(hash, field, |pair| pair.set(value)) {
            return false;
        }
        self.insert(hash, Pair::new(field, value));
        true
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
