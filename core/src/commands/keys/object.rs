//! OBJECT: how a value is kept, and when or how often it was used.

use super::GENERIC;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::keyspace::access::{Tracking, frequency, idle_seconds};
use crate::keyspace::{Entry, ValueRef};
use crate::util::{int, num};

/// What the subcommands that name a key have in common.
const ASK: Spec = Spec {
    arity: 3,
    flags: Flags::READONLY,
    keys: &[KeySpec::one(2, Access::RO)],
    complexity: "O(1)",
    syntax: "key",
    since: "2.2.3",
    ..GENERIC
};

/// The commands of this file.
pub const SPECS: &[Spec] = &[Spec {
    name: "object",
    arity: -2,
    acl: Acl::NONE,
    since: "2.2.3",
    summary: "A container for commands about how values are kept",
    complexity: "Depends on the subcommand",
    subcommands: &[
        Spec {
            name: "encoding",
            summary: "Returns how the value at a key is kept",
            handler: |ctx, args| answer(ctx, args, write_encoding),
            ..ASK
        },
        Spec {
            name: "freq",
            since: "4.0.0",
            summary: "Returns the logarithmic counter of a key's uses",
            handler: |ctx, args| answer(ctx, args, write_frequency),
            ..ASK
        },
        Spec {
            name: "idletime",
            summary: "Returns the seconds since a key was last used",
            handler: |ctx, args| answer(ctx, args, write_idle_time),
            ..ASK
        },
        Spec {
            name: "refcount",
            summary: "Returns how often the value at a key is referred to, which is once",
            handler: |ctx, args| answer(ctx, args, |_, _, _| Ok(Answer::Int(1))),
            ..ASK
        },
        Spec {
            name: "help",
            arity: 2,
            flags: Flags::LOADING.or(Flags::STALE),
            since: "6.2.0",
            summary: "Explains the subcommands",
            complexity: "O(1)",
            handler: help,
            ..GENERIC
        },
    ],
    ..GENERIC
}];

enum Answer {
    Int(i64),
    Text(&'static str),
}

/// Answers with what `tell` says of a key's entry; null when there is no such key.
fn answer(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    tell: fn(&Entry, i64, Tracking) -> Result<Answer, CmdError>,
) -> Outcome {
    let (now, tracking) = (ctx.space.now(), ctx.engine().tuning.tracking());
    match ctx.space.peek(args[2]).map(|entry| tell(entry, now, tracking)) {
        Some(Ok(Answer::Int(n))) => ctx.reply.int(n),
        Some(Ok(Answer::Text(text))) => ctx.reply.bulk(text),
        Some(Err(error)) => return Err(error),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

/// Redis keeps strings up to this length in one allocation with their header.
const EMBEDDED_MAX: usize = 44;

fn write_encoding(entry: &Entry, _now: i64, _: Tracking) -> Result<Answer, CmdError> {
    Ok(Answer::Text(match entry.value() {
        ValueRef::Object(object) => object.encoding(),
        ValueRef::Int(_) => "int",
        ValueRef::Bytes(_) if entry.is_raw() => "raw",
        ValueRef::Bytes(bytes) if is_integer(bytes) => "int",
        ValueRef::Bytes(bytes) if bytes.len() <= EMBEDDED_MAX => "embstr",
        ValueRef::Bytes(_) => "raw",
    }))
}

fn is_integer(bytes: &[u8]) -> bool {
    bytes.len() <= int::MAX_I64_TEXT && num::parse_i64(bytes).is_some()
}

fn write_frequency(entry: &Entry, now: i64, tracking: Tracking) -> Result<Answer, CmdError> {
    match tracking {
        Tracking::Lfu { decay_minutes, .. } => {
            Ok(Answer::Int(i64::from(frequency(entry, now, decay_minutes))))
        }
        Tracking::Lru => Err(CmdError::fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        )),
    }
}

fn write_idle_time(entry: &Entry, now: i64, tracking: Tracking) -> Result<Answer, CmdError> {
    match tracking {
        Tracking::Lru => Ok(Answer::Int(idle_seconds(entry, now) as i64)),
        Tracking::Lfu { .. } => Err(CmdError::fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
             when switching between policies at runtime LRU and LFU data will take some time to \
             adjust.",
        )),
    }
}

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Return how the value of the <key> is kept.",
    "FREQ <key>",
    "    Return the access frequency index of the <key>, which grows with the",
    "    logarithm of the number of recent uses.",
    "IDLETIME <key>",
    "    Return the seconds since the <key> was last used.",
    "REFCOUNT <key>",
    "    Return how often the value of the <key> is referred to.",
    "HELP",
    "    Print this help.",
];

fn help(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(Flow::Done)
}
