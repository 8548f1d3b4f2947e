//! Iterators over quicklists.

use super::Quicklist;
use super::node::Content;
use crate::ds::listpack::{self, Element};

/// The rest of one node.
#[derive(Clone)]
enum Rest<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Rest::Packed(elements) => elements.next(),
            Rest::Plain(element) => element.take().map(Element::Bytes),
        }
    }

    fn next_back(&mut self) -> Option<Element<'a>> {
        match self {
            Rest::Packed(elements) => elements.next_back(),
            Rest::Plain(element) => element.take().map(Element::Bytes),
        }
    }
}

/// A node's number: that of its chunk, and within it.
type NodeNumber = (usize, usize);

/// Iterator over a range of elements. Its two ends go their ways through the nodes on their own;
/// the number of elements left tells when they meet.
#[derive(Clone)]
pub struct Iter<'a> {
    list: &'a Quicklist,
    left: usize,
    front: Option<(NodeNumber, Rest<'a>)>,
    back: Option<(NodeNumber, Rest<'a>)>,
    /// Index of the first element, and behind the last one, until the ends have set out.
    start: usize,
    end: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn new(list: &'a Quicklist, start: usize, end: usize) -> Self {
        Iter { list, left: end - start, front: None, back: None, start, end }
    }

    fn rest(&self, (chunk, node): NodeNumber) -> Option<Rest<'a>> {
        let node = self.list.chunks.get(chunk)?.nodes().get(node)?;
        Some(match node.content() {
            Content::Packed(listpack) => Rest::Packed(listpack.iter()),
            Content::Plain(bytes) => Rest::Plain(Some(bytes)),
        })
    }

    /// The end's node and its elements from an index on, or up to it.
    fn set_out(&self, index: usize, backwards: bool) -> Option<(NodeNumber, Rest<'a>)> {
        let spot = self.list.locate(index);
        let number = (spot.chunk, spot.node);
        let mut rest = self.rest(number)?;
        if let Content::Packed(listpack) = self.list.chunks[spot.chunk].nodes()[spot.node].content()
            && let Some(at) = listpack.seek(spot.offset)
        {
            let end = if backwards { listpack.next(at) } else { None }.unwrap_or(listpack.end());
            let start = if backwards { listpack.first()? } else { at };
            rest = Rest::Packed(listpack.iter_between(start, end));
        }
        Some((number, rest))
    }

    fn node_after(&self, (chunk, node): NodeNumber) -> NodeNumber {
        match self.list.chunks.get(chunk) {
            Some(found) if node + 1 < found.nodes().len() => (chunk, node + 1),
            _ => (chunk + 1, 0),
        }
    }

    fn node_before(&self, (chunk, node): NodeNumber) -> Option<NodeNumber> {
        match node.checked_sub(1) {
            Some(node) => Some((chunk, node)),
            None => {
                let chunk = chunk.checked_sub(1)?;
                Some((chunk, self.list.chunks.get(chunk)?.nodes().len() - 1))
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        if self.left == 0 {
            return None;
        }
        let (mut number, mut rest) = match self.front.take() {
            Some(front) => front,
            None => self.set_out(self.start, false)?,
        };
        let element = loop {
            if let Some(element) = rest.next() {
                break element;
            }
            number = self.node_after(number);
            rest = self.rest(number)?;
        };
        self.front = Some((number, rest));
        self.left -= 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let (mut number, mut rest) = match self.back.take() {
            Some(back) => back,
            None => self.set_out(self.end - 1, true)?,
        };
        let element = loop {
            if let Some(element) = rest.next_back() {
                break element;
            }
            number = self.node_before(number)?;
            rest = self.rest(number)?;
        };
        self.back = Some((number, rest));
        self.left -= 1;
        Some(element)
    }
}

impl ExactSizeIterator for Iter<'_> {}
