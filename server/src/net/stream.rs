//! The transports: TCP and Unix sockets behind one type.

#![allow(unsafe_code)]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// An accepted socket on its way to the thread that will serve it. It belongs to no runtime yet:
/// a socket's events are seen by the thread that adopted it, and only that one may be woken.
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Registers the socket with the calling thread's runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn adopt(self) -> io::Result<Stream> {
        Ok(match self {
            Accepted::Tcp(s) => Stream::Tcp(TcpStream::from_std(s)?),
            Accepted::Unix(s) => Stream::Unix(UnixStream::from_std(s)?),
        })
    }

    /// Whether the peer is on this machine: what protected mode asks.
    pub fn is_local(&self) -> bool {
        match self {
            Accepted::Tcp(s) => s.peer_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback()),
            Accepted::Unix(_) => true,
        }
    }

    /// Sends a line, as far as that is possible at once.
    pub fn say(&mut self, line: &str) {
        use std::io::Write;
        // The socket's buffer is empty, so a line fits; the peer may be gone.
        let _ = match self {
            Accepted::Tcp(s) => s.write_all(line.as_bytes()),
            Accepted::Unix(s) => s.write_all(line.as_bytes()),
        };
    }
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
    /// The same socket under another descriptor, for another thread to adopt.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn duplicate(&self) -> io::Result<Accepted> {
        use std::os::fd::AsFd;
        Ok(match self {
            Stream::Tcp(s) => Accepted::Tcp(s.as_fd().try_clone_to_owned()?.into()),
            Stream::Unix(s) => Accepted::Unix(s.as_fd().try_clone_to_owned()?.into()),
        })
    }

    /// Ready when bytes may be written.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_write_ready(cx))
    }

    /// Appends what has arrived to `buffer`, within its capacity. Ready with 0 at the end.
    ///
    /// This is tokio's own read and not a bare `recv`, since after a short read it knows without
    /// another system call that nothing more is there.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::uninit(buffer.spare_capacity_mut());
        let result = each!(self, s => Pin::new(s).poll_read(cx, &mut room));
        let n = room.filled().len();
        result.map_ok(|()| {
            // SAFETY: 1. `ReadBuf` counts as filled only bytes that were written, and it began
            // at the vector's length.
            unsafe { buffer.set_len(buffer.len() + n) };
            n
        })
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

    /// The socket's file descriptor number, for CLIENT LIST.
    pub fn fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        each!(self, s => s.as_raw_fd())
    }
}
