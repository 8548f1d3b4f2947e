//! SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF: what is written to disk at a client's wish.

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flags, Flow, Job, JobEnd, Mode, Outcome, Spec};

use super::{is, server};
use crate::persist::{Purpose, schedule};

const ABOUT: Spec = Spec { group: "server", since: "1.0.0", complexity: "O(1)", ..Spec::DEFAULT };

const ADMIN: Flags = Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_ASYNC_LOADING);

/// The family.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "save",
        arity: 1,
        flags: ADMIN.or(Flags::NO_MULTI),
        summary: "Writes all data to disk and waits for it",
        complexity: "O(N) in the number of keys",
        handler: save,
        ..ABOUT
    },
    Spec {
        name: "bgsave",
        arity: -1,
        flags: ADMIN,
        summary: "Writes all data to disk in the background",
        syntax: "[SCHEDULE | CANCEL]",
        handler: bgsave,
        ..ABOUT
    },
    Spec {
        name: "bgrewriteaof",
        arity: 1,
        flags: ADMIN,
        summary: "Rewrites the append-only file in the background",
        handler: |ctx, _| {
            let server = server(ctx)?;
            let answer = server.aof.request_rewrite(server)?;
            ctx.reply.simple(answer);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "lastsave",
        arity: 1,
        flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST),
        acl: cairn_core::command::Acl::ADMIN.or(cairn_core::command::Acl::DANGEROUS),
        summary: "Answers when data was last written to disk",
        handler: lastsave,
        ..ABOUT
    },
];

const SAVING: &str = "ERR Background save already in progress";

fn save(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let server = Arc::clone(server(ctx)?);
    server.persistence.claim(Purpose::Save).map_err(|_| CmdError::fixed(SAVING))?;
    Ok(Flow::offload(move || match schedule::run(&server, Purpose::Save) {
        Ok(()) => b"+OK\r\n".to_vec(),
        Err(_) => b"-ERR\r\n".to_vec(),
    }))
}

fn bgsave(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let server = server(ctx)?;
    let persistence = &server.persistence;
    let scheduled = match args[1..] {
        [] => false,
        [word] if is(word, "schedule") => true,
        [word] if is(word, "cancel") => {
            if !persistence.cancel() {
                return Err(CmdError::fixed(
                    "ERR Background saving is currently not in progress or scheduled",
                ));
            }
            ctx.reply.simple("Background saving cancelled");
            return Ok(Flow::Done);
        }
        _ => return Err(CmdError::SYNTAX),
    };
    match persistence.claim(Purpose::Background) {
        Ok(()) => {
            let moment = schedule::run_in_background(server);
            if ctx.mode == Mode::Client {
                // What the client writes after the reply is not part of it.
                return Ok(Flow::Offload(Job::waiting(move || {
                    // Disconnected, whether it has come or there is none.
                    let _ = moment.recv();
                    JobEnd::Reply(b"+Background saving started\r\n".to_vec())
                })));
            }
            ctx.reply.simple("Background saving started");
        }
        Err(Purpose::Background | Purpose::Save | Purpose::Reload) => {
            return Err(CmdError::fixed(SAVING));
        }
        Err(Purpose::Rewrite) if scheduled => {
            persistence.schedule();
            ctx.reply.simple("Background saving scheduled");
        }
        Err(Purpose::Rewrite) => {
            return Err(CmdError::fixed(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
    }
    Ok(Flow::Done)
}

fn lastsave(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let seconds = server(ctx)?.persistence.figures().last_success;
    ctx.reply.int(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Flow::Done)
}
