//! Commands on entries that were handed out and not acknowledged: acknowledging, releasing and
//! listing them. Claiming is in [`super::claim`].

use super::super::options::is;
use super::super::parts::int;
use super::entries::{self, Fate, Selection, numbered};
use super::{group_mut, interval_end, interval_start, no_group, write_id};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::types::stream::group::{Group, Pending};
use crate::types::stream::{Stream, StreamId};

pub(super) fn xack(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let stream = ctx.space.object_mut::<Stream>(key)?;
    let Some(group) = stream.and_then(|stream| stream.groups_mut().get_mut(args[2])) else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let ids = entries::ids(&args[3..])?;
    let acknowledged = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
    if acknowledged > 0 {
        ctx.space.changed_aside(key);
        ctx.space.count_as(acknowledged);
    }
    ctx.reply.count(acknowledged);
    Ok(Flow::Done)
}

pub(super) fn xackdel(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[1], args[2]);
    let stream = ctx.space.object_mut::<Stream>(key)?;
    let selection = Selection::parse(&args[3..])?;
    let Some(stream) = stream.filter(|stream| stream.groups().contains_key(name)) else {
        return entries::all_missing(ctx, selection.ids.len());
    };
    let ids = entries::ids(selection.ids)?;
    let (mut deleted, mut changed) = (0, false);
    ctx.reply.array(ids.len());
    for id in ids {
        let acknowledged =
            stream.groups_mut().get_mut(name).is_some_and(|group| group.acknowledge(id));
        if !acknowledged {
            ctx.reply.int(Fate::Missing as i64);
            continue;
        }
        changed = true;
        let (fate, _) = entries::delete(stream, id, selection.references);
        deleted += usize::from(fate == Fate::Deleted);
        // What was acknowledged counts as deleted though another had deleted it before.
        let fate = if fate == Fate::Referenced { fate } else { Fate::Deleted };
        ctx.reply.int(fate as i64);
    }
    entries::tell_deleted(ctx, key, deleted, changed);
    Ok(Flow::Done)
}

/// How XNACK changes the number of deliveries.
#[derive(Clone, Copy)]
enum Nack {
    Silent,
    Fail,
    Fatal,
}

impl Nack {
    fn parse(word: &[u8]) -> Result<Self, CmdError> {
        let known = [("SILENT", Self::Silent), ("FAIL", Self::Fail), ("FATAL", Self::Fatal)];
        let found = known.into_iter().find(|(name, _)| is(word, name));
        found.map(|(_, mode)| mode).ok_or(CmdError::SYNTAX)
    }

    /// The number of deliveries that follows from the present one.
    fn count(self, present: u64) -> u64 {
        match self {
            Self::Silent => present.saturating_sub(1),
            Self::Fail => present,
            Self::Fatal => i64::MAX as u64,
        }
    }
}

pub(super) fn xnack(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[1], args[2]);
    let mode = Nack::parse(args[3])?;
    let (mut ids, mut retries, mut force) = (None, None, false);
    let mut rest = &args[4..];
    while let [word, after @ ..] = rest {
        rest = after;
        if is(word, "IDS") && ids.is_none() {
            ids = Some(numbered(&mut rest)?);
        } else if is(word, "FORCE") {
            force = true;
        } else if is(word, "RETRYCOUNT")
            && let [count, after @ ..] = rest
        {
            let count = u64::try_from(int(count)?)
                .map_err(|_| CmdError::fixed("ERR Invalid RETRYCOUNT option argument for XNACK"))?;
            (retries, rest) = (Some(count), after);
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    let ids = entries::ids(ids.ok_or(CmdError::SYNTAX)?)?;
    group_mut(ctx, key, name)?;
    let Some(stream) = ctx.space.object_mut::<Stream>(key)? else {
        return Err(no_group(key, name));
    };
    stream.note_release();
    let mut released = 0;
    for id in ids {
        let present = stream.groups().get(name).and_then(|group| group.pel().get(id)).copied();
        let present = match present {
            Some(pending) => pending.count,
            None if force && stream.contains(id) => 0,
            None => continue,
        };
        if let Some(group) = stream.groups_mut().get_mut(name) {
            group.release(id, retries.unwrap_or_else(|| mode.count(present)));
            released += 1;
        }
    }
    if released > 0 {
        ctx.space.changed_aside(key);
        // Who waits with CLAIM may take them.
        ctx.space.signal(key);
    }
    ctx.reply.int(released);
    Ok(Flow::Done)
}

pub(super) fn xpending(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[1], args[2]);
    let filter = Filter::parse(&args[3..])?;
    let now = ctx.space.now();
    let stream = ctx.space.object::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.groups().get(name));
    let group = group.ok_or_else(|| no_group(key, name))?;
    match filter {
        None => summarize(ctx.reply, group),
        Some(filter) => filter.answer(ctx.reply, group, now),
    }
    Ok(Flow::Done)
}

fn summarize(reply: &mut crate::reply::Reply, group: &Group) {
    reply.array(4);
    reply.count(group.pel().len());
    let mut all = group.pel().from(StreamId::MIN);
    let Some((first, _)) = all.next() else {
        (0..2).for_each(|_| reply.null());
        reply.null_array();
        return;
    };
    let last = all.next_back().map_or(first, |(id, _)| id);
    write_id(reply, first);
    write_id(reply, last);
    let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(&consumer.name);
        reply.bulk_int(consumer.pending().len() as i64);
    }
}

/// Which pending entries are asked for.
struct Filter<'a> {
    idle: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// Reads `[[IDLE min-idle-time] start end count [consumer]]`.
    fn parse(words: &[&'a [u8]]) -> Result<Option<Self>, CmdError> {
        let (idle, words) = match words {
            [] => return Ok(None),
            [_, _] | [_] => return Err(CmdError::SYNTAX),
            [word, idle, rest @ ..] if is(word, "IDLE") => (int(idle)?, rest),
            _ => (0, words),
        };
        let [start, end, count, rest @ ..] = words else { return Err(CmdError::SYNTAX) };
        let count = usize::try_from(int(count)?).unwrap_or(0);
        let (start, end) = (interval_start(start)?, interval_end(end)?);
        Ok(Some(Self { idle, start, end, count, consumer: rest.first().copied() }))
    }

    fn answer(&self, reply: &mut crate::reply::Reply, group: &Group, now: i64) {
        let found: Vec<(StreamId, Pending)> = if self.start > self.end {
            Vec::new()
        } else if let Some(name) = self.consumer {
            let consumer = group.find(name).and_then(|id| group.consumer(id));
            let ids = consumer.map(|consumer| consumer.pending().range(self.start..=self.end));
            let ids = ids.into_iter().flatten();
            let pending = ids.filter_map(|id| Some((*id, *group.pel().get(*id)?)));
            pending.filter(|p| self.is_idle(&p.1, now)).take(self.count).collect()
        } else {
            let all = group.pel().from(self.start).take_while(|(id, _)| *id <= self.end);
            all.filter(|p| self.is_idle(&p.1, now)).take(self.count).collect()
        };
        reply.array(found.len());
        for (id, pending) in found {
            reply.array(4);
            write_id(reply, id);
            reply.bulk(group.owner_name(&pending));
            reply.int(idle_of(&pending, now));
            reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
        }
    }

    fn is_idle(&self, pending: &Pending, now: i64) -> bool {
        self.idle <= 0 || now.saturating_sub(pending.delivered()) >= self.idle
    }
}

/// For how long an entry was not handed out; -1 of one that was released.
fn idle_of(pending: &Pending, now: i64) -> i64 {
    match pending.owner {
        Some(_) => now.saturating_sub(pending.delivered()).max(0),
        None => -1,
    }
}
