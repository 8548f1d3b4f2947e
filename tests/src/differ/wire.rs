//! Replies as they are on the wire: unlike [`crate::reply::Reply`], which tests of meaning use,
//! two replies are equal here only when a client could not tell them apart at all.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Most items of one aggregate, and most bytes of one string, that a reply is believed to have.
const LENGTH_MAX: usize = 1 << 29;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wire {
    /// A line: the type's byte and the text. Null bulk strings and null arrays are lines.
    Line(u8, Vec<u8>),
    /// A string with a length: the type's byte and the bytes.
    Text(u8, Vec<u8>),
    /// Several replies: the type's byte and the items; those of a map are names and values.
    Many(u8, Vec<Wire>),
}

impl Wire {
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        if line.len() < 3 || !line.ends_with(b"\r\n") {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole line"));
        }
        line.truncate(line.len() - 2);
        let (kind, rest) = (line[0], line.split_off(1));
        let length = std::str::from_utf8(&rest).ok().and_then(|n| n.parse::<usize>().ok());
        match (kind, length) {
            (b'$' | b'=' | b'!', Some(length)) if length <= LENGTH_MAX => {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(Self::Text(kind, bytes))
            }
            (b'*' | b'~' | b'>' | b'%', Some(length)) if length <= LENGTH_MAX => {
                let items = if kind == b'%' { length * 2 } else { length };
                let items = (0..items).map(|_| Self::read(from)).collect::<io::Result<_>>()?;
                Ok(Self::Many(kind, items))
            }
            _ => Ok(Self::Line(kind, rest)),
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Line(b'-', _) | Self::Text(b'!', _))
    }

    /// The number that it is or spells.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Line(_, text) | Self::Text(_, text) => {
                std::str::from_utf8(text).ok()?.parse().ok()
            }
            Self::Many(..) => None,
        }
    }

    /// The same with the items of all aggregates in order.
    pub fn sorted(&self) -> Self {
        match self {
            Self::Many(kind, items) => {
                let mut items: Vec<Self> = items.iter().map(Self::sorted).collect();
                items.sort();
                Self::Many(*kind, items)
            }
            other => other.clone(),
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(kind, text) | Self::Text(kind, text) => {
                write!(f, "{}{}", char::from(*kind), text.escape_ascii())
            }
            Self::Many(kind, items) => {
                write!(f, "{}[", char::from(*kind))?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A connection to a server.
pub struct Link {
    stream: BufReader<TcpStream>,
}

impl Link {
    /// Connects to a port of this machine.
    ///
    /// # Errors
    /// When that fails.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send<A: AsRef<[u8]>>(&mut self, words: &[A]) -> io::Result<()> {
        self.stream.get_mut().write_all(&crate::client::encode(words))
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// When the connection fails or sends what is no reply.
    pub fn receive(&mut self) -> io::Result<Wire> {
        Wire::read(&mut self.stream)
    }

    /// Sends a command and reads its reply.
    ///
    /// # Errors
    /// As [`Link::send`] and [`Link::receive`].
    pub fn call<A: AsRef<[u8]>>(&mut self, words: &[A]) -> io::Result<Wire> {
        self.send(words)?;
        self.receive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_of_different_types_differ() {
        let read = |mut bytes: &[u8]| Wire::read(&mut bytes).unwrap();
        assert_ne!(read(b"$-1\r\n"), read(b"*-1\r\n"));
        let both = read(b"*2\r\n$2\r\nb\n\r\n%1\r\n+x\r\n:7\r\n");
        assert_eq!(both.to_string(), "*[$b\\n, %[+x, :7]]");
        assert_eq!(read(b"$3\r\n1.5\r\n").number(), Some(1.5));
        assert!(read(b"-ERR x\r\n").is_error());
        assert_eq!(read(b"*2\r\n:2\r\n:1\r\n").sorted(), read(b"*2\r\n:1\r\n:2\r\n"));
    }
}
