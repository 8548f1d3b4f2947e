//! XINFO: what is known of a stream, its groups and their consumers.

use super::super::options::is;
use super::super::parts::int;
use super::{no_group_of, write_entry, write_id};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
use crate::types::stream::group::{Consumer, Group};
use crate::types::stream::{Stream, StreamId};

/// Entries that FULL shows when COUNT does not say.
const FULL_COUNT: usize = 10;

fn stream_of<'s>(
    ctx: &'s mut Ctx<'_, '_>,
    key: &[u8],
) -> Result<(&'s Stream, &'s mut Reply), CmdError> {
    let stream = ctx.space.object::<Stream>(key)?.ok_or(CmdError::NO_KEY)?;
    Ok((stream, ctx.reply))
}

pub(super) fn stream(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[2];
    ctx.space.object::<Stream>(key)?.ok_or(CmdError::NO_KEY)?;
    let full = match &args[3..] {
        [] => None,
        [full] if is(full, "FULL") => Some(FULL_COUNT),
        [full, count, value] if is(full, "FULL") && is(count, "COUNT") => {
            match usize::try_from(int(value)?) {
                Ok(0) => Some(usize::MAX),
                Ok(count) => Some(count),
                Err(_) => Some(FULL_COUNT),
            }
        }
        _ => {
            let name = CmdError::shown(args[1]);
            return Err(CmdError::new(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try XINFO HELP."
            )));
        }
    };
    let (stream, reply) = stream_of(ctx, key)?;
    let own = if full.is_some() { 9 } else { 10 };
    let producers = if stream.idempotency().is_some() { 6 } else { 0 };
    reply.map(own + producers);
    write_counters(reply, stream);
    write_producers(reply, stream);
    match full {
        None => write_summary(reply, stream),
        Some(count) => write_full(reply, stream, count),
    }
    Ok(Flow::Done)
}

fn pair(reply: &mut Reply, name: &str, value: u64) {
    reply.bulk(name);
    reply.int(i64::try_from(value).unwrap_or(i64::MAX));
}

fn id_pair(reply: &mut Reply, name: &str, id: StreamId) {
    reply.bulk(name);
    write_id(reply, id);
}

fn write_counters(reply: &mut Reply, stream: &Stream) {
    let nodes = stream.node_count() as u64;
    pair(reply, "length", stream.len());
    pair(reply, "radix-tree-keys", nodes);
    pair(reply, "radix-tree-nodes", nodes + 1);
    id_pair(reply, "last-generated-id", stream.last_id());
    id_pair(reply, "max-deleted-entry-id", stream.max_deleted());
    pair(reply, "entries-added", stream.added());
    id_pair(reply, "recorded-first-entry-id", stream.first_id());
}

fn write_producers(reply: &mut Reply, stream: &Stream) {
    let Some(known) = stream.idempotency() else { return };
    let settings = known.settings();
    pair(reply, "idmp-duration", settings.duration);
    pair(reply, "idmp-maxsize", settings.most as u64);
    let names = ["pids-tracked", "iids-tracked", "iids-added", "iids-duplicates"];
    for (name, count) in names.into_iter().zip(known.counts()) {
        pair(reply, name, count);
    }
}

fn write_summary(reply: &mut Reply, stream: &Stream) {
    pair(reply, "groups", stream.groups().len() as u64);
    for (name, entry) in
        [("first-entry", stream.first_entry()), ("last-entry", stream.last_entry())]
    {
        reply.bulk(name);
        match entry {
            Some(entry) => write_entry(reply, &entry),
            None => reply.null_array(),
        }
    }
}

fn write_full(reply: &mut Reply, stream: &Stream, count: usize) {
    reply.bulk("entries");
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    stream.scan(StreamId::MIN, StreamId::MAX, |entry| {
        write_entry(reply, entry);
        written += 1;
        written < count
    });
    reply.finish(head, written);
    reply.bulk("groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        let released = group.pel().released();
        reply.map(if released > 0 { 8 } else { 7 });
        reply.bulk("name");
        reply.bulk(name);
        write_progress(reply, stream, group);
        pair(reply, "pel-count", group.pel().len() as u64);
        if released > 0 {
            pair(reply, "nacked-count", released as u64);
        }
        write_pending(reply, group, count);
        reply.bulk("consumers");
        reply.array(group.consumers().len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

/// Writes how far a group has read.
fn write_progress(reply: &mut Reply, stream: &Stream, group: &Group) {
    id_pair(reply, "last-delivered-id", group.last);
    reply.bulk("entries-read");
    match group.read {
        Some(read) => reply.int(i64::try_from(read).unwrap_or(i64::MAX)),
        None => reply.null(),
    }
    reply.bulk("lag");
    match stream.lag(group) {
        Some(lag) => reply.int(lag),
        None => reply.null(),
    }
}

fn write_pending(reply: &mut Reply, group: &Group, count: usize) {
    reply.bulk("pending");
    reply.array(group.pel().len().min(count));
    for (id, pending) in group.pel().from(StreamId::MIN).take(count) {
        reply.array(4);
        write_id(reply, id);
        reply.bulk(group.owner_name(&pending));
        reply.int(pending.delivered());
        reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
    }
}

fn write_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.bulk("name");
    reply.bulk(&consumer.name);
    reply.bulk("seen-time");
    reply.int(consumer.seen);
    reply.bulk("active-time");
    reply.int(consumer.active.unwrap_or(-1));
    pair(reply, "pel-count", consumer.pending().len() as u64);
    reply.bulk("pending");
    reply.array(consumer.pending().len().min(count));
    for id in consumer.pending().iter().take(count) {
        let pending = group.pel().get(*id);
        reply.array(3);
        write_id(reply, *id);
        reply.int(pending.map_or(0, |pending| pending.delivered()));
        reply.int(pending.map_or(0, |p| i64::try_from(p.count).unwrap_or(i64::MAX)));
    }
}

pub(super) fn groups(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (stream, reply) = stream_of(ctx, args[2])?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk("name");
        reply.bulk(name);
        pair(reply, "consumers", group.consumers().len() as u64);
        pair(reply, "pending", group.pel().len() as u64);
        write_progress(reply, stream, group);
    }
    Ok(Flow::Done)
}

pub(super) fn consumers(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let now = ctx.space.now();
    let (stream, reply) = stream_of(ctx, args[2])?;
    let group = stream.groups().get(args[3]).ok_or_else(|| no_group_of(args[2], args[3]))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk("name");
        reply.bulk(&consumer.name);
        pair(reply, "pending", consumer.pending().len() as u64);
        reply.bulk("idle");
        reply.int((now - consumer.seen).max(0));
        reply.bulk("inactive");
        reply.int(consumer.active.map_or(-1, |active| (now - active).max(0)));
    }
    Ok(Flow::Done)
}

const HELP: &[&str] = &[
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
    "HELP",
    "    Print this help.",
];

pub(super) fn help(ctx: &mut Ctx<'_, '_>, _: &[&[u8]]) -> Outcome {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(Flow::Done)
}
