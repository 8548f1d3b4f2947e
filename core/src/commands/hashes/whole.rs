//! Commands that look at a hash as a whole: all of it, steps through it, random choices from it.

use std::collections::HashSet;

use super::super::parts::{self, ScanArgs, element};
use crate::command::{Ctx, Flow, Outcome};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
use crate::types::hash::Hash;
use crate::util::random::{self, Random};

/// Most bytes that HRANDFIELD with repetitions may answer with: a short command could otherwise
/// ask for any amount of memory.
const RANDOM_REPLY_MAX: usize = 1 << 30;

/// Above this part of all fields (1/3), a choice without repetitions walks through all of them
/// instead of drawing until enough are different.
const DENSE_CHOICE: usize = 3;

pub(super) fn hgetall(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
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
    ScanArgs::cursor(args[2])?;
    let Some(hash) = ctx.space.object::<Hash>(args[1])? else {
        ScanArgs::answer_nothing(ctx.reply);
        return Ok(Flow::Done);
    };
    let scan = ScanArgs::parse(&args[2..], true)?;
    let mut found = Reply::new(ctx.reply.proto());
    let list = found.defer(Aggregate::Array);
    let mut len = 0;
    let next = scan.run(|cursor| {
        let mut seen = 0;
        let next = hash.scan(cursor, |field, value| {
            seen += 1;
            if !scan.matches(field) {
                return;
            }
            element(&mut found, field);
            len += 1;
            if !scan.no_values {
                element(&mut found, value);
                len += 1;
            }
        });
        (next, seen)
    });
    found.finish(list, len);
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next));
    ctx.reply.raw(found.as_bytes());
    Ok(Flow::Done)
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
    let count = parts::int_between(options[0], -i64::MAX, i64::MAX)?;
    let with_values = match options[1..] {
        [] => false,
        [option] if option.eq_ignore_ascii_case(b"WITHVALUES") => true,
        _ => return Err(CmdError::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CmdError::fixed("ERR value is out of range"));
    }
    let hash = ctx.space.object::<Hash>(key)?;
    let Some(hash) = hash.filter(|hash| hash.visible_len() > 0) else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    let mut out = Choice { reply: ctx.reply, with_values };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        random::with(|random| out.repeated(hash, wanted, random))?;
    } else {
        random::with(|random| out.distinct(hash, wanted.min(hash.visible_len()), random));
    }
    Ok(Flow::Done)
}

/// Where HRANDFIELD puts what it has drawn.
struct Choice<'r> {
    reply: &'r mut Reply,
    with_values: bool,
}

impl Choice<'_> {
    /// The head of a reply of so many fields. With values, RESP3 has a pair for each field and
    /// RESP2 one flat array.
    fn head(&mut self, fields: usize) {
        let flat = self.with_values && !self.reply.is_resp3();
        self.reply.array(if flat { fields.saturating_mul(2) } else { fields });
    }

    fn put(&mut self, (field, value): (Element<'_>, Element<'_>)) {
        if self.with_values && self.reply.is_resp3() {
            self.reply.array(2);
        }
        element(self.reply, field);
        if self.with_values {
            element(self.reply, value);
        }
    }

    /// Draws `count` times, independently.
    fn repeated(&mut self, hash: &Hash, count: usize, random: &mut Random) -> Result<(), CmdError> {
        let from = self.reply.len();
        self.head(count);
        for _ in 0..count {
            let Some(pair) = hash.random(random) else { break };
            self.put(pair);
            if self.reply.len() - from > RANDOM_REPLY_MAX {
                return Err(CmdError::fixed("ERR value is out of range"));
            }
        }
        Ok(())
    }

    /// Draws `count` different fields, which are at most all.
    fn distinct(&mut self, hash: &Hash, count: usize, random: &mut Random) {
        self.head(count);
        if hash.is_compact() || count > hash.visible_len() / DENSE_CHOICE {
            parts::sample(hash.iter(), hash.visible_len(), count, random, |pair| self.put(pair));
        } else {
            self.draw(hash, count, random);
        }
    }

    /// Draws until enough are different: few draws are in vain while the choice is sparse.
    fn draw(&mut self, hash: &Hash, count: usize, random: &mut Random) {
        let mut chosen: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while chosen.len() < count {
            let Some(pair) = hash.random(random) else { break };
            if chosen.insert(pair.0.to_vec()) {
                self.put(pair);
            }
        }
    }
}
