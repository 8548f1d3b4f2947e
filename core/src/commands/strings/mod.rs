//! Strings: SET and GET and their kin.
//!
//! A string lives in its entry, as bytes or, once it was counted with, as an integer. SET stores
//! the bytes as they come and looks at nothing else; whether they are an integer is found out when
//! somebody counts or asks for the encoding.

mod counters;
mod edit;
mod get;
mod increx;
mod lcs;
mod set;
mod set_many;

pub(super) use edit::writable;

use crate::command::{Access, Acl, Flags, Spec};
use crate::error::CmdError;
use crate::keyspace::ValueRef;
use crate::reply::Reply;

/// The family's commands, a file each.
pub const SPECS: &[&[Spec]] = &[
    set::SPECS,
    get::SPECS,
    set_many::SPECS,
    edit::SPECS,
    counters::SPECS,
    increx::SPECS,
    lcs::SPECS,
];

/// What the specs of the family have in common.
const STRING: Spec = Spec { acl: Acl::STRING, group: "string", ..Spec::DEFAULT };

const WRITE: Flags = Flags::WRITE.or(Flags::DENYOOM);
const READ_FAST: Flags = Flags::READONLY.or(Flags::FAST);
const WRITE_FAST: Flags = WRITE.or(Flags::FAST);
const RW_UPDATE: Access = Access::RW.or(Access::ACCESS).or(Access::UPDATE);
const RO_ACCESS: Access = Access::RO.or(Access::ACCESS);
const OW_UPDATE: Access = Access::OW.or(Access::UPDATE);

/// Writes a value that has to be a string, or null where there is none.
#[inline]
fn write_string(reply: &mut Reply, value: Option<ValueRef<'_>>) -> Result<(), CmdError> {
    match value {
        Some(ValueRef::Bytes(bytes)) => reply.bulk(bytes),
        Some(ValueRef::Int(n)) => reply.bulk_int(n),
        Some(ValueRef::Object(_)) => return Err(CmdError::WRONG_TYPE),
        None => reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
