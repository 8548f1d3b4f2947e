//! A dictionary that gives byte strings dense ids and can enumerate them in order while it grows.
//!
//! Exact look-ups go through hash shards, enumeration through an ordered set; both share the
//! strings. Automata over the dictionary do not live here.

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::ops::Bound;
use std::sync::Arc;

/// Shards of the hash map: a growing table rehashes this fraction of it at a time.
const SHARDS: usize = 64;

/// A string's number in its dictionary; dense, from 0.
pub type TermId = u32;

/// A growing set of byte strings.
#[derive(Debug)]
pub struct Dictionary {
    shards: Vec<HashMap<Arc<[u8]>, TermId, RandomState>>,
    ordered: BTreeMap<Arc<[u8]>, TermId>,
    terms: Vec<Arc<[u8]>>,
    text_bytes: usize,
}

impl Default for Dictionary {
    fn default() -> Self {
        let hasher = RandomState::new();
        let shards = (0..SHARDS).map(|_| HashMap::with_hasher(hasher.clone())).collect();
        Self { shards, ordered: BTreeMap::new(), terms: Vec::new(), text_bytes: 0 }
    }
}

impl Dictionary {
    fn shard(&self, term: &[u8]) -> usize {
        // A few bytes spread terms well enough over shards; a second full hash would be waste.
        let head = term.iter().take(4).chain(term.iter().rev().take(3));
        let mix = head.fold(term.len(), |h, &b| h.wrapping_mul(31).wrapping_add(b.into()));
        mix % SHARDS
    }

    /// The id of a term, if it is there.
    pub fn get(&self, term: &[u8]) -> Option<TermId> {
        self.shards[self.shard(term)].get(term).copied()
    }

    /// The id of a term, which is added if it is new; `None` when ids have run out.
    pub fn get_or_insert(&mut self, term: &[u8]) -> Option<TermId> {
        let shard = self.shard(term);
        if let Some(&id) = self.shards[shard].get(term) {
            return Some(id);
        }
        let id = TermId::try_from(self.terms.len()).ok()?;
        let text: Arc<[u8]> = term.into();
        self.text_bytes += text.len() + 2 * size_of::<usize>();
        self.shards[shard].insert(text.clone(), id);
        self.ordered.insert(text.clone(), id);
        self.terms.push(text);
        Some(id)
    }

    /// The text of a term.
    pub fn term(&self, id: TermId) -> Option<&Arc<[u8]>> {
        self.terms.get(id as usize)
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms that start with `prefix`, in byte order.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], TermId)> + 'a {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let ordered = self.ordered.range::<[u8], _>(from);
        ordered.map(|(term, &id)| (&**term, id)).take_while(move |(t, _)| t.starts_with(prefix))
    }

    /// The terms after one that need not be there, or all of them, in byte order.
    pub fn after(&self, term: Option<&[u8]>) -> impl Iterator<Item = &[u8]> {
        let from = term.map_or(Bound::Unbounded, Bound::Excluded);
        self.ordered.range::<[u8], _>((from, Bound::Unbounded)).map(|(term, _)| &**term)
    }

    /// The terms that were added when there were `id` others, and later ones.
    pub fn from_id(&self, id: usize) -> impl Iterator<Item = &[u8]> {
        self.terms.iter().skip(id).map(|term| &**term)
    }

    /// All terms in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], TermId)> {
        self.ordered.iter().map(|(term, &id)| (&**term, id))
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        let slot = size_of::<(Arc<[u8]>, TermId)>();
        self.text_bytes
            + self.shards.iter().map(|s| s.capacity() * 8 / 7 * (slot + 1)).sum::<usize>()
            // B-tree nodes are two thirds full on average.
            + self.ordered.len() * slot * 3 / 2
            + self.terms.capacity() * size_of::<Arc<[u8]>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn enumerates_prefixes(terms in prop::collection::vec("[a-c]{0,5}", 0..60), prefix in "[a-c]{0,3}") {
            let mut dictionary = Dictionary::default();
            for term in &terms {
                let id = dictionary.get_or_insert(term.as_bytes()).unwrap();
                prop_assert_eq!(dictionary.get(term.as_bytes()), Some(id));
                prop_assert_eq!(&**dictionary.term(id).unwrap(), term.as_bytes());
            }
            let set: BTreeSet<&str> = terms.iter().map(String::as_str).collect();
            prop_assert_eq!(dictionary.len(), set.len());
            let got: Vec<&[u8]> = dictionary.with_prefix(prefix.as_bytes()).map(|(t, _)| t).collect();
            let want: Vec<&[u8]> = set.iter().filter(|t| t.starts_with(&prefix)).map(|t| t.as_bytes()).collect();
            prop_assert_eq!(got, want);
        }
    }
}
