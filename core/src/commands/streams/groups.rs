//! XGROUP: consumer groups and their consumers.

use super::super::options::is;
use super::super::parts::int;
use super::{any_id, no_group_of};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::types::stream::group::Group;
use crate::types::stream::{Stream, StreamId};

const NO_STREAM: CmdError = CmdError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    make: bool,
    read: Option<u64>,
}

impl Options {
    fn parse(args: &[&[u8]], creates: bool) -> Result<Self, CmdError> {
        let mut options = Self::default();
        let mut rest = &args[5..];
        while let [word, after @ ..] = rest {
            rest = match after {
                _ if creates && is(word, "MKSTREAM") => {
                    options.make = true;
                    after
                }
                [value, after @ ..] if is(word, "ENTRIESREAD") => {
                    options.read = match int(value)? {
                        -1 => None,
                        read => Some(u64::try_from(read).map_err(|_| {
                            CmdError::fixed("ERR value for ENTRIESREAD must be positive or -1")
                        })?),
                    };
                    after
                }
                _ => return Err(wrong_arguments(args[1])),
            };
        }
        Ok(options)
    }
}

fn wrong_arguments(subcommand: &[u8]) -> CmdError {
    let name = CmdError::shown(subcommand);
    CmdError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try XGROUP HELP."
    ))
}

/// Reads the identifier after which a group is to read.
fn position(word: &[u8], stream: Option<&Stream>) -> Result<StreamId, CmdError> {
    match word {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        _ => any_id(word, 0),
    }
}

pub(super) fn create(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[2], args[3]);
    let options = Options::parse(args, true)?;
    let stream = ctx.space.object_mut::<Stream>(key)?;
    if stream.is_none() && !options.make {
        return Err(NO_STREAM);
    }
    let last = position(args[4], stream.as_deref())?;
    let is_new = stream.is_none();
    let stream = match stream {
        Some(stream) => stream,
        None => ctx.space.object_or_insert(key, Stream::default)?,
    };
    if stream.groups().contains_key(name) {
        return Err(CmdError::fixed("BUSYGROUP Consumer Group name already exists"));
    }
    let read = options.read.map(|read| read.min(stream.added()));
    stream.groups_mut().insert(name.into(), Group::new(last, read));
    if is_new {
        ctx.space.touch(key);
    }
    super::note(ctx, "xgroup-create", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// The stream of a command that needs one.
fn stream_mut<'s>(ctx: &'s mut Ctx<'_, '_>, key: &[u8]) -> Result<&'s mut Stream, CmdError> {
    ctx.space.object_mut::<Stream>(key)?.ok_or(NO_STREAM)
}

/// The group of a command that needs one.
fn group_mut<'s>(
    ctx: &'s mut Ctx<'_, '_>,
    key: &[u8],
    name: &[u8],
) -> Result<&'s mut Group, CmdError> {
    let stream = stream_mut(ctx, key)?;
    stream.groups_mut().get_mut(name).ok_or_else(|| no_group_of(key, name))
}

pub(super) fn set_id(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[2], args[3]);
    let options = Options::parse(args, false)?;
    group_mut(ctx, key, name)?;
    let stream = stream_mut(ctx, key)?;
    let last = position(args[4], Some(stream))?;
    let read = options.read.map(|read| read.min(stream.added()));
    if let Some(group) = stream.groups_mut().get_mut(name) {
        (group.last, group.read) = (last, read);
    }
    super::note(ctx, "xgroup-setid", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}

pub(super) fn destroy(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, name) = (args[2], args[3]);
    let existed = stream_mut(ctx, key)?.groups_mut().remove(name).is_some();
    if existed {
        super::note(ctx, "xgroup-destroy", key);
        // Who waits for the group gets an error.
        ctx.space.signal(key);
    }
    ctx.reply.int(i64::from(existed));
    Ok(Flow::Done)
}

pub(super) fn create_consumer(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, now) = (args[2], ctx.space.now());
    let group = group_mut(ctx, key, args[3])?;
    let is_new = group.find(args[4]).is_none();
    if is_new {
        group.add_consumer(args[4], now);
        super::note(ctx, "xgroup-createconsumer", key);
    }
    ctx.reply.int(i64::from(is_new));
    Ok(Flow::Done)
}

pub(super) fn delete_consumer(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let removed = group_mut(ctx, args[2], args[3])?.remove_consumer(args[4]);
    if removed.is_some() {
        super::note(ctx, "xgroup-delconsumer", args[2]);
    }
    ctx.reply.count(removed.unwrap_or(0));
    Ok(Flow::Done)
}

const HELP: &[&str] = &[
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
    "HELP",
    "    Print this help.",
];

pub(super) fn help(ctx: &mut Ctx<'_, '_>, _: &[&[u8]]) -> Outcome {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(Flow::Done)
}
