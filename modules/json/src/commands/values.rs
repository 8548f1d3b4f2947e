//! Commands on single values: types, numbers, strings, booleans.

use std::sync::Arc;

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::reply::Reply;

use super::{
    NO_KEY, answer, change, coded_value, document, inspect, lenient, need, no_path, or_root, path,
    unused, wrong_type, wrong_value,
};
use crate::ops::{self, Number, OpError};
use crate::path::Path;
use crate::print::{self, Printer, Style};
use crate::tree::{Ref, Value, View};

type Calculation = fn(&mut Value, &Path, Number) -> Result<Vec<Option<Value>>, OpError>;

/// `JSON.TYPE key [path]`
pub(super) fn type_of(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    if ctx.reply.is_resp3() {
        ctx.reply.array(1);
    }
    let null = |reply: &mut Reply| {
        reply.null();
        Ok(())
    };
    let document = document(ctx.space, args[1])?.map(|d| d.root().view());
    let path = document.map(|_| lenient(or_root(args, 2))).transpose()?.flatten();
    match document.zip(path) {
        Some((root, path)) => {
            let name = |node: Ref<'_>| Some(node.type_name());
            let unreachable = |node: Ref<'_>| wrong_type("value", node);
            inspect(ctx.reply, root, &path, name, |r, name| r.bulk(name), null, unreachable)
        }
        None => null(ctx.reply).map(|()| Flow::Done),
    }
}

/// `JSON.NUMINCRBY key path value`
pub(super) fn increment(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    calculate(ctx, args, "json.numincrby", ops::increment)
}

/// `JSON.NUMMULTBY key path value`
pub(super) fn multiply(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    calculate(ctx, args, "json.nummultby", ops::multiply)
}

/// `JSON.NUMPOWBY key path value`
pub(super) fn raise(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    calculate(ctx, args, "json.numpowby", ops::raise)
}

fn calculate(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    event: &'static str,
    calculation: Calculation,
) -> Outcome {
    need(ctx, args, 4)?;
    let operand = coded_value(args[3]).and_then(|value| Ok(Number::of(&value)?));
    let (path, numbers) = change(ctx.space, event, args[1], args[2], |root, path| match operand {
        Ok(by) => Ok(calculation(root, path, by)?),
        Err(error) => unused(root, path, error, is_number),
    })?;
    write_numbers(ctx.reply, &path, &numbers)?;
    Ok(Flow::Done)
}

fn is_number(node: Ref<'_>) -> bool {
    matches!(node, Ref::Int(_) | Ref::UInt(_) | Ref::Float(_))
}

/// In RESP3 numbers, whatever the path; in RESP2 JSON text.
fn write_numbers(
    reply: &mut Reply,
    path: &Arc<Path>,
    numbers: &[Option<Value>],
) -> Result<(), CmdError> {
    if reply.is_resp3() {
        reply.array(numbers.len());
        numbers.iter().for_each(|number| write_number(reply, number.as_ref()));
    } else if path.is_legacy() {
        let missing = || no_path(&path.rooted_text(), " or does not contains a number");
        let last = numbers.iter().flatten().next_back().ok_or_else(missing)?;
        reply.bulk(print::to_string(last.view()));
    } else {
        let nodes = numbers.iter().map(|n| n.as_ref().map_or(Ref::Null, View::view));
        let mut out = Vec::new();
        Printer::new(Style::default(), &mut out).list(nodes);
        reply.bulk(out);
    }
    Ok(())
}

fn write_number(reply: &mut Reply, number: Option<&Value>) {
    match number.map(View::view) {
        Some(Ref::Int(int)) => reply.int(int),
        Some(Ref::UInt(int)) => reply.double(int as f64),
        Some(Ref::Float(float)) => reply.double(float),
        _ => reply.null(),
    }
}

/// `JSON.STRAPPEND key [path] value`
pub(super) fn append_string(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 3)?;
    let (word, text) = if args.len() == 3 { (super::ROOT, args[2]) } else { (args[2], args[3]) };
    let tail = coded_value(text).and_then(|tail| match tail.as_str() {
        Some(_) => Ok(tail),
        None => Err(wrong_value("string", &print::to_string(tail.view()))),
    });
    let changed = change(ctx.space, "json.strappend", args[1], word, |root, path| match tail {
        Ok(tail) => Ok(ops::append_string(root, path, tail.as_str().unwrap_or_default())?),
        Err(error) => unused(root, path, error, |node| matches!(node, Ref::Str(_))),
    })?;
    answer(ctx.reply, changed, " or not a string", Reply::count)
}

/// `JSON.STRLEN key [path]`
pub(super) fn string_length(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    let word = or_root(args, 2);
    let Some(document) = document(ctx.space, args[1])? else {
        return absent(ctx.reply, word, NO_KEY);
    };
    let path = path(word)?;
    let length = |node: Ref<'_>| match node {
        Ref::Str(text) => Some(text.len()),
        _ => None,
    };
    let missing = |_: &mut Reply| Err(no_path(&path.rooted_text(), ""));
    let wrong = |node: Ref<'_>| wrong_type("string", node);
    inspect(ctx.reply, document.root().view(), &path, length, Reply::count, missing, wrong)
}

/// Answers for a key that does not exist: null for a legacy path, the error for a JSONPath.
pub(super) fn absent(reply: &mut Reply, word: &[u8], error: CmdError) -> Outcome {
    if word.starts_with(b"$") {
        return Err(error);
    }
    reply.null();
    Ok(Flow::Done)
}

/// `JSON.TOGGLE key path`
pub(super) fn toggle(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 3)?;
    let changed = change(ctx.space, "json.toggle", args[1], args[2], |root, path| {
        Ok(ops::toggle(root, path)?)
    })?;
    let legacy = changed.0.is_legacy();
    answer(ctx.reply, changed, " or not a bool", |reply, bool| {
        if legacy {
            reply.bulk(if bool { "true" } else { "false" });
        } else {
            reply.int(i64::from(bool));
        }
    })
}
