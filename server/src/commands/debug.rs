//! DEBUG, as far as it does what it says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_core::CmdError;
use cairn_core::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use cairn_core::config::table::clients;
use cairn_core::keyspace::ValueRef;
use cairn_core::util::float::parse_f64;
use cairn_core::util::glob;

use super::{client, introspection, server};

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
        summary: "Blocks its thread for some seconds",
        syntax: "seconds",
        handler: sleep,
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

fn sleep(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let seconds = parse_f64(args[2]).filter(|s| (0.0..=3600.0).contains(s));
    let seconds = seconds.ok_or(CmdError::NOT_FLOAT)?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    ctx.reply.ok();
    Ok(Flow::Done)
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
    let line = format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{} lru:{} \
         lru_seconds_idle:{idle}",
        entry.memory(),
        entry.clock()
    );
    ctx.reply.simple(&line);
    Ok(Flow::Done)
}

/// The longest string that STRINGMATCH-LEN makes, in bytes.
const MATCH_MAX: i64 = 1 << 20;

fn stringmatch(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    allowed(ctx)?;
    let length = cairn_core::util::int::parse_i64(args[2]).ok_or(CmdError::NOT_INT)?;
    let text = vec![b'a'; length.clamp(0, MATCH_MAX) as usize];
    ctx.reply.int(i64::from(glob::matches(args[3], &text)));
    Ok(Flow::Done)
}
