//! MEMORY: what the process and its keys take.

use cairn_core::CmdError;
use cairn_core::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use cairn_core::reply::Reply;
use cairn_core::util::int::parse_i64;

use super::{introspection, is, server};
use crate::memory;
use crate::server::Server;

/// The family's command.
pub const SPECS: &[Spec] = &[Spec {
    name: "memory",
    arity: -2,
    group: "server",
    since: "4.0.0",
    summary: "Tells about memory",
    complexity: "Depends on the subcommand",
    subcommands: SUBCOMMANDS,
    ..Spec::DEFAULT
}];

const ABOUT: Spec = Spec { group: "server", since: "4.0.0", complexity: "O(1)", ..Spec::DEFAULT };

const SUBCOMMANDS: &[Spec] = &[
    Spec {
        name: "usage",
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(2, Access::RO)],
        summary: "Tells the memory of a key",
        complexity: "O(N) in the number of allocations of the value",
        syntax: "key [SAMPLES count]",
        handler: usage,
        ..ABOUT
    },
    Spec {
        name: "stats",
        arity: 2,
        summary: "Tells where memory goes",
        handler: |ctx, _| {
            let server = server(ctx)?;
            stats(ctx.reply, server);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "doctor",
        arity: 2,
        summary: "Tells about problems with memory, for people",
        handler: |ctx, _| {
            let advice = doctor(server(ctx)?);
            ctx.reply.verbatim("txt", advice);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "malloc-stats",
        arity: 2,
        summary: "Shows the allocator's own statistics",
        complexity: "Depends on how much is allocated",
        handler: |ctx, _| {
            ctx.reply.verbatim("txt", memory::allocator_stats());
            Ok(Flow::Done)
        },
        ..ABOUT
    },
    Spec {
        name: "purge",
        arity: 2,
        summary: "Gives free memory back to the system",
        complexity: "Depends on how much there is",
        handler: |ctx, _| {
            memory::purge();
            ctx.reply.ok();
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
            introspection::help(ctx.reply, "MEMORY", SUBCOMMANDS);
            Ok(Flow::Done)
        },
        ..ABOUT
    },
];

/// The part of the keyspace's table that a key takes, in bytes: a slot, at its usual load.
pub const SLOT: usize = 13;

fn usage(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    for option in args[3..].chunks(2) {
        // The figure is exact, so that there is nothing to sample.
        match option {
            [option, count] if is(option, "samples") => {
                let count = parse_i64(count).ok_or(CmdError::NOT_INT)?;
                if count < 0 {
                    return Err(CmdError::SYNTAX);
                }
            }
            _ => return Err(CmdError::SYNTAX),
        }
    }
    match ctx.space.peek(args[2]) {
        None => ctx.reply.null(),
        Some(entry) => ctx.reply.count(entry.memory() + SLOT),
    }
    Ok(Flow::Done)
}

/// A figure of MEMORY STATS.
enum Figure {
    Count(usize),
    Ratio(f64),
}

fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b.max(1) as f64
}

/// What the server's own structures take, in bytes: clients, the effects log, client-side
/// caching, the tables of keys.
pub struct Overhead {
    /// Buffers of ordinary clients.
    pub clients: usize,
    /// The effects log.
    pub log: usize,
    /// The tables of keys, by logical database. One whose keys were removed one by one has tables
    /// still; one that was flushed has none.
    pub tables: Vec<(usize, usize)>,
    /// All keys.
    pub keys: usize,
}

impl Overhead {
    /// As it is now.
    pub fn of(server: &Server) -> Self {
        let clients = server.clients().values().map(|c| c.memory() as usize).sum();
        let keyspace = &server.engine.keyspace;
        let sizes: Vec<(usize, usize)> = (0..keyspace.databases())
            .filter(|&db| keyspace.is_used(db))
            .map(|db| (db, server.engine.db_size(db)))
            .collect();
        Self {
            clients,
            log: server.engine.effects.size(),
            keys: sizes.iter().map(|(_, keys)| keys).sum(),
            tables: sizes.into_iter().map(|(db, keys)| (db, keys * SLOT)).collect(),
        }
    }

    /// All of it, what was there from the start included.
    pub fn total(&self, server: &Server) -> usize {
        let tables: usize = self.tables.iter().map(|(_, bytes)| bytes).sum();
        server.startup_memory + self.clients + self.log + tables
    }
}

fn stats(reply: &mut Reply, server: &Server) {
    use Figure::{Count, Ratio};
    let (used, active, resident) = (memory::allocated(), memory::active(), memory::resident());
    let (rss, peak) = (memory::rss(), server.peak(used));
    let overhead = Overhead::of(server);
    let total = overhead.total(server);
    let data = used.saturating_sub(total);
    let net = used.saturating_sub(server.startup_memory);
    let head = [
        ("peak.allocated", Count(peak)),
        ("total.allocated", Count(used)),
        ("startup.allocated", Count(server.startup_memory)),
        ("replication.backlog", Count(overhead.log)),
        ("replica.fullsync.buffer", Count(0)),
        ("clients.slaves", Count(0)),
        ("clients.normal", Count(overhead.clients)),
        ("cluster.links", Count(0)),
        ("aof.buffer", Count(0)),
        ("lua.caches", Count(0)),
        ("functions.caches", Count(0)),
        ("script.VMs", Count(0)),
        // Fields of hashes are not shared.
        ("hash.templates", Count(0)),
    ];
    let tail = [
        ("overhead.db.hashtable.lut", Count(overhead.tables.iter().map(|(_, n)| n).sum())),
        ("overhead.db.hashtable.rehashing", Count(0)),
        ("overhead.total", Count(total)),
        ("db.dict.rehashing.count", Count(0)),
        ("keys.count", Count(overhead.keys)),
        ("keys.bytes-per-key", Count(net.checked_div(overhead.keys).unwrap_or(0))),
        ("dataset.bytes", Count(data)),
        ("dataset.percentage", Ratio(ratio(data, net) * 100.0)),
        ("peak.percentage", Ratio(ratio(used, peak) * 100.0)),
        ("allocator.allocated", Count(used)),
        ("allocator.active", Count(active)),
        ("allocator.resident", Count(resident)),
        ("allocator.muzzy", Count(0)),
        ("allocator-fragmentation.ratio", Ratio(ratio(active, used))),
        ("allocator-fragmentation.bytes", Count(active.saturating_sub(used))),
        ("allocator-rss.ratio", Ratio(ratio(resident, active))),
        ("allocator-rss.bytes", Count(resident.saturating_sub(active))),
        ("rss-overhead.ratio", Ratio(ratio(rss, resident))),
        ("rss-overhead.bytes", Count(rss.saturating_sub(resident))),
        ("fragmentation", Ratio(ratio(rss, used))),
        ("fragmentation.bytes", Count(rss.saturating_sub(used))),
    ];
    reply.map(head.len() + overhead.tables.len() + tail.len());
    head.iter().for_each(|(name, figure)| write(reply, name, figure));
    for (db, bytes) in &overhead.tables {
        reply.bulk(format!("db.{db}"));
        reply.map(2);
        write(reply, "overhead.hashtable.main", &Count(*bytes));
        write(reply, "overhead.hashtable.expires", &Count(0));
    }
    tail.iter().for_each(|(name, figure)| write(reply, name, figure));
}

fn write(reply: &mut Reply, name: &str, figure: &Figure) {
    reply.bulk(name);
    match figure {
        Figure::Count(n) => reply.count(*n),
        Figure::Ratio(x) => reply.double(*x),
    }
}

/// Data below which no ratio says anything, in bytes.
const TELLING: usize = 5 << 20;

fn doctor(server: &Server) -> String {
    let (used, rss, active) = (memory::allocated(), memory::rss(), memory::active());
    if used < TELLING {
        return "There is too little data for its memory to tell anything.\n".into();
    }
    let peak = server.peak(used);
    let mut found = Vec::new();
    if ratio(peak, used) > 1.5 {
        found.push(
            "Memory was much higher once than it is now (peak): what the allocator still holds \
             will be used again as data grows, or given back by MEMORY PURGE.",
        );
    }
    if ratio(rss, used) > 1.4 && rss - used > 10 << 20 {
        found.push("The process takes much more memory than its data (fragmentation).");
    }
    if ratio(active, used) > 1.1 && active - used > 10 << 20 {
        found.push("Many of the allocator's pages are partly free (allocator fragmentation).");
    }
    let clients: Vec<u64> = server.clients().values().map(|c| c.memory()).collect();
    if clients.iter().sum::<u64>() / (clients.len() as u64).max(1) > 200 * 1024 {
        found.push("Clients take over 200 kB each: some do not read their replies.");
    }
    match found[..] {
        [] => "No problem with memory was found.\n".into(),
        _ => found.iter().map(|line| format!("* {line}\n")).collect(),
    }
}
