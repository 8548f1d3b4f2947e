//! ZADD and ZINCRBY.

use smallvec::SmallVec;

use super::super::options::is;
use super::args::{score, score_arg};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::types::zset::{Limit, Zset};

const NOT_A_NUMBER: CmdError = CmdError::fixed("ERR resulting score is not a number (NaN)");

/// The options of ZADD.
#[derive(Clone, Copy, Default)]
struct Options {
    /// Only add.
    nx: bool,
    /// Only update.
    xx: bool,
    /// Only update to greater scores.
    gt: bool,
    /// Only update to lesser scores.
    lt: bool,
    /// Count updated members too.
    ch: bool,
    /// The score is an increment.
    incr: bool,
}

impl Options {
    /// Reads options; the words behind them are scores and members.
    fn parse<'a, 'w>(words: &'a [&'w [u8]]) -> (Self, &'a [&'w [u8]]) {
        let mut options = Self::default();
        let mut rest = words;
        while let [word, others @ ..] = rest {
            // Most words that come first are scores.
            let flag = match word.len() {
                2 if is(word, "NX") => &mut options.nx,
                2 if is(word, "XX") => &mut options.xx,
                2 if is(word, "GT") => &mut options.gt,
                2 if is(word, "LT") => &mut options.lt,
                2 if is(word, "CH") => &mut options.ch,
                4 if is(word, "INCR") => &mut options.incr,
                _ => break,
            };
            *flag = true;
            rest = others;
        }
        (options, rest)
    }

    fn check(self, pairs: &[&[u8]]) -> Result<(), CmdError> {
        if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(CmdError::SYNTAX);
        }
        if self.nx && self.xx {
            let text = "ERR XX and NX options at the same time are not compatible";
            return Err(CmdError::fixed(text));
        }
        if self.nx && (self.gt || self.lt) || self.gt && self.lt {
            let text = "ERR GT, LT, and/or NX options at the same time are not compatible";
            return Err(CmdError::fixed(text));
        }
        if self.incr && pairs.len() > 2 {
            let text = "ERR INCR option supports a single increment-element pair";
            return Err(CmdError::fixed(text));
        }
        Ok(())
    }

    /// The score that a member gets, by its present score and the one that is asked for.
    #[inline]
    fn decide(self, present: Option<f64>, wanted: f64) -> Option<f64> {
        let Some(present) = present else { return (!self.xx).then_some(wanted) };
        let wanted = if self.incr { present + wanted } else { wanted };
        let forbidden = self.nx || self.gt && wanted <= present || self.lt && wanted >= present;
        (!forbidden).then_some(wanted)
    }
}

/// What became of the members.
#[derive(Default)]
struct Became {
    added: usize,
    updated: usize,
    /// The score of the last member, if it was set.
    score: Option<f64>,
    is_nan: bool,
}

/// Adds members to a sorted set: `words` are scores, which have been read, and members in turn.
fn add_all(
    zset: &mut Zset,
    words: &[&[u8]],
    scores: &[f64],
    options: Options,
    limit: Limit,
) -> Became {
    let mut became = Became::default();
    for (pair, wanted) in words.chunks_exact(2).zip(scores) {
        let mut new = None;
        let old = zset.update(pair[1], limit, |present| {
            new = options.decide(present, *wanted);
            if new.is_some_and(f64::is_nan) {
                became.is_nan = true;
                new = None;
            }
            new
        });
        became.score = new;
        match (old, new) {
            (None, Some(_)) => became.added += 1,
            (Some(old), Some(new)) if old != new => became.updated += 1,
            _ => {}
        }
    }
    became
}

/// A sorted set for these words.
fn new_zset(words: &[&[u8]], limit: Limit) -> Zset {
    let longest = words.chunks_exact(2).map(|pair| pair[1].len()).max().unwrap_or(0);
    Zset::for_members(words.len() / 2, longest, limit)
}

/// ZADD; also what GEOADD comes to.
pub(in super::super) fn zadd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (options, words) = Options::parse(&args[2..]);
    options.check(words)?;
    add(ctx, args[1], words, options)
}

pub(super) fn zincrby(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let options = Options { incr: true, ..Options::default() };
    add(ctx, args[1], &args[2..], options)
}

fn add(ctx: &mut Ctx<'_, '_>, key: &[u8], words: &[&[u8]], options: Options) -> Outcome {
    let mut scores = SmallVec::<[f64; 8]>::new();
    for pair in words.chunks_exact(2) {
        scores.push(score_arg(pair[0])?);
    }
    let became = add_to_key(ctx, key, words, &scores, options)?;
    if became.is_nan {
        return Err(NOT_A_NUMBER);
    }
    if became.added + became.updated > 0 {
        ctx.space.changed(Class::ZSET, if options.incr { "zincr" } else { "zadd" }, key);
        ctx.space.count_as(became.added + became.updated);
        ctx.space.signal(key);
    }
    match (options.incr, became.score) {
        (true, Some(value)) => score(ctx.reply, value),
        (true, None) => ctx.reply.null(),
        (false, _) if options.ch => ctx.reply.count(became.added + became.updated),
        (false, _) => ctx.reply.count(became.added),
    }
    Ok(Flow::Done)
}

/// Adds members to the sorted set at a key, which is made unless XX forbids that.
fn add_to_key(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    words: &[&[u8]],
    scores: &[f64],
    options: Options,
) -> Result<Became, CmdError> {
    let limit = ctx.engine().tuning.limits.zset();
    if let Some(zset) = ctx.space.object_mut::<Zset>(key)? {
        zset.expect(scores.len(), limit);
        let became = add_all(zset, words, scores, options, limit);
        let len = zset.len();
        ctx.space.settle_size_at(len);
        return Ok(became);
    }
    if options.xx {
        return Ok(Became::default());
    }
    let mut zset = new_zset(words, limit);
    let became = add_all(&mut zset, words, scores, options, limit);
    ctx.space.put(key, Value::Object(Box::new(zset)), Put::Persist);
    Ok(became)
}
