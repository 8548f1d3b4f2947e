//! DUMP and RESTORE: a value as bytes, in the form of RDB with a version and a checksum behind it.

use std::sync::atomic::Ordering;

use super::super::options::is;
use super::GENERIC;
use crate::command::{Access, Acl, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::config::table::persistence as params;
use crate::error::CmdError;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::rdb::value::{self, Context};
use crate::rdb::{RdbError, Reader, file, kind, opcode, payload};
use crate::util::int::parse_i64;

/// The commands.
pub(super) const SPECS: &[Spec] = &[
    Spec {
        name: "dump",
        arity: 2,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(1, Access::RO)],
        since: "2.6.0",
        summary: "Answers the value of a key as bytes for RESTORE",
        complexity: "O(1) to find the key, and O(N) in the size of its value",
        syntax: "key",
        handler: dump,
        ..GENERIC
    },
    Spec {
        name: "restore",
        arity: -4,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
        keys: &[KeySpec::one(1, Access::OW.or(Access::UPDATE))],
        since: "2.6.0",
        summary: "Makes a key of the bytes that DUMP answered",
        complexity: "O(1) to make the key, and O(N) in the size of its value",
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        handler: restore,
        ..GENERIC
    },
];

const BAD_VALUE: CmdError = CmdError::fixed("ERR Bad data format");

const BAD_PAYLOAD: CmdError = CmdError::fixed("ERR DUMP payload version or checksum are wrong");

fn dump(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let engine = ctx.engine();
    let Some(entry) = ctx.space.lookup(args[1]) else {
        ctx.reply.null();
        return Ok(Flow::Done);
    };
    let bytes = payload::make(entry.value(), &engine.config).map_err(unsavable)?;
    ctx.reply.bulk(&bytes);
    Ok(Flow::Done)
}

fn unsavable(error: RdbError) -> CmdError {
    CmdError::new(format!("ERR {error}"))
}

/// What RESTORE was asked to do besides.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    frequency: Option<u8>,
}

fn options(words: &[&[u8]]) -> Result<Options, CmdError> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is(word, "REPLACE") {
            options.replace = true;
        } else if is(word, "ABSTTL") {
            options.absolute = true;
        } else if is(word, "IDLETIME") && options.frequency.is_none() {
            let seconds = number(words.next().ok_or(CmdError::SYNTAX)?)?;
            if seconds < 0 {
                return Err(CmdError::fixed("ERR Invalid IDLETIME value, must be >= 0"));
            }
            options.idle = Some(seconds);
        } else if is(word, "FREQ") && options.idle.is_none() {
            let frequency = number(words.next().ok_or(CmdError::SYNTAX)?)?;
            let error = "ERR Invalid FREQ value, must be >= 0 and <= 255";
            options.frequency = Some(u8::try_from(frequency).map_err(|_| CmdError::fixed(error))?);
        } else {
            return Err(CmdError::SYNTAX);
        }
    }
    Ok(options)
}

fn number(word: &[u8]) -> Result<i64, CmdError> {
    parse_i64(word).ok_or(CmdError::NOT_INT)
}

fn restore(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (key, bytes) = (args[1], args[3]);
    let options = options(&args[4..])?;
    if !options.replace && ctx.space.lookup_mut(key).is_some() {
        return Err(CmdError::fixed("BUSYKEY Target key name already exists."));
    }
    let ttl = number(args[2])?;
    if ttl < 0 {
        return Err(CmdError::fixed("ERR Invalid TTL value, must be >= 0"));
    }
    let checks = !ctx.engine().tuning.skips_checksums.load(Ordering::Relaxed);
    let (body, version) = payload::open(bytes, checks).ok_or(BAD_PAYLOAD)?;
    let now = ctx.space.now();
    let expiry = match (ttl, options.absolute) {
        (0, _) => None,
        (ttl, true) => Some(ttl),
        (ttl, false) => Some(now.saturating_add(ttl)),
    };
    let (value, mended) = read(ctx, key, body, version)?;
    let existed = options.replace && ctx.space.remove(key);
    let Some(value) = value.filter(|_| expiry.is_none_or(|at| at > now)) else {
        // Nothing is left of it, or its time is over already.
        if existed {
            ctx.space.effect(&[b"DEL", key]);
            ctx.space.changed(Class::GENERIC, "del", key);
        }
        ctx.reply.ok();
        return Ok(Flow::Done);
    };
    put(ctx, key, value, expiry, &options);
    state_effect(ctx, args, expiry, mended.as_deref());
    ctx.space.signal(key);
    ctx.space.changed(Class::GENERIC, "restore", key);
    ctx.reply.ok();
    Ok(Flow::Done)
}

/// The value, if anything is left of it; and its payload, if it is another one than was given since
/// it was mended.
fn read(
    ctx: &Ctx<'_, '_>,
    key: &[u8],
    body: &[u8],
    version: u16,
) -> Result<(Option<Value>, Option<Vec<u8>>), CmdError> {
    let engine = ctx.engine();
    let limits = &engine.tuning.limits;
    let (modules, now) = (&engine.modules, Some(ctx.space.now()));
    let context = Context { limits, modules, now, templates: None };
    let mut input = Reader::new(body, 0);
    let from_client = !ctx.space.worker().replays();
    if !payload::refuses_damage(&engine.config, from_client) {
        input = input.mending();
    }
    let kind = kind::of_version(kind_of(ctx, &mut input)?, version);
    let value = value::load(&mut input, kind, context)
        .and_then(|value| end(&mut input).map(|()| value))
        .map_err(|error| refused(ctx, kind, &error.to_string()))?;
    // Nothing may be left of what has deadlines; anything else was empty from the beginning.
    if value.is_none() && !kind::has_deadlines(kind) {
        return Err(refused(ctx, kind, "it is empty"));
    }
    let Some(what) = input.mended() else { return Ok((value, None)) };
    let payload = value.as_ref().map(|value| payload::make(value.view(), &engine.config));
    let payload = payload.transpose().map_err(unsavable)?;
    if let Some(host) = engine.host() {
        host.warn(&payload::mended(kind, key, &what));
    }
    Ok((value, payload))
}

/// The type byte; what modules say of the key in front of it cannot be kept.
fn kind_of(ctx: &Ctx<'_, '_>, input: &mut Reader<'_>) -> Result<u8, CmdError> {
    let next = |input: &mut Reader<'_>| input.byte().map_err(|_| BAD_VALUE);
    let first = next(input)?;
    if first != opcode::KEY_METADATA {
        return Ok(first);
    }
    let class = file::skip_metadata(input).map_err(|_| BAD_VALUE)?;
    let what = file::metadata_of(class.unwrap_or_default());
    if !ctx.engine().config.bool(params::RDB_SKIP_UNKNOWN_MODULES) {
        return Err(refused(ctx, first, &what));
    }
    if let Some(host) = ctx.engine().host() {
        host.warn(&format!("RESTORE: {what} was left out"));
    }
    next(input)
}

/// Nothing should come behind a value.
fn end(input: &mut Reader<'_>) -> Result<(), RdbError> {
    match input.rest().len() {
        0 => Ok(()),
        over => input.mend(over as u64, "bytes behind the value"),
    }
}

/// Says in the log what is wrong with a payload, since the reply does not.
fn refused(ctx: &Ctx<'_, '_>, kind: u8, what: &str) -> CmdError {
    if let Some(host) = ctx.engine().host() {
        let name = kind::describe(kind);
        host.warn(&format!("RESTORE: {name} integrity check failed: {what}"));
    }
    BAD_VALUE
}

fn put(ctx: &mut Ctx<'_, '_>, key: &[u8], value: Value, expiry: Option<i64>, options: &Options) {
    ctx.space.put(key, value, expiry.map_or(Put::Persist, Put::At));
    let now = ctx.space.now();
    if let Some(seconds) = options.idle {
        ctx.space.set_idle(key, now, seconds.unsigned_abs());
    }
    if let Some(counter) = options.frequency {
        ctx.space.set_frequency(key, now, counter);
    }
}

/// The log has the moment at which the key expires, not the time until then, and the value as it was
/// mended.
fn state_effect(ctx: &mut Ctx<'_, '_>, args: &[&[u8]], expiry: Option<i64>, mended: Option<&[u8]>) {
    if expiry.is_none() && mended.is_none() {
        return;
    }
    let at = expiry.unwrap_or(0).to_string();
    let mut words: Vec<&[u8]> = vec![b"RESTORE", args[1], at.as_bytes(), mended.unwrap_or(args[3])];
    let given = args[4..].iter().any(|word| is(word, "ABSTTL"));
    words.extend_from_slice(&args[4..]);
    if !given {
        words.push(b"ABSTTL");
    }
    ctx.space.effect(&words);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::rdb::payload;
    use crate::testing::{Bed, START};

    fn dumped(bed: &mut Bed, key: &str) -> Vec<u8> {
        let reply = bed.call(&[b"DUMP", key.as_bytes()]);
        let from = reply.iter().position(|b| *b == b'\n').expect("a bulk string") + 1;
        reply[from..reply.len() - 2].to_vec()
    }

    #[test]
    fn a_value_travels_with_its_deadline() {
        let mut bed = Bed::new();
        bed.run("RPUSH a 1 2 3");
        let payload = dumped(&mut bed, "a");
        bed.effects();
        assert_eq!(bed.call(&[b"RESTORE", b"b", b"1000", &payload]), b"+OK\r\n");
        let effects = bed.effects();
        assert!(effects.starts_with(&format!("RESTORE b {} ", START + 1000)), "{effects}");
        assert!(effects.ends_with(" ABSTTL"), "{effects}");
        bed.check(
            r#"
            LRANGE b 0 -1 -> ["1" "2" "3"]
            PTTL b -> 1000
            DUMP nothing -> nil
            "#,
        );
        let busy = bed.call(&[b"RESTORE", b"b", b"0", &payload]);
        assert_eq!(busy, b"-BUSYKEY Target key name already exists.\r\n");
        assert_eq!(bed.call(&[b"RESTORE", b"b", b"0", &payload, b"REPLACE"]), b"+OK\r\n");
        bed.check("TTL b -> -1");
        let past = (START - 1).to_string();
        let words = [b"RESTORE", &b"b"[..], past.as_bytes(), &payload, b"REPLACE", b"ABSTTL"];
        assert_eq!(bed.call(&words), b"+OK\r\n");
        bed.check("EXISTS b -> 0");
    }

    #[test]
    fn the_version_is_the_configured_one() {
        let mut bed = Bed::new();
        bed.run("SADD a x y");
        for (asked, kind) in [(11, 20), (10, 2)] {
            let value = crate::config::Value::Number(asked);
            bed.engine.config.put(crate::config::table::persistence::RDB_VERSION, value);
            let bytes = dumped(&mut bed, "a");
            let footer = &bytes[bytes.len() - payload::FOOTER..];
            assert_eq!((bytes[0], footer[0]), (kind, asked as u8));
        }
    }

    #[test]
    fn the_footer_is_checked() {
        let mut bed = Bed::new();
        bed.run("SET a value");
        let payload = dumped(&mut bed, "a");
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 0x10;
            let reply = bed.call(&[b"RESTORE", b"b", b"0", &changed]);
            assert_eq!(reply, b"-ERR DUMP payload version or checksum are wrong\r\n");
        }
    }

    /// A payload with a right checksum.
    fn sealed(value: &[u8]) -> Vec<u8> {
        let mut payload = [value, &[11, 0]].concat();
        let sum = crate::util::crc64::crc64(0, &payload);
        payload.extend_from_slice(&sum.to_le_bytes());
        payload
    }

    /// A hash of two fields whose listpack counts ten elements, and the same without damage.
    fn damaged_and_sound(bed: &mut Bed) -> (Vec<u8>, Vec<u8>) {
        bed.run("HSET a f 1 g 2");
        let sound = dumped(bed, "a");
        let mut value = sound[..sound.len() - payload::FOOTER].to_vec();
        value[6] = 10;
        (sealed(&value), sound)
    }

    #[test]
    fn a_damaged_value_is_mended_before_anybody_sees_it() {
        let mut bed = Bed::new();
        let (damaged, sound) = damaged_and_sound(&mut bed);
        bed.effects();
        assert_eq!(bed.call(&[b"RESTORE", b"b", b"0", &damaged]), b"+OK\r\n");
        bed.check("HGETALL b -> [\"f\" \"1\" \"g\" \"2\"]");
        assert_eq!(dumped(&mut bed, "b"), sound);
        let sound = sound.escape_ascii();
        assert_eq!(bed.effects(), format!("RESTORE b 0 {sound} ABSTTL"), "the log has it mended");
        assert_eq!(bed.call(&[b"RESTORE", b"c", b"1000", &damaged]), b"+OK\r\n");
        assert_eq!(bed.effects(), format!("RESTORE c {} {sound} ABSTTL", START + 1000));
    }

    #[test]
    fn bytes_behind_a_value_are_passed_over() {
        let mut bed = Bed::new();
        let payload = sealed(b"\x00\x01vmore");
        assert_eq!(bed.call(&[b"RESTORE", b"b", b"0", &payload]), b"+OK\r\n");
        bed.check("GET b -> \"v\"");
    }

    #[test]
    fn who_has_payloads_sanitized_has_damaged_ones_refused() {
        let mut bed = Bed::new();
        let (damaged, sound) = damaged_and_sound(&mut bed);
        for (setting, replays, taken) in [
            ("no", false, true),
            ("yes", false, false),
            ("yes", true, false),
            ("clients", false, false),
            ("clients", true, true),
        ] {
            let setting = (&b"sanitize-dump-payload"[..], setting.as_bytes());
            bed.engine.config.set(&[setting], false).expect("a known value");
            bed.worker.set_replays(replays);
            let reply = bed.call(&[b"RESTORE", b"b", b"0", &damaged, b"REPLACE"]);
            let expected: &[u8] = if taken { b"+OK\r\n" } else { b"-ERR Bad data format\r\n" };
            assert_eq!(reply, expected, "{setting:?} {replays}");
            let reply = bed.call(&[b"RESTORE", b"b", b"0", &sound, b"REPLACE"]);
            assert_eq!(reply, b"+OK\r\n");
        }
    }

    #[test]
    fn a_wrong_checksum_is_taken_when_it_does_not_count() {
        let mut bed = Bed::new();
        bed.run("SET a value");
        let mut payload = dumped(&mut bed, "a");
        *payload.last_mut().unwrap() ^= 1;
        bed.engine.tuning.skips_checksums.store(true, super::Ordering::Relaxed);
        assert_eq!(bed.call(&[b"RESTORE", b"b", b"0", &payload]), b"+OK\r\n");
        bed.check("GET b -> \"value\"");
    }

    proptest! {
        /// Whoever can compute a checksum gets as far as the reader of values.
        #[test]
        fn hostile_payloads_do_no_harm(mut body in proptest::collection::vec(any::<u8>(), 1..200)) {
            let mut bed = Bed::new();
            body[0] %= 26;
            let body = sealed(&body);
            let reply = bed.call(&[b"RESTORE", b"b", b"0", &body]);
            prop_assert!(reply == b"+OK\r\n" || reply == b"-ERR Bad data format\r\n");
        }
    }
}
