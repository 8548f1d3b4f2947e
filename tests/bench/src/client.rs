//! A blocking connection for what is not measured by the generator: preparing data, asking INFO,
//! probing with single commands.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::resp::{self, Value};

/// How long a single reply may take before the server counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pipelined commands are flushed at this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// One connection, one command at a time or pipelined.
pub struct Client {
    stream: TcpStream,
    inbox: Vec<u8>,
    start: usize,
    outbox: Vec<u8>,
    unanswered: usize,
}

impl Client {
    /// Connects without Nagle's delay.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, inbox: Vec::new(), start: 0, outbox: Vec::new(), unanswered: 0 })
    }

    /// Sends a command and waits for its reply, which may be an error value.
    pub fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        resp::encode(&mut self.outbox, args);
        self.flush()?;
        self.receive()
    }

    /// Like [`Client::ask`] with the words of `line`; an error reply is an error.
    pub fn run(&mut self, line: &str) -> io::Result<Value> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        accept(self.ask(&words)?, line)
    }

    /// Queues a command; replies of queued commands are checked for errors and dropped.
    pub fn queue<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        resp::encode(&mut self.outbox, args);
        self.queued()
    }

    /// Queues a command that is encoded already.
    pub fn queue_raw(&mut self, command: &[u8]) -> io::Result<()> {
        self.outbox.extend_from_slice(command);
        self.queued()
    }

    fn queued(&mut self) -> io::Result<()> {
        self.unanswered += 1;
        if self.outbox.len() >= BATCH_BYTES { self.settle() } else { Ok(()) }
    }

    /// Sends what is queued and waits for its replies.
    pub fn settle(&mut self) -> io::Result<()> {
        self.flush()?;
        for _ in 0..std::mem::take(&mut self.unanswered) {
            let reply = self.receive()?;
            accept(reply, "a queued command")?;
        }
        Ok(())
    }

    /// Gives the buffers back, for connections that are only kept open.
    pub fn forget_buffers(&mut self) {
        (self.inbox, self.start, self.outbox) = (Vec::new(), 0, Vec::new());
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.outbox)?;
        self.outbox.clear();
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Value> {
        loop {
            if let Some((value, used)) = resp::parse(&self.inbox[self.start..])? {
                self.start += used;
                return Ok(value);
            }
            self.inbox.drain(..self.start);
            self.start = 0;
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let len = self.inbox.len();
        self.inbox.resize(len + BATCH_BYTES, 0);
        let read = self.stream.read(&mut self.inbox[len..]);
        self.inbox.truncate(len + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn accept(reply: Value, what: &str) -> io::Result<Value> {
    match reply {
        Value::Error(text) => Err(io::Error::other(format!("{what}: {text}"))),
        reply => Ok(reply),
    }
}
