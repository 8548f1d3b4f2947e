//! The table of the JSON commands. Flags and key specs are what RedisJSON 2.8 answers to COMMAND
//! INFO; arities, too, are the handlers' business there, and errors of queued commands come at EXEC.

use cairn_core::command::{Access, Acl, Flags, Handler, KeySpec, Spec};

use super::{arrays, debug, get, objects, values, write};

const ACCESS: Access = Access::RW.or(Access::ACCESS).or(Access::UPDATE);
const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const GROW: Flags = Flags::WRITE.or(Flags::DENYOOM);

const KEY: &[KeySpec] = &[KeySpec::one(1, ACCESS)];

/// What most commands have in common: one key, behind the name.
const fn spec(name: &'static str, flags: Flags, handler: Handler) -> Spec {
    Spec {
        name,
        arity: -1,
        flags,
        acl: Acl::JSON,
        keys: KEY,
        group: "json",
        since: "1.0.0",
        handler,
        ..Spec::DEFAULT
    }
}

/// Positions of the keys of JSON.MGET: all words but the name and the path. Its key spec tells
/// of the first alone, as RedisJSON's does.
fn mget_keys(args: &[&[u8]], out: &mut Vec<usize>) {
    out.extend(1..args.len().saturating_sub(1));
}

/// The commands.
pub const SPECS: &[Spec] = &[
    Spec {
        summary: "Appends values to arrays",
        complexity: "O(N) in the number of values, times the number of matches",
        syntax: "key path value [value ...]",
        ..spec("json.arrappend", GROW, arrays::append)
    },
    Spec {
        summary: "Finds the first position of a value in arrays",
        complexity: "O(N) in the length of the arrays",
        syntax: "key path value [start [stop]]",
        ..spec("json.arrindex", READ, arrays::index)
    },
    Spec {
        summary: "Inserts values into arrays before a position",
        complexity: "O(N) in the length of the arrays",
        syntax: "key path index value [value ...]",
        ..spec("json.arrinsert", GROW, arrays::insert)
    },
    Spec {
        summary: "Returns the length of arrays",
        complexity: "O(1), times the number of matches",
        syntax: "key [path]",
        ..spec("json.arrlen", READ, arrays::length)
    },
    Spec {
        summary: "Removes an item from arrays and returns it",
        complexity: "O(N) in the length of the arrays, O(1) at their end",
        syntax: "key [path [index]]",
        ..spec("json.arrpop", WRITE, arrays::pop)
    },
    Spec {
        summary: "Keeps a range of the items of arrays",
        complexity: "O(N) in the length of the arrays",
        syntax: "key path start stop",
        ..spec("json.arrtrim", WRITE, arrays::trim)
    },
    Spec {
        since: "2.0.0",
        summary: "Empties arrays and objects and sets numbers to 0",
        complexity: "O(N) in the size of the values",
        syntax: "key [path]",
        ..spec("json.clear", WRITE, write::clear)
    },
    Spec {
        keys: &[KeySpec::one(2, ACCESS)],
        summary: "Reports the memory that values take",
        complexity: "O(N) in the size of the values",
        syntax: "<MEMORY key [path] | HELP>",
        ..spec("json.debug", READ, debug::debug)
    },
    Spec {
        summary: "Deletes values, or the whole document",
        complexity: "O(N) in the size of the values",
        syntax: "key [path]",
        ..spec("json.del", WRITE, write::del)
    },
    Spec {
        summary: "Deletes values, or the whole document",
        complexity: "O(N) in the size of the values",
        syntax: "key [path]",
        ..spec("json.forget", WRITE, write::del)
    },
    Spec {
        summary: "Returns values as JSON text",
        complexity: "O(N) in the size of the values",
        syntax: "key [INDENT indent] [NEWLINE newline] [SPACE space] [path [path ...]]",
        ..spec("json.get", READ, get::get)
    },
    Spec {
        since: "2.6.0",
        summary: "Merges a value into the matching ones as RFC 7396 says",
        complexity: "O(M+N) in the size of both values",
        syntax: "key path value",
        ..spec("json.merge", GROW, write::merge)
    },
    Spec {
        find_keys: Some(mget_keys),
        summary: "Returns the values at a path in several documents",
        complexity: "O(M*N) in the number of keys and the size of the values",
        syntax: "key [key ...] path",
        ..spec("json.mget", READ, get::mget)
    },
    Spec {
        since: "2.6.0",
        keys: &[KeySpec::range(1, -1, 3, ACCESS)],
        summary: "Sets values in several documents at once",
        complexity: "O(K*(M+N)) in the number of keys and the size of old and new values",
        syntax: "key path value [key path value ...]",
        ..spec("json.mset", GROW, write::mset)
    },
    Spec {
        summary: "Adds to numbers",
        complexity: "O(1), times the number of matches",
        syntax: "key path value",
        ..spec("json.numincrby", WRITE, values::increment)
    },
    Spec {
        summary: "Multiplies numbers",
        complexity: "O(1), times the number of matches",
        syntax: "key path value",
        ..spec("json.nummultby", WRITE, values::multiply)
    },
    Spec {
        summary: "Raises numbers to a power",
        complexity: "O(1), times the number of matches",
        syntax: "key path value",
        ..spec("json.numpowby", WRITE, values::raise)
    },
    Spec {
        summary: "Returns the keys of objects",
        complexity: "O(N) in the number of keys",
        syntax: "key [path]",
        ..spec("json.objkeys", READ, objects::keys)
    },
    Spec {
        summary: "Returns the number of keys of objects",
        complexity: "O(1), times the number of matches",
        syntax: "key [path]",
        ..spec("json.objlen", READ, objects::length)
    },
    Spec {
        summary: "Returns values as types of the protocol",
        complexity: "O(N) in the size of the values",
        syntax: "key [path]",
        ..spec("json.resp", READ, objects::resp)
    },
    Spec {
        summary: "Sets values, or makes a document",
        complexity: "O(M+N) in the size of the old and new values",
        syntax: "key path value [NX | XX]",
        ..spec("json.set", GROW, write::set)
    },
    Spec {
        summary: "Appends to strings",
        complexity: "O(N) in the length of the strings",
        syntax: "key [path] value",
        ..spec("json.strappend", GROW, values::append_string)
    },
    Spec {
        summary: "Returns the length of strings",
        complexity: "O(1), times the number of matches",
        syntax: "key [path]",
        ..spec("json.strlen", READ, values::string_length)
    },
    Spec {
        since: "2.0.0",
        summary: "Inverts booleans",
        complexity: "O(1), times the number of matches",
        syntax: "key path",
        ..spec("json.toggle", GROW, values::toggle)
    },
    Spec {
        summary: "Returns the type of values",
        complexity: "O(1), times the number of matches",
        syntax: "key [path]",
        ..spec("json.type", READ, values::type_of)
    },
];
