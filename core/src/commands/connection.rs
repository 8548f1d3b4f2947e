//! The commands about a session that the engine itself knows: ECHO and SELECT. Those about the
//! connection behind it are the server's, and PING is among them, since its reply depends on
//! subscriptions.

use crate::command::{Acl, Ctx, Flags, Flow, Outcome, Reach, Spec};
use crate::commands::options::int32;
use crate::error::CmdError;

const ANYTIME: Flags = Flags::LOADING.or(Flags::STALE).or(Flags::FAST);

/// What the specs of the family have in common.
const CONNECTION: Spec = Spec {
    acl: Acl::CONNECTION,
    reach: Reach::Keys,
    group: "connection",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "echo",
        arity: 2,
        flags: ANYTIME,
        summary: "Answers with the message",
        syntax: "message",
        handler: echo,
        ..CONNECTION
    },
    Spec {
        name: "select",
        arity: 2,
        flags: ANYTIME,
        summary: "Chooses the logical database of the connection",
        syntax: "index",
        handler: select,
        ..CONNECTION
    },
];

fn echo(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.reply.bulk(args[1]);
    Ok(Flow::Done)
}

fn select(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let db = database(ctx, int32(args[1])?)?;
    ctx.session.db = db;
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// The logical database of this number.
///
/// # Errors
/// When there is none.
pub(super) fn database(ctx: &Ctx<'_, '_>, number: i32) -> Result<usize, CmdError> {
    let count = ctx.engine().keyspace.databases();
    let db = usize::try_from(number).ok().filter(|&db| db < count);
    db.ok_or(CmdError::fixed("ERR DB index is out of range"))
}
