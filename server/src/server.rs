//! The server: what all threads share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use cairn_core::Engine;
use cairn_core::session::Session;

use crate::client::Client;
use crate::log::Log;
use crate::net::mailbox::ThreadBox;
use crate::net::stream::Accepted;
use crate::pool::Pool;
use crate::resp::Limits;

/// What all threads share.
pub struct Server {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The log.
    pub log: Log,
    /// Threads for long queries.
    pub pool: Pool,
    /// The boxes of the I/O threads.
    pub threads: Vec<Arc<ThreadBox>>,
    next_thread: AtomicUsize,
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
}

impl Server {
    /// A server of `threads` I/O threads, which are not yet started.
    pub fn new(engine: Arc<Engine>, log: Log, threads: usize) -> Arc<Self> {
        Arc::new(Self {
            engine,
            log,
            pool: Pool::start(threads),
            threads: (0..threads.max(1)).map(|_| Arc::default()).collect(),
            next_thread: AtomicUsize::new(0),
            clients: Mutex::new(BTreeMap::new()),
        })
    }

    /// The thread for the next connection: each in turn.
    pub fn next_thread(&self) -> &ThreadBox {
        &self.threads[self.next_thread.fetch_add(1, Ordering::Relaxed) % self.threads.len()]
    }

    /// All connections, by the number of their session.
    pub fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether a new connection may be served.
    ///
    /// # Errors
    /// The error line to send before closing it.
    pub fn admit(&self, _stream: &Accepted) -> Result<(), String> {
        Ok(())
    }

    /// A connection is about to be served.
    pub fn connected(&self, client: &Arc<Client>, session: &mut Session) {
        session.authenticated = true;
        self.clients().insert(client.id, Arc::clone(client));
    }

    /// A connection has ended.
    pub fn disconnected(&self, client: &Arc<Client>, _session: &mut Session) {
        self.clients().remove(&client.id);
    }

    /// What a session's requests may be.
    pub fn limits(&self, session: &Session) -> Limits {
        Limits {
            max_bulk: self.engine.tuning.max_bulk_len.load(Ordering::Relaxed),
            query_buffer: 1 << 30,
            unauthenticated: !session.authenticated,
        }
    }

    /// Whether a command has to wait because of CLIENT PAUSE; `waker` is called when it need not.
    #[inline]
    pub fn holds_back(
        &self,
        _client: &Client,
        _session: &Session,
        _args: &[&[u8]],
        _waker: &Waker,
    ) -> bool {
        false
    }

    /// Whether a connection with this many unsent bytes is to be closed.
    pub fn over_output_limit(&self, _client: &Client, _pending: usize) -> bool {
        false
    }

    /// How often idle TCP connections are probed.
    pub fn keep_alive(&self) -> Option<Duration> {
        Some(Duration::from_secs(300))
    }

    /// Whether keys are expired actively.
    pub fn active_expire(&self) -> bool {
        true
    }

    /// Regular work, ten times a second.
    pub fn cron(&self) {}
}
