//! What a server tells about itself: COMMAND, MODULE, TIME, ROLE, LOLWUT.
//!
//! INFO is in [`crate::info`], CONFIG in its own file.

use cairn_core::command::{
    Access, Acl, Begin, Command, Ctx, Find, Flags, Flow, KeySpec, Outcome, Spec, keys,
};
use cairn_core::reply::Reply;
use cairn_core::util::glob;
use cairn_core::util::num::parse_i64;
use cairn_core::{CmdError, Engine, clock};

use super::{is, server, text};
use crate::{info, version};

const ANYTIME: Flags = Flags::LOADING.or(Flags::STALE);

/// The family's commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "info",
        arity: -1,
        flags: ANYTIME,
        acl: Acl::DANGEROUS,
        group: "server",
        since: "1.0.0",
        summary: "Tells about the server, in sections",
        complexity: "O(1)",
        syntax: "[section [section ...]]",
        handler: |ctx, args| {
            let server = server(ctx)?;
            let sections: Vec<String> =
                args[1..].iter().map(|s| text(s).to_ascii_lowercase()).collect();
            let lines = info::render(server, &sections);
            ctx.reply.verbatim("txt", lines);
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
    Spec {
        name: "command",
        arity: -1,
        flags: ANYTIME,
        acl: Acl::CONNECTION,
        group: "server",
        since: "2.8.13",
        summary: "Describes all commands",
        complexity: "O(N) in the number of commands",
        subcommands: COMMAND,
        handler: |ctx, _args| {
            let engine = ctx.engine();
            ctx.reply.array(engine.registry.len());
            for (name, command) in engine.registry.iter() {
                describe(ctx.reply, name, command);
            }
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
    Spec {
        name: "module",
        arity: -2,
        group: "server",
        since: "4.0.0",
        summary: "Tells about modules",
        complexity: "Depends on the subcommand",
        subcommands: MODULE,
        ..Spec::DEFAULT
    },
    Spec {
        name: "time",
        arity: 1,
        flags: ANYTIME.or(Flags::FAST),
        group: "server",
        since: "2.6.0",
        summary: "Answers the time in seconds and microseconds",
        complexity: "O(1)",
        handler: |ctx, _args| {
            let micros = clock::now_nanos() / 1000;
            ctx.reply.array(2);
            ctx.reply.bulk((micros / 1_000_000).to_string());
            ctx.reply.bulk((micros % 1_000_000).to_string());
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
    Spec {
        name: "role",
        arity: 1,
        flags: ANYTIME.or(Flags::NOSCRIPT).or(Flags::FAST),
        acl: Acl::ADMIN.or(Acl::DANGEROUS),
        group: "server",
        since: "2.8.12",
        summary: "Answers the replication role",
        complexity: "O(1)",
        handler: |ctx, _args| {
            let offset = ctx.engine().effects.end();
            ctx.reply.array(3);
            ctx.reply.bulk("master");
            ctx.reply.int(offset as i64);
            ctx.reply.array(0);
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
    Spec {
        name: "lolwut",
        arity: -1,
        flags: Flags::READONLY.or(Flags::FAST),
        group: "server",
        since: "5.0.0",
        summary: "Shows the version and a cairn",
        complexity: "O(1)",
        syntax: "[VERSION version]",
        handler: |ctx, args| {
            if let [_, word, version, ..] = args
                && is(word, "version")
                && parse_i64(version).is_none()
            {
                return Err(CmdError::NOT_INT);
            }
            let stones = "      .-.\n    .(   ).\n   (  .-.  )\n .(___)-(___).\n(______|______)\n";
            ctx.reply.verbatim("txt", format!("{stones}\nCairn {}\n", version::CAIRN));
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
];

const ABOUT: Spec = Spec {
    flags: ANYTIME,
    acl: Acl::CONNECTION,
    group: "server",
    since: "2.8.13",
    complexity: "O(N) in the number of commands",
    ..Spec::DEFAULT
};

const COMMAND: &[Spec] = &[
    Spec {
        name: "count",
        arity: 2,
        summary: "Counts the commands",
        handler: |ctx, _args| {
            let n = ctx.engine().registry.len();
            ctx.reply.count(n);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "info",
        arity: -2,
        summary: "Describes commands",
        syntax: "[command-name [command-name ...]]",
        handler: command_info,
        ..ABOUT
    },
    Spec {
        name: "docs",
        arity: -2,
        since: "7.0.0",
        summary: "Documents commands",
        syntax: "[command-name [command-name ...]]",
        handler: super::docs::command_docs,
        ..ABOUT
    },
    Spec {
        name: "list",
        arity: -2,
        since: "7.0.0",
        summary: "Lists the names of commands",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        handler: command_list,
        ..ABOUT
    },
    Spec {
        name: "getkeys",
        arity: -3,
        summary: "Answers the keys of a command",
        syntax: "command [arg [arg ...]]",
        handler: |ctx, args| get_keys(ctx, args, false),
        ..ABOUT
    },
    Spec {
        name: "getkeysandflags",
        arity: -3,
        since: "7.0.0",
        summary: "Answers the keys of a command and what it does with them",
        syntax: "command [arg [arg ...]]",
        handler: |ctx, args| get_keys(ctx, args, true),
        ..ABOUT
    },
    Spec {
        name: "help",
        arity: 2,
        since: "5.0.0",
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            help(ctx.reply, "COMMAND", COMMAND);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

const MODULE: &[Spec] = &[
    Spec {
        name: "list",
        arity: 2,
        flags: Flags::ADMIN.or(Flags::NOSCRIPT),
        group: "server",
        since: "4.0.0",
        summary: "Lists the modules",
        complexity: "O(N) in the number of modules",
        handler: |ctx, _| {
            let engine = ctx.engine();
            list_modules(ctx.reply, engine);
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
    Spec {
        name: "help",
        arity: 2,
        flags: ANYTIME,
        group: "server",
        since: "5.0.0",
        summary: "Explains the subcommands",
        complexity: "O(1)",
        handler: |ctx, _| {
            help(ctx.reply, "MODULE", MODULE);
            Ok(Flow::Done)
        },
        ..Spec::DEFAULT
    },
];

/// HELP of a container, from its subcommands' specs.
pub fn help(reply: &mut Reply, container: &str, subcommands: &[Spec]) {
    reply.array(1 + 2 * subcommands.len());
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for spec in subcommands {
        let space = if spec.syntax.is_empty() { "" } else { " " };
        reply.simple(&format!("{}{space}{}", spec.name.to_uppercase(), spec.syntax));
        reply.simple(&format!("    {}.", spec.summary));
    }
}

/// The modules, as MODULE LIST and HELLO show them.
pub fn list_modules(reply: &mut Reply, engine: &Engine) {
    let all: Vec<_> = engine.modules.iter().collect();
    reply.array(all.len());
    for module in all {
        reply.map(4);
        reply.bulk("name");
        reply.bulk(module.name());
        reply.bulk("ver");
        reply.int(i64::from(module.version()));
        reply.bulk("path");
        reply.bulk("");
        reply.bulk("args");
        reply.array(0);
    }
}

/// COMMAND INFO's entry for a command.
fn describe(reply: &mut Reply, name: &str, command: &Command) {
    let spec = command.spec;
    reply.array(10);
    reply.bulk(name);
    reply.int(i64::from(spec.arity));
    let mut flags = spec.flags.names();
    flags.retain(|f| !f.is_empty());
    if spec.find_keys.is_some() && !flags.contains(&"movablekeys") {
        flags.push("movablekeys");
    }
    reply.set(flags.len());
    flags.iter().for_each(|f| reply.simple(f));
    let (first, last, step) = positions(spec.keys);
    reply.int(first);
    reply.int(last);
    reply.int(step);
    let categories = spec.categories().names();
    reply.set(categories.len());
    categories.iter().for_each(|c| reply.simple(&format!("@{c}")));
    reply.set(0);
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|k| describe_keys(reply, k));
    // No subcommands are a set and some an array: so it is in Redis.
    match command.subcommands.len() {
        0 => reply.set(0),
        some => reply.array(some),
    }
    for sub in &command.subcommands {
        describe(reply, &sub.name, sub);
    }
}

/// The first key's position, the last one's (from the end when negative) and the step between
/// them: the form that older clients know. Key specs that follow one upon the other count
/// together; those that a range cannot express are left out.
fn positions(specs: &[KeySpec]) -> (i64, i64, i64) {
    let range = |spec: &KeySpec| match (spec.begin, spec.find) {
        (Begin::Index(first), Find::Range { last, step, .. }) => {
            let (first, last) = (i64::from(first), i64::from(last));
            Some((first, if last >= 0 { first + last } else { last }, i64::from(step)))
        }
        _ => None,
    };
    let mut whole: Option<(i64, i64, i64)> = None;
    for (first, last, step) in specs.iter().filter_map(range) {
        whole = match whole {
            None => Some((first, last, step)),
            Some((start, end, 1)) if step == 1 && end == first - 1 => Some((start, last, 1)),
            Some(_) => return (0, 0, 0),
        };
    }
    whole.unwrap_or((0, 0, 0))
}

fn describe_keys(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk("flags");
    let flags = spec.access.names();
    reply.set(flags.len());
    flags.iter().for_each(|f| reply.simple(f));
    reply.bulk("begin_search");
    let pairs = |reply: &mut Reply, kind: &str, fields: &[(&str, i64)]| {
        reply.map(2);
        reply.bulk("type");
        reply.bulk(kind);
        reply.bulk("spec");
        reply.map(fields.len());
        for (name, value) in fields {
            reply.bulk(name);
            reply.int(*value);
        }
    };
    match spec.begin {
        Begin::Unknown => pairs(reply, "unknown", &[]),
        Begin::Index(at) => pairs(reply, "index", &[("index", i64::from(at))]),
        Begin::Keyword { word, from } => {
            reply.map(2);
            reply.bulk("type");
            reply.bulk("keyword");
            reply.bulk("spec");
            reply.map(2);
            reply.bulk("keyword");
            reply.bulk(word);
            reply.bulk("startfrom");
            reply.int(i64::from(from));
        }
    }
    reply.bulk("find_keys");
    match spec.find {
        Find::Unknown => pairs(reply, "unknown", &[]),
        Find::Range { last, step, limit } => pairs(
            reply,
            "range",
            &[
                ("lastkey", i64::from(last)),
                ("keystep", i64::from(step)),
                ("limit", i64::from(limit)),
            ],
        ),
        Find::KeyNum { at, first, step } => pairs(
            reply,
            "keynum",
            &[
                ("keynumidx", i64::from(at)),
                ("firstkey", i64::from(first)),
                ("keystep", i64::from(step)),
            ],
        ),
    }
}

/// The command of a name such as `get` or `client|list`.
pub fn by_name(engine: &Engine, name: &[u8]) -> Option<&'static Command> {
    match name.iter().position(|b| *b == b'|') {
        None => engine.registry.get(name),
        Some(at) => engine.registry.get(&name[..at])?.subcommand(&name[at + 1..]),
    }
}

fn command_info(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let engine = ctx.engine();
    if args.len() == 2 {
        ctx.reply.array(engine.registry.len());
        for (name, command) in engine.registry.iter() {
            describe(ctx.reply, name, command);
        }
        return Ok(Flow::Done);
    }
    ctx.reply.array(args.len() - 2);
    for name in &args[2..] {
        match by_name(engine, name) {
            Some(command) => describe(ctx.reply, &command.name, command),
            None => ctx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// Chooses commands by name and spec.
type Accepts = Box<dyn Fn(&str, &Command) -> bool>;

fn command_list(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let engine = ctx.engine();
    let accepts: Accepts = match &args[2..] {
        [] => Box::new(|_, _| true),
        [by, kind, value] if is(by, "filterby") => match *kind {
            k if is(k, "pattern") => {
                let pattern = value.to_vec();
                Box::new(move |name, _| glob::matches_ignoring_case(&pattern, name.as_bytes()))
            }
            k if is(k, "aclcat") => {
                let category = Acl::by_name(&text(value));
                Box::new(move |_, c| category.is_some_and(|acl| c.spec.categories().has(acl)))
            }
            k if is(k, "module") => {
                let module = engine.modules.iter().find(|m| is(value, m.name())).cloned();
                Box::new(move |name, _| {
                    module.as_ref().is_some_and(|m| m.commands().iter().any(|s| s.name == name))
                })
            }
            _ => return Err(CmdError::SYNTAX),
        },
        _ => return Err(CmdError::SYNTAX),
    };
    let mut names: Vec<&str> = Vec::new();
    for (name, command) in engine.registry.iter() {
        names.extend(accepts(name, command).then_some(name));
        let below = command.subcommands.iter().filter(|below| accepts(&below.name, below));
        names.extend(below.map(|below| &*below.name));
    }
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name));
    Ok(Flow::Done)
}

const NO_KEYS: CmdError = CmdError::fixed("ERR The command has no key arguments");

/// Whether a command has no keys, nor words that only look like them.
fn is_keyless(command: &Command) -> bool {
    command.spec.keys.iter().all(|spec| spec.access.any(Access::NOT_KEY))
}

fn get_keys(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], with_flags: bool) -> Outcome {
    let words = &args[2..];
    let command = match ctx.engine().resolve(words) {
        Ok(command) => command,
        Err(e) if e.text().starts_with("ERR wrong number") => {
            let keyless = ctx.engine().named(words).is_some_and(is_keyless);
            return Err(if keyless {
                NO_KEYS
            } else {
                CmdError::fixed("ERR Invalid number of arguments specified for command")
            });
        }
        Err(_) => return Err(CmdError::fixed("ERR Invalid command specified")),
    };
    let mut found = Vec::new();
    keys::positions(command.spec, words, &mut found);
    if found.is_empty() || !keys::counts_hold(command.spec, words) {
        return Err(if is_keyless(command) {
            NO_KEYS
        } else {
            CmdError::fixed("ERR Invalid arguments specified for command")
        });
    }
    // A key that no spec finds is one of those that the last spec says can't be found.
    let hidden = command.spec.keys.last().filter(|spec| spec.begin == Begin::Unknown);
    ctx.reply.array(found.len());
    for at in found {
        if !with_flags {
            ctx.reply.bulk(words[at]);
            continue;
        }
        let of = |spec: &&KeySpec| {
            let mut own = Vec::new();
            keys::by_spec(spec, words, &mut own);
            own.contains(&at)
        };
        let access = match command.spec.varies {
            Some(access) => Some(access(words)),
            None => command.spec.keys.iter().find(of).or(hidden).map(|spec| spec.access),
        };
        let flags = access.map_or(vec![], |access| access.names());
        ctx.reply.array(2);
        ctx.reply.bulk(words[at]);
        ctx.reply.set(flags.len());
        flags.iter().for_each(|f| ctx.reply.simple(f));
    }
    Ok(Flow::Done)
}
