//! XADD, and the commands about producers that may send an entry twice.

use super::super::options::is;
use super::trim::{TrimArgs, exact_words};
use super::{INVALID_ID, strict_id, write_id};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::notify::Class;
use crate::types::stream::idempotency::{Idempotency, identifier_of};
use crate::types::stream::trim::Trim;
use crate::types::stream::{MAX_ENTRY_BYTES, Stream, StreamId, id};

/// Which identifier an entry is to have.
#[derive(Clone, Copy)]
enum NewId {
    /// `*`.
    Auto,
    /// `ms-*`.
    Within(u64),
    /// `ms-seq`.
    Exactly(StreamId),
}

/// The options and words of XADD.
struct AddArgs<'a> {
    make: bool,
    trim: Option<Trim>,
    /// The producer, with its identifier for the entry unless that follows from the contents.
    producer: Option<(&'a [u8], Option<&'a [u8]>)>,
    id: NewId,
    pairs: &'a [&'a [u8]],
}

impl<'a> AddArgs<'a> {
    fn parse(ctx: &Ctx<'_, '_>, args: &'a [&'a [u8]]) -> Result<Self, CmdError> {
        let (mut make, mut producer) = (true, None);
        let mut trim = TrimArgs::default();
        let mut at = 2;
        let id = loop {
            let rest = args.get(at..).filter(|rest| !rest.is_empty()).ok_or(INVALID_ID)?;
            if rest[0] == b"*" {
                break NewId::Auto;
            }
            // Nearly always an identifier, which no option looks like.
            if rest[0].first().is_some_and(u8::is_ascii_digit) {
                break new_id(rest[0])?;
            }
            let taken = if is(rest[0], "NOMKSTREAM") {
                make = false;
                1
            } else if let Some(taken) = idempotent(rest, &mut producer)? {
                taken
            } else {
                trim.option(rest)?
            };
            if taken == 0 {
                break new_id(rest[0])?;
            }
            at += taken;
        };
        let trim = trim.finish(ctx.engine().tuning.limits.stream())?;
        if producer.is_some() && !matches!(id, NewId::Auto) {
            return Err(CmdError::fixed(
                "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs",
            ));
        }
        let pairs = &args[at + 1..];
        if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(CmdError::arity("xadd"));
        }
        if matches!(id, NewId::Exactly(StreamId::MIN)) {
            return Err(CmdError::fixed("ERR The ID specified in XADD must be greater than 0-0"));
        }
        if pairs.iter().map(|word| word.len()).sum::<usize>() > MAX_ENTRY_BYTES {
            return Err(CmdError::fixed("ERR Elements are too large to be stored"));
        }
        Ok(Self { make, trim, producer, id, pairs })
    }
}

/// A producer and, with IDMP, its identifier for the entry.
type Producer<'a> = Option<(&'a [u8], Option<&'a [u8]>)>;

/// Reads IDMP or IDMPAUTO; how many words it took, `None` if it is neither.
fn idempotent<'a>(
    words: &[&'a [u8]],
    producer: &mut Producer<'a>,
) -> Result<Option<usize>, CmdError> {
    let (taken, found) = match words {
        [name, rest @ ..] if is(name, "IDMPAUTO") => match rest {
            [pid, ..] => (2, (*pid, None)),
            [] => return Err(CmdError::SYNTAX),
        },
        [name, rest @ ..] if is(name, "IDMP") => match rest {
            [pid, iid, ..] => (3, (*pid, Some(*iid))),
            _ => return Err(CmdError::SYNTAX),
        },
        _ => return Ok(None),
    };
    if producer.is_some() {
        return Err(CmdError::fixed(
            "ERR syntax error, IDMP and IDMPAUTO options at the same time are not compatible",
        ));
    }
    if found.0.is_empty() || found.1.is_some_and(<[u8]>::is_empty) {
        return Err(EMPTY_PRODUCER);
    }
    *producer = Some(found);
    Ok(Some(taken))
}

const EMPTY_PRODUCER: CmdError =
    CmdError::fixed("ERR the producer ID and the idempotent ID must not be empty");

fn new_id(word: &[u8]) -> Result<NewId, CmdError> {
    match word.strip_suffix(b"-*") {
        Some(ms) => id::part(ms).map(NewId::Within).ok_or(INVALID_ID),
        None => strict_id(word, 0).map(NewId::Exactly),
    }
}

/// The identifier that the next entry gets.
fn resolve(wanted: NewId, last: StreamId, now: i64) -> Result<StreamId, CmdError> {
    const TOO_SMALL: CmdError = CmdError::fixed(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
    let after = last.next().ok_or(CmdError::fixed(
        "ERR The stream has exhausted the last possible ID, unable to add more items",
    ))?;
    let id = match wanted {
        NewId::Auto if now as u64 > last.ms => return Ok(StreamId::new(now as u64, 0)),
        NewId::Auto => return Ok(after),
        NewId::Within(ms) if ms == last.ms && after.ms == ms => after,
        NewId::Within(ms) if ms == last.ms => return Err(TOO_SMALL),
        NewId::Within(ms) => StreamId::new(ms, 0),
        NewId::Exactly(id) => id,
    };
    if id > last { Ok(id) } else { Err(TOO_SMALL) }
}

pub(super) fn xadd(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let wanted = AddArgs::parse(ctx, args)?;
    let (now, limit) = (ctx.space.now(), ctx.engine().tuning.limits.stream());
    let settings = ctx.engine().tuning.limits.idempotency();
    let stream = match ctx.space.object_mut::<Stream>(key)? {
        Some(stream) => stream,
        None if !wanted.make => {
            ctx.reply.null();
            return Ok(Flow::Done);
        }
        None => ctx.space.object_or_insert(key, Stream::default)?,
    };
    let generated = match wanted.producer {
        Some((_, None)) => identifier_of(wanted.pairs),
        _ => [0; 16],
    };
    let producer = wanted.producer.map(|(pid, iid)| (pid, iid.unwrap_or(&generated)));
    if let Some((pid, iid)) = producer {
        let fresh = || Box::new(Idempotency::new(settings));
        let known = stream.idempotency_mut().get_or_insert_with(fresh);
        known.expire(pid, now);
        if let Some(id) = known.find(pid, iid) {
            known.count_duplicate();
            write_id(ctx.reply, id);
            return Ok(Flow::Done);
        }
    }
    let id = resolve(wanted.id, stream.last_id(), now)?;
    stream.append(id, wanted.pairs, limit);
    let trimmed = wanted.trim.as_ref().map_or(0, |trim| stream.trim(trim));
    if let (Some((pid, iid)), Some(known)) = (producer, stream.idempotency_mut()) {
        known.add(pid, iid, id);
    }
    let len = stream.len();
    ctx.space.changed(Class::STREAM, "xadd", key);
    if trimmed > 0 {
        ctx.space.notify(Class::STREAM, "xtrim", key);
    }
    state(ctx, key, id, &wanted, producer, len);
    ctx.space.signal(key);
    write_id(ctx.reply, id);
    Ok(Flow::Done)
}

/// States as effect what was added and trimmed.
fn state(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    id: StreamId,
    wanted: &AddArgs<'_>,
    producer: Option<(&[u8], &[u8])>,
    len: u64,
) {
    if !ctx.engine().effects.is_active() {
        return;
    }
    let trim = wanted.trim.as_ref().map_or_else(Vec::new, |trim| exact_words(trim, len));
    let id = id.to_vec();
    let mut words: Vec<&[u8]> = vec![b"XADD", key];
    words.extend(trim.iter().map(Vec::as_slice));
    words.push(&id);
    words.extend_from_slice(wanted.pairs);
    ctx.space.effect(&words);
    if let Some((pid, iid)) = producer
        && len > 0
    {
        ctx.space.effect(&[b"XIDMPRECORD", key, pid, iid, &id]);
    }
}

pub(super) fn xcfgset(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let default = ctx.engine().tuning.limits.idempotency();
    let (mut duration, mut most) = (None, None);
    for option in args[2..].chunks(2) {
        let [name, value] = option else { return Err(CmdError::SYNTAX) };
        if is(name, "IDMP-DURATION") {
            duration = Some(between(value, 86_400, "ERR invalid duration")?);
        } else if is(name, "IDMP-MAXSIZE") {
            most = Some(between(value, 10_000, "ERR invalid maxsize")?);
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    if duration.is_none() && most.is_none() {
        return Err(CmdError::SYNTAX);
    }
    let stream = ctx.space.object_mut::<Stream>(args[1])?.ok_or(CmdError::NO_KEY)?;
    let fresh = || Box::new(Idempotency::new(default));
    let known = stream.idempotency_mut().get_or_insert_with(fresh);
    let mut settings = known.settings();
    settings.duration = duration.unwrap_or(settings.duration);
    settings.most = most.map_or(settings.most, |most| most as usize);
    known.set(settings);
    ctx.space.changed(Class::STREAM, "xcfgset", args[1]);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// Reads an integer from 1 to `most`.
fn between(word: &[u8], most: u64, error: &'static str) -> Result<u64, CmdError> {
    let value = crate::util::num::parse_u64(word);
    value.filter(|value| (1..=most).contains(value)).ok_or(CmdError::fixed(error))
}

pub(super) fn xidmprecord(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let [_, key, pid, iid, entry] = args else { return Err(CmdError::SYNTAX) };
    if pid.is_empty() || iid.is_empty() {
        return Err(EMPTY_PRODUCER);
    }
    let entry = strict_id(entry, 0)?;
    let settings = ctx.engine().tuning.limits.idempotency();
    let stream = ctx.space.object_mut::<Stream>(key)?.ok_or(CmdError::NO_KEY)?;
    if !stream.contains(entry) {
        return Err(CmdError::fixed("ERR no such entry in the stream"));
    }
    let fresh = || Box::new(Idempotency::new(settings));
    let known = stream.idempotency_mut().get_or_insert_with(fresh);
    match known.find(pid, iid) {
        Some(id) if id == entry => {}
        Some(_) => {
            return Err(CmdError::fixed("ERR the idempotent ID belongs to another entry"));
        }
        None => {
            known.add(pid, iid, entry);
            ctx.space.changed(Class::STREAM, "xidmprecord", key);
        }
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}
