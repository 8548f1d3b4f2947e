//! The commands on sorted sets: the specs and handlers of those that concern members one by one.
//! Ranges, pops, set operations, scans, random choices and expiry have files of
//! their own.

pub(super) mod add;
mod algebra;
pub(super) mod args;
mod expiry;
#[cfg(test)]
mod expiry_tests;
mod pop;
mod range;
mod source;
pub(super) mod store;
#[cfg(test)]
mod tests;
mod whole;

use super::options::is;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::types::zset::Zset;
use add::{zadd, zincrby};
use args::{lex_range, score, score_range, tell_removed};

const ZSET: Spec =
    Spec { acl: Acl::SORTEDSET, group: "sorted-set", since: "1.2.0", ..Spec::DEFAULT };

const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];
const STORE: KeySpec = KeySpec::one(1, Access::OW.or(Access::UPDATE));
const STORE_READ: &[KeySpec] = &[STORE, KeySpec::one(2, Access::RO.or(Access::ACCESS))];
const TAKEN: Access = Access::RW.or(Access::ACCESS).or(Access::DELETE);

/// The family's commands, a file each.
pub const SPECS: &[&[Spec]] =
    &[MEMBERS, range::SPECS, pop::SPECS, algebra::SPECS, whole::SPECS, expiry::SPECS];

const MEMBERS: &[Spec] = &[
    Spec {
        name: "zadd",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: &[KeySpec::one(1, Access::RW.or(Access::UPDATE))],
        summary: "Adds members to a sorted set, or changes their scores",
        complexity: "O(log(N)) for each member",
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        handler: zadd,
        ..ZSET
    },
    Spec {
        name: "zincrby",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::UPDATE))],
        summary: "Adds to the score of a member of a sorted set",
        complexity: "O(log(N))",
        syntax: "key increment member",
        handler: zincrby,
        ..ZSET
    },
    Spec {
        name: "zrem",
        arity: -3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        summary: "Removes members from a sorted set",
        complexity: "O(log(N)) for each member",
        syntax: "key member [member ...]",
        handler: zrem,
        ..ZSET
    },
    Spec {
        name: "zcard",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: &[KeySpec::one(1, Access::RO)],
        summary: "Returns the number of members of a sorted set",
        complexity: "O(1)",
        syntax: "key",
        handler: zcard,
        ..ZSET
    },
    Spec {
        name: "zscore",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the score of a member of a sorted set",
        complexity: "O(1)",
        syntax: "key member",
        handler: zscore,
        ..ZSET
    },
    Spec {
        name: "zmscore",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "6.2.0",
        summary: "Returns the scores of members of a sorted set",
        complexity: "O(1) for each member",
        syntax: "key member [member ...]",
        handler: zmscore,
        ..ZSET
    },
    Spec {
        name: "zrank",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "2.0.0",
        summary: "Returns how many members of a sorted set come before one",
        complexity: "O(log(N))",
        syntax: "key member [WITHSCORE]",
        handler: |ctx, args| rank(ctx, args, false),
        ..ZSET
    },
    Spec {
        name: "zrevrank",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "2.0.0",
        summary: "Returns how many members of a sorted set come after one",
        complexity: "O(log(N))",
        syntax: "key member [WITHSCORE]",
        handler: |ctx, args| rank(ctx, args, true),
        ..ZSET
    },
    Spec {
        name: "zcount",
        arity: 4,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "2.0.0",
        summary: "Returns the number of members of a sorted set in a range of scores",
        complexity: "O(log(N))",
        syntax: "key min max",
        handler: zcount,
        ..ZSET
    },
    Spec {
        name: "zlexcount",
        arity: 4,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "2.8.9",
        summary: "Returns the number of members of a sorted set of equal scores in a range of members",
        complexity: "O(log(N))",
        syntax: "key min max",
        handler: zlexcount,
        ..ZSET
    },
];

fn zrem(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let (mut removed, mut is_empty) = (0, false);
    if let Some(zset) = ctx.space.object_mut::<Zset>(key)? {
        removed = args[2..].iter().filter(|member| zset.remove(member).is_some()).count();
        let len = zset.len();
        is_empty = len == 0;
        ctx.space.settle_size_at(len);
    }
    if removed > 0 {
        tell_removed(ctx, key, "zrem", removed, is_empty);
    }
    ctx.reply.count(removed);
    Ok(Flow::Done)
}

fn zcard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let len = ctx.space.object::<Zset>(args[1])?.map_or(0, Zset::len);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn zscore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match ctx.space.object::<Zset>(args[1])?.and_then(|zset| zset.score(args[2])) {
        Some(value) => score(ctx.reply, value),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

fn zmscore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let zset = ctx.space.object::<Zset>(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        match zset.and_then(|zset| zset.score(member)) {
            Some(value) => score(ctx.reply, value),
            None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

fn rank(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], reverse: bool) -> Outcome {
    let with_score = match args[3..] {
        [] => false,
        [word] if is(word, "WITHSCORE") => true,
        [_] => return Err(CmdError::SYNTAX),
        _ => return Err(CmdError::arity(ctx.command.spec.name)),
    };
    let zset = ctx.space.object::<Zset>(args[1])?;
    let found = zset.and_then(|zset| {
        let (rank, score) = zset.rank(args[2])?;
        Some((if reverse { zset.len() - 1 - rank } else { rank }, score))
    });
    match found {
        Some((rank, value)) if with_score => {
            ctx.reply.array(2);
            ctx.reply.count(rank);
            score(ctx.reply, value);
        }
        Some((rank, _)) => ctx.reply.count(rank),
        None if with_score => ctx.reply.null_array(),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

fn zcount(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let range = score_range(args[2], args[3])?;
    let zset = ctx.space.object::<Zset>(args[1])?;
    ctx.reply.count(zset.map_or(0, |zset| zset.score_ranks(&range).len()));
    Ok(Flow::Done)
}

fn zlexcount(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let range = lex_range(args[2], args[3])?;
    let zset = ctx.space.object::<Zset>(args[1])?;
    ctx.reply.count(zset.map_or(0, |zset| zset.lex_ranks(&range).len()));
    Ok(Flow::Done)
}
