//! Streams.

use super::collections::listpack_of;
use super::own;
use super::{Context, RdbError, Reader, Writer, kind};
use crate::ds::listpack::Listpack;
use crate::rdb::{VERSION_ARRAYS, VERSION_DEFAULT, VERSION_PRODUCERS};
use crate::types::stream::group::{Group, Pending};
use crate::types::stream::idempotency::{Idempotency, Settings};
use crate::types::stream::node::Node;
use crate::types::stream::{Stream, StreamId};
use crate::value::Object;

/// Stands for a group's count of entries that is not known.
const UNKNOWN: u64 = u64::MAX;
/// Stands for a consumer that was never handed anything.
const NEVER: i64 = -1;

/// Writes a stream.
pub(crate) fn save_stream(stream: &Stream, out: &mut Writer) -> Result<u8, RdbError> {
    match out.version() < stream.needs_rdb() {
        true => own::save_stream(stream, out),
        false => Ok(put_stream(stream, out)),
    }
}

/// The type of Redis's form in a version of the format.
pub(super) fn kind_in(version: u16) -> u8 {
    let since = [
        (VERSION_ARRAYS, kind::STREAM_5),
        (VERSION_PRODUCERS, kind::STREAM_4),
        (VERSION_DEFAULT, kind::STREAM_3),
    ];
    let found = since.into_iter().find(|(least, _)| version >= *least);
    found.map_or(kind::STREAM_2, |(_, kind)| kind)
}

/// Writes what Redis's form of a stream has.
pub(super) fn put_stream(stream: &Stream, out: &mut Writer) -> u8 {
    out.length(stream.node_count() as u64);
    stream.nodes().for_each(|(base, node)| put_node(base, node, out));
    put_rest(stream, out)
}

/// Writes a node.
pub(super) fn put_node(base: StreamId, node: &Node, out: &mut Writer) {
    out.string(&raw_id(base));
    out.string(node.listpack().as_bytes());
}

/// Writes what comes behind the nodes.
pub(super) fn put_rest(stream: &Stream, out: &mut Writer) -> u8 {
    let kind = kind_in(out.version());
    let form = kind::stream_form(kind);
    out.length(stream.len());
    for id in [stream.last_id(), stream.first_id(), stream.max_deleted()] {
        put_id(out, id);
    }
    out.length(stream.added());
    out.length(stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        out.string(name);
        put_group(group, form, out);
    }
    if form >= 4 {
        put_producers(stream.idempotency(), out);
    }
    kind
}

/// Writes for how long and how many identifiers are remembered; each producer with its identifiers
/// and their entries; and how many there ever were, and were sent again.
fn put_producers(known: Option<&Idempotency>, out: &mut Writer) {
    let none = Idempotency::new(Settings::default());
    let known = known.unwrap_or(&none);
    let (settings, [.., added, duplicates]) = (known.settings(), known.counts());
    out.length(settings.duration);
    out.length(settings.most as u64);
    out.length(known.producers().len() as u64);
    for (name, identifiers) in known.producers() {
        out.string(name);
        out.length(identifiers.len() as u64);
        for (identifier, entry) in identifiers {
            out.string(identifier);
            put_id(out, entry);
        }
    }
    out.length(added);
    out.length(duplicates);
}

fn put_id(out: &mut Writer, id: StreamId) {
    out.length(id.ms);
    out.length(id.seq);
}

pub(super) fn raw_id(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn put_group(group: &Group, form: u8, out: &mut Writer) {
    put_id(out, group.last);
    out.length(group.read.unwrap_or(UNKNOWN));
    let all = form >= 5;
    let told = || {
        let pending = group.pel().from(StreamId::MIN);
        pending.filter(|(_, pending): &(_, Pending)| all || pending.owner.is_some())
    };
    out.length(told().count() as u64);
    for (id, pending) in told() {
        out.raw(&raw_id(id));
        out.raw(&pending.delivered().to_le_bytes());
        out.length(pending.count);
    }
    out.length(group.consumers().len() as u64);
    for consumer in group.consumers() {
        out.string(&consumer.name);
        out.raw(&consumer.seen.to_le_bytes());
        if form >= 3 {
            out.raw(&consumer.active.unwrap_or(NEVER).to_le_bytes());
        }
        out.length(consumer.pending().len() as u64);
        consumer.pending().iter().for_each(|id| out.raw(&raw_id(*id)));
    }
    if all {
        out.length(group.pel().released() as u64);
        group.pel().released_entries().for_each(|id| out.raw(&raw_id(id)));
    }
}

fn read_id(input: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: input.length()?, seq: input.length()? })
}

fn read_raw_id(input: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    let id = u128::from_be_bytes(input.array()?);
    Ok(StreamId { ms: (id >> 64) as u64, seq: id as u64 })
}

/// Reads a stream in any of Redis's forms.
pub(super) fn load_stream(
    input: &mut Reader<'_>,
    kind: u8,
    context: Context<'_>,
) -> Result<Stream, RdbError> {
    let mut stream = Stream::default();
    for _ in 0..input.length()? {
        let (id, pack) = (input.string()?, input.string()?);
        add_node(&mut stream, &id, &pack, input)?;
    }
    load_rest(input, kind, &mut stream, context)?;
    Ok(stream)
}

/// Reads what comes behind the nodes.
pub(super) fn load_rest(
    input: &mut Reader<'_>,
    kind: u8,
    stream: &mut Stream,
    context: Context<'_>,
) -> Result<(), RdbError> {
    let form = kind::stream_form(kind);
    let stated = input.length()?;
    let last = read_id(input)?;
    let (mut deleted, mut added) = (StreamId::MIN, stated);
    if form >= 2 {
        // The first id is that of the first entry.
        read_id(input)?;
        deleted = read_id(input)?;
        added = input.length()?;
    }
    if stated != stream.len() {
        if stream.is_empty() {
            return Err(input.corrupt("a stream without the entries that it says it has"));
        }
        input.mend(stated.abs_diff(stream.len()), "entries more or fewer than a stream says")?;
    }
    let last_entry = stream.last_entry().map_or(StreamId::MIN, |entry| entry.id);
    if last_entry > last {
        input.mend(1, "last ids of a stream that are before its last entry")?;
    }
    stream.set_last_id(last.max(last_entry));
    stream.set_max_deleted(deleted);
    stream.set_added(added);
    for _ in 0..input.length()? {
        let name = input.string()?;
        let mut group = read_group(input, form)?;
        if group.pel().released() > 0 {
            stream.note_release();
        }
        if form == 1 {
            // Not stored yet in those days; it follows from the entries, mostly.
            group.read = stream.count_up_to(group.last);
        }
        if stream.groups_mut().insert(name.into(), group).is_some() {
            return Err(input.corrupt("two consumer groups of the same name"));
        }
    }
    if form >= 4 {
        let known = read_producers(input)?;
        // What every stream has needs no mention.
        let usual = Idempotency::new(context.limits.idempotency());
        *stream.idempotency_mut() = (!known.is_same(&usual)).then(|| Box::new(known));
    }
    Ok(())
}

fn read_producers(input: &mut Reader<'_>) -> Result<Idempotency, RdbError> {
    let (duration, most) = (input.length()?, input.length()?);
    let most = usize::try_from(most).map_err(|_| input.corrupt("too many identifiers"))?;
    let mut known = Idempotency::new(Settings { duration, most });
    for _ in 0..input.length()? {
        let producer = input.string()?;
        for _ in 0..input.length()? {
            let identifier = input.string()?;
            if known.find(&producer, &identifier).is_some() {
                return Err(input.corrupt("an identifier of a producer is there twice"));
            }
            known.add(&producer, &identifier, read_id(input)?);
        }
    }
    known.set_counts(input.length()?, input.length()?);
    Ok(known)
}

/// Adds a node, of which `input` had these bytes.
pub(super) fn add_node(
    stream: &mut Stream,
    id: &[u8],
    pack: &[u8],
    input: &mut Reader<'_>,
) -> Result<(), RdbError> {
    let id = <[u8; 16]>::try_from(id);
    let id = u128::from_be_bytes(id.map_err(|_| input.corrupt("the id of a stream's node"))?);
    let base = StreamId { ms: (id >> 64) as u64, seq: id as u64 };
    let node = match Node::from_listpack(listpack_of(input, pack)?) {
        Ok(node) => node,
        Err(pack) => mended_node(input, pack, base, stream.last_id())?,
    };
    match stream.push_node(base, node) {
        true => Ok(()),
        false => Err(input.corrupt("a stream's nodes are not in order")),
    }
}

/// What is whole of a damaged node.
fn mended_node(
    input: &mut Reader<'_>,
    pack: Listpack,
    base: StreamId,
    last: StreamId,
) -> Result<Node, RdbError> {
    let node = Node::salvage(pack, base, last);
    let node = node.ok_or_else(|| input.corrupt("the head of a stream's node is damaged"))?;
    input.mend(1, "nodes of a stream that are not what they say")?;
    Ok(node)
}

fn read_group(input: &mut Reader<'_>, form: u8) -> Result<Group, RdbError> {
    let last = read_id(input)?;
    let read = match form {
        1 => None,
        _ => Some(input.length()?).filter(|read| *read != UNKNOWN),
    };
    let mut group = Group::new(last, read);
    let mut pending = std::collections::BTreeMap::new();
    for _ in 0..input.length()? {
        let id = read_raw_id(input)?;
        let (time, count) = (i64::from_le_bytes(input.array()?), input.length()?);
        if pending.insert(id, (time, count)).is_some() {
            return Err(input.corrupt("an entry is pending twice"));
        }
    }
    for _ in 0..input.length()? {
        read_consumer(input, form, &mut group, &mut pending)?;
    }
    for _ in 0..if form >= 5 { input.length()? } else { 0 } {
        let id = read_raw_id(input)?;
        let Some((_, count)) = pending.remove(&id) else {
            return Err(input.corrupt("a released entry is not pending in its group"));
        };
        group.release(id, count);
    }
    match pending.is_empty() {
        true => Ok(group),
        false => Err(input.corrupt("an entry is pending without a consumer")),
    }
}

fn read_consumer(
    input: &mut Reader<'_>,
    form: u8,
    group: &mut Group,
    pending: &mut std::collections::BTreeMap<StreamId, (i64, u64)>,
) -> Result<(), RdbError> {
    let name = input.string()?;
    if group.find(&name).is_some() {
        return Err(input.corrupt("Duplicate stream consumer detected"));
    }
    let seen = i64::from_le_bytes(input.array()?);
    let active = if form >= 3 { i64::from_le_bytes(input.array()?) } else { seen };
    let id = group.add_consumer(&name, seen);
    if let Some(consumer) = group.consumer_mut(id) {
        consumer.active = Some(active).filter(|active| *active != NEVER);
    }
    for _ in 0..input.length()? {
        let entry = read_raw_id(input)?;
        let Some((time, count)) = pending.remove(&entry) else {
            return Err(input.corrupt("a consumer's entry is not pending in its group"));
        };
        group.assign(entry, id, time, count);
    }
    Ok(())
}
