//! XREAD and XREADGROUP: several streams at once, new entries or a consumer's history, waiting
//! for entries if there are none.

use super::super::options::is;
use super::super::parts::int;
use super::{attend, state_claim, state_position, strict_id, write_entry, write_fields, write_id};
use crate::command::{Ctx, Flow, Mode, Outcome};
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
use crate::types::stream::group::ConsumerId;
use crate::types::stream::node::Entry;
use crate::types::stream::{Stream, StreamId};
use crate::util::num;

/// The least milliseconds between two looks for entries to claim.
const CLAIM_PERIOD: i64 = 5;

/// The options of both commands.
#[derive(Default)]
struct Options<'a> {
    count: Option<usize>,
    most: Option<usize>,
    bytes: Option<usize>,
    /// When to stop waiting, if waiting is wanted: `Some(None)` waits for ever.
    block: Option<Option<f64>>,
    group: Option<(&'a [u8], &'a [u8])>,
    claim: Option<i64>,
    no_ack: bool,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
    /// The index of the first word of `ids`.
    ids_at: usize,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Ctx<'_, '_>, args: &'a [&'a [u8]], grouped: bool) -> Result<Self, CmdError> {
        let mut options = Self::default();
        let mut at = 1;
        while let Some((word, rest)) = args.get(at..).and_then(<[_]>::split_first) {
            if is(word, "STREAMS") && !rest.is_empty() {
                options.streams(args, at + 1, grouped)?;
                break;
            }
            at += options.option(ctx, word, rest, grouped)?;
        }
        if options.keys.is_empty() {
            return Err(CmdError::SYNTAX);
        }
        if grouped && options.group.is_none() {
            return Err(CmdError::fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        if let (Some(most), Some(count)) = (options.most, options.count)
            && most < count
        {
            return Err(CmdError::fixed("ERR MAXCOUNT must be greater than or equal to COUNT"));
        }
        Ok(options)
    }

    /// Reads an option; how many words it took.
    fn option(
        &mut self,
        ctx: &Ctx<'_, '_>,
        word: &[u8],
        rest: &[&'a [u8]],
        grouped: bool,
    ) -> Result<usize, CmdError> {
        match rest {
            _ if is(word, "NOACK") => {
                if !grouped {
                    return Err(only_grouped("NOACK"));
                }
                self.no_ack = true;
                return Ok(1);
            }
            [value, ..] if is(word, "BLOCK") => self.block = Some(deadline(ctx, value)?),
            [value, ..] if is(word, "COUNT") => {
                // Nothing and less than nothing stand for everything.
                let count = int(value)?;
                self.count = usize::try_from(count).ok().filter(|count| *count > 0);
            }
            [value, ..] if is(word, "MAXCOUNT") => {
                self.most = Some(positive(value, "ERR MAXCOUNT must be a positive integer")?);
            }
            [value, ..] if is(word, "MAXSIZE") => {
                self.bytes = Some(positive(value, "ERR MAXSIZE must be a positive integer")?);
            }
            [value, ..] if is(word, "CLAIM") => {
                if !grouped {
                    return Err(only_grouped("CLAIM"));
                }
                let idle = num::parse_i64(value).ok_or(CmdError::fixed(
                    "ERR min-idle-time is not an integer or out of range",
                ))?;
                if idle < 0 {
                    return Err(CmdError::fixed("ERR min-idle-time must be a positive integer"));
                }
                self.claim = Some(idle);
            }
            [group, consumer, ..] if is(word, "GROUP") => {
                if !grouped {
                    return Err(only_grouped("GROUP"));
                }
                self.group = Some((group, consumer));
                return Ok(3);
            }
            _ => return Err(CmdError::SYNTAX),
        }
        Ok(2)
    }

    /// Reads keys and as many identifiers, from the word at `at` on.
    fn streams(&mut self, args: &'a [&'a [u8]], at: usize, grouped: bool) -> Result<(), CmdError> {
        let words = &args[at..];
        if !words.len().is_multiple_of(2) {
            return Err(CmdError::fixed(if grouped {
                "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
            } else {
                "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified."
            }));
        }
        (self.keys, self.ids) = words.split_at(words.len() / 2);
        self.ids_at = at + words.len() / 2;
        Ok(())
    }
}

fn only_grouped(option: &str) -> CmdError {
    CmdError::new(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

fn positive(word: &[u8], error: &'static str) -> Result<usize, CmdError> {
    super::super::parts::positive(word, error)
}

/// Reads a time-out in milliseconds; 0 is never.
fn deadline(ctx: &Ctx<'_, '_>, word: &[u8]) -> Result<Option<f64>, CmdError> {
    let millis = num::parse_i64(word)
        .ok_or(CmdError::fixed("ERR timeout is not an integer or out of range"))?;
    let now = ctx.space.worker().clock.get() as f64 / 1e6;
    match millis {
        ..0 => Err(CmdError::fixed("ERR timeout is negative")),
        0 => Ok(None),
        _ if millis as f64 + now >= i64::MAX as f64 => {
            Err(CmdError::fixed("ERR timeout is out of range"))
        }
        _ => Ok(Some(now + millis as f64)),
    }
}

/// How much a reply may still hold.
struct Budget {
    count: usize,
    total: usize,
    bytes: usize,
    start: usize,
    written: usize,
}

impl Budget {
    fn new(options: &Options<'_>, reply: &Reply) -> Self {
        Self {
            count: options.count.unwrap_or(usize::MAX),
            total: options.most.unwrap_or(usize::MAX),
            bytes: options.bytes.unwrap_or(usize::MAX),
            start: reply.len(),
            written: 0,
        }
    }

    /// How many entries the next stream may give, as far as numbers go.
    fn room(&self) -> usize {
        self.count.min(self.total - self.written)
    }

    /// Writes an entry unless that would be too much; whether it was written.
    fn write(&mut self, reply: &mut Reply, write: impl FnOnce(&mut Reply)) -> bool {
        if self.written >= self.total {
            return false;
        }
        let before = reply.len();
        write(reply);
        if self.written > 0 && reply.len() - self.start > self.bytes {
            reply.truncate(before);
            return false;
        }
        self.written += 1;
        true
    }
}

/// Writes the head of a stream's part of the reply.
fn write_key(reply: &mut Reply, key: &[u8]) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key);
}

pub(super) fn xread(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(ctx, args, false)?;
    let starts = starts(ctx, &options)?;
    let mut budget = Budget::new(&options, ctx.reply);
    let head = ctx.reply.defer(Aggregate::Map);
    let mut served = 0;
    for (key, after) in options.keys.iter().zip(&starts) {
        let stream = match ctx.space.object::<Stream>(key) {
            Ok(stream) => stream,
            Err(_) if ctx.mode == Mode::Serving => None,
            Err(error) => return Err(error),
        };
        if let (Some(stream), Some(from)) = (stream, after.next())
            && write_after(ctx.reply, key, stream, from, &mut budget)
        {
            served += 1;
        }
    }
    if served > 0 {
        finish(ctx.reply, head, served);
        return Ok(Flow::Done);
    }
    let Some(deadline) = options.block else {
        ctx.reply.null_array();
        return Ok(Flow::Done);
    };
    let mut words: Vec<Box<[u8]>> = args.iter().map(|word| Box::from(*word)).collect();
    for (word, after) in words[options.ids_at..].iter_mut().zip(starts) {
        *word = after.to_vec().into();
    }
    let mut outcome = ctx.block(options.keys, deadline, Reply::null_array)?;
    if let Flow::Block(block) = &mut outcome {
        block.words = Some(words);
    }
    Ok(outcome)
}

/// Writes the number of streams: a map's pairs in RESP3, an array's elements in RESP2.
fn finish(reply: &mut Reply, head: crate::reply::Deferred, served: usize) {
    let head = if reply.is_resp3() { head } else { head.as_array() };
    reply.finish(head, served);
}

/// The identifiers after which each stream is to be read.
fn starts(ctx: &mut Ctx<'_, '_>, options: &Options<'_>) -> Result<Vec<StreamId>, CmdError> {
    let mut starts = Vec::with_capacity(options.ids.len());
    for (key, id) in options.keys.iter().zip(options.ids) {
        let stream = match ctx.space.peek_object::<Stream>(key) {
            Err(_) if ctx.mode == Mode::Serving => None,
            found => found?,
        };
        starts.push(match *id {
            b"$" | b"+" => {
                let last = stream.filter(|_| *id == b"+").and_then(Stream::last_entry);
                match last {
                    // The last entry itself is wanted.
                    Some(last) => last.id.prev().unwrap_or_default(),
                    None => stream.map_or(StreamId::MIN, Stream::last_id),
                }
            }
            b">" => {
                return Err(CmdError::fixed(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
                ));
            }
            id => strict_id(id, 0)?,
        });
    }
    Ok(starts)
}

/// Writes a stream's entries from `from` on; false, and nothing written, if there are none.
fn write_after(
    reply: &mut Reply,
    key: &[u8],
    stream: &Stream,
    from: StreamId,
    budget: &mut Budget,
) -> bool {
    let room = budget.room();
    if room == 0 || stream.is_empty() || from > stream.last_id() {
        return false;
    }
    let before = reply.len();
    write_key(reply, key);
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    stream.scan(from, StreamId::MAX, |entry| {
        if !budget.write(reply, |reply| write_entry(reply, entry)) {
            return false;
        }
        written += 1;
        written < room
    });
    if written == 0 {
        reply.truncate(before);
        return false;
    }
    reply.finish(head, written);
    true
}

pub(super) fn xreadgroup(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let before = ctx.reply.len();
    match read_group(ctx, args) {
        // Who waits has to know that the group or the stream is gone.
        Err(error) if ctx.mode == Mode::Serving => {
            ctx.space.worker().counters.error(error.text());
            ctx.reply.truncate(before);
            ctx.reply.error(error.text());
            Ok(Flow::Done)
        }
        outcome => outcome,
    }
}

fn read_group(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(ctx, args, true)?;
    let Some((group, _)) = options.group else { return Err(CmdError::SYNTAX) };
    let mut starts = Vec::with_capacity(options.ids.len());
    for (key, id) in options.keys.iter().zip(options.ids) {
        let stream = ctx.space.peek_object::<Stream>(key)?;
        if stream.is_none_or(|stream| !stream.groups().contains_key(group)) {
            let (key, group) = (CmdError::shown(key), CmdError::shown(group));
            return Err(CmdError::new(format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            )));
        }
        starts.push(match *id {
            b">" => None,
            b"$" | b"+" => return Err(meaningless(id)),
            id => Some(strict_id(id, 0)?),
        });
    }
    let mut budget = Budget::new(&options, ctx.reply);
    let head = ctx.reply.defer(Aggregate::Map);
    let mut served = 0;
    for (key, after) in options.keys.iter().zip(&starts) {
        let written = match after {
            Some(after) => write_history(ctx, &options, key, *after, &mut budget)?,
            None => write_new(ctx, &options, key, &mut budget)?,
        };
        served += usize::from(written);
    }
    if served > 0 {
        finish(ctx.reply, head, served);
        return Ok(Flow::Done);
    }
    match options.block {
        Some(deadline) => {
            let retry = next_claim(ctx, &options, group)?;
            let mut outcome = ctx.block(options.keys, deadline, Reply::null_array);
            if let Ok(Flow::Block(block)) = &mut outcome {
                block.retry = retry;
            }
            outcome
        }
        None => {
            ctx.reply.null_array();
            Ok(Flow::Done)
        }
    }
}

/// When an entry may have been idle for long enough to be claimed, if CLAIM asks for such. One that
/// is handed out from now on will not be before its whole time is over.
fn next_claim(
    ctx: &mut Ctx<'_, '_>,
    options: &Options<'_>,
    group: &[u8],
) -> Result<Option<i64>, CmdError> {
    let Some(idle) = options.claim else { return Ok(None) };
    let now = ctx.space.now();
    let mut next = now.saturating_add(idle);
    for key in options.keys {
        let oldest = super::group_mut(ctx, key, group)?.oldest_delivery();
        next = next.min(oldest.map_or(next, |time| time.saturating_add(idle)));
    }
    Ok(Some(next.max(now + CLAIM_PERIOD)))
}

fn meaningless(id: &[u8]) -> CmdError {
    let id = CmdError::shown(id);
    CmdError::new(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The {id} ID would just return an empty result set."
    ))
}

/// Writes what is pending for the consumer after `after`: always an array, empty or not.
fn write_history(
    ctx: &mut Ctx<'_, '_>,
    options: &Options<'_>,
    key: &[u8],
    after: StreamId,
    budget: &mut Budget,
) -> Result<bool, CmdError> {
    let Some((group, name)) = options.group else { return Ok(false) };
    let consumer = attend(ctx, key, group, name)?;
    let now = ctx.space.now();
    let Some(stream) = ctx.space.object_mut::<Stream>(key)? else { return Ok(false) };
    let ids: Vec<StreamId> = match (stream.groups().get(group), after.next()) {
        (Some(group), Some(from)) => group.consumer(consumer).map_or_else(Vec::new, |consumer| {
            consumer.pending().range(from..).copied().take(budget.room()).collect()
        }),
        _ => Vec::new(),
    };
    let reply = &mut *ctx.reply;
    write_key(reply, key);
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    for id in ids {
        let entry = stream.get(id);
        let exists = entry.is_some();
        let fits = budget.write(reply, |reply| match entry {
            Some(entry) => write_entry(reply, &entry),
            None => {
                reply.array(2);
                write_id(reply, id);
                reply.null_array();
            }
        });
        if !fits {
            break;
        }
        written += 1;
        if exists
            && let Some(group) = stream.groups_mut().get_mut(group)
            && let Some(pending) = group.pel().get(id).copied()
        {
            group.assign(id, consumer, now, pending.count.saturating_add(1));
        }
    }
    reply.finish(head, written);
    Ok(true)
}

/// Writes entries that nobody was given yet, behind those to claim; false, and nothing written,
/// if there are none.
fn write_new(
    ctx: &mut Ctx<'_, '_>,
    options: &Options<'_>,
    key: &[u8],
    budget: &mut Budget,
) -> Result<bool, CmdError> {
    let Some((group, name)) = options.group else { return Ok(false) };
    let consumer = attend(ctx, key, group, name)?;
    let before = ctx.reply.len();
    write_key(ctx.reply, key);
    let head = ctx.reply.defer(Aggregate::Array);
    let room = budget.room();
    let mut written = match options.claim {
        Some(idle) => claim_idle(ctx, [key, group, name], consumer, idle, budget)?,
        None => 0,
    };
    written += deliver(ctx, options, key, consumer, (room - written, budget))?;
    if written == 0 {
        ctx.reply.truncate(before);
        return Ok(false);
    }
    ctx.reply.finish(head, written);
    let now = ctx.space.now();
    let group = super::group_mut(ctx, key, group)?;
    if let Some(consumer) = group.consumer_mut(consumer) {
        consumer.active = Some(now);
    }
    Ok(true)
}

/// Hands entries over that others have left idle for so long; how many.
fn claim_idle(
    ctx: &mut Ctx<'_, '_>,
    names: [&[u8]; 3],
    consumer: ConsumerId,
    idle: i64,
    budget: &mut Budget,
) -> Result<usize, CmdError> {
    let [key, group, _] = names;
    let (now, room) = (ctx.space.now(), budget.room());
    let candidates = super::group_mut(ctx, key, group)?.claimable(now.saturating_sub(idle), room);
    let mut written = 0;
    for id in candidates {
        let Some(stream) = ctx.space.object_mut::<Stream>(key)? else { break };
        let Some(known) = stream.groups().get(group) else { break };
        let (Some(pending), last) = (known.pel().get(id).copied(), known.last) else { continue };
        let Some(entry) = stream.get(id) else {
            if let Some(group) = stream.groups_mut().get_mut(group) {
                group.acknowledge(id);
            }
            state_forgotten(ctx, key, group, id);
            continue;
        };
        let fits = budget.write(ctx.reply, |reply| {
            reply.array(4);
            write_id(reply, id);
            write_fields(reply, &entry);
            reply.int(now.saturating_sub(pending.delivered()));
            reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
        });
        if !fits {
            break;
        }
        written += 1;
        let count = pending.count.saturating_add(1);
        if let Some(group) = stream.groups_mut().get_mut(group) {
            group.assign(id, consumer, now, count);
        }
        ctx.space.changed_aside(key);
        state_claim(ctx, names, &[id], (now, count, last));
    }
    Ok(written)
}

/// States as effect that a reference to an entry that is gone was dropped.
pub(super) fn state_forgotten(ctx: &mut Ctx<'_, '_>, key: &[u8], group: &[u8], id: StreamId) {
    ctx.space.changed_aside(key);
    ctx.space.effect(&[b"XACK", key, group, &id.to_vec()]);
}

/// Hands new entries over; how many.
fn deliver(
    ctx: &mut Ctx<'_, '_>,
    options: &Options<'_>,
    key: &[u8],
    consumer: ConsumerId,
    (room, budget): (usize, &mut Budget),
) -> Result<usize, CmdError> {
    let Some((name, consumer_name)) = options.group else { return Ok(0) };
    let now = ctx.space.now();
    let Some(stream) = ctx.space.object_mut::<Stream>(key)? else { return Ok(0) };
    let Some(group) = stream.groups().get(name) else { return Ok(0) };
    let (mut last, mut read) = (group.last, group.read);
    let Some(from) = last.next().filter(|from| room > 0 && *from <= stream.last_id()) else {
        return Ok(0);
    };
    let mut ids = Vec::new();
    let reply = &mut *ctx.reply;
    stream.scan(from, StreamId::MAX, |entry: &Entry<'_>| {
        if !budget.write(reply, |reply| write_entry(reply, entry)) {
            return false;
        }
        read = stream.count_read(read, last, entry.id);
        last = entry.id;
        ids.push(entry.id);
        ids.len() < room
    });
    if ids.is_empty() {
        return Ok(0);
    }
    let Some(group) = stream.groups_mut().get_mut(name) else { return Ok(0) };
    (group.last, group.read) = (last, read);
    if !options.no_ack {
        ids.iter().for_each(|id| group.assign(*id, consumer, now, 1));
    }
    ctx.space.changed_aside(key);
    if !options.no_ack {
        state_claim(ctx, [key, name, consumer_name], &ids, (now, 1, last));
    }
    state_position(ctx, key, name, (last, read));
    Ok(ids.len())
}
