//! FUNCTION, as far as it makes sense without an engine for scripts: no library is loaded, so that
//! tools which empty or list them before they begin their work find what they expect. Those that
//! came with a file are kept for whom the data goes to next, until they are deleted.

use cairn_core::CmdError;
use cairn_core::command::{Acl, Ctx, Flags, Flow, Outcome, Reach, Spec};

use super::{introspection, is, server};

/// The family's command.
pub const SPECS: &[Spec] = &[Spec {
    name: "function",
    arity: -2,
    group: "scripting",
    since: "7.0.0",
    summary: "Manages libraries of functions, of which there are none",
    complexity: "Depends on the subcommand",
    subcommands: SUBCOMMANDS,
    ..Spec::DEFAULT
}];

const ABOUT: Spec = Spec {
    flags: Flags::NOSCRIPT,
    acl: Acl::SCRIPTING,
    group: "scripting",
    since: "7.0.0",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "flush",
        arity: -2,
        flags: ABOUT.flags.or(Flags::WRITE),
        summary: "Deletes all libraries",
        syntax: "[ASYNC | SYNC]",
        reach: Reach::All,
        handler: |ctx, args| match &args[2..] {
            [] => flush(ctx),
            [mode] if is(mode, "async") || is(mode, "sync") => flush(ctx),
            _ => Err(CmdError::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
        },
        ..ABOUT
    },
    Spec {
        name: "list",
        arity: -2,
        summary: "Lists the libraries",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        handler: |ctx, _| {
            ctx.reply.array(0);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "help",
        arity: 2,
        flags: Flags::LOADING.or(Flags::STALE),
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "FUNCTION", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

/// Deletes all.
fn flush(ctx: &mut Ctx<'_, '_>) -> Outcome {
    if server(ctx)?.persistence.libraries.clear() {
        ctx.space.effect(&[b"FUNCTION", b"FLUSH"]);
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}
