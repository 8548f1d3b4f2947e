//! DEL, UNLINK, EXISTS, TOUCH, TYPE.

use super::{GENERIC, READ_FAST, WRITE_FAST};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::keyspace::{Entry, ValueRef};
use crate::notify::Class;

const REMOVE_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, Access::RM.or(Access::DELETE))];
const ASK_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, Access::RO)];

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "del",
        arity: -2,
        flags: Flags::WRITE,
        keys: REMOVE_ALL,
        summary: "Deletes keys",
        complexity: "O(N) in the number of keys; large values are freed in the background",
        syntax: "key [key ...]",
        handler: delete,
        ..GENERIC
    },
    Spec {
        name: "unlink",
        arity: -2,
        flags: WRITE_FAST,
        keys: REMOVE_ALL,
        since: "4.0.0",
        summary: "Deletes keys and frees their values in the background",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...]",
        handler: delete,
        ..GENERIC
    },
    Spec {
        name: "exists",
        arity: -2,
        flags: READ_FAST,
        keys: ASK_ALL,
        summary: "Counts which of the keys exist",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...]",
        handler: exists,
        ..GENERIC
    },
    Spec {
        name: "touch",
        arity: -2,
        flags: READ_FAST,
        keys: ASK_ALL,
        since: "3.2.1",
        summary: "Marks keys as used and counts which of them exist",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...]",
        handler: touch,
        ..GENERIC
    },
    Spec {
        name: "type",
        arity: 2,
        flags: READ_FAST,
        keys: &[KeySpec::one(1, Access::RO)],
        summary: "Returns the type of the value at a key",
        complexity: "O(1)",
        syntax: "key",
        handler: type_of,
        ..GENERIC
    },
];

fn delete(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let mut count = 0;
    for &key in &args[1..] {
        if ctx.space.remove(key) {
            ctx.space.changed(Class::GENERIC, "del", key);
            count += 1;
        }
    }
    ctx.reply.count(count);
    Ok(Flow::Done)
}

fn exists(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let count = args[1..].iter().filter(|key| ctx.space.inspect(key).is_some()).count();
    ctx.reply.count(count);
    Ok(Flow::Done)
}

fn touch(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let count = args[1..].iter().filter(|key| ctx.space.lookup(key).is_some()).count();
    ctx.reply.count(count);
    Ok(Flow::Done)
}

fn type_of(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let name = ctx.space.inspect(args[1]).map_or("none", type_name);
    ctx.reply.simple(name);
    Ok(Flow::Done)
}

/// What TYPE answers for an entry.
pub(super) fn type_name(entry: &Entry) -> &'static str {
    match entry.value() {
        ValueRef::Object(object) => object.kind().name,
        ValueRef::Bytes(_) | ValueRef::Int(_) => "string",
    }
}
