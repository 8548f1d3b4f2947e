//! Ranges by rank, score or member: ZRANGE and the commands it replaced, ZRANGESTORE, and the
//! removal of ranges.

use super::super::options::is;
use super::super::parts::{index_range, int};
use super::args::{lex_range, members, score_range, tell_removed};
use super::store::store;
use super::{DELETE, READ, STORE_READ, ZSET};
use crate::command::{Ctx, Flags, Flow, Outcome, Spec};
use crate::error::CmdError;
use crate::types::zset::{LexRange, ScoreRange, Zset};

const RANGE: Spec =
    Spec { arity: -4, flags: Flags::READONLY, keys: READ, complexity: "O(log(N)+M)", ..ZSET };

const REMOVE: Spec =
    Spec { arity: 4, flags: Flags::WRITE, keys: DELETE, complexity: "O(log(N)+M)", ..ZSET };

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "zrange",
        summary: "Returns the members of a sorted set in a range of ranks, scores or members",
        syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        handler: |ctx, args| answer(ctx, args, None, None),
        ..RANGE
    },
    Spec {
        name: "zrevrange",
        summary: "Returns the members of a sorted set in a range of ranks, the last first",
        syntax: "key start stop [WITHSCORES]",
        handler: |ctx, args| answer(ctx, args, Some(By::Rank), Some(true)),
        ..RANGE
    },
    Spec {
        name: "zrangebyscore",
        since: "1.0.5",
        summary: "Returns the members of a sorted set in a range of scores",
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
        handler: |ctx, args| answer(ctx, args, Some(By::Score), Some(false)),
        ..RANGE
    },
    Spec {
        name: "zrevrangebyscore",
        since: "2.2.0",
        summary: "Returns the members of a sorted set in a range of scores, the last first",
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
        handler: |ctx, args| answer(ctx, args, Some(By::Score), Some(true)),
        ..RANGE
    },
    Spec {
        name: "zrangebylex",
        since: "2.8.9",
        summary: "Returns the members of a sorted set of equal scores in a range of members",
        syntax: "key min max [LIMIT offset count]",
        handler: |ctx, args| answer(ctx, args, Some(By::Lex), Some(false)),
        ..RANGE
    },
    Spec {
        name: "zrevrangebylex",
        since: "2.8.9",
        summary: "Returns the members of a sorted set of equal scores in a range of members, the last first",
        syntax: "key max min [LIMIT offset count]",
        handler: |ctx, args| answer(ctx, args, Some(By::Lex), Some(true)),
        ..RANGE
    },
    Spec {
        name: "zrangestore",
        arity: -5,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: STORE_READ,
        since: "6.2.0",
        summary: "Stores the members of a sorted set in a range of ranks, scores or members",
        syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        handler: zrangestore,
        ..RANGE
    },
    Spec {
        name: "zremrangebyrank",
        since: "2.0.0",
        summary: "Removes the members of a sorted set in a range of ranks",
        syntax: "key start stop",
        handler: |ctx, args| remove(ctx, args, By::Rank, "zremrangebyrank"),
        ..REMOVE
    },
    Spec {
        name: "zremrangebyscore",
        summary: "Removes the members of a sorted set in a range of scores",
        syntax: "key min max",
        handler: |ctx, args| remove(ctx, args, By::Score, "zremrangebyscore"),
        ..REMOVE
    },
    Spec {
        name: "zremrangebylex",
        since: "2.8.9",
        summary: "Removes the members of a sorted set of equal scores in a range of members",
        syntax: "key min max",
        handler: |ctx, args| remove(ctx, args, By::Lex, "zremrangebylex"),
        ..REMOVE
    },
];

/// What a range is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A range.
enum Bounds<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

impl<'a> Bounds<'a> {
    fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, CmdError> {
        Ok(match by {
            By::Rank => Bounds::Ranks(int(min)?, int(max)?),
            By::Score => Bounds::Scores(score_range(min, max)?),
            By::Lex => Bounds::Members(lex_range(min, max)?),
        })
    }

    /// The ranks it selects; if `reverse`, it counts them from the end.
    fn ranks(&self, zset: &Zset, reverse: bool) -> std::ops::Range<usize> {
        match self {
            Bounds::Ranks(start, stop) => {
                let len = zset.len();
                let range = index_range(*start, *stop, len);
                if reverse { len - range.end..len - range.start } else { range }
            }
            Bounds::Scores(range) => zset.score_ranks(range),
            Bounds::Members(range) => zset.lex_ranks(range),
        }
    }
}

/// The words of ZRANGE and its like behind the key.
struct RangeArgs<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    offset: i64,
    /// Negative for no limit.
    limit: i64,
    with_scores: bool,
}

impl<'a> RangeArgs<'a> {
    /// Reads `start stop` and options. What `by` and `reverse` fix cannot be chosen.
    fn parse(
        words: &[&'a [u8]],
        by: Option<By>,
        reverse: Option<bool>,
        stores: bool,
    ) -> Result<Self, CmdError> {
        let [start, stop, options @ ..] = words else { return Err(CmdError::SYNTAX) };
        let (mut chosen_by, mut chosen_reverse) = (by, reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut options = options.iter();
        while let Some(option) = options.next() {
            if !stores && is(option, "WITHSCORES") {
                with_scores = true;
            } else if is(option, "LIMIT")
                && let [first, number, ..] = options.as_slice()
            {
                (offset, limit) = (int(first)?, int(number)?);
                options.nth(1);
            } else if chosen_reverse.is_none() && is(option, "REV") {
                chosen_reverse = Some(true);
            } else if chosen_by.is_none() && is(option, "BYLEX") {
                chosen_by = Some(By::Lex);
            } else if chosen_by.is_none() && is(option, "BYSCORE") {
                chosen_by = Some(By::Score);
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        let (by, reverse) = (chosen_by.unwrap_or(By::Rank), chosen_reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(CmdError::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CmdError::fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let swaps = reverse && by != By::Rank;
        let (min, max) = if swaps { (stop, start) } else { (start, stop) };
        let bounds = Bounds::parse(by, min, max)?;
        Ok(Self { bounds, reverse, offset, limit, with_scores })
    }

    /// The rank to begin with and the number of members.
    fn select(&self, zset: &Zset) -> (usize, usize) {
        let ranks = self.bounds.ranks(zset, self.reverse);
        let Ok(offset) = usize::try_from(self.offset) else { return (0, 0) };
        // Ranks have no offset; that of LIMIT without a count is not looked at.
        let offset = if matches!(self.bounds, Bounds::Ranks(..)) { 0 } else { offset };
        let Some(left) = ranks.len().checked_sub(offset).filter(|left| *left > 0) else {
            return (0, 0);
        };
        let start = if self.reverse { ranks.end - 1 - offset } else { ranks.start + offset };
        (start, left.min(usize::try_from(self.limit).unwrap_or(usize::MAX)))
    }
}

fn answer(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], by: Option<By>, reverse: Option<bool>) -> Outcome {
    let range = RangeArgs::parse(&args[2..], by, reverse, false)?;
    let Some(zset) = ctx.space.object::<Zset>(args[1])? else {
        ctx.reply.array(0);
        return Ok(Flow::Done);
    };
    let (start, count) = range.select(zset);
    let walk = zset.walk(start, range.reverse).take(count);
    members(ctx.reply, count, range.with_scores, walk);
    Ok(Flow::Done)
}

fn zrangestore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let range = RangeArgs::parse(&args[3..], None, None, true)?;
    let mut pairs = Vec::new();
    if let Some(zset) = ctx.space.object::<Zset>(args[2])? {
        let (start, count) = range.select(zset);
        let walk = zset.walk(start, range.reverse).take(count);
        pairs.extend(walk.map(|(member, score)| (member.to_vec(), score)));
    }
    if range.reverse {
        pairs.reverse();
    }
    store(ctx, args[1], &pairs, "zrangestore");
    Ok(Flow::Done)
}

fn remove(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], by: By, event: &'static str) -> Outcome {
    let key = args[1];
    let bounds = Bounds::parse(by, args[2], args[3])?;
    let (mut removed, mut is_empty) = (0, false);
    if let Some(zset) = ctx.space.object_mut::<Zset>(key)? {
        let ranks = bounds.ranks(zset, false);
        (removed, is_empty) = (ranks.len(), ranks.len() == zset.len());
        // What will be empty goes as a whole, which the background can do.
        if !is_empty {
            zset.remove_ranks(ranks, |_, _| ());
        }
    }
    if removed > 0 {
        tell_removed(ctx, key, event, removed, is_empty);
    }
    ctx.reply.count(removed);
    Ok(Flow::Done)
}
