//! The commands on sets: here those that concern members one by one and the walk through them.
//! Specs are in [`specs`], random choices in [`random`], what several sets make together in
//! [`combine`], members that expire in [`expiry`].

mod combine;
pub mod expiry;
#[cfg(test)]
mod expiry_tests;
mod random;
mod specs;
#[cfg(test)]
mod tests;

pub use specs::{COMBINING, MEMBERS};

use super::parts::{element, scan};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::reply::Reply;
use crate::types::set::{Limit, Set};

fn sadd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, members) = (args[1], &args[2..]);
    let added = add(ctx, key, members)?;
    if added > 0 {
        ctx.space.changed(Class::SET, "sadd", key);
        ctx.space.count_as(added);
    }
    ctx.reply.count(added);
    Ok(Flow::Done)
}

/// Adds members to a set, which is made if it is missing; returns how many are new. It does not
/// say that the key changed.
fn add(ctx: &mut Ctx<'_, '_>, key: &[u8], members: &[&[u8]]) -> Result<usize, CmdError> {
    let limit = ctx.engine().tuning.limits.set();
    if let Some(set) = ctx.space.object_mut::<Set>(key)? {
        set.expect(members.len(), limit);
        let added = add_all(set, members, limit);
        let len = set.len();
        ctx.space.settle_size_at(len);
        return Ok(added);
    }
    let mut set = Set::for_members(members[0], members.len(), limit);
    let added = add_all(&mut set, members, limit);
    ctx.space.put(key, Value::Object(Box::new(set)), Put::Persist);
    Ok(added)
}

fn add_all(set: &mut Set, members: &[&[u8]], limit: Limit) -> usize {
    members.iter().filter(|member| set.add(member, limit)).count()
}

fn srem(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, members) = (args[1], &args[2..]);
    let Some(set) = ctx.space.object_mut::<Set>(key)? else {
        ctx.reply.int(0);
        return Ok(Flow::Done);
    };
    let removed = members.iter().filter(|member| set.remove(member)).count();
    let len = set.len();
    let is_empty = len == 0;
    ctx.space.settle_size_at(len);
    if removed > 0 {
        ctx.space.changed(Class::SET, "srem", key);
        ctx.space.count_as(removed);
        remove_if(ctx, key, is_empty);
    }
    ctx.reply.count(removed);
    Ok(Flow::Done)
}

/// Removes the key of a set that has become empty.
fn remove_if(ctx: &mut Ctx<'_, '_>, key: &[u8], is_empty: bool) {
    if is_empty {
        ctx.space.remove(key);
        ctx.space.notify(Class::GENERIC, "del", key);
    }
}

fn sismember(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let is_member = ctx.space.object::<Set>(args[1])?.is_some_and(|set| set.contains(args[2]));
    ctx.reply.int(i64::from(is_member));
    Ok(Flow::Done)
}

fn smismember(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, members) = (args[1], &args[2..]);
    let set = ctx.space.object::<Set>(key)?;
    ctx.reply.array(members.len());
    for member in members {
        ctx.reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(Flow::Done)
}

fn scard(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let len = ctx.space.object::<Set>(args[1])?.map_or(0, Set::len);
    ctx.reply.count(len);
    Ok(Flow::Done)
}

fn smembers(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match ctx.space.object::<Set>(args[1])? {
        Some(set) => all(ctx.reply, set),
        None => ctx.reply.set(0),
    }
    Ok(Flow::Done)
}

/// Answers with all members.
fn all(reply: &mut Reply, set: &Set) {
    reply.set(set.len());
    set.iter().for_each(|member| element(reply, member));
}

fn smove(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (source, destination, member) = (args[1], args[2], args[3]);
    let is_member = match ctx.space.object_mut::<Set>(source)? {
        Some(set) => set.contains(member),
        None => {
            ctx.reply.int(0);
            return Ok(Flow::Done);
        }
    };
    ctx.space.object_mut::<Set>(destination)?;
    ctx.reply.int(i64::from(is_member));
    if !is_member || source == destination {
        return Ok(Flow::Done);
    }
    if let Some(set) = ctx.space.object_mut::<Set>(source)? {
        set.remove(member);
        let is_empty = set.is_empty();
        ctx.space.changed(Class::SET, "srem", source);
        remove_if(ctx, source, is_empty);
    }
    if add(ctx, destination, &[member])? > 0 {
        ctx.space.changed(Class::SET, "sadd", destination);
    }
    Ok(Flow::Done)
}

fn sscan(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    scan(ctx, args, false, |set: &Set, cursor, found| {
        set.scan(cursor, |member| {
            found.name(member);
        })
    })
}
