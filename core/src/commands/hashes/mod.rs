//! The commands on hashes: their specs, and those that concern fields one by one. Whole hashes
//! and random choices are in [`whole`], fields that expire in [`expiry`].

pub mod expiry;
#[cfg(test)]
mod expiry_tests;
pub mod import;
#[cfg(test)]
mod tests;
mod whole;

use smallvec::SmallVec;

use super::parts::{self, element};
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::notify::Class;
use crate::types::hash::Hash;
use crate::util::long_double::LongDouble;
use crate::util::num;
use crate::value::Expiring;
use whole::{hgetall, hkeys, hrandfield, hscan, hvals};

const HASH: Spec = Spec { acl: Acl::HASH, group: "hash", since: "2.0.0", ..Spec::DEFAULT };

const LOOK: &[KeySpec] = &[KeySpec::one(1, Access::RO)];
const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const UPDATE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::UPDATE))];
const INSERT: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::INSERT))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];
const CHANGE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::UPDATE))];

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "hset",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: UPDATE,
        summary: "Sets fields of a hash, adding those that are missing",
        complexity: "O(1) for each field",
        syntax: "key field value [field value ...]",
        handler: hset,
        ..HASH
    },
    Spec {
        name: "hmset",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: UPDATE,
        summary: "Sets fields of a hash",
        complexity: "O(1) for each field",
        syntax: "key field value [field value ...]",
        handler: hset,
        ..HASH
    },
    Spec {
        name: "hsetnx",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: INSERT,
        summary: "Sets a field of a hash unless it is there",
        complexity: "O(1)",
        syntax: "key field value",
        handler: hsetnx,
        ..HASH
    },
    Spec {
        name: "hget",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the value of a field of a hash",
        complexity: "O(1)",
        syntax: "key field",
        handler: hget,
        ..HASH
    },
    Spec {
        name: "hmget",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the values of several fields of a hash",
        complexity: "O(1) for each field",
        syntax: "key field [field ...]",
        handler: hmget,
        ..HASH
    },
    Spec {
        name: "hgetall",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns all fields of a hash with their values",
        complexity: "O(N) in the number of fields",
        syntax: "key",
        handler: hgetall,
        ..HASH
    },
    Spec {
        name: "hkeys",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns all fields of a hash",
        complexity: "O(N) in the number of fields",
        syntax: "key",
        handler: hkeys,
        ..HASH
    },
    Spec {
        name: "hvals",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns all values of a hash",
        complexity: "O(N) in the number of fields",
        syntax: "key",
        handler: hvals,
        ..HASH
    },
    Spec {
        name: "hlen",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Returns the number of fields of a hash",
        complexity: "O(1)",
        syntax: "key",
        handler: hlen,
        ..HASH
    },
    Spec {
        name: "hstrlen",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        since: "3.2.0",
        summary: "Returns the length of a field's value in bytes",
        complexity: "O(1)",
        syntax: "key field",
        handler: hstrlen,
        ..HASH
    },
    Spec {
        name: "hexists",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Tells whether a hash has a field",
        complexity: "O(1)",
        syntax: "key field",
        handler: hexists,
        ..HASH
    },
    Spec {
        name: "hdel",
        arity: -3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        summary: "Removes fields from a hash",
        complexity: "O(1) for each field",
        syntax: "key field [field ...]",
        handler: hdel,
        ..HASH
    },
    Spec {
        name: "hincrby",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: CHANGE,
        summary: "Adds an integer to the value of a field",
        complexity: "O(1)",
        syntax: "key field increment",
        handler: hincrby,
        ..HASH
    },
    Spec {
        name: "hincrbyfloat",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: CHANGE,
        since: "2.6.0",
        summary: "Adds a floating point number to the value of a field",
        complexity: "O(1)",
        syntax: "key field increment",
        handler: hincrbyfloat,
        ..HASH
    },
    Spec {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        since: "6.2.0",
        summary: "Returns fields of a hash chosen at random",
        complexity: "O(N) in the number of fields returned",
        syntax: "key [count [WITHVALUES]]",
        handler: hrandfield,
        ..HASH
    },
    Spec {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        since: "2.8.0",
        summary: "Walks through the fields and values of a hash in steps",
        complexity: "O(1) for every call, O(N) for all of them together",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        handler: hscan,
        ..HASH
    },
];

/// HSET and HMSET, which differ in their replies only.
fn hset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, pairs) = (args[1], &args[2..]);
    if pairs.len() % 2 != 0 {
        return Err(CmdError::arity(ctx.command.spec.name));
    }
    let limit = ctx.engine().tuning.limits.hash();
    let hash = ctx.space.object_or_insert(key, Hash::default)?;
    let added = pairs.chunks_exact(2).filter(|pair| hash.set(pair[0], pair[1], limit)).count();
    let len = hash.len();
    ctx.space.settle_size_at(len);
    ctx.space.changed(Class::HASH, "hset", key);
    ctx.space.name_elements(Class::HASH, pairs.iter().step_by(2).copied());
    ctx.space.count_as(pairs.len() / 2);
    match ctx.command.spec.name {
        "hset" => ctx.reply.count(added),
        _ => ctx.reply.ok(),
    }
    Ok(Flow::Done)
}

fn hsetnx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, field, value) = (args[1], args[2], args[3]);
    let limit = ctx.engine().tuning.limits.hash();
    let hash = ctx.space.object_or_insert(key, Hash::default)?;
    if hash.contains(field) {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    }
    hash.set(field, value, limit);
    ctx.space.changed(Class::HASH, "hset", key);
    ctx.space.name_elements(Class::HASH, std::iter::once(field));
    ctx.reply.int(1);
    Ok(Flow::Done)
}

fn hget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match ctx.space.object::<Hash>(args[1])?.and_then(|hash| hash.get(args[2])) {
        Some(value) => element(ctx.reply, value),
        None => ctx.reply.null(),
    }
    Ok(Flow::Done)
}

fn hmget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, fields) = (args[1], &args[2..]);
    let hash = ctx.space.object::<Hash>(key)?;
    ctx.reply.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => element(ctx.reply, value),
            None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

fn hlen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.space.only_hide_expired();
    let len = ctx.space.object::<Hash>(args[1])?.map_or(0, Hash::visible_len);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn hstrlen(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let value = ctx.space.object::<Hash>(args[1])?.and_then(|hash| hash.get(args[2]));
    let len = value.map_or(0, |value| value.as_bytes(&mut itoa::Buffer::new()).len());
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn hexists(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let exists = ctx.space.object::<Hash>(args[1])?.is_some_and(|hash| hash.contains(args[2]));
    ctx.reply.int(i64::from(exists));
    Ok(Flow::Done)
}

fn hdel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, fields) = (args[1], &args[2..]);
    let Some(hash) = ctx.space.object_mut::<Hash>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let gone: SmallVec<[&[u8]; 8]> =
        fields.iter().copied().filter(|field| hash.remove(field)).collect();
    let removed = gone.len();
    let len = hash.len();
    let is_empty = len == 0;
    ctx.space.settle_size_at(len);
    if removed > 0 {
        ctx.space.changed(Class::HASH, "hdel", key);
        ctx.space.name_elements(Class::HASH, gone.into_iter());
        ctx.space.count_as(removed);
        if is_empty {
            ctx.space.remove(key);
            ctx.space.notify(Class::GENERIC, "del", key);
        }
    }
    ctx.reply.count(removed);
    Ok(Flow::Done)
}

fn hincrby(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, field) = (args[1], args[2]);
    let by = parts::int(args[3])?;
    let old = match ctx.space.object_mut::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        None => 0,
        Some(value) => num::parse_i64(value.as_bytes(&mut itoa::Buffer::new()))
            .ok_or(CmdError::fixed("ERR hash value is not an integer"))?,
    };
    let sum =
        old.checked_add(by).ok_or(CmdError::fixed("ERR increment or decrement would overflow"))?;
    store(ctx, key, field, itoa::Buffer::new().format(sum).as_bytes(), "hincrby")?;
    ctx.reply.int(sum);
    Ok(Flow::Done)
}

fn hincrbyfloat(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, field) = (args[1], args[2]);
    let by = LongDouble::parse(args[3]).ok_or(CmdError::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(CmdError::fixed("ERR value is NaN or Infinity"));
    }
    let old = match ctx.space.object_mut::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        None => LongDouble::ZERO,
        Some(value) => LongDouble::parse(value.as_bytes(&mut itoa::Buffer::new()))
            .ok_or(CmdError::fixed("ERR hash value is not a float"))?,
    };
    let sum = old
        .checked_add(by)
        .ok_or(CmdError::fixed("ERR increment would produce NaN or Infinity"))?;
    let mut text = Vec::new();
    sum.write(&mut text);
    let expires = store(ctx, key, field, &text, "hincrbyfloat")?;
    // The sum itself, so that nobody who follows has to compute it in the same way.
    match expires {
        true => ctx.space.effect(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, &text]),
        false => ctx.space.effect(&[b"HSET", key, field, &text]),
    }
    ctx.reply.bulk(&text);
    Ok(Flow::Done)
}

/// Sets a field that was computed. Whether the hash has fields that expire.
fn store(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    field: &[u8],
    value: &[u8],
    event: &'static str,
) -> Result<bool, CmdError> {
    let limit = ctx.engine().tuning.limits.hash();
    let hash = ctx.space.object_or_insert(key, Hash::default)?;
    hash.update(field, value, limit);
    let expires = hash.deadlines().is_some();
    ctx.space.changed(Class::HASH, event, key);
    ctx.space.name_elements(Class::HASH, std::iter::once(field));
    Ok(expires)
}
