//! Commands about whole logical databases: FLUSHDB, FLUSHALL, SWAPDB.

use super::{GENERIC, WRITE_FAST};
use crate::command::{Acl, Ctx, Flags, Flow, Mode, Outcome, Reach, Spec};
use crate::commands::connection::database;
use crate::commands::options::{int32, is};
use crate::config::table::memory;
use crate::engine::AfterFlush;
use crate::error::CmdError;
use crate::keyspace::ShardDb;

/// What the specs of the file have in common.
const DATABASE: Spec =
    Spec { acl: Acl::KEYSPACE.or(Acl::DANGEROUS), reach: Reach::All, group: "server", ..GENERIC };

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "flushdb",
        arity: -1,
        flags: Flags::WRITE,
        summary: "Removes all keys of the database",
        complexity: "O(1) for others, O(N) in the number of keys until it answers (SYNC)",
        syntax: "[ASYNC | SYNC]",
        handler: flushdb,
        ..DATABASE
    },
    Spec {
        name: "flushall",
        arity: -1,
        flags: Flags::WRITE,
        summary: "Removes all keys of all databases",
        complexity: "O(1) for others, O(N) in the number of keys until it answers (SYNC)",
        syntax: "[ASYNC | SYNC]",
        handler: flushall,
        ..DATABASE
    },
    Spec {
        name: "swapdb",
        arity: 3,
        flags: WRITE_FAST,
        since: "4.0.0",
        summary: "Swaps two logical databases",
        complexity: "O(N) in the number of clients that watch or wait for keys of either",
        syntax: "index1 index2",
        handler: swapdb,
        ..DATABASE
    },
];

fn flushdb(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let asynchronous = is_async(ctx, args)?;
    let keys = ctx.engine().db_size(ctx.session.db);
    let tables = ctx.space.flush();
    count_flushed(ctx, args, keys);
    ctx.space.invalidate_all();
    let db = ctx.session.db;
    ctx.engine().modules.iter().for_each(|module| module.flushed(Some(db)));
    drop_tables(ctx, tables, asynchronous, None)
}

fn flushall(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let asynchronous = is_async(ctx, args)?;
    let (mut keys, mut tables) = (0, Vec::new());
    for db in 0..ctx.engine().keyspace.databases() {
        keys += ctx.engine().db_size(db);
        tables.append(&mut ctx.space.within(db, |space| space.flush()));
    }
    count_flushed(ctx, args, keys);
    ctx.space.invalidate_all();
    ctx.engine().modules.iter().for_each(|module| module.flushed(None));
    let alone = ctx.mode == Mode::Client;
    let host = ctx.engine().host().filter(|_| ctx.mode != Mode::Replay);
    let then = host.and_then(|host| host.emptied(alone));
    drop_tables(ctx, tables, asynchronous, then)
}

/// Counts the keys that are gone, and logs the command even if there were none.
fn count_flushed(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], keys: usize) {
    ctx.space.count_as(keys);
    ctx.space.effect(args);
}

fn is_async(ctx: &Ctx<'_, '_>, args: &[&[u8]]) -> Result<bool, CmdError> {
    match args[1..] {
        [] => Ok(ctx.engine().config.bool(memory::LAZYFREE_LAZY_USER_FLUSH)),
        [word] if is(word, "ASYNC") => Ok(true),
        [word] if is(word, "SYNC") => Ok(false),
        _ => Err(CmdError::SYNTAX),
    }
}

/// Has the tables dropped where nobody waits for it: behind the reply, or before it. What `then`
/// says comes before the reply in any case.
fn drop_tables(
    ctx: &mut Ctx<'_, '_>,
    mut tables: Vec<ShardDb>,
    asynchronous: bool,
    then: Option<AfterFlush>,
) -> Outcome {
    if asynchronous {
        ctx.engine().freer.free_any(Box::new(std::mem::take(&mut tables)));
    }
    if !tables.is_empty() || then.is_some() {
        return Ok(Flow::offload(move || {
            drop(tables);
            if let Some(then) = then {
                then();
            }
            b"+OK\r\n".to_vec()
        }));
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn swapdb(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let first = int32(args[1]).map_err(|_| CmdError::fixed("ERR invalid first DB index"))?;
    let second = int32(args[2]).map_err(|_| CmdError::fixed("ERR invalid second DB index"))?;
    let (a, b) = (database(ctx, first)?, database(ctx, second)?);
    if a != b {
        ctx.space.swap(a, b);
        ctx.engine().modules.iter().for_each(|module| module.swapped(a, b));
    }
    ctx.space.count_change();
    ctx.space.invalidate_all();
    ctx.reply.ok();
    Ok(Flow::Done)
}
