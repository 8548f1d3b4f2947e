//! RENAME, RENAMENX, COPY, MOVE: values that come under another key or into another database.

use super::{GENERIC, WRITE_FAST};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::connection::database;
use crate::commands::options::{int32, is};
use crate::error::CmdError;
use crate::keyspace::{Entry, Put, Space, Value, ValueRef};
use crate::notify::Class;
use crate::value::Kind;

const FROM: KeySpec = KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::DELETE));

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "rename",
        arity: 3,
        flags: Flags::WRITE,
        keys: &[FROM, KeySpec::one(2, Access::OW.or(Access::UPDATE))],
        summary: "Gives a key another name, in place of the key that had it",
        complexity: "O(1)",
        syntax: "key newkey",
        handler: |ctx, args| rename(ctx, args, true),
        ..GENERIC
    },
    Spec {
        name: "renamenx",
        arity: 3,
        flags: WRITE_FAST,
        keys: &[FROM, KeySpec::one(2, Access::OW.or(Access::INSERT))],
        summary: "Gives a key another name, unless a key has it",
        complexity: "O(1)",
        syntax: "key newkey",
        handler: |ctx, args| rename(ctx, args, false),
        ..GENERIC
    },
    Spec {
        name: "copy",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: &[
            KeySpec::one(1, Access::RO.or(Access::ACCESS)),
            KeySpec::one(2, Access::OW.or(Access::UPDATE)),
        ],
        since: "6.2.0",
        summary: "Copies a value to another key",
        complexity: "O(N) in the number of nested elements; O(1) for strings",
        syntax: "source destination [DB destination-db] [REPLACE]",
        handler: copy,
        ..GENERIC
    },
    Spec {
        name: "move",
        arity: 3,
        flags: WRITE_FAST,
        keys: &[KeySpec::one(1, Access::RW.or(Access::ACCESS).or(Access::UPDATE))],
        summary: "Moves a key to another logical database, unless it is there already",
        complexity: "O(1)",
        syntax: "key db",
        handler: move_key,
        ..GENERIC
    },
];

const SAME: CmdError = CmdError::fixed("ERR source and destination objects are the same");

/// The type of a value that is no string.
fn kind(entry: &Entry) -> Option<&'static Kind> {
    match entry.value() {
        ValueRef::Object(object) => Some(object.kind()),
        ValueRef::Bytes(_) | ValueRef::Int(_) => None,
    }
}

/// Clears the way for another value. Returns the type that was there, if anything was.
fn make_way(space: &mut Space<'_>, key: &[u8]) -> Option<Option<&'static Kind>> {
    let old = space.lookup_mut(key).map(|entry| kind(entry))?;
    space.remove(key);
    Some(old)
}

/// Publishes that a key has another value, and perhaps another type, than before.
fn notify_replaced(space: &mut Space<'_>, key: &[u8], before: Option<Option<&'static Kind>>) {
    let Some(before) = before else { return };
    space.notify(Class::OVERWRITTEN, "overwritten", key);
    if space.peek(key).is_some_and(|entry| kind(entry) != before) {
        space.notify(Class::TYPE_CHANGED, "type_changed", key);
    }
}

fn rename(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], replace: bool) -> Outcome {
    let (from, to) = (args[1], args[2]);
    let space = &mut *ctx.space;
    if space.lookup_mut(from).is_none() {
        return Err(CmdError::NO_KEY);
    }
    let moves = from != to && (replace || space.lookup_mut(to).is_none());
    if moves {
        let before = make_way(space, to);
        if let Some(entry) = space.take(from) {
            space.put_entry(to, entry);
        }
        space.changed(Class::GENERIC, "rename_from", from);
        space.changed(Class::GENERIC, "rename_to", to);
        space.count_as(1);
        space.signal(to);
        notify_replaced(space, to, before);
    }
    if replace {
        ctx.reply.ok();
    } else {
        ctx.reply.int(i64::from(moves));
    }
    Ok(Flow::Done)
}

/// Reads the options of COPY: the database, and whether to replace.
fn copy_options(ctx: &Ctx<'_, '_>, args: &[&[u8]]) -> Result<(usize, bool), CmdError> {
    let (mut db, mut replace) = (ctx.session.db, false);
    let mut words = args[3..].iter();
    while let Some(word) = words.next() {
        if is(word, "REPLACE") {
            replace = true;
        } else if is(word, "DB") {
            db = database(ctx, int32(words.next().ok_or(CmdError::SYNTAX)?)?)?;
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    Ok((db, replace))
}

fn copy(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (from, to) = (args[1], args[2]);
    let (db, replace) = copy_options(ctx, args)?;
    if db == ctx.session.db && from == to {
        return Err(SAME);
    }
    let copied = match ctx.space.lookup(from).map(duplicate) {
        Some((value, put, raw)) => ctx.space.within(db, |space| {
            let free = replace || space.lookup_mut(to).is_none();
            if free {
                let before = make_way(space, to);
                space.put(to, value, put);
                if let Some(entry) = space.lookup_mut(to).filter(|_| raw) {
                    entry.mark_raw();
                }
                space.changed(Class::GENERIC, "copy_to", to);
                space.signal(to);
                notify_replaced(space, to, before);
            }
            free
        }),
        None => false,
    };
    ctx.reply.int(i64::from(copied));
    Ok(Flow::Done)
}

/// A copy of an entry's value, its expiry, and whether it is a string that was changed in place.
fn duplicate(entry: &Entry) -> (Value, Put, bool) {
    let value = match entry.value() {
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Int(n) => Value::Int(n),
        ValueRef::Object(object) => Value::Object(object.duplicate()),
    };
    (value, entry.expiry().map_or(Put::Persist, Put::At), entry.is_raw())
}

fn move_key(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let db = database(ctx, int32(args[2])?)?;
    if db == ctx.session.db {
        return Err(SAME);
    }
    let moves = ctx.space.lookup_mut(key).is_some()
        && ctx.space.within(db, |space| space.lookup_mut(key).is_none());
    if moves && let Some(entry) = ctx.space.take(key) {
        ctx.space.within(db, |space| space.put_entry(key, entry));
        ctx.space.changed(Class::GENERIC, "move_from", key);
        ctx.space.within(db, |space| {
            space.changed(Class::GENERIC, "move_to", key);
            space.count_as(1);
            space.signal(key);
        });
    }
    ctx.reply.int(i64::from(moves));
    Ok(Flow::Done)
}
