//! JSON.SET, JSON.MSET, JSON.MERGE and JSON.DEL: whole values come and go.

use std::collections::HashMap;

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::keyspace::{Put, Space, Value as Stored};
use cairn_core::notify::Class;

use super::{NO_KEY, NOT_AT_ROOT, need, or_root, path, root_mut, value};
use crate::document::Document;
use crate::ops::{self, Deleted, SetMode};
use crate::path::Path;
use crate::tree::Value;

/// `JSON.SET key path value [NX | XX] [FORMAT STRING]`
pub(super) fn set(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 4)?;
    let mode = set_options(&args[4..])?;
    let done = match root_mut(ctx.space, args[1])? {
        None => create(ctx.space, args[1], args[2], value(args[3])?, mode)?,
        Some(root) => {
            let (value, path) = (value(args[3])?, path(args[2])?);
            if path.is_root() && mode != SetMode::IfMissing {
                put(ctx.space, args[1], value);
                true
            } else {
                ops::set(root, &path, value, mode)?
            }
        }
    };
    set_or_not(ctx, done, "json.set", args[1])
}

fn set_options(words: &[&[u8]]) -> Result<SetMode, CmdError> {
    let mut mode = SetMode::Always;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let chosen = match word.to_ascii_uppercase().as_slice() {
            b"NX" => SetMode::IfMissing,
            b"XX" => SetMode::IfPresent,
            b"FORMAT" if words.next().is_some_and(|f| matches!(*f, b"STRING" | b"JSON")) => {
                continue;
            }
            _ => return Err(CmdError::SYNTAX),
        };
        if mode != SetMode::Always {
            return Err(CmdError::SYNTAX);
        }
        mode = chosen;
    }
    Ok(mode)
}

/// Makes the key that does not exist; false if the mode forbids it.
fn create(
    space: &mut Space<'_>,
    key: &[u8],
    word: &[u8],
    value: Value,
    mode: SetMode,
) -> Result<bool, CmdError> {
    if mode == SetMode::IfPresent {
        return Ok(false);
    }
    if !path(word).is_ok_and(|path| path.is_root()) {
        return Err(NOT_AT_ROOT);
    }
    put(space, key, value);
    Ok(true)
}

/// Sets a key to a document; an expiry stays.
fn put(space: &mut Space<'_>, key: &[u8], root: Value) {
    space.put(key, Stored::Object(Box::new(Document::new(root))), Put::Keep);
}

fn set_or_not(ctx: &mut Ctx<'_, '_>, done: bool, event: &'static str, key: &[u8]) -> Outcome {
    if done {
        ctx.space.changed(Class::MODULE, event, key);
        ctx.reply.ok();
    } else {
        ctx.reply.null();
    }
    Ok(Flow::Done)
}

/// `JSON.MERGE key path value`
pub(super) fn merge(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 4)?;
    if args.len() > 4 {
        return Err(CmdError::SYNTAX);
    }
    let patch = value(args[3])?;
    let done = match root_mut(ctx.space, args[1])? {
        None => create(ctx.space, args[1], args[2], patch, SetMode::Always)?,
        Some(root) => ops::merge(root, &*path(args[2])?, patch)?,
    };
    set_or_not(ctx, done, "json.merge", args[1])
}

/// `JSON.MSET key path value [key path value ...]`
///
/// All values are made aside first, so that an error leaves every key as it was.
pub(super) fn mset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let triplets = &args[1..];
    if triplets.is_empty() || !triplets.len().is_multiple_of(3) {
        return Err(CmdError::arity(&ctx.command.name));
    }
    let mut staged: HashMap<&[u8], Value> = HashMap::new();
    let mut changes: Vec<&[u8]> = Vec::new();
    for words in triplets.chunks_exact(3) {
        let new = value(words[2])?;
        if stage(ctx.space, &mut staged, words[0], words[1], new)? {
            changes.push(words[0]);
        }
    }
    for key in changes {
        if let Some(root) = staged.remove(key) {
            put(ctx.space, key, root);
        }
        ctx.space.changed(Class::MODULE, "json.mset", key);
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Sets a value in a copy of the document at a key; false if the path leads nowhere.
fn stage<'k>(
    space: &Space<'_>,
    staged: &mut HashMap<&'k [u8], Value>,
    key: &'k [u8],
    word: &[u8],
    new: Value,
) -> Result<bool, CmdError> {
    let stored = space.peek_object::<Document>(key).map_err(|_| super::WRONG_KEY)?;
    let path: &Path = &*path(word)?;
    if path.is_root() {
        staged.insert(key, new);
        return Ok(true);
    }
    if let Some(root) = staged.get_mut(key) {
        return Ok(ops::set(root, path, new, SetMode::Always)?);
    }
    let mut root = stored.ok_or(NOT_AT_ROOT)?.root().clone();
    let done = ops::set(&mut root, path, new, SetMode::Always)?;
    if done {
        staged.insert(key, root);
    }
    Ok(done)
}

/// `JSON.DEL key [path]`
pub(super) fn del(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let Some(root) = root_mut(ctx.space, args[1])? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let count = match ops::delete(root, &*path(or_root(args, 2))?)? {
        Deleted::Nodes(count) => count,
        Deleted::Document => {
            ctx.space.remove(args[1]);
            1
        }
    };
    if count > 0 {
        ctx.space.changed(Class::MODULE, "json.del", args[1]);
    }
    ctx.reply.count(count);
    Ok(Flow::Done)
}

/// `JSON.CLEAR key [path]`
pub(super) fn clear(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let root = root_mut(ctx.space, args[1])?.ok_or(NO_KEY)?;
    let count = ops::clear(root, &*path(or_root(args, 2))?)?;
    if count > 0 {
        ctx.space.changed(Class::MODULE, "json.clear", args[1]);
    }
    ctx.reply.count(count);
    Ok(Flow::Done)
}
