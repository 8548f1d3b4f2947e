//! Members of sorted sets that expire on their own, an extension of Cairn: ZEXPIRE and its like.

use super::super::members::{Family, specs};
use crate::command::{Acl, Spec};
use crate::notify::Class;
use crate::types::zset;

const MEMBERS: Family = Family {
    kind: &zset::ZSET,
    class: Class::ZSET,
    noun: "member",
    keyword: "MEMBERS",
    expire_event: "zexpire",
    persist_event: "zpersist",
    remove_event: "zrem",
    expire_at: b"ZPEXPIREAT",
    remove: b"ZREM",
};

/// The commands of this file.
pub const SPECS: &[Spec] = specs!(
    MEMBERS,
    Spec { acl: Acl::SORTEDSET, group: "sorted-set", since: "0.1.0", ..Spec::DEFAULT },
    "members of a sorted set",
    "MEMBERS nummembers member [member ...]",
    ["zexpire", "zpexpire", "zexpireat", "zpexpireat"],
    ["zttl", "zpttl", "zexpiretime", "zpexpiretime"],
    "zpersist"
);
