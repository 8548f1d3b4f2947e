//! The engine: keyspace, commands, modules and effects log together, and the threads that run
//! commands on them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::clock;
use crate::command::{Command, Registry};
use crate::effects::{Effects, EffectsLog, RING_MIN};
use crate::error::CmdError;
use crate::freer::Freer;
use crate::keyspace::access::Tracking;
use crate::keyspace::{Event, Eviction, Keyspace};
use crate::lock::Participant;
use crate::module::{Module, Modules};
use crate::notify::Class;
use crate::session::Session;
use crate::types::Limits;

/// What the engine needs from whoever embeds it.
pub trait Host: Any + Send + Sync {
    /// Whether a session may run a command.
    ///
    /// # Errors
    /// The reply for a session that may not.
    fn authorize(
        &self,
        session: &Session,
        command: &Command,
        args: &[&[u8]],
    ) -> Result<(), CmdError>;

    /// Publishes keyspace events, in order. They must not reach a client before the effects log
    /// is durable up to `offset`. Called while shards are held: it may enqueue, not wait.
    fn publish(&self, events: &[Event], offset: u64);

    /// Bytes that the process has allocated.
    fn used_memory(&self) -> usize;

    /// A command ran for `nanos`: for the slow log and latency figures.
    fn observe(&self, session: &Session, command: &Command, args: &[&[u8]], nanos: u64);

    /// Writes a line to the server's log.
    fn warn(&self, text: &str);
}

/// Settings that the hot path reads.
pub struct Tuning {
    notify: AtomicU32,
    lfu: AtomicBool,
    lfu_log_factor: AtomicU32,
    lfu_decay_minutes: AtomicU32,
    lazy: AtomicU8,
    keeps_expired: AtomicBool,
    /// Which keys go when memory is short.
    pub eviction: Eviction,
    /// When values leave their compact forms.
    pub limits: Limits,
    /// `maxmemory` in bytes, 0 for no limit.
    pub maxmemory: AtomicU64,
    /// `proto-max-bulk-len` in bytes: also the longest string a command may make.
    pub max_bulk_len: AtomicU64,
    /// Nanoseconds from which a command is told to [`Host::observe`]; `u64::MAX` for none.
    pub observe_above: AtomicU64,
}

const LAZY_EXPIRE: u8 = 1;
const LAZY_EVICT: u8 = 2;

impl Default for Tuning {
    fn default() -> Self {
        Self {
            notify: AtomicU32::new(0),
            lfu: AtomicBool::new(false),
            lfu_log_factor: AtomicU32::new(10),
            lfu_decay_minutes: AtomicU32::new(1),
            lazy: AtomicU8::new(0),
            keeps_expired: AtomicBool::new(false),
            eviction: Eviction::default(),
            limits: Limits::default(),
            maxmemory: AtomicU64::new(0),
            max_bulk_len: AtomicU64::new(512 * 1024 * 1024),
            observe_above: AtomicU64::new(u64::MAX),
        }
    }
}

impl Tuning {
    /// Whether events of a class are published.
    #[inline]
    pub fn notifies(&self, class: Class) -> bool {
        let set = self.notify.load(Ordering::Relaxed);
        set != 0 && Class::from_bits(set).has(class)
    }

    /// The classes of events that are published.
    pub fn notify_classes(&self) -> Class {
        Class::from_bits(self.notify.load(Ordering::Relaxed))
    }

    /// Chooses the classes of events that are published.
    pub fn set_notify_classes(&self, class: Class) {
        self.notify.store(class.bits(), Ordering::Relaxed);
    }

    /// How the use of keys is tracked.
    #[inline]
    pub fn tracking(&self) -> Tracking {
        if !self.lfu.load(Ordering::Relaxed) {
            return Tracking::Lru;
        }
        Tracking::Lfu {
            log_factor: self.lfu_log_factor.load(Ordering::Relaxed),
            decay_minutes: self.lfu_decay_minutes.load(Ordering::Relaxed),
        }
    }

    /// Chooses how the use of keys is tracked.
    pub fn set_tracking(&self, tracking: Tracking) {
        if let Tracking::Lfu { log_factor, decay_minutes } = tracking {
            self.lfu_log_factor.store(log_factor, Ordering::Relaxed);
            self.lfu_decay_minutes.store(decay_minutes, Ordering::Relaxed);
        }
        self.lfu.store(matches!(tracking, Tracking::Lfu { .. }), Ordering::Relaxed);
    }

    /// `lfu-decay-time`, in minutes.
    pub fn lfu_decay_minutes(&self) -> u32 {
        self.lfu_decay_minutes.load(Ordering::Relaxed)
    }

    /// Whether expiry is logged as UNLINK.
    pub fn lazy_expire(&self) -> bool {
        self.lazy.load(Ordering::Relaxed) & LAZY_EXPIRE != 0
    }

    /// Whether eviction is logged as UNLINK.
    pub fn lazy_evict(&self) -> bool {
        self.lazy.load(Ordering::Relaxed) & LAZY_EVICT != 0
    }

    /// Chooses how expiry and eviction are logged.
    pub fn set_lazy(&self, expire: bool, evict: bool) {
        let bits = if expire { LAZY_EXPIRE } else { 0 } | if evict { LAZY_EVICT } else { 0 };
        self.lazy.store(bits, Ordering::Relaxed);
    }

    /// Whether expired keys are only hidden, not removed (a replica leaves that to its primary).
    #[inline]
    pub fn keeps_expired(&self) -> bool {
        self.keeps_expired.load(Ordering::Relaxed)
    }

    /// Chooses whether expired keys are only hidden.
    pub fn set_keeps_expired(&self, keeps: bool) {
        self.keeps_expired.store(keeps, Ordering::Relaxed);
    }
}

/// The figures of one thread. Only that thread writes them, so that counting costs no more than
/// a plain addition; readers add up all threads.
pub struct Counters {
    keys: Box<[AtomicI64]>,
    volatile: Box<[AtomicI64]>,
    calls: Box<[AtomicU64]>,
    nanos: Box<[AtomicU64]>,
    failed: Box<[AtomicU64]>,
    rejected: Box<[AtomicU64]>,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    evicted: AtomicU64,
}

fn zeros<T: Default>(n: usize) -> Box<[T]> {
    (0..n).map(|_| T::default()).collect()
}

#[inline]
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

#[inline]
fn shift(counter: &AtomicI64, by: i64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Counters {
    fn new(databases: usize, commands: usize) -> Self {
        Self {
            keys: zeros(databases),
            volatile: zeros(databases),
            calls: zeros(commands),
            nanos: zeros(commands),
            failed: zeros(commands),
            rejected: zeros(commands),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn lookup(&self, hit: bool) {
        bump(if hit { &self.hits } else { &self.misses }, 1);
    }

    #[inline]
    pub(crate) fn keys(&self, physical: usize, by: i64) {
        shift(&self.keys[physical], by);
    }

    pub(crate) fn volatile(&self, physical: usize, by: i64) {
        shift(&self.volatile[physical], by);
    }

    pub(crate) fn expired(&self) {
        bump(&self.expired, 1);
    }

    pub(crate) fn evicted(&self) {
        bump(&self.evicted, 1);
    }

    #[inline]
    pub(crate) fn call(&self, command: usize, nanos: u64, failed: bool) {
        bump(&self.calls[command], 1);
        bump(&self.nanos[command], nanos);
        if failed {
            bump(&self.failed[command], 1);
        }
    }

    pub(crate) fn reject(&self, command: usize) {
        bump(&self.rejected[command], 1);
    }
}

/// Figures of all threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Commands run.
    pub commands: u64,
    /// Lookups that found a key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Keys removed because their time was over.
    pub expired: u64,
    /// Keys removed to make room.
    pub evicted: u64,
}

/// Figures of one command over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Times it ran.
    pub calls: u64,
    /// Time it took, in nanoseconds.
    pub nanos: u64,
    /// Times it ran and answered with an error.
    pub failed: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
}

/// A thread that runs commands.
pub struct Worker {
    pub(crate) participant: Arc<Participant>,
    pub(crate) active: Cell<bool>,
    pub(crate) counters: Arc<Counters>,
    effects: RefCell<Effects>,
    /// The last reading of the clock, in nanoseconds.
    pub(crate) clock: Cell<u64>,
    random: Cell<u64>,
    touches: Cell<bool>,
}

impl Worker {
    pub(crate) fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    pub(crate) fn put_effects(&self, mut effects: Effects) {
        effects.clear();
        self.effects.replace(effects);
    }

    /// Whether lookups count as use of a key (CLIENT NO-TOUCH says no).
    #[inline]
    pub fn touches(&self) -> bool {
        self.touches.get()
    }

    /// Chooses whether lookups count as use of a key.
    pub fn set_touches(&self, touches: bool) {
        self.touches.set(touches);
    }

    /// A random number (xorshift64*, not for secrets).
    #[inline]
    pub fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A random number in [0, 1).
    #[inline]
    pub fn dice(&self) -> f64 {
        (self.random() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The last reading of the clock, in Unix seconds.
    pub fn seconds(&self) -> u64 {
        self.clock.get() / 1_000_000_000
    }

    /// Reads the clock, for the commands of a turn.
    pub fn read_clock(&self) {
        self.clock.set(clock::now_nanos());
    }
}

/// The engine.
pub struct Engine {
    /// The keys.
    pub keyspace: Keyspace,
    /// The order of all writes.
    pub effects: Arc<EffectsLog>,
    /// Settings that the hot path reads.
    pub tuning: Tuning,
    /// The commands.
    pub registry: Registry,
    /// The modules.
    pub modules: Modules,
    /// Frees large values.
    pub freer: Freer,
    host: OnceLock<Box<dyn Host>>,
    counters: Mutex<Vec<Arc<Counters>>>,
    next_session: AtomicU64,
}

impl Engine {
    /// An engine with core's own commands and the given modules. `extra` are the embedder's
    /// commands.
    pub fn new(
        databases: usize,
        modules: Vec<Arc<dyn Module>>,
        configure: impl FnOnce(&mut Registry),
    ) -> Self {
        let mut registry = Registry::default();
        crate::commands::register(&mut registry);
        for module in &modules {
            registry.add(module.commands());
        }
        configure(&mut registry);
        Self {
            keyspace: Keyspace::new(databases),
            effects: Arc::new(EffectsLog::new(RING_MIN)),
            tuning: Tuning::default(),
            registry,
            modules: Modules::new(modules),
            freer: Freer::start(),
            host: OnceLock::new(),
            counters: Mutex::new(Vec::new()),
            next_session: AtomicU64::new(1),
        }
    }

    /// Says who embeds the engine. Only the first call has an effect.
    pub fn set_host(&self, host: Box<dyn Host>) {
        // A second host is ignored by design.
        let _ = self.host.set(host);
    }

    /// Who embeds the engine.
    #[inline]
    pub fn host(&self) -> Option<&dyn Host> {
        self.host.get().map(|h| &**h)
    }

    /// Registers the calling thread as one that runs commands.
    pub fn worker(&self) -> Worker {
        let counters = Arc::new(Counters::new(self.keyspace.databases(), self.registry.ids()));
        lock(&self.counters).push(Arc::clone(&counters));
        let seed = self.keyspace.hash(&clock::now_nanos().to_le_bytes()) | 1;
        Worker {
            participant: self.keyspace.cells.gate().register(),
            active: Cell::new(false),
            counters,
            effects: RefCell::default(),
            clock: Cell::new(clock::now_nanos()),
            random: Cell::new(seed),
            touches: Cell::new(true),
        }
    }

    /// A number for a new session.
    pub fn next_session_id(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }

    /// How many keys a logical database holds. A sum over threads, without locks: exact when
    /// nothing changes meanwhile.
    pub fn db_size(&self, db: usize) -> usize {
        self.sum(|c| c.keys[self.keyspace.physical(db)].load(Ordering::Relaxed))
    }

    /// How many keys of a logical database have an expiry.
    pub fn db_volatile(&self, db: usize) -> usize {
        self.sum(|c| c.volatile[self.keyspace.physical(db)].load(Ordering::Relaxed))
    }

    fn sum(&self, of: impl Fn(&Counters) -> i64) -> usize {
        usize::try_from(lock(&self.counters).iter().map(|c| of(c)).sum::<i64>()).unwrap_or(0)
    }

    /// Figures of all threads.
    pub fn totals(&self) -> Totals {
        let mut t = Totals::default();
        for c in lock(&self.counters).iter() {
            t.commands += c.calls.iter().map(|n| n.load(Ordering::Relaxed)).sum::<u64>();
            t.hits += c.hits.load(Ordering::Relaxed);
            t.misses += c.misses.load(Ordering::Relaxed);
            t.expired += c.expired.load(Ordering::Relaxed);
            t.evicted += c.evicted.load(Ordering::Relaxed);
        }
        t
    }

    /// Figures of one command.
    pub fn command_totals(&self, command: &Command) -> CommandTotals {
        let mut t = CommandTotals::default();
        for c in lock(&self.counters).iter() {
            t.calls += c.calls[command.id].load(Ordering::Relaxed);
            t.nanos += c.nanos[command.id].load(Ordering::Relaxed);
            t.failed += c.failed[command.id].load(Ordering::Relaxed);
            t.rejected += c.rejected[command.id].load(Ordering::Relaxed);
        }
        t
    }

    /// Sets the figures of commands and lookups back to zero. Counts that cross a running command
    /// may survive.
    pub fn reset_totals(&self) {
        for c in lock(&self.counters).iter() {
            let per_command = [&c.calls, &c.nanos, &c.failed, &c.rejected];
            let all = per_command.into_iter().flat_map(|list| list.iter());
            let single = [&c.hits, &c.misses, &c.expired, &c.evicted];
            all.chain(single).for_each(|n| n.store(0, Ordering::Relaxed));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
