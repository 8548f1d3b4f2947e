//! JSON.GET and JSON.MGET: documents as text.

use std::sync::Arc;

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::reply::Reply;

use super::{ROOT, document, no_path, path};
use crate::ops::OpError;
use crate::path::Path;
use crate::print::{self, Printer, Style};
use crate::tree::{Ref, View};

const FORMAT_NEEDS_RESP3: CmdError =
    CmdError::fixed("ERR FORMAT argument is not supported on RESP2");
const UNKNOWN_FORMAT: CmdError = CmdError::fixed("ERR wrong reply format");

/// How JSON.GET answers.
#[derive(Clone, Copy, Default, PartialEq)]
enum Format {
    /// One string.
    #[default]
    Text,
    /// An array a path, with the matches, those that are arrays or objects as text (RESP3 only).
    Expand1,
    /// The same with arrays and objects as arrays and maps (RESP3 only).
    Expand,
}

#[derive(Default)]
struct Options<'a> {
    style: Style<'a>,
    format: Format,
    paths: Vec<&'a [u8]>,
}

/// `JSON.GET key [INDENT indent] [NEWLINE newline] [SPACE space] [path ...]`
pub(super) fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::need(ctx, args, 2)?;
    let Options { style, format, mut paths } = options(ctx, &args[2..])?;
    if paths.is_empty() {
        paths.push(ROOT);
    }
    let Some(document) = document(ctx.space, args[1])? else {
        ctx.reply.null();
        return Ok(Flow::Done);
    };
    let paths = paths.into_iter().map(path).collect::<Result<Vec<_>, _>>()?;
    let root = document.root().view();
    if format != Format::Text {
        expand(ctx.reply, root, &paths, format)?;
        return Ok(Flow::Done);
    }
    let mut out = Vec::new();
    match &paths[..] {
        [path] => one(root, path, &mut Printer::new(style, &mut out))?,
        _ => several(root, &paths, &mut Printer::new(style, &mut out))?,
    }
    ctx.reply.bulk(out);
    Ok(Flow::Done)
}

fn options<'a>(ctx: &Ctx<'_, '_>, words: &[&'a [u8]]) -> Result<Options<'a>, CmdError> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        let mut argument =
            || words.next().copied().ok_or_else(|| CmdError::arity(&ctx.command.name));
        match word.to_ascii_uppercase().as_slice() {
            b"INDENT" => options.style.indent = argument()?,
            b"NEWLINE" => options.style.newline = argument()?,
            b"SPACE" => options.style.space = argument()?,
            // Without effect ever since strings are always written as they are.
            b"NOESCAPE" => {}
            b"FORMAT" if !ctx.reply.is_resp3() => return Err(FORMAT_NEEDS_RESP3),
            b"FORMAT" => {
                options.format = match argument()? {
                    b"STRING" => Format::Text,
                    b"EXPAND1" => Format::Expand1,
                    b"EXPAND" => Format::Expand,
                    _ => return Err(UNKNOWN_FORMAT),
                };
            }
            _ => options.paths.push(word),
        }
    }
    Ok(options)
}

fn one(root: Ref<'_>, path: &Path, printer: &mut Printer<'_>) -> Result<(), CmdError> {
    if path.is_legacy() {
        let found = path.first(root).map_err(OpError::from)?;
        printer.node(found.ok_or_else(|| no_path(&path.rooted_text(), ""))?);
    } else {
        printer.list(path.select(root).map_err(OpError::from)?.into_iter());
    }
    Ok(())
}

/// An object with the paths as keys. A JSONPath among them gives all of them the array of matches.
fn several(root: Ref<'_>, paths: &[Arc<Path>], printer: &mut Printer<'_>) -> Result<(), CmdError> {
    let legacy = paths.iter().all(|path| path.is_legacy());
    let mut members: Vec<(&str, Vec<Ref<'_>>)> = Vec::with_capacity(paths.len());
    for path in paths {
        let found = path.select(root).map_err(OpError::from)?;
        if path.is_legacy() && found.is_empty() {
            return Err(no_path(path.text(), ""));
        }
        if members.iter().all(|(text, _)| *text != path.text()) {
            members.push((path.text(), found));
        }
    }
    printer.object(members.into_iter(), |printer, found| {
        if legacy {
            printer.node(found.first().copied().unwrap_or(Ref::Null));
        } else {
            printer.list(found.into_iter());
        }
    });
    Ok(())
}

fn expand(
    reply: &mut Reply,
    root: Ref<'_>,
    paths: &[Arc<Path>],
    format: Format,
) -> Result<(), CmdError> {
    let found = paths.iter().map(|path| path.select(root)).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(OpError::from)?;
    reply.array(found.len());
    for nodes in found {
        reply.array(nodes.len());
        for node in nodes {
            expanded(reply, node, format);
        }
    }
    Ok(())
}

fn expanded(reply: &mut Reply, node: Ref<'_>, format: Format) {
    match node {
        Ref::Null => reply.null(),
        Ref::Bool(bool) => reply.bool(bool),
        Ref::Int(int) => reply.int(int),
        Ref::UInt(int) => reply.double(int as f64),
        Ref::Float(float) => reply.double(float),
        Ref::Str(_) | Ref::Array(_) | Ref::Object(_) if format == Format::Expand1 => {
            reply.bulk(print::to_string(node));
        }
        Ref::Str(text) => reply.bulk(text),
        Ref::Array(items) => {
            reply.array(items.len());
            items.iter().for_each(|item| expanded(reply, item, format));
        }
        Ref::Object(object) => {
            reply.map(object.len());
            for (key, value) in object.iter() {
                reply.bulk(key);
                expanded(reply, value.view(), format);
            }
        }
    }
}

/// `JSON.MGET key [key ...] path`
pub(super) fn mget(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::need(ctx, args, 3)?;
    let (&word, keys) = args[1..].split_last().ok_or(CmdError::SYNTAX)?;
    let path = path(word);
    ctx.reply.array(keys.len());
    for key in keys {
        let document = document(ctx.space, key).ok().flatten();
        match document.zip(path.as_ref().ok()).and_then(|(d, path)| text(d.root().view(), path)) {
            Some(text) => ctx.reply.bulk(text),
            None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

fn text(root: Ref<'_>, path: &Path) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    one(root, path, &mut Printer::new(Style::default(), &mut out)).ok()?;
    Some(out)
}
