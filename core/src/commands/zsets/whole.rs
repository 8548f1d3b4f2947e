//! Steps through a sorted set, and random choices from it.

use std::collections::HashSet;

use super::super::options::is;
use super::super::parts::{self, ScanArgs, element};
use super::args::score;
use super::{READ, ZSET};
use crate::command::{Ctx, Flags, Flow, Outcome, Spec};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
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

/// Most bytes that ZRANDMEMBER with repetitions may answer with: a short command could otherwise
/// ask for any amount of memory.
const RANDOM_REPLY_MAX: usize = 1 << 30;

/// Above this part of all members (1/3), a choice without repetitions walks through all of them
/// instead of drawing until enough are different.
const DENSE_CHOICE: usize = 3;

/// Significant digits of a score in a scan of a large sorted set, whatever it needs: what clients
/// know from Redis.
const SCAN_DIGITS: usize = 17;

fn zscan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ScanArgs::cursor(args[2])?;
    let Some(zset) = ctx.space.object::<Zset>(args[1])? else {
        ScanArgs::answer_nothing(ctx.reply);
        return Ok(Flow::Done);
    };
    let scan = ScanArgs::parse(&args[2..], false)?;
    let is_compact = zset.as_listpack().is_some();
    let mut found = Reply::new(ctx.reply.proto());
    let list = found.defer(Aggregate::Array);
    let (mut len, mut text) = (0, Vec::new());
    let next = scan.run(|cursor| {
        let mut seen = 0;
        let next = zset.scan(cursor, |member, score| {
            seen += 1;
            if !scan.matches(member) {
                return;
            }
            element(&mut found, member);
            text.clear();
            match is_compact {
                true => float::write_f64(&mut text, score),
                false => float::write_general(&mut text, score, SCAN_DIGITS),
            }
            found.bulk(&text);
            len += 2;
        });
        (next, seen)
    });
    found.finish(list, len);
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next));
    ctx.reply.raw(found.as_bytes());
    Ok(Flow::Done)
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
    let count = parts::int_between(options[0], -i64::MAX, i64::MAX)?;
    let with_scores = match options[1..] {
        [] => false,
        [option] if is(option, "WITHSCORES") => true,
        _ => return Err(CmdError::SYNTAX),
    };
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CmdError::fixed("ERR value is out of range"));
    }
    let Some(zset) = ctx.space.object::<Zset>(key)?.filter(|zset| !zset.is_empty()) else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    let mut out = Choice { reply: ctx.reply, with_scores };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        random::with(|random| out.repeated(zset, wanted, random))?;
    } else {
        random::with(|random| out.distinct(zset, wanted.min(zset.len()), random));
    }
    Ok(Flow::Done)
}

/// Where ZRANDMEMBER puts what it has drawn.
struct Choice<'r> {
    reply: &'r mut Reply,
    with_scores: bool,
}

impl Choice<'_> {
    /// The head of a reply of so many members. With scores, RESP3 has a pair for each member and
    /// RESP2 one flat array.
    fn head(&mut self, members: usize) {
        let flat = self.with_scores && !self.reply.is_resp3();
        self.reply.array(if flat { members.saturating_mul(2) } else { members });
    }

    fn put(&mut self, (member, value): (Element<'_>, f64)) {
        if self.with_scores && self.reply.is_resp3() {
            self.reply.array(2);
        }
        element(self.reply, member);
        if self.with_scores {
            score(self.reply, value);
        }
    }

    /// Draws `count` times, independently.
    fn repeated(&mut self, zset: &Zset, count: usize, random: &mut Random) -> Result<(), CmdError> {
        let from = self.reply.len();
        self.head(count);
        for _ in 0..count {
            let Some(pair) = zset.random(random) else { break };
            self.put(pair);
            if self.reply.len() - from > RANDOM_REPLY_MAX {
                return Err(CmdError::fixed("ERR value is out of range"));
            }
        }
        Ok(())
    }

    /// Draws `count` different members, which are at most all.
    fn distinct(&mut self, zset: &Zset, count: usize, random: &mut Random) {
        self.head(count);
        if zset.as_listpack().is_some() || count > zset.len() / DENSE_CHOICE {
            self.walk(zset, count, random);
        } else {
            self.draw(zset, count, random);
        }
    }

    /// Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S): each
    /// element is taken with the probability that makes all choices equally likely.
    fn walk(&mut self, zset: &Zset, count: usize, random: &mut Random) {
        let (mut wanted, mut left) = (count, zset.len());
        for pair in zset.iter() {
            if wanted == 0 {
                break;
            }
            if random.index(left) < wanted {
                self.put(pair);
                wanted -= 1;
            }
            left -= 1;
        }
    }

    /// Draws until enough are different: few draws are in vain while the choice is sparse.
    fn draw(&mut self, zset: &Zset, count: usize, random: &mut Random) {
        let mut chosen: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while chosen.len() < count {
            let Some(pair) = zset.random(random) else { break };
            if chosen.insert(pair.0.to_vec()) {
                self.put(pair);
            }
        }
    }
}
