//! The nodes of the tree: how they take in and give up keys, split, merge and share.

use super::Key;

/// Most keys of a leaf, and most children of an inner node.
pub(super) const MAX: usize = 64;
/// A node with fewer keys or children looks to its neighbour.
const SMALL: usize = MAX / 4;
/// Neighbours with at most so many together become one.
const MERGED: usize = MAX * 3 / 4;
/// Keys by which a leaf's capacity grows and shrinks: with keys of 16 bytes a leaf then fills the
/// size classes of common allocators.
const STEP: usize = 8;

/// What the tree's memory is counted by.
#[derive(Default)]
pub(super) struct Tally {
    /// Capacity of all leaves, in keys.
    pub(super) leaf_slots: usize,
    pub(super) inner_nodes: usize,
}

/// Whether a node is the first or last of its level.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    first: bool,
    last: bool,
}

impl Edge {
    pub(super) const ROOT: Self = Self { first: true, last: true };

    /// Where a full node splits that takes something in at `index`, which may be no less than
    /// `least`: in the middle, except that it stays whole at an end of the tree that grows.
    fn split_point(self, index: usize, least: usize) -> usize {
        match index {
            MAX if self.last => MAX,
            _ if index == least && self.first => least,
            _ => MAX / 2,
        }
    }
}

pub(super) enum Node<K> {
    Leaf(Vec<K>),
    Inner(Box<Inner<K>>),
}

impl<K: Key> Node<K> {
    /// Number of keys in and below the node.
    fn count(&self) -> usize {
        match self {
            Node::Leaf(keys) => keys.len(),
            Node::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// Number of keys or children.
    fn width(&self) -> usize {
        match self {
            Node::Leaf(keys) => keys.len(),
            Node::Inner(inner) => inner.nodes.len(),
        }
    }

    /// The smallest key.
    fn first(&self) -> Option<K> {
        match self {
            Node::Leaf(keys) => keys.first().copied(),
            Node::Inner(inner) => inner.keys.first().copied(),
        }
    }

    /// Adds a key. Returns what was split off at the right, if anything.
    pub(super) fn insert(&mut self, key: K, edge: Edge, tally: &mut Tally) -> Option<Self> {
        match self {
            Node::Leaf(keys) => insert_key(keys, key, edge, tally).map(Node::Leaf),
            Node::Inner(inner) => inner.insert(key, edge, tally).map(Node::Inner),
        }
    }

    /// Removes a key; false when it is not there.
    pub(super) fn remove(&mut self, key: &K, tally: &mut Tally) -> bool {
        match self {
            Node::Leaf(keys) => {
                let at = keys.partition_point(|other| other < key);
                if keys.get(at) != Some(key) {
                    return false;
                }
                tally.leaf_slots -= keys.capacity();
                keys.remove(at);
                trim(keys);
                tally.leaf_slots += keys.capacity();
                true
            }
            Node::Inner(inner) => inner.remove(key, tally),
        }
    }

    /// Moves keys or children between this node and `right`, the next, so that this one has
    /// `width` of them.
    fn share(&mut self, right: &mut Self, width: usize, tally: &mut Tally) {
        match (self, right) {
            (Node::Leaf(left), Node::Leaf(right)) => {
                tally.leaf_slots -= left.capacity() + right.capacity();
                share(left, right, width);
                trim(left);
                trim(right);
                tally.leaf_slots += left.capacity() + right.capacity();
            }
            (Node::Inner(left), Node::Inner(right)) => {
                share(&mut left.keys, &mut right.keys, width);
                share(&mut left.counts, &mut right.counts, width);
                share(&mut left.nodes, &mut right.nodes, width);
            }
            _ => unreachable!("all leaves are at one depth"),
        }
    }

    /// Takes the node's own memory out of the count.
    fn forget(&self, tally: &mut Tally) {
        match self {
            Node::Leaf(keys) => tally.leaf_slots -= keys.capacity(),
            Node::Inner(_) => tally.inner_nodes -= 1,
        }
    }
}

/// Moves elements between two vectors so that the first has `width` of them.
fn share<T>(left: &mut Vec<T>, right: &mut Vec<T>, width: usize) {
    match width.checked_sub(left.len()) {
        Some(missing) => left.extend(right.drain(..missing)),
        None => {
            right.splice(0..0, left.drain(width..));
        }
    }
}

/// Adds a key to a leaf. What does not fit goes to the leaf that is returned.
fn insert_key<K: Key>(keys: &mut Vec<K>, key: K, edge: Edge, tally: &mut Tally) -> Option<Vec<K>> {
    let at = keys.partition_point(|other| *other < key);
    tally.leaf_slots -= keys.capacity();
    let mut split = None;
    if keys.len() < MAX {
        put(keys, at, key);
    } else {
        let middle = edge.split_point(at, 0);
        let mut right = if middle == 0 { std::mem::take(keys) } else { keys.split_off(middle) };
        if at <= middle && middle < MAX {
            put(keys, at, key);
        } else {
            put(&mut right, at - middle, key);
        }
        trim(keys);
        tally.leaf_slots += right.capacity();
        split = Some(right);
    }
    tally.leaf_slots += keys.capacity();
    split
}

/// Inserts into a leaf that has room.
fn put<K>(keys: &mut Vec<K>, at: usize, key: K) {
    if keys.len() == keys.capacity() {
        keys.reserve_exact(STEP - keys.len() % STEP);
    }
    keys.insert(at, key);
}

/// Gives back a leaf's spare capacity if that is more than a step.
fn trim<K>(keys: &mut Vec<K>) {
    if keys.capacity() - keys.len() >= 2 * STEP {
        keys.shrink_to((keys.len() + 1).next_multiple_of(STEP));
    }
}

/// An inner node: of each child its smallest key, the number of keys below it, and the child.
pub(super) struct Inner<K> {
    pub(super) keys: Vec<K>,
    pub(super) counts: Vec<usize>,
    pub(super) nodes: Vec<Node<K>>,
}

impl<K: Key> Inner<K> {
    /// Bytes of an inner node.
    pub(super) const BYTES: usize =
        size_of::<Self>() + MAX * (size_of::<K>() + size_of::<usize>() + size_of::<Node<K>>());

    fn empty(tally: &mut Tally) -> Box<Self> {
        tally.inner_nodes += 1;
        Box::new(Self {
            keys: Vec::with_capacity(MAX),
            counts: Vec::with_capacity(MAX),
            nodes: Vec::with_capacity(MAX),
        })
    }

    /// A node above two others.
    pub(super) fn above(left: Node<K>, right: Node<K>, tally: &mut Tally) -> Box<Self> {
        let mut inner = Self::empty(tally);
        inner.put(0, left);
        inner.put(1, right);
        inner
    }

    /// The child, if there is only one, which leaves the node empty.
    pub(super) fn only_child(&mut self) -> Option<Node<K>> {
        if self.nodes.len() == 1 { self.nodes.pop() } else { None }
    }

    /// Inserts a child that is not empty, where there is room.
    fn put(&mut self, index: usize, node: Node<K>) {
        if let Some(first) = node.first() {
            self.keys.insert(index, first);
            self.counts.insert(index, node.count());
            self.nodes.insert(index, node);
        }
    }

    /// Takes a child out.
    fn drop_child(&mut self, index: usize, tally: &mut Tally) {
        self.keys.remove(index);
        self.counts.remove(index);
        self.nodes.remove(index).forget(tally);
    }

    /// Brings what is known of a child up to date.
    fn refresh(&mut self, index: usize) {
        let node = &self.nodes[index];
        self.counts[index] = node.count();
        if let Some(first) = node.first() {
            self.keys[index] = first;
        }
    }

    /// The child in which `before` ends, and the number of keys in those to its left.
    #[inline]
    pub(super) fn child_by(&self, before: impl Fn(&K) -> bool) -> (usize, usize) {
        let index = self.keys.partition_point(before).saturating_sub(1);
        (index, self.counts[..index].iter().sum())
    }

    /// The child that a key belongs to.
    fn child_of(&self, key: &K) -> usize {
        self.keys.partition_point(|first| first <= key).saturating_sub(1)
    }

    fn insert(&mut self, key: K, edge: Edge, tally: &mut Tally) -> Option<Box<Self>> {
        let index = self.child_of(&key);
        let below = Edge {
            first: edge.first && index == 0,
            last: edge.last && index + 1 == self.nodes.len(),
        };
        let Some(right) = self.nodes[index].insert(key, below, tally) else {
            self.counts[index] += 1;
            // A key may be smaller than all others only in the first child.
            if index == 0 && key < self.keys[0] {
                self.keys[0] = key;
            }
            return None;
        };
        self.refresh(index);
        self.add_child(index + 1, right, edge, tally)
    }

    /// Adds a child. What does not fit goes to the node that is returned.
    fn add_child(
        &mut self,
        index: usize,
        node: Node<K>,
        edge: Edge,
        tally: &mut Tally,
    ) -> Option<Box<Self>> {
        if self.nodes.len() < MAX {
            self.put(index, node);
            return None;
        }
        let middle = edge.split_point(index, 1);
        let mut right = Self::empty(tally);
        share(&mut self.keys, &mut right.keys, middle);
        share(&mut self.counts, &mut right.counts, middle);
        share(&mut self.nodes, &mut right.nodes, middle);
        if index <= middle && middle < MAX {
            self.put(index, node);
        } else {
            right.put(index - middle, node);
        }
        Some(right)
    }

    fn remove(&mut self, key: &K, tally: &mut Tally) -> bool {
        let index = self.child_of(key);
        let child = &mut self.nodes[index];
        if !child.remove(key, tally) {
            return false;
        }
        self.counts[index] -= 1;
        match child.first() {
            Some(first) => self.keys[index] = first,
            None => {
                self.drop_child(index, tally);
                return true;
            }
        }
        if self.nodes[index].width() < SMALL {
            self.settle(index, tally);
        }
        true
    }

    /// Merges a child that has become small with a neighbour, or evens the two out.
    fn settle(&mut self, index: usize, tally: &mut Tally) {
        if self.nodes.len() < 2 {
            return;
        }
        let at = index.min(self.nodes.len() - 2);
        let (head, tail) = self.nodes.split_at_mut(at + 1);
        let (left, right) = (&mut head[at], &mut tail[0]);
        let width = left.width() + right.width();
        if width <= MERGED {
            left.share(right, width, tally);
            self.drop_child(at + 1, tally);
        } else {
            left.share(right, width / 2, tally);
            self.refresh(at + 1);
        }
        self.refresh(at);
    }
}
