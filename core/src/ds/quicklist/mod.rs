//! Quicklist: a long list as a deque of listpacks.
//!
//! Elements lie in nodes of some kilobytes ([`NodeLimit`]); an element that is larger has a node
//! of its own. Nodes lie in chunks of up to 64, and these in a deque, each with the number of its
//! elements: an index is found by walking over chunks, then nodes, then elements, and no change
//! moves more than a node's bytes, a chunk's nodes and the deque's (sixteen bytes a chunk, that
//! is, some half a megabyte of elements).
//!
//! A clone shares all nodes with the original; either copies a chunk's list of nodes, and a node,
//! when it first changes them. So a list can be frozen for a snapshot without copying it.

mod iter;
mod node;
#[cfg(test)]
mod tests;

pub use iter::Iter;
pub use node::{Content, NodeLimit};

use super::listpack::{Element, Listpack};
use node::{CHUNK_NODES, Chunk, Node};
use std::collections::VecDeque;
use std::ops::Range;

/// Chunks of fewer nodes merge with a neighbour.
const SPARSE_CHUNK_NODES: usize = CHUNK_NODES / 8;

/// A list of elements.
#[derive(Clone)]
pub struct Quicklist {
    /// No chunk and no node is empty.
    chunks: VecDeque<Chunk>,
    len: usize,
    limit: NodeLimit,
}

/// Where an element is.
#[derive(Clone, Copy)]
struct Spot {
    chunk: usize,
    node: usize,
    offset: usize,
}

impl Quicklist {
    /// An empty list.
    pub fn new(limit: NodeLimit) -> Self {
        Quicklist { chunks: VecDeque::new(), len: 0, limit }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The limit of nodes.
    pub fn limit(&self) -> NodeLimit {
        self.limit
    }

    /// Whether there are at least so many nodes.
    pub fn has_nodes(&self, least: usize) -> bool {
        let mut nodes = 0;
        self.chunks.iter().any(|chunk| {
            nodes += chunk.nodes().len();
            nodes >= least
        })
    }

    /// Bytes allocated; parts shared with clones count in full. Takes time in proportion to the
    /// number of nodes.
    pub fn memory(&self) -> usize {
        let chunks = self.chunks.capacity() * size_of::<Chunk>();
        chunks + self.chunks.iter().map(Chunk::memory).sum::<usize>()
    }

    /// Adds an element at the end.
    pub fn push_back(&mut self, element: &[u8]) {
        let element = Element::from(element);
        let limit = self.limit;
        let last = self.chunks.back_mut().and_then(|chunk| {
            let at = chunk.nodes().len() - 1;
            chunk.change(at, |node| node.insert(node.len(), element, &limit))
        });
        if last != Some(true) {
            self.push_node_back(Node::of(element, &limit));
        } else {
            self.len += 1;
        }
    }

    /// Adds an element at the beginning.
    pub fn push_front(&mut self, element: &[u8]) {
        let element = Element::from(element);
        let limit = self.limit;
        let first = self
            .chunks
            .front_mut()
            .and_then(|chunk| chunk.change(0, |node| node.insert(0, element, &limit)));
        if first != Some(true) {
            self.insert_node(0, 0, Node::of(element, &limit));
        } else {
            self.len += 1;
        }
    }

    /// Removes the last element.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        let chunk = self.chunks.len().checked_sub(1)?;
        self.pop(chunk, self.chunks[chunk].nodes().len() - 1, true)
    }

    /// Removes the first element.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        if self.is_empty() { None } else { self.pop(0, 0, false) }
    }

    fn pop(&mut self, chunk: usize, node: usize, back: bool) -> Option<Vec<u8>> {
        let bytes = self.chunks.get_mut(chunk)?.change(node, |node| node.pop(back))??;
        self.len -= 1;
        if self.chunks[chunk].len() == 0 {
            self.chunks.remove(chunk);
        }
        Some(bytes)
    }

    /// The element of an index.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        if index >= self.len {
            return None;
        }
        let spot = self.locate(index);
        self.chunks.get(spot.chunk)?.nodes().get(spot.node)?.get(spot.offset)
    }

    /// All elements in order; also backwards.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len)
    }

    /// The elements of these indices, as far as they exist; also backwards.
    pub fn range(&self, indices: Range<usize>) -> Iter<'_> {
        let end = indices.end.min(self.len);
        Iter::new(self, indices.start.min(end), end)
    }

    /// Puts another element in the place of the one of an index; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8]) -> bool {
        if index >= self.len {
            return false;
        }
        let (spot, limit) = (self.locate(index), self.limit);
        let replaced = self.chunks[spot.chunk]
            .change(spot.node, |node| node.replace(spot.offset, element.into(), &limit));
        if replaced != Some(true) {
            self.remove_in_node(spot, 1);
            self.insert(index, element);
        }
        true
    }

    /// Inserts an element so that it has this index; false if that is more than the length.
    pub fn insert(&mut self, index: usize, element: &[u8]) -> bool {
        match index {
            0 => self.push_front(element),
            _ if index == self.len => self.push_back(element),
            _ if index > self.len => return false,
            _ => self.insert_between(index, element.into()),
        }
        true
    }

    /// Inserts an element before another, and behind a third.
    fn insert_between(&mut self, index: usize, element: Element<'_>) {
        let limit = self.limit;
        // The place behind the element before is as good, and may be in a node with room.
        let mut before = self.locate(index - 1);
        before.offset += 1;
        for spot in [before, self.locate(index)] {
            let chunk = &mut self.chunks[spot.chunk];
            if chunk.change(spot.node, |node| node.insert(spot.offset, element, &limit))
                == Some(true)
            {
                self.len += 1;
                return;
            }
        }
        let tail = self.chunks[before.chunk]
            .change(before.node, |node| node.split_off(before.offset))
            .flatten();
        if let Some(tail) = tail {
            self.len -= tail.len();
            self.insert_node(before.chunk, before.node + 1, tail);
        }
        let after = self.locate(index - 1);
        self.insert_node(after.chunk, after.node + 1, Node::of(element, &limit));
        self.mend(self.locate(index - 1));
        self.mend(self.locate(index));
    }

    /// Removes the elements of these indices, as far as they exist, and returns them: dropping a
    /// long list may be left for later.
    pub fn remove_range(&mut self, indices: Range<usize>) -> Quicklist {
        let end = indices.end.min(self.len);
        let start = indices.start.min(end);
        if start == end {
            return Quicklist::new(self.limit);
        }
        let tail = self.split_off(end);
        let removed = self.split_off(start);
        self.append(tail);
        if start > 0 {
            self.mend(self.locate(start - 1));
        }
        removed
    }

    /// Removes the elements of these indices and drops them; returns how many there were. Quicker
    /// than [`Quicklist::remove_range`] for a few.
    pub fn delete_range(&mut self, indices: Range<usize>) -> usize {
        let end = indices.end.min(self.len);
        let start = indices.start.min(end);
        if start == end {
            return 0;
        }
        let spot = self.locate(start);
        let node = &self.chunks[spot.chunk].nodes()[spot.node];
        if spot.offset + (end - start) <= node.len() {
            self.remove_in_node(spot, end - start);
        } else {
            drop(self.remove_range(start..end));
        }
        end - start
    }

    /// Keeps only the elements of these indices and returns the others, those before and those
    /// behind.
    pub fn trim(&mut self, indices: Range<usize>) -> [Quicklist; 2] {
        let behind = self.remove_range(indices.end..self.len.max(indices.end));
        let before = self.remove_range(0..indices.start);
        [before, behind]
    }

    /// Removes up to `most` elements equal to `element`, from the end if `from_back`; returns how
    /// many.
    pub fn remove_equal(&mut self, element: &[u8], most: usize, from_back: bool) -> usize {
        let element = Element::from(element);
        let mut removed = 0;
        let mut chunk = if from_back { self.chunks.len() } else { 0 };
        loop {
            chunk = match from_back {
                true if chunk > 0 => chunk - 1,
                false if chunk < self.chunks.len() => chunk,
                _ => break,
            };
            removed += self.remove_equal_in(chunk, &element, most - removed, from_back);
            if self.chunks[chunk].len() == 0 {
                self.chunks.remove(chunk);
            } else if !from_back {
                chunk += 1;
            }
            if removed == most {
                break;
            }
        }
        self.len -= removed;
        removed
    }

    /// Removes equal elements from one chunk, which may be empty then.
    fn remove_equal_in(
        &mut self,
        chunk: usize,
        element: &Element<'_>,
        most: usize,
        from_back: bool,
    ) -> usize {
        let (limit, chunk) = (self.limit, &mut self.chunks[chunk]);
        let (mut removed, count) = (0, chunk.nodes().len());
        for step in 0..count {
            // Forwards, removed nodes let the next ones move up: count from the end.
            let left = count - step;
            let node = if from_back { left - 1 } else { chunk.nodes().len() - left };
            if removed < most && chunk.nodes()[node].contains(element) {
                let remove =
                    |node: &mut Node| node.remove_equal(element, most - removed, from_back);
                removed += chunk.change(node, remove).unwrap_or(0);
            }
        }
        if removed > 0 {
            (0..chunk.nodes().len()).rev().for_each(|node| chunk.mend(node, &limit));
        }
        removed
    }

    /// Splits off the elements from an index on.
    pub fn split_off(&mut self, index: usize) -> Quicklist {
        let mut tail = Quicklist::new(self.limit);
        if index >= self.len {
            return tail;
        }
        let spot = self.locate(index);
        tail.chunks = self.chunks.split_off(spot.chunk + 1);
        let chunk = &mut self.chunks[spot.chunk];
        let rest = match spot.offset {
            0 => None,
            offset => chunk.change(spot.node, |node| node.split_off(offset)).flatten(),
        };
        let mut after = chunk.split_off(spot.node + usize::from(spot.offset > 0));
        if let Some(rest) = rest {
            after.insert(0, rest);
        }
        if chunk.len() == 0 {
            self.chunks.pop_back();
        }
        if after.len() > 0 {
            tail.chunks.push_front(after);
        }
        tail.len = self.len - index;
        self.len = index;
        tail
    }

    /// Appends all elements of another list.
    pub fn append(&mut self, other: Quicklist) {
        self.len += other.len;
        let seam = self.chunks.len();
        self.chunks.extend(other.chunks);
        self.mend_chunks(seam);
    }

    /// The contents of the nodes in order, as an RDB file lists them.
    pub fn contents(&self) -> impl DoubleEndedIterator<Item = &Content> {
        self.chunks.iter().flat_map(|chunk| chunk.nodes()).map(Node::content)
    }

    /// Appends a node, as an RDB file has it, whatever its size.
    pub fn push_content(&mut self, content: Content) {
        match content {
            Content::Packed(listpack) if listpack.is_empty() => {}
            Content::Packed(listpack) => self.push_node_back(Node::packed(listpack)),
            Content::Plain(bytes) => self.push_node_back(Node::plain(bytes)),
        }
    }

    /// The only node's listpack, if the list has become so short.
    pub fn single_listpack(&self) -> Option<&Listpack> {
        match self.chunks.front()?.nodes() {
            [node] if self.chunks.len() == 1 => match node.content() {
                Content::Packed(listpack) => Some(listpack),
                Content::Plain(_) => None,
            },
            _ => None,
        }
    }

    /// Takes the content of the first node out, to free a long list in slices, or to move it.
    pub fn pop_content(&mut self) -> Option<Content> {
        let chunk = self.chunks.front_mut()?;
        let rest = chunk.split_off(1);
        let first = std::mem::replace(chunk, rest);
        if chunk.len() == 0 {
            self.chunks.pop_front();
        }
        self.len -= first.len();
        first.into_nodes().pop().map(Node::into_content)
    }

    /// Where the element of an index is; behind the last one for the length.
    fn locate(&self, index: usize) -> Spot {
        let (chunk, within) = if index <= self.len / 2 {
            self.chunk_from_front(index)
        } else {
            self.chunk_from_back(index)
        };
        let (node, offset) = self.chunks.get(chunk).map_or((0, 0), |chunk| chunk.locate(within));
        Spot { chunk, node, offset }
    }

    /// The chunk of an index, and the index within it.
    fn chunk_from_front(&self, index: usize) -> (usize, usize) {
        let mut before = 0;
        for (i, chunk) in self.chunks.iter().enumerate() {
            if index < before + chunk.len() {
                return (i, index - before);
            }
            before += chunk.len();
        }
        (self.chunks.len(), 0)
    }

    fn chunk_from_back(&self, index: usize) -> (usize, usize) {
        let mut before = self.len;
        for (i, chunk) in self.chunks.iter().enumerate().rev() {
            before -= chunk.len();
            if index >= before {
                return (i, index - before);
            }
        }
        (0, 0)
    }

    fn push_node_back(&mut self, node: Node) {
        let (chunk, at) = match self.chunks.back() {
            Some(last) => (self.chunks.len() - 1, last.nodes().len()),
            None => (0, 0),
        };
        self.insert_node(chunk, at, node);
    }

    /// Inserts a node, splitting its chunk if that is full (at an end of the list, by beginning
    /// another chunk).
    fn insert_node(&mut self, chunk: usize, at: usize, node: Node) {
        self.len += node.len();
        let last = self.chunks.len().saturating_sub(1);
        let Some(target) = self.chunks.get_mut(chunk) else {
            self.chunks.push_back(Chunk::of(node));
            return;
        };
        if !target.is_full() {
            target.insert(at, node);
        } else if chunk == 0 && at == 0 {
            self.chunks.push_front(Chunk::of(node));
        } else if chunk == last && at == target.nodes().len() {
            self.chunks.push_back(Chunk::of(node));
        } else {
            let mut half = target.split_off(CHUNK_NODES / 2);
            match at.checked_sub(CHUNK_NODES / 2) {
                Some(at) => half.insert(at, node),
                None => target.insert(at, node),
            }
            self.chunks.insert(chunk + 1, half);
        }
    }

    /// Removes elements that are all in one node.
    fn remove_in_node(&mut self, spot: Spot, count: usize) {
        let limit = self.limit;
        let chunk = &mut self.chunks[spot.chunk];
        self.len -= chunk.change(spot.node, |node| node.remove(spot.offset, count)).unwrap_or(0);
        if chunk.len() == 0 {
            self.chunks.remove(spot.chunk);
        } else {
            chunk.mend(spot.node, &limit);
            chunk.mend(spot.node.saturating_sub(1), &limit);
            self.mend_chunks(spot.chunk);
        }
    }

    /// Merges the node of a spot with the next one if both are small.
    fn mend(&mut self, spot: Spot) {
        let limit = self.limit;
        if let Some(chunk) = self.chunks.get_mut(spot.chunk) {
            chunk.mend(spot.node, &limit);
        }
    }

    /// Merges a chunk with the one before if either has few nodes.
    fn mend_chunks(&mut self, chunk: usize) {
        let Some(before) = chunk.checked_sub(1) else { return };
        let nodes = |at: usize| self.chunks.get(at).map_or(CHUNK_NODES, |c| c.nodes().len());
        let (left, right) = (nodes(before), nodes(chunk));
        let sparse = left.min(right) < SPARSE_CHUNK_NODES && left + right <= CHUNK_NODES * 3 / 4;
        if sparse && let Some(merged) = self.chunks.remove(chunk) {
            self.chunks[before].append(merged);
        }
    }
}

impl Default for Quicklist {
    fn default() -> Self {
        Self::new(NodeLimit::default())
    }
}

impl std::fmt::Debug for Quicklist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Quicklist {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
