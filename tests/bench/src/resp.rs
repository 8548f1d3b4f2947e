//! RESP as the load generator needs it: command encoding, a scanner that counts replies without
//! building them (RESP2 and RESP3), and an owned [`Value`] for the scenarios that look at answers.
//! Servers under test are trusted not to be hostile; malformed bytes still end in an error.

use std::io;

/// Largest accepted length of a bulk string or aggregate: Redis's own limit on a bulk string.
const MAX_LEN: u64 = 512 * 1024 * 1024;
/// Deepest accepted nesting of a reply.
const MAX_DEPTH: usize = 64;

/// Appends a command as an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    header(out, b'*', args.len());
    for arg in args {
        bulk(out, arg.as_ref());
    }
}

/// Appends an aggregate's or bulk string's header.
pub fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.push(kind);
    out.extend_from_slice(len.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends a bulk string.
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// What one pass of a [`Scanner`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes that need not be shown again.
    pub consumed: usize,
    /// Replies that ended.
    pub replies: u64,
    /// How many of those were errors.
    pub errors: u64,
}

/// Counts replies in a stream of bytes. It keeps no bytes: what it did not consume (at most a
/// header line) must stand at the front of the next pass.
#[derive(Default)]
pub struct Scanner {
    /// Elements missing from the reply that has begun; 0 between replies.
    missing: u64,
    /// Bytes missing from the bulk string that has begun.
    skip: u64,
    /// Whether the reply that has begun is a push, which answers no command.
    push: bool,
    error: bool,
}

impl Scanner {
    /// Scans `bytes`.
    pub fn scan(&mut self, bytes: &[u8]) -> io::Result<Scanned> {
        let mut found = Scanned::default();
        while found.consumed < bytes.len() {
            if self.skip > 0 {
                self.skip_bulk(bytes, &mut found);
                continue;
            }
            let Some(len) = bytes[found.consumed..].iter().position(|&b| b == b'\n') else { break };
            let line = &bytes[found.consumed..found.consumed + len];
            found.consumed += len + 1;
            self.line(line.strip_suffix(b"\r").unwrap_or(line), &mut found)?;
        }
        Ok(found)
    }

    fn skip_bulk(&mut self, bytes: &[u8], found: &mut Scanned) {
        let step = self.skip.min((bytes.len() - found.consumed) as u64);
        found.consumed += step as usize;
        self.skip -= step;
        if self.skip == 0 {
            self.end_element(found);
        }
    }

    fn line(&mut self, line: &[u8], found: &mut Scanned) -> io::Result<()> {
        let (&kind, rest) = line.split_first().ok_or_else(malformed)?;
        if self.missing == 0 {
            self.missing = 1;
            self.push = kind == b'>';
            self.error = matches!(kind, b'-' | b'!');
        }
        match kind {
            b'$' | b'=' | b'!' if rest != b"-1" => self.skip = length(rest)? + 2,
            b'*' | b'~' | b'>' if rest != b"-1" => self.open(length(rest)?, found),
            b'%' => self.open(2 * length(rest)?, found),
            // Attributes come before the element they describe and do not stand for it.
            b'|' => self.missing = self.missing.saturating_add(2 * length(rest)?),
            b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b'#' | b',' | b'(' => {
                self.end_element(found);
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }

    fn open(&mut self, elements: u64, found: &mut Scanned) {
        self.missing = self.missing.saturating_add(elements);
        self.end_element(found);
    }

    fn end_element(&mut self, found: &mut Scanned) {
        self.missing -= 1;
        if self.missing == 0 && !self.push {
            found.replies += 1;
            found.errors += u64::from(self.error);
        }
    }
}

/// A reply, owned.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Any null.
    Null,
    /// Integer, or boolean as 0 and 1.
    Int(i64),
    /// Simple or bulk string, big number, double: its text.
    Text(Vec<u8>),
    /// An error's text.
    Error(String),
    /// Array, set or push; a map as its keys and values in turn.
    Array(Vec<Value>),
}

impl Value {
    /// The reply as text: numbers printed, others empty.
    pub fn text(&self) -> String {
        match self {
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Int(n) => n.to_string(),
            Self::Error(text) => text.clone(),
            Self::Null | Self::Array(_) => String::new(),
        }
    }

    /// The elements; none for anything but an aggregate.
    pub fn items(&self) -> &[Value] {
        if let Self::Array(items) = self { items } else { &[] }
    }
}

/// Parses one reply from the front of `bytes`: the value and its length, or `None` when more bytes
/// are needed.
pub fn parse(bytes: &[u8]) -> io::Result<Option<(Value, usize)>> {
    let mut at = 0;
    Ok(element(bytes, &mut at, 0)?.map(|value| (value, at)))
}

fn element(bytes: &[u8], at: &mut usize, depth: usize) -> io::Result<Option<Value>> {
    if depth > MAX_DEPTH {
        return Err(malformed());
    }
    let Some(len) = bytes[*at..].iter().position(|&b| b == b'\n') else { return Ok(None) };
    let line = &bytes[*at..*at + len];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    *at += len + 1;
    let (&kind, rest) = line.split_first().ok_or_else(malformed)?;
    Ok(Some(match kind {
        b'+' | b',' | b'(' => Value::Text(rest.to_vec()),
        b'-' => Value::Error(String::from_utf8_lossy(rest).into_owned()),
        b':' => Value::Int(integer(rest)?),
        b'#' => Value::Int(i64::from(rest == b"t")),
        b'_' => Value::Null,
        b'$' | b'*' if rest == b"-1" => Value::Null,
        b'$' | b'=' | b'!' => return string(bytes, at, length(rest)? as usize, kind == b'!'),
        b'*' | b'~' | b'>' => return list(bytes, at, length(rest)?, depth),
        b'%' => return list(bytes, at, 2 * length(rest)?, depth),
        _ => return Err(malformed()),
    }))
}

fn string(bytes: &[u8], at: &mut usize, len: usize, error: bool) -> io::Result<Option<Value>> {
    let Some(body) = bytes.get(*at..*at + len + 2) else { return Ok(None) };
    *at += len + 2;
    let body = &body[..len];
    Ok(Some(if error {
        Value::Error(String::from_utf8_lossy(body).into_owned())
    } else {
        Value::Text(body.to_vec())
    }))
}

fn list(bytes: &[u8], at: &mut usize, len: u64, depth: usize) -> io::Result<Option<Value>> {
    let mut items = Vec::new();
    for _ in 0..len {
        match element(bytes, at, depth + 1)? {
            Some(item) => items.push(item),
            None => return Ok(None),
        }
    }
    Ok(Some(Value::Array(items)))
}

fn length(digits: &[u8]) -> io::Result<u64> {
    u64::try_from(integer(digits)?).ok().filter(|&n| n <= MAX_LEN).ok_or_else(malformed)
}

fn integer(digits: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(digits).ok().and_then(|s| s.parse().ok()).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed reply")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIXED: &[u8] = b"+OK\r\n:12\r\n$5\r\nab\ncd\r\n$-1\r\n*2\r\n$0\r\n\r\n*1\r\n:1\r\n*0\r\n\
        -ERR no\r\n%1\r\n+a\r\n~1\r\n#t\r\n>2\r\n+invalidate\r\n_\r\n|1\r\n+ttl\r\n:3\r\n,1.5\r\n*-1\r\n";

    #[test]
    fn counts_every_kind_of_reply() {
        let found = Scanner::default().scan(MIXED).unwrap();
        assert_eq!(found, Scanned { consumed: MIXED.len(), replies: 10, errors: 1 });
    }

    #[test]
    fn encodes_what_it_parses() {
        let mut out = Vec::new();
        encode(&mut out, &["SET", "a", ""]);
        let (value, used) = parse(&out).unwrap().unwrap();
        assert_eq!(used, out.len());
        let texts: Vec<_> = value.items().iter().map(Value::text).collect();
        assert_eq!(texts, ["SET", "a", ""]);
    }

    #[test]
    fn refuses_nonsense_and_monsters() {
        assert!(Scanner::default().scan(b"hello\r\n").is_err());
        assert!(Scanner::default().scan(b"$99999999999\r\n").is_err());
        assert!(parse(&b"*1\r\n".repeat(100)).is_err());
    }

    proptest! {
        #[test]
        fn splitting_the_stream_changes_nothing(cut in prop::collection::vec(1usize..7, 1..80)) {
            let (mut scanner, mut carry, mut rest) = (Scanner::default(), Vec::new(), MIXED);
            let (mut replies, mut errors) = (0, 0);
            for len in cut.into_iter().chain([usize::MAX]) {
                let (head, tail) = rest.split_at(len.min(rest.len()));
                rest = tail;
                carry.extend_from_slice(head);
                let found = scanner.scan(&carry).unwrap();
                carry.drain(..found.consumed);
                replies += found.replies;
                errors += found.errors;
            }
            prop_assert_eq!((replies, errors, carry.len()), (10, 1, 0));
        }
    }
}
