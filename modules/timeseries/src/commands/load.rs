//! What a rebuilt series is made of besides TS.CREATE: its samples as they are, whatever policies
//! say, and its rules one end at a time, whether or not the other end is there yet.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::notify::Class;

use super::{arity, error, series_mut};
use crate::aggregate::Aggregator;
use crate::args::{parse_duration, parse_integer};
use crate::compaction::Rule;
use crate::sample::Sample;

const BAD: CmdError = CmdError::SYNTAX;

/// TS._LOAD key (timestamp bits)...: a value's bits are hexadecimal.
pub fn load(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, samples @ ..] = args else { return Err(arity(ctx)) };
    let samples = samples.chunks(2).map(parse_sample).collect::<Option<Vec<_>>>().ok_or(BAD)?;
    let series = series_mut(ctx.space, key)?;
    for sample in samples {
        series.load(sample)?;
    }
    ctx.space.touch(key);
    ctx.space.count_change();
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn parse_sample(words: &[&[u8]]) -> Option<Sample> {
    let [ts, bits] = *words else { return None };
    let bits = u64::from_str_radix(std::str::from_utf8(bits).ok()?, 16).ok()?;
    Some(Sample::new(parse_integer(ts)?, f64::from_bits(bits)))
}

/// TS._LINK key SOURCE source, or TS._LINK key RULE destination aggregator duration align.
pub fn link(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, word, other, rest @ ..] = args else { return Err(arity(ctx)) };
    match *rest {
        [] if word.eq_ignore_ascii_case(b"SOURCE") => {
            series_mut(ctx.space, key)?.source = Some((*other).into());
        }
        [name, duration, align] if word.eq_ignore_ascii_case(b"RULE") => {
            let aggregator = Aggregator::parse(name).map_err(|e| error(ctx, e))?;
            let duration = parse_duration(duration).map_err(|e| error(ctx, e))?;
            let align = parse_integer(align).ok_or(BAD)?;
            let rule = Rule::new(other, aggregator, duration, align);
            if !series_mut(ctx.space, key)?.restore_rule(rule) {
                return Err(BAD);
            }
        }
        _ => return Err(BAD),
    }
    ctx.space.changed(Class::MODULE, "ts.createrule", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}
