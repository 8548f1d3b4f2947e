//! The engine: keyspace, commands, modules and effects log together, and the threads that run
//! commands on them.

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::clock;
use crate::command::{Command, Registry};
use crate::config::Config;
use crate::effects::{EffectsLog, RING_MIN};
use crate::error::CmdError;
use crate::freer::Freer;
use crate::histogram::{Histogram, Latencies};
use crate::keyspace::{
    Aftermath, Event, ExpiryFigures, Kept, KeySizes, Keyspace, SIZE_CLASSES, SizeClass,
    SizeCounters, SizeKind,
};
use crate::lock::Participant;
use crate::module::{Module, Modules};
use crate::session::Session;
use crate::tuning::Tuning;

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

    /// Publishes keyspace events that `session` brought about, in order. They must not reach a
    /// client before the effects log is durable up to `offset`. Called while shards are held: it
    /// may enqueue, not wait.
    fn publish(&self, session: &Session, events: &[Event], offset: u64);

    /// Bytes that the process has allocated.
    fn used_memory(&self) -> usize;

    /// A command took at least [`Tuning::observe_above`]: for those who look on.
    fn observe(&self, session: &Session, seen: &Observed<'_>);

    /// A session with [`Session::tracks`] ran a command, whose shards are still held. Inside of a
    /// transaction there are its events so far, which are published at its end: those of
    /// [`crate::notify::Class::INVALIDATION`] concern nobody who reads the key from now on.
    fn track(
        &self,
        _session: &Session,
        _command: &Command,
        _args: &[&[u8]],
        _inside: Option<&mut Vec<Event>>,
    ) {
    }

    /// A session's call was put off until the messages sent to it so far have arrived: it is to be
    /// made again then.
    fn call_again(&self, _session: &Session) {}

    /// FLUSHALL has removed all data. Returns what is to be done before it is answered, on the query
    /// pool; not if it does not stand `alone`: everything is held then.
    fn emptied(&self, _alone: bool) -> Option<AfterFlush> {
        None
    }

    /// Writes a line to the server's log.
    fn warn(&self, text: &str);
}

/// What follows FLUSHALL: see [`Host::emptied`].
pub type AfterFlush = Box<dyn FnOnce() + Send>;

/// How a command that [`Host::observe`] is told of came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It ran.
    Ran,
    /// It ran and found nothing to answer with: its client waits.
    Blocked,
    /// It had blocked and now has its reply.
    Unblocked,
}

/// A command that [`Host::observe`] is told of.
pub struct Observed<'a> {
    /// The command.
    pub command: &'a Command,
    /// Its words.
    pub args: &'a [&'a [u8]],
    /// How long it ran, in nanoseconds, without the time that it waited.
    pub nanos: u64,
    /// Bytes of its reply.
    pub replied: usize,
    /// Which part of it is over.
    pub moment: Moment,
}

/// The figures of one thread. Only that thread writes them, so that counting costs no more than
/// a plain addition; readers add up all threads.
pub struct Counters {
    keys: Box<[AtomicI64]>,
    volatile: Box<[AtomicI64]>,
    expiring: Box<[AtomicI64]>,
    /// Sizes of values by physical database, once there are any.
    sizes: Box<[OnceLock<Box<SizeCounters>>]>,
    commands: Box<[CommandCounters]>,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    expired_members: AtomicU64,
    evicted: AtomicU64,
    evicted_lately: AtomicBool,
    changes: AtomicU64,
    latency: Box<[OnceLock<Histogram>]>,
    /// Error replies by their code. Locked by its thread once an error, by others for INFO.
    errors: Mutex<BTreeMap<Box<str>, u64>>,
}

/// Different error codes that a thread tells apart, so that no client can fill memory with them.
const ERRORS_MAX: usize = 128;

/// The figures of one command on one thread.
#[derive(Default)]
struct CommandCounters {
    calls: AtomicU64,
    nanos: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

impl CommandCounters {
    fn all(&self) -> [&AtomicU64; 4] {
        [&self.calls, &self.nanos, &self.failed, &self.rejected]
    }
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
            expiring: zeros(databases),
            sizes: zeros(databases),
            commands: zeros(commands),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            expired_members: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            evicted_lately: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            latency: zeros(commands),
            errors: Mutex::default(),
        }
    }

    /// Adds the figures of a thread that has ended.
    fn absorb(&self, other: &Self) {
        let signed = [
            (&self.keys, &other.keys),
            (&self.volatile, &other.volatile),
            (&self.expiring, &other.expiring),
        ];
        for (mine, theirs) in signed.into_iter().flat_map(|(a, b)| a.iter().zip(b.iter())) {
            shift(mine, theirs.load(Ordering::Relaxed));
        }
        let single = [
            (&self.hits, &other.hits),
            (&self.misses, &other.misses),
            (&self.expired, &other.expired),
            (&self.expired_members, &other.expired_members),
            (&self.evicted, &other.evicted),
            (&self.changes, &other.changes),
        ];
        let pairs = self.commands.iter().zip(&other.commands);
        let listed = pairs.flat_map(|(a, b)| a.all().into_iter().zip(b.all()));
        for (mine, theirs) in listed.chain(single) {
            bump(mine, theirs.load(Ordering::Relaxed));
        }
        for (mine, theirs) in self.sizes.iter().zip(&other.sizes) {
            if let Some(theirs) = theirs.get() {
                mine.get_or_init(Default::default).absorb(theirs);
            }
        }
        for (mine, theirs) in self.latency.iter().zip(&other.latency) {
            if let Some(theirs) = theirs.get() {
                mine.get_or_init(Histogram::default).absorb(theirs);
            }
        }
        let mut mine = lock(&self.errors);
        for (code, n) in lock(&other.errors).iter() {
            *mine.entry(code.clone()).or_default() += n;
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

    pub(crate) fn expiring(&self, physical: usize, by: i64) {
        shift(&self.expiring[physical], by);
    }

    #[inline]
    pub(crate) fn size(&self, physical: usize, class: SizeClass, by: i64) {
        self.sizes[physical].get_or_init(Default::default).add(class, by);
    }

    /// Makes the sum over all threads zero, which is `sum` now.
    pub(crate) fn clear_sizes(&self, physical: usize, sum: &KeySizes) {
        if sum.iter().flatten().any(|n| *n != 0) {
            self.sizes[physical].get_or_init(Default::default).subtract(sum);
        }
    }

    pub(crate) fn expired_members(&self, by: u64) {
        bump(&self.expired_members, by);
    }

    pub(crate) fn expired(&self) {
        bump(&self.expired, 1);
    }

    #[inline]
    pub(crate) fn changed(&self, by: u64) {
        bump(&self.changes, by);
    }

    pub(crate) fn evicted(&self) {
        bump(&self.evicted, 1);
        self.evicted_lately.store(true, Ordering::Relaxed);
    }

    /// Whether this thread has evicted keys since it was last asked.
    pub(crate) fn has_evicted(&self) -> bool {
        let evicted = self.evicted_lately.load(Ordering::Relaxed);
        if evicted {
            self.evicted_lately.store(false, Ordering::Relaxed);
        }
        evicted
    }

    #[inline]
    pub(crate) fn call(&self, command: usize, nanos: u64, failed: bool) {
        let counters = &self.commands[command];
        bump(&counters.calls, 1);
        bump(&counters.nanos, nanos);
        if failed {
            bump(&counters.failed, 1);
        }
    }

    pub(crate) fn reject(&self, command: usize) {
        bump(&self.commands[command].rejected, 1);
    }

    /// Counts a duration for percentiles.
    #[inline]
    pub(crate) fn time(&self, command: usize, nanos: u64) {
        self.latency[command].get_or_init(Histogram::default).record(nanos);
    }

    /// Counts an error reply under its first word.
    #[cold]
    pub(crate) fn error(&self, text: &str) {
        let code = text.split(' ').next().unwrap_or_default();
        let mut errors = lock(&self.errors);
        if let Some(n) = errors.get_mut(code) {
            *n += 1;
        } else if errors.len() < ERRORS_MAX {
            errors.insert(code.into(), 1);
        }
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
    /// Elements of collections removed because their time was over.
    pub expired_members: u64,
    /// Keys removed to make room.
    pub evicted: u64,
    /// Changes that commands made.
    pub changes: u64,
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
    aftermath: Cell<Option<Box<Aftermath>>>,
    /// The shard of the last command, still locked in case the next one needs it too.
    pub(crate) kept: Cell<Option<Kept>>,
    /// For how many commands it has been so.
    pub(crate) kept_for: Cell<u32>,
    /// The last reading of the clock, in nanoseconds.
    pub(crate) clock: Cell<u64>,
    random: Cell<u64>,
    touches: Cell<bool>,
    replays: Cell<bool>,
}

impl Worker {
    /// An empty one.
    #[inline]
    pub(crate) fn take_aftermath(&self) -> Box<Aftermath> {
        self.aftermath.take().unwrap_or_default()
    }

    /// Takes one back that is empty again, for the next command.
    #[inline]
    pub(crate) fn put_aftermath(&self, aftermath: Box<Aftermath>) {
        self.aftermath.set(Some(aftermath));
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

    /// Whether this thread runs the commands of a log.
    #[inline]
    pub fn replays(&self) -> bool {
        self.replays.get()
    }

    /// Has this thread run the commands of a log from now on, or no longer. Nothing expires for
    /// them by the clock, since the log says what expired and when; they never block, and nobody
    /// reads their replies.
    pub fn set_replays(&self, replays: bool) {
        self.replays.set(replays);
    }

    /// Counts an error that was answered to a request which named no command.
    pub fn count_error(&self, text: &str) {
        self.counters.error(text);
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

    /// The last reading of the clock, in Unix nanoseconds: that of the start of the turn, or of
    /// the end of its last command.
    #[inline]
    pub fn nanos(&self) -> u64 {
        self.clock.get()
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
    /// The configuration.
    pub config: Arc<Config>,
    /// Settings that the hot path reads.
    pub tuning: Arc<Tuning>,
    /// The commands.
    pub registry: Registry,
    /// The modules.
    pub modules: Modules,
    /// Frees large values.
    pub freer: Freer,
    pub(crate) expiry: ExpiryFigures,
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
        Self::with_config(Arc::new(Config::new()), databases, modules, configure)
    }

    /// As [`Engine::new`], with a configuration of its own. Settings take effect by
    /// [`Config::apply_all`] and CONFIG SET.
    pub fn with_config(
        config: Arc<Config>,
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
        let retired = Arc::new(Counters::new(databases.max(1), registry.ids()));
        Self {
            keyspace: Keyspace::new(databases),
            effects: Arc::new(EffectsLog::new(RING_MIN)),
            tuning: Tuning::hooked(&config),
            config,
            registry,
            modules: Modules::new(modules),
            freer: Freer::start(),
            expiry: ExpiryFigures::new(databases.max(1)),
            host: OnceLock::new(),
            counters: Mutex::new(vec![retired]),
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
            aftermath: Cell::default(),
            kept: Cell::default(),
            kept_for: Cell::new(0),
            clock: Cell::new(clock::now_nanos()),
            random: Cell::new(seed),
            touches: Cell::new(true),
            replays: Cell::new(false),
        }
    }

    /// Takes back a thread that runs no more commands. What it counted stays.
    pub fn retire(&self, worker: Worker) {
        self.end_turn(&worker);
        self.keyspace.cells.gate().unregister(&worker.participant);
        let mut all = lock(&self.counters);
        all.retain(|counters| !Arc::ptr_eq(counters, &worker.counters));
        // The first set belongs to no thread.
        if let Some(retired) = all.first() {
            retired.absorb(&worker.counters);
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

    /// How many keys of a logical database have elements that expire on their own.
    pub fn db_expiring(&self, db: usize) -> usize {
        self.sum(|c| c.expiring[self.keyspace.physical(db)].load(Ordering::Relaxed))
    }

    /// How many keys of a logical database there are of each type and size.
    pub fn db_sizes(&self, db: usize) -> KeySizes {
        let mut sizes = self.sizes_of(self.keyspace.physical(db));
        // Sums that are taken while keys change may be off by one.
        sizes.iter_mut().flatten().for_each(|n| *n = (*n).max(0));
        sizes
    }

    pub(crate) fn sizes_of(&self, physical: usize) -> KeySizes {
        let mut sum = [[0; SIZE_CLASSES]; SizeKind::COUNT];
        for counters in lock(&self.counters).iter() {
            if let Some(sizes) = counters.sizes[physical].get() {
                sizes.add_to(&mut sum);
            }
        }
        sum
    }

    fn sum(&self, of: impl Fn(&Counters) -> i64) -> usize {
        usize::try_from(lock(&self.counters).iter().map(|c| of(c)).sum::<i64>()).unwrap_or(0)
    }

    /// Figures of all threads.
    pub fn totals(&self) -> Totals {
        let mut t = Totals::default();
        for c in lock(&self.counters).iter() {
            t.commands += c.commands.iter().map(|n| n.calls.load(Ordering::Relaxed)).sum::<u64>();
            t.hits += c.hits.load(Ordering::Relaxed);
            t.misses += c.misses.load(Ordering::Relaxed);
            t.expired += c.expired.load(Ordering::Relaxed);
            t.expired_members += c.expired_members.load(Ordering::Relaxed);
            t.evicted += c.evicted.load(Ordering::Relaxed);
            t.changes += c.changes.load(Ordering::Relaxed);
        }
        t
    }

    /// Figures of one command.
    pub fn command_totals(&self, command: &Command) -> CommandTotals {
        let mut t = CommandTotals::default();
        for c in lock(&self.counters).iter() {
            let c = &c.commands[command.id];
            t.calls += c.calls.load(Ordering::Relaxed);
            t.nanos += c.nanos.load(Ordering::Relaxed);
            t.failed += c.failed.load(Ordering::Relaxed);
            t.rejected += c.rejected.load(Ordering::Relaxed);
        }
        t
    }

    /// How long the runs of one command took, as far as that was counted.
    pub fn command_latencies(&self, command: &Command) -> Latencies {
        let mut total = Latencies::default();
        for counters in lock(&self.counters).iter() {
            if let Some(histogram) = counters.latency[command.id].get() {
                histogram.add_to(&mut total);
            }
        }
        total
    }

    /// Forgets how long the runs of one command took.
    pub fn reset_latencies(&self, command: &Command) {
        let all = lock(&self.counters);
        all.iter().filter_map(|c| c.latency[command.id].get()).for_each(Histogram::reset);
    }

    /// Error replies by their code.
    pub fn errors(&self) -> BTreeMap<Box<str>, u64> {
        let mut total = BTreeMap::new();
        for counters in lock(&self.counters).iter() {
            for (code, n) in lock(&counters.errors).iter() {
                *total.entry(code.clone()).or_default() += n;
            }
        }
        total
    }

    /// Sets the figures of commands and lookups back to zero. Counts that cross a running command
    /// may survive.
    pub fn reset_totals(&self) {
        self.freer.reset();
        for c in lock(&self.counters).iter() {
            let all = c.commands.iter().flat_map(CommandCounters::all);
            let single = [&c.hits, &c.misses, &c.expired, &c.expired_members, &c.evicted];
            all.chain(single).for_each(|n| n.store(0, Ordering::Relaxed));
            c.latency.iter().filter_map(OnceLock::get).for_each(Histogram::reset);
            lock(&c.errors).clear();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
