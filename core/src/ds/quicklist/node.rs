//! The parts of a quicklist: nodes of elements, chunks of nodes, and the limit of a node's size.

use crate::ds::listpack::{Element, Listpack};
use std::sync::Arc;

/// Most nodes of a chunk. A node is inserted by moving a chunk's others, and found by walking
/// over them.
pub(super) const CHUNK_NODES: usize = 64;

/// Most bytes of a node whose limit is a count of elements.
const COUNTED_NODE_BYTES: usize = 8192;

/// Most bytes or elements of a node that holds more than one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimit {
    bytes: usize,
    count: usize,
}

impl NodeLimit {
    /// The meaning of `list-max-listpack-size`: -1 to -5 stand for 4, 8, 16, 32 and 64 KiB, and a
    /// positive number is one of elements (of 8 KiB together at most). Others are taken for the
    /// nearest of these.
    pub fn from_config(value: i64) -> Self {
        match value {
            ..0 => NodeLimit { bytes: 2048 << value.unsigned_abs().min(5), count: usize::MAX },
            _ => {
                let count = usize::try_from(value.max(1)).unwrap_or(usize::MAX);
                NodeLimit { bytes: COUNTED_NODE_BYTES, count }
            }
        }
    }

    /// Whether a node, or a list that is a mere listpack, may have this size.
    pub fn allows(&self, bytes: usize, count: usize) -> bool {
        bytes <= self.bytes && count <= self.count
    }

    /// Whether an element is so large that it gets a node of its own.
    pub(super) fn is_large(&self, element: &Element<'_>) -> bool {
        element.encoded_len() > self.bytes
    }
}

impl Default for NodeLimit {
    fn default() -> Self {
        Self::from_config(-2)
    }
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// A few elements.
    Packed(Listpack),
    /// One large element.
    Plain(Vec<u8>),
}

/// A node; its content may be shared with clones of the list, and is copied when it changes.
#[derive(Clone)]
pub(super) struct Node {
    content: Arc<Content>,
    count: usize,
}

impl Node {
    /// A node of one element.
    pub(super) fn of(element: Element<'_>, limit: &NodeLimit) -> Self {
        match element {
            Element::Bytes(bytes) if limit.is_large(&element) => Self::plain(bytes.to_vec()),
            _ => {
                let mut listpack = Listpack::with_capacity(element.encoded_len());
                listpack.push_back(element);
                Self::packed(listpack)
            }
        }
    }

    pub(super) fn packed(listpack: Listpack) -> Self {
        Node { count: listpack.len(), content: Arc::new(Content::Packed(listpack)) }
    }

    pub(super) fn plain(bytes: Vec<u8>) -> Self {
        Node { count: 1, content: Arc::new(Content::Plain(bytes)) }
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// Gives the content away, copied if it is shared.
    pub(super) fn into_content(self) -> Content {
        Arc::unwrap_or_clone(self.content)
    }

    /// The element at an offset.
    pub(super) fn get(&self, offset: usize) -> Option<Element<'_>> {
        match self.content() {
            Content::Packed(listpack) => listpack.get(offset),
            Content::Plain(bytes) => (offset == 0).then_some(Element::Bytes(bytes)),
        }
    }

    /// Whether so many more bytes and elements fit in this node; never in a plain one.
    pub(super) fn has_room(&self, bytes: usize, count: usize, limit: &NodeLimit) -> bool {
        match self.content() {
            Content::Packed(listpack) => {
                limit.allows(listpack.as_bytes().len() + bytes, self.count + count)
            }
            Content::Plain(_) => false,
        }
    }

    /// Changes the listpack, if it is one; the caller counts.
    fn change<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        if matches!(*self.content, Content::Plain(_)) {
            return None;
        }
        match Arc::make_mut(&mut self.content) {
            Content::Packed(listpack) => Some(change(listpack)),
            Content::Plain(_) => None,
        }
    }

    /// Inserts an element before the one at an offset, or at the end, if it fits.
    pub(super) fn insert(
        &mut self,
        offset: usize,
        element: Element<'_>,
        limit: &NodeLimit,
    ) -> bool {
        if !self.has_room(element.encoded_len(), 1, limit) {
            return false;
        }
        let (at_end, count) = (offset >= self.count, self.count);
        self.change(|listpack| match offset {
            0 => listpack.push_front(element),
            _ if at_end => listpack.push_back(element),
            _ => {
                let inserted = listpack.insert(offset, element);
                debug_assert!(inserted, "{offset} of {count}");
            }
        });
        self.count += 1;
        true
    }

    /// Puts another element in the place of the one at an offset, if it fits or is alone.
    pub(super) fn replace(
        &mut self,
        offset: usize,
        element: Element<'_>,
        limit: &NodeLimit,
    ) -> bool {
        if self.count == 1 {
            *self = Node::of(element, limit);
            return true;
        }
        let old = self.get(offset).map_or(0, |old| old.encoded_len());
        let more = element.encoded_len().saturating_sub(old);
        if !self.has_room(more, 0, limit) {
            return false;
        }
        self.change(|listpack| {
            if let Some(at) = listpack.seek(offset) {
                listpack.replace(at, element);
            }
        });
        true
    }

    /// Removes up to `count` elements from an offset on; returns how many there were. The node
    /// may be empty then.
    pub(super) fn remove(&mut self, offset: usize, count: usize) -> usize {
        let end = offset.saturating_add(count).min(self.count);
        let removed = end.saturating_sub(offset);
        if removed < self.count {
            self.change(|listpack| listpack.remove_range(offset..end));
        }
        self.count -= removed;
        removed
    }

    /// Removes the element at one end and returns its bytes. The node may be empty then.
    pub(super) fn pop(&mut self, back: bool) -> Option<Vec<u8>> {
        let bytes = match Arc::make_mut(&mut self.content) {
            Content::Packed(listpack) if back => listpack.pop_back()?,
            Content::Packed(listpack) => listpack.pop_front()?,
            Content::Plain(bytes) => std::mem::take(bytes),
        };
        self.count -= 1;
        Some(bytes)
    }

    /// Splits off the elements from an offset within the node on.
    pub(super) fn split_off(&mut self, offset: usize) -> Option<Node> {
        let tail = self.change(|listpack| Some(listpack.split_off(listpack.seek(offset)?)))??;
        let tail = Node::packed(tail);
        self.count -= tail.count;
        Some(tail)
    }

    /// Whether both nodes are packed and would together leave some of the limit.
    fn merges_with(&self, next: &Node, limit: &NodeLimit) -> bool {
        match next.content() {
            Content::Packed(tail) => {
                self.has_room(tail.as_bytes().len() + limit.bytes / 4, next.count, limit)
            }
            Content::Plain(_) => false,
        }
    }

    /// Appends the elements of another node, if both are packed.
    fn absorb(&mut self, next: &Node) {
        if let Content::Packed(tail) = next.content()
            && self.change(|listpack| listpack.append(tail)).is_some()
        {
            self.count += next.count;
        }
    }

    /// Whether an element is in the node.
    pub(super) fn contains(&self, element: &Element<'_>) -> bool {
        match self.content() {
            Content::Packed(listpack) => listpack.iter().any(|found| element.same(&found)),
            Content::Plain(bytes) => element.same(&Element::Bytes(bytes)),
        }
    }

    /// Removes up to `most` elements equal to `element`, the last ones if `from_back`; returns
    /// how many. The node may be empty then.
    pub(super) fn remove_equal(
        &mut self,
        element: &Element<'_>,
        most: usize,
        from_back: bool,
    ) -> usize {
        let equal = self.count_equal(element);
        let removed = equal.min(most);
        if removed == 0 {
            return 0;
        }
        let (mut spared, mut left) = (if from_back { equal - removed } else { 0 }, removed);
        self.change(|listpack| {
            listpack.retain(|found| {
                if left == 0 || !element.same(&found) {
                    return true;
                }
                if spared > 0 {
                    spared -= 1;
                    return true;
                }
                left -= 1;
                false
            })
        });
        self.count -= removed;
        removed
    }

    fn count_equal(&self, element: &Element<'_>) -> usize {
        match self.content() {
            Content::Packed(listpack) => listpack.iter().filter(|e| element.same(e)).count(),
            Content::Plain(bytes) => usize::from(element.same(&Element::Bytes(bytes))),
        }
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let inner = match self.content() {
            Content::Packed(listpack) => listpack.memory(),
            Content::Plain(bytes) => bytes.capacity(),
        };
        inner + size_of::<Content>() + 2 * size_of::<usize>()
    }
}

/// A run of nodes, which may be shared with clones of the list.
#[derive(Clone, Default)]
pub(super) struct Chunk {
    nodes: Arc<Vec<Node>>,
    /// Elements of all nodes.
    len: usize,
}

impl Chunk {
    pub(super) fn of(node: Node) -> Self {
        let len = node.len();
        Chunk { nodes: Arc::new(vec![node]), len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn into_nodes(self) -> Vec<Node> {
        Arc::unwrap_or_clone(self.nodes)
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() >= CHUNK_NODES
    }

    /// Node and offset of the element of an index; the last node's end for the length.
    pub(super) fn locate(&self, index: usize) -> (usize, usize) {
        let mut before = 0;
        for (i, node) in self.nodes.iter().enumerate() {
            if index < before + node.len() {
                return (i, index - before);
            }
            before += node.len();
        }
        match self.nodes.last() {
            Some(last) => (self.nodes.len() - 1, last.len()),
            None => (0, 0),
        }
    }

    pub(super) fn insert(&mut self, at: usize, node: Node) {
        self.len += node.len();
        Arc::make_mut(&mut self.nodes).insert(at, node);
    }

    /// Changes a node, and removes it if it is empty then.
    pub(super) fn change<R>(
        &mut self,
        at: usize,
        change: impl FnOnce(&mut Node) -> R,
    ) -> Option<R> {
        let nodes = Arc::make_mut(&mut self.nodes);
        let node = nodes.get_mut(at)?;
        let before = node.len();
        let result = change(node);
        let after = node.len();
        if after == 0 {
            nodes.remove(at);
        }
        self.len = self.len - before + after;
        Some(result)
    }

    /// Splits off the nodes from `at` on.
    pub(super) fn split_off(&mut self, at: usize) -> Chunk {
        let nodes = Arc::make_mut(&mut self.nodes).split_off(at);
        let len = nodes.iter().map(Node::len).sum();
        self.len -= len;
        Chunk { nodes: Arc::new(nodes), len }
    }

    /// Appends the nodes of another chunk.
    pub(super) fn append(&mut self, other: Chunk) {
        self.len += other.len;
        Arc::make_mut(&mut self.nodes).extend(Arc::unwrap_or_clone(other.nodes));
    }

    /// Merges the node at `at` with the next, if they leave some of the limit.
    pub(super) fn mend(&mut self, at: usize, limit: &NodeLimit) {
        let mergeable = match self.nodes.get(at..) {
            Some([node, next, ..]) => node.merges_with(next, limit),
            _ => false,
        };
        if mergeable {
            let nodes = Arc::make_mut(&mut self.nodes);
            let next = nodes.remove(at + 1);
            nodes[at].absorb(&next);
        }
    }

    pub(super) fn memory(&self) -> usize {
        let nodes = self.nodes.capacity() * size_of::<Node>() + 5 * size_of::<usize>();
        nodes + self.nodes.iter().map(Node::memory).sum::<usize>()
    }
}
