//! Commands that return a string, some of which also remove it or change its expiry.

use super::{READ_FAST, RO_ACCESS, RW_UPDATE, STRING, write_string};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{Compare, Expiry, digest, int, is};
use crate::error::CmdError;
use crate::keyspace::{Entry, ValueRef};
use crate::notify::Class;

const TAKE_FAST: Flags = Flags::WRITE.or(Flags::FAST);

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "get",
        arity: 2,
        flags: READ_FAST,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        summary: "Returns the string at a key",
        complexity: "O(1)",
        syntax: "key",
        handler: get,
        ..STRING
    },
    Spec {
        name: "mget",
        arity: -2,
        flags: READ_FAST,
        keys: &[KeySpec::range(1, -1, 1, RO_ACCESS)],
        summary: "Returns the strings at several keys",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...]",
        handler: mget,
        ..STRING
    },
    Spec {
        name: "getdel",
        arity: 2,
        flags: TAKE_FAST,
        keys: &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::DELETE))],
        since: "6.2.0",
        summary: "Returns the string at a key and deletes the key",
        complexity: "O(1)",
        syntax: "key",
        handler: getdel,
        ..STRING
    },
    Spec {
        name: "getex",
        arity: -2,
        flags: TAKE_FAST,
        keys: &[KeySpec::one(1, RW_UPDATE)],
        since: "6.2.0",
        summary: "Returns the string at a key and sets or clears the key's expiry",
        complexity: "O(1)",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | PERSIST]",
        handler: getex,
        ..STRING
    },
    Spec {
        name: "delex",
        arity: -2,
        flags: TAKE_FAST,
        keys: &[KeySpec::one(
            1,
            Access::RW.or(Access::ACCESS).or(Access::DELETE).or(Access::VARIABLE_FLAGS),
        )],
        since: "8.4.0",
        summary: "Deletes a key if its string, or the string's digest, compares as demanded",
        complexity: "O(1) for IFEQ and IFNE; O(N) in the string's length for IFDEQ and IFDNE",
        syntax: "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | \
                 IFDNE ifdne-digest]",
        handler: delex,
        ..STRING
    },
    Spec {
        name: "digest",
        arity: 2,
        flags: READ_FAST,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "8.4.0",
        summary: "Returns the digest of the string at a key, in hexadecimal",
        complexity: "O(N) in the string's length",
        syntax: "key",
        handler: digest_of,
        ..STRING
    },
    Spec {
        name: "strlen",
        arity: 2,
        flags: READ_FAST,
        keys: &[KeySpec::one(1, Access::RO)],
        since: "2.2.0",
        summary: "Returns the length of the string at a key",
        complexity: "O(1)",
        syntax: "key",
        handler: strlen,
        ..STRING
    },
    Spec {
        name: "getrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "2.4.0",
        summary: "Returns a part of the string at a key",
        complexity: "O(N) in the length of what is returned",
        syntax: "key start end",
        handler: getrange,
        ..STRING
    },
    Spec {
        name: "substr",
        arity: 4,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        summary: "Returns a part of the string at a key; the old name of GETRANGE",
        complexity: "O(N) in the length of what is returned",
        syntax: "key start end",
        handler: getrange,
        ..STRING
    },
];

fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    write_string(ctx.reply, ctx.space.lookup(args[1]).map(Entry::value))?;
    Ok(Flow::Done)
}

fn mget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.reply.array(args.len() - 1);
    for &key in &args[1..] {
        match ctx.space.lookup(key).map(Entry::value) {
            Some(ValueRef::Bytes(bytes)) => ctx.reply.bulk(bytes),
            Some(ValueRef::Int(n)) => ctx.reply.bulk_int(n),
            Some(ValueRef::Object(_)) | None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

fn getdel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    write_string(ctx.reply, ctx.space.lookup(args[1]).map(Entry::value))?;
    delete(ctx, args[1]);
    Ok(Flow::Done)
}

/// Deletes a key, if it exists, and states so; false when it did not.
fn delete(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> bool {
    let removed = ctx.space.remove(key);
    if removed {
        ctx.space.changed(Class::GENERIC, "del", key);
        ctx.space.effect(&[b"DEL", key]);
    }
    removed
}

fn getex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let expiry = getex_expiry(args)?;
    let Some(entry) = ctx.space.lookup(key) else {
        ctx.reply.null();
        return Ok(Flow::Done);
    };
    let had_expiry = entry.expiry().is_some();
    write_string(ctx.reply, Some(entry.value()))?;
    match expiry.moment(ctx.space.now(), &ctx.command.name)? {
        Some(at) if at <= ctx.space.now() => {
            delete(ctx, key);
        }
        Some(at) => {
            ctx.space.set_expiry(key, Some(at));
            ctx.space.changed(Class::GENERIC, "expire", key);
            let mut digits = itoa::Buffer::new();
            ctx.space.effect(&[b"PEXPIREAT", key, digits.format(at).as_bytes()]);
        }
        None if expiry == Expiry::Persist && had_expiry => {
            ctx.space.set_expiry(key, None);
            ctx.space.changed(Class::GENERIC, "persist", key);
            ctx.space.effect(&[b"PERSIST", key]);
        }
        None => {}
    }
    Ok(Flow::Done)
}

fn getex_expiry<'a>(args: &[&'a [u8]]) -> Result<Expiry<'a>, CmdError> {
    let mut expiry = Expiry::Unsaid;
    let mut at = 2;
    while at < args.len() {
        if expiry.read(args, &mut at)? {
            continue;
        }
        if !is(args[at], "PERSIST") {
            return Err(CmdError::SYNTAX);
        }
        expiry.say(Expiry::Persist)?;
        at += 1;
    }
    Ok(expiry)
}

fn delex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let condition = match args[2..] {
        [] => None,
        [keyword, value] => Some(Compare::of(keyword, value).ok_or(CmdError::SYNTAX)?),
        _ => return Err(CmdError::arity(&ctx.command.name)),
    };
    let wanted = match (ctx.space.lookup_mut(key).map(|entry| entry.value()), condition) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(ValueRef::Object(_)), Some(_)) => {
            let text = "ERR Key should be of string type if conditions are specified";
            return Err(CmdError::fixed(text));
        }
        (value, Some(condition)) => condition.holds(value)?,
    };
    let removed = wanted && delete(ctx, key);
    ctx.reply.int(i64::from(removed));
    Ok(Flow::Done)
}

fn digest_of(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match ctx.space.string(args[1])? {
        Some(value) => ctx.reply.bulk(value.with(digest)),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

fn strlen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let len = ctx.space.string(args[1])?.map_or(0, |value| value.with(<[u8]>::len));
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn getrange(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (start, end) = (int(args[2])?, int(args[3])?);
    match ctx.space.string(args[1])? {
        Some(value) => value.with(|bytes| ctx.reply.bulk(part(bytes, start, end))),
        None => ctx.reply.bulk(b""),
    }
    Ok(Flow::Done)
}

/// The bytes from `start` to `end`, both included, negative ones counted from the back. An end
/// before the string means its first byte, as with Redis.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if bytes.is_empty() || (start < 0 && end < 0 && start > end) {
        return b"";
    }
    let len = bytes.len() as i64;
    let from_front = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (from_front(start), from_front(end).min(len - 1));
    if start > end { b"" } else { &bytes[start as usize..=end as usize] }
}
