//! A counted B+tree: an ordered set of small keys in which the rank of a key, and the key of a
//! rank, take logarithmic time.
//!
//! All keys are in leaves, one vector each, whose capacity follows its length in small steps, so
//! that little memory is spare. An inner node has for each child its smallest key and the number
//! of keys below it. Since that smallest key is kept exact, nothing refers to a key that has been
//! removed: keys may hold references whose targets go away with them.
//!
//! A full node splits in halves; at either end of the tree it stays full instead, so that keys
//! added in order, ascending or descending, leave full nodes behind. A node that has become small
//! merges with a neighbour or takes keys from it.

mod node;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use walk::Walk;

use node::{Edge, Inner, Node, Tally};

/// What a tree holds: small, cheap to copy, and with a total order.
pub(super) trait Key: Copy + Ord {
    /// Asks the processor to load what the key refers to.
    fn prefetch(&self) {}
}

/// An ordered set that counts. See the module's page.
pub(super) struct Tree<K> {
    root: Node<K>,
    len: usize,
    tally: Tally,
}

impl<K: Key> Default for Tree<K> {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0, tally: Tally::default() }
    }
}

impl<K: Key> Tree<K> {
    /// Number of keys.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.tally.leaf_slots * size_of::<K>() + self.tally.inner_nodes * Inner::<K>::BYTES
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: K) {
        self.len += 1;
        if let Some(right) = self.root.insert(key, Edge::ROOT, &mut self.tally) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner(Inner::above(left, right, &mut self.tally));
        }
    }

    /// Removes a key; false when it is not there.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let removed = self.root.remove(key, &mut self.tally);
        if removed {
            self.len -= 1;
            self.lower_root();
        }
        removed
    }

    /// Gives up levels that have become superfluous.
    fn lower_root(&mut self) {
        while let Node::Inner(inner) = &mut self.root {
            match inner.only_child() {
                Some(child) => self.root = child,
                None => return,
            }
            self.tally.inner_nodes -= 1;
        }
    }

    /// How many keys come before the first for which `before` is false. It must be true for some
    /// first keys and false for all others.
    #[inline]
    pub(super) fn partition(&self, before: impl Fn(&K) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(keys) => return rank + keys.partition_point(&before),
                Node::Inner(inner) => {
                    let (index, skipped) = inner.child_by(&before);
                    rank += skipped;
                    node = &inner.nodes[index];
                }
            }
        }
    }

    /// How many keys are less than this one.
    #[inline]
    pub(super) fn rank(&self, key: &K) -> usize {
        self.partition(|other| other < key)
    }

    /// The key that has so many before it.
    #[cfg(test)]
    pub(super) fn at(&self, rank: usize) -> Option<K> {
        self.walk(rank, false).next()
    }

    /// The keys in order from the one of this rank on; backwards if `reverse`.
    pub(super) fn walk(&self, rank: usize, reverse: bool) -> Walk<'_, K> {
        Walk::new(&self.root, self.len, rank, reverse)
    }
}
