//! What Redis has no form for: sets and sorted sets whose members expire; and in files of versions
//! too old for them, streams that know their producers' identifiers or have released entries, and
//! arrays.
//!
//! They are stored as values of a module named `CairnData`, so that another server says what it
//! cannot load. The parts, in encoding 0:
//!
//! ```text
//! unsigned subject: 1 set, 2 sorted set, 3 stream, 4 array, 5 set in parts, 6 sorted set in parts,
//!                   7 stream in parts
//! set, sorted set:  unsigned type byte, string Redis's form of the value,
//!                   unsigned n, n × (string member, signed deadline in Unix milliseconds)
//! stream:           unsigned type byte, string Redis's form without what follows,
//!                   unsigned n, n × (string group, string id, unsigned deliveries): released,
//!                   unsigned duration, unsigned most (both 0: no producers are known),
//!                   unsigned n, n × (string producer, string identifier, string id)
//! array:            unsigned next index plus one (0: no more room), unsigned n, n × (unsigned index,
//!                   string value)
//! in parts:         unsigned n, n × (string member, string 8 bytes of the score in little endian, none
//!                   in a set, unsigned deadline plus one or 0), in any order
//! stream in parts:  unsigned type byte, unsigned n, n × (string the node's first id in 16 bytes, string
//!                   its listpack), string what is behind the nodes in Redis's form, and the rest as
//!                   in a stream
//! ```

use super::{Context, RdbError, Reader, Writer, collections, kind, stream};
use crate::keyspace::{Collection, Value};
use crate::rdb::VERSION_FIELD_TTL;
use crate::types::array::{Array, MAX_INDEX};
use crate::types::set::Set;
use crate::types::stream::idempotency::{Idempotency, Settings};
use crate::types::stream::node::Node;
use crate::types::stream::{Stream, StreamId};
use crate::types::zset::Zset;
use crate::value::Expiring;

/// The name of the module type.
pub(super) const NAME: &str = "CairnData";
const ENCODING: u16 = 0;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Subject {
    Set = 1,
    Zset = 2,
    Stream = 3,
    Array = 4,
    SetParts = 5,
    ZsetParts = 6,
    StreamParts = 7,
}

fn begin(out: &mut Writer, subject: Subject) {
    out.module_id(NAME, ENCODING);
    out.module_unsigned(subject as u64);
}

/// Writes Redis's form of a value as one part, behind its type byte.
fn put_inner(out: &mut Writer, put: impl FnOnce(&mut Writer) -> u8) {
    let mut inner = Writer::new(inner_version(out), false);
    let kind = put(&mut inner);
    out.module_unsigned(u64::from(kind));
    out.module_string(inner.as_bytes());
}

/// The version whose form a value has inside: what that does not have comes behind it.
fn inner_version(out: &Writer) -> u16 {
    out.version().min(VERSION_FIELD_TTL)
}

/// Writes a collection with the deadlines of its members.
pub(super) fn save<'a>(
    subject: Subject,
    deadlines: impl Iterator<Item = (&'a [u8], i64)>,
    out: &mut Writer,
    put: impl FnOnce(&mut Writer) -> u8,
) -> Result<u8, RdbError> {
    begin(out, subject);
    put_inner(out, put);
    let deadlines: Vec<_> = deadlines.collect();
    out.module_unsigned(deadlines.len() as u64);
    for (member, at) in deadlines {
        out.module_string(member);
        out.module_signed(at);
    }
    out.module_end();
    Ok(kind::MODULE)
}

/// Writes what stands before so many elements of a collection that is written in parts.
pub(super) fn begin_parts(collection: Collection, count: u64, out: &mut Writer) {
    let is_zset = collection == Collection::Zset;
    begin(out, if is_zset { Subject::ZsetParts } else { Subject::SetParts });
    out.module_unsigned(count);
}

/// Writes such an element.
pub(super) fn save_part(member: &[u8], score: &[u8], at: Option<i64>, out: &mut Writer) {
    out.module_string(member);
    out.module_string(score);
    // Deadlines are not negative.
    out.module_unsigned(at.map_or(0, |at| at.max(0) as u64 + 1));
}

/// Writes a stream with what Redis's form has no place for.
pub(super) fn save_stream(value: &Stream, out: &mut Writer) -> Result<u8, RdbError> {
    begin(out, Subject::Stream);
    put_inner(out, |out| stream::put_stream(value, out));
    put_stream_extras(value, out);
    out.module_end();
    Ok(kind::MODULE)
}

/// Writes what stands before the nodes of a stream that is written in parts.
pub(super) fn begin_stream(value: &Stream, out: &mut Writer) {
    begin(out, Subject::StreamParts);
    out.module_unsigned(u64::from(stream::kind_in(inner_version(out))));
    out.module_unsigned(value.node_count() as u64);
}

/// Writes a node of it.
pub(super) fn put_node(base: StreamId, node: &Node, out: &mut Writer) {
    out.module_string(&stream::raw_id(base));
    out.module_string(node.listpack().as_bytes());
}

/// Writes what stands behind them.
pub(super) fn end_stream(value: &Stream, out: &mut Writer) {
    let mut rest = Writer::new(inner_version(out), false);
    stream::put_rest(value, &mut rest);
    out.module_string(rest.as_bytes());
    put_stream_extras(value, out);
    out.module_end();
}

/// Writes the released entries and the producers of a stream.
fn put_stream_extras(value: &Stream, out: &mut Writer) {
    let groups = value.groups().iter();
    let released: Vec<_> = groups
        .flat_map(|(name, group)| group.pel().released_entries().map(move |id| (name, group, id)))
        .collect();
    out.module_unsigned(released.len() as u64);
    for (name, group, id) in released {
        out.module_string(name);
        out.module_string(&id.to_vec());
        out.module_unsigned(group.pel().get(id).map_or(0, |pending| pending.count));
    }
    let settings = value.idempotency().map(Idempotency::settings);
    out.module_unsigned(settings.map_or(0, |s| s.duration));
    out.module_unsigned(settings.map_or(0, |s| s.most as u64));
    let known: Vec<_> = value.idempotency().into_iter().flat_map(Idempotency::iter).collect();
    out.module_unsigned(known.len() as u64);
    for (producer, identifier, id) in known {
        out.module_string(producer);
        out.module_string(identifier);
        out.module_string(&id.to_vec());
    }
}

/// Writes what stands before the values of an array.
pub(super) fn begin_array(array: &Array, out: &mut Writer) {
    begin(out, Subject::Array);
    out.module_unsigned(array.next_index().map_or(0, |next| next.saturating_add(1)));
    out.module_unsigned(array.count());
}

/// Writes a value of an array.
pub(super) fn put_value(index: u64, value: &[u8], out: &mut Writer) {
    out.module_unsigned(index);
    out.module_string(value);
}

/// Reads a value of this module, up to its end mark.
pub(super) fn load(
    input: &mut Reader<'_>,
    encoding: u16,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    if encoding != ENCODING {
        let text = format!("type '{NAME}' in encoding {encoding}, newer than {ENCODING}");
        return Err(RdbError::Unsupported(text));
    }
    match input.module_unsigned()? {
        n if n == Subject::Set as u64 => {
            let (kind, body, base) = inner(input)?;
            let mut set = collections::read_set(&mut Reader::new(&body, base), kind, context)?;
            read_deadlines(input, &mut set, context)?;
            Ok((!set.is_empty()).then(|| Value::Object(Box::new(set))))
        }
        n if n == Subject::Zset as u64 => {
            let (kind, body, base) = inner(input)?;
            let mut zset = collections::read_zset(&mut Reader::new(&body, base), kind, context)?;
            read_deadlines(input, &mut zset, context)?;
            Ok((!zset.is_empty()).then(|| Value::Object(Box::new(zset))))
        }
        n if n == Subject::Stream as u64 => {
            let (kind, body, base) = inner(input)?;
            let mut value = stream::load_stream(&mut Reader::new(&body, base), kind, context)?;
            read_stream_extras(input, &mut value)?;
            Ok(Some(Value::Object(Box::new(value))))
        }
        n if n == Subject::Array as u64 => read_array(input),
        n if n == Subject::StreamParts as u64 => read_stream_parts(input, context),
        n if n == Subject::SetParts as u64 => read_set_parts(input, context),
        n if n == Subject::ZsetParts as u64 => read_zset_parts(input, context),
        n => Err(RdbError::Unsupported(format!("type '{NAME}' of unknown subject {n}"))),
    }
}

/// The type byte and bytes of Redis's form of a value, and the offset from which errors count.
fn inner(input: &mut Reader<'_>) -> Result<(u8, Vec<u8>, u64), RdbError> {
    let kind = input.module_unsigned()?;
    let kind = u8::try_from(kind).map_err(|_| input.corrupt("no type of values"))?;
    let base = input.offset();
    Ok((kind, input.module_string()?, base))
}

fn read_set_parts(input: &mut Reader<'_>, context: Context<'_>) -> Result<Option<Value>, RdbError> {
    let (mut set, limit) = (Set::new(), context.limits.set());
    for _ in 0..input.module_unsigned()? {
        let (member, _, at) = read_part(input)?;
        if !set.add(&member, limit) {
            return Err(input.corrupt("a member is in a set twice"));
        }
        put_deadline(&mut set, &member, at, context);
    }
    Ok((!set.is_empty()).then(|| Value::Object(Box::new(set))))
}

fn read_zset_parts(
    input: &mut Reader<'_>,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let (mut zset, limit) = (Zset::default(), context.limits.zset());
    for _ in 0..input.module_unsigned()? {
        let (member, score, at) = read_part(input)?;
        let score = score.try_into().map_or(f64::NAN, f64::from_le_bytes);
        if score.is_nan() || !zset.insert(&member, score, limit) {
            return Err(input.corrupt("a member without a score, or twice, in a sorted set"));
        }
        put_deadline(&mut zset, &member, at, context);
    }
    Ok((!zset.is_empty()).then(|| Value::Object(Box::new(zset))))
}

/// A member, its score as it was stored, and its deadline.
type Part = (Vec<u8>, Vec<u8>, Option<i64>);

fn read_part(input: &mut Reader<'_>) -> Result<Part, RdbError> {
    let (member, score) = (input.module_string()?, input.module_string()?);
    let at = input.module_unsigned()?.checked_sub(1);
    let at = at.map(i64::try_from).transpose();
    Ok((member, score, at.map_err(|_| input.corrupt("a deadline out of range"))?))
}

/// Gives a member the deadline that it was stored with, if any, or drops it when that is over.
fn put_deadline(value: &mut dyn Expiring, member: &[u8], at: Option<i64>, context: Context<'_>) {
    match (at, context.now) {
        (None, _) => {}
        (Some(at), Some(now)) if at <= now => drop(value.drop_element(member)),
        (Some(at), _) => value.set_deadline(member, at),
    }
}

fn read_deadlines(
    input: &mut Reader<'_>,
    value: &mut dyn Expiring,
    context: Context<'_>,
) -> Result<(), RdbError> {
    for _ in 0..input.module_unsigned()? {
        let (member, at) = (input.module_string()?, input.module_signed()?);
        if !value.has(&member) {
            return Err(input.corrupt("a deadline of a member that is not there"));
        }
        put_deadline(value, &member, Some(at), context);
    }
    Ok(())
}

fn read_id(input: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    let text = input.module_string()?;
    StreamId::parse(&text, 0).ok_or_else(|| input.corrupt("no id of a stream's entry"))
}

fn read_stream_extras(input: &mut Reader<'_>, value: &mut Stream) -> Result<(), RdbError> {
    for _ in 0..input.module_unsigned()? {
        value.note_release();
        let name = input.module_string()?;
        let (id, count) = (read_id(input)?, input.module_unsigned()?);
        match value.groups_mut().get_mut(&name[..]) {
            Some(group) => group.release(id, count),
            None => return Err(input.corrupt("a released entry of an unknown group")),
        }
    }
    let duration = input.module_unsigned()?;
    let most = usize::try_from(input.module_unsigned()?).unwrap_or(usize::MAX);
    let settings = Settings { duration, most };
    let mut known = Idempotency::new(settings);
    for _ in 0..input.module_unsigned()? {
        let (producer, identifier) = (input.module_string()?, input.module_string()?);
        known.add(&producer, &identifier, read_id(input)?);
    }
    if settings != (Settings { duration: 0, most: 0 }) {
        *value.idempotency_mut() = Some(Box::new(known));
    }
    Ok(())
}

fn read_stream_parts(
    input: &mut Reader<'_>,
    context: Context<'_>,
) -> Result<Option<Value>, RdbError> {
    let kind = input.module_unsigned()?;
    let kind = u8::try_from(kind).map_err(|_| input.corrupt("no type of values"))?;
    let mut value = Stream::default();
    for _ in 0..input.module_unsigned()? {
        let (id, pack) = (input.module_string()?, input.module_string()?);
        stream::add_node(&mut value, &id, &pack, input)?;
    }
    let base = input.offset();
    let rest = input.module_string()?;
    stream::load_rest(&mut Reader::new(&rest, base), kind, &mut value, context)?;
    read_stream_extras(input, &mut value)?;
    Ok(Some(Value::Object(Box::new(value))))
}

fn read_array(input: &mut Reader<'_>) -> Result<Option<Value>, RdbError> {
    let mut array = Array::default();
    let next = input.module_unsigned()?;
    for _ in 0..input.module_unsigned()? {
        let index = input.module_unsigned()?;
        if index > MAX_INDEX || !array.set(index, &input.module_string()?) {
            return Err(input.corrupt("an element is in an array twice"));
        }
    }
    array.seek(next.checked_sub(1).unwrap_or(MAX_INDEX + 1));
    Ok((!array.is_empty()).then(|| Value::Object(Box::new(array))))
}
