//! DEBUG: what tests need to see and to provoke.
//!
//! Settings of structures that are not here (`dict-resizing` and the like) are accepted, so that
//! test suites go on.

mod digest;
mod populate;
mod protocol;
mod reload;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_core::CmdError;
use cairn_core::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Reach, Spec};
use cairn_core::config::table::{clients, collections};
use cairn_core::ds::quicklist::{Content, Quicklist};
use cairn_core::keyspace::{Scope, ValueRef};
use cairn_core::types::list::List;
use cairn_core::util::float::parse_f64;
use cairn_core::util::glob;
use cairn_core::util::int::parse_i64;
use cairn_core::util::num;

use super::{client, introspection, server};
use crate::pause::Paused;
use crate::server::Server;
use crate::{aof, start};

const ABOUT: Spec = Spec {
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    group: "server",
    since: "1.0.0",
    complexity: "Depends on the subcommand",
    ..Spec::DEFAULT
};

/// The family's command.
pub const SPECS: &[Spec] = &[Spec {
    name: "debug",
    arity: -2,
    summary: "Helps to test the server",
    subcommands: SUBCOMMANDS,
    ..ABOUT
}];

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "sleep",
        arity: 3,
        summary: "Stops all work with keys for some seconds",
        syntax: "seconds",
        reach: Reach::All,
        handler: sleep,
        ..ABOUT
    },
    Spec {
        name: "aof-flush-sleep",
        arity: 3,
        summary: "Puts each write to the append-only file off by some microseconds",
        syntax: "microseconds",
        handler: |ctx, args| {
            allowed(ctx)?;
            let micros = num::parse_u64(args[2]).ok_or(CmdError::NOT_INT)?;
            server(ctx)?.aof.flush_sleep.store(micros.min(60_000_000), Ordering::Relaxed);
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "io-threads",
        arity: 3,
        summary: "Has connections served by so many of the I/O threads",
        syntax: "count",
        handler: |ctx, args| {
            allowed(ctx)?;
            let count = num::parse_u64(args[2]).ok_or(CmdError::NOT_INT)?;
            if server(ctx)?.gathers() {
                return Err(CmdError::fixed("ERR io-threads-adaptive is on and would undo it"));
            }
            server(ctx)?.balance.set_active(usize::try_from(count).unwrap_or(usize::MAX));
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "set-active-expire",
        arity: 3,
        summary: "Turns active expiry on or off",
        syntax: "<0 | 1>",
        handler: set_active_expire,
        ..ABOUT
    },
    Spec {
        name: "reload",
        arity: -2,
        summary: "Writes all data to disk and loads it again",
        syntax: "[NOSAVE] [NOFLUSH] [MERGE]",
        handler: reload::reload,
        ..ABOUT
    },
    Spec {
        name: "loadaof",
        arity: 2,
        summary: "Empties all databases and loads the append-only file",
        reach: Reach::All,
        handler: load_aof,
        ..ABOUT
    },
    Spec {
        name: "object",
        arity: -3,
        summary: "Describes the value of a key",
        syntax: "key",
        keys: &[KeySpec::one(2, Access::RO)],
        handler: object,
        ..ABOUT
    },
    Spec {
        name: "stringmatch-len",
        arity: 4,
        summary: "Matches a string of a's against a pattern",
        syntax: "length pattern",
        handler: stringmatch,
        ..ABOUT
    },
    Spec {
        name: "set-skip-checksum-validation",
        arity: 3,
        summary: "Has RESTORE take payloads whose checksum is wrong",
        syntax: "<0 | 1>",
        handler: |ctx, args| {
            allowed(ctx)?;
            let skips = args[2] != b"0";
            ctx.engine().tuning.skips_checksums.store(skips, Ordering::Relaxed);
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "digest",
        arity: 2,
        summary: "Answers a digest of all data",
        reach: Reach::All,
        handler: digest::dataset,
        ..ABOUT
    },
    Spec {
        name: "digest-value",
        arity: -3,
        summary: "Answers a digest of each key's value",
        syntax: "key [key ...]",
        keys: &[KeySpec::range(2, -1, 1, Access::RO)],
        handler: digest::values,
        ..ABOUT
    },
    Spec {
        name: "populate",
        arity: -3,
        summary: "Makes string keys, which are not logged",
        syntax: "count [prefix] [size]",
        reach: Reach::All,
        handler: populate::populate,
        ..ABOUT
    },
    Spec {
        name: "protocol",
        arity: 3,
        summary: "Answers a value of a type of the protocol",
        syntax: "<string | integer | double | bignum | null | array | set | map | attrib | push | \
                 verbatim | true | false>",
        handler: protocol::protocol,
        ..ABOUT
    },
    Spec {
        name: "error",
        arity: 3,
        summary: "Answers an error",
        syntax: "message",
        handler: |ctx, args| {
            allowed(ctx)?;
            Err(CmdError::new(super::text(args[2])))
        },
        ..ABOUT
    },
    Spec {
        name: "log",
        arity: 3,
        summary: "Writes a line to the log",
        syntax: "message",
        handler: |ctx, args| {
            allowed(ctx)?;
            server(ctx)?.log.warning(&format!("DEBUG LOG: {}", super::text(args[2])));
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "htstats",
        arity: -3,
        summary: "Tells about the tables of a database",
        syntax: "dbid [full]",
        handler: table_stats,
        ..ABOUT
    },
    Spec {
        name: "listpack",
        arity: 3,
        summary: "Tells about a value of one compact allocation",
        syntax: "key",
        keys: &[KeySpec::one(2, Access::RO)],
        handler: |ctx, args| described(ctx, args, &["listpack", "listpackex"], "listpack"),
        ..ABOUT
    },
    Spec {
        name: "quicklist",
        arity: -3,
        summary: "Tells about a list",
        syntax: "key [0 | 1]",
        keys: &[KeySpec::one(2, Access::RO)],
        handler: |ctx, args| described(ctx, args, &["quicklist"], "quicklist"),
        ..ABOUT
    },
    Spec {
        name: "change-repl-id",
        arity: 2,
        summary: "Accepted: nothing is replicated yet",
        handler: accept,
        ..ABOUT
    },
    Spec {
        name: "quicklist-packed-threshold",
        arity: 3,
        summary: "Accepted: which elements stand alone follows from list-max-listpack-size",
        syntax: "size",
        handler: accept,
        ..ABOUT
    },
    Spec {
        name: "replybuffer",
        arity: -4,
        summary: "Accepted: reply buffers are lent for as long as they are needed",
        syntax: "<PEAK-RESET-TIME time | RESIZING 0 | RESIZING 1>",
        handler: accept,
        ..ABOUT
    },
    Spec {
        name: "dict-resizing",
        arity: 3,
        summary: "Accepted: tables always grow in bounded steps",
        syntax: "<0 | 1>",
        handler: accept,
        ..ABOUT
    },
    Spec {
        name: "pause-cron",
        arity: 3,
        summary: "Stops regular work, or lets it go on",
        syntax: "<0 | 1>",
        handler: |ctx, args| {
            allowed(ctx)?;
            server(ctx)?.cron_paused.store(args[2] != b"0", Ordering::Relaxed);
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "panic",
        arity: 2,
        summary: "Panics, to show that the server goes on",
        handler: |ctx, _| {
            allowed(ctx)?;
            panic!("DEBUG PANIC was called")
        },
        ..ABOUT
    },
    Spec {
        name: "segfault",
        arity: 2,
        summary: "Crashes the server, to show its report",
        handler: |ctx, _| {
            allowed(ctx)?;
            crate::crash::crash();
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "pool",
        arity: -3,
        summary: "Has the query pool sleep or panic",
        syntax: "<PANIC | SLEEP seconds>",
        handler: pool,
        ..ABOUT
    },
    Spec {
        name: "help",
        arity: 2,
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "DEBUG", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

/// DEBUG is off unless `enable-debug-command` says otherwise.
fn allowed(ctx: &Ctx<'_, '_>) -> Result<(), CmdError> {
    let allowed = match ctx.engine().config.int(clients::ENABLE_DEBUG_COMMAND) {
        clients::EVERYBODY => true,
        clients::LOCAL_ONLY => client(ctx)?.is_local(),
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(CmdError::fixed(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.",
    ))
}

fn accept(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Runs `work` while no command runs: all wait until it is done. Blocks.
fn alone<R>(server: &Server, work: impl FnOnce() -> R) -> R {
    let engine = &server.engine;
    let worker = engine.worker();
    // With all shards held, so that no command is under way.
    engine.hold_and(&worker, &Scope::All, |_| server.pause.begin(Paused::All, i64::MAX));
    engine.retire(worker);
    let result = work();
    server.pause.end();
    result
}

fn load_aof(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let server = Arc::clone(server(ctx)?);
    Ok(Flow::offload(move || {
        match alone(&server, || aof::reload(&server, &start::load_rdb(&server))) {
            Ok(()) => {
                server.log.warning("Append Only File loaded by DEBUG LOADAOF");
                b"+OK\r\n".to_vec()
            }
            Err(error) => {
                server.log.warning(&error);
                b"-ERR Error trying to load the AOF files, check server logs.\r\n".to_vec()
            }
        }
    }))
}

fn table_stats(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let engine = ctx.engine();
    let db = parse_i64(args[2]).and_then(|db| usize::try_from(db).ok());
    let db = db.filter(|db| *db < engine.keyspace.databases());
    let db = db.ok_or(CmdError::fixed("ERR Out of range database"))?;
    let (keys, volatile) = (engine.db_size(db), engine.db_volatile(db));
    let text = format!(
        "[Dictionary HT]\nnumber of elements: {keys}\n[Expires HT]\nnumber of elements: {volatile}\n"
    );
    ctx.reply.verbatim("txt", text);
    Ok(Flow::Done)
}

/// Describes a value of one of these encodings.
fn described(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], encodings: &[&str], name: &str) -> Outcome {
    allowed(ctx)?;
    let Some(entry) = ctx.space.peek(args[2]) else { return Err(CmdError::NO_KEY) };
    let object = match entry.value() {
        ValueRef::Object(object) if encodings.contains(&object.encoding()) => object,
        _ => return Err(CmdError::new(format!("ERR Not a {name} encoded object."))),
    };
    let line = format!("encoding:{} memory:{}", object.encoding(), object.memory());
    ctx.reply.simple(&line);
    Ok(Flow::Done)
}

fn sleep(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    std::thread::sleep(duration(args[2])?);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// A duration in seconds, of an hour at most.
fn duration(word: &[u8]) -> Result<Duration, CmdError> {
    let seconds = parse_f64(word).filter(|s| (0.0..=3600.0).contains(s));
    seconds.map(Duration::from_secs_f64).ok_or(CmdError::NOT_FLOAT)
}

fn pool(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    match args[2..] {
        [word] if word.eq_ignore_ascii_case(b"panic") => {
            Ok(Flow::offload(|| panic!("DEBUG POOL PANIC was called")))
        }
        [word, seconds] if word.eq_ignore_ascii_case(b"sleep") => {
            let time = duration(seconds)?;
            Ok(Flow::offload(move || {
                std::thread::sleep(time);
                b"+OK\r\n".to_vec()
            }))
        }
        _ => Err(CmdError::SYNTAX),
    }
}

fn set_active_expire(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    server(ctx)?.expires_actively.store(args[2] != b"0", Ordering::Relaxed);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn object(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let now = ctx.space.now();
    let Some(entry) = ctx.space.peek(args[2]) else { return Err(CmdError::NO_KEY) };
    let encoding = match entry.value() {
        ValueRef::Int(_) => "int",
        ValueRef::Bytes(b) if b.len() <= 44 && !entry.is_raw() => "embstr",
        ValueRef::Bytes(_) => "raw",
        ValueRef::Object(object) => object.encoding(),
    };
    let idle = cairn_core::keyspace::access::idle_seconds(entry, now);
    let nodes = match entry.value() {
        ValueRef::Object(object) => object.downcast_ref::<List>().and_then(List::as_quicklist),
        _ => None,
    };
    let line = format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{} lru:{} \
         lru_seconds_idle:{idle}{}",
        entry.memory(),
        entry.clock(),
        nodes.map_or_else(String::new, |nodes| describe_nodes(nodes, ctx)),
    );
    ctx.reply.simple(&line);
    Ok(Flow::Done)
}

/// What DEBUG OBJECT says of a long list. No node is ever compressed.
fn describe_nodes(nodes: &Quicklist, ctx: &Ctx<'_, '_>) -> String {
    let (mut count, mut bytes) = (0, 0);
    for content in nodes.contents() {
        count += 1;
        bytes += match content {
            Content::Packed(pack) => pack.as_bytes().len(),
            Content::Plain(element) => element.len(),
        };
    }
    let average = nodes.len() as f64 / f64::max(1.0, f64::from(count));
    let most = ctx.engine().config.int(collections::LIST_MAX_LISTPACK_SIZE);
    format!(
        " ql_nodes:{count} ql_avg_node:{average:.2} ql_listpack_max:{most} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}

/// The longest string that STRINGMATCH-LEN makes, in bytes.
const MATCH_MAX: i64 = 1 << 20;

fn stringmatch(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let length = parse_i64(args[2]).ok_or(CmdError::NOT_INT)?;
    let text = vec![b'a'; length.clamp(0, MATCH_MAX) as usize];
    ctx.reply.int(i64::from(glob::matches(args[3], &text)));
    Ok(Flow::Done)
}
