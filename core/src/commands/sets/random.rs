//! Members chosen at random: SPOP, which removes them, and SRANDMEMBER.

use std::collections::HashSet;

use super::super::parts::{self, element};
use super::{all, remove_if};
use crate::command::{Ctx, Flow, Outcome};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::Reply;
use crate::types::set::Set;
use crate::util::random::{self, Random};

/// Most bytes that SRANDMEMBER with repetitions may answer with: a short command could otherwise
/// ask for any amount of memory.
const RANDOM_REPLY_MAX: usize = 1 << 30;

/// Above this part of all members (1/3), a choice without repetitions walks through all of them
/// instead of drawing until enough are different.
const DENSE_CHOICE: usize = 3;

/// Most members in one SREM of SPOP's effect.
const EFFECT_MEMBERS: usize = 1024;

pub(super) fn spop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match args[2..] {
        [] => pop_one(ctx, args[1]),
        [count] => pop_many(ctx, args[1], parts::count(count)?),
        _ => Err(CmdError::SYNTAX),
    }
}

fn pop_one(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
    let Some(set) = ctx.space.object_mut::<Set>(key)? else {
        ctx.reply.null();
        return Ok(Flow::Done);
    };
    let member = random::with(|random| set.pop(random)).unwrap_or_default();
    let is_empty = set.is_empty();
    ctx.space.changed(Class::SET, "spop", key);
    ctx.space.effect(&[b"SREM", key, &member]);
    remove_if(ctx, key, is_empty);
    ctx.reply.bulk(&member);
    Ok(Flow::Done)
}

fn pop_many(ctx: &mut Ctx<'_, '_>, key: &[u8], count: usize) -> Outcome {
    let set = match ctx.space.object_mut::<Set>(key)? {
        Some(set) if count > 0 => set,
        _ => {
            ctx.reply.set(0);
            return Ok(Flow::Done);
        }
    };
    if count >= set.len() {
        all(ctx.reply, set);
        ctx.space.changed(Class::SET, "spop", key);
        ctx.space.effect(&[b"DEL", key]);
        remove_if(ctx, key, true);
        return Ok(Flow::Done);
    }
    let members: Vec<Vec<u8>> =
        random::with(|random| (0..count).map_while(|_| set.pop(random)).collect());
    ctx.reply.set(members.len());
    members.iter().for_each(|member| ctx.reply.bulk(member));
    ctx.space.changed(Class::SET, "spop", key);
    for some in members.chunks(EFFECT_MEMBERS) {
        let head: [&[u8]; 2] = [b"SREM", key];
        let words: Vec<&[u8]> = head.into_iter().chain(some.iter().map(Vec::as_slice)).collect();
        ctx.space.effect(&words);
    }
    Ok(Flow::Done)
}

pub(super) fn srandmember(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let count = match args[2..] {
        [] => {
            let set = ctx.space.object::<Set>(key)?;
            match set.and_then(|set| random::with(|random| set.random(random))) {
                Some(member) => element(ctx.reply, member),
                None => ctx.reply.null(),
            }
            return Ok(Flow::Done);
        }
        [count] => parts::int_between(count, -i64::MAX, i64::MAX)?,
        _ => return Err(CmdError::SYNTAX),
    };
    let Some(set) = ctx.space.object::<Set>(key)? else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    random::with(|random| {
        if count < 0 {
            return repeated(ctx.reply, set, wanted, random);
        }
        distinct(ctx.reply, set, wanted.min(set.len()), random);
        Ok(())
    })?;
    Ok(Flow::Done)
}

/// Draws `count` times, independently.
fn repeated(
    reply: &mut Reply,
    set: &Set,
    count: usize,
    random: &mut Random,
) -> Result<(), CmdError> {
    let from = reply.len();
    reply.array(count);
    for _ in 0..count {
        let Some(member) = set.random(random) else { break };
        element(reply, member);
        if reply.len() - from > RANDOM_REPLY_MAX {
            return Err(CmdError::fixed("ERR value is out of range"));
        }
    }
    Ok(())
}

/// Draws `count` different members, which are at most all.
fn distinct(reply: &mut Reply, set: &Set, count: usize, random: &mut Random) {
    reply.array(count);
    if set.is_compact() || count > set.len() / DENSE_CHOICE {
        parts::sample(set.iter(), set.len(), count, random, |member| element(reply, member));
        return;
    }
    // Few draws are in vain while the choice is sparse.
    let mut chosen: HashSet<&[u8]> = HashSet::with_capacity(count);
    while chosen.len() < count {
        let Some(Element::Bytes(member)) = set.random(random) else { break };
        if chosen.insert(member) {
            reply.bulk(member);
        }
    }
}
