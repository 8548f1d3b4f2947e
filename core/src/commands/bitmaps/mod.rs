//! Strings as arrays of bits, the first bit being the highest of the first byte.

mod count;
mod field;
mod op;

use std::slice::from_ref;
use std::sync::atomic::Ordering;

use super::options::int;
use super::strings::writable;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::notify::Class;

/// The family's commands, a file each.
pub const SPECS: &[&[Spec]] = &[BITS, count::SPECS, op::SPECS, field::SPECS];

/// What the specs of the family have in common.
const BITMAP: Spec = Spec { acl: Acl::BITMAP, group: "bitmap", ..Spec::DEFAULT };

const WRITE: Flags = Flags::WRITE.or(Flags::DENYOOM);
const RW_UPDATE: Access = Access::RW.or(Access::ACCESS).or(Access::UPDATE);
const RO_ACCESS: Access = Access::RO.or(Access::ACCESS);

const BITS: &[Spec] = &[
    Spec {
        name: "setbit",
        arity: 4,
        flags: WRITE,
        keys: &[KeySpec::one(1, RW_UPDATE)],
        since: "2.2.0",
        summary: "Sets a bit of the string at a key and returns what it was",
        complexity: "O(1)",
        syntax: "key offset value",
        handler: setbit,
        ..BITMAP
    },
    Spec {
        name: "getbit",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "2.2.0",
        summary: "Returns a bit of the string at a key",
        complexity: "O(1)",
        syntax: "key offset",
        handler: getbit,
        ..BITMAP
    },
];

const BAD_OFFSET: CmdError = CmdError::fixed("ERR bit offset is not an integer or out of range");

/// Checks the offset of a bit, which has to lie in the longest possible string.
fn check_offset(ctx: &Ctx<'_, '_>, offset: Option<i64>) -> Result<u64, CmdError> {
    let limit = ctx.engine().tuning.max_bulk_len.load(Ordering::Relaxed);
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset.filter(|offset| offset / 8 < limit).ok_or(BAD_OFFSET)
}

fn offset(ctx: &Ctx<'_, '_>, text: &[u8]) -> Result<u64, CmdError> {
    check_offset(ctx, int(text).ok())
}

/// The byte in which a bit stands, and the bit alone in it.
fn place(offset: u64) -> (usize, u8) {
    ((offset / 8) as usize, 0x80 >> (offset % 8))
}

fn setbit(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let (byte, bit) = place(offset(ctx, args[2])?);
    let on = match args[3] {
        b"0" => false,
        b"1" => true,
        _ => return Err(CmdError::fixed("ERR bit is not an integer or out of range")),
    };
    let (bytes, grew) = writable(ctx.space, key, byte + 1, from_ref(&(byte..byte + 1)))?;
    let was_on = bytes[byte] & bit != 0;
    if on {
        bytes[byte] |= bit;
    } else {
        bytes[byte] &= !bit;
    }
    if grew || on != was_on {
        ctx.space.changed(Class::STRING, "setbit", key);
    }
    ctx.reply.int(i64::from(was_on));
    Ok(Flow::Done)
}

fn getbit(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (byte, bit) = place(offset(ctx, args[2])?);
    let value = ctx.space.string(args[1])?;
    let on = value.is_some_and(|value| {
        value.with(|bytes| bytes.get(byte).is_some_and(|there| there & bit != 0))
    });
    ctx.reply.int(i64::from(on));
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests;
