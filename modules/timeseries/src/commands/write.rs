//! Samples that come and go: TS.ADD, TS.MADD, TS.INCRBY, TS.DECRBY, TS.DEL.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::keyspace::Space;
use cairn_core::notify::Class;
use cairn_core::util::num;

use super::{DEFAULT_POLICY, NOT_SERIES, arity, create, error, hold, rules, series, series_mut};
use crate::args::{SeriesArgs, parse_range, parse_timestamp};
use crate::duplicate::DuplicatePolicy;
use crate::error::TsError;
use crate::number::parse_value;
use crate::sample::{Sample, Timestamp};
use crate::series::Added;
use crate::value::{RuleEffect, TimeSeries};

/// The moment of a command as a timestamp.
fn now(space: &Space<'_>) -> Timestamp {
    u64::try_from(space.now()).unwrap_or(0)
}

/// Reads a timestamp and a value.
fn parse_sample(ts: &[u8], value: &[u8], now: Timestamp) -> Result<Sample, TsError> {
    let ts = parse_timestamp(ts, now)?;
    let value = parse_value(value).ok_or(TsError::Argument("invalid value"))?;
    Ok(Sample::new(ts, value))
}

/// States the command's words with a timestamp in the place of `*`.
fn state_timestamp(space: &mut Space<'_>, args: &[&[u8]], ts: Timestamp) {
    let ts = ts.to_string();
    let mut words = args.to_vec();
    if let Some(word) = words.get_mut(2) {
        *word = ts.as_bytes();
    }
    space.effect(&words);
}

/// TS.ADD.
pub fn add(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, ts, value, rest @ ..] = args else { return Err(arity(ctx)) };
    let sample = parse_sample(ts, value, now(ctx.space)).map_err(|e| error(ctx, e))?;
    if let Some(flow) = rules::hold_rules(ctx, &[key])? {
        return Ok(flow);
    }
    let is_new = ctx.space.lookup_mut(key).is_none();
    let policy = match is_new {
        false => SeriesArgs::parse_on_duplicate(rest).map_err(|e| error(ctx, e))?,
        true => {
            let options = create::options(ctx, rest)?;
            let policy = options.on_duplicate;
            create::insert(ctx, key, options);
            policy
        }
    };
    let (mut effects, mut written) = (Vec::new(), sample.ts);
    let series = ctx.space.object_mut::<TimeSeries>(key).ok().flatten().ok_or(NOT_SERIES)?;
    let added = series.add(sample, policy, DEFAULT_POLICY, &mut effects);
    match added.map_err(|e| error(ctx, e))? {
        Added::Ignored => {
            written = newest(ctx.space, key);
            ctx.space.notify(Class::MODULE, "ts.add", key);
        }
        _ => {
            rules::carry_out(ctx.space, key, &mut effects);
            if is_new {
                ctx.space.changed(Class::MODULE, "ts.add", key);
            } else {
                ctx.space.changed_within(Class::MODULE, "ts.add", key);
            }
            if *ts == b"*" {
                state_timestamp(ctx.space, args, sample.ts);
            }
        }
    }
    ctx.reply.int(written as i64);
    Ok(Flow::Done)
}

/// The latest timestamp of a series.
fn newest(space: &Space<'_>, key: &[u8]) -> Timestamp {
    super::peek(space, key).and_then(|series| series.series().last()).map_or(0, |last| last.ts)
}

/// TS.MADD: a reply for each sample, be it an error.
pub fn madd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let words = args.get(1..).unwrap_or_default();
    if words.is_empty() || !words.len().is_multiple_of(3) {
        return Err(arity(ctx));
    }
    if let Some(again) = hold(ctx, words.iter().step_by(3).copied())? {
        return Ok(again);
    }
    if let Some(flow) = hold_rules_of_all(ctx, words)? {
        return Ok(flow);
    }
    let now = now(ctx.space);
    ctx.reply.array(words.len() / 3);
    let mut effects = Vec::new();
    let (mut left, mut clock) = (words, false);
    while let Some(key) = left.first() {
        let run = left.chunks_exact(3).take_while(|sample| sample[0] == *key).count() * 3;
        let (samples, rest) = left.split_at(run);
        clock |= add_run(ctx, key, samples, now, &mut effects);
        left = rest;
    }
    if clock {
        state_timestamps(ctx.space, args, now);
    }
    Ok(Flow::Done)
}

/// As [`rules::hold_rules`] for the keys of TS.MADD, which rarely have rules: no key is looked up
/// twice while there are none at all.
fn hold_rules_of_all(ctx: &mut Ctx<'_, '_>, words: &[&[u8]]) -> Result<Option<Flow>, CmdError> {
    if !rules::exist(ctx) {
        return Ok(None);
    }
    let mut keys: Vec<&[u8]> = Vec::new();
    for key in words.iter().step_by(3) {
        if keys.last() != Some(key) && !rules::is_alone(ctx.space, key) {
            keys.push(key);
        }
    }
    if keys.is_empty() { Ok(None) } else { rules::hold_rules(ctx, &keys) }
}

/// Adds samples, three words each, to one series. Tells whether any took its time from the clock.
fn add_run(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    words: &[&[u8]],
    now: Timestamp,
    effects: &mut Vec<RuleEffect>,
) -> bool {
    let (mut clock, mut changes) = (false, 0);
    for sample in words.chunks_exact(3) {
        let Ok(Some(series)) = ctx.space.object_mut::<TimeSeries>(key) else {
            ctx.reply.error(NOT_SERIES.text());
            continue;
        };
        let added = parse_sample(sample[1], sample[2], now)
            .and_then(|parsed| Ok((parsed.ts, series.add(parsed, None, DEFAULT_POLICY, effects)?)));
        match added {
            Ok((_, Added::Ignored)) => {
                let newest = series.series().last().map_or(0, |last| last.ts);
                ctx.reply.int(newest as i64);
            }
            Ok((ts, _)) => {
                changes += 1;
                clock |= sample[1] == b"*";
                ctx.reply.int(ts as i64);
                if !effects.is_empty() {
                    rules::carry_out(ctx.space, key, effects);
                }
            }
            Err(error) => ctx.reply.error(CmdError::from(error).text()),
        }
    }
    tell(ctx.space, key, changes);
    clock
}

/// Says that a series got so many samples.
fn tell(space: &mut Space<'_>, key: &[u8], samples: usize) {
    for sample in 0..samples {
        match sample {
            0 => space.changed_within(Class::MODULE, "ts.add", key),
            _ => {
                space.count_change();
                space.notify(Class::MODULE, "ts.add", key);
            }
        }
    }
}

/// States the words of TS.MADD with the time in the place of `*`.
fn state_timestamps(space: &mut Space<'_>, args: &[&[u8]], now: Timestamp) {
    let now = now.to_string();
    let words = args
        .iter()
        .enumerate()
        .map(|(i, word)| if i % 3 == 2 && *word == b"*" { now.as_bytes() } else { word });
    let words: Vec<&[u8]> = words.collect();
    space.effect(&words);
}

/// TS.INCRBY.
pub fn increase(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    step_by(ctx, args, 1.0, "ts.incrby")
}

/// TS.DECRBY.
pub fn decrease(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    step_by(ctx, args, -1.0, "ts.decrby")
}

/// The word behind TIMESTAMP, which is looked for before LABELS.
fn timestamp_word<'a>(args: &[&'a [u8]]) -> Result<Option<&'a [u8]>, TsError> {
    let is = |arg: &&[u8], word: &[u8]| arg.eq_ignore_ascii_case(word);
    let end = args.iter().position(|arg| is(arg, b"LABELS")).unwrap_or(args.len());
    let Some(at) = args.iter().take(end).position(|arg| is(arg, b"TIMESTAMP")) else {
        return Ok(None);
    };
    args.get(at + 1).copied().map(Some).ok_or(TsError::Arity)
}

fn step_by(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], sign: f64, event: &'static str) -> Outcome {
    const BAD: TsError = TsError::Argument("invalid increase/decrease value");
    // Alone among its errors, this one comes without a code.
    const OLDER: CmdError = CmdError::fixed(
        "TSDB: timestamp must be equal to or higher than the maximum existing timestamp",
    );
    let [_, key, by, rest @ ..] = args else { return Err(arity(ctx)) };
    if let Some(flow) = rules::hold_rules(ctx, &[key])? {
        return Ok(flow);
    }
    let missing = ctx.space.object_mut::<TimeSeries>(key)?.is_none();
    let options = if missing { Some(create::options(ctx, rest)?) } else { None };
    let by = num::parse_f64(by).filter(|by| !by.is_nan()).ok_or(BAD)?;
    let (ts, clock) = step_time(ctx, rest)?;
    if let Some(options) = options {
        create::insert(ctx, key, options);
    }
    let mut effects = Vec::new();
    let series = series_mut(ctx.space, key)?;
    let last = series.series().last();
    if last.is_some_and(|last| ts < last.ts) {
        return Err(OLDER);
    }
    let value = last.map_or(0.0, |last| last.value) + sign * by;
    let policy = Some(DuplicatePolicy::Last);
    let added = series.add(Sample::new(ts, value), policy, DEFAULT_POLICY, &mut effects);
    added.map_err(|e| error(ctx, e))?;
    rules::carry_out(ctx.space, key, &mut effects);
    ctx.space.changed(Class::MODULE, event, key);
    if clock {
        let ts = ts.to_string();
        let head: [&[u8]; 5] = [args[0], key, args[2], b"TIMESTAMP", ts.as_bytes()];
        ctx.space.effect(&[&head, rest].concat());
    }
    ctx.reply.int(ts as i64);
    Ok(Flow::Done)
}

/// The time of a step, and whether it comes from the clock.
fn step_time(ctx: &Ctx<'_, '_>, rest: &[&[u8]]) -> Result<(Timestamp, bool), CmdError> {
    let word = timestamp_word(rest).map_err(|e| error(ctx, e))?.unwrap_or(b"*");
    let ts = parse_timestamp(word, now(ctx.space)).map_err(|e| error(ctx, e))?;
    Ok((ts, word == b"*"))
}

/// TS.DEL.
pub fn delete(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    const BEYOND: CmdError = CmdError::fixed(
        "ERR TSDB: When a series has compactions, deleting samples or compaction buckets beyond \
         the series retention period is not possible",
    );
    let [_, key, from, to] = *args else { return Err(arity(ctx)) };
    let (from, to) = parse_range(from, to).map_err(|e| error(ctx, e))?;
    if let Some(flow) = rules::hold_rules(ctx, &[key])? {
        return Ok(flow);
    }
    if series(ctx.space, key)?.deletes_beyond_retention(from) {
        return Err(BEYOND);
    }
    let mut effects = Vec::new();
    let deleted = series_mut(ctx.space, key)?.delete_range(from, to, &mut effects);
    rules::carry_out(ctx.space, key, &mut effects);
    if deleted > 0 {
        ctx.space.changed(Class::MODULE, "ts.del", key);
    } else {
        ctx.space.notify(Class::MODULE, "ts.del", key);
    }
    ctx.reply.count(deleted);
    Ok(Flow::Done)
}
