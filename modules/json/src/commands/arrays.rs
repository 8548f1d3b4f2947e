//! The JSON.ARR* commands.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::reply::Reply;

use super::values::absent;
use super::{
    NO_KEY, answer, change, coded_value, document, inspect, integer, need, no_path, or_root, path,
    values, wrong_type,
};
use crate::ops::{self, OpError};
use crate::print;
use crate::tree::{Ref, Value, View};

const NOT_ARRAY: &str = " or not an array";

/// `JSON.ARRAPPEND key path value [value ...]`
pub(super) fn append(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 4)?;
    let values = values(&args[3..])?;
    let (path, lengths) = change(ctx.space, "json.arrappend", args[1], args[2], |root, path| {
        Ok(ops::append(root, path, &values)?)
    })?;
    // This command alone shows the path as it was written.
    if path.is_legacy() && lengths.iter().all(Option::is_none) {
        return Err(no_path(path.text(), NOT_ARRAY));
    }
    answer(ctx.reply, (path, lengths), NOT_ARRAY, Reply::count)
}

/// `JSON.ARRINSERT key path index value [value ...]`
pub(super) fn insert(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 5)?;
    let index = integer(args[3])?;
    let values = values(&args[4..])?;
    let changed = change(ctx.space, "json.arrinsert", args[1], args[2], |root, path| {
        Ok(ops::insert(root, path, index, &values)?)
    })?;
    answer(ctx.reply, changed, NOT_ARRAY, Reply::count)
}

/// `JSON.ARRTRIM key path start stop`
pub(super) fn trim(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 5)?;
    let (start, stop) = (integer(args[3])?, integer(args[4])?);
    let changed = change(ctx.space, "json.arrtrim", args[1], args[2], |root, path| {
        Ok(ops::trim(root, path, start, stop)?)
    })?;
    answer(ctx.reply, changed, NOT_ARRAY, Reply::count)
}

/// `JSON.ARRPOP key [path [index]]`
///
/// As in RedisJSON, what is not an integer stands for the last item.
pub(super) fn pop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let index = args.get(3).and_then(|word| integer(word).ok()).unwrap_or(-1);
    let mut arrays = false;
    let (path, items) =
        change(ctx.space, "json.arrpop", args[1], or_root(args, 2), |root, path| {
            arrays = finds_array(root, path)?;
            Ok(ops::pop(root, path, index)?)
        })?;
    if path.is_legacy() && arrays && items.iter().all(Option::is_none) {
        ctx.reply.null();
        return Ok(Flow::Done);
    }
    answer(ctx.reply, (path, items), NOT_ARRAY, |reply, item: Value| {
        reply.bulk(print::to_string(item.view()));
    })
}

/// Whether a legacy path leads to an array, which may be empty.
fn finds_array(root: &Value, path: &crate::path::Path) -> Result<bool, OpError> {
    let found = if path.is_legacy() { path.select(root.view())? } else { Vec::new() };
    Ok(found.iter().any(|node| matches!(node, Ref::Array(_))))
}

/// `JSON.ARRLEN key [path]`
pub(super) fn length(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let word = or_root(args, 2);
    let Some(document) = document(ctx.space, args[1])? else {
        return absent(ctx.reply, word, NO_KEY);
    };
    let path = path(word)?;
    let length = |node: Ref<'_>| match node {
        Ref::Array(items) => Some(items.len()),
        _ => None,
    };
    let missing = |_: &mut Reply| Err(no_path(path.text(), ""));
    let wrong = |_: Ref<'_>| no_path(path.text(), NOT_ARRAY);
    inspect(ctx.reply, document.root().view(), &path, length, Reply::count, missing, wrong)
}

/// `JSON.ARRINDEX key path value [start [stop]]`
pub(super) fn index(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 4)?;
    if args.len() > 6 {
        return Err(CmdError::arity(&ctx.command.name));
    }
    let bound = |at: usize| args.get(at).map_or(Ok(0), |word| integer(word));
    let (start, stop) = (bound(4)?, bound(5)?);
    let wanted = coded_value(args[3])?;
    let document = document(ctx.space, args[1])?;
    let missing_key = || no_path(&String::from_utf8_lossy(args[2]), "");
    let root = document.ok_or_else(missing_key)?.root().view();
    let path = path(args[2])?;
    let find = |node: Ref<'_>| match node {
        Ref::Array(items) => Some(ops::index_of(items, wanted.view(), start, stop)),
        _ => None,
    };
    let write = |reply: &mut Reply, at: Option<usize>| match at {
        Some(at) => reply.count(at),
        None => reply.int(-1),
    };
    let missing = |_: &mut Reply| Err(no_path(&path.rooted_text(), ""));
    inspect(ctx.reply, root, &path, find, write, missing, |node| wrong_type("array", node))
}
