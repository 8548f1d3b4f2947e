//! SET with all its options, and the older commands that are parts of it.

use super::{OW_UPDATE, RW_UPDATE, STRING, WRITE, WRITE_FAST, write_string};
use crate::command::{Access, Ctx, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{Compare, Expiry, Unit, is, positive_moment};
use crate::error::CmdError;
use crate::keyspace::{Entry, Put};
use crate::notify::Class;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "set",
        arity: -3,
        flags: WRITE,
        keys: &[KeySpec::one(1, RW_UPDATE.or(Access::VARIABLE_FLAGS))],
        varies: Some(|words| match words.iter().skip(3).any(|word| is(word, "GET")) {
            true => RW_UPDATE,
            false => Access::OW.or(Access::UPDATE),
        }),
        summary: "Sets a key to a string, whatever it held before",
        complexity: "O(1)",
        syntax: "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | \
                 IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | \
                 EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        handler: set,
        ..STRING
    },
    Spec {
        name: "setnx",
        arity: 3,
        flags: WRITE_FAST,
        keys: &[KeySpec::one(1, Access::OW.or(Access::INSERT))],
        summary: "Sets a key to a string unless it exists",
        complexity: "O(1)",
        syntax: "key value",
        handler: setnx,
        ..STRING
    },
    Spec {
        name: "setex",
        arity: 4,
        flags: WRITE,
        keys: &[KeySpec::one(1, OW_UPDATE)],
        since: "2.0.0",
        summary: "Sets a key to a string that expires after some seconds",
        complexity: "O(1)",
        syntax: "key seconds value",
        handler: |ctx, args| set_expiring(ctx, args, Unit::EX),
        ..STRING
    },
    Spec {
        name: "psetex",
        arity: 4,
        flags: WRITE,
        keys: &[KeySpec::one(1, OW_UPDATE)],
        since: "2.6.0",
        summary: "Sets a key to a string that expires after some milliseconds",
        complexity: "O(1)",
        syntax: "key milliseconds value",
        handler: |ctx, args| set_expiring(ctx, args, Unit::PX),
        ..STRING
    },
    Spec {
        name: "getset",
        arity: 3,
        flags: WRITE_FAST,
        keys: &[KeySpec::one(1, RW_UPDATE)],
        summary: "Sets a key to a string and returns what it held before",
        complexity: "O(1)",
        syntax: "key value",
        handler: getset,
        ..STRING
    },
];

/// What has to be true of the key for SET to set it.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Always,
    Absent,
    Present,
    Value(Compare<'a>),
}

/// The options of SET.
struct Options<'a> {
    condition: Condition<'a>,
    /// Return the old value.
    get: bool,
    expiry: Expiry<'a>,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, CmdError> {
        let mut options =
            Options { condition: Condition::Always, get: false, expiry: Expiry::Unsaid };
        let mut at = 3;
        while at < args.len() {
            if options.expiry.read(args, &mut at)? {
                continue;
            }
            at += options.word(args[at], args.get(at + 1).copied())?;
        }
        Ok(options)
    }

    /// Reads one option; returns how many words it took.
    fn word(&mut self, word: &[u8], next: Option<&'a [u8]>) -> Result<usize, CmdError> {
        match () {
            () if is(word, "GET") => self.get = true,
            () if is(word, "KEEPTTL") => self.expiry.say(Expiry::Keep)?,
            () if is(word, "NX") => self.require(Condition::Absent)?,
            () if is(word, "XX") => self.require(Condition::Present)?,
            () => {
                let next = next.ok_or(CmdError::SYNTAX)?;
                let compare = Compare::of(word, next).ok_or(CmdError::SYNTAX)?;
                self.require(Condition::Value(compare))?;
                return Ok(2);
            }
        }
        Ok(1)
    }

    /// Notes a condition; only NX and XX may be said twice.
    fn require(&mut self, condition: Condition<'a>) -> Result<(), CmdError> {
        let agrees = matches!(
            (self.condition, condition),
            (Condition::Always, _)
                | (Condition::Absent, Condition::Absent)
                | (Condition::Present, Condition::Present)
        );
        self.condition = condition;
        if agrees { Ok(()) } else { Err(CmdError::SYNTAX) }
    }
}

fn set(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let &[_, key, value] = args else { return set_with_options(ctx, args) };
    ctx.space.put_bytes(key, value, Put::Persist);
    ctx.space.changed(Class::STRING, "set", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn set_with_options(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, value) = (args[1], args[2]);
    let options = Options::parse(args)?;
    let until = options.expiry.moment(ctx.space.now(), &ctx.command.name)?;
    if options.get {
        write_string(ctx.reply, ctx.space.lookup(key).map(Entry::value))?;
    }
    if !allows(ctx, key, options.condition)? {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(Flow::Done);
    }
    let put = match (until, options.expiry) {
        (Some(at), _) => Put::At(at),
        (None, Expiry::Keep) => Put::Keep,
        (None, _) => Put::Persist,
    };
    store(ctx, key, value, put);
    if !options.get {
        ctx.reply.ok();
    }
    Ok(Flow::Done)
}

fn allows(ctx: &mut Ctx<'_, '_>, key: &[u8], condition: Condition<'_>) -> Result<bool, CmdError> {
    match condition {
        Condition::Always => Ok(true),
        Condition::Absent => Ok(ctx.space.lookup_mut(key).is_none()),
        Condition::Present => Ok(ctx.space.lookup_mut(key).is_some()),
        Condition::Value(compare) => {
            compare.holds(ctx.space.lookup_mut(key).map(|entry| entry.value()))
        }
    }
}

/// Sets a key and states the effect without conditions, which were true here, and with the time
/// at which it expires, since a distance from now means something else later.
pub(super) fn store(ctx: &mut Ctx<'_, '_>, key: &[u8], value: &[u8], put: Put) {
    ctx.space.put_bytes(key, value, put);
    ctx.space.changed(Class::STRING, "set", key);
    match put {
        Put::Persist => ctx.space.effect(&[b"SET", key, value]),
        Put::Keep => ctx.space.effect(&[b"SET", key, value, b"KEEPTTL"]),
        Put::At(at) => {
            let mut digits = itoa::Buffer::new();
            let at = digits.format(at).as_bytes();
            ctx.space.effect(&[b"SET", key, value, b"PXAT", at]);
            ctx.space.notify(Class::GENERIC, "expire", key);
        }
    }
}

fn setnx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let absent = ctx.space.lookup_mut(args[1]).is_none();
    if absent {
        ctx.space.put_bytes(args[1], args[2], Put::Persist);
        ctx.space.changed(Class::STRING, "set", args[1]);
    }
    ctx.reply.int(i64::from(absent));
    Ok(Flow::Done)
}

fn set_expiring(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], unit: Unit) -> Outcome {
    let at = positive_moment(unit, args[2], ctx.space.now(), &ctx.command.name)?;
    store(ctx, args[1], args[3], Put::At(at));
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn getset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    write_string(ctx.reply, ctx.space.lookup(args[1]).map(Entry::value))?;
    store(ctx, args[1], args[2], Put::Persist);
    Ok(Flow::Done)
}
