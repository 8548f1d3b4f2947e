//! Changing a string where it is: APPEND and SETRANGE, and what bitmaps do as well.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::{STRING, WRITE, WRITE_FAST};
use crate::command::{Access, Ctx, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::int;
use crate::error::CmdError;
use crate::keyspace::{Entry, Put, Space, Value, ValueRef};
use crate::notify::Class;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "append",
        arity: 3,
        flags: WRITE_FAST,
        keys: &[KeySpec::one(1, Access::RW.or(Access::INSERT))],
        since: "2.0.0",
        summary: "Appends to the string at a key, or sets it",
        complexity: "O(1) amortized, for short values",
        syntax: "key value",
        handler: append,
        ..STRING
    },
    Spec {
        name: "setrange",
        arity: 4,
        flags: WRITE,
        keys: &[KeySpec::one(1, Access::RW.or(Access::UPDATE))],
        since: "2.2.0",
        summary: "Overwrites a part of the string at a key, which grows with zeros if need be",
        complexity: "O(M) in the length of the value, and of the zeros in front of it",
        syntax: "key offset value",
        handler: setrange,
        ..STRING
    },
];

/// Strings shorter than this go back into their entry after a change; longer ones keep the buffer
/// that they were changed in, since more changes are likely.
const SETTLE_BELOW: usize = 128;

/// Adds to the end of an existing entry's string through `work`, and returns its length.
///
/// # Errors
/// When it is not a string.
fn lengthen(entry: &mut Entry, work: impl FnOnce(&mut Vec<u8>)) -> Result<usize, CmdError> {
    let end = length(entry)?;
    let buffer = entry.buffer_mut(end).ok_or(CmdError::WRONG_TYPE)?;
    work(buffer);
    let len = buffer.len();
    if len < SETTLE_BELOW {
        entry.settle();
    }
    Ok(len)
}

/// The length of an entry's string.
///
/// # Errors
/// When it is not a string.
fn length(entry: &Entry) -> Result<usize, CmdError> {
    match entry.value() {
        ValueRef::Bytes(bytes) => Ok(bytes.len()),
        ValueRef::Int(n) => Ok(itoa::Buffer::new().format(n).len()),
        ValueRef::Object(_) => Err(CmdError::WRONG_TYPE),
    }
}

/// The length of a string that reaches `len` bytes behind `offset`, if it may be that long.
///
/// # Errors
/// Over `proto-max-bulk-len`.
pub(in crate::commands) fn grown(
    ctx: &Ctx<'_, '_>,
    offset: u64,
    len: usize,
) -> Result<usize, CmdError> {
    let limit = ctx.engine().tuning.max_bulk_len.load(Ordering::Relaxed);
    let total = offset.checked_add(len as u64).filter(|&total| total <= limit);
    total.and_then(|total| usize::try_from(total).ok()).ok_or(CmdError::TOO_LONG)
}

/// The bytes of the string at a key, at least `len` of them, to be changed in place in some ranges;
/// a key that does not exist is made, and a string that is shorter grows by zeros. Also tells
/// whether either happened.
///
/// # Errors
/// When the value is not a string.
pub(in crate::commands) fn writable<'s>(
    space: &'s mut Space<'_>,
    key: &[u8],
    len: usize,
    ranges: &[Range<usize>],
) -> Result<(&'s mut [u8], bool), CmdError> {
    let present = space.lookup_mut(key).map(|entry| length(entry)).transpose()?;
    let grows = present.is_none_or(|present| present < len);
    if present.is_none() {
        space.put(key, Value::Bytes(vec![0; len]), Put::Persist);
    }
    let entry = space.lookup_mut(key).ok_or(CmdError::NO_KEY)?;
    if present.is_some() && (grows || matches!(entry.value(), ValueRef::Int(_))) {
        lengthen(entry, |buffer| buffer.resize(buffer.len().max(len), 0))?;
    }
    Ok((entry.bytes_mut(ranges).ok_or(CmdError::WRONG_TYPE)?, grows))
}

fn append(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, tail) = (args[1], args[2]);
    let present = ctx.space.lookup_mut(key).map(|entry| length(entry)).transpose()?;
    if let Some(len) = present {
        grown(ctx, len as u64, tail.len())?;
    }
    let len = match ctx.space.lookup_mut(key) {
        Some(entry) => lengthen(entry, |buffer| buffer.extend_from_slice(tail))?,
        None => {
            ctx.space.put_bytes(key, tail, Put::Persist);
            tail.len()
        }
    };
    ctx.space.changed(Class::STRING, "append", key);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn setrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, patch) = (args[1], args[3]);
    let offset = u64::try_from(int(args[2])?);
    let offset = offset.map_err(|_| CmdError::fixed("ERR offset is out of range"))?;
    let present = ctx.space.lookup_mut(key).map(|entry| length(entry)).transpose()?;
    if patch.is_empty() {
        ctx.reply.count(present.unwrap_or(0));
        return Ok(Flow::Done);
    }
    let end = grown(ctx, offset, patch.len())?;
    let range = end - patch.len()..end;
    let (bytes, _) = writable(ctx.space, key, end, std::slice::from_ref(&range))?;
    bytes[range].copy_from_slice(patch);
    let len = bytes.len();
    ctx.space.changed(Class::STRING, "setrange", key);
    ctx.reply.count(len);
    Ok(Flow::Done)
}
