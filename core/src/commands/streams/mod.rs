//! The commands on streams: their specs, and what the handlers have in common. Adding and trimming
//! are in [`add`] and [`trim`], ranges and deletions in [`entries`], XREAD and XREADGROUP in
//! [`read`], groups in [`groups`], pending entries in [`pending`] and [`claim`], XINFO in
//! [`info`].

mod add;
mod claim;
mod entries;
mod groups;
mod info;
mod pending;
mod read;
mod specs;
#[cfg(test)]
mod tests;
mod trim;

pub use specs::SPECS;

use crate::command::Ctx;
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::Reply;
use crate::types::stream::group::{ConsumerId, Group};
use crate::types::stream::id::MAX_ID_TEXT;
use crate::types::stream::node::Entry;
use crate::types::stream::{Stream, StreamId};

use super::parts::element;

const INVALID_ID: CmdError =
    CmdError::fixed("ERR Invalid stream ID specified as stream command argument");

/// Reads an identifier; `missing` is the sequence number of one that has none.
fn strict_id(word: &[u8], missing: u64) -> Result<StreamId, CmdError> {
    StreamId::parse(word, missing).ok_or(INVALID_ID)
}

/// As [`strict_id`], or `-` for the first possible and `+` for the last.
fn any_id(word: &[u8], missing: u64) -> Result<StreamId, CmdError> {
    match word {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict_id(word, missing),
    }
}

/// Reads the start of an interval, `(` before which leaves it out.
fn interval_start(word: &[u8]) -> Result<StreamId, CmdError> {
    match word.strip_prefix(b"(") {
        Some(id) => {
            strict_id(id, 0)?.next().ok_or(CmdError::fixed("ERR invalid start ID for the interval"))
        }
        None => any_id(word, 0),
    }
}

/// Reads the end of an interval, `(` before which leaves it out.
fn interval_end(word: &[u8]) -> Result<StreamId, CmdError> {
    match word.strip_prefix(b"(") {
        Some(id) => strict_id(id, u64::MAX)?
            .prev()
            .ok_or(CmdError::fixed("ERR invalid end ID for the interval")),
        None => any_id(word, u64::MAX),
    }
}

/// Answers with an identifier.
#[inline]
fn write_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(id.format(&mut [0; MAX_ID_TEXT]));
}

/// Answers with an entry's fields and values.
#[inline]
fn write_fields(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(entry.len * 2);
    for (field, value) in entry.pairs() {
        element(reply, field);
        element(reply, value);
    }
}

/// Answers with an entry.
#[inline]
fn write_entry(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(2);
    write_id(reply, entry.id);
    write_fields(reply, entry);
}

/// The error for a key without a stream or a stream without a group.
fn no_group(key: &[u8], group: &[u8]) -> CmdError {
    let (key, group) = (CmdError::shown(key), CmdError::shown(group));
    CmdError::new(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
}

/// The error for a stream that exists without a group.
fn no_group_of(key: &[u8], group: &[u8]) -> CmdError {
    let (key, group) = (CmdError::shown(key), CmdError::shown(group));
    CmdError::new(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

/// A group, to be changed.
///
/// # Errors
/// NOGROUP when the key or the group does not exist.
fn group_mut<'s>(
    ctx: &'s mut Ctx<'_, '_>,
    key: &[u8],
    group: &[u8],
) -> Result<&'s mut Group, CmdError> {
    let stream = ctx.space.object_mut::<Stream>(key)?;
    let found = stream.and_then(|stream| stream.groups_mut().get_mut(group));
    found.ok_or_else(|| no_group(key, group))
}

/// Counts and publishes a change of what a stream knows besides its entries.
fn note(ctx: &mut Ctx<'_, '_>, event: &'static str, key: &[u8]) {
    ctx.space.changed_aside(key);
    ctx.space.notify(Class::STREAM, event, key);
}

/// A consumer that is about to do something: it is made if it does not exist, and seen in any
/// case.
///
/// # Errors
/// NOGROUP when the key or the group does not exist.
fn attend(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    group: &[u8],
    name: &[u8],
) -> Result<ConsumerId, CmdError> {
    let now = ctx.space.now();
    let found = group_mut(ctx, key, group)?;
    if let Some(id) = found.find(name) {
        if let Some(consumer) = found.consumer_mut(id) {
            consumer.seen = now;
        }
        return Ok(id);
    }
    let id = found.add_consumer(name, now);
    note(ctx, "xgroup-createconsumer", key);
    ctx.space.effect(&[b"XGROUP", b"CREATECONSUMER", key, group, name]);
    Ok(id)
}

/// States as effect how far a group has read.
fn state_position(ctx: &mut Ctx<'_, '_>, key: &[u8], group: &[u8], (last, read): Position) {
    let read = read.map_or_else(|| "-1".to_owned(), |read| read.to_string());
    let (last, read) = (last.to_vec(), read.as_bytes());
    ctx.space.effect(&[b"XGROUP", b"SETID", key, group, &last, b"ENTRIESREAD", read]);
}

/// The last entry that a group was given, and how many that were.
type Position = (StreamId, Option<u64>);

/// States as effect that an entry now belongs to a consumer.
fn state_claim(
    ctx: &mut Ctx<'_, '_>,
    [key, group, consumer]: [&[u8]; 3],
    ids: &[StreamId],
    (time, count, last): (i64, u64, StreamId),
) {
    if !ctx.engine().effects.is_active() {
        return ctx.space.no_effect();
    }
    let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_vec()).collect();
    let (time, count, last) = (time.to_string(), count.to_string(), last.to_vec());
    let mut words: Vec<&[u8]> = vec![b"XCLAIM", key, group, consumer, b"0"];
    words.extend(ids.iter().map(Vec::as_slice));
    let (time, count) = (time.as_bytes(), count.as_bytes());
    words.extend([b"TIME", time, b"RETRYCOUNT", count, b"FORCE", b"JUSTID", b"LASTID", &last]);
    ctx.space.effect(&words);
}
