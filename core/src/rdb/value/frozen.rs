//! Large lists, streams and arrays, saved a bit at a time.

use super::{Writer, array, collections, kind, own, stream};
use crate::ds::quicklist::Quicklist;
use crate::types::array::{Array, MAX_INDEX};
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
    /// The oldest version in which Redis's form holds all of it.
    needs: u16,
    /// The next node; at first the least identifier.
    next: StreamId,
}

/// A stream to be saved a bit at a time.
pub(crate) fn freeze_stream(stream: &Stream) -> Box<dyn Frozen> {
    let needs = stream.needs_rdb();
    Box::new(FrozenStream { stream: stream.clone(), needs, next: StreamId::MIN })
}

impl Frozen for FrozenStream {
    fn object(&self) -> &dyn Object {
        &self.stream
    }

    fn rdb_kind(&self, version: u16) -> u8 {
        if version < self.needs { kind::MODULE } else { stream::kind_in(version) }
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        let own = out.version() < self.needs;
        if self.next == StreamId::MIN {
            match own {
                true => own::begin_stream(&self.stream, out),
                false => out.length(self.stream.node_count() as u64),
            }
        }
        let put = if own { own::put_node } else { stream::put_node };
        let mut left = self.stream.nodes_from(self.next);
        left.by_ref().take(NODES).for_each(|(base, node)| put(base, node, out));
        if let Some((base, _)) = left.next() {
            self.next = base;
            return true;
        }
        match own {
            true => own::end_stream(&self.stream, out),
            false => drop(stream::put_rest(&self.stream, out)),
        }
        false
    }
}

/// Bytes of an array's values from which on a bit ends.
const ARRAY_BYTES: usize = 64 * 1024;

struct FrozenArray {
    array: Array,
    /// The next index; `None` at first.
    next: Option<u64>,
}

/// An array to be saved a bit at a time.
pub(crate) fn freeze_array(array: &Array) -> Box<dyn Frozen> {
    Box::new(FrozenArray { array: array.clone(), next: None })
}

impl Frozen for FrozenArray {
    fn object(&self) -> &dyn Object {
        &self.array
    }

    fn rdb_kind(&self, version: u16) -> u8 {
        array::kind_in(version)
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        if self.next.is_none() {
            array::begin(&self.array, out);
        }
        let (from, mut more) = (self.next.unwrap_or(0), false);
        let enough = out.as_bytes().len() + ARRAY_BYTES;
        self.array.scan(from, MAX_INDEX, |index, value| {
            if out.as_bytes().len() >= enough {
                self.next = Some(index);
                more = true;
                return false;
            }
            array::put_value(index, value, out);
            true
        });
        if !more {
            array::end(out);
        }
        more
    }
}
