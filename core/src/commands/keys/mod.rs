//! Commands on keys of any type: removing, renaming, copying, expiring, finding and sorting them,
//! and asking what they are.

mod dump;
mod expiry;
mod flush;
mod object;
mod presence;
mod rename;
mod scan;
mod sort;

use crate::command::{Acl, Flags, Spec};

/// The family's commands, a file each.
pub const SPECS: &[&[Spec]] = &[
    presence::SPECS,
    expiry::SPECS,
    rename::SPECS,
    scan::SPECS,
    flush::SPECS,
    object::SPECS,
    sort::SPECS,
    dump::SPECS,
];

/// What the specs of the family have in common.
const GENERIC: Spec = Spec { acl: Acl::KEYSPACE, group: "generic", ..Spec::DEFAULT };

const READ_FAST: Flags = Flags::READONLY.or(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.or(Flags::FAST);

#[cfg(test)]
mod tests;
