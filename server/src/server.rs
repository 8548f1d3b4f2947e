//! The server: what all threads share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use cairn_core::config::lists::{OutputLimit, output_limits};
use cairn_core::config::table::{clients, network, server as params};
use cairn_core::config::{Config, MemoryLimit};
use cairn_core::session::Session;
use cairn_core::{Engine, clock};
use tokio::sync::Notify;

use crate::aof::Aof;
use crate::client::{Client, Usage};
use crate::commands;
use crate::log::Log;
use crate::memory;
use crate::migrate::Links;
use crate::net::balance::Balance;
use crate::net::durable::Resting;
use crate::net::mailbox::{Letter, Message, ThreadBox};
use crate::net::stream::Accepted;
use crate::observe::{self, Observers};
use crate::pause::Pause;
use crate::persist::Persistence;
use crate::pool::Pool;
use crate::pubsub::PubSub;
use crate::resp::Limits;
use crate::shutdown::Shutdown;
use crate::tracking::Tracking;
use crate::watermark::Watermark;

/// What all threads share.
pub struct Server {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The log.
    pub log: Log,
    /// Threads for long queries.
    pub pool: Pool,
    /// Connections to other servers that MIGRATE keeps.
    pub links: Links,
    /// Which of the I/O threads serve connections.
    pub balance: Balance,
    /// Which of them have nothing to do.
    pub resting: Resting,
    /// The boxes of the I/O threads.
    pub threads: Vec<Arc<ThreadBox>>,
    /// Subscriptions.
    pub pubsub: PubSub,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// SLOWLOG, LATENCY, MONITOR and HOTKEYS.
    pub observers: Observers,
    /// Client-side caching.
    pub tracking: Tracking,
    /// Snapshots on disk.
    pub persistence: Persistence,
    /// The append-only file.
    pub aof: Aof,
    /// The server's end.
    pub shutdown: Shutdown,
    /// When the server started, in Unix nanoseconds.
    pub started: u64,
    /// Forty random hexadecimal digits.
    pub run_id: String,
    /// Memory that was allocated when the server was ready, in bytes.
    pub startup_memory: usize,
    /// How high memory has risen.
    pub watermark: Watermark,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections refused.
    pub rejected: AtomicU64,
    /// Commands run in the last second.
    pub ops_per_second: AtomicU64,
    /// Microseconds that active expiry has taken.
    pub expire_micros: AtomicU64,
    /// Times that active expiry ran out of time.
    pub expire_cut_short: AtomicU64,
    /// Connections closed because clients took too much memory.
    pub evicted_clients: AtomicU64,
    /// Connections closed because a request was too long.
    pub query_limit_hits: AtomicU64,
    /// Connections closed because they did not read their replies.
    pub output_limit_hits: AtomicU64,
    /// Traffic of connections that have ended.
    gone: Mutex<Traffic>,
    /// The traffic a second ago, and kilobytes read and written in the second before.
    rates: Mutex<(Traffic, (f64, f64))>,
    /// Whether keys are expired actively: DEBUG SET-ACTIVE-EXPIRE.
    pub expires_actively: AtomicBool,
    /// Whether regular work is stopped: DEBUG PAUSE-CRON.
    pub cron_paused: AtomicBool,
    /// Connections that were admitted and have not ended. `clients` has those that a thread serves
    /// already: a rush of new ones would pass a limit on it.
    admitted: AtomicU64,
    ops_seen: AtomicU64,
    config_file: Option<PathBuf>,
    next_thread: AtomicUsize,
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    output_limits: Mutex<[OutputLimit; 3]>,
    stopping: Notify,
    ticks: AtomicU64,
}

/// What went over connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub received: u64,
    /// Bytes written.
    pub sent: u64,
    /// Times that there was something to read.
    pub reads: u64,
    /// Times that something was written.
    pub writes: u64,
}

impl Traffic {
    fn add(&mut self, usage: &Usage) {
        self.received += usage.received.load(Ordering::Relaxed);
        self.sent += usage.sent.load(Ordering::Relaxed);
        self.reads += usage.reads.load(Ordering::Relaxed);
        self.writes += usage.writes.load(Ordering::Relaxed);
    }
}

impl Server {
    /// A server of `threads` I/O threads, which are not yet started.
    pub fn new(
        engine: Arc<Engine>,
        log: Log,
        threads: usize,
        config_file: Option<PathBuf>,
    ) -> Arc<Self> {
        let boxes: Vec<Arc<ThreadBox>> = (0..threads.max(1)).map(|_| Arc::default()).collect();
        let server = Arc::new(Self {
            log,
            pool: Pool::start(threads),
            links: Links::default(),
            balance: Balance::new(boxes.len()),
            resting: Resting::new(boxes.len()),
            pubsub: PubSub::new(boxes.clone()),
            threads: boxes,
            pause: Pause::default(),
            observers: Observers::default(),
            tracking: Tracking::default(),
            persistence: Persistence::default(),
            aof: Aof::default(),
            shutdown: Shutdown::default(),
            started: clock::now_nanos(),
            run_id: run_id(),
            startup_memory: memory::allocated(),
            watermark: Watermark::new(memory::allocated()),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            ops_per_second: AtomicU64::new(0),
            expire_micros: AtomicU64::new(0),
            expire_cut_short: AtomicU64::new(0),
            evicted_clients: AtomicU64::new(0),
            query_limit_hits: AtomicU64::new(0),
            output_limit_hits: AtomicU64::new(0),
            gone: Mutex::default(),
            rates: Mutex::default(),
            expires_actively: AtomicBool::new(true),
            cron_paused: AtomicBool::new(false),
            admitted: AtomicU64::new(0),
            ops_seen: AtomicU64::new(0),
            config_file,
            next_thread: AtomicUsize::new(0),
            clients: Mutex::new(BTreeMap::new()),
            output_limits: Mutex::new(output_limits(&[])),
            stopping: Notify::new(),
            ticks: AtomicU64::new(0),
            engine,
        });
        server.follow_config();
        server.follow_observed();
        server
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.engine.config
    }

    /// Has the server act on settings that can change while it runs.
    fn follow_config(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        let ids = [
            clients::CLIENT_OUTPUT_BUFFER_LIMIT,
            clients::PROTO_MAX_BULK_LEN,
            clients::CLIENT_QUERY_BUFFER_LIMIT,
            clients::REQUIREPASS,
        ];
        self.engine.config.on_change(&ids, move |config| {
            if let Some(server) = server.upgrade() {
                let limits = output_limits(&config.text(clients::CLIENT_OUTPUT_BUFFER_LIMIT));
                *lock(&server.output_limits) = limits;
                for client in server.clients().values() {
                    client.then(crate::client::After::Relimit);
                }
            }
            Ok(())
        });
    }

    /// Has those who look on follow the configuration.
    fn follow_observed(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        let ids = observe::PARAMETERS;
        self.engine.config.on_change(&ids, move |config| {
            if let Some(server) = server.upgrade() {
                server.observers.follow(config);
                server.follow_observers();
            }
            Ok(())
        });
        let server = Arc::downgrade(self);
        self.engine.config.on_change(&[network::IO_THREADS_ADAPTIVE], move |_| {
            if let Some(server) = server.upgrade().filter(|server| !server.gathers()) {
                server.balance.set_active(usize::MAX);
            }
            Ok(())
        });
        let server = Arc::downgrade(self);
        let ids = [clients::TRACKING_TABLE_MAX_KEYS];
        self.engine.config.on_change(&ids, move |config| {
            if let Some(server) = server.upgrade() {
                server
                    .tracking
                    .set_max_keys(&server, config.size(clients::TRACKING_TABLE_MAX_KEYS));
            }
            Ok(())
        });
    }

    /// Tells the engine from which duration on somebody looks at commands.
    pub fn follow_observers(&self) {
        let threshold = self.observers.threshold();
        self.engine.tuning.observe_above.store(threshold, Ordering::SeqCst);
    }

    /// The configuration file, as INFO shows it.
    pub fn config_file(&self) -> String {
        self.config_file.as_ref().map_or(String::new(), |path| path.display().to_string())
    }

    /// The configuration file.
    pub fn config_path(&self) -> Option<&PathBuf> {
        self.config_file.as_ref()
    }

    /// The TCP port.
    pub fn port(&self) -> i64 {
        self.config().int(network::PORT)
    }

    /// The most connections.
    pub fn max_clients(&self) -> u64 {
        self.config().unsigned(clients::MAXCLIENTS)
    }

    /// The password of the default user, if it has one.
    pub fn password(&self) -> Option<Arc<[u8]>> {
        let password = self.config().text(clients::REQUIREPASS);
        (!password.is_empty()).then_some(password)
    }

    /// The thread for the next connection: each in turn.
    pub fn next_thread(&self) -> &ThreadBox {
        &self.threads[self.next_thread.fetch_add(1, Ordering::Relaxed) % self.threads.len()]
    }

    /// Whether connections gather on fewer threads while processors are short.
    pub fn gathers(&self) -> bool {
        self.config().bool(network::IO_THREADS_ADAPTIVE)
    }

    /// All connections, by the number of their session.
    pub fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        lock(&self.clients)
    }

    /// The name of the command with this number, as CLIENT LIST shows it.
    pub fn command_name(&self, id: usize) -> String {
        let all = self.engine.registry.iter().map(|(_, command)| command);
        let mut flat = all.flat_map(|c| std::iter::once(c).chain(c.subcommands.iter().copied()));
        flat.find(|c| c.id == id).map_or("NULL".into(), |c| c.name.clone())
    }

    /// Whether a new connection may be served.
    ///
    /// # Errors
    /// The error line to send before closing it.
    pub fn admit(&self, stream: &Accepted) -> Result<(), String> {
        let refuse = |text: &str| {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            Err(text.to_string())
        };
        self.accepted.fetch_add(1, Ordering::Relaxed);
        if self.admitted.load(Ordering::Relaxed) >= self.max_clients() {
            return refuse("ERR max number of clients reached");
        }
        let protected = self.config().bool(network::PROTECTED_MODE) && self.password().is_none();
        if protected && !stream.is_local() {
            return refuse(PROTECTED);
        }
        // Only the accepting thread counts up, so that nobody passes between look and count.
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A connection that was admitted has ended, or could not be served.
    pub fn leave(&self) {
        self.admitted.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection is about to be served.
    pub fn connected(&self, client: &Arc<Client>, session: &mut Session) {
        session.authenticated = self.password().is_none();
        self.clients().insert(client.id, Arc::clone(client));
    }

    /// A connection has ended.
    pub fn disconnected(&self, client: &Arc<Client>, session: &mut Session) {
        self.retire(client, session);
        self.leave();
    }

    /// Takes a connection off all lists: others see it no more, even while its last reply is still
    /// to be sent. A second call does nothing.
    pub fn retire(&self, client: &Arc<Client>, session: &mut Session) {
        commands::forget_subscriptions(self, session, client);
        self.forget_watching(client);
        // Both under the lock of the clients, so that nothing is counted twice or not at all.
        let mut clients = self.clients();
        if clients.remove(&client.id).is_some() {
            lock(&self.gone).add(&client.usage);
        }
    }

    /// Ends MONITOR and tracking for a connection.
    pub fn forget_watching(&self, client: &Client) {
        if client.monitors.swap(false, Ordering::Relaxed) {
            self.observers.monitors.remove(client);
            self.follow_observers();
        }
        if client.tracking.is_on() {
            self.tracking.disable(self, client);
        }
    }

    /// What a session's requests may be.
    pub fn limits(&self, session: &Session) -> Limits {
        Limits {
            max_bulk: self.config().unsigned(clients::PROTO_MAX_BULK_LEN),
            query_buffer: self.config().size(clients::CLIENT_QUERY_BUFFER_LIMIT),
            unauthenticated: !session.authenticated,
        }
    }

    /// Whether a command has to wait because of CLIENT PAUSE; `waker` is called when it need not.
    #[inline]
    pub fn holds_back(&self, session: &Session, args: &[&[u8]], waker: &Waker) -> bool {
        if !self.pause.is_active() {
            return false;
        }
        let Ok(command) = self.engine.resolve(args) else { return false };
        self.pause.poll(session, command, waker)
    }

    /// Whether a connection with this many unsent bytes is to be closed.
    pub fn over_output_limit(&self, client: &Client, pending: usize) -> bool {
        client.output.store(pending as u64, Ordering::Relaxed);
        let limit = self.output_limit(client);
        if limit.hard > 0 && pending as u64 > limit.hard {
            return true;
        }
        if limit.soft == 0 || pending as u64 <= limit.soft {
            client.over_soft_since.store(0, Ordering::Relaxed);
            return false;
        }
        let now = clock::now_nanos() / 1_000_000_000;
        let since = client.over_soft_since.load(Ordering::Relaxed);
        if since == 0 {
            client.over_soft_since.store(now, Ordering::Relaxed);
            return false;
        }
        now - since > limit.soft_seconds
    }

    fn output_limit(&self, client: &Client) -> OutputLimit {
        let class = if client.subscription_count() > 0 { 2 } else { 0 };
        lock(&self.output_limits)[class]
    }

    /// How often idle TCP connections are probed.
    pub fn keep_alive(&self) -> Option<Duration> {
        match self.config().int(network::TCP_KEEPALIVE) {
            0 => None,
            seconds => Some(Duration::from_secs(seconds as u64)),
        }
    }

    /// What went over all connections.
    pub fn traffic(&self) -> Traffic {
        let clients = self.clients();
        let mut all = *lock(&self.gone);
        clients.values().for_each(|client| all.add(&client.usage));
        all
    }

    /// Forgets what went over connections, and other figures of the server.
    pub fn reset_stats(&self) {
        let clients = self.clients();
        *lock(&self.gone) = Traffic::default();
        for client in clients.values() {
            client.usage.received.store(0, Ordering::Relaxed);
            client.usage.sent.store(0, Ordering::Relaxed);
            client.usage.reads.store(0, Ordering::Relaxed);
            client.usage.writes.store(0, Ordering::Relaxed);
        }
        drop(clients);
        *lock(&self.rates) = Default::default();
        let figures = [
            &self.accepted,
            &self.rejected,
            &self.expire_micros,
            &self.expire_cut_short,
            &self.evicted_clients,
            &self.query_limit_hits,
            &self.output_limit_hits,
            &self.ops_seen,
        ];
        figures.into_iter().for_each(|figure| figure.store(0, Ordering::Relaxed));
        self.watermark.reset(memory::allocated());
        self.observers.slowlog.reset_stats();
    }

    /// Kilobytes read and written in the last second.
    pub fn kilobytes_per_second(&self) -> (f64, f64) {
        lock(&self.rates).1
    }

    fn measure_rates(&self) {
        let now = self.traffic();
        let mut rates = lock(&self.rates);
        let before = rates.0;
        let kilobytes = |now: u64, before: u64| now.saturating_sub(before) as f64 / 1024.0;
        let input = kilobytes(now.received, before.received);
        *rates = (now, (input, kilobytes(now.sent, before.sent)));
    }

    /// The most memory that was seen allocated, `used` included, in bytes.
    pub fn peak(&self, used: usize) -> usize {
        self.watermark.see(used, self.engine.tuning.maxmemory.load(Ordering::Relaxed));
        self.watermark.peak()
    }

    /// Whether regular work is stopped.
    pub fn is_cron_paused(&self) -> bool {
        self.cron_paused.load(Ordering::Relaxed)
    }

    /// Whether keys are expired actively: as in Redis not while commands are held back.
    pub fn active_expire(&self) -> bool {
        self.expires_actively.load(Ordering::Relaxed)
            && !self.cron_paused.load(Ordering::Relaxed)
            && !self.pause.is_active()
    }

    /// The share of its period that active expiry may take, in per cent: 25 at the least effort,
    /// 43 at the most, as in Redis.
    pub fn expire_share(&self) -> u32 {
        25 + 2 * (self.config().int(params::ACTIVE_EXPIRE_EFFORT).clamp(1, 10) as u32 - 1)
    }

    /// What watches over the process: `systemd`, or `no`thing.
    pub fn supervisor(&self) -> &'static str {
        if crate::supervise::is_systemd(self.config()) { "systemd" } else { "no" }
    }

    /// How often a second regular work is done.
    pub fn hz(&self) -> u32 {
        self.config().int(params::HZ).clamp(1, 500) as u32
    }

    /// Regular work, ten times a second.
    pub fn cron(&self) {
        self.pause.tick();
        memory::settle();
        self.peak(memory::allocated());
        if self.cron_paused.load(Ordering::Relaxed) {
            return;
        }
        if self.observers.hotkeys.tick() {
            self.follow_observers();
        }
        self.evict_clients();
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        if tick.is_multiple_of(10) {
            let commands = self.engine.totals().commands;
            let before = self.ops_seen.swap(commands, Ordering::Relaxed);
            self.ops_per_second.store(commands.saturating_sub(before), Ordering::Relaxed);
            self.measure_rates();
            self.drop_idle_clients();
            self.links.sweep();
        }
    }

    /// The memory that all clients may take together, if there is a limit.
    fn client_memory_limit(&self) -> Option<u64> {
        let limit = match self.config().memory_limit(clients::MAXMEMORY_CLIENTS) {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Percent(percent) => {
                let all = self.engine.tuning.maxmemory.load(Ordering::Relaxed);
                (u128::from(all) * u128::from(percent) / 100) as u64
            }
        };
        (limit > 0).then_some(limit)
    }

    /// Closes the connections that take most, until all together are within `maxmemory-clients`.
    fn evict_clients(&self) {
        let Some(limit) = self.client_memory_limit() else { return };
        let clients = self.clients();
        let mut all: Vec<(u64, &Arc<Client>)> = clients.values().map(|c| (c.memory(), c)).collect();
        let mut total: u64 = all.iter().map(|(bytes, _)| bytes).sum();
        all.retain(|(_, client)| !client.no_evict.load(Ordering::Relaxed));
        all.sort_unstable_by_key(|(bytes, _)| *bytes);
        while total > limit
            && let Some((bytes, client)) = all.pop()
        {
            total -= bytes;
            self.evicted_clients.fetch_add(1, Ordering::Relaxed);
            client.mailbox.send(Message::To(client.id, Letter::Kill));
        }
    }

    /// Closes connections that were quiet for longer than `timeout`.
    fn drop_idle_clients(&self) {
        let timeout = self.config().int(clients::TIMEOUT) as u64;
        if timeout == 0 {
            return;
        }
        let now = clock::now_nanos() / 1_000_000_000;
        for client in self.clients().values() {
            let idle = now.saturating_sub(client.last_active.load(Ordering::Relaxed));
            let spared = client.blocked.load(Ordering::Relaxed) || client.subscription_count() > 0;
            if idle > timeout && !spared {
                client.mailbox.send(Message::To(client.id, Letter::Kill));
            }
        }
    }

    /// Asks the server to stop.
    pub fn stop(&self) {
        self.stopping.notify_one();
    }

    /// Waits until the server is asked to stop.
    pub async fn stopped(&self) {
        self.stopping.notified().await;
    }
}

/// What protected mode says to strangers.
const PROTECTED: &str = "DENIED Cairn is running in protected mode because protected mode is \
    enabled and no password is set for the default user. In this mode connections are only \
    accepted from the loopback interface. To accept others, set a password with 'requirepass', \
    bind only addresses that strangers cannot reach, or turn protected mode off with 'CONFIG SET \
    protected-mode no' from the same host.";

/// Forty random hexadecimal digits.
fn run_id() -> String {
    let mut id = String::new();
    while id.len() < 40 {
        let n = cairn_core::util::random::with(|r| r.next_u64());
        id.push_str(&format!("{n:016x}"));
    }
    id.truncate(40);
    id
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
