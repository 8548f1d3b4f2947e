//! TS.CREATE and TS.ALTER, and series that commands make on their way.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::keyspace::{Put, Value};
use cairn_core::notify::Class;

use super::{arity, error, rules, series_mut};
use crate::args::SeriesArgs;
use crate::series::Options;
use crate::value::TimeSeries;

/// Reads the options behind the fixed arguments.
pub fn options(ctx: &Ctx<'_, '_>, args: &[&[u8]]) -> Result<SeriesArgs, CmdError> {
    SeriesArgs::parse(args).map_err(|e| error(ctx, e))
}

/// Makes a series under a key that does not exist.
pub fn insert(ctx: &mut Ctx<'_, '_>, key: &[u8], args: SeriesArgs) {
    let options = args.over(Options::default());
    let series = TimeSeries::new(options, args.labels.unwrap_or_default());
    // The label index has to know where each series is from the first one on.
    ctx.engine().modules.observe_keys(true);
    ctx.space.put(key, Value::Object(Box::new(series)), Put::Persist);
}

/// TS.CREATE.
pub fn create(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, rest @ ..] = args else { return Err(arity(ctx)) };
    let options = options(ctx, rest)?;
    if ctx.space.lookup_mut(key).is_some() {
        return Err(CmdError::fixed("ERR TSDB: key already exists"));
    }
    insert(ctx, key, options);
    ctx.space.changed(Class::MODULE, "ts.create", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// TS.ALTER. The encoding of a series stays.
pub fn alter(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, rest @ ..] = args else { return Err(arity(ctx)) };
    let mut args = options(ctx, rest)?;
    args.encoding = None;
    rules::follow_renames(ctx, key);
    let series = series_mut(ctx.space, key)?;
    let options = args.over(*series.series().options());
    series.set_options(options);
    if let Some(labels) = args.labels {
        series.set_labels(labels);
    }
    ctx.space.changed(Class::MODULE, "ts.alter", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}
