//! INCREX: counting within bounds and setting the expiry in the same step, as rate limiters do.

use super::counters::{COUNTER, INFINITE, OVERFLOW, float, integer};
use crate::command::{Ctx, Flow, Outcome, Spec};
use crate::commands::options::{Expiry, int, is};
use crate::error::CmdError;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::util::long_double::LongDouble;
use crate::util::num;

/// The commands of this file.
pub const SPECS: &[Spec] = &[Spec {
    name: "increx",
    arity: -2,
    since: "8.8.0",
    summary: "Adds to the number at a key within bounds, and sets the key's expiry",
    syntax: "key [BYFLOAT increment | BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] \
             [SATURATE] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
             PXAT unix-time-milliseconds | PERSIST] [ENX]",
    handler: increx,
    ..COUNTER
}];

/// The options of INCREX, numbers still being text.
struct Options<'a> {
    by: Option<&'a [u8]>,
    float: bool,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    expiry: Expiry<'a>,
    /// Set the expiry only if there is none.
    only_new: bool,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, CmdError> {
        let mut options = Options {
            by: None,
            float: false,
            lower: None,
            upper: None,
            saturate: false,
            expiry: Expiry::Unsaid,
            only_new: false,
        };
        let mut at = 2;
        while at < args.len() {
            if !options.expiry.read(args, &mut at)? {
                at += options.word(args[at], args.get(at + 1).copied())?;
            }
        }
        if options.only_new && !matches!(options.expiry, Expiry::Time(..)) {
            return Err(CmdError::SYNTAX);
        }
        Ok(options)
    }

    /// Reads one option; returns how many words it took.
    fn word(&mut self, word: &[u8], next: Option<&'a [u8]>) -> Result<usize, CmdError> {
        match () {
            () if is(word, "SATURATE") => self.saturate = true,
            () if is(word, "ENX") => self.only_new = true,
            () if is(word, "PERSIST") => self.expiry.say(Expiry::Persist)?,
            () => {
                let place = match () {
                    () if is(word, "BYINT") => &mut self.by,
                    () if is(word, "BYFLOAT") => {
                        self.float = true;
                        &mut self.by
                    }
                    () if is(word, "LBOUND") => &mut self.lower,
                    () if is(word, "UBOUND") => &mut self.upper,
                    () => return Err(CmdError::SYNTAX),
                };
                let next = next.ok_or(CmdError::SYNTAX)?;
                if place.replace(next).is_some() {
                    return Err(CmdError::SYNTAX);
                }
                return Ok(2);
            }
        }
        Ok(1)
    }
}

/// What the counting came to.
struct Counted<T> {
    value: T,
    /// What was added.
    by: T,
    /// Whether it stayed as it was, since the sum was out of bounds.
    skipped: bool,
}

const BOUNDS: CmdError = CmdError::fixed("ERR LBOUND can't be greater than UBOUND");

/// Adds to `present` within the bounds.
fn count(present: i64, options: &Options<'_>) -> Result<Counted<i64>, CmdError> {
    let by = options.by.map_or(Ok(1), int)?;
    let lower = options.lower.map_or(Ok(i64::MIN), int)?;
    let upper = options.upper.map_or(Ok(i64::MAX), int)?;
    if lower > upper {
        return Err(BOUNDS);
    }
    let sum = i128::from(present) + i128::from(by);
    let value = sum.clamp(i128::from(lower), i128::from(upper));
    if value != sum && !options.saturate {
        return Ok(Counted { value: present, by: 0, skipped: true });
    }
    // The bounds keep the value within 64 bits, but not what it takes to get there.
    let value = value as i64;
    let by = value.checked_sub(present).ok_or(OVERFLOW)?;
    Ok(Counted { value, by, skipped: false })
}

/// As [`count`], in floating point.
fn count_float(
    present: LongDouble,
    options: &Options<'_>,
) -> Result<Counted<LongDouble>, CmdError> {
    let number = |text| {
        let number = LongDouble::parse(text).filter(|number| number.is_finite());
        number.ok_or(CmdError::NOT_FLOAT)
    };
    let by = LongDouble::parse(options.by.unwrap_or(b"1")).ok_or(CmdError::NOT_FLOAT)?;
    let lower = options.lower.map(number).transpose()?;
    let upper = options.upper.map(number).transpose()?;
    if let (Some(lower), Some(upper)) = (lower, upper)
        && upper.is_less_than(lower)
    {
        return Err(BOUNDS);
    }
    let sum = present.checked_add(by).ok_or(INFINITE)?;
    let bound = upper
        .filter(|upper| upper.is_less_than(sum))
        .or(lower.filter(|lower| sum.is_less_than(*lower)));
    match bound {
        None => Ok(Counted { value: sum, by, skipped: false }),
        Some(_) if !options.saturate => {
            Ok(Counted { value: present, by: LongDouble::ZERO, skipped: true })
        }
        Some(value) => {
            let by = value.checked_add(present.negated()).ok_or(INFINITE)?;
            Ok(Counted { value, by, skipped: false })
        }
    }
}

fn increx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let options = Options::parse(args)?;
    let until = options.expiry.moment(ctx.space.now(), &ctx.command.name)?;
    if options.float {
        let present = ctx.space.lookup_mut(key).map(|entry| float(entry)).transpose()?;
        let counted = count_float(present.unwrap_or(LongDouble::ZERO), &options)?;
        let (value, by) = (text(counted.value), text(counted.by));
        if !counted.skipped {
            set(ctx, key, Value::Bytes(value.clone()), "incrbyfloat");
            expire(ctx, key, &options, until);
        }
        ctx.reply.array(2);
        write_float(ctx, &value);
        write_float(ctx, &by);
    } else {
        let present = ctx.space.lookup_mut(key).map(|entry| integer(entry)).transpose()?;
        let counted = count(present.unwrap_or(0), &options)?;
        if !counted.skipped {
            set(ctx, key, Value::Int(counted.value), "incrby");
            expire(ctx, key, &options, until);
        }
        ctx.reply.array(2);
        ctx.reply.int(counted.value);
        ctx.reply.int(counted.by);
    }
    Ok(Flow::Done)
}

fn text(number: LongDouble) -> Vec<u8> {
    let mut text = Vec::new();
    number.write(&mut text);
    text
}

/// Writes a number as a double; RESP2 has none, so that all digits can be told there.
fn write_float(ctx: &mut Ctx<'_, '_>, text: &[u8]) {
    match num::parse_f64(text) {
        Some(value) if ctx.reply.is_resp3() => ctx.reply.double(value),
        _ => ctx.reply.bulk(text),
    }
}

/// Sets the value and leaves the expiry as it is.
fn set(ctx: &mut Ctx<'_, '_>, key: &[u8], value: Value, event: &'static str) {
    match (ctx.space.lookup_mut(key), value) {
        (Some(entry), Value::Int(n)) => {
            entry.set_int(n);
        }
        (Some(entry), value) => {
            entry.set_value(value);
        }
        (None, value) => ctx.space.put(key, value, Put::Persist),
    }
    ctx.space.changed(Class::STRING, event, key);
}

/// Does to the expiry what the options say, and states what came of the command.
fn expire(ctx: &mut Ctx<'_, '_>, key: &[u8], options: &Options<'_>, until: Option<i64>) {
    let had = ctx.space.peek(key).and_then(|entry| entry.expiry());
    let until = until.filter(|_| !options.only_new || had.is_none());
    if until.is_some_and(|at| at <= ctx.space.now()) {
        ctx.space.remove(key);
        ctx.space.changed(Class::GENERIC, "del", key);
        return ctx.space.effect(&[b"DEL", key]);
    }
    if until.is_some() {
        ctx.space.set_expiry(key, until);
        ctx.space.changed(Class::GENERIC, "expire", key);
    } else if options.expiry == Expiry::Persist && had.is_some() {
        ctx.space.set_expiry(key, None);
        ctx.space.changed(Class::GENERIC, "persist", key);
    }
    let value = ctx.space.string(key).ok().flatten().map(|value| value.to_vec());
    let value = value.unwrap_or_default();
    let mut digits = itoa::Buffer::new();
    match ctx.space.peek(key).and_then(|entry| entry.expiry()) {
        Some(at) => {
            let at = digits.format(at).as_bytes();
            ctx.space.effect(&[b"SET", key, &value, b"PXAT", at]);
        }
        None => ctx.space.effect(&[b"SET", key, &value]),
    }
}
