//! The commands on arrays: those that set, remove and return values by index, and those about the
//! cursor. Searching and aggregating are in [`search`].
//!
//! Documentation: <https://redis.io/docs/latest/develop/data-types/arrays/>.

mod search;
mod specs;
#[cfg(test)]
mod tests;

pub use specs::SPECS;

use super::options::is;
use super::parts::positive;
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::{Aggregate, Reply};
use crate::types::array::{Array, MAX_INDEX, SLICE};
use crate::util::num;

/// The longest range that ARGETRANGE returns.
const RANGE_MAX: u64 = 1_000_000;

const BAD_INDEX: CmdError = CmdError::fixed("ERR invalid array index");
const NO_ROOM: CmdError = CmdError::fixed("ERR insert index overflow");

/// Reads an index.
fn index(word: &[u8]) -> Result<u64, CmdError> {
    num::parse_u64(word).filter(|index| *index <= MAX_INDEX).ok_or(BAD_INDEX)
}

/// Answers with an index, which may be more than a signed integer holds.
fn write_index(reply: &mut Reply, index: u64) {
    match i64::try_from(index) {
        Ok(index) => reply.int(index),
        Err(_) => reply.raw(format!(":{index}\r\n").as_bytes()),
    }
}

/// Answers with an index and its value.
fn write_pair(reply: &mut Reply, index: u64, value: &[u8]) {
    reply.array(2);
    write_index(reply, index);
    reply.bulk(value);
}

fn read<'s>(
    ctx: &'s mut Ctx<'_, '_>,
    key: &[u8],
) -> Result<(Option<&'s Array>, &'s mut Reply), CmdError> {
    Ok((ctx.space.object::<Array>(key)?, ctx.reply))
}

fn arset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, start, values) = (args[1], index(args[2])?, &args[3..]);
    if start.checked_add(values.len() as u64 - 1).is_none_or(|last| last > MAX_INDEX) {
        return Err(BAD_INDEX);
    }
    let array = ctx.space.object_or_insert(key, Array::default)?;
    let added = values.iter().zip(start..).filter(|(value, at)| array.set(*at, value)).count();
    ctx.space.changed(Class::ARRAY, "arset", key);
    ctx.reply.count(added);
    Ok(Flow::Done)
}

fn armset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, words) = (args[1], &args[2..]);
    if !words.len().is_multiple_of(2) {
        return Err(CmdError::arity("armset"));
    }
    let indexes: Result<Vec<u64>, _> = words.chunks_exact(2).map(|pair| index(pair[0])).collect();
    let values = words.iter().skip(1).step_by(2);
    let indexes = indexes?;
    let array = ctx.space.object_or_insert(key, Array::default)?;
    let added = indexes.into_iter().zip(values).filter(|(at, value)| array.set(*at, value)).count();
    ctx.space.changed(Class::ARRAY, "armset", key);
    ctx.reply.count(added);
    Ok(Flow::Done)
}

fn arget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let at = index(args[2])?;
    let (array, reply) = read(ctx, args[1])?;
    reply.bulk_or_null(array.and_then(|array| array.get(at)));
    Ok(Flow::Done)
}

fn armget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let indexes: Result<Vec<u64>, _> = args[2..].iter().map(|word| index(word)).collect();
    let indexes = indexes?;
    let (array, reply) = read(ctx, args[1])?;
    reply.array(indexes.len());
    for at in indexes {
        reply.bulk_or_null(array.and_then(|array| array.get(at)));
    }
    Ok(Flow::Done)
}

fn argetrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (start, end) = (index(args[2])?, index(args[3])?);
    let (low, high) = (start.min(end), start.max(end));
    let (array, reply) = read(ctx, args[1])?;
    let Some(array) = array else {
        reply.array(0);
        return Ok(Flow::Done);
    };
    if high - low >= RANGE_MAX {
        return Err(CmdError::fixed("ERR range exceeds maximum of 1000000 elements"));
    }
    reply.array((high - low + 1) as usize);
    let mut write = |at| reply.bulk_or_null(array.get(at));
    match start <= end {
        true => (low..=high).for_each(&mut write),
        false => (low..=high).rev().for_each(&mut write),
    }
    Ok(Flow::Done)
}

fn ardel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let indexes: Result<Vec<u64>, _> = args[2..].iter().map(|word| index(word)).collect();
    let ranges = indexes?.into_iter().map(|at| (at, at)).collect();
    remove(ctx, args[1], ranges, "ardel")
}

fn ardelrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let words = &args[2..];
    if !words.len().is_multiple_of(2) {
        return Err(CmdError::arity("ardelrange"));
    }
    let range = |pair: &[&[u8]]| {
        let (start, end) = (index(pair[0])?, index(pair[1])?);
        Ok((start.min(end), start.max(end)))
    };
    let ranges: Result<Vec<(u64, u64)>, CmdError> = words.chunks_exact(2).map(range).collect();
    remove(ctx, args[1], ranges?, "ardelrange")
}

/// Removes values, and the key with the last of them.
fn remove(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    ranges: Vec<(u64, u64)>,
    event: &'static str,
) -> Outcome {
    let Some(array) = ctx.space.object_mut::<Array>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let removed: u64 = ranges.into_iter().map(|(a, b)| array.remove_range(a, b)).sum();
    let is_empty = array.is_empty();
    if removed > 0 {
        ctx.space.changed(Class::ARRAY, event, key);
        if is_empty {
            ctx.space.remove(key);
            ctx.space.notify(Class::GENERIC, "del", key);
        }
    }
    write_index(ctx.reply, removed);
    Ok(Flow::Done)
}

fn arcount(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (array, reply) = read(ctx, args[1])?;
    write_index(reply, array.map_or(0, Array::count));
    Ok(Flow::Done)
}

fn arlen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (array, reply) = read(ctx, args[1])?;
    write_index(reply, array.map_or(0, Array::len));
    Ok(Flow::Done)
}

fn arinsert(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let array = ctx.space.object_or_insert(key, Array::default)?;
    // A new array has room for all.
    let last = array.insert(&args[2..]).ok_or(NO_ROOM)?;
    ctx.space.changed(Class::ARRAY, "arinsert", key);
    write_index(ctx.reply, last);
    Ok(Flow::Done)
}

fn arring(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let size = positive(args[2], "ERR ring size must be a positive integer")? as u64;
    let array = ctx.space.object_or_insert(key, Array::default)?;
    let last = array.insert_ring(size, &args[3..]);
    ctx.space.changed(Class::ARRAY, "arring", key);
    write_index(ctx.reply, last);
    Ok(Flow::Done)
}

fn arnext(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (array, reply) = read(ctx, args[1])?;
    match array.map_or(Some(0), Array::next_index) {
        Some(next) => write_index(reply, next),
        None => reply.null(),
    }
    Ok(Flow::Done)
}

fn arseek(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    // One above the greatest index stands for a cursor without room, in logs.
    let next = num::parse_u64(args[2]).ok_or(BAD_INDEX)?;
    let Some(array) = ctx.space.object_mut::<Array>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    array.seek(next);
    ctx.space.changed(Class::ARRAY, "arseek", key);
    ctx.reply.int(1);
    Ok(Flow::Done)
}

fn arlastitems(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let count = positive(args[2], "ERR count must be a positive integer")?;
    let newest_first = match &args[3..] {
        [] => false,
        [word] if is(word, "REV") => true,
        _ => return Err(CmdError::SYNTAX),
    };
    let (array, reply) = read(ctx, args[1])?;
    let mut items = array.map_or_else(Vec::new, |array| array.latest(count));
    if !newest_first {
        items.reverse();
    }
    reply.array(items.len());
    items.into_iter().for_each(|item| reply.bulk_or_null(item));
    Ok(Flow::Done)
}

fn arscan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (start, end) = (index(args[2])?, index(args[3])?);
    let limit = match &args[4..] {
        [] => usize::MAX,
        [word, limit] if is(word, "LIMIT") => {
            positive(limit, "ERR LIMIT must be a positive integer")?
        }
        _ => return Err(CmdError::SYNTAX),
    };
    let (array, reply) = read(ctx, args[1])?;
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    if let Some(array) = array {
        walk(array, start, end, |at, value| {
            write_pair(reply, at, value);
            written += 1;
            written < limit
        });
    }
    reply.finish(head, written);
    Ok(Flow::Done)
}

/// Walks from `start` to `end`, whichever is greater.
fn walk<'a>(array: &'a Array, start: u64, end: u64, visit: impl FnMut(u64, &'a [u8]) -> bool) {
    match start <= end {
        true => array.scan(start, end, visit),
        false => array.scan_back(end, start, visit),
    }
}

fn arinfo(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let full = match &args[2..] {
        [] => false,
        [word] if is(word, "FULL") => true,
        _ => return Err(CmdError::SYNTAX),
    };
    let (array, reply) = read(ctx, args[1])?;
    let Some(array) = array else { return Err(CmdError::NO_KEY) };
    let slices = array.forms().len() as u64;
    reply.map(if full { 12 } else { 7 });
    for (name, value) in [
        ("count", array.count()),
        ("len", array.len()),
        ("next-insert-index", array.next_index().unwrap_or(0)),
        ("slices", slices),
        ("directory-size", slices),
        ("super-dir-entries", 0),
        ("slice-size", SLICE),
    ] {
        reply.bulk(name);
        write_index(reply, value);
    }
    if full {
        write_forms(reply, array);
    }
    Ok(Flow::Done)
}

/// Writes how many slices there are of each form, and how large and full they are.
fn write_forms(reply: &mut Reply, array: &Array) {
    let of = |dense: bool| array.forms().filter(move |form| form.dense == dense);
    let mean = |sum: usize, count: usize| sum as f64 / count.max(1) as f64;
    let (dense, sparse) = (of(true).count(), of(false).count());
    let room = |dense: bool| of(dense).map(|form| form.capacity).sum::<usize>();
    let used = of(true).map(|form| form.used).sum::<usize>();
    for (name, count) in [("dense-slices", dense), ("sparse-slices", sparse)] {
        reply.bulk(name);
        reply.count(count);
    }
    for (name, value) in [
        ("avg-dense-size", mean(room(true), dense)),
        ("avg-dense-fill", mean(used, room(true))),
        ("avg-sparse-size", mean(room(false), sparse)),
    ] {
        reply.bulk(name);
        reply.double(value);
    }
}
