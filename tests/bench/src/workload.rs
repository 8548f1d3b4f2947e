//! Workloads: weighted command templates, encoded once and stamped with random keys per command.
//!
//! A template is a line of words. `__rand__` stands for a random key number and `__seq__` for a
//! running one, both of twelve digits (so that `key:__rand__` is a 16-byte key), `__data__` for a
//! value of the configured size. `3*GET …` gives a template the weight 3; `;` separates templates.

use crate::resp;
use crate::rng::Rng;

/// Digits of a stamped number.
const DIGITS: usize = 12;

/// Built-in workloads: name, templates, and the template that fills the keyspace before it.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("ping", "PING", ""),
    ("set", "SET key:__rand__ __data__", "SET key:__seq__ __data__"),
    ("get", "GET key:__rand__", "SET key:__seq__ __data__"),
    ("setget", "SET key:__rand__ __data__; GET key:__rand__", "SET key:__seq__ __data__"),
    ("mixed", "SET key:__rand__ __data__; 4*GET key:__rand__", "SET key:__seq__ __data__"),
    ("setex", "SET key:__rand__ __data__ EX 3600", "SET key:__seq__ __data__ EX 3600"),
    ("incr", "INCR key:__rand__", ""),
    ("mget10", MGET, "SET key:__seq__ __data__"),
    ("mset10", MSET, "SET key:__seq__ __data__"),
    ("hset", "HSET hash:__rand__ field __data__", ""),
    ("hget", "HGET hash:__rand__ field", "HSET hash:__seq__ field __data__"),
    ("hgetall", "HGETALL hash:__rand__", "HSET hash:__seq__ a __data__ b __data__ c 3 d 4"),
    ("lpush", "LPUSH list __data__", ""),
    ("rpoplpush", "RPOPLPUSH list list", "LPUSH list __data__"),
    ("rpop", "RPOP list", "RPUSH list __data__"),
    ("lrange100", "LRANGE list 0 99", "LPUSH list __data__"),
    ("sadd", "SADD set member:__rand__", ""),
    ("sismember", "SISMEMBER set member:__rand__", "SADD set member:__seq__"),
    ("zadd", "ZADD zset __rand__ member:__rand__", ""),
    ("zrank", "ZRANK zset member:__rand__", "ZADD zset __seq__ member:__seq__"),
    ("zrange100", "ZRANGE zset 0 99", "ZADD zset __seq__ member:__seq__"),
    ("geoadd", "GEOADD geo 13.361389 38.115556 member:__rand__", ""),
    ("pfadd", "PFADD hll element:__rand__", ""),
    ("xrange100", "XRANGE stream - + COUNT 100", "XADD stream * field __data__"),
    ("xadd", "XADD stream * field __data__", ""),
    ("expire", "EXPIRE key:__rand__ 3600", "SET key:__seq__ __data__"),
];
const MGET: &str = "MGET key:__rand__ key:__rand__ key:__rand__ key:__rand__ key:__rand__ \
    key:__rand__ key:__rand__ key:__rand__ key:__rand__ key:__rand__";
const MSET: &str = "MSET key:__rand__ __data__ key:__rand__ __data__ key:__rand__ __data__ \
    key:__rand__ __data__ key:__rand__ __data__ key:__rand__ __data__ key:__rand__ __data__ \
    key:__rand__ __data__ key:__rand__ __data__ key:__rand__ __data__";

#[derive(Clone, Copy)]
enum Stamp {
    Random,
    Sequence,
}

/// A command with its numbers left open.
struct Template {
    bytes: Vec<u8>,
    stamps: Vec<(usize, Stamp)>,
}

impl Template {
    fn parse(line: &str, size: usize) -> Self {
        let data = "x".repeat(size);
        let blank = "0".repeat(DIGITS);
        let (mut bytes, mut stamps) = (Vec::new(), Vec::new());
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        resp::header(&mut bytes, b'*', words.len());
        for word in words {
            let word = word.replace("__data__", &data);
            let filled = word.replace("__rand__", &blank).replace("__seq__", &blank);
            resp::bulk(&mut bytes, filled.as_bytes());
            let start = bytes.len() - 2 - filled.len();
            stamps.extend(positions(&word).into_iter().map(|(at, stamp)| (start + at, stamp)));
        }
        Self { bytes, stamps }
    }
}

/// Where the numbers of `word` stand once each placeholder has become [`DIGITS`] digits.
fn positions(word: &str) -> Vec<(usize, Stamp)> {
    let (mut found, mut at, mut shift) = (Vec::new(), 0, 0isize);
    while at < word.len() {
        let (mark, stamp) = if word.as_bytes()[at..].starts_with(b"__rand__") {
            ("__rand__", Stamp::Random)
        } else if word.as_bytes()[at..].starts_with(b"__seq__") {
            ("__seq__", Stamp::Sequence)
        } else {
            at += 1;
            continue;
        };
        found.push((at.wrapping_add_signed(shift), stamp));
        at += mark.len();
        shift += DIGITS as isize - mark.len() as isize;
    }
    found
}

/// What a generator sends.
pub struct Workload {
    /// What the tables call it.
    pub name: String,
    keys: u64,
    templates: Vec<Template>,
    /// One entry a unit of weight: an index into `templates`.
    draw: Vec<usize>,
    fill: Option<Template>,
}

impl Workload {
    /// The built-in workload `text`, or the custom one that it spells out; `keys` different keys,
    /// values of `size` bytes.
    pub fn parse(text: &str, keys: u64, size: usize) -> Result<Self, String> {
        let text = text.trim();
        let built_in = BUILT_IN.iter().find(|(name, _, _)| *name == text);
        let (name, lines, fill) = match built_in {
            Some((name, lines, fill)) => (*name, *lines, *fill),
            None if text.contains(char::is_uppercase) => (text, text, ""),
            None => return Err(format!("no workload '{text}'; known: {}", Self::names())),
        };
        let (mut templates, mut draw) = (Vec::new(), Vec::new());
        for line in lines.split(';') {
            let (weight, line) = weight(line.trim());
            draw.extend(std::iter::repeat_n(templates.len(), weight));
            templates.push(Template::parse(line, size));
        }
        let fill = (!fill.is_empty()).then(|| Template::parse(fill, size));
        Ok(Self { name: name.into(), keys: keys.max(1), templates, draw, fill })
    }

    /// The names of the built-in workloads.
    pub fn names() -> String {
        BUILT_IN.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(" ")
    }

    /// Appends one command, drawn by weight, with random keys.
    pub fn next(&self, out: &mut Vec<u8>, rng: &mut Rng, sequence: &mut u64) {
        let which = if self.draw.len() == 1 { 0 } else { rng.below(self.draw.len() as u64) };
        self.stamp(&self.templates[self.draw[which as usize]], out, rng, sequence);
    }

    /// The commands that fill the keyspace, one a key; none if the workload needs no data.
    pub fn fill(&self) -> impl Iterator<Item = Vec<u8>> {
        let (mut rng, mut sequence) = (Rng::new(0), 0);
        let keys = if self.fill.is_some() { self.keys } else { 0 };
        (0..keys).filter_map(move |_| {
            let mut out = Vec::new();
            self.stamp(self.fill.as_ref()?, &mut out, &mut rng, &mut sequence);
            Some(out)
        })
    }

    /// All numbers `__seq__` of one command are the same.
    fn stamp(&self, template: &Template, out: &mut Vec<u8>, rng: &mut Rng, sequence: &mut u64) {
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        for &(at, stamp) in &template.stamps {
            let number = match stamp {
                Stamp::Random => rng.below(self.keys),
                Stamp::Sequence => *sequence,
            };
            write_digits(&mut out[start + at..start + at + DIGITS], number);
        }
        *sequence += 1;
    }
}

fn weight(line: &str) -> (usize, &str) {
    let parts = line.split_once('*');
    match parts.and_then(|(n, rest)| Some((n.trim().parse().ok()?, rest.trim()))) {
        Some((weight, rest)) => (weight, rest),
        None => (1, line),
    }
}

fn write_digits(slot: &mut [u8], mut number: u64) {
    for digit in slot.iter_mut().rev() {
        if number == 0 {
            break;
        }
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<String> {
        let (value, used) = resp::parse(bytes).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        value.items().iter().map(resp::Value::text).collect()
    }

    #[test]
    fn built_ins_are_well_formed() {
        let (mut rng, mut sequence) = (Rng::new(3), 0);
        for (name, _, _) in BUILT_IN {
            let workload = Workload::parse(name, 10, 8).unwrap();
            let mut out = Vec::new();
            workload.next(&mut out, &mut rng, &mut sequence);
            assert!(!texts(&out)[0].contains('_'), "{name}");
        }
    }

    #[test]
    fn stamps_every_number_in_its_place() {
        let workload = Workload::parse("SET a__rand__b__seq__ __data__", 1, 3).unwrap();
        let (mut rng, mut sequence, mut out) = (Rng::new(0), 41, Vec::new());
        workload.next(&mut out, &mut rng, &mut sequence);
        out.clear();
        workload.next(&mut out, &mut rng, &mut sequence);
        assert_eq!(texts(&out), ["SET", "a000000000000b000000000042", "xxx"]);
    }

    #[test]
    fn fills_each_key_once() {
        let workload = Workload::parse("get", 3, 1).unwrap();
        let keys: Vec<_> = workload.fill().map(|command| texts(&command)[1].clone()).collect();
        assert_eq!(keys, ["key:000000000000", "key:000000000001", "key:000000000002"]);
    }

    #[test]
    fn draws_by_weight() {
        let workload = Workload::parse("mixed", 10, 1).unwrap();
        let (mut rng, mut sequence, mut reads) = (Rng::new(7), 0, 0);
        for _ in 0..1000 {
            let mut out = Vec::new();
            workload.next(&mut out, &mut rng, &mut sequence);
            reads += u32::from(texts(&out)[0] == "GET");
        }
        assert!((740..860).contains(&reads), "{reads}");
    }
}
