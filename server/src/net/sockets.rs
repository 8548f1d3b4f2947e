//! Which sockets the server listens on: `bind`, `port` and `unixsocket`, at the start and when
//! CONFIG SET changes them.

use std::net::{IpAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use cairn_core::config::table::network;
use cairn_core::config::{Config, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::listener;
use crate::server::Server;

/// What a server listens on.
pub type Sockets = (Vec<TcpListener>, Option<(PathBuf, UnixListener)>);

/// Wishes for other TCP sockets.
pub type Changes = UnboundedReceiver<Change>;

/// A wish for other TCP sockets.
pub struct Change {
    wanted: Addresses,
    /// Told whether it was granted.
    done: std::sync::mpsc::Sender<Result<(), String>>,
}

/// Where TCP connections are accepted.
#[derive(Clone, PartialEq, Eq)]
struct Addresses {
    words: Vec<u8>,
    port: u16,
    backlog: i32,
}

impl Addresses {
    fn of(config: &Config) -> Self {
        Self {
            words: config.text(network::BIND).to_vec(),
            port: config.int(network::PORT) as u16,
            backlog: config.int(network::TCP_BACKLOG) as i32,
        }
    }

    /// Opens a socket for each address.
    fn open(&self) -> Result<Vec<TcpListener>, String> {
        let mut sockets = Vec::new();
        for word in self.words.split(|b| *b == b' ').filter(|word| !word.is_empty()) {
            let word = String::from_utf8_lossy(word);
            let (optional, address) = match word.strip_prefix('-') {
                Some(address) => (true, address),
                None => (false, &*word),
            };
            match open_tcp(address, self.port, self.backlog) {
                Ok(listener) => sockets.push(listener),
                Err(_) if optional => {}
                Err(e) => {
                    let place = format!("{address}:{}", self.port);
                    return Err(format!(
                        "Could not create server TCP listening socket {place}: {e}"
                    ));
                }
            }
        }
        Ok(sockets)
    }

    /// As [`Addresses::open`]; port 0 is none.
    fn open_unless_zero(&self) -> Result<Vec<TcpListener>, String> {
        if self.port == 0 { Ok(Vec::new()) } else { self.open() }
    }
}

/// Opens all sockets at the start.
///
/// # Errors
/// Which one can't be opened, and why.
pub fn open(config: &Config) -> Result<Sockets, String> {
    let addresses = Addresses::of(config);
    let unixsocket = config.string(network::UNIXSOCKET);
    let mut tcp = Vec::new();
    // Port 0 is redis-server's way of saying "no TCP"; without a Unix socket either it lets the
    // system choose a port, which tests use.
    if addresses.port != 0 || unixsocket.is_empty() {
        tcp = addresses.open()?;
    }
    if let Some(chosen) = tcp.first().and_then(|socket| socket.local_addr().ok()) {
        config.put(network::PORT, Value::Number(i64::from(chosen.port())));
    }
    let unix = match &unixsocket[..] {
        "" => None,
        path => {
            let path = PathBuf::from(path);
            let mode = config.int(network::UNIXSOCKETPERM) as u32;
            let listener = listener::unix(&path, (mode != 0).then_some(mode));
            let error = |e| format!("Failed opening Unix socket: bind: {}: {e}", path.display());
            Some((path.clone(), listener.map_err(error)?))
        }
    };
    if tcp.is_empty() && unix.is_none() {
        return Err("Configured to not listen anywhere, exiting.".into());
    }
    Ok((tcp, unix))
}

fn open_tcp(address: &str, port: u16, backlog: i32) -> std::io::Result<TcpListener> {
    let ip: IpAddr = match address {
        "*" => IpAddr::from([0, 0, 0, 0]),
        "::*" => IpAddr::from([0u16; 8]),
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        other => other.parse().map_err(|_| std::io::ErrorKind::AddrNotAvailable)?,
    };
    listener::tcp(ip, port, backlog)
}

/// Has the TCP sockets follow `bind` and `port`. CONFIG SET waits until [`accept`] has changed
/// them.
pub fn follow_config(server: &Arc<Server>) -> Changes {
    let (wishes, changes) = unbounded_channel();
    server.config().on_change(&[network::BIND, network::PORT], move |config| {
        let (done, granted) = std::sync::mpsc::channel();
        let wish = Change { wanted: Addresses::of(config), done };
        let gone = || "the server is not accepting connections".to_string();
        wishes.send(wish).map_err(|_| gone())?;
        granted.recv().unwrap_or_else(|_| Err(gone()))
    });
    changes
}

/// Accepts TCP connections for ever, on these sockets or on those that are wished for later.
pub async fn accept(server: Arc<Server>, sockets: Vec<TcpListener>, mut changes: Changes) {
    let mut present = Addresses::of(server.config());
    let mut tasks = accept_on(&server, sockets);
    while let Some(Change { wanted, done }) = changes.recv().await {
        let mut result = Ok(());
        if wanted != present {
            // An address may be part of another, so that the old sockets have to go first.
            for task in tasks.drain(..) {
                task.abort();
                // It ends by being aborted.
                let _ = task.await;
            }
            let sockets = wanted.open_unless_zero().or_else(|error| {
                server.log.warning(&error);
                result = Err(refusal(&wanted, &present));
                present.open_unless_zero()
            });
            match sockets {
                Ok(sockets) => tasks = accept_on(&server, sockets),
                Err(error) => server.log.warning(&error),
            }
            if result.is_ok() {
                present = wanted;
            }
        }
        // Whoever asked may have given up.
        let _ = done.send(result);
    }
}

/// What CONFIG SET answers when sockets can't be opened.
fn refusal(wanted: &Addresses, present: &Addresses) -> String {
    if wanted.port != present.port {
        return "Unable to listen on this port. Check server logs.".into();
    }
    "Failed to bind to specified addresses.".into()
}

fn accept_on(server: &Arc<Server>, sockets: Vec<TcpListener>) -> Vec<JoinHandle<()>> {
    let start = |socket| {
        let server = Arc::clone(server);
        tokio::task::spawn_local(async move {
            if let Err(error) = listener::accept_tcp(Arc::clone(&server), socket).await {
                server.log.warning(&format!("connections can't be accepted: {error}"));
            }
        })
    };
    sockets.into_iter().map(start).collect()
}
