//! Strings that are numbers: INCR and its kin.

use super::{RW_UPDATE, STRING, WRITE_FAST};
use crate::command::{Ctx, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::int;
use crate::error::CmdError;
use crate::keyspace::{Entry, Put, Value, ValueRef};
use crate::notify::Class;
use crate::util::int::decimal_len;
use crate::util::long_double::LongDouble;
use crate::util::num;

/// What the specs of this file have in common.
pub(super) const COUNTER: Spec =
    Spec { flags: WRITE_FAST, keys: &[KeySpec::one(1, RW_UPDATE)], complexity: "O(1)", ..STRING };

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "incr",
        arity: 2,
        summary: "Adds one to the integer at a key, which counts as 0 when there is none",
        syntax: "key",
        handler: |ctx, args| add(ctx, args[1], 1),
        ..COUNTER
    },
    Spec {
        name: "decr",
        arity: 2,
        summary: "Subtracts one from the integer at a key, which counts as 0 when there is none",
        syntax: "key",
        handler: |ctx, args| add(ctx, args[1], -1),
        ..COUNTER
    },
    Spec {
        name: "incrby",
        arity: 3,
        summary: "Adds to the integer at a key, which counts as 0 when there is none",
        syntax: "key increment",
        handler: |ctx, args| add(ctx, args[1], int(args[2])?),
        ..COUNTER
    },
    Spec {
        name: "decrby",
        arity: 3,
        summary: "Subtracts from the integer at a key, which counts as 0 when there is none",
        syntax: "key decrement",
        handler: decrby,
        ..COUNTER
    },
    Spec {
        name: "incrbyfloat",
        arity: 3,
        since: "2.6.0",
        summary: "Adds to the number at a key, which counts as 0 when there is none",
        syntax: "key increment",
        handler: incrbyfloat,
        ..COUNTER
    },
];

pub(super) const OVERFLOW: CmdError = CmdError::fixed("ERR increment or decrement would overflow");
pub(super) const INFINITE: CmdError =
    CmdError::fixed("ERR increment would produce NaN or Infinity");

/// The integer that an entry's string is.
///
/// # Errors
/// When it is none, or the value is not a string.
pub(super) fn integer(entry: &Entry) -> Result<i64, CmdError> {
    match entry.value() {
        ValueRef::Int(n) => Ok(n),
        ValueRef::Bytes(bytes) => num::parse_i64(bytes).ok_or(CmdError::NOT_INT),
        ValueRef::Object(_) => Err(CmdError::WRONG_TYPE),
    }
}

fn add(ctx: &mut Ctx<'_, '_>, key: &[u8], by: i64) -> Outcome {
    let sum = match ctx.space.lookup_mut(key) {
        Some(entry) => {
            let sum = integer(entry)?.checked_add(by).ok_or(OVERFLOW)?;
            entry.set_int(sum);
            ctx.space.settle_size_at(decimal_len(sum));
            sum
        }
        None => {
            ctx.space.put(key, Value::Int(by), Put::Persist);
            by
        }
    };
    ctx.space.changed(Class::STRING, "incrby", key);
    ctx.reply.int(sum);
    Ok(Flow::Done)
}

fn decrby(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let overflow = CmdError::fixed("ERR decrement would overflow");
    let by = int(args[2])?.checked_neg().ok_or(overflow)?;
    add(ctx, args[1], by)
}

/// The number that an entry's string is.
///
/// # Errors
/// When it is none, or the value is not a string.
pub(super) fn float(entry: &Entry) -> Result<LongDouble, CmdError> {
    let number = match entry.value() {
        ValueRef::Int(n) => LongDouble::parse(itoa::Buffer::new().format(n).as_bytes()),
        ValueRef::Bytes(bytes) => LongDouble::parse(bytes),
        ValueRef::Object(_) => return Err(CmdError::WRONG_TYPE),
    };
    number.ok_or(CmdError::NOT_FLOAT)
}

fn incrbyfloat(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let present = ctx.space.lookup_mut(key).map(|entry| float(entry)).transpose()?;
    let by = LongDouble::parse(args[2]).ok_or(CmdError::NOT_FLOAT)?;
    let sum = present.unwrap_or(LongDouble::ZERO).checked_add(by);
    let sum = sum.ok_or(INFINITE)?;
    let mut text = Vec::new();
    sum.write(&mut text);
    match ctx.space.lookup_mut(key) {
        Some(entry) => {
            entry.set_bytes(&text, entry.expiry());
        }
        None => ctx.space.put_bytes(key, &text, Put::Persist),
    }
    ctx.space.changed(Class::STRING, "incrbyfloat", key);
    // Floating point may differ from machine to machine: the result is what is logged.
    ctx.space.effect(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.reply.bulk(&text);
    Ok(Flow::Done)
}
