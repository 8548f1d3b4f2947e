//! Compaction rules: TS.CREATERULE and TS.DELETERULE, and what samples do to the series that rules
//! feed.
//!
//! The two ends of a rule are keys of their own, often in different shards, and each can vanish or
//! get another value by commands that hold only one of them. So each end names the other, and a rule
//! holds while both agree; an end left alone is swept away when a command next holds it. Renamed
//! keys are followed by way of the catalog.

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::keyspace::Space;
use cairn_core::notify::Class;

use super::{arity, catalog, error, hold, peek, series, series_mut};
use crate::aggregate::Aggregator;
use crate::args::{parse_duration, parse_integer};
use crate::compaction::{Effect, Rule};
use crate::sample::Sample;
use crate::value::{MAX_RULES, RuleEffect, TimeSeries};

/// Tells a series of the new names of the keys that its rules name.
pub fn follow_renames(ctx: &mut Ctx<'_, '_>, key: &[u8]) {
    let db = ctx.space.db();
    let moves = catalog(ctx).map(|catalog| catalog.take_moves(db, key)).unwrap_or_default();
    if moves.is_empty() {
        return;
    }
    let Ok(Some(series)) = ctx.space.object_mut::<TimeSeries>(key) else { return };
    for moved in moves {
        series.rename_destination(&moved.old, &moved.new);
        if series.source.as_deref() == Some(&*moved.old) {
            series.source = Some((*moved.new).into());
        }
    }
}

/// Whether any series may have a rule. That one has is known before the next command can reach it:
/// the index is told of it while the shards of both ends are held.
pub fn exist(ctx: &Ctx<'_, '_>) -> bool {
    catalog(ctx).is_none_or(|catalog| catalog.has_rules())
}

/// Whether a series is fed by no rule and feeds none, so that it can be changed by itself.
pub fn is_alone(space: &Space<'_>, key: &[u8]) -> bool {
    peek(space, key).is_none_or(|series| series.rules().is_empty() && series.source.is_none())
}

/// Makes sure that the keys at the other ends of the rules of these series are held, and sweeps rules
/// away whose other end is gone. The flow, if any, is what the handler has to return at once.
///
/// # Errors
/// Where a command cannot have more than it holds.
pub fn hold_rules(ctx: &mut Ctx<'_, '_>, keys: &[&[u8]]) -> Result<Option<Flow>, CmdError> {
    for key in keys {
        follow_renames(ctx, key);
    }
    let linked: Vec<&[u8]> = keys.iter().copied().filter(|key| !is_alone(ctx.space, key)).collect();
    if linked.is_empty() {
        return Ok(None);
    }
    let all = linked.iter().filter_map(|key| peek(ctx.space, key)).flat_map(TimeSeries::others);
    if let Some(again) = hold(ctx, all)? {
        return Ok(Some(again));
    }
    for key in linked {
        let other_keys: Vec<Box<[u8]>> =
            peek(ctx.space, key).into_iter().flat_map(TimeSeries::others).map(Into::into).collect();
        other_keys.iter().for_each(|other| follow_renames(ctx, other));
        sweep(ctx.space, key);
    }
    Ok(None)
}

/// Whether `source` has a rule to `destination` that both know of. Both are held.
pub fn is_linked(space: &Space<'_>, source: &[u8], destination: &[u8]) -> bool {
    peek(space, source).is_some_and(|series| series.rule_to(destination).is_some())
        && peek(space, destination).is_some_and(|series| series.source.as_deref() == Some(source))
}

/// Sweeps the rules of a series away whose other end is gone.
fn sweep(space: &mut Space<'_>, key: &[u8]) {
    let Some(series) = peek(space, key) else { return };
    let feeds = |rule: &Rule| is_linked(space, key, &rule.destination);
    let live: Vec<bool> = series.rules().iter().map(feeds).collect();
    let orphan = series.source.as_deref().is_some_and(|source| !is_linked(space, source, key));
    if !orphan && live.iter().all(|live| *live) {
        return;
    }
    let Ok(Some(series)) = space.object_mut::<TimeSeries>(key) else { return };
    let mut live = live.into_iter();
    series.retain_rules(|_| live.next().unwrap_or(false));
    if orphan {
        series.source = None;
    }
}

/// Carries out what the rules of a series want done, and empties the list. Their destinations are
/// held.
pub fn carry_out(space: &mut Space<'_>, key: &[u8], effects: &mut Vec<RuleEffect>) {
    // A destination feeds no rules itself: TS.CREATERULE sees to that.
    let mut further = Vec::new();
    for (index, effect) in effects.drain(..) {
        let rule = peek(space, key).and_then(|series| series.rules().get(index));
        let Some(destination) = rule.map(|rule| rule.destination.clone()) else { continue };
        let Ok(Some(series)) = space.object_mut::<TimeSeries>(&destination) else { continue };
        series.apply(effect, &mut further);
        space.touch(&destination);
        if let Effect::Upsert(_) = effect {
            space.notify(Class::MODULE, "ts.add", &destination);
        }
    }
}

/// The value of the bucket that the rule feeding this series has open. Its source is held.
pub fn open_bucket(space: &Space<'_>, key: &[u8], series: &TimeSeries) -> Option<Sample> {
    let source = series.source.as_deref()?;
    peek(space, source)?.rule_to(key)?.latest()
}

/// Reads `source destination AGGREGATION aggregator duration [align]`.
fn parse_rule(ctx: &Ctx<'_, '_>, args: &[&[u8]]) -> Result<Rule, CmdError> {
    const ALIGN: CmdError = CmdError::fixed("ERR TSDB: Couldn't parse alignTimestamp");
    let (destination, word, name, duration, align) = match *args {
        [_, _, destination, word, name, duration] => (destination, word, name, duration, None),
        [_, _, destination, word, name, duration, align] => {
            (destination, word, name, duration, Some(align))
        }
        _ => return Err(arity(ctx)),
    };
    if !word.eq_ignore_ascii_case(b"AGGREGATION") {
        return Err(arity(ctx));
    }
    let aggregator = Aggregator::parse(name).map_err(|e| error(ctx, e))?;
    let duration = parse_duration(duration).map_err(|e| error(ctx, e))?;
    let align = align.map_or(Some(0), parse_integer).ok_or(ALIGN)?;
    Ok(Rule::new(destination, aggregator, duration, align))
}

/// TS.CREATERULE.
pub fn create(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let rule = parse_rule(ctx, args)?;
    let (source, destination) = (args[1], args[2]);
    if source == destination {
        return Err(CmdError::fixed(
            "ERR TSDB: the source key and destination key should be different",
        ));
    }
    if let Some(flow) = hold_both(ctx, source, destination)? {
        return Ok(flow);
    }
    check_ends(ctx.space, source, destination)?;
    if !series_mut(ctx.space, source)?.add_rule(rule) {
        return Err(CmdError::fixed("ERR TSDB: the series has too many rules"));
    }
    series_mut(ctx.space, destination)?.source = Some(source.into());
    ctx.space.changed(Class::MODULE, "ts.createrule", source);
    ctx.space.changed(Class::MODULE, "ts.createrule", destination);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Makes sure that both ends are held, and the other ends of rules that they have.
fn hold_both(
    ctx: &mut Ctx<'_, '_>,
    source: &[u8],
    destination: &[u8],
) -> Result<Option<Flow>, CmdError> {
    if let Some(again) = hold(ctx, [source, destination])? {
        return Ok(Some(again));
    }
    hold_rules(ctx, &[source, destination])
}

/// Whether a rule may lead from one to the other. Rules are not chained.
fn check_ends(space: &mut Space<'_>, source: &[u8], destination: &[u8]) -> Result<(), CmdError> {
    const FED: CmdError = CmdError::fixed("ERR TSDB: the source key already has a source rule");
    let from = series(space, source)?;
    if from.source.is_some() {
        return Err(FED);
    }
    let full = from.rules().len() >= MAX_RULES;
    let to = series(space, destination)?;
    let text = if to.source.is_some() {
        "ERR TSDB: the destination key already has a src rule"
    } else if !to.rules().is_empty() {
        "ERR TSDB: the destination key already has a dst rule"
    } else if full {
        "ERR TSDB: the series has too many rules"
    } else {
        return Ok(());
    };
    Err(CmdError::fixed(text))
}

/// TS.DELETERULE.
pub fn delete(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    const NO_RULE: CmdError = CmdError::fixed("ERR TSDB: compaction rule does not exist");
    let [_, source, destination] = *args else { return Err(arity(ctx)) };
    if let Some(flow) = hold_both(ctx, source, destination)? {
        return Ok(flow);
    }
    if !series_mut(ctx.space, source)?.remove_rule(destination) {
        return Err(NO_RULE);
    }
    series_mut(ctx.space, destination)?.source = None;
    ctx.space.changed(Class::MODULE, "ts.deleterule", source);
    ctx.space.changed(Class::MODULE, "ts.deleterule", destination);
    ctx.reply.ok();
    Ok(Flow::Done)
}
