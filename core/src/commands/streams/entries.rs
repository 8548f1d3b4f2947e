//! Commands on entries by their identifiers: lengths, ranges, deletions, and XSETID.

use super::super::options::is;
use super::super::parts::int;
use super::trim::references;
use super::{interval_end, interval_start, strict_id, write_entry};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::Aggregate;
use crate::types::stream::trim::References;
use crate::types::stream::{Stream, StreamId};
use crate::util::num;

pub(super) fn xlen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let len = ctx.space.object::<Stream>(args[1])?.map_or(0, Stream::len);
    ctx.reply.int(len as i64);
    Ok(Flow::Done)
}

pub(super) fn xrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    range(ctx, args, (args[2], args[3]), false)
}

pub(super) fn xrevrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    range(ctx, args, (args[3], args[2]), true)
}

fn range(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    (start, end): (&[u8], &[u8]),
    back: bool,
) -> Outcome {
    let (start, end) = (interval_start(start)?, interval_end(end)?);
    let mut count = i64::MAX;
    for option in args[4..].chunks(2) {
        match option {
            [name, value] if is(name, "COUNT") => count = int(value)?,
            _ => return Err(CmdError::SYNTAX),
        }
    }
    let Some(stream) = ctx.space.object::<Stream>(args[1])? else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    if count <= 0 {
        ctx.reply.null_array();
        return Ok(Flow::Done);
    }
    let reply = &mut *ctx.reply;
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    let mut write = |entry: &_| {
        write_entry(reply, entry);
        written += 1;
        written < count
    };
    if back {
        stream.scan_back(start, end, &mut write);
    } else {
        stream.scan(start, end, &mut write);
    }
    ctx.reply.finish(head, written as usize);
    Ok(Flow::Done)
}

pub(super) fn xdel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let Some(stream) = ctx.space.object_mut::<Stream>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let ids = ids(&args[2..])?;
    let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
    if deleted > 0 {
        ctx.space.changed(Class::STREAM, "xdel", key);
        ctx.space.count_as(deleted);
    }
    ctx.reply.count(deleted);
    Ok(Flow::Done)
}

/// Reads identifiers.
pub(super) fn ids(words: &[&[u8]]) -> Result<Vec<StreamId>, CmdError> {
    words.iter().map(|word| strict_id(word, 0)).collect()
}

/// The arguments of XDELEX and XACKDEL: what becomes of references, and identifiers.
pub(super) struct Selection<'a> {
    pub(super) references: References,
    pub(super) ids: &'a [&'a [u8]],
}

impl<'a> Selection<'a> {
    pub(super) fn parse(words: &'a [&'a [u8]]) -> Result<Self, CmdError> {
        let (mut chosen, mut ids) = (None, None);
        let mut rest = words;
        while let [word, after @ ..] = rest {
            rest = after;
            if is(word, "IDS") && !rest.is_empty() {
                ids = Some(numbered(&mut rest)?);
            } else if let Some(references) = references(word)
                && chosen.is_none()
            {
                chosen = Some(references);
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        let ids = ids.ok_or(CmdError::SYNTAX)?;
        Ok(Self { references: chosen.unwrap_or_default(), ids })
    }
}

/// Takes a number of identifiers and as many of them off the words.
pub(super) fn numbered<'a>(words: &mut &'a [&'a [u8]]) -> Result<&'a [&'a [u8]], CmdError> {
    const NOT_POSITIVE: CmdError = CmdError::fixed("ERR Number of IDs must be a positive integer");
    let [count, rest @ ..] = *words else { return Err(CmdError::SYNTAX) };
    let count = num::parse_i64(count).filter(|n| *n > 0).ok_or(NOT_POSITIVE)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > rest.len() {
        return Err(CmdError::fixed(
            "ERR The `numids` parameter must match the number of arguments",
        ));
    }
    let (ids, rest) = rest.split_at(count);
    *words = rest;
    Ok(ids)
}

/// What became of an entry that was to be deleted, as replies say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Missing = -1,
    Deleted = 1,
    Referenced = 2,
}

/// Deletes an entry, and what refers to it, as far as its references allow. The second result is
/// whether anything changed.
pub(super) fn delete(stream: &mut Stream, id: StreamId, references: References) -> (Fate, bool) {
    match references {
        // Before anything else: an entry that is gone, or is still to come, counts as well.
        References::Spare if stream.is_referenced(id) => (Fate::Referenced, false),
        _ => {
            let forgotten = references == References::Remove && stream.forget(id);
            match stream.delete(id) {
                true => (Fate::Deleted, true),
                false => (Fate::Missing, forgotten),
            }
        }
    }
}

pub(super) fn xdelex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let stream = ctx.space.object_mut::<Stream>(key)?;
    let selection = Selection::parse(&args[2..])?;
    let Some(stream) = stream else {
        return all_missing(ctx, selection.ids.len());
    };
    let ids = ids(selection.ids)?;
    let (mut deleted, mut changed) = (0, false);
    ctx.reply.array(ids.len());
    for id in ids {
        let (fate, change) = delete(stream, id, selection.references);
        deleted += usize::from(fate == Fate::Deleted);
        changed |= change;
        ctx.reply.int(fate as i64);
    }
    tell_deleted(ctx, key, deleted, changed);
    Ok(Flow::Done)
}

/// Answers that none of so many entries exists.
pub(super) fn all_missing(ctx: &mut Ctx<'_, '_>, count: usize) -> Outcome {
    ctx.reply.array(count);
    (0..count).for_each(|_| ctx.reply.int(Fate::Missing as i64));
    Ok(Flow::Done)
}

/// Tells of a change in which so many entries were deleted.
pub(super) fn tell_deleted(ctx: &mut Ctx<'_, '_>, key: &[u8], deleted: usize, changed: bool) {
    if deleted > 0 {
        ctx.space.changed(Class::STREAM, "xdel", key);
        ctx.space.count_as(deleted);
    } else if changed {
        ctx.space.changed_aside(key);
    }
}

pub(super) fn xsetid(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let id = strict_id(args[2], 0)?;
    let (mut added, mut deleted) = (None, None);
    for option in args[3..].chunks(2) {
        match option {
            [name, value] if is(name, "ENTRIESADDED") => {
                let value = u64::try_from(int(value)?)
                    .map_err(|_| CmdError::fixed("ERR entries_added must be positive"))?;
                added = Some(value);
            }
            [name, value] if is(name, "MAXDELETEDID") => {
                let value = strict_id(value, 0)?;
                if id < value {
                    return Err(CmdError::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                deleted = Some(value);
            }
            _ => return Err(CmdError::SYNTAX),
        }
    }
    let stream = ctx.space.object_mut::<Stream>(args[1])?.ok_or(CmdError::NO_KEY)?;
    check_set_id(stream, id, added)?;
    stream.set_last_id(id);
    if let Some(added) = added {
        stream.set_added(added);
    }
    if let Some(deleted) = deleted.filter(|deleted| *deleted != StreamId::MIN) {
        stream.set_max_deleted(deleted);
    }
    super::note(ctx, "xsetid", args[1]);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Refuses what contradicts the stream's entries.
fn check_set_id(stream: &Stream, id: StreamId, added: Option<u64>) -> Result<(), CmdError> {
    if id < stream.max_deleted() {
        return Err(CmdError::fixed(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last_entry().is_some_and(|last| id < last.id) {
        return Err(CmdError::fixed(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| added < stream.len()) {
        return Err(CmdError::fixed(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    Ok(())
}
