//! HIMPORT: hashes of the same fields, whose names are sent once.
//!
//! A fieldset, a named list of field names, belongs to the session that prepared it.

use std::collections::HashSet;

use super::HASH;
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::types::hash::Hash;

/// Most fieldsets of one session.
const FIELDSETS_MAX: usize = 1024;

const SUB: Spec = Spec { since: "8.10.0", ..HASH };

/// The commands of this file.
pub const SPECS: &[Spec] = &[Spec {
    name: "himport",
    arity: -2,
    summary: "A container for commands that import hashes of the same fields",
    complexity: "Depends on the subcommand",
    subcommands: &[
        Spec {
            name: "prepare",
            arity: -4,
            flags: Flags::DENYOOM,
            summary: "Names a list of fields for this connection",
            complexity: "O(N) in the number of fields",
            syntax: "fieldset-name field [field ...]",
            handler: prepare,
            ..SUB
        },
        Spec {
            name: "set",
            arity: -5,
            flags: Flags::WRITE.or(Flags::DENYOOM),
            keys: &[KeySpec::one(2, Access::OW.or(Access::UPDATE))],
            summary: "Makes a hash of a named list of fields and their values",
            complexity: "O(N) in the number of fields",
            syntax: "key fieldset-name value [value ...]",
            handler: set,
            ..SUB
        },
        Spec {
            name: "discard",
            arity: 3,
            summary: "Forgets a named list of fields",
            complexity: "O(1)",
            syntax: "fieldset-name",
            handler: discard,
            ..SUB
        },
        Spec {
            name: "discardall",
            arity: 2,
            summary: "Forgets all named lists of fields",
            complexity: "O(N) in the number of lists",
            handler: discard_all,
            ..SUB
        },
    ],
    ..SUB
}];

fn prepare(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (name, fields) = (args[2], &args[3..]);
    let mut seen = HashSet::with_capacity(fields.len());
    if !fields.iter().all(|field| seen.insert(field)) {
        return Err(CmdError::fixed("ERR duplicate field name in fieldset"));
    }
    let fieldsets = ctx.session.fieldsets.get_or_insert_default();
    if fieldsets.len() >= FIELDSETS_MAX && !fieldsets.contains_key(name) {
        return Err(CmdError::fixed("ERR too many fieldsets"));
    }
    fieldsets.insert(name.into(), fields.iter().map(|field| Box::from(*field)).collect());
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn set(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name, values) = (args[2], args[3], &args[4..]);
    let fieldset = ctx.session.fieldsets.as_ref().and_then(|sets| sets.get(name));
    let fields = fieldset.ok_or(CmdError::fixed("ERR no such fieldset"))?;
    if fields.len() != values.len() {
        let text = "ERR number of values does not match the number of fields in the fieldset";
        return Err(CmdError::fixed(text));
    }
    let limit = ctx.space.engine().tuning.limits.hash();
    let mut hash = Hash::default();
    let mut words: Vec<&[u8]> = vec![b"HSET", key];
    for (field, value) in fields.iter().zip(values) {
        hash.set(field, value, limit);
        words.extend([field, *value]);
    }
    if ctx.space.exists(key) {
        ctx.space.effect(&[b"DEL", key]);
    }
    ctx.space.effect(&words);
    ctx.space.put(key, Value::Object(Box::new(hash)), Put::Persist);
    ctx.space.changed(Class::HASH, "hset", key);
    ctx.space.name_elements(Class::HASH, words[2..].iter().step_by(2).copied());
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn discard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let removed = ctx.session.fieldsets.as_mut().and_then(|sets| sets.remove(args[2]));
    ctx.reply.int(i64::from(removed.is_some()));
    Ok(Flow::Done)
}

fn discard_all(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let removed = ctx.session.fieldsets.take().map_or(0, |sets| sets.len());
    ctx.reply.count(removed);
    Ok(Flow::Done)
}
