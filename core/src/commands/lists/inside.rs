//! List commands that go by index or by value.

use super::super::parts::{self, element, index_range, int};
use super::{DELETE, LIST, LOOK, PUSH as INSERT, READ, UPDATE, removed};
use crate::command::{Ctx, Flags, Flow, Outcome, Spec};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::keyspace::LAZY_FREE_EFFORT;
use crate::notify::Class;
use crate::types::list::{self, End, List};

/// The commands by index and value.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "llen",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Returns the length of a list",
        complexity: "O(1)",
        syntax: "key",
        handler: llen,
        ..LIST
    },
    Spec {
        name: "lrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the elements of a list in a range of indices",
        complexity: "O(S+N) in the distance of the range from the nearer end and its length",
        syntax: "key start stop",
        handler: lrange,
        ..LIST
    },
    Spec {
        name: "lindex",
        arity: 3,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns an element of a list by its index",
        complexity: "O(N) in the distance from the nearer end",
        syntax: "key index",
        handler: lindex,
        ..LIST
    },
    Spec {
        name: "lset",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: UPDATE,
        summary: "Replaces an element of a list by its index",
        complexity: "O(N) in the distance from the nearer end",
        syntax: "key index element",
        handler: lset,
        ..LIST
    },
    Spec {
        name: "lrem",
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETE,
        summary: "Removes equal elements from a list",
        complexity: "O(N) in the length of the list",
        syntax: "key count element",
        handler: lrem,
        ..LIST
    },
    Spec {
        name: "ltrim",
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETE,
        summary: "Keeps only a range of indices of a list",
        complexity: "O(N) in the number of elements removed",
        syntax: "key start stop",
        handler: ltrim,
        ..LIST
    },
    Spec {
        name: "linsert",
        arity: 5,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: INSERT,
        since: "2.2.0",
        summary: "Inserts an element before or after another",
        complexity: "O(N) in the number of elements seen before the pivot",
        syntax: "key <BEFORE | AFTER> pivot element",
        handler: linsert,
        ..LIST
    },
    Spec {
        name: "lpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        since: "6.0.6",
        summary: "Returns the indices of equal elements",
        complexity: "O(N) in the number of elements looked at",
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        handler: lpos,
        ..LIST
    },
];

fn llen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let len = ctx.space.object::<List>(args[1])?.map_or(0, List::len);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn lrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (start, stop) = (int(args[2])?, int(args[3])?);
    let Some(list) = ctx.space.object::<List>(args[1])? else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    let range = index_range(start, stop, list.len());
    ctx.reply.array(range.len());
    for found in list.range(range) {
        element(ctx.reply, found);
    }
    Ok(Flow::Done)
}

/// An index as Redis counts, from the end when negative; `None` when there is none such.
fn position(index: i64, len: usize) -> Option<usize> {
    let size = usize::try_from(index.unsigned_abs()).ok()?;
    match index {
        0.. => (size < len).then_some(size),
        _ => len.checked_sub(size),
    }
}

fn lindex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let Some(list) = ctx.space.object::<List>(args[1])? else {
        ctx.reply.null();
        return Ok(Flow::Done);
    };
    match position(int(args[2])?, list.len()).and_then(|at| list.get(at)) {
        Some(found) => element(ctx.reply, found),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

fn lset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let limit = ctx.engine().tuning.limits.list();
    let list = ctx.space.object_mut::<List>(args[1])?.ok_or(CmdError::NO_KEY)?;
    let at = position(int(args[2])?, list.len()).ok_or(CmdError::OUT_OF_RANGE)?;
    list.set(at, args[3], limit);
    ctx.space.changed(Class::LIST, "lset", args[1]);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn lrem(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let count = parts::int_between(args[2], -i64::MAX, i64::MAX)?;
    let end = if count < 0 { End::Right } else { End::Left };
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let list = ctx.space.object_mut::<List>(args[1])?;
    let gone = list.map_or(0, |list| list.remove_equal(args[3], most, end));
    if gone > 0 {
        removed(ctx, args[1], "lrem")?;
        ctx.space.count_as(gone);
    }
    ctx.reply.count(gone);
    Ok(Flow::Done)
}

fn ltrim(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, start, stop) = (args[1], int(args[2])?, int(args[3])?);
    let Some(list) = ctx.space.object_mut::<List>(key)? else {
        ctx.reply.ok();
        return Ok(Flow::Done);
    };
    let before = list.len();
    let range = index_range(start, stop, before);
    if range.len() == before {
        // As in Redis it is news for those who watch the key, though nothing is to be logged.
        ctx.space.touch(key);
        ctx.space.notify(Class::LIST, "ltrim", key);
        ctx.reply.ok();
        return Ok(Flow::Done);
    }
    // A list of which nothing is left goes as a whole, in the background if need be.
    let gone = if range.is_empty() { None } else { list.trim(range.clone()) };
    for part in gone.into_iter().flatten() {
        if list::free_effort(&part) > LAZY_FREE_EFFORT {
            ctx.engine().freer.free_any(Box::new(part));
        }
    }
    ctx.space.changed(Class::LIST, "ltrim", key);
    ctx.space.count_as(before - range.len());
    if range.is_empty() {
        ctx.space.remove(key);
        ctx.space.notify(Class::GENERIC, "del", key);
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn linsert(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, place, pivot, new) = (args[1], args[2], args[3], args[4]);
    let behind = match place {
        _ if place.eq_ignore_ascii_case(b"BEFORE") => 0,
        _ if place.eq_ignore_ascii_case(b"AFTER") => 1,
        _ => return Err(CmdError::SYNTAX),
    };
    let limit = ctx.engine().tuning.limits.list();
    let Some(list) = ctx.space.object_mut::<List>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let pivot = Element::from(pivot);
    let Some(at) = list.iter().position(|found| pivot.same(&found)) else {
        ctx.reply.int(-1);
        return Ok(Flow::Done);
    };
    list.insert(at + behind, new, limit);
    let len = list.len();
    ctx.space.changed(Class::LIST, "linsert", key);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

/// The options of LPOS.
struct Search {
    /// Matches to pass over before the first that counts.
    skip: usize,
    from: End,
    /// How many matches to return as an array; without, one.
    count: Option<usize>,
    /// How many elements to compare.
    most: usize,
}

impl Search {
    fn parse(options: &[&[u8]]) -> Result<Self, CmdError> {
        let mut search = Self { skip: 0, from: End::Left, count: None, most: usize::MAX };
        for option in options.chunks(2) {
            let [name, value] = option else { return Err(CmdError::SYNTAX) };
            if name.eq_ignore_ascii_case(b"RANK") {
                search.set_rank(parts::int_between(value, -i64::MAX, i64::MAX)?)?;
            } else if name.eq_ignore_ascii_case(b"COUNT") {
                search.count = Some(amount(value, "ERR COUNT can't be negative")?);
            } else if name.eq_ignore_ascii_case(b"MAXLEN") {
                search.most = amount(value, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        Ok(search)
    }

    fn set_rank(&mut self, rank: i64) -> Result<(), CmdError> {
        if rank == 0 {
            return Err(CmdError::fixed(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second \
                 ... or use negative to start from the end of the list",
            ));
        }
        self.skip = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        self.from = if rank > 0 { End::Left } else { End::Right };
        Ok(())
    }

    /// The indices of the matches.
    fn run(&self, list: &List, wanted: &[u8]) -> Vec<usize> {
        let (wanted, len) = (Element::from(wanted), list.len());
        let same = |found: &Element<'_>| wanted.same(found);
        let most = self.count.unwrap_or(1);
        match self.from {
            End::Left => {
                let all = list.iter().take(self.most).enumerate();
                let hits = all.filter(|(_, found)| same(found)).map(|(at, _)| at);
                hits.skip(self.skip).take(most).collect()
            }
            End::Right => {
                let all = list.iter().rev().take(self.most).enumerate();
                let hits = all.filter(|(_, found)| same(found)).map(|(at, _)| len - 1 - at);
                hits.skip(self.skip).take(most).collect()
            }
        }
    }
}

/// Reads a number of which 0 means no bound.
fn amount(word: &[u8], error: &'static str) -> Result<usize, CmdError> {
    match parts::count(word) {
        Ok(0) => Ok(usize::MAX),
        Ok(n) => Ok(n),
        Err(_) => Err(CmdError::fixed(error)),
    }
}

fn lpos(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let search = Search::parse(&args[3..])?;
    let list = ctx.space.object::<List>(args[1])?;
    let found = list.map_or_else(Vec::new, |list| search.run(list, args[2]));
    match (search.count, found.as_slice()) {
        (None, []) => ctx.reply.null(),
        (None, [first, ..]) => ctx.reply.count(*first),
        (Some(_), found) => {
            ctx.reply.array(found.len());
            found.iter().for_each(|at| ctx.reply.count(*at));
        }
    }
    Ok(Flow::Done)
}
