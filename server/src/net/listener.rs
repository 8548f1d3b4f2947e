//! Listening sockets: TCP on every address of `bind`, and a Unix socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, UnixListener};

use super::mailbox::Message;
use super::stream::Accepted;
use crate::server::Server;

/// Opens a TCP listener.
///
/// # Errors
/// When the address is in use or not ours.
pub fn tcp(address: IpAddr, port: u16, backlog: i32) -> io::Result<std::net::TcpListener> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Opens a Unix listener, replacing a socket file that an earlier run left.
///
/// # Errors
/// When the path cannot be bound.
pub fn unix(path: &Path, mode: Option<u32>) -> io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    if let Some(mode) = mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// How long accepting rests when the system is out of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Accepts TCP connections for ever.
pub async fn accept_tcp(server: Arc<Server>, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A socket that cannot be tuned still works.
                let _ = stream.set_nodelay(true);
                keep_alive(&stream, server.keep_alive());
                hand_over(&server, stream.into_std().map(Accepted::Tcp));
            }
            Err(error) => rest(&server, &error).await,
        }
    }
}

/// Accepts Unix connections for ever.
pub async fn accept_unix(
    server: Arc<Server>,
    listener: std::os::unix::net::UnixListener,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => hand_over(&server, stream.into_std().map(Accepted::Unix)),
            Err(error) => rest(&server, &error).await,
        }
    }
}

async fn rest(server: &Server, error: &io::Error) {
    server.log.warning(&format!("accepting a connection failed: {error}"));
    tokio::time::sleep(REST).await;
}

/// Gives a connection to a thread, unless there are too many or it is not allowed to connect.
fn hand_over(server: &Arc<Server>, stream: io::Result<Accepted>) {
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            server.log.warning(&format!("a connection could not be served: {error}"));
            return;
        }
    };
    if let Err(text) = server.admit(&stream) {
        stream.say(&format!("-{text}\r\n"));
        return;
    }
    server.next_thread().send(Message::Connect(stream));
}

fn keep_alive(stream: &tokio::net::TcpStream, every: Option<Duration>) {
    if let Some(every) = every {
        let probes = TcpKeepalive::new().with_time(every).with_interval(every / 3).with_retries(3);
        // A socket that takes no keep-alive still works.
        let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
    }
}
