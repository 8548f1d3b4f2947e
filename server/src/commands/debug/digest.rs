//! DEBUG DIGEST: a number for a dataset, equal to Redis's for equal data.
//!
//! It is SHA-1 throughout. What has an order is mixed in (hashed together with what came before),
//! what has none is combined by exclusive or. An object is taken apart by way of the commands
//! that would make it anew, so that nothing here knows how a type is kept.

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::keyspace::{Entry, Sweep, ValueRef};
use cairn_core::util::sha1::{LEN, sha1};

/// A digest in the making.
#[derive(Clone, Copy, Default)]
struct Digest([u8; LEN]);

impl Digest {
    /// Adds something without regard to order.
    fn xor(&mut self, bytes: &[u8]) {
        self.0.iter_mut().zip(sha1(bytes)).for_each(|(a, b)| *a ^= b);
    }

    /// Adds something in order.
    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = sha1(&self.0);
    }

    /// Adds a group of parts that have an order among themselves, without regard to its own.
    fn xor_group(&mut self, parts: &[&[u8]]) {
        let mut group = Digest::default();
        parts.iter().for_each(|part| group.mix(part));
        self.xor(&group.0);
    }

    fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// The numbers of Redis's types.
fn type_number(name: &str) -> u32 {
    match name {
        "string" => 0,
        "list" => 1,
        "set" => 2,
        "zset" => 3,
        "hash" => 4,
        "stream" => 6,
        _ => 5,
    }
}

/// Adds a value with its expiry.
fn add_value(digest: &mut Digest, entry: &Entry) {
    let kind = match entry.value() {
        ValueRef::Object(object) => object.kind().name,
        _ => "string",
    };
    digest.mix(&type_number(kind).to_be_bytes());
    match entry.value() {
        ValueRef::Bytes(bytes) => digest.mix(bytes),
        ValueRef::Int(n) => digest.mix(n.to_string().as_bytes()),
        ValueRef::Object(object) => {
            object.rebuild(entry.key(), &mut |words| add_command(digest, words));
        }
    }
    if entry.expiry().is_some() {
        digest.xor(b"!!expire!!");
    }
}

/// Adds what a command that rebuilds a value says of it.
fn add_command(digest: &mut Digest, words: &[&[u8]]) {
    let (name, rest) = match words {
        [name, _key, rest @ ..] => (*name, rest),
        _ => return,
    };
    match name {
        b"SADD" => rest.iter().for_each(|member| digest.xor(member)),
        b"HSET" => rest.chunks_exact(2).for_each(|pair| digest.xor_group(pair)),
        b"ZADD" => rest.chunks_exact(2).for_each(|pair| {
            let score = std::str::from_utf8(pair[0]).ok().and_then(|s| s.parse::<f64>().ok());
            let score = printf_17g(score.unwrap_or(f64::NAN));
            digest.xor_group(&[pair[1], score.as_bytes()]);
        }),
        b"XADD" => {
            if let [id, fields @ ..] = rest {
                let id: Vec<u8> = id.iter().map(|b| if *b == b'-' { b'.' } else { *b }).collect();
                digest.mix(&id);
                fields.iter().for_each(|field| digest.mix(field));
            }
        }
        b"HPEXPIREAT" => digest.xor(b"!!hexpire!!"),
        b"SPEXPIREAT" | b"ZPEXPIREAT" => digest.xor_group(rest),
        // Consumer groups and the like are no part of a stream's digest.
        b"XGROUP" | b"XSETID" | b"XCLAIM" | b"XADDEND" => {}
        _ => rest.iter().for_each(|element| digest.mix(element)),
    }
}

/// C's `%.17g`.
pub fn printf_17g(x: f64) -> String {
    const DIGITS: i32 = 17;
    if !x.is_finite() {
        return if x.is_nan() {
            "nan"
        } else if x > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    let scientific = format!("{:.*e}", DIGITS as usize - 1, x);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    if (-4..DIGITS).contains(&exponent) {
        return trim(&format!("{:.*}", (DIGITS - 1 - exponent) as usize, x));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

/// DEBUG DIGEST-VALUE: a digest for each key.
pub fn values(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::allowed(ctx)?;
    ctx.reply.array(args.len() - 2);
    for key in &args[2..] {
        let mut digest = Digest::default();
        if let Some(entry) = ctx.space.peek(key) {
            add_value(&mut digest, entry);
        }
        ctx.reply.simple(&digest.hex());
    }
    Ok(Flow::Done)
}

/// DEBUG DIGEST: a digest of all databases.
pub fn dataset(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    super::allowed(ctx)?;
    let mut all = Digest::default();
    for db in 0..ctx.engine().keyspace.databases() {
        if ctx.engine().db_size(db) == 0 {
            continue;
        }
        all.mix(&(db as u32).to_be_bytes());
        ctx.space.within(db, |space| {
            let mut sweep = Sweep::new();
            while !sweep.is_over() {
                sweep.advance(space, usize::MAX, |entry, is_over| {
                    if is_over {
                        return;
                    }
                    let mut digest = Digest::default();
                    digest.mix(entry.key());
                    add_value(&mut digest, entry);
                    all.xor(&digest.0);
                });
            }
        });
    }
    ctx.reply.simple(&all.hex());
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::printf_17g;

    #[test]
    fn numbers_are_written_as_c_does() {
        let cases: [(f64, &str); 9] = [
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (-2.5, "-2.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (f64::INFINITY, "inf"),
            (123456789.125, "123456789.125"),
        ];
        for (x, text) in cases {
            assert_eq!(printf_17g(x), text);
        }
    }
}
