//! Transactions: many commands in one critical section.

use std::sync::atomic::Ordering;

use super::Command;
use super::ctx::{Ctx, Mode};
use super::dispatch::{aborted, add_shards, invoke, words};
use super::job::{JobEnd, run_job};
use super::spec::{Flow, Outcome, Reach};
use crate::clock;
use crate::engine::{Moment, Observed};
use crate::error::CmdError;
use crate::keyspace::{Scope, ShardSet, shard_of};
use crate::session::Session;
use crate::watch::WatchSet;

/// The shards of all queued commands and watched keys.
pub(super) fn scope(session: &Session) -> Scope {
    let mut shards = ShardSet::new();
    let Some(multi) = session.multi.as_ref().filter(|m| !m.broken) else {
        return Scope::Shards(shards);
    };
    for queued in &multi.queue {
        if queued.command.spec.reach != Reach::Keys {
            return Scope::All;
        }
        add_shards(queued.command, &words(&queued.args), &mut shards);
    }
    shards.extend(session.watch.keys.iter().map(|watched| shard_of(&watched.key)));
    Scope::Shards(shards)
}

/// Runs the queued commands.
///
/// # Errors
/// Without MULTI, or when a command could not be queued.
pub(crate) fn exec(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let Some(multi) = ctx.session.multi.take() else {
        return Err(CmdError::fixed("ERR EXEC without MULTI"));
    };
    let watch = std::mem::take(&mut ctx.session.watch);
    if multi.broken {
        return Err(CmdError::fixed("EXECABORT Transaction discarded because of previous errors."));
    }
    if watch.flag.is_raised() || has_expired(ctx, &watch) {
        ctx.reply.null_array();
        return Ok(Flow::Done);
    }
    ctx.reply.array(multi.queue.len());
    for queued in &multi.queue {
        run_inside(ctx, queued.command, &words(&queued.args));
    }
    Ok(Flow::Done)
}

/// Whether a watched key's time was over since it was watched.
fn has_expired(ctx: &mut Ctx<'_, '_>, watch: &WatchSet) -> bool {
    watch.keys.iter().any(|watched| {
        !watched.was_expired.load(Ordering::Relaxed)
            && ctx.space.within(watched.db, |space| space.is_expired(&watched.key))
    })
}

/// Runs one command within another's critical section and writes its reply.
pub fn run_inside(ctx: &mut Ctx<'_, '_>, command: &'static Command, args: &[&[u8]]) {
    let engine = ctx.engine();
    let from = ctx.reply.len();
    let start = clock::now_nanos();
    let mut failed = false;
    let mut step = None;
    let mode = if ctx.mode == Mode::Replay { Mode::Replay } else { Mode::Inside };
    loop {
        let result = invoke(ctx.space, ctx.session, command, args, ctx.reply, mode, step.take());
        match result {
            Ok(Flow::Done | Flow::Block(_)) => break,
            Ok(Flow::Again(_)) => step = ctx.session.pending.step.take(),
            Ok(Flow::Offload(job)) => match run_job(job).result {
                Ok(JobEnd::Next(next, _)) => step = Some(next),
                Ok(JobEnd::Reply(bytes)) => {
                    ctx.reply.raw(&bytes);
                    break;
                }
                Err(panic) => {
                    let error = aborted(engine, command, &panic);
                    ctx.space.worker().counters.error(error.text());
                    ctx.reply.error(error.text());
                    failed = true;
                    break;
                }
            },
            Err(error) => {
                ctx.space.worker().counters.error(error.text());
                ctx.reply.truncate(from);
                ctx.reply.error(error.text());
                failed = true;
                break;
            }
        }
        ctx.reply.set_proto(ctx.session.proto);
    }
    ctx.reply.set_proto(ctx.session.proto);
    if ctx.session.tracks
        && let Some(host) = engine.host()
    {
        host.track(ctx.session, command, args, Some(&mut ctx.space.after.events));
    }
    let nanos = clock::now_nanos().saturating_sub(start);
    let replied = ctx.reply.len().saturating_sub(from);
    let seen = Observed { command, args, nanos, replied, moment: Moment::Ran };
    engine.account(ctx.space.worker(), ctx.session, &seen, failed);
}
