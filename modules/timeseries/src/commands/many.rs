//! Queries over series by their labels: TS.MRANGE, TS.MREVRANGE, TS.MGET, TS.QUERYINDEX.
//!
//! The keys come from the label index; then their shards are held, a number of keys at a time, and
//! what is asked of each series is kept until the reply can be written. Series are looked at when
//! their turn comes: one that no longer passes the filters is left out.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::reply::Reply;

use super::output::{self, Writer};
use super::{arity, catalog, error, hold, hold_only, peek, rules};
use crate::aggregate::Aggregator;
use crate::args::{GroupArgs, MultiGetArgs, MultiRangeArgs, ShownLabels};
use crate::labels::{FilterSet, Label};
use crate::query::{RangeQuery, Rows};
use crate::reduce::reduce;
use crate::sample::Sample;
use crate::value::TimeSeries;

/// Series that are asked in one step, with all their shards held.
const SERIES_HELD: usize = 64;

/// How far a query over several series got.
struct Walk<T> {
    keys: Vec<Arc<[u8]>>,
    /// Keys before this one are done.
    next: usize,
    found: Vec<Found<T>>,
}

/// What a series answered.
struct Found<T> {
    key: Arc<[u8]>,
    labels: Arc<[Label]>,
    answer: T,
}

/// Whether a walk has ended.
enum Walked<T> {
    Yet(Flow),
    Done(Vec<Found<T>>),
}

/// Asks the series that pass the filters, in the order of their keys. Called in each step of the
/// command.
fn walk<T: Send + 'static>(
    ctx: &mut Ctx<'_, '_>,
    filters: &FilterSet,
    latest: bool,
    mut ask: impl FnMut(&TimeSeries, Option<Sample>) -> Result<T, CmdError>,
) -> Result<Walked<T>, CmdError> {
    let db = ctx.space.db();
    let step: Option<Box<Walk<T>>> = ctx.step.take().and_then(|step| step.downcast().ok());
    let mut walk = step.unwrap_or_else(|| {
        let keys = catalog(ctx).map(|c| c.query(db, filters)).unwrap_or_default();
        Box::new(Walk { keys, next: 0, found: Vec::new() })
    });
    while walk.next < walk.keys.len() {
        let end = (walk.next + SERIES_HELD).min(walk.keys.len());
        let part = walk.keys.get(walk.next..end).unwrap_or_default();
        if let Some(again) = hold_part(ctx, part, latest)? {
            ctx.step = Some(walk as Box<dyn Any + Send>);
            return Ok(Walked::Yet(again));
        }
        for key in part {
            ctx.space.lookup(key); // an expired key goes, a use is remembered
            let Some(series) = peek(ctx.space, key) else { continue };
            if !filters.accepts(series.labels()) {
                continue;
            }
            let open = if latest { rules::open_bucket(ctx.space, key, series) } else { None };
            let answer = ask(series, open)?;
            let labels = Arc::clone(series.labels());
            walk.found.push(Found { key: Arc::clone(key), labels, answer });
        }
        walk.next = end;
    }
    Ok(Walked::Done(walk.found))
}

/// Makes sure that the shards of these keys are held and no more than those, and with LATEST those
/// of their sources too.
fn hold_part(
    ctx: &mut Ctx<'_, '_>,
    part: &[Arc<[u8]>],
    latest: bool,
) -> Result<Option<Flow>, CmdError> {
    if let Some(again) = hold_only(ctx, part.iter().map(|key| &**key))? {
        return Ok(Some(again));
    }
    if !latest {
        return Ok(None);
    }
    part.iter().for_each(|key| rules::follow_renames(ctx, key));
    let sources: Vec<Box<[u8]>> =
        part.iter().filter_map(|key| peek(ctx.space, key)?.source.clone()).collect();
    if let Some(again) = hold(ctx, sources.iter().map(|key| &**key))? {
        return Ok(Some(again));
    }
    sources.iter().for_each(|key| rules::follow_renames(ctx, key));
    Ok(None)
}

/// TS.MRANGE.
pub fn range(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, false)
}

/// TS.MREVRANGE.
pub fn reverse_range(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, true)
}

fn run(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], reverse: bool) -> Outcome {
    if args.len() < 4 {
        return Err(arity(ctx));
    }
    let mut args = MultiRangeArgs::parse(&args[1..]).map_err(|e| error(ctx, e))?;
    args.range.query.reverse = reverse;
    let mut query = args.range.query.clone();
    let walked = walk(ctx, &args.filters, args.range.latest, |series, open| {
        query.latest = open;
        Ok(query.run(series.series())?)
    })?;
    match walked {
        Walked::Yet(flow) => return Ok(flow),
        Walked::Done(found) => match &args.group {
            Some(group) => write_groups(ctx.reply, &args, group, found),
            None => write_ranges(ctx.reply, &args, &found),
        },
    }
    Ok(Flow::Done)
}

/// The head of one series: its name, and `parts` parts behind it, besides `extra` in RESP3.
fn series_name(reply: &mut Reply, name: &[u8], parts: usize, extra: usize) {
    if reply.is_resp3() {
        reply.bulk(name);
        reply.array(parts + extra);
    } else {
        reply.array(parts + 1);
        reply.bulk(name);
    }
}

fn write_ranges(reply: &mut Reply, args: &MultiRangeArgs, found: &[Found<Rows>]) {
    let aggregation = args.range.query.aggregation.as_ref();
    let aggregators: &[Aggregator] = aggregation.map_or(&[], |a| &a.aggregators);
    output::pairs(reply, found.len());
    for one in found {
        series_name(reply, &one.key, 2, 1);
        output::labels(reply, &args.labels, &one.labels);
        if reply.is_resp3() {
            output::named_list(reply, "aggregators", aggregators.iter().map(|a| a.name()));
        }
        Writer::new(reply).rows(&one.answer);
    }
}

/// The series of one value of the label that groups them.
#[derive(Default)]
struct Group {
    keys: Vec<Arc<[u8]>>,
    rows: Vec<Rows>,
}

fn write_groups(reply: &mut Reply, args: &MultiRangeArgs, by: &GroupArgs, found: Vec<Found<Rows>>) {
    let mut groups: BTreeMap<Box<[u8]>, Group> = BTreeMap::new();
    for one in found {
        let value = one.labels.iter().find(|(label, _)| *label == by.label);
        let Some((_, value)) = value else { continue };
        let group = groups.entry(value.clone()).or_default();
        group.keys.push(one.key);
        group.rows.push(one.answer);
    }
    output::pairs(reply, groups.len());
    for (value, group) in &groups {
        write_group(reply, args, by, value, group);
    }
}

fn write_group(
    reply: &mut Reply,
    args: &MultiRangeArgs,
    by: &GroupArgs,
    value: &[u8],
    group: &Group,
) {
    let own = [(by.label.clone(), Box::from(value))];
    let query: &RangeQuery = &args.range.query;
    series_name(reply, &[&by.label, &b"="[..], value].concat(), 2, 2);
    if reply.is_resp3() {
        output::labels(reply, &args.labels, &own);
        output::named_list(reply, "reducers", [by.reducer.name()].into_iter());
        output::named_list(reply, "sources", group.keys.iter());
    } else if args.labels == ShownLabels::All {
        reply.array(3);
        output::label(reply, &by.label, Some(value));
        output::label(reply, b"__reducer__", Some(by.reducer.name().as_bytes()));
        output::label(reply, b"__source__", Some(&group.keys.join(&b","[..])));
    } else {
        output::labels(reply, &args.labels, &own);
    }
    let mut rows = reduce(&group.rows, by.reducer, query.reverse);
    rows.truncate(query.count.unwrap_or(usize::MAX));
    Writer::new(reply).rows(&rows);
}

/// TS.MGET.
pub fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if args.len() < 3 {
        return Err(arity(ctx));
    }
    let args = MultiGetArgs::parse(&args[1..]).map_err(|e| error(ctx, e))?;
    let walked = walk(ctx, &args.filters, args.latest, |series, open| {
        let stored = series.series().last();
        Ok(open.filter(|open| stored.is_none_or(|stored| open.ts > stored.ts)).or(stored))
    })?;
    let found = match walked {
        Walked::Yet(flow) => return Ok(flow),
        Walked::Done(found) => found,
    };
    output::pairs(ctx.reply, found.len());
    for one in found {
        series_name(ctx.reply, &one.key, 2, 0);
        output::labels(ctx.reply, &args.labels, &one.labels);
        Writer::new(ctx.reply).sample(one.answer);
    }
    Ok(Flow::Done)
}

/// TS.QUERYINDEX.
pub fn query_index(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, filters @ ..] = args else { return Err(arity(ctx)) };
    if filters.is_empty() {
        return Err(arity(ctx));
    }
    let filters = FilterSet::parse(filters).map_err(|e| error(ctx, e))?;
    match walk(ctx, &filters, false, |_, _| Ok(()))? {
        Walked::Yet(flow) => Ok(flow),
        Walked::Done(found) => {
            ctx.reply.set(found.len());
            found.iter().for_each(|one| ctx.reply.bulk(&one.key));
            Ok(Flow::Done)
        }
    }
}
