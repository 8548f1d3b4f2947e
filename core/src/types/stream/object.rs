//! Streams as values: memory, copies, and the commands that make one anew.

use super::group::Group;
use super::node::Entry;
use super::{Stream, StreamId};
use crate::keyspace::SizeKind;
use crate::rdb::{RdbError, VERSION_ARRAYS, VERSION_OLDEST, VERSION_PRODUCERS, Writer, value};
use crate::value::{Emit, Frozen, Kind, Object};

/// The type of streams.
pub static STREAM: Kind = Kind { name: "stream" };

impl Object for Stream {
    fn kind(&self) -> &'static Kind {
        &STREAM
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn memory(&self) -> usize {
        let nodes: usize = self.nodes.values().map(|node| node.memory() + 64).sum();
        let groups: usize = self
            .groups
            .iter()
            .map(|(name, group)| name.len() + 2 * size_of::<Group>() + group.memory())
            .sum();
        let producers = self.idempotency.as_ref().map_or(0, |known| known.memory());
        size_of::<Self>() + nodes + groups + producers
    }

    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::needing_rdb(self.needs_rdb())?, 0))
    }

    fn needs_rdb(&self) -> u16 {
        if self.released && self.groups.values().any(|group| group.pel().released() > 0) {
            return VERSION_ARRAYS;
        }
        if self.idempotency.is_some() { VERSION_PRODUCERS } else { VERSION_OLDEST }
    }

    fn free_effort(&self) -> usize {
        let pending: usize = self.groups.values().map(|group| 1 + group.pel().len()).sum();
        self.nodes.len() + pending
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn ends_waits(&self) -> bool {
        true
    }

    fn freeze(&mut self, nodes: usize) -> Option<Box<dyn Frozen>> {
        (self.nodes.len() >= nodes).then(|| value::freeze_stream(self))
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        value::save_stream(self, out)
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        if self.is_empty() {
            emit(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
        }
        self.scan(StreamId::MIN, StreamId::MAX, |entry| {
            emit_entry(key, entry, emit);
            true
        });
        let (last, deleted) = (self.last.to_vec(), self.max_deleted.to_vec());
        let added = self.added.to_string();
        let head: [&[u8]; 3] = [b"XSETID", key, &last];
        let counters: [&[u8]; 4] = [b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", &deleted];
        emit(&[&head[..], &counters].concat());
        for (name, group) in &self.groups {
            rebuild_group(key, name, group, emit);
        }
        if let Some(known) = &self.idempotency {
            let settings = known.settings();
            let (duration, most) = (settings.duration.to_string(), settings.most.to_string());
            let (duration, most) = (duration.as_bytes(), most.as_bytes());
            emit(&[b"XCFGSET", key, b"IDMP-DURATION", duration, b"IDMP-MAXSIZE", most]);
            for (producer, id, entry) in known.iter().filter(|(.., entry)| self.contains(*entry)) {
                emit(&[b"XIDMPRECORD", key, producer, id, &entry.to_vec()]);
            }
        }
    }
}

fn emit_entry(key: &[u8], entry: &Entry<'_>, emit: &mut Emit<'_>) {
    let id = entry.id.to_vec();
    let pairs: Vec<[Vec<u8>; 2]> =
        entry.pairs().map(|(field, value)| [field.to_vec(), value.to_vec()]).collect();
    let mut words: Vec<&[u8]> = vec![b"XADD", key, &id];
    words.extend(pairs.iter().flatten().map(Vec::as_slice));
    emit(&words);
}

fn rebuild_group(key: &[u8], name: &[u8], group: &Group, emit: &mut Emit<'_>) {
    let last = group.last.to_vec();
    let read = group.read.map_or_else(|| "-1".to_owned(), |read| read.to_string());
    emit(&[b"XGROUP", b"CREATE", key, name, &last, b"ENTRIESREAD", read.as_bytes()]);
    for consumer in group.consumers() {
        emit(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name]);
    }
    for (id, pending) in group.pel().from(StreamId::MIN).filter(|(_, p)| p.owner.is_some()) {
        let owner = group.owner_name(&pending);
        let (id, time) = (id.to_vec(), pending.delivered().to_string());
        let count = pending.count.to_string();
        let (time, count) = (time.as_bytes(), count.as_bytes());
        let head: [&[u8]; 6] = [b"XCLAIM", key, name, owner, b"0", &id];
        let tail: [&[u8]; 6] = [b"TIME", time, b"RETRYCOUNT", count, b"JUSTID", b"FORCE"];
        emit(&[&head[..], &tail].concat());
    }
    for id in group.pel().released_entries() {
        let count = group.pel().get(id).map_or(0, |pending| pending.count).to_string();
        let (id, count) = (id.to_vec(), count.as_bytes());
        let head: [&[u8]; 7] = [b"XNACK", key, name, b"FAIL", b"IDS", b"1", &id];
        let tail: [&[u8]; 3] = [b"RETRYCOUNT", count, b"FORCE"];
        emit(&[&head[..], &tail].concat());
    }
}
