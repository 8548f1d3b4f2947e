//! Fields that expire on their own: HEXPIRE and its like, and the commands that set, read or
//! remove fields and their deadlines in one go.

use super::super::members::{self, Family, moment, tell_expires, tell_removed, value_mut};
use super::super::options::{Expiry, Unit, int, is};
use super::super::parts::element;
use super::{HASH, UPDATE};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Mode, Outcome, Spec};
use crate::error::CmdError;
use crate::notify::Class;
use crate::types::hash::{self, Hash};

const FIELDS: Family = Family {
    kind: &hash::HASH,
    class: Class::HASH,
    noun: "field",
    keyword: "FIELDS",
    expire_event: "hexpire",
    persist_event: "hpersist",
    remove_event: "hdel",
    expire_at: b"HPEXPIREAT",
    remove: b"HDEL",
};

/// HEXPIRE and its like.
pub const EXPIRY: &[Spec] = members::specs!(
    FIELDS,
    Spec { since: "7.4.0", ..HASH },
    "fields of a hash",
    "FIELDS numfields field [field ...]",
    ["hexpire", "hpexpire", "hexpireat", "hpexpireat"],
    ["httl", "hpttl", "hexpiretime", "hpexpiretime"],
    "hpersist"
);

const SET: Spec = Spec {
    arity: -5,
    flags: Flags::WRITE.or(Flags::FAST),
    since: "8.0.0",
    complexity: "O(1) for each field",
    ..HASH
};

/// The commands that also set, read or remove fields.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "hgetex",
        keys: &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::UPDATE))],
        summary: "Returns the values of fields of a hash and sets or clears when they expire",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
        handler: hgetex,
        ..SET
    },
    Spec {
        name: "hgetdel",
        keys: &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::DELETE))],
        summary: "Returns the values of fields of a hash and removes them",
        syntax: "key FIELDS numfields field [field ...]",
        handler: hgetdel,
        ..SET
    },
    Spec {
        name: "hsetex",
        arity: -6,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: UPDATE,
        summary: "Sets fields of a hash and when they expire",
        syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value \
                 [field value ...]",
        handler: hsetex,
        ..SET
    },
];

/// Answers with the values of fields, null for those that are not there.
fn answer_values(ctx: &mut Ctx<'_, '_>, key: &[u8], fields: &[&[u8]]) -> Result<(), CmdError> {
    let hash = ctx.space.object_mut::<Hash>(key)?;
    ctx.reply.array(fields.len());
    for field in fields {
        match hash.as_ref().and_then(|hash| hash.get(field)) {
            Some(value) => element(ctx.reply, value),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// What HGETEX does to deadlines.
enum Change {
    Nothing,
    Persist,
    Until(i64),
}

/// Reads the options of HGETEX; what follows them are the fields.
fn change<'a, 'w>(
    ctx: &Ctx<'_, '_>,
    words: &'a [&'w [u8]],
) -> Result<(Change, &'a [&'w [u8]]), CmdError> {
    if is(words[0], "PERSIST") {
        return Ok((Change::Persist, &words[1..]));
    }
    let Some(unit) = Unit::of(words[0]) else { return Ok((Change::Nothing, words)) };
    let at = moment(unit, words[1], ctx.space.now(), &ctx.command.name)?;
    Ok((Change::Until(at), &words[2..]))
}

fn hgetex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    ctx.space.object_mut::<Hash>(key)?;
    let (change, words) = change(ctx, &args[2..])?;
    let fields = members::named(words, &FIELDS)?;
    let now = ctx.space.now();
    if matches!(change, Change::Until(at) if at <= now) && ctx.mode != Mode::Replay {
        return get_and_remove(ctx, key, fields);
    }
    answer_values(ctx, key, fields)?;
    let Some(value) = value_mut(ctx.space, key, &FIELDS)? else { return Ok(Flow::Done) };
    match change {
        Change::Nothing => {}
        Change::Persist => {
            let became = members::clear(value, fields);
            if became.contains(&1) {
                ctx.space.changed(Class::HASH, "hpersist", key);
                ctx.space.name_elements(Class::HASH, members::cleared(fields, &became));
                ctx.space.count_as(members::cleared(fields, &became).count());
                let mut words: Vec<&[u8]> = vec![b"HPERSIST", key];
                words.extend_from_slice(&args[3..]);
                ctx.space.effect(&words);
            }
        }
        Change::Until(at) => {
            let those: Vec<&[u8]> =
                fields.iter().copied().filter(|field| value.has(field)).collect();
            those.iter().for_each(|field| value.set_deadline(field, at));
            tell_expires(ctx, key, &FIELDS, at, &those);
        }
    }
    Ok(Flow::Done)
}

fn hgetdel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    ctx.space.object_mut::<Hash>(key)?;
    let fields = members::named(&args[2..], &FIELDS)?;
    get_and_remove(ctx, key, fields)
}

/// Answers with the values of fields and removes them.
fn get_and_remove(ctx: &mut Ctx<'_, '_>, key: &[u8], fields: &[&[u8]]) -> Outcome {
    let Some(hash) = ctx.space.object_mut::<Hash>(key)? else {
        answer_values(ctx, key, fields)?;
        return Ok(Flow::Done);
    };
    ctx.reply.array(fields.len());
    let mut removed: Vec<&[u8]> = Vec::new();
    for field in fields {
        // A field that is named twice is there only the first time.
        match hash.get(field) {
            Some(value) => element(ctx.reply, value),
            None => ctx.reply.null(),
        }
        if hash.remove(field) {
            removed.push(field);
        }
    }
    tell_removed(ctx, key, &FIELDS, &removed);
    Ok(Flow::Done)
}

/// The arguments of HSETEX.
struct SetArgs<'a> {
    /// FNX: none of the fields may be there. FXX: all of them must be.
    there: Option<bool>,
    expiry: Expiry<'a>,
    at: Option<i64>,
    /// Fields and values in turn.
    pairs: &'a [&'a [u8]],
}

impl<'a> SetArgs<'a> {
    fn parse(ctx: &Ctx<'_, '_>, words: &'a [&'a [u8]]) -> Result<Self, CmdError> {
        let arity = || CmdError::arity(ctx.command.spec.name);
        let mut args = Self { there: None, expiry: Expiry::Unsaid, at: None, pairs: &[] };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if is(word, "FIELDS") {
                let [number, pairs @ ..] = rest.as_slice() else { return Err(arity()) };
                if pairs.len() < 2 {
                    return Err(arity());
                }
                args.pairs = pairs;
                let number = int(number).ok().and_then(|n| i32::try_from(n).ok());
                let number = number.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
                let number = number.ok_or(CmdError::fixed("ERR invalid number of fields"))?;
                return if args.pairs.len() == number * 2 { Ok(args) } else { Err(arity()) };
            }
            if is(word, "FNX") || is(word, "FXX") {
                if args.there.replace(is(word, "FXX")).is_some() {
                    let text = "ERR Only one of FXX or FNX arguments can be specified";
                    return Err(CmdError::fixed(text));
                }
                continue;
            }
            let unit = Unit::of(word);
            if unit.is_none() && !is(word, "KEEPTTL") {
                let word = CmdError::shown(word);
                return Err(CmdError::new(format!("ERR unknown argument: {word}")));
            }
            if args.expiry != Expiry::Unsaid {
                let text =
                    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
                return Err(CmdError::fixed(text));
            }
            args.expiry = Expiry::Keep;
            if let Some(unit) = unit {
                let time = rest.next().ok_or_else(arity)?;
                args.expiry = Expiry::Time(unit, time);
                args.at = Some(moment(unit, time, ctx.space.now(), &ctx.command.name)?);
            }
        }
        Err(CmdError::fixed("ERR missing FIELDS argument"))
    }

    fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.iter().step_by(2).copied()
    }

    /// Whether FNX or FXX forbids the command.
    fn is_forbidden(&self, hash: Option<&mut Hash>) -> bool {
        let has = |field: &[u8]| hash.as_ref().is_some_and(|hash| hash.contains(field));
        self.there.is_some_and(|there| self.fields().any(|field| has(field) != there))
    }
}

fn hsetex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, now) = (args[1], ctx.space.now());
    let set = SetArgs::parse(ctx, &args[2..])?;
    if set.is_forbidden(ctx.space.object_mut::<Hash>(key)?) {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    }
    let limit = ctx.engine().tuning.limits.hash();
    let hash = ctx.space.object_or_insert(key, Hash::default)?;
    for pair in set.pairs.chunks_exact(2) {
        match set.expiry {
            Expiry::Keep => hash.update(pair[0], pair[1], limit),
            _ => hash.set(pair[0], pair[1], limit),
        };
    }
    ctx.space.changed(Class::HASH, "hset", key);
    ctx.space.name_elements(Class::HASH, set.fields());
    match set.at {
        Some(at) if at <= now && ctx.mode != Mode::Replay => remove_again(ctx, key, &set)?,
        Some(at) => expire_set(ctx, key, &set, at)?,
        None => {}
    }
    ctx.space.count_as(set.pairs.len() / 2);
    ctx.reply.int(1);
    Ok(Flow::Done)
}

/// Removes fields that were set to expire in the past.
fn remove_again(ctx: &mut Ctx<'_, '_>, key: &[u8], set: &SetArgs<'_>) -> Result<(), CmdError> {
    if let Some(hash) = ctx.space.object_mut::<Hash>(key)? {
        set.fields().for_each(|field| {
            hash.remove(field);
        });
    }
    tell_removed(ctx, key, &FIELDS, &set.fields().collect::<Vec<_>>());
    Ok(())
}

/// Gives the fields that were set their deadline.
fn expire_set(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    set: &SetArgs<'_>,
    at: i64,
) -> Result<(), CmdError> {
    if let Some(value) = value_mut(ctx.space, key, &FIELDS)? {
        set.fields().for_each(|field| value.set_deadline(field, at));
    }
    ctx.space.index_members(key);
    ctx.space.changed(Class::HASH, "hexpire", key);
    ctx.space.name_elements(Class::HASH, set.fields());
    let (mut at_text, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words: Vec<&[u8]> = vec![b"HSETEX", key, b"PXAT", at_text.format(at).as_bytes()];
    words.extend([b"FIELDS", number.format(set.pairs.len() / 2).as_bytes()]);
    words.extend_from_slice(set.pairs);
    ctx.space.effect(&words);
    Ok(())
}
