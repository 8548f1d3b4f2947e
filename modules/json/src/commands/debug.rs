//! JSON.DEBUG.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::reply::Reply;

use super::{document, inspect, need, no_path, or_root, path};
use crate::tree::{Ref, Value, View};

const UNKNOWN: CmdError = CmdError::fixed("ERR unknown subcommand - try `JSON.DEBUG HELP`");
const HELP: [&str; 2] =
    ["MEMORY <key> [path] - reports memory usage", "HELP                - this message"];

/// `JSON.DEBUG MEMORY key [path]` and `JSON.DEBUG HELP`
pub(super) fn debug(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 2)?;
    match args[1].to_ascii_uppercase().as_slice() {
        b"MEMORY" => memory(ctx, args),
        b"HELP" => {
            ctx.reply.array(HELP.len());
            HELP.iter().for_each(|line| ctx.reply.bulk(line));
            Ok(Flow::Done)
        }
        _ => Err(UNKNOWN),
    }
}

fn memory(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    need(ctx, args, 3)?;
    let word = or_root(args, 3);
    let Some(document) = document(ctx.space, args[2])? else {
        if word.starts_with(b"$") {
            ctx.reply.array(0)
        } else {
            ctx.reply.int(0)
        }
        return Ok(Flow::Done);
    };
    let path = path(word)?;
    let missing = |_: &mut Reply| Err(no_path(&path.rooted_text(), ""));
    let wrong = |_: Ref<'_>| UNKNOWN;
    let root = document.root().view();
    inspect(ctx.reply, root, &path, |node| Some(bytes(node)), Reply::count, missing, wrong)
}

/// What a node takes by itself, measured on a copy: items of packed arrays have no value that
/// could be asked.
fn bytes(node: Ref<'_>) -> usize {
    size_of::<Value>() + node.to_value().memory()
}
