//! Steps through a sorted set, and random choices from it.

use super::super::choice::{Choice, Choosable};
use super::super::parts::{element, scan};
use super::args::score;
use super::{READ, ZSET};
use crate::command::{Ctx, Flags, Flow, Outcome, Spec};
use crate::ds::listpack::Element;
use crate::reply::Reply;
use crate::types::zset::Zset;
use crate::util::float;
use crate::util::random::{self, Random};

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "zrandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        since: "6.2.0",
        summary: "Returns members of a sorted set chosen at random",
        complexity: "O(N) in the number of members returned",
        syntax: "key [count [WITHSCORES]]",
        handler: zrandmember,
        ..ZSET
    },
    Spec {
        name: "zscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        since: "2.8.0",
        summary: "Walks through the members and scores of a sorted set in steps",
        complexity: "O(1) for every call, O(N) for all of them together",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        handler: zscan,
        ..ZSET
    },
];

/// Significant digits of a score in a scan of a large sorted set, whatever it needs: what clients
/// know from Redis.
const SCAN_DIGITS: usize = 17;

fn zscan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let mut text = Vec::new();
    scan(ctx, args, false, |zset: &Zset, cursor, found| {
        let is_compact = zset.as_listpack().is_some();
        zset.scan(cursor, |member, score| {
            if !found.name(member) {
                return;
            }
            text.clear();
            match is_compact {
                true => float::write_f64(&mut text, score),
                false => float::write_general(&mut text, score, SCAN_DIGITS),
            }
            found.value(|reply| reply.bulk(&text));
        })
    })
}

fn zrandmember(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, options) = (args[1], &args[2..]);
    if options.is_empty() {
        let zset = ctx.space.object::<Zset>(key)?;
        match zset.and_then(|zset| random::with(|random| zset.random(random))) {
            Some((member, _)) => element(ctx.reply, member),
            None => ctx.reply.null(),
        }
        return Ok(Flow::Done);
    }
    let choice = Choice::parse(options, Some("WITHSCORES"))?;
    match ctx.space.object::<Zset>(key)? {
        Some(zset) => choice.answer(ctx.reply, zset)?,
        None => ctx.reply.array(0),
    }
    Ok(Flow::Done)
}

impl Choosable for Zset {
    type Item<'c> = (Element<'c>, f64);

    fn count(&self) -> usize {
        self.len()
    }

    fn is_compact(&self) -> bool {
        self.as_listpack().is_some()
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
        score(reply, item.1);
    }
}
