//! The specs of the commands on arrays.

use super::search::{argrep, arop};
use super::*;
use crate::command::{Access, Acl, Flags, KeySpec, Spec};

const ARRAY: Spec = Spec { acl: Acl::ARRAY, group: "array", since: "8.8.0", ..Spec::DEFAULT };

const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const UPDATE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::UPDATE))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "arset",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        summary: "Sets values at consecutive indexes of an array",
        complexity: "O(N) in the number of values",
        syntax: "key index value [value ...]",
        handler: arset,
        ..ARRAY
    },
    Spec {
        name: "armset",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        summary: "Sets values at several indexes of an array",
        complexity: "O(N) in the number of values",
        syntax: "key index value [index value ...]",
        handler: armset,
        ..ARRAY
    },
    Spec {
        name: "arget",
        arity: 3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the value at an index of an array",
        complexity: "O(1)",
        syntax: "key index",
        handler: arget,
        ..ARRAY
    },
    Spec {
        name: "armget",
        arity: -3,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the values at several indexes of an array",
        complexity: "O(N) in the number of indexes",
        syntax: "key index [index ...]",
        handler: armget,
        ..ARRAY
    },
    Spec {
        name: "argetrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the values of a range of indexes, gaps included",
        complexity: "O(N) in the length of the range",
        syntax: "key start end",
        handler: argetrange,
        ..ARRAY
    },
    Spec {
        name: "ardel",
        arity: -3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: DELETE,
        summary: "Removes the values at indexes of an array",
        complexity: "O(N) in the number of indexes",
        syntax: "key index [index ...]",
        handler: ardel,
        ..ARRAY
    },
    Spec {
        name: "ardelrange",
        arity: -4,
        flags: Flags::WRITE,
        keys: DELETE,
        summary: "Removes the values of ranges of indexes",
        complexity: "O(N) in the number of values in the ranges",
        syntax: "key start end [start end ...]",
        handler: ardelrange,
        ..ARRAY
    },
    Spec {
        name: "arcount",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the number of values of an array",
        complexity: "O(1)",
        syntax: "key",
        handler: arcount,
        ..ARRAY
    },
    Spec {
        name: "arlen",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the greatest index of an array with a value, plus one",
        complexity: "O(1)",
        syntax: "key",
        handler: arlen,
        ..ARRAY
    },
    Spec {
        name: "arinsert",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
        keys: UPDATE,
        summary: "Sets values from an array's cursor on, and moves the cursor",
        complexity: "O(N) in the number of values",
        syntax: "key value [value ...]",
        handler: arinsert,
        ..ARRAY
    },
    Spec {
        name: "arring",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: UPDATE,
        summary: "Sets values from an array's cursor on, which starts over at a given size",
        complexity: "O(N) in the number of values, and of those removed when the size shrinks",
        syntax: "key size value [value ...]",
        handler: arring,
        ..ARRAY
    },
    Spec {
        name: "arnext",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: READ,
        summary: "Returns the position of an array's cursor",
        complexity: "O(1)",
        syntax: "key",
        handler: arnext,
        ..ARRAY
    },
    Spec {
        name: "arseek",
        arity: 3,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: UPDATE,
        summary: "Moves an array's cursor",
        complexity: "O(1)",
        syntax: "key index",
        handler: arseek,
        ..ARRAY
    },
    Spec {
        name: "arlastitems",
        arity: -3,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the values that were inserted last",
        complexity: "O(N) in the number of values returned",
        syntax: "key count [REV]",
        handler: arlastitems,
        ..ARRAY
    },
    Spec {
        name: "arscan",
        arity: -4,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns the values of a range with their indexes",
        complexity: "O(N) in the number of values in the range",
        syntax: "key start end [LIMIT limit]",
        handler: arscan,
        ..ARRAY
    },
    Spec {
        name: "argrep",
        arity: -6,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Finds the values of a range by their text",
        complexity: "O(N) in the number of values in the range, each time the cost of the predicates",
        syntax: "key start end <EXACT string | MATCH string | GLOB pattern | RE pattern [EXACT string | MATCH string | GLOB pattern | RE pattern ...]> [AND | OR | LIMIT limit | WITHVALUES | NOCASE [AND | OR | LIMIT limit | WITHVALUES | NOCASE ...]]",
        handler: argrep,
        ..ARRAY
    },
    Spec {
        name: "arop",
        arity: -5,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Computes a sum or the like of the values of a range",
        complexity: "O(N) in the number of values in the range",
        syntax: "key start end <SUM | MIN | MAX | AND | OR | XOR | MATCH value | USED>",
        handler: arop,
        ..ARRAY
    },
    Spec {
        name: "arinfo",
        arity: -2,
        flags: Flags::READONLY,
        keys: READ,
        summary: "Returns how an array is kept",
        complexity: "O(1), with FULL O(N) in the number of slices",
        syntax: "key [FULL]",
        handler: arinfo,
        ..ARRAY
    },
];
