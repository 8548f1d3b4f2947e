//! JSON.OBJKEYS, JSON.OBJLEN and JSON.RESP: what objects, and whole documents, are made of.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::reply::Reply;

use super::values::absent;
use super::{NO_KEY, document, inspect, lenient, need, no_path, or_root, path, wrong_type};
use crate::tree::{ObjectRef, Ref, View};

const NOT_OBJECT: &str = " or not an object";

/// `JSON.OBJKEYS key [path]`
pub(super) fn keys(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let word = or_root(args, 2);
    let Some(document) = document(ctx.space, args[1])? else {
        return absent(ctx.reply, word, NO_KEY);
    };
    let Some(path) = lenient(word)? else {
        return null(ctx.reply).map(|()| Flow::Done);
    };
    let keys = |node: Ref<'_>| match node {
        Ref::Object(object) => Some(object.keys().map(str::to_owned).collect::<Vec<_>>()),
        _ => None,
    };
    let write = |reply: &mut Reply, keys: Vec<String>| {
        reply.array(keys.len());
        keys.iter().for_each(|key| reply.bulk(key));
    };
    let wrong = |_: Ref<'_>| no_path(&path.rooted_text(), NOT_OBJECT);
    inspect(ctx.reply, document.root().view(), &path, keys, write, null, wrong)
}

/// `JSON.OBJLEN key [path]`
pub(super) fn length(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let word = or_root(args, 2);
    let Some(document) = document(ctx.space, args[1])? else {
        return absent(ctx.reply, word, no_path(&String::from_utf8_lossy(word), NOT_OBJECT));
    };
    let Some(path) = lenient(word)? else {
        return null(ctx.reply).map(|()| Flow::Done);
    };
    let length = |node: Ref<'_>| match node {
        Ref::Object(object) => Some(object.len()),
        _ => None,
    };
    let wrong = |node: Ref<'_>| wrong_type("object", node);
    inspect(ctx.reply, document.root().view(), &path, length, Reply::count, null, wrong)
}

fn null(reply: &mut Reply) -> Result<(), cairn_core::error::CmdError> {
    reply.null();
    Ok(())
}

/// `JSON.RESP key [path]`
pub(super) fn resp(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let Some(document) = document(ctx.space, args[1])? else {
        return null(ctx.reply).map(|()| Flow::Done);
    };
    let path = path(or_root(args, 2))?;
    let missing = |_: &mut Reply| Err(no_path(&path.rooted_text(), ""));
    let root = document.root().view();
    if path.is_legacy() {
        match path.first(root).map_err(crate::ops::OpError::from)? {
            Some(node) => write(ctx.reply, node),
            None => missing(ctx.reply)?,
        }
    } else {
        let found = path.select(root).map_err(crate::ops::OpError::from)?;
        ctx.reply.array(found.len());
        found.into_iter().for_each(|node| write(ctx.reply, node));
    }
    Ok(Flow::Done)
}

/// Arrays and objects become arrays that begin with `[` or `{`.
fn write(reply: &mut Reply, node: Ref<'_>) {
    match node {
        Ref::Null => reply.null(),
        Ref::Bool(bool) => reply.simple(if bool { "true" } else { "false" }),
        Ref::Int(int) => reply.int(int),
        Ref::UInt(int) => reply.double(int as f64),
        Ref::Float(float) => reply.double(float),
        Ref::Str(text) => reply.bulk(text),
        Ref::Array(items) => {
            reply.array(1 + items.len());
            reply.simple("[");
            items.iter().for_each(|item| write(reply, item));
        }
        Ref::Object(object) => write_object(reply, object),
    }
}

fn write_object(reply: &mut Reply, object: ObjectRef<'_>) {
    reply.array(1 + 2 * object.len());
    reply.simple("{");
    for (key, value) in object.iter() {
        reply.bulk(key);
        write(reply, value.view());
    }
}
