//! Streams: a log of entries under ascending identifiers, and the consumer groups that read it.
//!
//! Entries lie in macro nodes ([`node`]) that an ordered map keeps by their first identifier.
//! What a group was handed and has not acknowledged is in [`group`]; trimming is in [`trim`],
//! idempotent producers in [`idempotency`], and what the engine wants of every value in
//! [`object`].

pub mod group;
pub mod id;
pub mod idempotency;
pub mod node;
mod object;
#[cfg(test)]
mod tests;
pub mod trim;

use std::collections::BTreeMap;
use std::sync::Arc;

use group::Group;
pub use id::StreamId;
use idempotency::Idempotency;
use node::{Entry, Node};
pub use object::STREAM;

/// Most bytes of the fields and values of an entry, and of a node.
pub const MAX_ENTRY_BYTES: usize = 1 << 29;

/// How large macro nodes become.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// `stream-node-max-bytes`; 0 is no limit.
    pub bytes: usize,
    /// `stream-node-max-entries`; 0 is no limit.
    pub entries: u64,
}

/// A stream.
#[derive(Clone, Default)]
pub struct Stream {
    /// Shared with a copy that is being saved, until they change.
    nodes: BTreeMap<StreamId, Arc<Node>>,
    len: u64,
    last: StreamId,
    first: StreamId,
    max_deleted: StreamId,
    added: u64,
    groups: BTreeMap<Box<[u8]>, Group>,
    idempotency: Option<Box<Idempotency>>,
    /// Whether entries were ever released.
    released: bool,
}

impl Stream {
    /// Says that entries of a group are released.
    pub fn note_release(&mut self) {
        self.released = true;
    }

    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of macro nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes, by the identifiers that their entries' differences are from.
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, &Node)> {
        self.nodes_from(StreamId::MIN)
    }

    /// Those from one of these identifiers on.
    pub fn nodes_from(&self, base: StreamId) -> impl Iterator<Item = (StreamId, &Node)> {
        self.nodes.range(base..).map(|(base, node)| (*base, &**node))
    }

    /// The greatest identifier ever given.
    pub fn last_id(&self) -> StreamId {
        self.last
    }

    /// Sets the greatest identifier ever given. It must not be below that of the last entry.
    pub fn set_last_id(&mut self, id: StreamId) {
        self.last = id;
    }

    /// The first entry's identifier; 0-0 when there is none.
    pub fn first_id(&self) -> StreamId {
        self.first
    }

    /// The greatest identifier of an entry that was deleted other than by trimming.
    pub fn max_deleted(&self) -> StreamId {
        self.max_deleted
    }

    /// Sets the greatest identifier deleted.
    pub fn set_max_deleted(&mut self, id: StreamId) {
        self.max_deleted = id;
    }

    /// How many entries were ever added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Sets how many entries were ever added.
    pub fn set_added(&mut self, added: u64) {
        self.added = added;
    }

    /// Consumer groups by name, in the order of their bytes.
    pub fn groups(&self) -> &BTreeMap<Box<[u8]>, Group> {
        &self.groups
    }

    /// Consumer groups, to be changed.
    pub fn groups_mut(&mut self) -> &mut BTreeMap<Box<[u8]>, Group> {
        &mut self.groups
    }

    /// What is known of idempotent producers, once there were any.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        self.idempotency.as_deref()
    }

    /// What is known of idempotent producers, to be changed.
    pub fn idempotency_mut(&mut self) -> &mut Option<Box<Idempotency>> {
        &mut self.idempotency
    }

    /// Appends an entry of these fields and values, one after the other. Its identifier must be
    /// above [`Stream::last_id`], its bytes within [`MAX_ENTRY_BYTES`].
    pub fn append(&mut self, id: StreamId, pairs: &[&[u8]], limit: Limit) {
        let bytes: usize = pairs.iter().map(|word| word.len()).sum();
        match self.nodes.last_entry() {
            Some(mut last) if !is_full(last.get(), bytes, limit) => {
                let base = *last.key();
                Arc::make_mut(last.get_mut()).push(base, id, pairs);
            }
            last => {
                if let Some(mut last) = last {
                    Arc::make_mut(last.get_mut()).close();
                }
                let mut node = Node::new(pairs);
                node.push(id, id, pairs);
                self.nodes.insert(id, Arc::new(node));
            }
        }
        self.len += 1;
        self.added += 1;
        self.last = id;
        if self.len == 1 {
            self.first = id;
        }
    }

    /// Appends a node whose entries' identifiers begin at `base`, as an RDB file has it; false when
    /// they do not ascend. The caller sets what is not in the nodes.
    pub(crate) fn push_node(&mut self, base: StreamId, node: Node) -> bool {
        let (mut last, mut live) = (self.last, 0);
        for entry in node.entries(base) {
            if entry.id < base || entry.id <= last {
                return false;
            }
            last = entry.id;
            if !entry.deleted {
                live += 1;
                if self.len + live == 1 {
                    self.first = entry.id;
                }
            }
        }
        self.last = last;
        self.len += live;
        if live > 0 {
            self.nodes.insert(base, Arc::new(node));
        }
        true
    }

    /// Calls `visit` for the live entries from `start` to `end`, inclusive, until it answers
    /// false.
    pub fn scan<'a>(
        &'a self,
        start: StreamId,
        end: StreamId,
        mut visit: impl FnMut(&Entry<'a>) -> bool,
    ) {
        if start > end {
            return;
        }
        let from = self.nodes.range(..=start).next_back().map_or(start, |(base, _)| *base);
        for (base, node) in self.nodes.range(from..=end) {
            for entry in node.entries(*base) {
                if entry.id > end {
                    return;
                }
                if entry.id >= start && !entry.deleted && !visit(&entry) {
                    return;
                }
            }
        }
    }

    /// As [`Stream::scan`], from `end` down to `start`.
    pub fn scan_back<'a>(
        &'a self,
        start: StreamId,
        end: StreamId,
        mut visit: impl FnMut(&Entry<'a>) -> bool,
    ) {
        for (base, node) in self.nodes.range(..=end).rev() {
            for entry in node.entries_back(*base) {
                if entry.id < start {
                    return;
                }
                if entry.id <= end && !entry.deleted && !visit(&entry) {
                    return;
                }
            }
        }
    }

    /// The entry of an identifier.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (base, node) = self.nodes.range(..=id).next_back()?;
        let found = node.entries(*base).find(|entry| entry.id >= id)?;
        (found.id == id && !found.deleted).then_some(found)
    }

    /// Whether there is an entry of this identifier.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The first entry.
    pub fn first_entry(&self) -> Option<Entry<'_>> {
        let mut found = None;
        self.scan(self.first, StreamId::MAX, |entry| {
            found = Some(*entry);
            false
        });
        found
    }

    /// The last entry.
    pub fn last_entry(&self) -> Option<Entry<'_>> {
        let mut found = None;
        self.scan_back(StreamId::MIN, StreamId::MAX, |entry| {
            found = Some(*entry);
            false
        });
        found
    }

    /// Deletes an entry; false if there is none. Groups keep their references to it.
    pub fn delete(&mut self, id: StreamId) -> bool {
        if !self.remove(id) {
            return false;
        }
        self.max_deleted = self.max_deleted.max(id);
        if id == self.first {
            self.find_first();
        }
        true
    }

    /// Removes an entry and nothing else.
    fn remove(&mut self, id: StreamId) -> bool {
        let Some((base, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let base = *base;
        let found = node.entries(base).find(|entry| entry.id >= id);
        let Some(at) = found.filter(|e| e.id == id && !e.deleted).map(|e| e.at()) else {
            return false;
        };
        Arc::make_mut(node).delete(at);
        if node.counts().0 == 0 {
            self.nodes.remove(&base);
        }
        self.len -= 1;
        true
    }

    /// Finds the first entry's identifier again after entries went away.
    fn find_first(&mut self) {
        let mut first = StreamId::MIN;
        self.scan(StreamId::MIN, StreamId::MAX, |entry| {
            first = entry.id;
            false
        });
        self.first = first;
    }

    /// Whether entries were deleted from `start` on, so that counting from the numbers of entries
    /// added and read would be wrong.
    fn has_gap_from(&self, start: StreamId) -> bool {
        self.len != 0
            && self.max_deleted != StreamId::MIN
            && self.first <= self.max_deleted
            && start <= self.max_deleted
    }

    /// How many entries were added up to `id`, itself included, if that can be told without
    /// counting.
    pub fn count_up_to(&self, id: StreamId) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last {
            return Some(self.added);
        }
        if id != StreamId::MIN && id < self.max_deleted {
            return None;
        }
        if id >= self.last {
            return (id == self.last).then_some(self.added);
        }
        let whole = self.is_whole();
        match id.cmp(&self.first) {
            std::cmp::Ordering::Less if whole => self.added.checked_sub(self.len),
            std::cmp::Ordering::Equal if whole => (self.added + 1).checked_sub(self.len),
            _ => None,
        }
    }

    /// Whether nothing was deleted behind the first entry.
    fn is_whole(&self) -> bool {
        self.max_deleted == StreamId::MIN || self.max_deleted < self.first
    }

    /// How many entries a group has yet to be given, if that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.len == 0 {
            return Some(0);
        }
        if group.last < self.first && self.is_whole() {
            return Some(self.len as i64);
        }
        let read = match group.read {
            Some(read) if !self.has_gap_from(group.last) => read,
            _ => self.count_up_to(group.last)?,
        };
        Some((self.added as i64).wrapping_sub(read as i64))
    }

    /// What the counter of entries read of a group that has read up to `last` becomes when it is
    /// given the entry `id` next.
    pub fn count_read(&self, read: Option<u64>, last: StreamId, id: StreamId) -> Option<u64> {
        match read {
            Some(read) if last >= self.first && !self.has_gap_from(last) => {
                Some(read.saturating_add(1))
            }
            read if self.added == 0 => read,
            _ => self.count_up_to(id),
        }
    }

    /// Whether a group has yet to be given an entry, or to acknowledge it.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| group.last < id || group.pel().get(id).is_some())
    }

    /// Removes the references of all groups to an entry; whether there were any.
    pub fn forget(&mut self, id: StreamId) -> bool {
        let mut any = false;
        for group in self.groups.values_mut() {
            any |= group.acknowledge(id);
        }
        any
    }
}

/// Whether an entry of so many bytes goes into a new node.
fn is_full(node: &Node, bytes: usize, limit: Limit) -> bool {
    let most = if limit.bytes == 0 { MAX_ENTRY_BYTES } else { limit.bytes.min(MAX_ENTRY_BYTES) };
    if node.bytes() + bytes >= most {
        return true;
    }
    let (live, deleted) = node.counts();
    limit.entries != 0 && live + deleted >= limit.entries
}
