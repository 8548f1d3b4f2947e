//! Members chosen at random: SPOP, which removes them, and SRANDMEMBER.

use super::super::choice::{Choice, Choosable};
use super::super::parts::{self, element};
use super::{all, remove_if};
use crate::command::{Ctx, Flow, Outcome};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::Reply;
use crate::types::set::Set;
use crate::util::random::{self, Random};

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
        let len = set.len();
        all(ctx.reply, set);
        ctx.space.changed(Class::SET, "spop", key);
        ctx.space.count_as(len);
        ctx.space.effect(&[b"DEL", key]);
        remove_if(ctx, key, true);
        return Ok(Flow::Done);
    }
    let members: Vec<Vec<u8>> =
        random::with(|random| (0..count).map_while(|_| set.pop(random)).collect());
    ctx.reply.set(members.len());
    members.iter().for_each(|member| ctx.reply.bulk(member));
    ctx.space.changed(Class::SET, "spop", key);
    ctx.space.count_as(members.len());
    for some in members.chunks(EFFECT_MEMBERS) {
        let head: [&[u8]; 2] = [b"SREM", key];
        let words: Vec<&[u8]> = head.into_iter().chain(some.iter().map(Vec::as_slice)).collect();
        ctx.space.effect(&words);
    }
    Ok(Flow::Done)
}

pub(super) fn srandmember(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, options) = (args[1], &args[2..]);
    if options.is_empty() {
        let set = ctx.space.object::<Set>(key)?;
        match set.and_then(|set| random::with(|random| set.random(random))) {
            Some(member) => element(ctx.reply, member),
            None => ctx.reply.null(),
        }
        return Ok(Flow::Done);
    }
    if options.len() > 1 {
        return Err(CmdError::SYNTAX);
    }
    let choice = Choice::parse(options, None)?;
    match ctx.space.object::<Set>(key)? {
        Some(set) => choice.answer(ctx.reply, set)?,
        None => ctx.reply.array(0),
    }
    Ok(Flow::Done)
}

impl Choosable for Set {
    type Item<'c> = Element<'c>;

    fn count(&self) -> usize {
        self.len()
    }

    fn is_compact(&self) -> bool {
        self.is_compact()
    }

    fn items(&self) -> impl Iterator<Item = Element<'_>> {
        self.iter()
    }

    fn draw(&self, random: &mut Random) -> Option<Element<'_>> {
        self.random(random)
    }

    fn name<'c>(item: &Self::Item<'c>) -> Element<'c> {
        *item
    }

    /// Members of sets have none.
    fn write_value(_: &mut Reply, _: &Element<'_>) {}
}
