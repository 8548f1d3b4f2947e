//! Reads of one series: TS.GET, TS.RANGE, TS.REVRANGE.

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};

use super::output::Writer;
use super::{arity, error, hold, peek, rules, series};
use crate::args::RangeArgs;
use crate::sample::Sample;

/// Makes sure that the source of a series is held, if the open bucket of its rule is asked for.
fn hold_source(ctx: &mut Ctx<'_, '_>, key: &[u8], latest: bool) -> Result<Option<Flow>, CmdError> {
    if !latest {
        return Ok(None);
    }
    rules::follow_renames(ctx, key);
    let source = peek(ctx.space, key).and_then(|series| series.source.as_deref());
    match source {
        Some(source) => hold(ctx, [source]),
        None => Ok(None),
    }
}

/// The open bucket of the rule that feeds a series, if it is asked for.
fn latest(ctx: &mut Ctx<'_, '_>, key: &[u8], wanted: bool) -> Option<Sample> {
    if !wanted {
        return None;
    }
    let source: Box<[u8]> = peek(ctx.space, key)?.source.clone()?;
    rules::follow_renames(ctx, &source);
    rules::open_bucket(ctx.space, key, peek(ctx.space, key)?)
}

/// TS.GET.
pub fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, wanted) = match *args {
        [_, key] => (key, false),
        [_, key, word] if word.eq_ignore_ascii_case(b"LATEST") => (key, true),
        [_, key, _] => {
            series(ctx.space, key)?;
            return Err(CmdError::fixed("ERR TSDB: wrong 3rd argument"));
        }
        _ => return Err(arity(ctx)),
    };
    if let Some(flow) = hold_source(ctx, key, wanted)? {
        return Ok(flow);
    }
    let stored = series(ctx.space, key)?.series().last();
    let open = latest(ctx, key, wanted);
    let newest = open.filter(|open| stored.is_none_or(|stored| open.ts > stored.ts)).or(stored);
    Writer::new(ctx.reply).sample(newest);
    Ok(Flow::Done)
}

/// TS.RANGE.
pub fn range(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, false)
}

/// TS.REVRANGE.
pub fn reverse_range(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, true)
}

fn run(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], reverse: bool) -> Outcome {
    let [_, key, rest @ ..] = args else { return Err(arity(ctx)) };
    if rest.len() < 2 {
        return Err(arity(ctx));
    }
    series(ctx.space, key)?;
    let RangeArgs { mut query, latest: wanted } =
        RangeArgs::parse(rest).map_err(|e| error(ctx, e))?;
    if let Some(flow) = hold_source(ctx, key, wanted)? {
        return Ok(flow);
    }
    query.reverse = reverse;
    query.latest = latest(ctx, key, wanted);
    let rows = query.run(series(ctx.space, key)?.series()).map_err(|e| error(ctx, e))?;
    Writer::new(ctx.reply).rows(&rows);
    Ok(Flow::Done)
}
