//! Removing a stream's oldest entries.

use super::{Stream, StreamId};

/// What stays when a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many entries.
    Newest(u64),
    /// The entries from this one on.
    From(StreamId),
}

/// What becomes of the references that consumer groups hold to entries that are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum References {
    /// They stay (KEEPREF).
    #[default]
    Keep,
    /// They are removed (DELREF).
    Remove,
    /// Only entries without any are removed (ACKED).
    Spare,
}

/// How to trim.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// What stays.
    pub keep: Keep,
    /// Only whole nodes go, so that a little more may stay.
    pub approximate: bool,
    /// At most so many entries go, whole nodes counted; 0 is no limit.
    pub limit: u64,
    /// What becomes of references.
    pub references: References,
}

impl Stream {
    /// Removes old entries; returns how many. It does not count as a deletion for the groups'
    /// lags.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        let mut from = StreamId::MIN;
        while let Some((&base, node)) = self.nodes.range(from..).next() {
            if self.is_trimmed(trim.keep, base) {
                break;
            }
            let (live, _) = node.counts();
            if trim.limit != 0 && removed + live > trim.limit {
                break;
            }
            if self.goes_whole(trim, base, live) {
                removed += self.remove_node(base, trim.references);
            } else if trim.approximate {
                break;
            } else {
                removed += self.trim_node(base, trim);
            }
            let Some(next) = base.next() else { break };
            from = next;
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Whether nothing at or after `id` has to go.
    fn is_trimmed(&self, keep: Keep, id: StreamId) -> bool {
        match keep {
            Keep::Newest(count) => self.len <= count,
            Keep::From(first) => id >= first,
        }
    }

    /// Whether all of a node's entries go.
    fn goes_whole(&self, trim: &Trim, base: StreamId, live: u64) -> bool {
        let Some(node) = self.nodes.get(&base) else { return false };
        let goes = match trim.keep {
            Keep::Newest(count) => self.len - live >= count,
            Keep::From(first) => node.entries_back(base).next().is_some_and(|last| last.id < first),
        };
        goes && (trim.references != References::Spare
            || !node.entries(base).any(|e| !e.deleted && self.is_referenced(e.id)))
    }

    fn remove_node(&mut self, base: StreamId, references: References) -> u64 {
        let Some(node) = self.nodes.remove(&base) else { return 0 };
        let (live, _) = node.counts();
        self.len -= live;
        if references == References::Remove && !self.groups.is_empty() {
            for entry in node.entries(base).filter(|entry| !entry.deleted) {
                self.forget(entry.id);
            }
        }
        live
    }

    /// Removes the entries of one node that have to go.
    fn trim_node(&mut self, base: StreamId, trim: &Trim) -> u64 {
        let Some(node) = self.nodes.get(&base) else { return 0 };
        let ids: Vec<StreamId> = node.entries(base).filter(|e| !e.deleted).map(|e| e.id).collect();
        let mut removed = 0;
        for id in ids {
            if self.is_trimmed(trim.keep, id) {
                break;
            }
            if trim.references == References::Spare && self.is_referenced(id) {
                continue;
            }
            self.remove(id);
            removed += 1;
            if trim.references == References::Remove {
                self.forget(id);
            }
        }
        removed
    }
}
