//! Commands that look at a hash as a whole: all of it, steps through it, random choices from it.

use super::super::choice::{Choice, Choosable};
use super::super::parts::{element, scan};
use crate::command::{Ctx, Flow, Outcome};
use crate::ds::listpack::Element;
use crate::reply::Reply;
use crate::types::hash::Hash;
use crate::util::random::{self, Random};

pub(super) fn hgetall(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.space.only_hide_expired();
    let Some(hash) = ctx.space.object::<Hash>(args[1])? else {
        ctx.reply.map(0);
        return Ok(Flow::Done);
    };
    ctx.reply.map(hash.visible_len());
    for (field, value) in hash.iter() {
        element(ctx.reply, field);
        element(ctx.reply, value);
    }
    Ok(Flow::Done)
}

pub(super) fn hkeys(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    one_half(ctx, args[1], |(field, _)| field)
}

pub(super) fn hvals(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    one_half(ctx, args[1], |(_, value)| value)
}

fn one_half(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    half: for<'a> fn((Element<'a>, Element<'a>)) -> Element<'a>,
) -> Outcome {
    ctx.space.only_hide_expired();
    let Some(hash) = ctx.space.object::<Hash>(key)? else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    ctx.reply.array(hash.visible_len());
    for pair in hash.iter() {
        element(ctx.reply, half(pair));
    }
    Ok(Flow::Done)
}

pub(super) fn hscan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.space.only_hide_expired();
    scan(ctx, args, true, |hash: &Hash, cursor, found| {
        hash.scan(cursor, |field, value| {
            if found.name(field) {
                found.value(|reply| element(reply, value));
            }
        })
    })
}

pub(super) fn hrandfield(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, options) = (args[1], &args[2..]);
    if options.is_empty() {
        let hash = ctx.space.object::<Hash>(key)?;
        match hash.and_then(|hash| random::with(|random| hash.random(random))) {
            Some((field, _)) => element(ctx.reply, field),
            None => ctx.reply.null(),
        }
        return Ok(Flow::Done);
    }
    let choice = Choice::parse(options, Some("WITHVALUES"))?;
    match ctx.space.object::<Hash>(key)? {
        Some(hash) => choice.answer(ctx.reply, hash)?,
        None => ctx.reply.array(0),
    }
    Ok(Flow::Done)
}

impl Choosable for Hash {
    type Item<'c> = (Element<'c>, Element<'c>);

    fn count(&self) -> usize {
        self.visible_len()
    }

    fn is_compact(&self) -> bool {
        self.is_compact()
    }

    fn items(&self) -> impl Iterator<Item = Self::Item<'_>> {
        self.iter()
    }

    fn draw(&self, random: &mut Random) -> Option<Self::Item<'_>> {
        self.random(random)
    }

    fn name<'c>(item: &Self::Item<'c>) -> Element<'c> {
        item.0
    }

    fn write_value(reply: &mut Reply, item: &Self::Item<'_>) {
        element(reply, item.1);
    }
}
