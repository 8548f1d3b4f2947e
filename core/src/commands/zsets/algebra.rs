//! Unions, intersections and differences of sorted sets, and of sets, whose members count as
//! having the score 1.

use std::collections::HashMap;

use super::super::options::is;
use super::super::parts::int;
use super::args::members;
use super::source::Source;
use super::store::{Pair, sort, store};
use super::{STORE, ZSET};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::util::num;

const MANY: &[KeySpec] = &[KeySpec::counted(1, Access::RO.or(Access::ACCESS))];
const STORED: &[KeySpec] = &[STORE, KeySpec::counted(2, Access::RO.or(Access::ACCESS))];

const ASK: Spec = Spec {
    arity: -3,
    flags: Flags::READONLY.or(Flags::MOVABLEKEYS),
    keys: MANY,
    since: "6.2.0",
    ..ZSET
};

const PUT: Spec = Spec {
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::MOVABLEKEYS)),
    keys: STORED,
    since: "2.0.0",
    ..ZSET
};

const UNION_COST: &str = "O(N)+O(M*log(M)) in the number of members of all sets and of the result";
const INTER_COST: &str =
    "O(N*K)+O(M*log(M)) in the number of members of the smallest set, of sets and of the result";

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "zunion",
        summary: "Returns the members of any of several sorted sets",
        complexity: UNION_COST,
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
        handler: |ctx, args| answer(ctx, args, Operation::Union),
        ..ASK
    },
    Spec {
        name: "zinter",
        summary: "Returns the members of all of several sorted sets",
        complexity: INTER_COST,
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
        handler: |ctx, args| answer(ctx, args, Operation::Inter),
        ..ASK
    },
    Spec {
        name: "zdiff",
        summary: "Returns the members of a sorted set that are in none of several others",
        complexity: UNION_COST,
        syntax: "numkeys key [key ...] [WITHSCORES]",
        handler: |ctx, args| answer(ctx, args, Operation::Diff),
        ..ASK
    },
    Spec {
        name: "zintercard",
        since: "7.0.0",
        summary: "Returns the number of members of all of several sorted sets",
        complexity: "O(N*K) in the number of members of the smallest set and of sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: zintercard,
        ..ASK
    },
    Spec {
        name: "zunionstore",
        summary: "Stores the members of any of several sorted sets",
        complexity: UNION_COST,
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        handler: |ctx, args| put(ctx, args, Operation::Union, "zunionstore"),
        ..PUT
    },
    Spec {
        name: "zinterstore",
        summary: "Stores the members of all of several sorted sets",
        complexity: INTER_COST,
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        handler: |ctx, args| put(ctx, args, Operation::Inter, "zinterstore"),
        ..PUT
    },
    Spec {
        name: "zdiffstore",
        since: "6.2.0",
        summary: "Stores the members of a sorted set that are in none of several others",
        complexity: UNION_COST,
        syntax: "destination numkeys key [key ...]",
        handler: |ctx, args| put(ctx, args, Operation::Diff, "zdiffstore"),
        ..PUT
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// How the scores of a member in several sets become one.
#[derive(Clone, Copy, Default)]
enum Merge {
    #[default]
    Sum,
    Min,
    Max,
    /// The sum of the weights of the sets.
    Count,
}

impl Merge {
    fn of(word: &[u8]) -> Result<Self, CmdError> {
        Ok(match word {
            word if is(word, "SUM") => Merge::Sum,
            word if is(word, "MIN") => Merge::Min,
            word if is(word, "MAX") => Merge::Max,
            word if is(word, "COUNT") => Merge::Count,
            _ => return Err(CmdError::SYNTAX),
        })
    }

    /// What a score counts for in a set of this weight. Infinity without weight is nothing.
    fn weigh(self, score: f64, weight: f64) -> f64 {
        let score = if matches!(self, Merge::Count) { 1.0 } else { score };
        number(score * weight)
    }

    fn both(self, a: f64, b: f64) -> f64 {
        match self {
            // Infinities of both signs add up to nothing.
            Merge::Sum | Merge::Count => number(a + b),
            Merge::Min => a.min(b),
            Merge::Max => a.max(b),
        }
    }
}

/// A number, or 0 for what is none.
fn number(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// Words of a command.
type Words<'a, 'w> = &'a [&'w [u8]];

/// The keys of an operation, and the words behind them.
fn keys<'a, 'w>(
    ctx: &Ctx<'_, '_>,
    words: Words<'a, 'w>,
) -> Result<(Words<'a, 'w>, Words<'a, 'w>), CmdError> {
    let number = int(words[0])?;
    if number < 1 {
        let name = &ctx.command.name;
        let text = format!("ERR at least 1 input key is needed for '{name}' command");
        return Err(CmdError::new(text));
    }
    let rest = &words[1..];
    let number = usize::try_from(number).ok().filter(|number| *number <= rest.len());
    Ok(rest.split_at(number.ok_or(CmdError::SYNTAX)?))
}

/// The options of an operation.
struct Options {
    /// One for each key, if given.
    weights: Vec<f64>,
    merge: Merge,
    with_scores: bool,
}

impl Options {
    fn parse(
        words: &[&[u8]],
        keys: usize,
        operation: Operation,
        stores: bool,
    ) -> Result<Self, CmdError> {
        let mut options = Self { weights: Vec::new(), merge: Merge::default(), with_scores: false };
        let merges = operation != Operation::Diff;
        let mut rest = words;
        while let [word, others @ ..] = rest {
            if merges && is(word, "WEIGHTS") && others.len() >= keys {
                let (weights, behind) = others.split_at(keys);
                options.weights =
                    weights.iter().map(|word| weight(word)).collect::<Result<_, _>>()?;
                rest = behind;
            } else if merges && is(word, "AGGREGATE") && !others.is_empty() {
                options.merge = Merge::of(others[0])?;
                rest = &others[1..];
            } else if !stores && is(word, "WITHSCORES") {
                options.with_scores = true;
                rest = others;
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        Ok(options)
    }

    fn weight(&self, index: usize) -> f64 {
        self.weights.get(index).copied().unwrap_or(1.0)
    }
}

fn weight(word: &[u8]) -> Result<f64, CmdError> {
    num::parse_f64(word).ok_or(CmdError::fixed("ERR weight value is not a float"))
}

/// The values of keys.
fn sources<'s>(ctx: &'s mut Ctx<'_, '_>, keys: &[&[u8]]) -> Result<Vec<Source<'s>>, CmdError> {
    for key in keys {
        // Reads them as far as expiry and statistics are concerned.
        ctx.space.lookup(key);
    }
    let space = &*ctx.space;
    keys.iter().map(|key| Source::of(space.peek(key))).collect()
}

/// The members of the result with their scores, in order.
fn work_out(
    ctx: &mut Ctx<'_, '_>,
    keys: &[&[u8]],
    words: &[&[u8]],
    operation: Operation,
    stores: bool,
) -> Result<(Vec<Pair>, Options), CmdError> {
    let sources = sources(ctx, keys)?;
    let options = Options::parse(words, keys.len(), operation, stores)?;
    let mut pairs = match operation {
        Operation::Union => union(&sources, &options),
        Operation::Inter => {
            let mut pairs = Vec::new();
            inter(&sources, &options, |member, score| {
                pairs.push((member.to_vec(), score));
                true
            });
            pairs
        }
        Operation::Diff => diff(&sources),
    };
    sort(&mut pairs);
    Ok((pairs, options))
}

fn union(sources: &[Source<'_>], options: &Options) -> Vec<Pair> {
    let mut scores: HashMap<Vec<u8>, f64> = HashMap::new();
    for (index, source) in sources.iter().enumerate() {
        let weight = options.weight(index);
        source.each(|member, score| {
            let score = options.merge.weigh(score, weight);
            scores
                .entry(member.to_vec())
                .and_modify(|sum| *sum = options.merge.both(*sum, score))
                .or_insert(score);
            true
        });
    }
    scores.into_iter().collect()
}

/// Passes the members of all sources to `f`, until that returns false.
fn inter(sources: &[Source<'_>], options: &Options, mut f: impl FnMut(Element<'_>, f64) -> bool) {
    let mut order: Vec<usize> = (0..sources.len()).collect();
    order.sort_by_key(|index| sources[*index].len());
    let [smallest, others @ ..] = order.as_slice() else { return };
    sources[*smallest].each(|member, score| {
        let mut sum = options.merge.weigh(score, options.weight(*smallest));
        let mut number = itoa::Buffer::new();
        let bytes = member.as_bytes(&mut number);
        for index in others {
            let Some(score) = sources[*index].score(bytes) else { return true };
            sum = options.merge.both(sum, options.merge.weigh(score, options.weight(*index)));
        }
        f(member, sum)
    });
}

fn diff(sources: &[Source<'_>]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let [first, others @ ..] = sources else { return pairs };
    first.each(|member, score| {
        let mut number = itoa::Buffer::new();
        let bytes = member.as_bytes(&mut number);
        if !others.iter().any(|other| other.score(bytes).is_some()) {
            pairs.push((bytes.to_vec(), score));
        }
        true
    });
    pairs
}

fn answer(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], operation: Operation) -> Outcome {
    let (keys, words) = keys(ctx, &args[1..])?;
    let (pairs, options) = work_out(ctx, keys, words, operation, false)?;
    let all = pairs.iter().map(|(member, score)| (Element::Bytes(member), *score));
    members(ctx.reply, pairs.len(), options.with_scores, all);
    Ok(Flow::Done)
}

fn put(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    operation: Operation,
    event: &'static str,
) -> Outcome {
    let (keys, words) = keys(ctx, &args[2..])?;
    let (pairs, _) = work_out(ctx, keys, words, operation, true)?;
    store(ctx, args[1], &pairs, event);
    Ok(Flow::Done)
}

fn zintercard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (keys, words) = keys(ctx, &args[1..])?;
    let sources = sources(ctx, keys)?;
    let mut limit = usize::MAX;
    for option in words.chunks(2) {
        let [word, number] = option else { return Err(CmdError::SYNTAX) };
        if !is(word, "LIMIT") {
            return Err(CmdError::SYNTAX);
        }
        let number = num::parse_i64(number).and_then(|number| usize::try_from(number).ok());
        limit = match number.ok_or(CmdError::fixed("ERR LIMIT can't be negative"))? {
            0 => usize::MAX,
            number => number,
        };
    }
    let options = Options { weights: Vec::new(), merge: Merge::default(), with_scores: false };
    let mut count = 0;
    inter(&sources, &options, |_, _| {
        count += 1;
        count < limit
    });
    drop(sources);
    ctx.reply.count(count);
    Ok(Flow::Done)
}
