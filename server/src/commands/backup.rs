//! BACKUP: a copy of all data at a moment of one's choice, without stopping writes.

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flags, Flow, Job, JobEnd, Outcome, Spec};

use super::{introspection, server};
use crate::aof::backup;
use crate::server::Server;

/// The family.
pub const SPECS: &[Spec] = &[Spec {
    name: "backup",
    arity: -2,
    group: "server",
    since: "8.10.0",
    summary: "Makes a backup while the server goes on",
    complexity: "Depends on the subcommand",
    subcommands: BACKUP,
    ..Spec::DEFAULT
}];

const ABOUT: Spec = Spec {
    arity: 2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT),
    group: "server",
    since: "8.10.0",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

/// For what waits for the writer of the append-only file, which may wait for transactions.
const APART: Flags = Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_MULTI);

const BACKUP: &[Spec] = &[
    Spec {
        name: "start",
        summary: "Begins a backup: its base is written",
        handler: |ctx, _| apart(ctx, |server| server.aof.start_backup(backup::directory(server))),
        ..ABOUT
    },
    Spec {
        name: "seal",
        flags: APART,
        summary: "Ends a backup: its files change no more",
        handler: |ctx, _| apart(ctx, |server| server.aof.seal_backup(server)),
        ..ABOUT
    },
    Spec {
        name: "abort",
        flags: APART,
        summary: "Gives up a backup that is not sealed",
        handler: |ctx, _| apart(ctx, |server| server.aof.abort_backup()),
        ..ABOUT
    },
    Spec {
        name: "cleanup",
        flags: APART,
        summary: "Removes the files of a sealed backup",
        handler: |ctx, _| apart(ctx, |server| server.aof.backup.clean_up(server)),
        ..ABOUT
    },
    Spec {
        name: "list",
        flags: Flags::ADMIN.or(Flags::STALE),
        summary: "Answers the paths of the files that change no more",
        handler: list,
        ..ABOUT
    },
    Spec {
        name: "status",
        flags: Flags::ADMIN.or(Flags::STALE),
        summary: "Tells how far the backup has come",
        handler: status,
        ..ABOUT
    },
    Spec {
        name: "help",
        flags: Flags::LOADING.or(Flags::STALE),
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "BACKUP", BACKUP);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

/// Does what waits for the disk or the writer away from the threads of connections and queries.
fn apart(
    ctx: &mut Ctx<'_, '_>,
    work: impl FnOnce(&Server) -> Result<(), CmdError> + Send + 'static,
) -> Outcome {
    let server = Arc::clone(server(ctx)?);
    Ok(Flow::Offload(Job::waiting(move || {
        JobEnd::Reply(match work(&server) {
            Ok(()) => b"+OK\r\n".to_vec(),
            Err(error) => format!("-{}\r\n", error.text()).into_bytes(),
        })
    })))
}

fn list(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let files = server(ctx)?.aof.backup.status().files;
    ctx.reply.array(files.len());
    files.iter().for_each(|path| ctx.reply.bulk(path.as_os_str().as_encoded_bytes()));
    Ok(Flow::Done)
}

fn status(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let status = server(ctx)?.aof.backup.status();
    let fields = [
        ("state", status.stage.name().to_string()),
        ("error", status.error),
        ("start_time", status.started.to_string()),
        ("end_time", status.sealed.to_string()),
    ];
    ctx.reply.map(fields.len());
    for (name, value) in fields {
        ctx.reply.bulk(name);
        ctx.reply.bulk(value);
    }
    Ok(Flow::Done)
}
