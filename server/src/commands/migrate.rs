//! MIGRATE: keys to another server. They are captured here, sent by a thread that may wait for the
//! target ([`crate::migrate`]), and then removed, if the target has taken them and nothing has
//! changed them meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cairn_core::CmdError;
use cairn_core::command::{
    Access, Acl, Begin, Ctx, Find, Flags, Flow, Job, JobEnd, KeySpec, Mode, Outcome, Spec, keys,
};
use cairn_core::keyspace::{Scope, ShardSet, shard_of};
use cairn_core::notify::Class;
use cairn_core::rdb::payload;
use cairn_core::util::int::parse_i64;
use cairn_core::watch::WatchFlag;

use super::{is, server, text};
use crate::migrate::{Outcome as Sent, Parcel, Target, Transfer};

const MOVES: Access = Access::RW.or(Access::ACCESS).or(Access::DELETE);

/// The family.
pub const SPECS: &[Spec] = &[Spec {
    name: "migrate",
    arity: -6,
    // Within a transaction everything would stand still until the target answers.
    flags: Flags::WRITE.or(Flags::MOVABLEKEYS).or(Flags::NO_MULTI),
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    keys: &[
        KeySpec::one(3, MOVES),
        KeySpec {
            access: MOVES.or(Access::INCOMPLETE),
            begin: Begin::Keyword { word: "KEYS", from: -2 },
            find: Find::Range { last: -1, step: 1, limit: 0 },
        },
    ],
    find_keys: Some(find_keys),
    group: "generic",
    since: "2.6.0",
    summary: "Moves keys to another server",
    complexity: "O(N) in the size of the values, and their way over the network",
    syntax: "host port <key | \"\"> destination-db timeout [COPY] [REPLACE] \
             [AUTH password | AUTH2 username password] [KEYS key [key ...]]",
    handler: migrate,
    ..Spec::DEFAULT
}];

/// Milliseconds that the target may take for each step unless the command says otherwise.
const TIMEOUT_DEFAULT: i64 = 1000;

/// Where the options begin.
const OPTIONS: usize = 6;

/// What the words say.
#[derive(Default)]
struct Options {
    copy: bool,
    replace: bool,
    login: Vec<Vec<u8>>,
    /// Where the keys after KEYS begin.
    keys: Option<usize>,
}

fn options(args: &[&[u8]]) -> Result<Options, CmdError> {
    let mut options = Options::default();
    let mut at = OPTIONS;
    while let Some(word) = args.get(at) {
        let login = match word {
            word if is(word, "copy") => {
                options.copy = true;
                0
            }
            word if is(word, "replace") => {
                options.replace = true;
                0
            }
            word if is(word, "auth") => 1,
            word if is(word, "auth2") => 2,
            word if is(word, "keys") => {
                options.keys = Some(at + 1);
                break;
            }
            _ => return Err(CmdError::SYNTAX),
        };
        if login > 0 {
            let words = args.get(at + 1..=at + login).ok_or(CmdError::SYNTAX)?;
            options.login = words.iter().map(|word| word.to_vec()).collect();
        }
        at += 1 + login;
    }
    Ok(options)
}

/// The key at its place, or those after KEYS.
fn find_keys(args: &[&[u8]], out: &mut Vec<usize>) {
    match options(args).ok().and_then(|options| options.keys) {
        Some(from) => out.extend(from..args.len()),
        None if args.len() > 3 => out.push(3),
        None => {}
    }
}

/// A key that was captured.
struct Captured {
    key: Vec<u8>,
    /// When it expires, in Unix milliseconds.
    expiry: Option<i64>,
    /// Raised when it changes.
    changed: Arc<WatchFlag>,
}

/// What the first step leaves for the second.
struct Moved {
    captured: Vec<Captured>,
    sent: Sent,
}

fn migrate(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if let Some(step) = ctx.step.take() {
        let lost = |_| CmdError::fixed("ERR internal error: lost the state of MIGRATE");
        return conclude(ctx, *step.downcast::<Moved>().map_err(lost)?);
    }
    if ctx.mode != Mode::Client {
        return Err(CmdError::fixed("ERR MIGRATE is not allowed here"));
    }
    let options = options(args)?;
    if options.keys.is_some() && !args[3].is_empty() {
        return Err(CmdError::fixed(
            "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
        ));
    }
    let timeout = parse_i64(args[5]).ok_or(CmdError::NOT_INT)?;
    let timeout = if timeout > 0 { timeout } else { TIMEOUT_DEFAULT };
    let db = parse_i64(args[4]).ok_or(CmdError::NOT_INT)?;
    let port = parse_i64(args[2]).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CmdError::fixed("ERR Invalid port"))?;
    let (captured, parcels) = capture(ctx, args)?;
    if captured.is_empty() {
        ctx.reply.simple("NOKEY");
        return Ok(Flow::Done);
    }
    let transfer = Transfer {
        target: Target { host: text(args[1]), port, login: options.login },
        db,
        replace: options.replace,
        timeout: Duration::from_millis(timeout.unsigned_abs()),
        parcels,
    };
    let captured = if options.copy { Vec::new() } else { captured };
    let shards: ShardSet = captured.iter().map(|captured| shard_of(&captured.key)).collect();
    let server = Arc::clone(server(ctx)?);
    Ok(Flow::Offload(Job::waiting(move || {
        let sent = server.links.send(&transfer);
        JobEnd::Next(Box::new(Moved { captured, sent }), Scope::Shards(shards))
    })))
}

/// Takes the keys that there are as they stand, and has their changes noticed from now on.
fn capture(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
) -> Result<(Vec<Captured>, Vec<Parcel>), CmdError> {
    let mut at = Vec::new();
    keys::positions(ctx.command.spec, args, &mut at);
    let now = ctx.space.now();
    let engine = ctx.engine();
    let (mut captured, mut parcels) = (Vec::new(), Vec::new());
    let mut known = HashSet::new();
    for key in at.into_iter().filter_map(|at| args.get(at)) {
        if !known.insert(key) {
            continue;
        }
        let Some(entry) = ctx.space.lookup(key) else { continue };
        let payload = payload::make(entry.value(), &engine.config)
            .map_err(|error| CmdError::new(format!("ERR {error}")))?;
        let expiry = entry.expiry();
        // A key whose time is nearly over must not become one without an end.
        let ttl = expiry.map_or(0, |at| at.saturating_sub(now).max(1));
        let changed = Arc::new(WatchFlag::strict());
        ctx.space.watch(&changed, key);
        captured.push(Captured { key: key.to_vec(), expiry, changed });
        parcels.push(Parcel { key: key.to_vec(), ttl, payload });
    }
    Ok((captured, parcels))
}

/// Removes what the target has taken, and answers.
fn conclude(ctx: &mut Ctx<'_, '_>, moved: Moved) -> Outcome {
    let now = ctx.space.now();
    let mut removed: Vec<&[u8]> = vec![b"DEL"];
    let mut changed = false;
    for (captured, taken) in moved.captured.iter().zip(&moved.sent.taken) {
        let over = captured.expiry.is_some_and(|at| at <= now);
        if !taken || over {
            continue;
        }
        if captured.changed.is_raised() {
            changed = true;
        } else if ctx.space.remove(&captured.key) {
            ctx.space.changed(Class::GENERIC, "del", &captured.key);
            removed.push(&captured.key);
        }
    }
    if removed.len() > 1 {
        ctx.space.effect(&removed);
    }
    match moved.sent.error {
        Some(error) => Err(error),
        None if changed => Err(CmdError::fixed(
            "ERR A key changed while it was sent: it stays here, and the target has what it was",
        )),
        None => {
            ctx.reply.ok();
            Ok(Flow::Done)
        }
    }
}
