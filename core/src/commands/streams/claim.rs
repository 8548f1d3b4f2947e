//! XCLAIM and XAUTOCLAIM: pending entries change hands.

use super::super::options::is;
use super::entries;
use super::read::state_forgotten;
use super::{attend, group_mut, interval_start, no_group, state_claim, state_position, strict_id};
use super::{write_entry, write_id};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::reply::Aggregate;
use crate::types::stream::group::ConsumerId;
use crate::types::stream::{Stream, StreamId};
use crate::util::num;

/// Entries that XAUTOCLAIM claims when COUNT does not say.
const AUTO_COUNT: usize = 100;
/// The greatest COUNT of XAUTOCLAIM.
const AUTO_MAX: i64 = i64::MAX / 16;
/// Entries that XAUTOCLAIM looks at, in multiples of COUNT.
const AUTO_EFFORT: usize = 10;

/// How entries are to be handed over.
struct Claim {
    min_idle: i64,
    /// When they count as handed out.
    time: i64,
    retries: Option<u64>,
    force: bool,
    just_id: bool,
}

/// What became of an entry that was to be claimed.
enum Claimed {
    Yes,
    No,
    /// The entry is gone; so is the reference to it now.
    Gone,
}

impl Claim {
    /// Hands one entry over, and writes it.
    fn run(
        &self,
        ctx: &mut Ctx<'_, '_>,
        names: [&[u8]; 3],
        consumer: ConsumerId,
        id: StreamId,
    ) -> Result<Claimed, CmdError> {
        let [key, name, _] = names;
        let now = ctx.space.now();
        let Some(stream) = ctx.space.object_mut::<Stream>(key)? else {
            return Err(no_group(key, name));
        };
        let Some(group) = stream.groups().get(name) else { return Err(no_group(key, name)) };
        let (pending, last) = (group.pel().get(id).copied(), group.last);
        let Some(entry) = stream.get(id) else {
            let known = stream.groups_mut().get_mut(name);
            if !known.is_some_and(|group| group.acknowledge(id)) {
                return Ok(Claimed::No);
            }
            state_forgotten(ctx, key, name, id);
            return Ok(Claimed::Gone);
        };
        let count = match pending {
            Some(pending) => {
                let idle = now.saturating_sub(pending.delivered());
                if self.min_idle > 0 && idle < self.min_idle {
                    return Ok(Claimed::No);
                }
                pending.count
            }
            None if self.force => 1,
            None => return Ok(Claimed::No),
        };
        let count = match self.retries {
            Some(count) => count,
            None if self.just_id || pending.is_none() => count,
            None => count.saturating_add(1),
        };
        match self.just_id {
            true => write_id(ctx.reply, id),
            false => write_entry(ctx.reply, &entry),
        }
        if let Some(group) = stream.groups_mut().get_mut(name) {
            group.assign(id, consumer, self.time, count);
            if let Some(consumer) = group.consumer_mut(consumer) {
                consumer.active = Some(now);
            }
        }
        ctx.space.changed_aside(names[0]);
        state_claim(ctx, names, &[id], (self.time, count, last));
        Ok(Claimed::Yes)
    }
}

fn min_idle(word: &[u8], command: &str) -> Result<i64, CmdError> {
    let idle = num::parse_i64(word).map(|idle| idle.max(0));
    idle.ok_or_else(|| CmdError::new(format!("ERR Invalid min-idle-time argument for {command}")))
}

pub(super) fn xclaim(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let names = [args[1], args[2], args[3]];
    group_mut(ctx, names[0], names[1])?;
    let min_idle = min_idle(args[4], "XCLAIM")?;
    let is_id = |word: &&[u8]| StreamId::parse(word, 0).is_some();
    let count = args[5..].iter().take_while(|word| is_id(word)).count();
    let ids = entries::ids(&args[5..5 + count])?;
    let (claim, last) = claim_options(ctx.space.now(), min_idle, &args[5 + count..])?;
    let group = group_mut(ctx, names[0], names[1])?;
    let ahead = last > group.last;
    if ahead {
        group.last = last;
    }
    let consumer = attend(ctx, names[0], names[1], names[2])?;
    if ahead {
        ctx.space.changed_aside(names[0]);
        let read = group_mut(ctx, names[0], names[1])?.read;
        state_position(ctx, names[0], names[1], (last, read));
    }
    let head = ctx.reply.defer(Aggregate::Array);
    let mut written = 0;
    for id in ids {
        if let Claimed::Yes = claim.run(ctx, names, consumer, id)? {
            written += 1;
        }
    }
    ctx.reply.finish(head, written);
    Ok(Flow::Done)
}

/// Reads the options of XCLAIM; the second result is LASTID.
fn claim_options(now: i64, min_idle: i64, words: &[&[u8]]) -> Result<(Claim, StreamId), CmdError> {
    let mut claim = Claim { min_idle, time: now, retries: None, force: false, just_id: false };
    let mut last = StreamId::MIN;
    let number = |value: &[u8], option: &str| {
        num::parse_i64(value).ok_or_else(|| {
            CmdError::new(format!("ERR Invalid {option} option argument for XCLAIM"))
        })
    };
    let mut rest = words;
    while let [word, after @ ..] = rest {
        rest = after;
        if is(word, "FORCE") {
            claim.force = true;
            continue;
        }
        if is(word, "JUSTID") {
            claim.just_id = true;
            continue;
        }
        let [value, after @ ..] = after else { return Err(unrecognized(word)) };
        rest = after;
        if is(word, "IDLE") {
            claim.time = now.saturating_sub(number(value, "IDLE")?);
        } else if is(word, "TIME") {
            claim.time = number(value, "TIME")?;
        } else if is(word, "RETRYCOUNT") {
            claim.retries = u64::try_from(number(value, "RETRYCOUNT")?).ok();
        } else if is(word, "LASTID") {
            last = strict_id(value, 0)?;
        } else {
            return Err(unrecognized(word));
        }
    }
    // Nothing was handed out in the future, nor before time began.
    if !(0..=now).contains(&claim.time) {
        claim.time = now;
    }
    Ok((claim, last))
}

fn unrecognized(word: &[u8]) -> CmdError {
    CmdError::new(format!("ERR Unrecognized XCLAIM option '{}'", CmdError::shown(word)))
}

pub(super) fn xautoclaim(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let names = [args[1], args[2], args[3]];
    let min_idle = min_idle(args[4], "XAUTOCLAIM")?;
    let start = interval_start(args[5])?;
    let (mut count, mut just_id) = (AUTO_COUNT, false);
    let mut rest = &args[6..];
    while let [word, after @ ..] = rest {
        rest = match after {
            [value, after @ ..] if is(word, "COUNT") => {
                let found = num::parse_i64(value).filter(|n| (1..=AUTO_MAX).contains(n));
                let found = found.and_then(|n| usize::try_from(n).ok());
                count = found.ok_or(CmdError::fixed("ERR COUNT must be > 0"))?;
                after
            }
            _ if is(word, "JUSTID") => {
                just_id = true;
                after
            }
            _ => return Err(CmdError::SYNTAX),
        };
    }
    let time = ctx.space.now();
    let claim = Claim { min_idle, time, retries: None, force: false, just_id };
    let consumer = attend(ctx, names[0], names[1], names[2])?;
    auto_claim(ctx, names, consumer, &claim, (start, count))
}

fn auto_claim(
    ctx: &mut Ctx<'_, '_>,
    names: [&[u8]; 3],
    consumer: ConsumerId,
    claim: &Claim,
    (start, mut count): (StreamId, usize),
) -> Outcome {
    let effort = count.saturating_mul(AUTO_EFFORT);
    let group = group_mut(ctx, names[0], names[1])?;
    let mut candidates: Vec<StreamId> =
        group.pel().from(start).take(effort.saturating_add(1)).map(|(id, _)| id).collect();
    let mut next = if candidates.len() > effort { candidates.pop() } else { None };
    let from = ctx.reply.len();
    let head = ctx.reply.defer(Aggregate::Array);
    let (mut written, mut gone) = (0, Vec::new());
    for id in candidates {
        if count == 0 {
            next = Some(id);
            break;
        }
        match claim.run(ctx, names, consumer, id)? {
            Claimed::Yes => written += 1,
            Claimed::Gone => gone.push(id),
            Claimed::No => continue,
        }
        count -= 1;
    }
    ctx.reply.finish(head, written);
    let claimed = ctx.reply.as_bytes()[from..].to_vec();
    ctx.reply.truncate(from);
    ctx.reply.array(3);
    write_id(ctx.reply, next.unwrap_or_default());
    ctx.reply.raw(&claimed);
    ctx.reply.array(gone.len());
    gone.into_iter().for_each(|id| write_id(ctx.reply, id));
    Ok(Flow::Done)
}
