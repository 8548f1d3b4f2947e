//! List commands that wait for elements, and what they do when a write serves them: see
//! `crate::blocking` for the protocol.

use super::super::parts::deadline;
use super::{LIST, MOVE, ManyKeys, TAKEN, answer_moved, end_of, names, take_one, transfer};
use crate::command::{Ctx, Flags, Flow, KeySpec, Mode, Outcome, Spec};
use crate::error::CmdError;
use crate::reply::Reply;
use crate::types::list::{End, List};

const KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1, TAKEN)];
const COUNTED_LATER: &[KeySpec] = &[KeySpec::counted(2, TAKEN)];

/// The commands that wait.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "blpop",
        arity: -3,
        flags: Flags::WRITE.or(Flags::BLOCKING),
        keys: KEYS,
        since: "2.0.0",
        summary: "Removes and returns the first element of the first of several lists that has any, or waits for one",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...] timeout",
        handler: blpop,
        ..LIST
    },
    Spec {
        name: "brpop",
        arity: -3,
        flags: Flags::WRITE.or(Flags::BLOCKING),
        keys: KEYS,
        since: "2.0.0",
        summary: "Removes and returns the last element of the first of several lists that has any, or waits for one",
        complexity: "O(N) in the number of keys",
        syntax: "key [key ...] timeout",
        handler: brpop,
        ..LIST
    },
    Spec {
        name: "blmpop",
        arity: -5,
        flags: Flags::WRITE.or(Flags::BLOCKING.or(Flags::MOVABLEKEYS)),
        keys: COUNTED_LATER,
        since: "7.0.0",
        summary: "Removes and returns elements from the first of several lists that has any, or waits for some",
        complexity: "O(N+M) in the number of keys and of elements returned",
        syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        handler: blmpop,
        ..LIST
    },
    Spec {
        name: "blmove",
        arity: 6,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::BLOCKING)),
        keys: MOVE,
        since: "6.2.0",
        summary: "Moves an element from one end of a list to an end of another, or waits for one",
        complexity: "O(1)",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        handler: blmove,
        ..LIST
    },
    Spec {
        name: "brpoplpush",
        arity: 4,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::BLOCKING)),
        keys: MOVE,
        since: "2.2.0",
        summary: "Moves the last element of a list to the head of another, or waits for one",
        complexity: "O(1)",
        syntax: "source destination timeout",
        handler: brpoplpush,
        ..LIST
    },
];

fn blpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    pop_or_wait(ctx, args, End::Left)
}

fn brpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    pop_or_wait(ctx, args, End::Right)
}

fn pop_or_wait(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], end: End) -> Outcome {
    let (keys, timeout) = (&args[1..args.len() - 1], args[args.len() - 1]);
    let deadline = deadline(ctx, timeout)?;
    let Some(key) = first_list(ctx, keys)? else {
        return ctx.block(keys, deadline, Reply::null_array);
    };
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    take_one(ctx, key, end)?;
    ctx.space.effect(&[names(end).1.to_ascii_uppercase().as_bytes(), key]);
    Ok(Flow::Done)
}

fn blmpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = ManyKeys::parse(&args[2..])?;
    let deadline = deadline(ctx, args[1])?;
    match first_list(ctx, wanted.keys)? {
        Some(key) => wanted.pop(ctx, key),
        None => ctx.block(wanted.keys, deadline, Reply::null_array),
    }
}

/// The first of the keys that is a list. Whatever else has come to be at a key does not end a
/// wait that has begun.
fn first_list<'a>(ctx: &mut Ctx<'_, '_>, keys: &[&'a [u8]]) -> Result<Option<&'a [u8]>, CmdError> {
    for key in keys {
        match ctx.space.object_mut::<List>(key) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Some(key)),
            Err(_) if ctx.mode == Mode::Serving => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn blmove(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (from, to) = (end_of(args[3])?, end_of(args[4])?);
    let (from_word, to_word) = (args[3], args[4]);
    let effect: [&[u8]; 5] = [b"LMOVE", args[1], args[2], from_word, to_word];
    move_or_wait(ctx, &args[1..3], args[5], (from, to), &effect)
}

fn brpoplpush(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let effect: [&[u8]; 3] = [b"RPOPLPUSH", args[1], args[2]];
    move_or_wait(ctx, &args[1..3], args[3], (End::Right, End::Left), &effect)
}

fn move_or_wait(
    ctx: &mut Ctx<'_, '_>,
    keys: &[&[u8]],
    timeout: &[u8],
    (from, to): (End, End),
    effect: &[&[u8]],
) -> Outcome {
    let deadline = deadline(ctx, timeout)?;
    let source = keys[0];
    if first_list(ctx, &[source])?.is_none() {
        // Where nothing can wait the reply is that of LMOVE, not that of a time-out.
        return match ctx.mode {
            Mode::Inside | Mode::Replay => Ok(answer_moved(ctx, None)),
            _ => ctx.block(&[source], deadline, Reply::null_array),
        };
    }
    match transfer(ctx, source, keys[1], from, to) {
        Ok(moved) => {
            ctx.space.effect(effect);
            Ok(answer_moved(ctx, moved))
        }
        // The wait is over all the same: the client gets the error.
        Err(error) if ctx.mode == Mode::Serving => {
            ctx.reply.error(error.text());
            Ok(Flow::Done)
        }
        Err(error) => Err(error),
    }
}
