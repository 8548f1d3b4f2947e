//! The commands on HyperLogLogs, which are strings: see [`crate::types::hyperloglog`]. Those for
//! debugging are in [`debug`].

mod debug;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::slice::from_ref;

use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::keyspace::{Put, Space, Value, ValueRef};
use crate::notify::Class;
use crate::types::hyperloglog::{self as hll, Encoding, Invalid, Registers, View};
use debug::{pfdebug, pfselftest};

const HYPERLOGLOG: Spec =
    Spec { acl: Acl::HYPERLOGLOG, group: "hyperloglog", since: "2.8.9", ..Spec::DEFAULT };

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "pfadd",
        arity: -2,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: &[KeySpec::one(1, Access::RW.or(Access::INSERT))],
        summary: "Adds elements to a HyperLogLog",
        complexity: "O(1) for each element",
        syntax: "key [element [element ...]]",
        handler: pfadd,
        ..HYPERLOGLOG
    },
    Spec {
        name: "pfcount",
        arity: -2,
        flags: Flags::READONLY,
        keys: &[KeySpec::range(1, -1, 1, Access::RW.or(Access::ACCESS))],
        summary: "Estimates how many different elements were added to HyperLogLogs",
        complexity: "O(1) for one key, O(N) for N keys, with a large constant",
        syntax: "key [key ...]",
        handler: pfcount,
        ..HYPERLOGLOG
    },
    Spec {
        name: "pfmerge",
        arity: -2,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: &[
            KeySpec::one(1, Access::RW.or(Access::ACCESS.or(Access::INSERT))),
            KeySpec::range(2, -1, 1, Access::RO.or(Access::ACCESS)),
        ],
        summary: "Merges HyperLogLogs into one",
        complexity: "O(N) in the number of keys, with a large constant",
        syntax: "destkey [sourcekey [sourcekey ...]]",
        handler: pfmerge,
        ..HYPERLOGLOG
    },
    Spec {
        name: "pfdebug",
        arity: 3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::ADMIN)),
        keys: &[KeySpec::one(2, Access::RW.or(Access::ACCESS))],
        summary: "Looks into a HyperLogLog",
        complexity: "O(1), with a large constant",
        syntax: "subcommand key",
        handler: pfdebug,
        ..HYPERLOGLOG
    },
    Spec {
        name: "pfselftest",
        arity: 1,
        flags: Flags::ADMIN,
        summary: "Tests the implementation of HyperLogLogs",
        complexity: "O(1), with a large constant",
        handler: pfselftest,
        ..HYPERLOGLOG
    },
];

impl From<Invalid> for CmdError {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Foreign => {
                CmdError::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.")
            }
            Invalid::Corrupted => CmdError::fixed("INVALIDOBJ Corrupted HLL object detected"),
        }
    }
}

/// The HyperLogLog in a value.
fn view(value: ValueRef<'_>) -> Result<View<'_>, CmdError> {
    match value {
        ValueRef::Bytes(bytes) => Ok(View::of(bytes)?),
        ValueRef::Int(_) => Err(Invalid::Foreign.into()),
        ValueRef::Object(_) => Err(CmdError::WRONG_TYPE),
    }
}

/// The bytes of a string that are about to change: its registers may be anywhere.
const ALL: Range<usize> = 0..usize::MAX;

/// The HyperLogLog at a key, for reading.
fn look<'s>(space: &'s mut Space<'_>, key: &[u8]) -> Result<Option<View<'s>>, CmdError> {
    space.lookup(key).map(|entry| view(entry.value())).transpose()
}

/// Changes the HyperLogLog at a key, which is made if it is missing, by way of a copy: only when
/// `edit` says that it changed it, the copy takes its place. `edit` has the cached count forgotten if
/// the count is another then. Returns how many changes that are, making the key being one.
fn edit(
    space: &mut Space<'_>,
    key: &[u8],
    edit: impl FnOnce(&mut Vec<u8>) -> Result<usize, CmdError>,
) -> Result<usize, CmdError> {
    let Some(entry) = space.lookup_mut(key) else {
        let mut bytes = hll::empty();
        let changes = edit(&mut bytes)?;
        hll::forget_count(&mut bytes);
        space.put(key, Value::Bytes(bytes), Put::Persist);
        if let Some(entry) = space.lookup_mut(key) {
            entry.mark_raw();
        }
        return Ok(changes + 1);
    };
    let value = entry.value();
    view(value)?;
    let mut bytes = if let ValueRef::Bytes(bytes) = value { bytes.to_vec() } else { Vec::new() };
    let changes = edit(&mut bytes)?;
    if changes > 0
        && let Some(buffer) = entry.buffer_mut(0)
    {
        *buffer = bytes;
        entry.settle();
    }
    Ok(changes)
}

fn pfadd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, elements) = (args[1], &args[2..]);
    let changes = match add_to_dense(ctx.space, key, elements)? {
        Some(changes) => changes,
        None => {
            let sparse_max = ctx.engine().tuning.limits.hll_sparse();
            edit(ctx.space, key, |bytes| add_all(bytes, elements, sparse_max))?
        }
    };
    if changes > 0 {
        ctx.space.changed(Class::STRING, "pfadd", key);
        ctx.space.count_as(changes);
    }
    ctx.reply.int(i64::from(changes > 0));
    Ok(Flow::Done)
}

/// Adds elements in place, if the key is a dense HyperLogLog; how many of them changed it.
fn add_to_dense(
    space: &mut Space<'_>,
    key: &[u8],
    elements: &[&[u8]],
) -> Result<Option<usize>, CmdError> {
    let Some(entry) = space.lookup_mut(key) else { return Ok(None) };
    if view(entry.value())?.encoding() == Encoding::Sparse {
        return Ok(None);
    }
    let Some(bytes) = entry.bytes_mut(from_ref(&ALL)) else { return Ok(None) };
    let changes = elements.iter().filter(|element| hll::add_dense(bytes, element)).count();
    if changes > 0 {
        hll::forget_count(bytes);
    }
    Ok(Some(changes))
}

fn add_all(bytes: &mut Vec<u8>, elements: &[&[u8]], sparse_max: usize) -> Result<usize, CmdError> {
    let mut changes = 0;
    for element in elements {
        changes += usize::from(hll::add(bytes, element, sparse_max)?);
    }
    if changes > 0 {
        hll::forget_count(bytes);
    }
    Ok(changes)
}

fn pfcount(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let keys = &args[1..];
    let count = match keys {
        [key] => count_one(ctx.space, key)?,
        _ => {
            let mut registers = Registers::new();
            for key in keys {
                if let Some(view) = look(ctx.space, key)? {
                    view.merge_into(&mut registers)?;
                }
            }
            registers.count()
        }
    };
    ctx.reply.int(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(Flow::Done)
}

/// The count of one key, which is kept in its header until something is added.
fn count_one(space: &mut Space<'_>, key: &[u8]) -> Result<u64, CmdError> {
    let Some(view) = look(space, key)? else { return Ok(0) };
    if let Some(count) = view.cached_count() {
        return Ok(count);
    }
    let count = view.count()?;
    if let Some(bytes) = space.lookup_mut(key).and_then(|entry| entry.bytes_mut(from_ref(&ALL))) {
        hll::cache_count(bytes, count);
        space.count_change();
        space.touch(key);
    }
    Ok(count)
}

fn pfmerge(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let destination = args[1];
    let mut registers = Registers::new();
    let mut any_dense = false;
    for key in &args[1..] {
        if let Some(view) = look(ctx.space, key)? {
            any_dense |= view.encoding() == Encoding::Dense;
            view.merge_into(&mut registers)?;
        }
    }
    let sparse_max = ctx.engine().tuning.limits.hll_sparse();
    edit(ctx.space, destination, |bytes| {
        if any_dense {
            hll::make_dense(bytes)?;
        }
        registers.merge_into(bytes, sparse_max)?;
        hll::forget_count(bytes);
        Ok(1)
    })?;
    ctx.space.changed(Class::STRING, "pfadd", destination);
    ctx.reply.ok();
    Ok(Flow::Done)
}
