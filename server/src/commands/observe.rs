//! SLOWLOG, LATENCY, MONITOR and HOTKEYS: what [`crate::observe`] gathered.

use cairn_core::command::{Command, Ctx, Flags, Flow, Outcome, Spec};
use cairn_core::reply::{Aggregate, Reply};
use cairn_core::util::int::parse_i64;
use cairn_core::{CmdError, clock};

use super::{client, introspection, is, server, text, wrong_arguments};
use crate::observe::hotkeys::{Options, Run};
use crate::observe::latency;
use crate::server::Server;

const ANYTIME: Flags = Flags::LOADING.or(Flags::STALE);
const ADMIN: Flags = Flags::ADMIN.or(ANYTIME);

/// The families' commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "slowlog",
        arity: -2,
        group: "server",
        since: "2.2.12",
        summary: "Tells about slow commands",
        complexity: "Depends on the subcommand",
        subcommands: SLOWLOG,
        ..Spec::DEFAULT
    },
    Spec {
        name: "latency",
        arity: -2,
        group: "server",
        since: "2.8.13",
        summary: "Tells what took long, and how long commands take",
        complexity: "Depends on the subcommand",
        subcommands: LATENCY,
        ..Spec::DEFAULT
    },
    Spec {
        name: "monitor",
        arity: 1,
        flags: ADMIN.or(Flags::NOSCRIPT),
        group: "server",
        since: "1.0.0",
        summary: "Shows every command that is run, as it is run",
        complexity: "O(1)",
        handler: monitor,
        ..Spec::DEFAULT
    },
    Spec {
        name: "hotkeys",
        arity: -2,
        group: "server",
        since: "8.6.0",
        summary: "Finds the keys that take most time or network",
        complexity: "Depends on the subcommand",
        subcommands: HOTKEYS,
        ..Spec::DEFAULT
    },
];

const SLOW: Spec = Spec {
    flags: ADMIN,
    group: "server",
    since: "2.2.12",
    complexity: "O(N) in the number of entries",
    ..Spec::DEFAULT
};

const SLOWLOG: &[Spec] = &[
    Spec {
        name: "get",
        arity: -2,
        summary: "Answers the latest slow commands",
        syntax: "[count]",
        handler: slowlog_get,
        ..SLOW
    },
    Spec {
        name: "len",
        arity: 2,
        summary: "Counts the slow commands that are remembered",
        handler: |ctx, _| {
            let len = server(ctx)?.observers.slowlog.len();
            ctx.reply.count(len);
            Ok(Flow::Done)
        },
        ..SLOW
    },
    Spec {
        name: "reset",
        arity: 2,
        summary: "Forgets all slow commands",
        handler: |ctx, _| {
            server(ctx)?.observers.slowlog.reset();
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..SLOW
    },
    Spec {
        name: "help",
        arity: 2,
        flags: ANYTIME,
        since: "6.2.0",
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "SLOWLOG", SLOWLOG);
            Ok(Flow::Done)
        },
        ..SLOW
    },
];

/// Entries that SLOWLOG GET answers unless told otherwise.
const SLOWLOG_DEFAULT: usize = 10;

fn slowlog_get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let count = match args[2..] {
        [] => SLOWLOG_DEFAULT,
        [count] => match parse_i64(count) {
            Some(-1) => usize::MAX,
            Some(n @ 0..) => n as usize,
            _ => {
                return Err(CmdError::fixed("ERR count should be greater than or equal to -1"));
            }
        },
        _ => return Err(wrong_arguments("SLOWLOG", args[1])),
    };
    let entries = server(ctx)?.observers.slowlog.latest(count);
    let reply = &mut ctx.reply;
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.at);
        reply.int(entry.micros as i64);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(&entry.addr);
        reply.bulk(&entry.name);
    }
    Ok(Flow::Done)
}

const LATE: Spec = Spec {
    flags: ADMIN.or(Flags::NOSCRIPT),
    group: "server",
    since: "2.8.13",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

const LATENCY: &[Spec] = &[
    Spec {
        name: "latest",
        arity: 2,
        summary: "Answers the latest sample of every event",
        handler: latest,
        ..LATE
    },
    Spec {
        name: "history",
        arity: 3,
        summary: "Answers the samples of an event",
        syntax: "event",
        handler: history,
        ..LATE
    },
    Spec {
        name: "reset",
        arity: -2,
        summary: "Forgets events",
        syntax: "[event [event ...]]",
        handler: |ctx, args| {
            let forgotten = server(ctx)?.observers.latency.reset(&args[2..]);
            ctx.reply.count(forgotten);
            Ok(Flow::Done)
        },
        ..LATE
    },
    Spec {
        name: "graph",
        arity: 3,
        summary: "Draws the samples of an event",
        syntax: "event",
        handler: graph,
        ..LATE
    },
    Spec {
        name: "doctor",
        arity: 2,
        summary: "Tells about all events, for people",
        handler: |ctx, _| {
            let advice = latency::doctor(&server(ctx)?.observers.latency);
            ctx.reply.verbatim("txt", advice);
            Ok(Flow::Done)
        },
        ..LATE
    },
    Spec {
        name: "histogram",
        arity: -2,
        since: "7.0.0",
        summary: "Answers how often commands took how long",
        complexity: "O(N) in the number of commands",
        syntax: "[command [command ...]]",
        handler: histogram,
        ..LATE
    },
    Spec {
        name: "help",
        arity: 2,
        flags: ANYTIME,
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "LATENCY", LATENCY);
            Ok(Flow::Done)
        },
        ..LATE
    },
];

fn latest(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let events = server(ctx)?.observers.latency.all();
    ctx.reply.array(events.len());
    for (name, event) in events {
        let (at, millis) = event.samples.back().copied().unwrap_or_default();
        ctx.reply.array(4);
        ctx.reply.bulk(name);
        ctx.reply.int(at);
        ctx.reply.int(millis as i64);
        ctx.reply.int(event.max as i64);
    }
    Ok(Flow::Done)
}

fn history(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let found = server(ctx)?.observers.latency.event(args[2]);
    let samples = found.map(|(_, event)| event.samples).unwrap_or_default();
    ctx.reply.array(samples.len());
    for (at, millis) in samples {
        ctx.reply.array(2);
        ctx.reply.int(at);
        ctx.reply.int(millis as i64);
    }
    Ok(Flow::Done)
}

fn graph(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let Some((name, event)) = server(ctx)?.observers.latency.event(args[2]) else {
        let event = text(args[2]);
        return Err(CmdError::new(format!("ERR No samples available for event '{event}'")));
    };
    let graph = latency::graph(name, &event, clock::now_millis() / 1000);
    ctx.reply.verbatim("txt", graph);
    Ok(Flow::Done)
}

fn histogram(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let engine = ctx.engine();
    let mut chosen: Vec<&Command> = Vec::new();
    match &args[2..] {
        [] => chosen.extend(engine.registry.iter().map(|(_, command)| command)),
        names => {
            chosen.extend(names.iter().filter_map(|name| introspection::by_name(engine, name)));
        }
    }
    let all = chosen
        .into_iter()
        .flat_map(|command| std::iter::once(command).chain(command.subcommands.iter().copied()));
    let map = ctx.reply.defer(Aggregate::Map);
    let mut shown = 0;
    for command in all {
        let latencies = engine.command_latencies(command);
        if latencies.count() == 0 {
            continue;
        }
        shown += 1;
        let reply = &mut ctx.reply;
        reply.bulk(&command.name);
        reply.map(2);
        reply.bulk("calls");
        reply.int(latencies.count() as i64);
        reply.bulk("histogram_usec");
        let steps = latencies.by_powers_of_two();
        reply.map(steps.len());
        for (bound, count) in steps {
            reply.int((bound / 1000) as i64);
            reply.int(count as i64);
        }
    }
    ctx.reply.finish(map, shown);
    Ok(Flow::Done)
}

fn monitor(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let (server, client) = (server(ctx)?, client(ctx)?);
    client.monitors.store(true, std::sync::atomic::Ordering::Relaxed);
    server.observers.monitors.add(&client);
    server.follow_observers();
    ctx.reply.ok();
    Ok(Flow::Done)
}

const HOT: Spec = Spec {
    flags: Flags::ADMIN.or(Flags::NOSCRIPT),
    group: "server",
    since: "8.6.0",
    complexity: "O(1)",
    ..Spec::DEFAULT
};

const HOTKEYS: &[Spec] = &[
    Spec {
        name: "start",
        arity: -2,
        summary: "Begins to look for hot keys",
        syntax: "METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio]",
        handler: hotkeys_start,
        ..HOT
    },
    Spec {
        name: "stop",
        arity: 2,
        summary: "Ends the search",
        handler: |ctx, _| {
            let server = server(ctx)?;
            if !server.observers.hotkeys.stop() {
                return Err(CmdError::fixed("ERR hotkeys tracking is not active"));
            }
            server.follow_observers();
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..HOT
    },
    Spec {
        name: "get",
        arity: 2,
        summary: "Answers what was found",
        complexity: "O(K) in the number of keys",
        handler: |ctx, _| {
            match server(ctx)?.observers.hotkeys.run() {
                Some(run) => {
                    ctx.reply.array(1);
                    describe(ctx.reply, &run);
                }
                None => ctx.reply.null(),
            }
            Ok(Flow::Done)
        },
        ..HOT
    },
    Spec {
        name: "reset",
        arity: 2,
        summary: "Forgets what was found",
        handler: |ctx, _| {
            if !server(ctx)?.observers.hotkeys.reset() {
                return Err(CmdError::fixed(
                    "ERR hotkeys tracking is still active, call HOTKEYS STOP first",
                ));
            }
            ctx.reply.ok();
            Ok(Flow::Done)
        },
        ..HOT
    },
    Spec {
        name: "help",
        arity: 2,
        flags: ANYTIME,
        summary: "Explains the subcommands",
        handler: |ctx, _| {
            introspection::help(ctx.reply, "HOTKEYS", HOTKEYS);
            Ok(Flow::Done)
        },
        ..HOT
    },
];

/// The most keys that HOTKEYS reports.
const HOTKEYS_MAX: i64 = 64;
/// How many it reports unless told otherwise.
const HOTKEYS_DEFAULT: usize = 10;
/// The longest run, in seconds.
const DURATION_MAX: i64 = 1_000_000;

fn hotkeys_start(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let options = hotkeys_options(&args[2..])?;
    let server: &Server = server(ctx)?;
    if !server.observers.hotkeys.start(options) {
        return Err(CmdError::fixed("ERR hotkeys tracking is already active"));
    }
    server.follow_observers();
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn hotkeys_options(words: &[&[u8]]) -> Result<Options, CmdError> {
    let within = |word: &[u8], max: i64| {
        parse_i64(word).filter(|n| (1..=max).contains(n)).ok_or(CmdError::NOT_INT)
    };
    let [metrics, count, rest @ ..] = words else { return Err(CmdError::SYNTAX) };
    if !is(metrics, "metrics") {
        return Err(CmdError::SYNTAX);
    }
    let mut options =
        Options { cpu: false, net: false, count: HOTKEYS_DEFAULT, duration: None, sample: 1 };
    let metrics = within(count, 2)? as usize;
    let names = rest.get(..metrics).ok_or(CmdError::SYNTAX)?;
    for name in names {
        match name {
            n if is(n, "cpu") => options.cpu = true,
            n if is(n, "net") => options.net = true,
            _ => return Err(CmdError::SYNTAX),
        }
    }
    let pairs = rest[metrics..].chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(CmdError::SYNTAX);
    }
    for pair in pairs {
        match pair[0] {
            o if is(o, "count") => options.count = within(pair[1], HOTKEYS_MAX)? as usize,
            o if is(o, "duration") => {
                options.duration = Some(within(pair[1], DURATION_MAX)? as u64 * 1000);
            }
            o if is(o, "sample") => options.sample = within(pair[1], i64::MAX)? as u64,
            o if is(o, "slots") => {
                return Err(CmdError::fixed("ERR SLOTS is only allowed in cluster mode"));
            }
            _ => return Err(CmdError::SYNTAX),
        }
    }
    Ok(options)
}

fn describe(reply: &mut Reply, run: &Run) {
    let Options { cpu, net, .. } = run.options;
    let until = run.ended.unwrap_or_else(clock::now_millis);
    let map = reply.defer(Aggregate::Map);
    let mut fields = vec![
        ("tracking-active", i64::from(run.ended.is_none())),
        ("sample-ratio", run.options.sample as i64),
        ("all-commands-all-slots-us", (run.nanos / 1000) as i64),
        ("net-bytes-all-commands-all-slots", run.bytes as i64),
        ("collection-start-time-unix-ms", run.began),
        ("collection-duration-ms", until - run.began),
    ];
    if cpu {
        fields.push(("total-cpu-time-user-ms", run.cpu.0 as i64));
        fields.push(("total-cpu-time-sys-ms", run.cpu.1 as i64));
    }
    if net {
        fields.push(("total-net-bytes", run.bytes as i64));
    }
    for (at, (name, value)) in fields.iter().enumerate() {
        reply.bulk(name);
        reply.int(*value);
        if at == 1 {
            reply.bulk("selected-slots");
            reply.array(1);
            reply.array(2);
            reply.int(0);
            reply.int(16_383);
        }
    }
    let lists = [(cpu, "by-cpu-time-us", run.by_time()), (net, "by-net-bytes", run.by_bytes())];
    let mut count = fields.len() + 1;
    for (_, name, keys) in lists.into_iter().filter(|(shown, ..)| *shown) {
        count += 1;
        reply.bulk(name);
        reply.array(keys.len() * 2);
        for (key, weight) in keys {
            reply.bulk(key);
            reply.int(weight as i64);
        }
    }
    reply.finish(map, count);
}
