//! The specs of the commands on sets.

use super::combine::{
    sdiff, sdiffcard, sdiffstore, sinter, sintercard, sinterstore, sunion, sunioncard, sunionstore,
};
use super::random::{spop, srandmember};
use super::{sadd, scard, sismember, smembers, smismember, smove, srem, sscan};
use crate::command::{Access, Acl, Flags, KeySpec, Spec};

const SET: Spec = Spec { acl: Acl::SET, group: "set", ..Spec::DEFAULT };

const LOOK: &[KeySpec] = &[KeySpec::one(1, Access::RO)];
const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const READ_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, Access::RO.or(Access::ACCESS))];
const READ_COUNTED: &[KeySpec] = &[KeySpec::counted(1, Access::RO.or(Access::ACCESS))];
const STORE: &[KeySpec] = &[
    KeySpec::one(1, Access::OW.or(Access::UPDATE)),
    KeySpec::range(2, -1, 1, Access::RO.or(Access::ACCESS)),
];
const INSERT: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::INSERT))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];
const TAKE: &[KeySpec] = &[KeySpec::one(1, TAKEN)];
const MOVE: &[KeySpec] = &[KeySpec::one(1, TAKEN), KeySpec::one(2, Access::RW.or(Access::INSERT))];
const TAKEN: Access = Access::RW.or(Access::ACCESS).or(Access::DELETE);

const STORES: Flags = Flags::WRITE.or(Flags::DENYOOM);
const COUNTS: Flags = Flags::READONLY.or(Flags::MOVABLEKEYS);

/// The commands on members of one set, or of two.
pub const MEMBERS: &[Spec] = &[
    Spec {
        name: "sadd",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: INSERT,
        summary: "Adds members to a set",
        complexity: "O(1) for each member",
        syntax: "key member [member ...]",
        handler: sadd,
        ..SET
    },
    Spec {
        name: "srem",
        arity: -3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        summary: "Removes members from a set",
        complexity: "O(1) for each member",
        syntax: "key member [member ...]",
        handler: srem,
        ..SET
    },
    Spec {
        name: "sismember",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Tells whether a set has a member",
        complexity: "O(1)",
        syntax: "key member",
        handler: sismember,
        ..SET
    },
    Spec {
        name: "smismember",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        since: "6.2.0",
        summary: "Tells which of several members a set has",
        complexity: "O(1) for each member",
        syntax: "key member [member ...]",
        handler: smismember,
        ..SET
    },
    Spec {
        name: "scard",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: LOOK,
        summary: "Returns the number of members of a set",
        complexity: "O(1)",
        syntax: "key",
        handler: scard,
        ..SET
    },
    Spec {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns all members of a set",
        complexity: "O(N) in the number of members",
        syntax: "key",
        handler: smembers,
        ..SET
    },
    Spec {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        since: "2.8.0",
        summary: "Walks through the members of a set in steps",
        complexity: "O(1) for every call, O(N) for all of them together",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        handler: sscan,
        ..SET
    },
    Spec {
        name: "smove",
        arity: 4,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: MOVE,
        summary: "Moves a member from one set to another",
        complexity: "O(1)",
        syntax: "source destination member",
        handler: smove,
        ..SET
    },
    Spec {
        name: "spop",
        arity: -2,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: TAKE,
        summary: "Removes and returns members of a set chosen at random",
        complexity: "O(N) in the number of members returned",
        syntax: "key [count]",
        handler: spop,
        ..SET
    },
    Spec {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns members of a set chosen at random",
        complexity: "O(N) in the number of members returned",
        syntax: "key [count]",
        handler: srandmember,
        ..SET
    },
];

/// The commands that combine several sets.
pub const COMBINING: &[Spec] = &[
    Spec {
        name: "sinter",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_ALL,
        summary: "Returns the members that several sets have in common",
        complexity: "O(N*M) with N members of the smallest set and M sets",
        syntax: "key [key ...]",
        handler: sinter,
        ..SET
    },
    Spec {
        name: "sinterstore",
        arity: -3,
        flags: STORES,
        keys: STORE,
        summary: "Stores the members that several sets have in common under a key",
        complexity: "O(N*M) with N members of the smallest set and M sets",
        syntax: "destination key [key ...]",
        handler: sinterstore,
        ..SET
    },
    Spec {
        name: "sintercard",
        arity: -3,
        flags: COUNTS,
        keys: READ_COUNTED,
        since: "7.0.0",
        summary: "Returns the number of members that several sets have in common",
        complexity: "O(N*M) with N members of the smallest set and M sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: sintercard,
        ..SET
    },
    Spec {
        name: "sunion",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_ALL,
        summary: "Returns the members of several sets together",
        complexity: "O(N) in the number of members of all sets",
        syntax: "key [key ...]",
        handler: sunion,
        ..SET
    },
    Spec {
        name: "sunionstore",
        arity: -3,
        flags: STORES,
        keys: STORE,
        summary: "Stores the members of several sets together under a key",
        complexity: "O(N) in the number of members of all sets",
        syntax: "destination key [key ...]",
        handler: sunionstore,
        ..SET
    },
    Spec {
        name: "sunioncard",
        arity: -3,
        flags: COUNTS,
        keys: READ_COUNTED,
        since: "8.10.0",
        summary: "Returns the number of members of several sets together",
        complexity: "O(N) in the number of members of all sets",
        syntax: "numkeys key [key ...] [APPROX] [LIMIT limit]",
        handler: sunioncard,
        ..SET
    },
    Spec {
        name: "sdiff",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ_ALL,
        summary: "Returns the members of a set that no other set has",
        complexity: "O(N) in the number of members of all sets",
        syntax: "key [key ...]",
        handler: sdiff,
        ..SET
    },
    Spec {
        name: "sdiffstore",
        arity: -3,
        flags: STORES,
        keys: STORE,
        summary: "Stores the members of a set that no other set has under a key",
        complexity: "O(N) in the number of members of all sets",
        syntax: "destination key [key ...]",
        handler: sdiffstore,
        ..SET
    },
    Spec {
        name: "sdiffcard",
        arity: -3,
        flags: COUNTS,
        keys: READ_COUNTED,
        since: "8.10.0",
        summary: "Returns the number of members of a set that no other set has",
        complexity: "O(N) in the number of members of all sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        handler: sdiffcard,
        ..SET
    },
];
