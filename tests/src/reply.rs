//! Replies of RESP2 and RESP3, read from a stream, and their short text for assertions.

use std::fmt;
use std::io::{self, BufRead};

/// A reply, as it is on the wire: nothing is converted, so that tests see which type was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `+`
    Simple(String),
    /// `-`, or `!`
    Error(String),
    /// `:`, and `(` with its digits as a [`Reply::Other`].
    Int(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*`
    Array(Vec<Reply>),
    /// `~`
    Set(Vec<Reply>),
    /// `>`
    Push(Vec<Reply>),
    /// `%`
    Map(Vec<(Reply, Reply)>),
    /// `,`, `#`, `=` or `(`: the type's byte and its text.
    Other(char, String),
}

impl Reply {
    /// Reads one reply.
    ///
    /// # Errors
    /// When the stream ends or fails, or what it holds is no reply.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let line = read_line(from)?;
        let (Some(kind), Some(rest)) = (line.chars().next(), line.get(1..)) else {
            return Err(bad("an empty line"));
        };
        let rest = rest.to_string();
        Ok(match kind {
            '+' => Self::Simple(rest),
            '-' => Self::Error(rest),
            ':' => Self::Int(number(&rest)?),
            '_' => Self::Null,
            ',' | '#' | '(' => Self::Other(kind, rest),
            '$' => read_bytes(from, number(&rest)?)?.map_or(Self::Null, Self::Bulk),
            '!' => Self::Error(lossy(read_bytes(from, number(&rest)?)?)),
            '=' => Self::Other(kind, lossy(read_bytes(from, number(&rest)?)?)),
            '*' if rest == "-1" => Self::Null,
            '*' => Self::Array(read_many(from, &rest)?),
            '~' => Self::Set(read_many(from, &rest)?),
            '>' => Self::Push(read_many(from, &rest)?),
            '%' => {
                let pairs = (0..number(&rest)?).map(|_| Ok((Self::read(from)?, Self::read(from)?)));
                Self::Map(pairs.collect::<io::Result<_>>()?)
            }
            other => return Err(bad(&format!("a reply of type {other:?}"))),
        })
    }

    /// The items of an array, set or push; none of anything else.
    pub fn items(&self) -> &[Reply] {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items,
            _ => &[],
        }
    }

    /// The text of a string of whatever type.
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Other(_, text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => other.to_string(),
        }
    }

    /// The number, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }
}

/// Short and unambiguous: `+OK`, `-ERR text`, `:1`, `"bulk"`, `nil`, `[a b]`, `~[a b]`, `>[a b]`,
/// `{k=v}`, `,1.5`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, mark: &str, items: &[Reply]| {
            let items: Vec<String> = items.iter().map(Reply::to_string).collect();
            write!(f, "{mark}[{}]", items.join(" "))
        };
        match self {
            Self::Simple(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Int(n) => write!(f, ":{n}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Null => f.write_str("nil"),
            Self::Array(items) => list(f, "", items),
            Self::Set(items) => list(f, "~", items),
            Self::Push(items) => list(f, ">", items),
            Self::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "{{{}}}", pairs.join(" "))
            }
            Self::Other(kind, text) => write!(f, "{kind}{text}"),
        }
    }
}

fn read_many(from: &mut impl BufRead, count: &str) -> io::Result<Vec<Reply>> {
    (0..number(count)?).map(|_| Reply::read(from)).collect()
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(bad("a line without its end")),
    }
}

/// Reads so many bytes and the end of line behind them; `None` for -1.
fn read_bytes(from: &mut impl BufRead, length: i64) -> io::Result<Option<Vec<u8>>> {
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let mut bytes = vec![0; length + 2];
    from.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(Some(bytes))
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| bad("a length that is no number"))
}

fn lossy(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(wire: &str) -> String {
        let mut bytes = wire.as_bytes();
        let reply = Reply::read(&mut bytes).expect("a reply");
        assert!(bytes.is_empty(), "nothing is left over");
        reply.to_string()
    }

    #[test]
    fn every_type_is_read() {
        assert_eq!(shown("+OK\r\n"), "+OK");
        assert_eq!(shown("-ERR no\r\n"), "-ERR no");
        assert_eq!(shown("!6\r\nERR no\r\n"), "-ERR no");
        assert_eq!(shown(":-7\r\n"), ":-7");
        assert_eq!(shown("$3\r\na\r\n\r\n"), "\"a\\r\\n\"");
        assert_eq!([shown("$-1\r\n"), shown("*-1\r\n"), shown("_\r\n")], ["nil"; 3]);
        assert_eq!(shown("*2\r\n:1\r\n*0\r\n"), "[:1 []]");
        assert_eq!(shown("~1\r\n#t\r\n"), "~[#t]");
        assert_eq!(shown(">1\r\n,1.5\r\n"), ">[,1.5]");
        assert_eq!(shown("%1\r\n+k\r\n(12\r\n"), "{+k=(12}");
        assert_eq!(shown("=5\r\ntxt:a\r\n"), "=txt:a");
    }

    #[test]
    fn an_end_is_told_from_nonsense() {
        let kind = |wire: &str| Reply::read(&mut wire.as_bytes()).expect_err("no reply").kind();
        assert_eq!(kind(""), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind("$5\r\nab"), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind("?\r\n"), io::ErrorKind::InvalidData);
    }
}
