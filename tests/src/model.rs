//! A naive model of strings and hashes, and random commands for it: what a server must answer to
//! a client that nobody disturbs.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;

use crate::reply::Reply;

type Bytes = Vec<u8>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    String(Bytes),
    Hash(BTreeMap<Bytes, Bytes>),
}

/// The keys of one client.
#[derive(Debug, Default)]
pub struct Model {
    keys: BTreeMap<Bytes, Value>,
}

/// The reply to a command for another type.
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
/// The reply to arithmetic on what is no integer.
const NOT_INT: &str = "ERR value is not an integer or out of range";
/// The same for hash fields.
const HASH_NOT_INT: &str = "ERR hash value is not an integer";

/// Keys of each client, and fields of each hash: few, so that commands meet.
const KEYS: u32 = 12;
const FIELDS: u32 = 20;
/// The first of [`command`]'s kinds that is about hashes.
const FIRST_OF_HASHES: i32 = 14;

impl Model {
    /// What a server answers in RESP2, whose state changes accordingly. Hashes are answered in
    /// the order of their fields; [`sorted`] brings a server's reply into it.
    ///
    /// # Panics
    /// On commands that [`command`] does not make.
    pub fn run(&mut self, command: &[Bytes]) -> Reply {
        let name = String::from_utf8_lossy(&command[0]).to_ascii_uppercase();
        let arguments = &command[1..];
        let result = match name.as_str() {
            "HSET" | "HGET" | "HDEL" | "HLEN" | "HGETALL" | "HINCRBY" | "HSTRLEN" => {
                self.hash(&name, arguments)
            }
            _ => self.string(&name, arguments),
        };
        result.unwrap_or_else(|text| Reply::Error(text.into()))
    }

    fn string(&mut self, name: &str, arguments: &[Bytes]) -> Result<Reply, &'static str> {
        let key = &arguments[0];
        match name {
            "SET" => return Ok(self.set(arguments)),
            "MSET" => {
                for pair in arguments.chunks_exact(2) {
                    self.keys.insert(pair[0].clone(), Value::String(pair[1].clone()));
                }
                return Ok(ok());
            }
            "MGET" => {
                let get = |key| match self.keys.get(key) {
                    Some(Value::String(text)) => Reply::Bulk(text.clone()),
                    _ => Reply::Null,
                };
                return Ok(Reply::Array(arguments.iter().map(get).collect()));
            }
            _ => {}
        }
        let old = match self.keys.get(key) {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Hash(_)) => return Err(WRONG_TYPE),
        };
        let text = old.clone().unwrap_or_default();
        let (new, reply) = match name {
            "GET" => return Ok(bulk_or_null(old)),
            "STRLEN" => return Ok(Reply::Int(text.len() as i64)),
            "GETRANGE" => return Ok(Reply::Bulk(range(&text, arguments))),
            "GETDEL" => {
                self.keys.remove(key);
                return Ok(bulk_or_null(old));
            }
            "GETSET" => (arguments[1].clone(), bulk_or_null(old)),
            "APPEND" => {
                let new = [text, arguments[1].clone()].concat();
                let length = new.len() as i64;
                (new, Reply::Int(length))
            }
            "SETRANGE" if arguments[2].is_empty() => return Ok(Reply::Int(text.len() as i64)),
            "SETRANGE" => {
                let new = overwritten(text, int(&arguments[1]) as usize, &arguments[2]);
                let length = new.len() as i64;
                (new, Reply::Int(length))
            }
            "INCRBY" => {
                let sum = add(old.as_ref(), &arguments[1]).ok_or(NOT_INT)?;
                (sum.to_string().into_bytes(), Reply::Int(sum))
            }
            other => panic!("the model does not know {other}"),
        };
        self.keys.insert(key.clone(), Value::String(new));
        Ok(reply)
    }

    /// SET with NX or XX.
    fn set(&mut self, arguments: &[Bytes]) -> Reply {
        let exists = self.keys.contains_key(&arguments[0]);
        let allowed = match arguments.get(2).map(Vec::as_slice) {
            None => true,
            Some(b"NX") => !exists,
            Some(_) => exists,
        };
        if !allowed {
            return Reply::Null;
        }
        self.keys.insert(arguments[0].clone(), Value::String(arguments[1].clone()));
        ok()
    }

    fn hash(&mut self, name: &str, arguments: &[Bytes]) -> Result<Reply, &'static str> {
        let empty = BTreeMap::new();
        let hash = match self.keys.get(&arguments[0]) {
            None => &empty,
            Some(Value::Hash(hash)) => hash,
            Some(Value::String(_)) => return Err(WRONG_TYPE),
        };
        let field = arguments.get(1);
        let old = field.and_then(|field| hash.get(field)).cloned();
        match name {
            "HGET" => return Ok(bulk_or_null(old)),
            "HSTRLEN" => return Ok(Reply::Int(old.map_or(0, |text| text.len() as i64))),
            "HLEN" => return Ok(Reply::Int(hash.len() as i64)),
            "HGETALL" => {
                let flat = hash.iter().flat_map(|(field, value)| [field, value]);
                return Ok(Reply::Array(flat.cloned().map(Reply::Bulk).collect()));
            }
            _ => {}
        }
        let mut hash = hash.clone();
        let reply = match name {
            "HSET" => {
                let new = |pair: &[Bytes]| hash.insert(pair[0].clone(), pair[1].clone()).is_none();
                Reply::Int(arguments[1..].chunks_exact(2).map(new).filter(|new| *new).count() as i64)
            }
            "HDEL" => {
                let gone = arguments[1..].iter().filter(|field| hash.remove(*field).is_some());
                Reply::Int(gone.count() as i64)
            }
            _ => {
                let sum = add(old.as_ref(), &arguments[2]).ok_or(HASH_NOT_INT)?;
                hash.insert(arguments[1].clone(), sum.to_string().into_bytes());
                Reply::Int(sum)
            }
        };
        match hash.is_empty() {
            true => self.keys.remove(&arguments[0]),
            false => self.keys.insert(arguments[0].clone(), Value::Hash(hash)),
        };
        Ok(reply)
    }
}

/// Brings a reply to HGETALL into the order of its fields; leaves other commands' replies alone.
pub fn sorted(command: &[Bytes], reply: Reply) -> Reply {
    if !command[0].eq_ignore_ascii_case(b"HGETALL") {
        return reply;
    }
    let Reply::Array(items) = reply else { return reply };
    let mut pairs: Vec<&[Reply]> = items.chunks(2).collect();
    pairs.sort_by_key(|pair| pair[0].text());
    Reply::Array(pairs.concat())
}

/// A random command on keys that begin with `prefix`.
pub fn command(random: &mut StdRng, prefix: &str) -> Vec<Bytes> {
    let kind = random.random_range(0..20);
    let key = |random: &mut StdRng| {
        // Mostly of one type each, sometimes not.
        let hashes = (kind >= FIRST_OF_HASHES) ^ random.random_bool(0.03);
        let number = random.random_range(0..KEYS / 2) + if hashes { KEYS / 2 } else { 0 };
        format!("{prefix}:{number}").into_bytes()
    };
    let field = |random: &mut StdRng| format!("f{}", random.random_range(0..FIELDS)).into_bytes();
    let number = |n: i64| n.to_string().into_bytes();
    let first = key(random);
    match kind {
        0 => vec![b"SET".into(), first, text(random), b"NX".into()],
        1 => vec![b"SET".into(), first, text(random), b"XX".into()],
        2 => vec![b"SET".into(), first, text(random)],
        3 | 4 => vec![b"GET".into(), first],
        5 => vec![b"APPEND".into(), first, text(random)],
        6 => vec![b"INCRBY".into(), first, number(random.random_range(-1000..1000))],
        7 => {
            let (from, to) = (random.random_range(-20..20), random.random_range(-20..20));
            vec![b"GETRANGE".into(), first, number(from), number(to)]
        }
        8 => vec![b"SETRANGE".into(), first, number(random.random_range(0..40)), text(random)],
        9 => vec![b"STRLEN".into(), first],
        10 => vec![b"GETDEL".into(), first],
        11 => vec![b"GETSET".into(), first, text(random)],
        12 => vec![b"MSET".into(), first, text(random), key(random), text(random)],
        13 => vec![b"MGET".into(), first, key(random), key(random)],
        14 => vec![b"HSET".into(), first, field(random), text(random), field(random), text(random)],
        15 => vec![b"HGET".into(), first, field(random)],
        16 => vec![b"HDEL".into(), first, field(random), field(random)],
        17 => vec![b"HGETALL".into(), first],
        18 => {
            let by = random.random_range(-1000..1000);
            vec![b"HINCRBY".into(), first, field(random), number(by)]
        }
        _ => vec![b"HSTRLEN".into(), first, field(random)],
    }
}

/// A value: a number, a short text, or one long enough to change how it is stored.
fn text(random: &mut StdRng) -> Bytes {
    match random.random_range(0..10) {
        0..5 => random.random_range(-100_000..100_000_i64).to_string().into_bytes(),
        5..9 => {
            let length = random.random_range(0..30);
            (0..length).map(|_| random.random()).collect()
        }
        _ => vec![random.random_range(b'a'..=b'z'); random.random_range(40..300)],
    }
}

fn ok() -> Reply {
    Reply::Simple("OK".into())
}

fn bulk_or_null(text: Option<Bytes>) -> Reply {
    text.map_or(Reply::Null, Reply::Bulk)
}

fn int(text: &[u8]) -> i64 {
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0)
}

/// The sum of an old value, 0 if there is none, and `by`; `None` if the old one is not an integer
/// as it is written by a computer.
fn add(old: Option<&Bytes>, by: &[u8]) -> Option<i64> {
    let old = match old {
        None => 0,
        Some(text) => {
            let n: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            (n.to_string().as_bytes() == text).then_some(n)?
        }
    };
    old.checked_add(int(by))
}

/// GETRANGE.
fn range(text: &[u8], arguments: &[Bytes]) -> Bytes {
    let length = text.len() as i64;
    let place = |n: i64| if n < 0 { n + length } else { n };
    let (from, to) = (place(int(&arguments[1])).max(0), place(int(&arguments[2])).min(length - 1));
    if int(&arguments[1]) < 0 && int(&arguments[2]) < 0 && int(&arguments[1]) > int(&arguments[2]) {
        return Vec::new();
    }
    let to = to.max(0);
    if length == 0 || from > to {
        return Vec::new();
    }
    text[from as usize..=to as usize].to_vec()
}

/// SETRANGE.
fn overwritten(mut text: Bytes, offset: usize, patch: &[u8]) -> Bytes {
    let end = offset + patch.len();
    if text.len() < end {
        text.resize(end, 0);
    }
    text[offset..end].copy_from_slice(patch);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(model: &mut Model, line: &str) -> String {
        let words: Vec<Bytes> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        model.run(&words).to_string()
    }

    #[test]
    fn the_model_knows_its_commands() {
        let mut model = Model::default();
        for (line, reply) in [
            ("SET k hello NX", "+OK"),
            ("SET k x NX", "nil"),
            ("APPEND k world", ":10"),
            ("GETRANGE k -5 -1", "\"world\""),
            ("GETRANGE k 3 1", "\"\""),
            ("GETRANGE k 5 -20", "\"\""),
            ("SETRANGE k 12 !", ":13"),
            ("GET k", "\"helloworld\\x00\\x00!\""),
            ("INCRBY k 1", "-ERR value is not an integer or out of range"),
            ("HGET k f", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("HSET h f 1 g 2", ":2"),
            ("HINCRBY h f 9", ":10"),
            ("HGETALL h", "[\"f\" \"10\" \"g\" \"2\"]"),
            ("HDEL h f g", ":2"),
            ("GET h", "nil"),
        ] {
            assert_eq!(run(&mut model, line), reply, "{line}");
        }
    }
}
