//! Producers that may send an entry twice: which of their identifiers were used lately, and for
//! which entries.
//!
//! Documentation: <https://redis.io/docs/latest/develop/data-types/streams/idempotency/>. An
//! identifier's age is that of its entry, so that replicas and logs need no clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::StreamId;
use super::group::per_entry;
use crate::ds::{Seed, hash_bytes};

/// How long and how many identifiers are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seconds for which an identifier is remembered.
    pub duration: u64,
    /// How many identifiers of a producer are remembered.
    pub most: usize,
}

impl Default for Settings {
    /// As Redis documents it.
    fn default() -> Self {
        Self { duration: 100, most: 100 }
    }
}

/// The identifiers of one producer, oldest first in `order`.
#[derive(Clone, Default)]
struct Producer {
    used: BTreeMap<Box<[u8]>, StreamId>,
    order: VecDeque<Box<[u8]>>,
}

impl Producer {
    /// The identifiers with their entries, in the order they came in.
    fn identifiers(&self) -> impl Iterator<Item = (&[u8], StreamId)> {
        self.order.iter().filter_map(|id| Some((&**id, *self.used.get(id)?)))
    }
}

/// What a stream remembers of its producers.
#[derive(Clone)]
pub struct Idempotency {
    settings: Settings,
    /// Shared with a copy that is being saved, until they change.
    producers: BTreeMap<Box<[u8]>, Arc<Producer>>,
    added: u64,
    duplicates: u64,
}

impl Idempotency {
    /// Nothing remembered yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, producers: BTreeMap::new(), added: 0, duplicates: 0 }
    }

    /// How long and how many identifiers are remembered.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Changes what is remembered; all is forgotten if that is a change.
    pub fn set(&mut self, settings: Settings) {
        if self.settings != settings {
            self.settings = settings;
            self.producers.clear();
        }
    }

    /// Number of producers, of identifiers remembered, ever added, and found again.
    pub fn counts(&self) -> [u64; 4] {
        let ids = self.producers.values().map(|producer| producer.order.len() as u64).sum();
        [self.producers.len() as u64, ids, self.added, self.duplicates]
    }

    /// The entry that was added under an identifier.
    pub fn find(&self, producer: &[u8], id: &[u8]) -> Option<StreamId> {
        self.producers.get(producer)?.used.get(id).copied()
    }

    /// Counts a duplicate that was refused.
    pub fn count_duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// Forgets what is too old at `now`, in Unix milliseconds.
    pub fn expire(&mut self, producer: &[u8], now: i64) {
        let until = now.saturating_sub(self.settings.duration.saturating_mul(1000) as i64);
        let Some(known) = self.producers.get_mut(producer) else { return };
        let first = known.order.front().and_then(|id| known.used.get(id));
        if first.is_some_and(|entry| (entry.ms as i64) >= until) {
            return;
        }
        let known = Arc::make_mut(known);
        while let Some(id) = known.order.front()
            && known.used.get(id).is_none_or(|entry| (entry.ms as i64) < until)
        {
            known.used.remove(id);
            known.order.pop_front();
        }
        if known.order.is_empty() {
            self.producers.remove(producer);
        }
    }

    /// Remembers that an identifier, which is not known yet, was used for an entry.
    pub fn add(&mut self, producer: &[u8], id: &[u8], entry: StreamId) {
        let known = Arc::make_mut(self.producers.entry(producer.into()).or_default());
        while known.order.len() >= self.settings.most.max(1) {
            let Some(oldest) = known.order.pop_front() else { break };
            known.used.remove(&oldest);
        }
        known.used.insert(id.into(), entry);
        known.order.push_back(id.into());
        self.added += 1;
    }

    /// Sets how many identifiers were ever added, and how many were found again.
    pub fn set_counts(&mut self, added: u64, duplicates: u64) {
        (self.added, self.duplicates) = (added, duplicates);
    }

    /// Whether both remember the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.settings == other.settings
            && self.counts() == other.counts()
            && self.iter().eq(other.iter())
    }

    /// All producers, each with its identifiers and their entries, in the order they came in.
    pub fn producers(&self) -> impl ExactSizeIterator<Item = (&[u8], Vec<(&[u8], StreamId)>)> {
        self.producers.iter().map(|(name, producer)| (&**name, producer.identifiers().collect()))
    }

    /// All identifiers: producer, identifier, entry; each producer's in the order they came in.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], StreamId)> {
        self.producers.iter().flat_map(|(name, producer)| {
            producer.identifiers().map(move |(id, entry)| (&**name, id, entry))
        })
    }

    /// Bytes allocated, roughly.
    pub fn memory(&self) -> usize {
        let ids: usize = self.iter().map(|(_, id, _)| 2 * id.len() + size_of::<Box<[u8]>>()).sum();
        let [producers, count, ..] = self.counts();
        size_of::<Self>()
            + ids
            + per_entry::<Box<[u8]>, StreamId>(count as usize)
            + per_entry::<Box<[u8]>, Producer>(producers as usize)
    }
}

/// The identifier that stands for an entry's contents: 128 bits, the same in every process.
pub fn identifier_of(pairs: &[&[u8]]) -> [u8; 16] {
    let mut text = Vec::with_capacity(pairs.iter().map(|word| word.len() + 8).sum());
    for word in pairs {
        text.extend_from_slice(&(word.len() as u64).to_le_bytes());
        text.extend_from_slice(word);
    }
    let mut id = [0; 16];
    for (half, seed) in id.chunks_exact_mut(8).zip([0x0069_646d_7001, 0x0069_646d_7002]) {
        half.copy_from_slice(&hash_bytes(&Seed::fixed(seed), &text).to_le_bytes());
    }
    id
}
