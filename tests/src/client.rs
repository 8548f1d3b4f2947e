//! A client that sends what it is told, well-formed or not, and shows replies as they came.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::reply::Reply;

/// How long a reply may take before a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long [`Client::is_silent`] listens.
const SILENCE: Duration = Duration::from_millis(150);

/// A connection.
pub struct Client {
    socket: BufReader<Socket>,
    local: Option<SocketAddr>,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    /// Connects to a port of this machine.
    ///
    /// # Panics
    /// When nothing listens there.
    pub fn tcp(port: u16) -> Self {
        Self::try_tcp(port).expect("the server accepts")
    }

    /// Connects to a port of this machine where the server may be gone.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn try_tcp(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let local = stream.local_addr().ok();
        Ok(Self { socket: BufReader::new(Socket::Tcp(stream)), local })
    }

    /// Connects to a Unix socket.
    ///
    /// # Panics
    /// When nothing listens there.
    pub fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option of sockets");
        Self { socket: BufReader::new(Socket::Unix(stream)), local: None }
    }

    /// The own address, as CLIENT LIST shows it.
    ///
    /// # Panics
    /// On a Unix socket.
    pub fn address(&self) -> String {
        self.local.expect("a TCP connection").to_string()
    }

    /// Runs a command given as words, and shows its reply as [`Reply`]'s `Display` does.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.call(&words).to_string()
    }

    /// Runs a command.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Reply {
        self.send(arguments);
        self.read()
    }

    /// Sends a command and does not wait for its reply.
    ///
    /// # Panics
    /// When the connection has ended.
    pub fn send<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        self.send_raw(&encode(arguments));
    }

    /// Sends a command given as words and does not wait for its reply.
    ///
    /// # Panics
    /// When the connection has ended.
    pub fn send_line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.send(&words);
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// When the connection has ended.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).expect("the connection is open");
    }

    /// Sends bytes to a server that may hang up in between.
    ///
    /// # Errors
    /// When it did.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.get_mut().write_all(bytes)
    }

    /// Reads a reply.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub fn read(&mut self) -> Reply {
        self.try_read().expect("a reply")
    }

    /// Reads a reply of a server that may hang up instead.
    ///
    /// # Errors
    /// When it did, or sent what is no reply.
    pub fn try_read(&mut self) -> io::Result<Reply> {
        Reply::read(&mut self.socket)
    }

    /// Reads a reply and shows it.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub fn shown(&mut self) -> String {
        self.read().to_string()
    }

    /// Whether the server has hung up, read to the end of what it still sent.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(e) => e.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Whether nothing comes for a moment.
    ///
    /// # Panics
    /// When the system refuses a timeout.
    pub fn is_silent(&mut self) -> bool {
        let _ = self.socket.get_ref().set_read_timeout(SILENCE);
        let silent = matches!(self.try_read(), Err(e) if is_timeout(&e));
        self.socket.get_ref().set_read_timeout(PATIENCE).expect("an option of sockets");
        silent
    }

    /// Makes writes fail with a timeout when the server takes nothing for so long.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn set_write_timeout(&mut self, timeout: Duration) {
        let result = match self.socket.get_ref() {
            Socket::Tcp(s) => s.set_write_timeout(Some(timeout)),
            Socket::Unix(s) => s.set_write_timeout(Some(timeout)),
        };
        result.expect("an option of sockets");
    }
}

/// Whether an error says that time was up.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A command as it is on the wire.
pub fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend(format!("${}\r\n", argument.len()).into_bytes());
        bytes.extend(argument);
        bytes.extend(b"\r\n");
    }
    bytes
}

impl Socket {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(s) => s.set_read_timeout(Some(timeout)),
            Self::Unix(s) => s.set_read_timeout(Some(timeout)),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(s) => s.read(buffer),
            Self::Unix(s) => s.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(s) => s.write(bytes),
            Self::Unix(s) => s.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
