//! The document table: internal ids, keys, lengths, scores and deaths.
//!
//! Ids are given in ascending order and never reused, so that "born before this snapshot" is a
//! comparison with its first unused id. A death carries the sequence number of the write that
//! caused it: a snapshot still sees the documents that died after it was taken. Chunks are shared
//! with snapshots and written through atomics, so that readers need no lock.

use crate::window::{WINDOW, Window};
use std::collections::HashMap;
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Arc, OnceLock};

/// Documents in a chunk of the table.
pub const CHUNK: usize = 4096;

/// Shards of the key map: a growing hash table rehashes this fraction of it at a time.
const KEY_SHARDS: usize = 256;

/// The first id given to a document.
pub const FIRST_DOC: u32 = 1;

/// The facts of [`CHUNK`] consecutive documents.
#[derive(Debug)]
pub struct DocChunk {
    lens: Box<[AtomicU32]>,
    max_freqs: Box<[AtomicU32]>,
    /// Scores as bits of `f32`, made when the first differs from 1.
    scores: OnceLock<Box<[AtomicU32]>>,
    /// One bit a dead document.
    dead: Box<[AtomicU64]>,
    dead_count: AtomicU32,
    /// Sequence numbers of deaths, made with the first.
    deaths: OnceLock<Box<[AtomicU64]>>,
}

fn atomics_u32() -> Box<[AtomicU32]> {
    (0..CHUNK).map(|_| AtomicU32::new(0)).collect()
}

impl DocChunk {
    fn new() -> Self {
        Self {
            lens: atomics_u32(),
            max_freqs: atomics_u32(),
            scores: OnceLock::new(),
            dead: (0..CHUNK / 64).map(|_| AtomicU64::new(0)).collect(),
            dead_count: AtomicU32::new(0),
            deaths: OnceLock::new(),
        }
    }

    fn heap_bytes(&self) -> usize {
        let optional = usize::from(self.scores.get().is_some()) * 4
            + usize::from(self.deaths.get().is_some()) * 8;
        size_of::<Self>() + CHUNK * (8 + optional) + CHUNK / 8
    }

    fn kill(&self, at: usize, sequence: u64) {
        let deaths = self.deaths.get_or_init(|| (0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        deaths[at].store(sequence, Relaxed);
        // Readers that see the bit must see the sequence number.
        self.dead[at / 64].fetch_or(1 << (at % 64), Release);
        self.dead_count.fetch_add(1, Release);
    }

    /// Whether the document was dead at `sequence`.
    fn is_dead_at(&self, at: usize, sequence: u64) -> bool {
        self.dead[at / 64].load(Acquire) >> (at % 64) & 1 == 1
            && self.deaths.get().is_some_and(|d| d[at].load(Relaxed) <= sequence)
    }
}

/// What is known of a document when it is added.
#[derive(Debug, Clone, Copy)]
pub struct DocFacts {
    /// Sum of the weighted frequencies of its words.
    pub len: u32,
    /// Highest weighted frequency of one of its terms.
    pub max_freq: u32,
    /// The document's own score.
    pub score: f32,
}

/// The table that writers change.
#[derive(Debug)]
pub struct DocTable {
    chunks: Arc<Vec<Arc<DocChunk>>>,
    keys: Vec<Option<Arc<[u8]>>>,
    by_key: Vec<HashMap<Arc<[u8]>, u32>>,
    next: u32,
    sequence: u64,
    alive: u32,
    total_len: u64,
    key_bytes: usize,
    /// Highest score that a document was ever given, at least 1.
    max_score: f32,
    /// Shared with every view, to know whether one is in use.
    pin: Arc<()>,
}

impl Default for DocTable {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            keys: vec![None; FIRST_DOC as usize],
            by_key: (0..KEY_SHARDS).map(|_| HashMap::new()).collect(),
            next: FIRST_DOC,
            sequence: 0,
            alive: 0,
            total_len: 0,
            key_bytes: 0,
            max_score: 1.0,
            pin: Arc::new(()),
        }
    }
}

impl DocTable {
    fn shard(key: &[u8]) -> usize {
        // Any spread will do: the maps themselves hash with a secret seed.
        let mix = key.iter().fold(0u32, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        (mix >> 16) as usize % KEY_SHARDS
    }

    /// Adds a document under a key that has none; `None` when ids have run out.
    pub fn insert(&mut self, key: &[u8], facts: DocFacts) -> Option<u32> {
        let doc = self.next;
        self.next = self.next.checked_add(1)?;
        let (chunk, at) = (doc as usize / CHUNK, doc as usize % CHUNK);
        if chunk == self.chunks.len() {
            Arc::make_mut(&mut self.chunks).push(Arc::new(DocChunk::new()));
        }
        let chunk = &self.chunks[chunk];
        chunk.lens[at].store(facts.len, Relaxed);
        chunk.max_freqs[at].store(facts.max_freq, Relaxed);
        if facts.score != 1.0 || chunk.scores.get().is_some() {
            let ones = || (0..CHUNK).map(|_| AtomicU32::new(1f32.to_bits())).collect();
            chunk.scores.get_or_init(ones)[at].store(facts.score.to_bits(), Relaxed);
        }
        self.max_score = self.max_score.max(facts.score);
        let key: Arc<[u8]> = key.into();
        self.key_bytes += key.len() + 2 * size_of::<usize>();
        self.by_key[Self::shard(&key)].insert(key.clone(), doc);
        self.keys.push(Some(key));
        self.alive += 1;
        self.total_len += u64::from(facts.len);
        self.sequence += 1;
        Some(doc)
    }

    /// Kills the document under `key`, if there is one, and returns its id.
    pub fn remove(&mut self, key: &[u8]) -> Option<u32> {
        let doc = self.by_key[Self::shard(key)].remove(key)?;
        self.sequence += 1;
        let chunk = &self.chunks[doc as usize / CHUNK];
        chunk.kill(doc as usize % CHUNK, self.sequence);
        self.alive -= 1;
        self.total_len -= u64::from(chunk.lens[doc as usize % CHUNK].load(Relaxed));
        Some(doc)
    }

    /// The living document under a key.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        self.by_key[Self::shard(key)].get(key).copied()
    }

    /// The key of a document, dead or alive, until it is collected.
    pub fn key(&self, doc: u32) -> Option<&Arc<[u8]>> {
        self.keys.get(doc as usize)?.as_ref()
    }

    /// Forgets the key of a dead document.
    pub fn forget(&mut self, doc: u32) {
        if let Some(key) = self.keys.get_mut(doc as usize).and_then(Option::take) {
            self.key_bytes -= key.len() + 2 * size_of::<usize>();
        }
    }

    /// Living documents.
    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// The id that the next document will get.
    pub fn next_doc(&self) -> u32 {
        self.next
    }

    /// A view of the table as it is now.
    pub fn snapshot(&self) -> DocsView {
        DocsView {
            chunks: self.chunks.clone(),
            end: self.next,
            sequence: self.sequence,
            alive: self.alive,
            total_len: self.total_len,
            max_score: self.max_score,
            _pin: self.pin.clone(),
        }
    }

    /// Views in use; a query with one may still ask for the key of a dead document.
    pub fn view_count(&self) -> usize {
        Arc::strong_count(&self.pin) - 1
    }

    /// Heap bytes of the table.
    pub fn heap_bytes(&self) -> usize {
        let slot = size_of::<(Arc<[u8]>, u32)>() + 1;
        self.chunks.iter().map(|c| c.heap_bytes()).sum::<usize>()
            + self.keys.capacity() * size_of::<Option<Arc<[u8]>>>()
            + self.by_key.iter().map(|m| m.capacity() * 8 / 7 * slot).sum::<usize>()
            + self.key_bytes
    }
}

/// The documents as one query sees them.
#[derive(Debug, Clone)]
pub struct DocsView {
    chunks: Arc<Vec<Arc<DocChunk>>>,
    end: u32,
    sequence: u64,
    alive: u32,
    total_len: u64,
    max_score: f32,
    _pin: Arc<()>,
}

impl DocsView {
    /// First id not in the view.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Living documents of the view.
    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// Sum of the lengths of the living documents.
    pub fn total_len(&self) -> u64 {
        self.total_len
    }

    /// No document's own score is higher.
    pub fn max_score(&self) -> f32 {
        self.max_score
    }

    fn chunk(&self, doc: u32) -> Option<(&DocChunk, usize)> {
        let chunk = self.chunks.get(doc as usize / CHUNK)?;
        Some((chunk, doc as usize % CHUNK))
    }

    /// Length of a document.
    pub fn len(&self, doc: u32) -> u32 {
        self.chunk(doc).map_or(0, |(c, at)| c.lens[at].load(Relaxed))
    }

    /// Whether the view holds no living document.
    pub fn is_empty(&self) -> bool {
        self.alive == 0
    }

    /// Highest frequency of a term in a document.
    pub fn max_freq(&self, doc: u32) -> u32 {
        self.chunk(doc).map_or(0, |(c, at)| c.max_freqs[at].load(Relaxed))
    }

    /// A document's own score.
    pub fn score(&self, doc: u32) -> f32 {
        let bits = self.chunk(doc).and_then(|(c, at)| Some(c.scores.get()?[at].load(Relaxed)));
        bits.map_or(1.0, f32::from_bits)
    }

    /// Whether a document was born and had not died when the view was taken.
    pub fn is_alive(&self, doc: u32) -> bool {
        doc < self.end
            && doc >= FIRST_DOC
            && self.chunk(doc).is_some_and(|(c, at)| !c.is_dead_at(at, self.sequence))
    }

    /// Whether every document of `from ..= to` is alive, judged coarsely: `false` may be wrong.
    pub fn all_alive(&self, from: u32, to: u32) -> bool {
        let chunks = self.chunks.get(from as usize / CHUNK..=to as usize / CHUNK);
        to < self.end
            && chunks.is_some_and(|all| all.iter().all(|c| c.dead_count.load(Acquire) == 0))
    }

    /// Whether a document of the view had died when it was taken.
    pub fn is_dead(&self, doc: u32) -> bool {
        doc < self.end && self.chunk(doc).is_some_and(|(c, at)| c.is_dead_at(at, self.sequence))
    }

    /// Fills an empty window with its living documents.
    pub fn fill(&self, window: &mut Window) {
        window.insert_range(FIRST_DOC, u64::from(self.end));
        self.retain_alive(window);
    }

    /// Drops documents that are dead or not yet born from a window.
    pub fn retain_alive(&self, window: &mut Window) {
        if window.end() > u64::from(self.end) {
            let mut born = Window::at(window.base);
            born.insert_range(FIRST_DOC, u64::from(self.end));
            window.and(&born);
        }
        let Some((chunk, start)) = self.chunk(window.base) else { return };
        if chunk.dead_count.load(Acquire) == 0 {
            return;
        }
        for (at, word) in window.words_mut().iter_mut().enumerate() {
            let mut dead = chunk.dead[start / 64 + at].load(Acquire) & *word;
            while dead != 0 {
                let bit = dead.trailing_zeros() as usize;
                dead &= dead - 1;
                if chunk.is_dead_at(start + at * 64 + bit, self.sequence) {
                    *word &= !(1 << bit);
                }
            }
        }
    }
}

// A window never straddles two chunks.
const _: () = assert!(CHUNK.is_multiple_of(WINDOW as usize));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const FACTS: DocFacts = DocFacts { len: 3, max_freq: 2, score: 1.0 };

    proptest! {
        #[test]
        fn snapshots_stay_as_they_were(writes in prop::collection::vec((0u8..40, any::<bool>()), 1..200), at in 0usize..200) {
            let mut table = DocTable::default();
            let mut model = BTreeMap::new();
            let mut frozen = None;
            for (n, (key, insert)) in writes.iter().enumerate() {
                if n == at {
                    frozen = Some((table.snapshot(), model.clone()));
                }
                prop_assert_eq!(table.remove(&[*key]), model.remove(key));
                if *insert {
                    model.insert(*key, table.insert(&[*key], FACTS).unwrap());
                }
            }
            let now = (table.snapshot(), model);
            for (view, model) in frozen.into_iter().chain([now]) {
                let mut window = Window::at(0);
                view.fill(&mut window);
                let mut expected: Vec<u32> = model.values().copied().collect();
                expected.sort_unstable();
                prop_assert_eq!(window.iter().collect::<Vec<_>>(), expected);
                prop_assert_eq!(view.alive() as usize, model.len());
                prop_assert_eq!(view.total_len(), 3 * model.len() as u64);
                prop_assert!(model.values().all(|&d| view.is_alive(d)));
            }
        }
    }

    #[test]
    fn many_chunks() {
        let mut table = DocTable::default();
        for n in 0..10_000u32 {
            table.insert(&n.to_be_bytes(), FACTS).unwrap();
        }
        let view = table.snapshot();
        table.remove(&5000u32.to_be_bytes());
        assert!(view.is_alive(5001) && !table.snapshot().is_alive(5001));
        assert!(table.snapshot().all_alive(1, 4000) && !table.snapshot().all_alive(4097, 5000));
        assert_eq!(&**table.key(1).unwrap(), &0u32.to_be_bytes());
    }
}
