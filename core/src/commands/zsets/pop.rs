//! Taking members from either end of a sorted set, at once or when there are some: see
//! `crate::blocking` for how commands wait.

use super::super::options::is;
use super::super::parts::{count, deadline, positive};
use super::args::{score, tell_removed};
use super::store::Pair;
use super::{TAKEN, ZSET};
use crate::command::{Ctx, Flags, Flow, KeySpec, Mode, Outcome, Spec};
use crate::error::CmdError;
use crate::reply::Reply;
use crate::types::zset::Zset;

const POP: Spec = Spec {
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    keys: &[KeySpec::one(1, TAKEN)],
    since: "5.0.0",
    complexity: "O(log(N)*M) in the number of members and of those returned",
    syntax: "key [count]",
    ..ZSET
};

const WAIT: Spec = Spec {
    arity: -3,
    flags: Flags::WRITE.or(Flags::BLOCKING.or(Flags::FAST)),
    keys: &[KeySpec::range(1, -2, 1, TAKEN)],
    since: "5.0.0",
    complexity: "O(log(N)) in the number of members",
    syntax: "key [key ...] timeout",
    ..ZSET
};

const MANY: Spec = Spec {
    since: "7.0.0",
    complexity: "O(K)+O(M*log(N)) in the number of keys and of members returned",
    ..ZSET
};

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "zpopmin",
        summary: "Removes and returns the members of a sorted set with the lowest scores",
        handler: |ctx, args| pop(ctx, args, End::Min),
        ..POP
    },
    Spec {
        name: "zpopmax",
        summary: "Removes and returns the members of a sorted set with the highest scores",
        handler: |ctx, args| pop(ctx, args, End::Max),
        ..POP
    },
    Spec {
        name: "bzpopmin",
        summary: "Removes and returns the member with the lowest score of the first of several sorted sets that has any, or waits for one",
        handler: |ctx, args| pop_or_wait(ctx, args, End::Min),
        ..WAIT
    },
    Spec {
        name: "bzpopmax",
        summary: "Removes and returns the member with the highest score of the first of several sorted sets that has any, or waits for one",
        handler: |ctx, args| pop_or_wait(ctx, args, End::Max),
        ..WAIT
    },
    Spec {
        name: "zmpop",
        arity: -4,
        flags: Flags::WRITE.or(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, TAKEN)],
        summary: "Removes and returns members of the first of several sorted sets that has any",
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        handler: zmpop,
        ..MANY
    },
    Spec {
        name: "bzmpop",
        arity: -5,
        flags: Flags::WRITE.or(Flags::BLOCKING.or(Flags::MOVABLEKEYS)),
        keys: &[KeySpec::counted(2, TAKEN)],
        summary: "Removes and returns members of the first of several sorted sets that has any, or waits for some",
        syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        handler: bzmpop,
        ..MANY
    },
];

/// Which members are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The name of the event, and that of the command that takes from this end.
    fn names(self) -> (&'static str, &'static [u8]) {
        match self {
            End::Min => ("zpopmin", b"ZPOPMIN"),
            End::Max => ("zpopmax", b"ZPOPMAX"),
        }
    }
}

/// Removes members from an end of a sorted set.
fn take(ctx: &mut Ctx<'_, '_>, key: &[u8], end: End, count: usize) -> Result<Vec<Pair>, CmdError> {
    let mut taken = Vec::new();
    let Some(zset) = ctx.space.object_mut::<Zset>(key)? else { return Ok(taken) };
    let len = zset.len();
    let count = count.min(len);
    let ranks = if end == End::Min { 0..count } else { len - count..len };
    zset.remove_ranks(ranks, |member, score| taken.push((member.to_vec(), score)));
    let is_empty = zset.is_empty();
    if end == End::Max {
        taken.reverse();
    }
    if !taken.is_empty() {
        tell_removed(ctx, key, end.names().0, taken.len(), is_empty);
    }
    Ok(taken)
}

fn answer_pair(reply: &mut Reply, (member, value): &Pair) {
    reply.bulk(member);
    score(reply, *value);
}

/// Answers with members and their scores, in pairs of their own if `nested`.
fn answer(reply: &mut Reply, taken: &[Pair], nested: bool) {
    reply.array(if nested { taken.len() } else { taken.len() * 2 });
    for pair in taken {
        if nested {
            reply.array(2);
        }
        answer_pair(reply, pair);
    }
}

fn pop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], end: End) -> Outcome {
    let wanted = match args[2..] {
        [] => None,
        [word] => Some(count(word)?),
        _ => return Err(CmdError::SYNTAX),
    };
    let taken = take(ctx, args[1], end, wanted.unwrap_or(1))?;
    let nested = wanted.is_some() && ctx.reply.is_resp3();
    answer(ctx.reply, &taken, nested);
    Ok(Flow::Done)
}

fn pop_or_wait(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], end: End) -> Outcome {
    let (keys, timeout) = (&args[1..args.len() - 1], args[args.len() - 1]);
    let deadline = deadline(ctx, timeout)?;
    let Some(key) = first_present(ctx, keys)? else {
        return ctx.block(keys, deadline, Reply::null_array);
    };
    let taken = take(ctx, key, end, 1)?;
    ctx.space.effect(&[end.names().1, key]);
    ctx.reply.array(3);
    ctx.reply.bulk(key);
    taken.iter().for_each(|pair| answer_pair(ctx.reply, pair));
    Ok(Flow::Done)
}

/// The first of the keys that is a sorted set. Whatever else has come to be at a key does not end
/// a wait that has begun.
fn first_present<'a>(
    ctx: &mut Ctx<'_, '_>,
    keys: &[&'a [u8]],
) -> Result<Option<&'a [u8]>, CmdError> {
    for key in keys {
        match ctx.space.object_mut::<Zset>(key) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Some(key)),
            Err(_) if ctx.mode == Mode::Serving => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// `numkeys key [key ...] <MIN | MAX> [COUNT count]`
struct ManyKeys<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> ManyKeys<'a> {
    fn parse(words: &'a [&'a [u8]]) -> Result<Self, CmdError> {
        let number = positive(words[0], "ERR numkeys should be greater than 0")?;
        let rest = &words[1..];
        if number >= rest.len() {
            return Err(CmdError::SYNTAX);
        }
        let (keys, options) = rest.split_at(number);
        let end = match options[0] {
            word if is(word, "MIN") => End::Min,
            word if is(word, "MAX") => End::Max,
            _ => return Err(CmdError::SYNTAX),
        };
        let count = match options[1..] {
            [] => 1,
            [word, count] if is(word, "COUNT") => {
                positive(count, "ERR count should be greater than 0")?
            }
            _ => return Err(CmdError::SYNTAX),
        };
        Ok(Self { keys, end, count })
    }

    fn pop(&self, ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
        let taken = take(ctx, key, self.end, self.count)?;
        let number = taken.len().to_string();
        ctx.space.effect(&[self.end.names().1, key, number.as_bytes()]);
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        answer(ctx.reply, &taken, true);
        Ok(Flow::Done)
    }
}

fn zmpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = ManyKeys::parse(&args[1..])?;
    match first_present(ctx, wanted.keys)? {
        Some(key) => wanted.pop(ctx, key),
        None => {
            ctx.reply.null_array();
            Ok(Flow::Done)
        }
    }
}

fn bzmpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = ManyKeys::parse(&args[2..])?;
    let deadline = deadline(ctx, args[1])?;
    match first_present(ctx, wanted.keys)? {
        Some(key) => wanted.pop(ctx, key),
        None => ctx.block(wanted.keys, deadline, Reply::null_array),
    }
}
