//! The transports: TCP and Unix sockets behind one type.

use std::io;
use std::task::{Context, Poll};

use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// Runs the same expression on whichever socket it is.
macro_rules! each {
    ($self:expr, $s:ident => $e:expr) => {
        match $self {
            Stream::Tcp($s) => $e,
            Stream::Unix($s) => $e,
        }
    };
}

impl Stream {
    /// Ready when there may be bytes to read.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_read_ready(cx))
    }

    /// Ready when bytes may be written.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_write_ready(cx))
    }

    /// Appends what is there to `buffer`, within its capacity.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing, or what the socket says.
    pub fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        each!(self, s => s.try_read_buf(buffer))
    }

    /// Writes as much as the socket takes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when it takes nothing, or what the socket says.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, s => s.try_write(bytes))
    }

    /// The peer's address as CLIENT LIST shows it.
    pub fn peer(&self) -> String {
        match self {
            Stream::Tcp(s) => s.peer_addr().map_or_else(|_| "?:0".into(), |a| a.to_string()),
            Stream::Unix(s) => {
                let local = s.local_addr().ok();
                let path = local.as_ref().and_then(|a| a.as_pathname());
                format!("{}:0", path.map_or("unixsocket".into(), |p| p.display().to_string()))
            }
        }
    }

    /// The own address as CLIENT LIST shows it.
    pub fn local(&self) -> String {
        match self {
            Stream::Tcp(s) => s.local_addr().map_or_else(|_| "?:0".into(), |a| a.to_string()),
            Stream::Unix(_) => self.peer(),
        }
    }

    /// Whether the peer is on this machine: what protected mode asks.
    pub fn is_local(&self) -> bool {
        match self {
            Stream::Tcp(s) => s.peer_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback()),
            Stream::Unix(_) => true,
        }
    }

    /// The socket's file descriptor number, for CLIENT LIST.
    pub fn fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        each!(self, s => s.as_raw_fd())
    }
}
