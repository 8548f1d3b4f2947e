//! Consumer groups: how far each has read, its consumers, and what they were handed and have not
//! acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use super::StreamId;

/// A consumer within its group. Numbers are given anew once a consumer is gone.
pub type ConsumerId = u32;

/// An entry that was handed out and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Whose it is; `None` once it was released.
    pub owner: Option<ConsumerId>,
    /// When it was handed out last, in Unix milliseconds. Of a released entry, its place in the
    /// order of releases.
    time: i64,
    /// How often it was handed out.
    pub count: u64,
}

impl Pending {
    /// When it was handed out last, in Unix milliseconds; 0 once it was released.
    pub fn delivered(&self) -> i64 {
        if self.owner.is_some() { self.time } else { 0 }
    }
}

/// The entries pending in a group.
#[derive(Clone, Default)]
pub struct Pel {
    entries: BTreeMap<StreamId, Pending>,
    /// Released entries in the order of their release.
    released: BTreeMap<i64, StreamId>,
    /// By time of delivery; kept once somebody has asked for it.
    by_age: Option<BTreeSet<(i64, StreamId)>>,
}

impl Pel {
    /// Number of pending entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries that were released and not claimed since.
    pub fn released(&self) -> usize {
        self.released.len()
    }

    /// What is known of a pending entry.
    pub fn get(&self, id: StreamId) -> Option<&Pending> {
        if self.entries.is_empty() { None } else { self.entries.get(&id) }
    }

    /// Pending entries from `start` on, by their identifiers.
    pub fn from(&self, start: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, Pending)> {
        self.entries.range(start..).map(|(id, pending)| (*id, *pending))
    }

    /// All released entries in the order of their release.
    pub fn released_entries(&self) -> impl Iterator<Item = StreamId> {
        self.released.values().copied()
    }

    /// The entries to claim first that were not handed out since `until`: the released ones, then
    /// those handed out longest ago.
    pub fn claimable(&mut self, until: i64, most: usize) -> Vec<StreamId> {
        let by_age = self.by_age.get_or_insert_with(|| {
            let owned = self.entries.iter().filter(|(_, pending)| pending.owner.is_some());
            owned.map(|(id, pending)| (pending.time, *id)).collect()
        });
        let idle = by_age.iter().take_while(|(time, _)| *time <= until).map(|(_, id)| *id);
        self.released.values().copied().chain(idle).take(most).collect()
    }

    /// When the entry was handed out that was so longest ago; 0 if some were released.
    pub fn oldest_delivery(&mut self) -> Option<i64> {
        if !self.released.is_empty() {
            return Some(0);
        }
        let oldest = self.claimable(i64::MAX, 1);
        oldest.first().and_then(|id| self.entries.get(id)).map(|pending| pending.time)
    }

    fn put(&mut self, id: StreamId, pending: Pending) {
        match (pending.owner, &mut self.by_age) {
            (None, _) => drop(self.released.insert(pending.time, id)),
            (Some(_), Some(by_age)) => drop(by_age.insert((pending.time, id))),
            (Some(_), None) => {}
        }
        self.entries.insert(id, pending);
    }

    fn take(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.entries.remove(&id)?;
        if pending.owner.is_none() {
            self.released.remove(&pending.time);
        } else if let Some(by_age) = &mut self.by_age {
            by_age.remove(&(pending.time, id));
        }
        Some(pending)
    }

    fn memory(&self) -> usize {
        let ordered = self.released.len() + self.by_age.as_ref().map_or(0, BTreeSet::len);
        per_entry::<StreamId, Pending>(self.entries.len()) + per_entry::<i64, StreamId>(ordered)
    }
}

/// A consumer of a group.
#[derive(Clone)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it last tried something, in Unix milliseconds.
    pub seen: i64,
    /// When it was last handed something; `None` if never.
    pub active: Option<i64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// The entries it has to acknowledge.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// A consumer group.
#[derive(Clone, Default)]
pub struct Group {
    /// The last entry that was handed out.
    pub last: StreamId,
    /// How many entries were handed out, as far as that is known.
    pub read: Option<u64>,
    pel: Pel,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    consumers: Vec<Option<Consumer>>,
}

impl Group {
    /// A group that has read up to `last`, which were `read` entries.
    pub fn new(last: StreamId, read: Option<u64>) -> Self {
        Self { last, read, ..Self::default() }
    }

    /// Pending entries.
    pub fn pel(&self) -> &Pel {
        &self.pel
    }

    /// See [`Pel::claimable`].
    pub fn claimable(&mut self, until: i64, most: usize) -> Vec<StreamId> {
        self.pel.claimable(until, most)
    }

    /// See [`Pel::oldest_delivery`].
    pub fn oldest_delivery(&mut self) -> Option<i64> {
        self.pel.oldest_delivery()
    }

    /// Its consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|id| match self.consumers.get(*id as usize) {
            Some(Some(consumer)) => consumer,
            _ => unreachable!("every name has its consumer"),
        })
    }

    /// The consumer of a name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// A consumer.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id as usize)?.as_ref()
    }

    /// A consumer, to note when it was seen.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> Option<&mut Consumer> {
        self.consumers.get_mut(id as usize)?.as_mut()
    }

    /// The name of a pending entry's owner; empty when it was released.
    pub fn owner_name(&self, pending: &Pending) -> &[u8] {
        pending.owner.and_then(|id| self.consumer(id)).map_or(b"", |consumer| &consumer.name)
    }

    /// Adds a consumer whose name is not taken yet.
    pub fn add_consumer(&mut self, name: &[u8], now: i64) -> ConsumerId {
        let consumer =
            Consumer { name: name.into(), seen: now, active: None, pending: BTreeSet::new() };
        let free = self.consumers.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        self.consumers[at] = Some(consumer);
        let id = at as ConsumerId;
        self.names.insert(name.into(), id);
        id
    }

    /// Removes a consumer and all that is pending for it; how many entries that were.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        let consumer = self.consumers.get_mut(id as usize)?.take()?;
        for entry in &consumer.pending {
            self.pel.take(*entry);
        }
        Some(consumer.pending.len())
    }

    /// Hands an entry to a consumer, from whoever had it.
    pub fn assign(&mut self, id: StreamId, to: ConsumerId, time: i64, count: u64) {
        self.acknowledge(id);
        if let Some(Some(consumer)) = self.consumers.get_mut(to as usize) {
            consumer.pending.insert(id);
            self.pel.put(id, Pending { owner: Some(to), time, count });
        }
    }

    /// Takes an entry from its consumer, if it has one, and puts it at the end of those that
    /// anybody may claim.
    pub fn release(&mut self, id: StreamId, count: u64) {
        self.acknowledge(id);
        let time = self.pel.released.last_key_value().map_or(0, |(order, _)| order + 1);
        self.pel.put(id, Pending { owner: None, time, count });
    }

    /// Removes a pending entry; false if it was not pending.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pel.take(id) else { return false };
        if let Some(consumer) = pending.owner.and_then(|owner| self.consumer_mut(owner)) {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Bytes allocated, roughly.
    pub fn memory(&self) -> usize {
        let consumers: usize = self
            .consumers()
            .map(|c| 2 * c.name.len() + per_entry::<StreamId, ()>(c.pending.len()))
            .sum();
        let slots = self.consumers.capacity() * size_of::<Option<Consumer>>();
        let names = per_entry::<Box<[u8]>, ConsumerId>(self.names.len());
        self.pel.memory() + slots + consumers + names
    }
}

/// Bytes that so many entries take in a B-tree that is about two thirds full.
pub(super) fn per_entry<K, V>(count: usize) -> usize {
    count * (size_of::<K>() + size_of::<V>()) * 3 / 2
}
