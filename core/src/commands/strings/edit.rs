//! APPEND and SETRANGE: changing a string where it is.

use std::sync::atomic::Ordering;

use super::{STRING, WRITE, WRITE_FAST};
use crate::command::{Access, Ctx, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::int;
use crate::error::CmdError;
use crate::keyspace::{Entry, Put, ValueRef};
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

/// Changes the string of an existing entry through `work`.
///
/// # Errors
/// When it is not a string.
pub(in crate::commands) fn edit(
    entry: &mut Entry,
    work: impl FnOnce(&mut Vec<u8>),
) -> Result<usize, CmdError> {
    let buffer = entry.buffer_mut().ok_or(CmdError::WRONG_TYPE)?;
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
pub(in crate::commands) fn length(entry: &Entry) -> Result<usize, CmdError> {
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

fn append(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, tail) = (args[1], args[2]);
    let present = ctx.space.lookup_mut(key).map(|entry| length(entry)).transpose()?;
    if let Some(len) = present {
        grown(ctx, len as u64, tail.len())?;
    }
    let len = match ctx.space.lookup_mut(key) {
        Some(entry) => edit(entry, |buffer| buffer.extend_from_slice(tail))?,
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
    let start = end - patch.len();
    if present.is_none() {
        ctx.space.put_bytes(key, b"", Put::Persist);
    }
    let len = match ctx.space.lookup_mut(key) {
        Some(entry) => edit(entry, |buffer| overwrite(buffer, start, patch))?,
        None => 0,
    };
    ctx.space.changed(Class::STRING, "setrange", key);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

/// Writes `patch` at `start`, with zeros in front of it where the buffer is shorter.
fn overwrite(buffer: &mut Vec<u8>, start: usize, patch: &[u8]) {
    let end = start + patch.len();
    if buffer.len() < end {
        buffer.resize(end, 0);
    }
    buffer[start..end].copy_from_slice(patch);
}
