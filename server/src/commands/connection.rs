//! The connection itself: HELLO, AUTH, QUIT, RESET, and PING where it knows of subscriptions.

use std::sync::atomic::Ordering;

use cairn_core::CmdError;
use cairn_core::command::{Acl, Ctx, Flags, Flow, Outcome, Spec};
use cairn_core::reply::Proto;

use super::{client, is, pubsub, server, text};
use crate::client::{After, ReplyMode};
use crate::version;

const ALWAYS: Flags = Flags::NOSCRIPT
    .or(Flags::LOADING)
    .or(Flags::STALE)
    .or(Flags::FAST)
    .or(Flags::NO_AUTH)
    .or(Flags::ALLOW_BUSY);

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "hello",
        arity: -1,
        flags: ALWAYS,
        acl: Acl::CONNECTION,
        group: "connection",
        since: "6.0.0",
        summary: "Chooses the protocol, authenticates and names the connection",
        complexity: "O(1)",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        handler: hello,
        ..Spec::DEFAULT
    },
    Spec {
        name: "auth",
        arity: -2,
        flags: ALWAYS,
        acl: Acl::CONNECTION,
        group: "connection",
        since: "1.0.0",
        summary: "Authenticates the connection",
        complexity: "O(N) in the number of passwords of the user",
        syntax: "[username] password",
        handler: auth,
        ..Spec::DEFAULT
    },
    Spec {
        name: "quit",
        arity: -1,
        flags: ALWAYS.or(Flags::UNQUEUED),
        acl: Acl::CONNECTION,
        group: "connection",
        since: "1.0.0",
        summary: "Closes the connection",
        complexity: "O(1)",
        handler: quit,
        ..Spec::DEFAULT
    },
    Spec {
        name: "reset",
        arity: 1,
        flags: ALWAYS.or(Flags::UNQUEUED),
        acl: Acl::CONNECTION,
        group: "connection",
        since: "6.2.0",
        summary: "Makes the connection as if it were new",
        complexity: "O(1)",
        handler: reset,
        ..Spec::DEFAULT
    },
    Spec {
        name: "ping",
        arity: -1,
        flags: Flags::FAST,
        acl: Acl::CONNECTION,
        group: "connection",
        since: "1.0.0",
        summary: "Answers PONG, or what it was given",
        complexity: "O(1)",
        syntax: "[message]",
        handler: ping,
        ..Spec::DEFAULT
    },
];

fn ping(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let message = match args {
        [_] => None,
        [_, message] => Some(*message),
        _ => return Err(CmdError::arity("ping")),
    };
    if !ctx.reply.is_resp3() && client(ctx).is_ok_and(|c| c.subscription_count() > 0) {
        ctx.reply.array(2);
        ctx.reply.bulk("pong");
        ctx.reply.bulk(message.unwrap_or_default());
        return Ok(Flow::Done);
    }
    match message {
        None => ctx.reply.simple("PONG"),
        Some(message) => ctx.reply.bulk(message),
    }
    Ok(Flow::Done)
}

fn quit(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    client.then(After::Close);
    // Who has read the reply finds the connection gone from wherever it looks.
    server(ctx)?.retire(&client, ctx.session);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn auth(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (user, password) = match args {
        [_, password] => {
            if server(ctx)?.password().is_none() {
                return Err(CmdError::fixed(
                    "ERR AUTH <password> called without any password configured for the default \
                     user. Are you sure your configuration is correct?",
                ));
            }
            (&b"default"[..], *password)
        }
        [_, user, password] => (*user, *password),
        _ => return Err(CmdError::SYNTAX),
    };
    authenticate(ctx, user, password)?;
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Checks a password and lets the session in.
fn authenticate(ctx: &mut Ctx<'_, '_>, user: &[u8], password: &[u8]) -> Result<(), CmdError> {
    let right = user == b"default"
        && server(ctx)?.password().is_none_or(|expected| same(&expected, password));
    if !right {
        return Err(CmdError::fixed(
            "WRONGPASS invalid username-password pair or user is disabled.",
        ));
    }
    ctx.session.authenticated = true;
    client(ctx)?.then(After::Relimit);
    Ok(())
}

/// Compares in time that does not depend on where the texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    let longest = a.len().max(b.len());
    let differ = (0..longest).fold(a.len() ^ b.len(), |acc, i| {
        acc | usize::from(a.get(i).unwrap_or(&0) ^ b.get(i).unwrap_or(&0))
    });
    differ == 0
}

fn hello(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let mut proto = ctx.session.proto;
    if let Some(version) = args.get(1) {
        let Some(version) = cairn_core::util::int::parse_i64(version) else {
            return Err(CmdError::fixed("ERR Protocol version is not an integer or out of range"));
        };
        proto = match version {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(CmdError::fixed("NOPROTO unsupported protocol version")),
        };
    }
    let mut name = None;
    let mut login = None;
    let mut rest = args.get(2..).unwrap_or_default();
    while let Some((&option, more)) = rest.split_first() {
        match more {
            [user, password, after @ ..] if is(option, "auth") => {
                login = Some((*user, *password));
                rest = after;
            }
            [value, after @ ..] if is(option, "setname") => {
                name = Some(super::client::valid_name(value)?);
                rest = after;
            }
            _ => {
                let option = text(option);
                return Err(CmdError::new(format!("ERR Syntax error in HELLO option '{option}'")));
            }
        }
    }
    if let Some((user, password)) = login {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.authenticated {
        return Err(CmdError::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    let client = client(ctx)?;
    if let Some(name) = name {
        client.names().name = name;
    }
    ctx.session.proto = proto;
    ctx.reply.set_proto(proto);
    client.proto.store(if proto == Proto::Resp3 { 3 } else { 2 }, Ordering::Relaxed);
    greet(ctx);
    Ok(Flow::Done)
}

fn greet(ctx: &mut Ctx<'_, '_>) {
    let proto = if ctx.session.proto == Proto::Resp3 { 3 } else { 2 };
    let (id, engine) = (ctx.session.id, ctx.engine());
    let r = &mut ctx.reply;
    r.map(7);
    r.bulk("server");
    r.bulk("redis");
    r.bulk("version");
    r.bulk(version::REDIS);
    r.bulk("proto");
    r.int(proto);
    r.bulk("id");
    r.int(id as i64);
    r.bulk("mode");
    r.bulk("standalone");
    r.bulk("role");
    r.bulk("master");
    r.bulk("modules");
    super::introspection::list_modules(r, engine);
}

fn reset(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    ctx.session.multi = None;
    ctx.session.watch.clear();
    ctx.session.fieldsets = None;
    ctx.session.db = 0;
    ctx.session.proto = Proto::Resp2;
    ctx.session.authenticated = server(ctx)?.password().is_none();
    pubsub::forget(server(ctx)?, ctx.session, &client);
    server(ctx)?.forget_watching(&client);
    ctx.session.tracks = false;
    client.set_reply_mode(ReplyMode::On);
    client.names().name.clear();
    client.proto.store(2, Ordering::Relaxed);
    client.no_evict.store(false, Ordering::Relaxed);
    client.no_touch.store(false, Ordering::Relaxed);
    client.then(After::Relimit);
    ctx.reply.set_proto(Proto::Resp2);
    ctx.reply.simple("RESET");
    Ok(Flow::Done)
}
