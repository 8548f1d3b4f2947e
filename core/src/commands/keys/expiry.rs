//! Setting, clearing and asking for the time at which a key expires.

use super::{GENERIC, READ_FAST, WRITE_FAST};
use crate::command::{Access, Ctx, Flow, KeySpec, Mode, Outcome, Spec};
use crate::commands::options::{Condition, Unit, int, invalid_expire};
use crate::keyspace::Entry;
use crate::notify::Class;

/// What the specs of the commands that set a time have in common.
const SET: Spec = Spec {
    arity: -3,
    flags: WRITE_FAST,
    keys: &[KeySpec::one(1, Access::RW.or(Access::UPDATE))],
    complexity: "O(1)",
    ..GENERIC
};

/// What the specs of the commands that ask for it have in common.
const ASK: Spec = Spec {
    arity: 2,
    flags: READ_FAST,
    keys: &[KeySpec::one(1, Access::RO.or(Access::ACCESS))],
    complexity: "O(1)",
    syntax: "key",
    ..GENERIC
};

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "expire",
        summary: "Sets how many seconds a key has left",
        syntax: "key seconds [NX | XX | GT | LT]",
        handler: |ctx, args| expire(ctx, args, Unit::EX),
        ..SET
    },
    Spec {
        name: "pexpire",
        since: "2.6.0",
        summary: "Sets how many milliseconds a key has left",
        syntax: "key milliseconds [NX | XX | GT | LT]",
        handler: |ctx, args| expire(ctx, args, Unit::PX),
        ..SET
    },
    Spec {
        name: "expireat",
        since: "1.2.0",
        summary: "Sets the Unix time, in seconds, at which a key expires",
        syntax: "key unix-time-seconds [NX | XX | GT | LT]",
        handler: |ctx, args| expire(ctx, args, Unit::EXAT),
        ..SET
    },
    Spec {
        name: "pexpireat",
        since: "2.6.0",
        summary: "Sets the Unix time, in milliseconds, at which a key expires",
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
        handler: |ctx, args| expire(ctx, args, Unit::PXAT),
        ..SET
    },
    Spec {
        name: "persist",
        arity: 2,
        since: "2.2.0",
        summary: "Has a key expire no longer",
        syntax: "key",
        handler: persist,
        ..SET
    },
    Spec {
        name: "ttl",
        summary: "Returns how many seconds a key has left",
        handler: |ctx, args| left(ctx, args[1], Unit::EX),
        ..ASK
    },
    Spec {
        name: "pttl",
        since: "2.6.0",
        summary: "Returns how many milliseconds a key has left",
        handler: |ctx, args| left(ctx, args[1], Unit::PX),
        ..ASK
    },
    Spec {
        name: "expiretime",
        since: "7.0.0",
        summary: "Returns the Unix time, in seconds, at which a key expires",
        handler: |ctx, args| left(ctx, args[1], Unit::EXAT),
        ..ASK
    },
    Spec {
        name: "pexpiretime",
        since: "7.0.0",
        summary: "Returns the Unix time, in milliseconds, at which a key expires",
        handler: |ctx, args| left(ctx, args[1], Unit::PXAT),
        ..ASK
    },
];

fn expire(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], unit: Unit) -> Outcome {
    let key = args[1];
    let condition = Condition::parse(&args[3..])?;
    let now = ctx.space.now();
    let at = unit.moment(int(args[2])?, now);
    let at = at.ok_or_else(|| invalid_expire(&ctx.command.name))?;
    let set = match ctx.space.lookup_mut(key).map(|entry| entry.expiry()) {
        Some(present) => condition.allows(present, at),
        None => false,
    };
    if set && at <= now && ctx.mode != Mode::Replay {
        ctx.space.remove(key);
        ctx.space.changed(Class::GENERIC, "del", key);
        let name: &[u8] = if ctx.engine().tuning.lazy_expire() { b"UNLINK" } else { b"DEL" };
        ctx.space.effect(&[name, key]);
    } else if set {
        ctx.space.set_expiry(key, Some(at));
        ctx.space.changed(Class::GENERIC, "expire", key);
        ctx.space.effect(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
    }
    ctx.reply.int(i64::from(set));
    Ok(Flow::Done)
}

fn persist(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let expires = ctx.space.lookup_mut(key).is_some_and(|entry| entry.expiry().is_some());
    if expires {
        ctx.space.set_expiry(key, None);
        ctx.space.changed(Class::GENERIC, "persist", key);
    }
    ctx.reply.int(i64::from(expires));
    Ok(Flow::Done)
}

fn left(ctx: &mut Ctx<'_, '_>, key: &[u8], unit: Unit) -> Outcome {
    let now = ctx.space.now();
    let answer = match ctx.space.inspect(key).map(Entry::expiry) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let millis = if unit.absolute { at } else { at - now };
            match (unit.seconds, unit.absolute) {
                (false, _) => millis,
                (true, true) => millis / 1000,
                // A key with half a second or more left has another second.
                (true, false) => millis.saturating_add(500) / 1000,
            }
        }
    };
    ctx.reply.int(answer);
    Ok(Flow::Done)
}
