//! Walking through a tree's keys in order, forwards or backwards.

use super::Key;
use super::node::{Inner, Node};

/// Keys ahead of the current one whose targets are loaded in advance.
const AHEAD: usize = 6;

/// Iterator over a tree's keys.
pub(in super::super) struct Walk<'a, K> {
    /// The inner nodes above the leaf, and in each the child that was taken.
    path: Vec<(&'a Inner<K>, usize)>,
    leaf: &'a [K],
    /// The next key's index in the leaf; beyond its end when the leaf is done.
    at: usize,
    left: usize,
    reverse: bool,
}

impl<'a, K: Key> Walk<'a, K> {
    pub(super) fn new(root: &'a Node<K>, len: usize, rank: usize, reverse: bool) -> Self {
        let mut walk = Walk { path: Vec::new(), leaf: &[], at: 0, left: 0, reverse };
        if rank < len {
            walk.left = if reverse { rank + 1 } else { len - rank };
            walk.descend(root, rank);
        }
        walk
    }

    /// Goes to the key of a rank below `node`.
    fn descend(&mut self, mut node: &'a Node<K>, mut rank: usize) {
        loop {
            match node {
                Node::Leaf(keys) => {
                    (self.leaf, self.at) = (keys, rank);
                    break;
                }
                Node::Inner(inner) => {
                    let mut index = 0;
                    while let Some(count) = inner.counts.get(index)
                        && rank >= *count
                        && index + 1 < inner.counts.len()
                    {
                        rank -= count;
                        index += 1;
                    }
                    self.path.push((inner, index));
                    node = &inner.nodes[index];
                }
            }
        }
        for ahead in 0..AHEAD {
            self.prefetch(ahead);
        }
    }

    #[inline]
    fn prefetch(&self, ahead: usize) {
        let at = if self.reverse { self.at.wrapping_sub(ahead) } else { self.at + ahead };
        if let Some(key) = self.leaf.get(at) {
            key.prefetch();
        }
    }

    /// Goes to the next leaf.
    fn turn(&mut self) {
        while let Some((inner, index)) = self.path.pop() {
            let next = if self.reverse { index.wrapping_sub(1) } else { index + 1 };
            if let (Some(node), Some(count)) = (inner.nodes.get(next), inner.counts.get(next)) {
                self.path.push((inner, next));
                return self.descend(node, if self.reverse { count - 1 } else { 0 });
            }
        }
    }
}

impl<K: Key> Iterator for Walk<'_, K> {
    type Item = K;

    #[inline]
    fn next(&mut self) -> Option<K> {
        self.left = self.left.checked_sub(1)?;
        if self.at >= self.leaf.len() {
            self.turn();
        }
        let key = *self.leaf.get(self.at)?;
        self.at = if self.reverse { self.at.wrapping_sub(1) } else { self.at + 1 };
        self.prefetch(AHEAD - 1);
        Some(key)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: Key> ExactSizeIterator for Walk<'_, K> {}
