//! Members of sets that expire on their own, an extension of Cairn: SEXPIRE and its like.

use super::super::members::{Family, specs};
use crate::command::{Acl, Spec};
use crate::notify::Class;
use crate::types::set;

const MEMBERS: Family = Family {
    kind: &set::SET,
    class: Class::SET,
    noun: "member",
    keyword: "MEMBERS",
    expire_event: "sexpire",
    persist_event: "spersist",
    remove_event: "srem",
    expire_at: b"SPEXPIREAT",
    remove: b"SREM",
};

/// The commands of this file.
pub const SPECS: &[Spec] = specs!(
    MEMBERS,
    Spec { acl: Acl::SET, group: "set", since: "0.1.0", ..Spec::DEFAULT },
    "members of a set",
    "MEMBERS nummembers member [member ...]",
    ["sexpire", "spexpire", "sexpireat", "spexpireat"],
    ["sttl", "spttl", "sexpiretime", "spexpiretime"],
    "spersist"
);
