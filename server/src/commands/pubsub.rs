//! SUBSCRIBE and its kin, PUBLISH, PUBSUB.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cairn_core::CmdError;
use cairn_core::command::{Access, Acl, Command, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use cairn_core::reply::Reply;
use cairn_core::session::Session;

use super::{client, server};
use crate::client::Client;
use crate::pubsub::Kind;
use crate::server::Server;

const LISTEN: Flags = Flags::PUBSUB.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE);
const SAY: Flags =
    Flags::PUBSUB.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST).or(Flags::MAY_REPLICATE);

/// A subscribing command.
const fn listen(
    name: &'static str,
    arity: i32,
    since: &'static str,
    syntax: &'static str,
    summary: &'static str,
    handler: cairn_core::command::Handler,
) -> Spec {
    Spec {
        name,
        arity,
        flags: LISTEN,
        group: "pubsub",
        since,
        summary,
        complexity: "O(N) in the number of names",
        syntax,
        handler,
        ..Spec::DEFAULT
    }
}

/// The family's commands.
pub const SPECS: &[Spec] = &[
    listen(
        "subscribe",
        -2,
        "2.0.0",
        "channel [channel ...]",
        "Listens to channels",
        |ctx, args| subscribe(ctx, args, Kind::Channel),
    ),
    listen(
        "unsubscribe",
        -1,
        "2.0.0",
        "[channel [channel ...]]",
        "Stops listening to channels",
        |ctx, args| unsubscribe(ctx, args, Kind::Channel),
    ),
    listen(
        "psubscribe",
        -2,
        "2.0.0",
        "pattern [pattern ...]",
        "Listens to all channels that match patterns",
        |ctx, args| subscribe(ctx, args, Kind::Pattern),
    ),
    listen(
        "punsubscribe",
        -1,
        "2.0.0",
        "[pattern [pattern ...]]",
        "Stops listening by patterns",
        |ctx, args| unsubscribe(ctx, args, Kind::Pattern),
    ),
    Spec {
        keys: &[KeySpec::range(1, -1, 1, Access::NOT_KEY)],
        ..listen(
            "ssubscribe",
            -2,
            "7.0.0",
            "shardchannel [shardchannel ...]",
            "Listens to shard channels",
            |ctx, args| subscribe(ctx, args, Kind::Shard),
        )
    },
    Spec {
        keys: &[KeySpec::range(1, -1, 1, Access::NOT_KEY)],
        ..listen(
            "sunsubscribe",
            -1,
            "7.0.0",
            "[shardchannel [shardchannel ...]]",
            "Stops listening to shard channels",
            |ctx, args| unsubscribe(ctx, args, Kind::Shard),
        )
    },
    Spec {
        name: "publish",
        arity: 3,
        flags: SAY,
        group: "pubsub",
        since: "2.0.0",
        summary: "Sends a message to all who listen to a channel",
        complexity: "O(N+M) in the channel's subscribers and all patterns",
        syntax: "channel message",
        handler: |ctx, args| publish(ctx, args, Kind::Channel),
        ..Spec::DEFAULT
    },
    Spec {
        name: "spublish",
        arity: 3,
        flags: SAY,
        keys: &[KeySpec::one(1, Access::NOT_KEY)],
        group: "pubsub",
        since: "7.0.0",
        summary: "Sends a message to all who listen to a shard channel",
        complexity: "O(N) in the channel's subscribers",
        syntax: "shardchannel message",
        handler: |ctx, args| publish(ctx, args, Kind::Shard),
        ..Spec::DEFAULT
    },
    Spec {
        name: "pubsub",
        arity: -2,
        group: "pubsub",
        since: "2.8.0",
        summary: "Tells about channels and their subscribers",
        complexity: "Depends on the subcommand",
        subcommands: SUBCOMMANDS,
        ..Spec::DEFAULT
    },
];

const ASK: Spec = Spec {
    flags: Flags::PUBSUB.or(Flags::LOADING).or(Flags::STALE),
    group: "pubsub",
    since: "2.8.0",
    complexity: "O(N) in the number of channels",
    ..Spec::DEFAULT
};

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "channels",
        arity: -2,
        summary: "Lists channels with subscribers",
        syntax: "[pattern]",
        handler: |ctx, args| channels(ctx, args, Kind::Channel),
        ..ASK
    },
    Spec {
        name: "shardchannels",
        arity: -2,
        since: "7.0.0",
        summary: "Lists shard channels with subscribers",
        syntax: "[pattern]",
        handler: |ctx, args| channels(ctx, args, Kind::Shard),
        ..ASK
    },
    Spec {
        name: "numsub",
        arity: -2,
        summary: "Counts the subscribers of channels",
        syntax: "[channel [channel ...]]",
        handler: |ctx, args| numsub(ctx, args, Kind::Channel),
        ..ASK
    },
    Spec {
        name: "shardnumsub",
        arity: -2,
        since: "7.0.0",
        summary: "Counts the subscribers of shard channels",
        syntax: "[shardchannel [shardchannel ...]]",
        handler: |ctx, args| numsub(ctx, args, Kind::Shard),
        ..ASK
    },
    Spec {
        name: "numpat",
        arity: 2,
        summary: "Counts patterns with subscribers",
        handler: |ctx, _args| {
            let patterns = server(ctx)?.pubsub.len(Kind::Pattern);
            ctx.reply.count(patterns);
            Ok(Flow::Done)
        },
        ..ASK
    },
    Spec {
        name: "help",
        arity: 2,
        summary: "Explains the subcommands",
        acl: Acl::SLOW,
        handler: |ctx, _args| {
            super::introspection::help(ctx.reply, "PUBSUB", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..ASK
    },
];

/// In RESP2 a connection that listens may do little else.
///
/// # Errors
/// The reply to anything else.
pub fn check_subscriber(session: &Session, command: &Command) -> Result<(), CmdError> {
    use cairn_core::reply::Proto;
    const ALLOWED: [&str; 9] = [
        "subscribe",
        "unsubscribe",
        "psubscribe",
        "punsubscribe",
        "ssubscribe",
        "sunsubscribe",
        "ping",
        "quit",
        "reset",
    ];
    if session.proto == Proto::Resp3 || session.subscribed == 0 {
        return Ok(());
    }
    if ALLOWED.contains(&command.spec.name) {
        return Ok(());
    }
    Err(CmdError::new(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
         allowed in this context",
        command.name
    )))
}

fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Channel => ("subscribe", "unsubscribe"),
        Kind::Pattern => ("psubscribe", "punsubscribe"),
        Kind::Shard => ("ssubscribe", "sunsubscribe"),
    }
}

fn confirm(reply: &mut Reply, word: &str, name: Option<&[u8]>, count: u32) {
    reply.push(3);
    reply.bulk(word);
    reply.bulk_or_null(name);
    reply.int(i64::from(count));
}

/// The number that a confirmation ends with: channels and patterns together, shard channels
/// alone.
fn count(client: &Client, kind: Kind) -> u32 {
    let of = |kind: Kind| client.subscriptions[kind as usize].load(Ordering::Relaxed);
    match kind {
        Kind::Shard => of(Kind::Shard),
        _ => of(Kind::Channel) + of(Kind::Pattern),
    }
}

fn subscribe(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], kind: Kind) -> Outcome {
    let (server, client) = (server(ctx)?, client(ctx)?);
    for name in &args[1..] {
        if client.listen(kind, name) {
            server.pubsub.subscribe(kind, name, client.thread, client.id);
        }
        confirm(ctx.reply, words(kind).0, Some(name), count(&client, kind));
    }
    ctx.session.subscribed = client.subscription_count();
    client.keep_order(ctx.session);
    Ok(Flow::Done)
}

fn unsubscribe(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], kind: Kind) -> Outcome {
    let (server, client) = (server(ctx)?, client(ctx)?);
    let names: Vec<Box<[u8]>> = match &args[1..] {
        [] => client.listens_to(kind),
        some => some.iter().map(|name| Box::from(*name)).collect(),
    };
    if names.is_empty() {
        confirm(ctx.reply, words(kind).1, None, count(&client, kind));
    }
    for name in &names {
        if client.unlisten(kind, name) {
            server.pubsub.unsubscribe(kind, name, client.thread, client.id);
        }
        confirm(ctx.reply, words(kind).1, Some(name), count(&client, kind));
    }
    ctx.session.subscribed = client.subscription_count();
    Ok(Flow::Done)
}

/// Ends all subscriptions of a connection.
pub fn forget(server: &Server, session: &mut Session, client: &Arc<Client>) {
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        for name in client.listens_to(kind) {
            client.unlisten(kind, &name);
            server.pubsub.unsubscribe(kind, &name, client.thread, client.id);
        }
    }
    session.subscribed = 0;
}

fn publish(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], kind: Kind) -> Outcome {
    let offset = ctx.engine().effects.end();
    let receivers = server(ctx)?.pubsub.publish(kind, args[1], args[2], offset);
    ctx.reply.count(receivers);
    Ok(Flow::Done)
}

fn channels(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], kind: Kind) -> Outcome {
    if args.len() > 3 {
        return Err(CmdError::arity(&ctx.command.name));
    }
    let names = server(ctx)?.pubsub.names(kind, args.get(2).copied());
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name));
    Ok(Flow::Done)
}

fn numsub(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], kind: Kind) -> Outcome {
    let server = server(ctx)?;
    // An array in RESP3 too.
    ctx.reply.array((args.len() - 2) * 2);
    for name in &args[2..] {
        ctx.reply.bulk(name);
        ctx.reply.count(server.pubsub.subscribers(kind, name));
    }
    Ok(Flow::Done)
}
