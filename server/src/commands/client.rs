//! CLIENT: connections look at, name, kill, pause and mute themselves and each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cairn_core::CmdError;
use cairn_core::clock;
use cairn_core::command::{Acl, Ctx, Flags, Flow, Outcome, Reach, Spec};
use cairn_core::util::int::parse_i64;

use super::{client, introspection, is, server, text, tracking, wrong_arguments};
use crate::client::{After, Client, ReplyMode};
use crate::net::mailbox::{Letter, Message};
use crate::pause::Paused;
use crate::pubsub::Kind;
use crate::server::Server;
use crate::tracking::Mode;

/// The family's command.
pub const SPECS: &[Spec] = &[Spec {
    name: "client",
    arity: -2,
    group: "connection",
    since: "2.4.0",
    summary: "Looks at and changes connections",
    complexity: "Depends on the subcommand",
    acl: Acl::CONNECTION,
    subcommands: SUBCOMMANDS,
    ..Spec::DEFAULT
}];

const SELF: Spec = Spec {
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    group: "connection",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

const OTHERS: Spec = Spec {
    flags: SELF.flags.or(Flags::ADMIN),
    complexity: "O(N) in the number of connections",
    ..SELF
};

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "id",
        arity: 2,
        since: "5.0.0",
        summary: "Answers the connection's number",
        handler: id,
        ..SELF
    },
    Spec {
        name: "getname",
        arity: 2,
        since: "2.6.9",
        summary: "Answers the connection's name",
        handler: getname,
        ..SELF
    },
    Spec {
        name: "setname",
        arity: 3,
        since: "2.6.9",
        summary: "Names the connection",
        syntax: "connection-name",
        handler: setname,
        ..SELF
    },
    Spec {
        name: "setinfo",
        arity: 4,
        since: "7.2.0",
        summary: "Names the client library",
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        handler: setinfo,
        ..SELF
    },
    Spec {
        name: "info",
        arity: 2,
        since: "6.2.0",
        summary: "Describes the connection",
        handler: info,
        ..SELF
    },
    Spec {
        name: "getredir",
        arity: 2,
        since: "6.0.0",
        summary: "Answers where invalidations are redirected",
        handler: tracking::getredir,
        ..SELF
    },
    Spec {
        name: "tracking",
        arity: -3,
        since: "6.0.0",
        summary: "Has the server tell which cached keys change",
        complexity: "O(1), plus O(N) in the number of prefixes",
        syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] \
                 [OPTIN] [OPTOUT] [NOLOOP]",
        handler: tracking::tracking,
        ..SELF
    },
    Spec {
        name: "caching",
        arity: 3,
        since: "6.0.0",
        summary: "Chooses whether the next command's keys are tracked",
        syntax: "<YES | NO>",
        handler: tracking::caching,
        ..SELF
    },
    Spec {
        name: "trackinginfo",
        arity: 2,
        since: "6.2.0",
        summary: "Tells how the connection tracks",
        handler: tracking::trackinginfo,
        ..SELF
    },
    Spec {
        name: "reply",
        arity: 3,
        since: "3.2.0",
        summary: "Turns replies on or off",
        syntax: "<ON | OFF | SKIP>",
        handler: reply,
        ..SELF
    },
    Spec {
        name: "no-touch",
        arity: 3,
        since: "7.2.0",
        summary: "Chooses whether commands count as use of keys",
        syntax: "<ON | OFF>",
        handler: no_touch,
        ..SELF
    },
    Spec {
        name: "no-evict",
        arity: 3,
        since: "7.0.0",
        summary: "Chooses whether the connection may be evicted",
        syntax: "<ON | OFF>",
        handler: no_evict,
        ..OTHERS
    },
    Spec {
        name: "list",
        arity: -2,
        since: "2.4.0",
        summary: "Lists connections",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        handler: list,
        ..OTHERS
    },
    Spec {
        name: "kill",
        arity: -3,
        since: "2.4.0",
        summary: "Closes connections",
        syntax: "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] \
                 [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] \
                 [MAXAGE maxage]>",
        handler: kill,
        ..OTHERS
    },
    Spec {
        name: "unblock",
        arity: -3,
        since: "5.0.0",
        summary: "Ends another connection's blocking command",
        syntax: "client-id [TIMEOUT | ERROR]",
        handler: unblock,
        ..OTHERS
    },
    Spec {
        name: "pause",
        arity: -3,
        since: "3.0.0",
        summary: "Holds commands back",
        syntax: "timeout [WRITE | ALL]",
        reach: Reach::All,
        handler: pause,
        ..OTHERS
    },
    Spec {
        name: "unpause",
        arity: 2,
        since: "6.2.0",
        summary: "Ends a pause",
        handler: unpause,
        ..OTHERS
    },
    Spec {
        name: "help",
        arity: 2,
        since: "5.0.0",
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "CLIENT", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..SELF
    },
];

fn id(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    ctx.reply.int(ctx.session.id as i64);
    Ok(Flow::Done)
}

fn getname(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let name = client(ctx)?.names().name.clone();
    ctx.reply.bulk_or_null((!name.is_empty()).then_some(name.as_bytes()));
    Ok(Flow::Done)
}

/// A name for a connection.
///
/// # Errors
/// When CLIENT LIST could not show it.
pub fn valid_name(name: &[u8]) -> Result<String, CmdError> {
    if name.iter().all(|b| (b'!'..=b'~').contains(b)) {
        return Ok(text(name));
    }
    Err(CmdError::fixed("ERR Client names cannot contain spaces, newlines or special characters."))
}

fn setname(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    client(ctx)?.names().name = valid_name(args[2])?;
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn setinfo(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    let value = args[3];
    let invalid = |_| {
        let option = text(args[2]);
        CmdError::new(format!(
            "ERR {option} cannot contain spaces, newlines or special characters."
        ))
    };
    if is(args[2], "lib-name") {
        client.names().lib_name = valid_name(value).map_err(invalid)?;
    } else if is(args[2], "lib-ver") {
        client.names().lib_version = valid_name(value).map_err(invalid)?;
    } else {
        return Err(CmdError::new(format!("ERR Unrecognized option '{}'", text(args[2]))));
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn reply(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    if is(args[2], "on") {
        client.set_reply_mode(ReplyMode::On);
        ctx.reply.ok();
    } else if is(args[2], "off") {
        client.set_reply_mode(ReplyMode::Off);
    } else if is(args[2], "skip") {
        client.set_reply_mode(ReplyMode::SkipNext);
    } else {
        return Err(CmdError::SYNTAX);
    }
    Ok(Flow::Done)
}

fn on_off(arg: &[u8]) -> Result<bool, CmdError> {
    match arg {
        arg if is(arg, "on") => Ok(true),
        arg if is(arg, "off") => Ok(false),
        _ => Err(CmdError::SYNTAX),
    }
}

fn no_touch(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    client(ctx)?.no_touch.store(on_off(args[2])?, Ordering::Relaxed);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn no_evict(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    client(ctx)?.no_evict.store(on_off(args[2])?, Ordering::Relaxed);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn info(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let client = client(ctx)?;
    client.mirror(ctx.session);
    let line = describe(server(ctx)?, &client, Some(args));
    ctx.reply.verbatim("txt", line);
    Ok(Flow::Done)
}

/// Bytes of the words of the command that a client is in: the one that runs, whose words are
/// `own`, or the one that it is blocked in.
fn words_of(c: &Client, own: Option<&[&[u8]]>) -> u64 {
    let waits = c.waits.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let bytes = match (own, waits.as_ref()) {
        (Some(words), _) => words.iter().map(|word| word.len()).sum(),
        (None, Some(waiter)) => waiter.args.iter().map(|word| word.len()).sum(),
        (None, None) => 0,
    };
    bytes as u64
}

/// A line of CLIENT LIST. `own` are the words of the command that asks, if it is this client's.
fn describe(server: &Server, c: &Client, own: Option<&[&[u8]]>) -> String {
    let now = clock::now_nanos() / 1_000_000_000;
    let last = c.last_command.load(Ordering::Relaxed) as usize;
    let names = c.names();
    let load = |kind: Kind| c.subscriptions[kind as usize].load(Ordering::Relaxed);
    let queued = c.queued.load(Ordering::Relaxed);
    let (load_usage, usage) = (|figure: &AtomicU64| figure.load(Ordering::Relaxed), &c.usage);
    let (unsent, words) = (c.unsent(), words_of(c, own));
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} \
         ssub={} multi={queued} watch={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} \
         rbp={} obl={} oll={} omem={} tot-mem={} events={} cmd={} user={} redir={} resp={} \
         lib-name={} lib-ver={} io-thread={} tot-net-in={} tot-net-out={} tot-cmds={} \
         read-events={}\n",
        c.id,
        c.addr,
        c.laddr,
        c.fd.load(Ordering::Relaxed),
        names.name,
        now.saturating_sub(c.created),
        now.saturating_sub(c.last_active.load(Ordering::Relaxed)),
        flags(c),
        c.db.load(Ordering::Relaxed),
        load(Kind::Channel),
        load(Kind::Pattern),
        load(Kind::Shard),
        c.watching.load(Ordering::Relaxed),
        load_usage(&usage.query),
        load_usage(&usage.query_free),
        words,
        load_usage(&usage.multi),
        load_usage(&usage.reply),
        load_usage(&usage.reply_peak),
        unsent.first,
        unsent.blocks,
        unsent.rest,
        c.memory() + words,
        if unsent.first > 0 { "rw" } else { "r" },
        server.command_name(last),
        names.user,
        tracking::redirect(c),
        c.proto.load(Ordering::Relaxed),
        names.lib_name,
        names.lib_version,
        c.seat.load(Ordering::Relaxed),
        load_usage(&usage.received),
        load_usage(&usage.sent),
        load_usage(&usage.commands),
        load_usage(&usage.reads),
    )
}

/// The letters of a client's state.
fn flags(c: &Client) -> String {
    let set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
    let all = [
        (set(&c.monitors), 'O'),
        (c.subscription_count() > 0, 'P'),
        (c.queued.load(Ordering::Relaxed) >= 0, 'x'),
        (set(&c.blocked), 'b'),
        (c.tracking.is_on(), 't'),
        (c.tracking.is_broken(), 'R'),
        (c.tracking.mode().has(Mode::BCAST), 'B'),
        (c.unix, 'U'),
        (set(&c.no_evict), 'e'),
        (set(&c.no_touch), 'T'),
    ];
    match all.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect::<String>() {
        none if none.is_empty() => "N".into(),
        some => some,
    }
}

/// The types that CLIENT LIST and CLIENT KILL select by.
#[derive(Clone, Copy)]
enum ClientType {
    Normal,
    PubSub,
    /// Replicas and primaries: there are none.
    Link,
}

impl ClientType {
    fn parse(word: &[u8]) -> Result<Self, CmdError> {
        match word {
            w if is(w, "normal") => Ok(Self::Normal),
            w if is(w, "pubsub") => Ok(Self::PubSub),
            w if is(w, "master") || is(w, "replica") || is(w, "slave") => Ok(Self::Link),
            w => Err(CmdError::new(format!("ERR Unknown client type '{}'", text(w)))),
        }
    }

    fn has(self, client: &Client) -> bool {
        let listens = client.subscription_count() > 0;
        match self {
            Self::Normal => !listens,
            Self::PubSub => listens,
            Self::Link => false,
        }
    }
}

fn list(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    client(ctx)?.mirror(ctx.session);
    let server = server(ctx)?;
    let all: Vec<Arc<Client>> = server.clients().values().cloned().collect();
    let mut chosen = Vec::new();
    match &args[2..] {
        [] => chosen = all,
        [option, kind] if is(option, "type") => {
            let kind = ClientType::parse(kind)?;
            chosen.extend(all.into_iter().filter(|c| kind.has(c)));
        }
        [option, ids @ ..] if is(option, "id") && !ids.is_empty() => {
            for id in ids {
                let id = parse_i64(id).ok_or(CmdError::fixed("ERR Invalid client ID"))?;
                chosen.extend(all.iter().find(|c| c.id as i64 == id).cloned());
            }
        }
        _ => return Err(CmdError::SYNTAX),
    }
    let own = |c: &Client| (c.id == ctx.session.id).then_some(args);
    let lines: String = chosen.iter().map(|c| describe(server, c, own(c))).collect();
    ctx.reply.verbatim("txt", lines);
    Ok(Flow::Done)
}

/// What CLIENT KILL selects by.
#[derive(Default)]
struct Filter<'a> {
    id: Option<i64>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    kind: Option<ClientType>,
    max_age: Option<i64>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(words: &[&'a [u8]]) -> Result<Self, CmdError> {
        let mut filter = Filter { skip_me: true, ..Filter::default() };
        for pair in words.chunks(2) {
            let &[option, value] = pair else { return Err(CmdError::SYNTAX) };
            match option {
                o if is(o, "id") => {
                    let id = parse_i64(value).filter(|id| *id > 0);
                    filter.id =
                        Some(id.ok_or(CmdError::fixed("ERR client-id should be greater than 0"))?);
                }
                o if is(o, "addr") => filter.addr = Some(value),
                o if is(o, "laddr") => filter.laddr = Some(value),
                // There are no users but this one.
                o if is(o, "user") && value != b"default" => {
                    return Err(CmdError::new(format!("ERR No such user '{}'", text(value))));
                }
                o if is(o, "user") => filter.user = Some(value),
                o if is(o, "type") => filter.kind = Some(ClientType::parse(value)?),
                o if is(o, "maxage") => {
                    let age = parse_i64(value)
                        .ok_or(CmdError::fixed("ERR maxage is not an integer or out of range"))?;
                    if age <= 0 {
                        return Err(CmdError::fixed("ERR maxage should be greater than 0"));
                    }
                    filter.max_age = Some(age);
                }
                o if is(o, "skipme") => {
                    filter.skip_me = match value {
                        v if is(v, "yes") => true,
                        v if is(v, "no") => false,
                        _ => return Err(CmdError::SYNTAX),
                    };
                }
                _ => return Err(CmdError::SYNTAX),
            }
        }
        Ok(filter)
    }

    fn matches(&self, c: &Client, me: u64) -> bool {
        let now = clock::now_nanos() / 1_000_000_000;
        let age = now.saturating_sub(c.created) as i64;
        let user = self.user.is_none_or(|user| user == c.names().user.as_bytes());
        self.kind.is_none_or(|kind| kind.has(c))
            && user
            && self.id.is_none_or(|id| id == c.id as i64)
            && self.addr.is_none_or(|addr| addr == c.addr.as_bytes())
            && self.laddr.is_none_or(|addr| addr == c.laddr.as_bytes())
            && self.max_age.is_none_or(|max| age >= max)
            && !(self.skip_me && c.id == me)
    }
}

fn kill(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let old_form = args.len() == 3;
    let filter = if old_form {
        Filter { addr: Some(args[2]), ..Filter::default() }
    } else {
        Filter::parse(&args[2..])?
    };
    let server = server(ctx)?;
    let all: Vec<Arc<Client>> = server.clients().values().cloned().collect();
    let mut killed = 0;
    for c in all {
        if !filter.matches(&c, ctx.session.id) {
            continue;
        }
        killed += 1;
        if c.id == ctx.session.id {
            c.then(After::Close);
        } else {
            c.mailbox.send(Message::To(c.id, Letter::Kill));
        }
    }
    match (old_form, killed) {
        (true, 0) => return Err(CmdError::fixed("ERR No such client")),
        (true, _) => ctx.reply.ok(),
        (false, n) => ctx.reply.int(n),
    }
    Ok(Flow::Done)
}

fn unblock(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if args.len() > 4 {
        return Err(wrong_arguments("CLIENT", args[1]));
    }
    let error = match args.get(3) {
        None => false,
        Some(&word) if is(word, "timeout") => false,
        Some(&word) if is(word, "error") => true,
        _ => {
            return Err(CmdError::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_i64(args[2]).ok_or(CmdError::NOT_INT)?;
    let found = server(ctx)?.clients().get(&(id as u64)).cloned();
    let blocked = found.filter(|c| c.blocked.load(Ordering::Relaxed));
    ctx.reply.int(i64::from(blocked.is_some()));
    if let Some(c) = blocked {
        c.mailbox.send(Message::To(c.id, Letter::Unblock { error }));
    }
    Ok(Flow::Done)
}

fn pause(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if args.len() > 4 {
        return Err(wrong_arguments("CLIENT", args[1]));
    }
    let what = match args.get(3) {
        None => Paused::All,
        Some(&mode) if is(mode, "all") => Paused::All,
        Some(&mode) if is(mode, "write") => Paused::Writes,
        _ => return Err(CmdError::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout = parse_i64(args[2])
        .ok_or(CmdError::fixed("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 {
        return Err(CmdError::fixed("ERR timeout is negative"));
    }
    let until = ctx.space.now().saturating_add(timeout);
    server(ctx)?.pause.begin(what, until);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn unpause(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    server(ctx)?.pause.end();
    ctx.reply.ok();
    Ok(Flow::Done)
}
