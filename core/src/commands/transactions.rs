//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Reach, Spec, exec};
use crate::error::CmdError;
use crate::session::Multi;

const ALWAYS: Flags = Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::UNQUEUED);

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "multi",
        arity: 1,
        flags: ALWAYS.or(Flags::FAST),
        acl: Acl::TRANSACTION,
        group: "transactions",
        since: "1.2.0",
        summary: "Starts a transaction",
        complexity: "O(1)",
        handler: multi,
        ..Spec::DEFAULT
    },
    Spec {
        name: "exec",
        arity: 1,
        flags: ALWAYS.or(Flags::SKIP_SLOWLOG),
        acl: Acl::TRANSACTION,
        reach: Reach::Transaction,
        group: "transactions",
        since: "1.2.0",
        summary: "Runs the commands of a transaction",
        complexity: "That of the commands",
        handler: exec,
        ..Spec::DEFAULT
    },
    Spec {
        name: "discard",
        arity: 1,
        flags: ALWAYS.or(Flags::FAST),
        acl: Acl::TRANSACTION,
        group: "transactions",
        since: "2.0.0",
        summary: "Drops a transaction",
        complexity: "O(N) in the number of queued commands",
        handler: discard,
        ..Spec::DEFAULT
    },
    Spec {
        name: "watch",
        arity: -2,
        flags: ALWAYS.or(Flags::FAST),
        acl: Acl::TRANSACTION,
        keys: &[KeySpec::range(1, -1, 1, Access::RO)],
        group: "transactions",
        since: "2.2.0",
        summary: "Has the next EXEC depend on keys not being changed",
        complexity: "O(1) for every key",
        syntax: "key [key ...]",
        handler: watch,
        ..Spec::DEFAULT
    },
    Spec {
        name: "unwatch",
        arity: 1,
        flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST),
        acl: Acl::TRANSACTION,
        group: "transactions",
        since: "2.2.0",
        summary: "Forgets watched keys",
        complexity: "O(1)",
        handler: unwatch,
        ..Spec::DEFAULT
    },
];

fn multi(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    if ctx.session.multi.is_some() {
        return Err(CmdError::fixed("ERR MULTI calls can not be nested"));
    }
    ctx.session.multi = Some(Multi::default());
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn discard(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    if ctx.session.multi.take().is_none() {
        return Err(CmdError::fixed("ERR DISCARD without MULTI"));
    }
    ctx.session.watch.clear();
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn watch(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if ctx.session.multi.is_some() {
        return Err(CmdError::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    let db = ctx.session.db;
    for &key in &args[1..] {
        let known = ctx.session.watch.keys.iter().any(|w| w.db == db && *w.key == *key);
        if known {
            continue;
        }
        let watched = ctx.space.watch(&ctx.session.watch.flag, key);
        ctx.session.watch.keys.push(watched);
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn unwatch(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    ctx.session.watch.clear();
    ctx.reply.ok();
    Ok(Flow::Done)
}
