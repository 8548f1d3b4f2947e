//! What Redis has no form for: sets and sorted sets whose members expire, streams that know their
//! producers' identifiers or have released entries, and arrays.
//!
//! They are stored as values of a module named `CairnData`, so that another server says what it
//! cannot load. The parts, in encoding 0:
//!
//! ```text
//! unsigned subject: 1 set, 2 sorted set, 3 stream, 4 array
//! set, sorted set:  unsigned type byte, string Redis's form of the value,
//!                   unsigned n, n × (string member, signed deadline in Unix milliseconds)
//! stream:           unsigned type byte, string Redis's form without what follows,
//!                   unsigned n, n × (string group, string id, unsigned deliveries): released,
//!                   unsigned duration, unsigned most (both 0: no producers are known),
//!                   unsigned n, n × (string producer, string identifier, string id)
//! array:            unsigned next index plus one (0: no more room), unsigned n, n × (unsigned index,
//!                   string value)
//! ```

use super::{Context, RdbError, Reader, Writer, collections, kind, stream};
use crate::keyspace::Value;
use crate::types::array::{Array, MAX_INDEX};
use crate::types::stream::idempotency::{Idempotency, Settings};
use crate::types::stream::{Stream, StreamId};
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
}

fn begin(out: &mut Writer, subject: Subject) {
    out.module_id(NAME, ENCODING);
    out.module_unsigned(subject as u64);
}

/// Writes Redis's form of a value as one part, behind its type byte.
fn put_inner(out: &mut Writer, put: impl FnOnce(&mut Writer) -> u8) {
    let mut inner = Writer::new(out.version(), false);
    let kind = put(&mut inner);
    out.module_unsigned(u64::from(kind));
    out.module_string(inner.as_bytes());
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

/// Writes a stream with what Redis's form has no place for.
pub(super) fn save_stream(value: &Stream, out: &mut Writer) -> Result<u8, RdbError> {
    begin(out, Subject::Stream);
    put_inner(out, |out| stream::put_stream(value, out));
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
    out.module_end();
    Ok(kind::MODULE)
}

/// Writes an array.
pub(crate) fn save_array(array: &Array, out: &mut Writer) -> Result<u8, RdbError> {
    begin(out, Subject::Array);
    out.module_unsigned(array.next_index().map_or(0, |next| next.saturating_add(1)));
    out.module_unsigned(array.count());
    array.scan(0, u64::MAX, |index, value| {
        out.module_unsigned(index);
        out.module_string(value);
        true
    });
    out.module_end();
    Ok(kind::MODULE)
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
            let mut value = stream::load_stream(&mut Reader::new(&body, base), kind)?;
            read_stream_extras(input, &mut value)?;
            Ok(Some(Value::Object(Box::new(value))))
        }
        n if n == Subject::Array as u64 => read_array(input),
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
        match context.now {
            Some(now) if at <= now => drop(value.drop_element(&member)),
            _ => value.set_deadline(&member, at),
        }
    }
    Ok(())
}

fn read_id(input: &mut Reader<'_>) -> Result<StreamId, RdbError> {
    let text = input.module_string()?;
    StreamId::parse(&text, 0).ok_or_else(|| input.corrupt("no id of a stream's entry"))
}

fn read_stream_extras(input: &mut Reader<'_>, value: &mut Stream) -> Result<(), RdbError> {
    for _ in 0..input.module_unsigned()? {
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
