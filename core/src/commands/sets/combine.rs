//! What several sets make together: intersections, unions and differences as replies, as numbers
//! of members, and as sets under a key.

use super::super::parts::{self, element};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::keyspace::{Put, Space, Value};
use crate::notify::Class;
use crate::reply::Aggregate;
use crate::types::hyperloglog::Registers;
use crate::types::set::algebra::{self, Visit};
use crate::types::set::{Limit, Set};

/// One of the functions of [`algebra`].
type Algebra = fn(&[Option<&Set>], &mut Visit<'_>);

pub(super) fn sinter(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    answer(ctx, &args[1..], algebra::intersection)
}

pub(super) fn sunion(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    answer(ctx, &args[1..], algebra::union)
}

pub(super) fn sdiff(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    answer(ctx, &args[1..], algebra::difference)
}

pub(super) fn sinterstore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    store(ctx, args[1], &args[2..], algebra::intersection, "sinterstore")
}

pub(super) fn sunionstore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    store(ctx, args[1], &args[2..], algebra::union, "sunionstore")
}

pub(super) fn sdiffstore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    store(ctx, args[1], &args[2..], algebra::difference, "sdiffstore")
}

pub(super) fn sintercard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    cardinality(ctx, &CardArgs::parse(args, false)?, algebra::intersection)
}

pub(super) fn sdiffcard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    cardinality(ctx, &CardArgs::parse(args, false)?, algebra::difference)
}

pub(super) fn sunioncard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = CardArgs::parse(args, true)?;
    if !wanted.approximate {
        return cardinality(ctx, &wanted, algebra::union);
    }
    let mut registers = Registers::new();
    let mut buffer = itoa::Buffer::new();
    for set in operands(ctx.space, wanted.keys)?.into_iter().flatten() {
        for member in set.iter() {
            registers.add(member.as_bytes(&mut buffer));
        }
    }
    let estimate = usize::try_from(registers.count()).unwrap_or(usize::MAX);
    ctx.reply.count(estimate.min(wanted.limit));
    Ok(Flow::Done)
}

/// The sets at these keys; `None` where there is no key.
fn operands<'s>(
    space: &'s mut Space<'_>,
    keys: &[&[u8]],
) -> Result<Vec<Option<&'s Set>>, CmdError> {
    for key in keys {
        space.object::<Set>(key)?;
    }
    keys.iter().map(|key| space.peek_object::<Set>(key)).collect()
}

fn answer(ctx: &mut Ctx<'_, '_>, keys: &[&[u8]], combine: Algebra) -> Outcome {
    let sets = operands(ctx.space, keys)?;
    let reply = &mut *ctx.reply;
    let head = reply.defer(Aggregate::Set);
    let mut members = 0;
    combine(&sets, &mut |member| {
        element(reply, member);
        members += 1;
        true
    });
    reply.finish(head, members);
    Ok(Flow::Done)
}

fn store(
    ctx: &mut Ctx<'_, '_>,
    destination: &[u8],
    keys: &[&[u8]],
    combine: Algebra,
    event: &'static str,
) -> Outcome {
    let limit = ctx.engine().tuning.limits.set();
    let result = collect(&operands(ctx.space, keys)?, combine, limit);
    ctx.reply.count(result.len());
    if !result.is_empty() {
        ctx.space.put(destination, Value::Object(Box::new(result)), Put::Persist);
        ctx.space.changed(Class::SET, event, destination);
    } else if ctx.space.remove(destination) {
        ctx.space.changed(Class::GENERIC, "del", destination);
    }
    Ok(Flow::Done)
}

fn collect(sets: &[Option<&Set>], combine: Algebra, limit: Limit) -> Set {
    let mut result = Set::new();
    let mut buffer = itoa::Buffer::new();
    combine(sets, &mut |member| {
        result.add(member.as_bytes(&mut buffer), limit);
        true
    });
    result
}

/// The arguments of the commands that return a number of members.
struct CardArgs<'a> {
    keys: &'a [&'a [u8]],
    /// Where counting may end.
    limit: usize,
    approximate: bool,
}

impl<'a> CardArgs<'a> {
    /// Reads `numkeys key [key ...] [LIMIT limit]` behind the name, and `[APPROX]` where
    /// `may_approximate` says so.
    fn parse(args: &'a [&'a [u8]], may_approximate: bool) -> Result<Self, CmdError> {
        let count = parts::positive(args[1], "ERR numkeys should be greater than 0")?;
        let (keys, options) = args[2..]
            .split_at_checked(count)
            .ok_or(CmdError::fixed("ERR Number of keys can't be greater than number of args"))?;
        let mut parsed = Self { keys, limit: usize::MAX, approximate: false };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            if may_approximate && option.eq_ignore_ascii_case(b"APPROX") {
                parsed.approximate = true;
            } else if option.eq_ignore_ascii_case(b"LIMIT") {
                let limit = parts::count(options.next().ok_or(CmdError::SYNTAX)?)
                    .map_err(|_| CmdError::fixed("ERR LIMIT can't be negative"))?;
                parsed.limit = if limit == 0 { usize::MAX } else { limit };
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        Ok(parsed)
    }
}

fn cardinality(ctx: &mut Ctx<'_, '_>, wanted: &CardArgs<'_>, combine: Algebra) -> Outcome {
    let mut members = 0;
    combine(&operands(ctx.space, wanted.keys)?, &mut |_| {
        members += 1;
        members < wanted.limit
    });
    ctx.reply.count(members);
    Ok(Flow::Done)
}
