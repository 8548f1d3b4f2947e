//! SHUTDOWN: the server's end at a client's wish, and calling it off.

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flags, Flow, Outcome, Spec};

use super::{client, is, server};
use crate::client::After;
use crate::shutdown::Wish;

/// The family.
pub const SPECS: &[Spec] = &[Spec {
    name: "shutdown",
    arity: -1,
    flags: Flags::ADMIN
        .or(Flags::NOSCRIPT)
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::NO_MULTI)
        .or(Flags::ALLOW_BUSY),
    group: "server",
    since: "1.0.0",
    summary: "Stops the server",
    complexity: "O(1) without a snapshot",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    handler: shutdown,
    ..Spec::DEFAULT
}];

fn shutdown(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let server = Arc::clone(server(ctx)?);
    let mut wish = Wish::default();
    for option in &args[1..] {
        match wish.save {
            None if is(option, "nosave") => wish.save = Some(false),
            None if is(option, "save") => wish.save = Some(true),
            _ if is(option, "force") => wish.force = true,
            _ if is(option, "now") => {}
            _ if is(option, "abort") && args.len() == 2 => {
                if !server.shutdown.abort(&server) {
                    return Err(CmdError::fixed("ERR No shutdown in progress."));
                }
                ctx.reply.ok();
                return Ok(Flow::Done);
            }
            _ => return Err(CmdError::SYNTAX),
        }
    }
    let client = client(ctx)?;
    Ok(Flow::offload(move || {
        if server.shutdown.prepare(&server, wish, false).is_err() {
            return b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n".to_vec();
        }
        server.stop();
        // The connection closes without a reply, as the server ends.
        client.then(After::Close);
        Vec::new()
    }))
}
