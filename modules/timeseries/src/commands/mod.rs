//! TS.*: what clients call.
//!
//! * [`specs`]: the table of commands.
//! * [`write`] and [`create`]: samples and series; [`read`]: one series; [`many`]: series by label.
//! * [`rules`]: compactions, and how a command comes to hold the other keys of its rules.
//! * [`info`]: TS.INFO; [`load`]: what logs rebuild series with; [`output`]: replies in common.

mod create;
mod info;
mod load;
mod many;
mod output;
mod read;
mod rules;
mod specs;
mod write;

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Mode};
use cairn_core::keyspace::{Scope, ShardSet, Space, shard_of};

use crate::catalog::Catalog;
use crate::duplicate::DuplicatePolicy;
use crate::error::TsError;
use crate::module::TimeSeriesModule;
use crate::value::TimeSeries;

pub use specs::SPECS;

/// What happens to a taken timestamp where neither command nor series say.
const DEFAULT_POLICY: DuplicatePolicy = DuplicatePolicy::Block;

const NO_KEY: CmdError = CmdError::fixed("ERR TSDB: the key does not exist");
const NOT_SERIES: CmdError = CmdError::fixed("ERR TSDB: the key is not a TSDB key");

impl From<TsError> for CmdError {
    fn from(error: TsError) -> Self {
        Self::new(format!("ERR {error}"))
    }
}

/// The wrong number of arguments.
fn arity(ctx: &Ctx<'_, '_>) -> CmdError {
    CmdError::arity(ctx.command.spec.name)
}

/// The reply to an error of the engine, in this command.
fn error(ctx: &Ctx<'_, '_>, error: TsError) -> CmdError {
    match error {
        TsError::Arity => arity(ctx),
        error => error.into(),
    }
}

/// The series of a key.
fn series<'s>(space: &'s mut Space<'_>, key: &[u8]) -> Result<&'s TimeSeries, CmdError> {
    space.object::<TimeSeries>(key)?.ok_or(NO_KEY)
}

/// The series of a key, to be changed.
fn series_mut<'s>(space: &'s mut Space<'_>, key: &[u8]) -> Result<&'s mut TimeSeries, CmdError> {
    space.object_mut::<TimeSeries>(key)?.ok_or(NO_KEY)
}

/// The series of a key that may be anything, or not be held at all.
fn peek<'s>(space: &'s Space<'_>, key: &[u8]) -> Option<&'s TimeSeries> {
    if !space.held().owns(shard_of(key)) {
        return None;
    }
    space.peek_object(key).ok().flatten()
}

/// The module's index.
fn catalog(ctx: &Ctx<'_, '_>) -> Option<Arc<Catalog>> {
    ctx.engine().modules.get::<TimeSeriesModule>().map(|module| Arc::clone(&module.catalog))
}

/// Nothing when the shards of all keys are held; else what the handler has to return, to be called
/// again with them, and with those it holds.
///
/// # Errors
/// Where a command cannot have more than it holds.
fn hold<'k>(
    ctx: &Ctx<'_, '_>,
    keys: impl IntoIterator<Item = &'k [u8]>,
) -> Result<Option<Flow>, CmdError> {
    hold_shards(ctx, keys.into_iter().map(shard_of).collect(), *ctx.space.held().shards())
}

/// As [`hold`], but what is held now is let go.
///
/// # Errors
/// Where a command cannot have other keys than it holds.
fn hold_only<'k>(
    ctx: &Ctx<'_, '_>,
    keys: impl IntoIterator<Item = &'k [u8]>,
) -> Result<Option<Flow>, CmdError> {
    hold_shards(ctx, keys.into_iter().map(shard_of).collect(), ShardSet::new())
}

fn hold_shards(
    ctx: &Ctx<'_, '_>,
    mut shards: ShardSet,
    more: ShardSet,
) -> Result<Option<Flow>, CmdError> {
    const UNDECLARED: CmdError =
        CmdError::fixed("ERR TSDB: a script must declare all keys that it reaches");
    if shards.iter().all(|shard| ctx.space.held().owns(shard)) {
        return Ok(None);
    }
    if ctx.mode == Mode::Inside {
        return Err(UNDECLARED);
    }
    shards.extend(&more);
    Ok(Some(Flow::Again(Scope::Shards(shards))))
}

#[cfg(test)]
mod tests;
