//! Sets of shards.

use super::SHARDS;

const WORDS: usize = SHARDS / 64;

/// A set of shards: one bit each, so that a command's set is copied, asked and walked in a few
/// instructions, in the ascending order in which shards are locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet {
    words: [u64; WORDS],
}

impl ShardSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { words: [0; WORDS] }
    }

    /// The set of one shard.
    #[inline]
    pub fn one(shard: u16) -> Self {
        let mut set = Self::new();
        set.insert(shard);
        set
    }

    /// Adds a shard.
    ///
    /// # Panics
    /// When there is no shard of that number.
    #[inline]
    pub fn insert(&mut self, shard: u16) {
        self.words[usize::from(shard / 64)] |= 1 << (shard % 64);
    }

    /// Whether a shard is in the set.
    #[inline]
    pub fn contains(&self, shard: u16) -> bool {
        self.words.get(usize::from(shard / 64)).is_some_and(|word| word >> (shard % 64) & 1 != 0)
    }

    /// Whether the set is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    /// How many shards are in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether all of `other` is in the set.
    pub fn includes(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(mine, theirs)| theirs & !mine == 0)
    }

    /// The shards, ascending.
    #[inline]
    pub fn iter(&self) -> Iter {
        Iter { words: self.words, at: 0 }
    }
}

impl Extend<u16> for ShardSet {
    fn extend<I: IntoIterator<Item = u16>>(&mut self, shards: I) {
        shards.into_iter().for_each(|shard| self.insert(shard));
    }
}

impl FromIterator<u16> for ShardSet {
    fn from_iter<I: IntoIterator<Item = u16>>(shards: I) -> Self {
        let mut set = Self::new();
        set.extend(shards);
        set
    }
}

impl IntoIterator for &ShardSet {
    type Item = u16;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

/// The shards of a [`ShardSet`], ascending.
#[derive(Clone, Debug)]
pub struct Iter {
    words: [u64; WORDS],
    at: usize,
}

impl Iterator for Iter {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        while let Some(word) = self.words.get_mut(self.at) {
            if *word != 0 {
                let bit = word.trailing_zeros() as u16;
                *word &= *word - 1;
                return Some(self.at as u16 * 64 + bit);
            }
            self.at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_an_ordered_set(
            shards in proptest::collection::vec(0..SHARDS as u16, 0..40),
            others in proptest::collection::vec(0..SHARDS as u16, 0..4),
        ) {
            let model: BTreeSet<u16> = shards.iter().copied().collect();
            let set: ShardSet = shards.into_iter().collect();
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
            prop_assert!((0..SHARDS as u16).all(|s| set.contains(s) == model.contains(&s)));
            let other: ShardSet = others.iter().copied().collect();
            prop_assert_eq!(set.includes(&other), others.iter().all(|s| model.contains(s)));
        }
    }
}
