//! The commands on lists: here those that add and remove at the ends. By index or by value:
//! [`inside`]; those that wait for elements: [`blocking`]; those that move several:
//! [`move_many`].

pub mod blocking;
pub mod inside;
pub mod move_many;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;

use super::parts::{self, positive};
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::error::CmdError;
use crate::notify::Class;
use crate::types::list::{End, List};

const LIST: Spec = Spec { acl: Acl::LIST, group: "list", ..Spec::DEFAULT };

const LOOK: &[KeySpec] = &[KeySpec::one(1, Access::RO)];
const READ: &[KeySpec] = &[KeySpec::one(1, Access::RO.or(Access::ACCESS))];
const UPDATE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::UPDATE))];
const PUSH: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::INSERT))];
const DELETE: &[KeySpec] = &[KeySpec::one(1, Access::RW.or(Access::DELETE))];
const TAKEN: Access = Access::RW.or(Access::ACCESS).or(Access::DELETE);
const POP: &[KeySpec] = &[KeySpec::one(1, TAKEN)];
const COUNTED: &[KeySpec] = &[KeySpec::counted(1, TAKEN)];
const MOVE: &[KeySpec] = &[KeySpec::one(1, TAKEN), KeySpec::one(2, Access::RW.or(Access::INSERT))];

/// The commands at the ends.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "lpush",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: PUSH,
        summary: "Adds elements at the head of a list",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: lpush,
        ..LIST
    },
    Spec {
        name: "rpush",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: PUSH,
        summary: "Adds elements at the tail of a list",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: rpush,
        ..LIST
    },
    Spec {
        name: "lpushx",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: PUSH,
        since: "2.2.0",
        summary: "Adds elements at the head of a list that exists",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: lpushx,
        ..LIST
    },
    Spec {
        name: "rpushx",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::FAST)),
        keys: PUSH,
        since: "2.2.0",
        summary: "Adds elements at the tail of a list that exists",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: rpushx,
        ..LIST
    },
    Spec {
        name: "lpop",
        arity: -2,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: POP,
        summary: "Removes and returns elements from the head of a list",
        complexity: "O(N) in the number of elements returned",
        syntax: "key [count]",
        handler: lpop,
        ..LIST
    },
    Spec {
        name: "rpop",
        arity: -2,
        flags: Flags::WRITE.or(Flags::FAST),
        keys: POP,
        summary: "Removes and returns elements from the tail of a list",
        complexity: "O(N) in the number of elements returned",
        syntax: "key [count]",
        handler: rpop,
        ..LIST
    },
    Spec {
        name: "lmpop",
        arity: -4,
        flags: Flags::WRITE.or(Flags::MOVABLEKEYS),
        keys: COUNTED,
        since: "7.0.0",
        summary: "Removes and returns elements from the first of several lists that has any",
        complexity: "O(N+M) in the number of keys and of elements returned",
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        handler: lmpop,
        ..LIST
    },
    Spec {
        name: "lmove",
        arity: 5,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: MOVE,
        since: "6.2.0",
        summary: "Moves an element from one end of a list to an end of another",
        complexity: "O(1)",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        handler: lmove,
        ..LIST
    },
    Spec {
        name: "rpoplpush",
        arity: 3,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: MOVE,
        since: "1.2.0",
        summary: "Moves the last element of a list to the head of another",
        complexity: "O(1)",
        syntax: "source destination",
        handler: rpoplpush,
        ..LIST
    },
];

/// The names that depend on the end: of the command that pushes (also that of its event), and of
/// the one that pops.
fn names(end: End) -> (&'static str, &'static str) {
    match end {
        End::Left => ("lpush", "lpop"),
        End::Right => ("rpush", "rpop"),
    }
}

fn end_of(word: &[u8]) -> Result<End, CmdError> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(End::Left)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(End::Right)
    } else {
        Err(CmdError::SYNTAX)
    }
}

fn lpush(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    push(ctx, args[1], &args[2..], End::Left)
}

fn rpush(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    push(ctx, args[1], &args[2..], End::Right)
}

fn lpushx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    push_to_present(ctx, args, End::Left)
}

fn rpushx(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    push_to_present(ctx, args, End::Right)
}

fn push_to_present(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], end: End) -> Outcome {
    if ctx.space.object_mut::<List>(args[1])?.is_none() {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    }
    push(ctx, args[1], &args[2..], end)
}

fn push(ctx: &mut Ctx<'_, '_>, key: &[u8], elements: &[&[u8]], end: End) -> Outcome {
    let len = add(ctx, key, elements, end)?;
    ctx.reply.count(len);
    Ok(Flow::Done)
}

/// Pushes elements and returns the list's new length.
fn add(ctx: &mut Ctx<'_, '_>, key: &[u8], elements: &[&[u8]], end: End) -> Result<usize, CmdError> {
    let limit = ctx.engine().tuning.limits.list();
    let list = ctx.space.object_or_insert(key, List::default)?;
    list.push(end, elements, limit);
    let len = list.len();
    ctx.space.settle_size_at(len);
    ctx.space.changed(Class::LIST, names(end).0, key);
    ctx.space.count_as(elements.len());
    ctx.space.signal(key);
    Ok(len)
}

fn lpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    pop(ctx, args, End::Left)
}

fn rpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    pop(ctx, args, End::Right)
}

fn pop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], end: End) -> Outcome {
    let key = args[1];
    let count = match args[2..] {
        [] => None,
        [count] => Some(parts::count(count)?),
        _ => return Err(CmdError::arity(ctx.command.spec.name)),
    };
    let exists = ctx.space.object_mut::<List>(key)?.is_some();
    match count {
        None if !exists => ctx.reply.null(),
        Some(_) if !exists => ctx.reply.null_array(),
        None => {
            take_one(ctx, key, end)?;
        }
        Some(count) => {
            take(ctx, key, end, count)?;
        }
    }
    Ok(Flow::Done)
}

/// Removes the element at an end of a list that exists, and answers with it.
fn take_one(ctx: &mut Ctx<'_, '_>, key: &[u8], end: End) -> Result<(), CmdError> {
    let element = ctx.space.object_mut::<List>(key)?.and_then(|list| list.pop(end));
    ctx.reply.bulk_or_null(element.as_deref());
    removed(ctx, key, names(end).1)
}

/// Removes up to `count` elements from an end of a list that exists, answers with them as an
/// array, and returns how many there were.
fn take(ctx: &mut Ctx<'_, '_>, key: &[u8], end: End, count: usize) -> Result<usize, CmdError> {
    let Some(list) = ctx.space.object_mut::<List>(key)? else { return Ok(0) };
    let count = count.min(list.len());
    ctx.reply.array(count);
    for _ in 0..count {
        ctx.reply.bulk_or_null(list.pop(end).as_deref());
    }
    if count > 0 {
        removed(ctx, key, names(end).1)?;
        ctx.space.count_as(count);
    }
    Ok(count)
}

/// Tells that elements were removed, and removes the list if it is empty.
fn removed(ctx: &mut Ctx<'_, '_>, key: &[u8], event: &'static str) -> Result<(), CmdError> {
    let Some(list) = ctx.space.object_mut::<List>(key)? else { return Ok(()) };
    list.settle();
    let len = list.len();
    let is_empty = len == 0;
    ctx.space.settle_size_at(len);
    ctx.space.changed(Class::LIST, event, key);
    if is_empty {
        ctx.space.remove(key);
        ctx.space.notify(Class::GENERIC, "del", key);
    }
    Ok(())
}

fn lmove(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (from, to) = (end_of(args[3])?, end_of(args[4])?);
    transfer(ctx, args[1], args[2], from, to).map(|moved| answer_moved(ctx, moved))
}

fn rpoplpush(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    transfer(ctx, args[1], args[2], End::Right, End::Left).map(|moved| answer_moved(ctx, moved))
}

fn answer_moved(ctx: &mut Ctx<'_, '_>, element: Option<Vec<u8>>) -> Flow {
    ctx.reply.bulk_or_null(element.as_deref());
    Flow::Done
}

/// Moves an element from one end of a list to an end of another, or of the same; `None` when the
/// first does not exist.
fn transfer(
    ctx: &mut Ctx<'_, '_>,
    source: &[u8],
    destination: &[u8],
    from: End,
    to: End,
) -> Result<Option<Vec<u8>>, CmdError> {
    if ctx.space.object_mut::<List>(source)?.is_none() {
        return Ok(None);
    }
    // Nothing may be changed if there is no list to push to.
    ctx.space.object_mut::<List>(destination)?;
    let popped = ctx.space.object_mut::<List>(source)?.and_then(|list| list.pop(from));
    let Some(element) = popped else { return Ok(None) };
    add(ctx, destination, &[&element], to)?;
    removed(ctx, source, names(from).1)?;
    ctx.space.count_as(1);
    Ok(Some(element))
}

/// `numkeys key [key ...] <LEFT | RIGHT> [COUNT count]`.
struct ManyKeys<'k, 'a> {
    keys: &'k [&'a [u8]],
    end: End,
    count: usize,
}

impl<'k, 'a> ManyKeys<'k, 'a> {
    fn parse(words: &'k [&'a [u8]]) -> Result<Self, CmdError> {
        let [number, rest @ ..] = words else { return Err(CmdError::SYNTAX) };
        let number = positive(number, "ERR numkeys should be greater than 0")?;
        let Some((keys, [end, options @ ..])) = rest.split_at_checked(number) else {
            return Err(CmdError::SYNTAX);
        };
        let end = end_of(end)?;
        let count = match options {
            [] => 1,
            [option, count, rest @ ..] if option.eq_ignore_ascii_case(b"COUNT") => {
                let count = positive(count, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(CmdError::SYNTAX);
                }
                count
            }
            _ => return Err(CmdError::SYNTAX),
        };
        Ok(Self { keys, end, count })
    }

    /// Pops from the list of a key and answers with both.
    fn pop(&self, ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        let taken = take(ctx, key, self.end, self.count)?;
        let name = names(self.end).1.to_ascii_uppercase();
        let count = taken.to_string();
        ctx.space.effect(&[name.as_bytes(), key, count.as_bytes()]);
        Ok(Flow::Done)
    }
}

fn lmpop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = ManyKeys::parse(&args[1..])?;
    for key in wanted.keys {
        if ctx.space.object_mut::<List>(key)?.is_some() {
            return wanted.pop(ctx, key);
        }
    }
    ctx.reply.null_array();
    Ok(Flow::Done)
}
