//! Large lists and streams, saved a bit at a time: their nodes first, and then what follows.

use super::{Writer, collections, kind, stream};
use crate::ds::quicklist::Quicklist;
use crate::types::list::List;
use crate::types::stream::{Stream, StreamId};
use crate::value::{Frozen, Object};

/// Nodes that are saved at a time: some hundred kilobytes.
const NODES: usize = 32;

struct FrozenList {
    list: List,
    /// Nodes that were saved.
    saved: usize,
}

/// A list to be saved a bit at a time.
pub(crate) fn freeze_list(list: Quicklist) -> Box<dyn Frozen> {
    Box::new(FrozenList { list: List::from_nodes(list), saved: 0 })
}

impl Frozen for FrozenList {
    fn object(&self) -> &dyn Object {
        &self.list
    }

    fn rdb_kind(&self, _: u16) -> u8 {
        kind::LIST_QUICKLIST_2
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        let Some(list) = self.list.as_quicklist() else { return false };
        if self.saved == 0 {
            out.length(list.contents().count() as u64);
        }
        let mut left = list.contents().skip(self.saved);
        left.by_ref().take(NODES).for_each(|node| collections::put_node(out, node));
        self.saved += NODES;
        left.next().is_some()
    }
}

struct FrozenStream {
    stream: Stream,
    /// The next node; at first the least identifier.
    next: StreamId,
}

/// A stream to be saved a bit at a time, unless it has a form of our own.
pub(crate) fn freeze_stream(stream: &Stream) -> Option<Box<dyn Frozen>> {
    if stream::has_own_form(stream) {
        return None;
    }
    Some(Box::new(FrozenStream { stream: stream.clone(), next: StreamId::MIN }))
}

impl Frozen for FrozenStream {
    fn object(&self) -> &dyn Object {
        &self.stream
    }

    fn rdb_kind(&self, version: u16) -> u8 {
        stream::kind_in(version)
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        if self.next == StreamId::MIN {
            out.length(self.stream.node_count() as u64);
        }
        let mut left = self.stream.nodes_from(self.next);
        left.by_ref().take(NODES).for_each(|(base, node)| stream::put_node(base, node, out));
        match left.next() {
            Some((base, _)) => {
                self.next = base;
                true
            }
            None => {
                stream::put_rest(&self.stream, out);
                false
            }
        }
    }
}
