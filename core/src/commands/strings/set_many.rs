//! Commands that set several keys at a time: all of them or none.

use super::{OW_UPDATE, STRING, WRITE};
use crate::command::{Access, Begin, Ctx, Find, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{Expiry, is};
use crate::error::CmdError;
use crate::keyspace::Put;
use crate::notify::Class;
use crate::util::num;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "mset",
        arity: -3,
        flags: WRITE,
        keys: &[KeySpec::range(1, -1, 2, OW_UPDATE)],
        since: "1.0.1",
        summary: "Sets several keys to strings",
        complexity: "O(N) in the number of keys",
        syntax: "key value [key value ...]",
        handler: mset,
        ..STRING
    },
    Spec {
        name: "msetnx",
        arity: -3,
        flags: WRITE,
        keys: &[KeySpec::range(1, -1, 2, Access::OW.or(Access::INSERT))],
        since: "1.0.1",
        summary: "Sets several keys to strings unless one of them exists",
        complexity: "O(N) in the number of keys",
        syntax: "key value [key value ...]",
        handler: msetnx,
        ..STRING
    },
    Spec {
        name: "msetex",
        arity: -4,
        flags: WRITE.or(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            access: OW_UPDATE,
            begin: Begin::Index(1),
            find: Find::KeyNum { at: 0, first: 1, step: 2 },
        }],
        since: "8.4.0",
        summary: "Sets several keys to strings with a common expiry",
        complexity: "O(N) in the number of keys",
        syntax: "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | \
                 EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        handler: msetex,
        ..STRING
    },
];

/// The pairs of a command, whose words behind the name have to be pairs.
fn pairs<'w, 'a>(
    ctx: &Ctx<'_, '_>,
    words: &'w [&'a [u8]],
) -> Result<&'w [[&'a [u8]; 2]], CmdError> {
    match words.as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(CmdError::arity(&ctx.command.name)),
    }
}

fn mset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    put_all(ctx, pairs(ctx, &args[1..])?, Put::Persist);
    ctx.reply.ok();
    Ok(Flow::Done)
}

fn msetnx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let pairs = pairs(ctx, &args[1..])?;
    let free = pairs.iter().all(|[key, _]| ctx.space.lookup_mut(key).is_none());
    if free {
        put_all(ctx, pairs, Put::Persist);
    }
    ctx.reply.int(i64::from(free));
    Ok(Flow::Done)
}

fn put_all(ctx: &mut Ctx<'_, '_>, pairs: &[[&[u8]; 2]], put: Put) {
    for [key, value] in pairs {
        ctx.space.put_bytes(key, value, put);
        ctx.space.changed(Class::STRING, "set", key);
        if let Put::At(_) = put {
            ctx.space.notify(Class::GENERIC, "expire", key);
        }
    }
}

fn msetex(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let bad_count = CmdError::fixed("ERR invalid numkeys value");
    let count = num::parse_i64(args[1]).filter(|&n| n > 0 && n <= i64::from(i32::MAX));
    let count = count.ok_or(bad_count)? as usize;
    let words = args.get(2..2 + 2 * count);
    let words = words.ok_or(CmdError::fixed("ERR wrong number of key-value pairs"))?;
    let pairs = pairs(ctx, words)?;
    let (must_exist, expiry) = msetex_options(args, 2 + 2 * count)?;
    let put = match expiry.moment(ctx.space.now(), &ctx.command.name)? {
        Some(at) => Put::At(at),
        None if expiry == Expiry::Keep => Put::Keep,
        None => Put::Persist,
    };
    let met = must_exist.is_none_or(|must| {
        pairs.iter().all(|[key, _]| ctx.space.lookup_mut(key).is_some() == must)
    });
    if met {
        put_all(ctx, pairs, put);
        state_msetex(ctx, &args[1..2 + 2 * count], put);
    }
    ctx.reply.int(i64::from(met));
    Ok(Flow::Done)
}

/// Reads the options from `args[at]` on: whether the keys must exist (NX, XX), and the expiry.
fn msetex_options<'a>(
    args: &[&'a [u8]],
    mut at: usize,
) -> Result<(Option<bool>, Expiry<'a>), CmdError> {
    let (mut must_exist, mut expiry) = (None, Expiry::Unsaid);
    while at < args.len() {
        if expiry.read(args, &mut at)? {
            continue;
        }
        match args[at] {
            word if is(word, "KEEPTTL") => expiry.say(Expiry::Keep)?,
            word if is(word, "NX") && must_exist != Some(true) => must_exist = Some(false),
            word if is(word, "XX") && must_exist != Some(false) => must_exist = Some(true),
            _ => return Err(CmdError::SYNTAX),
        }
        at += 1;
    }
    Ok((must_exist, expiry))
}

/// States the effect of MSETEX: count and pairs, and the time as a moment.
fn state_msetex(ctx: &mut Ctx<'_, '_>, counted_pairs: &[&[u8]], put: Put) {
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = vec![b"MSETEX"];
    words.extend_from_slice(counted_pairs);
    match put {
        Put::Persist => {}
        Put::Keep => words.push(b"KEEPTTL"),
        Put::At(at) => words.extend([b"PXAT", digits.format(at).as_bytes()]),
    }
    ctx.space.effect(&words);
}
