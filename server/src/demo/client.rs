//! A small blocking client: it encodes commands, sends as many at once as the caller likes, and
//! reads RESP2 replies. What the replies mean is for `present`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cairn_core::util::words;

use super::error::Error;

/// The longest line (a simple string, an error, a number or a length), in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// The longest bulk string, in bytes.
const MAX_BULK: usize = 64 * 1024 * 1024;
/// The most elements of one array.
const MAX_ELEMENTS: usize = 1024 * 1024;
/// How deep arrays may nest.
const MAX_DEPTH: u32 = 16;
/// How long one reply may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(120);

/// A reply of RESP2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A null bulk string or array.
    Nil,
    /// An integer.
    Int(i64),
    /// A simple or a bulk string; what isn't UTF-8 in it is replaced.
    Text(String),
    /// An error.
    Error(String),
    /// An array.
    Array(Vec<Reply>),
}

impl Reply {
    /// The elements, if it is an array.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string or of an integer.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The value of an integer, or of a string that reads as one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The first error in it, at any depth: TS.MADD reports each sample for itself.
    pub fn first_error(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text),
            Self::Array(items) => items.iter().find_map(Self::first_error),
            _ => None,
        }
    }
}

/// Appends a command to `out`, as RESP wants it.
pub fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, arguments: &[A]) {
    out.extend_from_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    for argument in arguments {
        let argument = argument.as_ref();
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

/// A connection.
pub struct Client<S> {
    stream: BufReader<S>,
}

impl Client<TcpStream> {
    /// Connects over TCP.
    ///
    /// # Errors
    /// When nobody answers there.
    pub fn connect(address: SocketAddr) -> Result<Self, Error> {
        let connect = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            io::Result::Ok(stream)
        };
        connect().map(Self::new).map_err(Error::Connection)
    }
}

impl<S: Read + Write> Client<S> {
    /// A client on a stream that is connected already.
    pub fn new(stream: S) -> Self {
        Self { stream: BufReader::with_capacity(64 * 1024, stream) }
    }

    /// Sends encoded commands without waiting for their replies.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send(&mut self, commands: &[u8]) -> Result<(), Error> {
        self.stream.get_mut().write_all(commands).map_err(Error::Connection)
    }

    /// Reads one reply, also if it is an error.
    ///
    /// # Errors
    /// When the connection fails or what comes is no RESP2.
    pub fn receive(&mut self) -> Result<Reply, Error> {
        self.read_reply(0)
    }

    /// Sends one command, which is written as for redis-cli, and reads its reply.
    ///
    /// # Errors
    /// When the connection fails, or when the reply is or contains an error.
    pub fn call(&mut self, line: &str) -> Result<Reply, Error> {
        let arguments = words::split(line.as_bytes())
            .map_err(|_| Error::Unexpected("a quote that isn't closed"))?;
        let mut bytes = Vec::new();
        encode(&mut bytes, &arguments);
        self.send(&bytes)?;
        let reply = self.receive()?;
        match reply.first_error() {
            Some(text) => {
                let words: Vec<&str> = line.split_whitespace().take(2).collect();
                Err(Error::Refused { command: words.join(" "), text: text.to_owned() })
            }
            None => Ok(reply),
        }
    }

    fn read_reply(&mut self, depth: u32) -> Result<Reply, Error> {
        let line = self.read_line()?;
        let mut chars = line.chars();
        let kind = chars.next();
        let rest = chars.as_str();
        match kind {
            Some('+') => Ok(Reply::Text(rest.to_owned())),
            Some('-') => Ok(Reply::Error(rest.to_owned())),
            Some(':') => {
                rest.parse().map(Reply::Int).map_err(|_| Error::Protocol("not an integer"))
            }
            Some('$') => match length(rest, MAX_BULK)? {
                Some(length) => self.read_bulk(length),
                None => Ok(Reply::Nil),
            },
            Some('*') if depth >= MAX_DEPTH => Err(Error::Protocol("arrays nest too deep")),
            Some('*') => match length(rest, MAX_ELEMENTS)? {
                Some(count) => {
                    let items = (0..count).map(|_| self.read_reply(depth + 1));
                    items.collect::<Result<_, _>>().map(Reply::Array)
                }
                None => Ok(Reply::Nil),
            },
            _ => Err(Error::Protocol("unknown type of reply")),
        }
    }

    /// A line without its end.
    fn read_line(&mut self) -> Result<String, Error> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE);
        limited.read_until(b'\n', &mut line).map_err(Error::Connection)?;
        if line.is_empty() {
            return Err(Error::Connection(io::ErrorKind::UnexpectedEof.into()));
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(Error::Protocol("a line without its end")),
        }
    }

    fn read_bulk(&mut self, length: usize) -> Result<Reply, Error> {
        // The vector grows with what arrives, not with what was announced.
        let mut bytes = Vec::new();
        let mut limited = (&mut self.stream).take(length as u64 + 2);
        limited.read_to_end(&mut bytes).map_err(Error::Connection)?;
        if bytes.len() < length + 2 {
            return Err(Error::Connection(io::ErrorKind::UnexpectedEof.into()));
        }
        match bytes.strip_suffix(b"\r\n") {
            Some(text) => Ok(Reply::Text(String::from_utf8_lossy(text).into_owned())),
            None => Err(Error::Protocol("a bulk string without its end")),
        }
    }
}

/// A length of at most `limit`, or none for -1.
fn length(text: &str, limit: usize) -> Result<Option<usize>, Error> {
    match text.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(number) => match usize::try_from(number) {
            Ok(number) if number <= limit => Ok(Some(number)),
            _ => Err(Error::Protocol("a length out of range")),
        },
        Err(_) => Err(Error::Protocol("not a length")),
    }
}
