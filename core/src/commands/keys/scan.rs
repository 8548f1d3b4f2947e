//! Finding keys: SCAN, KEYS, RANDOMKEY, DBSIZE.
//!
//! They walk over the shards in steps that hold a few shards and visit a bounded number of keys,
//! so that nobody waits for them for long.

use std::collections::VecDeque;

use super::presence::type_name;
use super::{GENERIC, READ_FAST};
use crate::command::{Acl, Ctx, Flags, Flow, Outcome, Reach, Spec};
use crate::commands::options::{int, is};
use crate::commands::parts::ScanArgs;
use crate::error::CmdError;
use crate::keyspace::{SHARDS, Scope, ShardSet, Sweep, shard_of};
use crate::reply::Reply;
use crate::util::glob;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "scan",
        arity: -2,
        flags: Flags::READONLY,
        reach: Reach::Steps,
        since: "2.8.0",
        summary: "Walks through the keys of the database, a part at a time",
        complexity: "O(1) for every call, O(N) in the number of keys for a complete walk",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        handler: scan,
        ..GENERIC
    },
    Spec {
        name: "keys",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
        reach: Reach::Steps,
        summary: "Returns all keys that match a pattern",
        complexity: "O(N) in the number of keys",
        syntax: "pattern",
        handler: keys,
        ..GENERIC
    },
    Spec {
        name: "randomkey",
        arity: 1,
        flags: Flags::READONLY,
        reach: Reach::Steps,
        summary: "Returns a random key",
        complexity: "O(1)",
        handler: randomkey,
        ..GENERIC
    },
    Spec {
        name: "dbsize",
        arity: 1,
        flags: READ_FAST,
        group: "server",
        summary: "Returns the number of keys in the database",
        complexity: "O(1)",
        handler: dbsize,
        ..GENERIC
    },
];

/// Most shards that a step holds.
const STEP_SHARDS: usize = 64;
/// About how many keys a step visits.
const STEP_KEYS: usize = 2048;
/// Bytes of KEYS's reply that a step adds, about.
const PART_BYTES: usize = 32 * 1024;
/// COUNT when the caller names none.
const DEFAULT_COUNT: usize = 10;

/// The options of SCAN.
struct Options<'a> {
    cursor: u64,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, CmdError> {
        let cursor = ScanArgs::cursor(args[1])?;
        let mut options = Options { cursor, pattern: None, type_name: None, count: DEFAULT_COUNT };
        for pair in args[2..].chunks(2) {
            match *pair {
                [word, count] if is(word, "COUNT") => {
                    let count = int(count)?;
                    options.count = usize::try_from(count).map_err(|_| CmdError::SYNTAX)?;
                    if count < 1 {
                        return Err(CmdError::SYNTAX);
                    }
                }
                [word, pattern] if is(word, "MATCH") => {
                    options.pattern = if pattern == b"*" { None } else { Some(pattern) };
                }
                [word, name] if is(word, "TYPE") => options.type_name = Some(name),
                [word, ..] if is(word, "NOVALUES") => return Err(ScanArgs::NO_VALUES),
                _ => return Err(CmdError::SYNTAX),
            }
        }
        Ok(options)
    }
}

/// Reads a cursor as C's `strtoull` does, of which some clients make use.
/// What a step of SCAN leaves for the next.
struct ScanStep {
    sweep: Sweep,
    /// How many keys are still to be visited.
    left: usize,
    found: Vec<Box<[u8]>>,
}

fn scan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(args)?;
    let size = ctx.engine().db_size(ctx.session.db);
    // As many shards as are likely to hold COUNT keys.
    let width = options.count.saturating_mul(SHARDS) / size.max(1);
    let width = width.min(STEP_SHARDS - 1) + 1;
    let Some(step) = ctx.step.take() else {
        let sweep = Sweep::from_cursor(options.cursor);
        ctx.step = Some(Box::new(ScanStep { sweep, left: options.count, found: Vec::new() }));
        return Ok(Flow::Again(sweep.scope(width)));
    };
    let Ok(mut step) = step.downcast::<ScanStep>() else { return Err(CmdError::SYNTAX) };
    let budget = step.left.min(STEP_KEYS);
    let (found, mut expired) = (&mut step.found, Vec::<Box<[u8]>>::new());
    let visited = step.sweep.advance(ctx.space, budget, |entry, is_over| {
        let of_type = options
            .type_name
            .is_none_or(|name| type_name(entry).as_bytes().eq_ignore_ascii_case(name));
        if of_type && options.pattern.is_none_or(|p| glob::matches(p, entry.key())) {
            if is_over { &mut expired } else { &mut *found }.push(entry.key().into());
        }
    });
    if !ctx.engine().tuning.keeps_expired() {
        expired.iter().for_each(|key| ctx.space.expire(key));
    }
    step.left = step.left.saturating_sub(visited);
    if step.left > 0 && !step.sweep.is_over() {
        let scope = step.sweep.scope(width);
        ctx.step = Some(step);
        return Ok(Flow::Again(scope));
    }
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(step.sweep.cursor()));
    ctx.reply.array(step.found.len());
    step.found.iter().for_each(|key| ctx.reply.bulk(key));
    Ok(Flow::Done)
}

/// What a step of KEYS leaves for the next.
enum KeysStep {
    /// Keys are being gathered.
    Gather { sweep: Sweep, found: Found },
    /// They are being replied, a part at a time, so that neither memory nor the thread has to
    /// take all of them at once.
    Tell { parts: VecDeque<Reply> },
}

/// Keys as they will be replied.
#[derive(Default)]
struct Found {
    count: usize,
    parts: VecDeque<Reply>,
}

impl Found {
    fn add(&mut self, key: &[u8]) {
        self.count += 1;
        if self.parts.back().is_none_or(|part| part.len() >= PART_BYTES) {
            self.parts.push_back(Reply::default());
        }
        if let Some(part) = self.parts.back_mut() {
            part.bulk(key);
        }
    }
}

fn keys(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let pattern = args[1];
    if glob::is_literal(pattern) {
        return key_itself(ctx, pattern);
    }
    let Some(step) = ctx.step.take() else {
        let sweep = Sweep::new();
        let scope = sweep.scope(STEP_SHARDS);
        ctx.step = Some(Box::new(KeysStep::Gather { sweep, found: Found::default() }));
        return Ok(Flow::Again(scope));
    };
    let Ok(mut step) = step.downcast::<KeysStep>() else { return Err(CmdError::SYNTAX) };
    match &mut *step {
        KeysStep::Gather { sweep, found } => {
            gather(ctx, pattern, sweep, found);
            if !sweep.is_over() {
                let scope = sweep.scope(STEP_SHARDS);
                ctx.step = Some(step);
                return Ok(Flow::Again(scope));
            }
            ctx.reply.array(found.count);
            *step = KeysStep::Tell { parts: std::mem::take(&mut found.parts) };
        }
        KeysStep::Tell { parts } => {
            if let Some(part) = parts.pop_front() {
                ctx.reply.raw(part.as_bytes());
            }
        }
    }
    match &*step {
        KeysStep::Tell { parts } if parts.is_empty() => Ok(Flow::Done),
        _ => {
            ctx.step = Some(step);
            Ok(Flow::Again(Scope::Shards(ShardSet::new())))
        }
    }
}

/// A step of KEYS over some of the shards.
fn gather(ctx: &mut Ctx<'_, '_>, pattern: &[u8], sweep: &mut Sweep, found: &mut Found) {
    sweep.advance(ctx.space, STEP_KEYS, |entry, is_over| {
        if !is_over && (pattern == b"*" || glob::matches(pattern, entry.key())) {
            found.add(entry.key());
        }
    });
}

/// KEYS with a pattern that matches nothing but itself.
fn key_itself(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
    let shard = shard_of(key);
    if !ctx.space.held().owns(shard) {
        return Ok(Flow::Again(Scope::Shards(ShardSet::one(shard))));
    }
    let there = ctx.space.exists(key);
    ctx.reply.array(usize::from(there));
    if there {
        ctx.reply.bulk(key);
    }
    Ok(Flow::Done)
}

/// What a step of RANDOMKEY leaves for the next: where it began, and how many steps were made.
struct RandomStep {
    start: usize,
    made: usize,
}

fn randomkey(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    const STEPS: usize = SHARDS / STEP_SHARDS;
    let step = ctx.step.take().and_then(|step| step.downcast::<RandomStep>().ok());
    let step = match step {
        None => {
            let start = (ctx.space.worker().random() % STEPS as u64) as usize;
            RandomStep { start, made: 0 }
        }
        Some(step) => {
            let key = ctx.space.random_key();
            if key.is_some() || step.made == STEPS || ctx.space.held().owns_all() {
                ctx.reply.bulk_or_null(key);
                return Ok(Flow::Done);
            }
            *step
        }
    };
    let first = (step.start + step.made) % STEPS * STEP_SHARDS;
    let shards = (first..first + STEP_SHARDS).map(|shard| shard as u16).collect();
    ctx.step = Some(Box::new(RandomStep { start: step.start, made: step.made + 1 }));
    Ok(Flow::Again(Scope::Shards(shards)))
}

fn dbsize(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    ctx.reply.count(ctx.engine().db_size(ctx.session.db));
    Ok(Flow::Done)
}
