//! The index of a TAG field: the documents of each value.

use crate::dictionary::Dictionary;
use crate::window::Window;
use roaring::RoaringBitmap;
use std::borrow::Cow;
use std::sync::Arc;

/// Documents whose ids share their upper bits stand in one bitmap, shared with snapshots.
const CHUNK_BITS: u32 = 16;

/// The documents of one value.
#[derive(Debug, Clone, Default)]
pub struct TagDocs {
    /// Bitmaps by `doc >> CHUNK_BITS`, ascending; none is empty.
    chunks: Vec<(u32, Arc<RoaringBitmap>)>,
    len: u32,
}

impl TagDocs {
    fn push(&mut self, doc: u32) {
        let chunk = doc >> CHUNK_BITS;
        match self.chunks.last_mut() {
            Some((last, bitmap)) if *last == chunk => {
                if !Arc::make_mut(bitmap).insert(doc) {
                    return;
                }
            }
            _ => self.chunks.push((chunk, Arc::new(RoaringBitmap::from_iter([doc])))),
        }
        self.len += 1;
    }

    /// Documents in the set, dead ones included.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first document not below `doc`.
    pub fn next_from(&self, doc: u32) -> Option<u32> {
        let from = self.chunks.partition_point(|(c, _)| *c < doc >> CHUNK_BITS);
        self.chunks[from..].iter().find_map(|(_, bitmap)| bitmap.range(doc..).next())
    }

    /// Adds the documents of the window to it.
    pub fn fill(&self, window: &mut Window) {
        let chunk = window.base >> CHUNK_BITS;
        if let Ok(at) = self.chunks.binary_search_by_key(&chunk, |(c, _)| *c) {
            let last = (window.end() - 1) as u32;
            self.chunks[at].1.range(window.base..=last).for_each(|doc| window.insert(doc));
        }
    }

    /// All documents, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.iter().flat_map(|(_, bitmap)| bitmap.iter())
    }

    /// Drops dead documents.
    fn collect(&mut self, is_dead: &impl Fn(u32) -> bool) -> u32 {
        let mut dropped = 0;
        for (_, bitmap) in &mut self.chunks {
            let dead: Vec<u32> = bitmap.iter().filter(|&d| is_dead(d)).collect();
            if !dead.is_empty() {
                let bitmap = Arc::make_mut(bitmap);
                dead.iter().for_each(|&d| {
                    bitmap.remove(d);
                });
                dropped += dead.len() as u32;
            }
        }
        self.chunks.retain(|(_, bitmap)| !bitmap.is_empty());
        self.len -= dropped;
        dropped
    }

    fn heap_bytes(&self) -> usize {
        let bitmap = |b: &RoaringBitmap| {
            let s = b.statistics();
            let bytes =
                s.n_bytes_array_containers + s.n_bytes_bitset_containers + s.n_bytes_run_containers;
            bytes as usize + s.n_containers as usize * 40
        };
        let chunk =
            |(_, b): &(u32, Arc<RoaringBitmap>)| bitmap(b) + 16 + size_of::<RoaringBitmap>();
        self.chunks.iter().map(chunk).sum::<usize>() + self.chunks.capacity() * 16
    }
}

/// All values of a TAG field.
#[derive(Debug, Default)]
pub struct TagIndex {
    values: Dictionary,
    docs: Vec<TagDocs>,
}

impl TagIndex {
    /// Adds a value of a document; ids must ascend.
    pub fn insert(&mut self, value: &[u8], doc: u32) {
        let Some(id) = self.values.get_or_insert(value) else { return };
        if self.docs.len() <= id as usize {
            self.docs.resize_with(id as usize + 1, TagDocs::default);
        }
        self.docs[id as usize].push(doc);
    }

    /// The values, used or not.
    pub fn dictionary(&self) -> &Dictionary {
        &self.values
    }

    /// The documents of a value.
    pub fn get(&self, value: &[u8]) -> Option<&TagDocs> {
        self.docs.get(self.values.get(value)? as usize)
    }

    /// The values that start with `prefix`, in byte order, with their documents.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a TagDocs)> + 'a {
        let values = self.values.with_prefix(prefix);
        values.filter_map(|(text, id)| Some((text, self.docs.get(id as usize)?)))
    }

    /// All values in byte order that have documents.
    pub fn values(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.values.iter().filter_map(|(text, id)| {
            let docs = self.docs.get(id as usize)?.len();
            (docs > 0).then_some((text, docs))
        })
    }

    /// Number of values, the steps of a collection.
    pub fn len(&self) -> usize {
        self.docs.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// Drops dead documents from one value.
    pub fn collect(&mut self, at: usize, is_dead: &impl Fn(u32) -> bool) -> u32 {
        self.docs.get_mut(at).map_or(0, |docs| docs.collect(is_dead))
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        self.values.heap_bytes()
            + self.docs.capacity() * size_of::<TagDocs>()
            + self.docs.iter().map(TagDocs::heap_bytes).sum::<usize>()
    }
}

/// Splits a value into tags by `separator`, trimmed; empty ones are dropped.
pub fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    value.split(move |&b| b == separator).map(<[u8]>::trim_ascii).filter(|t| !t.is_empty())
}

/// A tag as it is indexed and searched: in lower case unless case counts.
pub fn normalize(value: &[u8], case_sensitive: bool) -> Cow<'_, [u8]> {
    if case_sensitive {
        return Cow::Borrowed(value);
    }
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Owned(text.to_lowercase().into_bytes()),
        Err(_) => Cow::Owned(value.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn sets_windows_and_collection(docs in prop::collection::btree_set(0u32..200_000, 0..300), from in 0u32..200_000, dead in 2u32..4) {
            let mut index = TagIndex::default();
            docs.iter().for_each(|&d| index.insert(b"x", d));
            let empty = TagDocs::default();
            let set = index.get(b"x").unwrap_or(&empty).clone();
            prop_assert_eq!(set.len() as usize, docs.len());
            prop_assert_eq!(set.next_from(from), docs.range(from..).next().copied());
            let mut window = Window::at(from);
            set.fill(&mut window);
            let end = window.end() as u32;
            prop_assert_eq!(window.iter().collect::<Vec<_>>(), docs.range(window.base..end).copied().collect::<Vec<_>>());
            index.collect(0, &|d| d % dead == 0);
            let kept: BTreeSet<u32> = index.get(b"x").unwrap_or(&empty).iter().collect();
            prop_assert_eq!(kept, docs.iter().copied().filter(|d| d % dead != 0).collect::<BTreeSet<_>>());
            prop_assert!(set.iter().eq(docs));
        }
    }

    #[test]
    fn splits_and_normalizes() {
        assert_eq!(split(b" a , b c,,", b',').collect::<Vec<_>>(), [&b"a"[..], b"b c"]);
        assert_eq!(&*normalize("ÀB".as_bytes(), false), "àb".as_bytes());
        assert_eq!(&*normalize(b"AB", true), b"AB");
    }
}
