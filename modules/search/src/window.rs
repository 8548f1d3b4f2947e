//! A window of documents as a bitmap: the unit in which dense sets are combined.

/// Documents a window covers.
pub const WINDOW: u32 = 2048;

const WORDS: usize = WINDOW as usize / 64;

/// A set of documents among `base .. base + WINDOW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// First document; a multiple of [`WINDOW`].
    pub base: u32,
    words: [u64; WORDS],
}

impl Window {
    /// The empty set at the window that holds `doc`.
    pub fn at(doc: u32) -> Self {
        Self { base: doc - doc % WINDOW, words: [0; WORDS] }
    }

    /// First document after the window, in 64 bits because the last window ends at 2^32.
    pub fn end(&self) -> u64 {
        u64::from(self.base) + u64::from(WINDOW)
    }

    /// Empties the set.
    pub fn clear(&mut self) {
        self.words = [0; WORDS];
    }

    /// Adds a document of this window.
    pub fn insert(&mut self, doc: u32) {
        let at = (doc.wrapping_sub(self.base) % WINDOW) as usize;
        self.words[at / 64] |= 1 << (at % 64);
    }

    /// Whether a document of this window is in the set.
    pub fn contains(&self, doc: u32) -> bool {
        let at = (doc.wrapping_sub(self.base) % WINDOW) as usize;
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    /// Keeps what is also in `other`.
    pub fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// Adds what is in `other`.
    pub fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Drops what is in `other`.
    pub fn and_not(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    /// The set as words of 64 documents.
    pub fn words_mut(&mut self) -> &mut [u64; WORDS] {
        &mut self.words
    }

    /// Number of documents in the set.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|w| w.count_ones()).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&w| w == 0)
    }

    /// Adds `from .. to`, clipped to the window.
    pub fn insert_range(&mut self, from: u32, to: u64) {
        let start = u64::from(from).max(u64::from(self.base)) - u64::from(self.base);
        let end = to.min(self.end()).saturating_sub(u64::from(self.base));
        let (start, end) = (start as usize, end as usize);
        for at in start / 64..end.div_ceil(64) {
            let low = start.saturating_sub(at * 64);
            let high = (end - at * 64).min(64);
            if low < high {
                self.words[at] |= (u64::MAX >> (64 - (high - low))) << low;
            }
        }
    }

    /// Drops the documents below `doc`.
    pub fn keep_from(&mut self, doc: u32) {
        if doc > self.base {
            let mut rest = Self::at(self.base);
            rest.insert_range(doc, self.end());
            self.and(&rest);
        }
    }

    /// Keeps the documents for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        let base = self.base;
        for (at, word) in self.words.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !keep(base + at as u32 * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// The documents, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(move |(at, &word)| {
            let base = self.base + at as u32 * 64;
            Bits(word).map(move |bit| base + bit)
        })
    }

    /// The first document not below `doc`.
    pub fn next_from(&self, doc: u32) -> Option<u32> {
        let from = doc.max(self.base) - self.base;
        if from >= WINDOW {
            return None;
        }
        let at = (from / 64) as usize;
        let first = self.words[at] & (u64::MAX << (from % 64));
        let mut rest = self.words[at + 1..].iter().enumerate();
        let (at, word) = if first != 0 {
            (at, first)
        } else {
            rest.find(|(_, w)| **w != 0).map(|(i, w)| (at + 1 + i, *w))?
        };
        Some(self.base + at as u32 * 64 + word.trailing_zeros())
    }
}

/// The set bits of a word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(docs in prop::collection::btree_set(4096u32..6144, 0..200), from in 4000u32..6200, len in 0u64..3000) {
            let mut window = Window::at(4096);
            docs.iter().for_each(|&d| window.insert(d));
            prop_assert_eq!(window.iter().collect::<BTreeSet<_>>(), docs.clone());
            prop_assert_eq!(window.len() as usize, docs.len());
            prop_assert_eq!(window.next_from(from), docs.range(from..).next().copied());
            let mut range = Window::at(4096);
            range.insert_range(from, u64::from(from) + len);
            let expected: Vec<u32> = (4096..6144).filter(|&d| d >= from && u64::from(d) < u64::from(from) + len).collect();
            prop_assert_eq!(range.iter().collect::<Vec<_>>(), expected);
            let mut both = window.clone();
            both.and(&range);
            window.retain(|d| range.contains(d));
            prop_assert_eq!(both, window);
        }
    }
}
