//! CONFIG.

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flags, Flow, Outcome, Reach, Spec};
use cairn_core::config::rewrite;
use cairn_core::config::table::clients;

use super::{client, introspection, server};

const ANYTIME: Flags = Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE);

/// The family's command.
pub const SPECS: &[Spec] = &[Spec {
    name: "config",
    arity: -2,
    group: "server",
    since: "2.0.0",
    summary: "Reads and changes the configuration",
    complexity: "Depends on the subcommand",
    subcommands: SUBCOMMANDS,
    ..Spec::DEFAULT
}];

const ABOUT: Spec = Spec {
    flags: ANYTIME,
    group: "server",
    since: "2.0.0",
    complexity: "O(N) in the number of parameters",
    ..Spec::DEFAULT
};

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "get",
        arity: -3,
        summary: "Answers parameters that match patterns",
        syntax: "parameter [parameter ...]",
        handler: get,
        ..ABOUT
    },
    Spec {
        name: "set",
        arity: -4,
        summary: "Changes parameters",
        syntax: "parameter value [parameter value ...]",
        // No command is under way while settings change, so all later ones see the new ones.
        reach: Reach::All,
        handler: set,
        ..ABOUT
    },
    Spec {
        name: "rewrite",
        arity: 2,
        since: "2.8.0",
        summary: "Writes the configuration file anew",
        handler: rewrite_file,
        ..ABOUT
    },
    Spec {
        name: "resetstat",
        arity: 2,
        summary: "Sets statistics back to zero",
        handler: resetstat,
        ..ABOUT
    },
    Spec {
        name: "help",
        arity: 2,
        since: "5.0.0",
        flags: Flags::LOADING.or(Flags::STALE),
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "CONFIG", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let found = ctx.engine().config.get(&args[2..]);
    ctx.reply.map(found.len());
    for (name, value) in found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(value);
    }
    Ok(Flow::Done)
}

fn set(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let pairs = args[2..].chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(CmdError::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = pairs.map(|pair| (pair[0], pair[1])).collect();
    let config = &ctx.engine().config;
    let allowed = match config.int(clients::ENABLE_PROTECTED_CONFIGS) {
        clients::EVERYBODY => true,
        clients::LOCAL_ONLY => client(ctx).is_ok_and(|c| c.is_local()),
        _ => false,
    };
    config.set(&pairs, allowed).map_err(|e| CmdError::new(format!("ERR {e}")))?;
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn rewrite_file(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let server = server(ctx)?;
    let Some(path) = server.config_path() else {
        return Err(CmdError::fixed("ERR The server is running without a config file"));
    };
    let failed = |e: std::io::Error| CmdError::new(format!("ERR Rewriting config file: {e}"));
    let old = match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(failed)?,
    };
    let text = rewrite::rewrite(server.config(), &old, &[]);
    rewrite::write_atomically(path, &text).map_err(failed)?;
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn resetstat(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    ctx.engine().reset_totals();
    server(ctx)?.reset_stats();
    ctx.reply.ok();
    Ok(Flow::Done)
}
