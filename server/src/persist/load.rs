//! Loads an RDB file: one thread walks over it, and all of them build the values and put them into
//! the keyspace.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cairn_core::config::table::persistence as params;
use cairn_core::keyspace::{Put, Scope, ShardSet, Space};
use cairn_core::rdb::file::{self, FileReader, Item, Record};
use cairn_core::rdb::frame::Usage;
use cairn_core::rdb::value::{self, Context};
use cairn_core::rdb::{RdbError, kind, payload};
use cairn_core::{Engine, Worker, clock};

use super::map::Map;
use crate::server::Server;

/// Keys that are handed to a thread together, and bytes of their values.
const BATCH_KEYS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// Batches that wait for a thread.
const BATCHES_WAITING: usize = 64;

/// How to load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keys that are there already are replaced; otherwise one in the file as well is an error.
    pub merge: bool,
    /// Keys whose time is over are kept, for an append-only file that goes on from here.
    pub keep_expired: bool,
}

/// Keys that are told of one by one: without anything in them, or whose metadata was left out.
const TOLD: u64 = 10;

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Keys.
    pub keys: u64,
    /// Keys left out because their time was over.
    pub expired: u64,
    /// Keys left out because nothing was in them.
    pub empty: u64,
    /// Bytes of the file that the dump takes; others may follow in an append-only file.
    pub bytes: u64,
}

/// How far loading has come, for INFO.
#[derive(Default)]
pub struct Progress {
    /// Unix seconds of the start.
    pub started: AtomicU64,
    /// Bytes in all.
    pub total: AtomicU64,
    /// Bytes walked over.
    pub done: AtomicU64,
    /// Keys loaded by the last loading.
    pub keys: AtomicU64,
    /// Keys that the last loading left out because their time was over.
    pub expired: AtomicU64,
}

/// Loads a dump file into the keyspace, by as many threads as there are processors. The caller
/// answers clients with LOADING meanwhile.
///
/// # Errors
/// What is wrong with the file, and where. Some of its keys may have been loaded.
pub fn load(server: &Server, path: &Path, options: Options) -> Result<Loaded, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| failed(&e))?;
    let map = Map::new(&file).map_err(|e| failed(&e))?;
    let progress = &server.persistence.progress;
    progress.total.store(map.bytes().len() as u64, Ordering::Relaxed);
    progress.done.store(0, Ordering::Relaxed);
    progress.started.store(clock::now_nanos() / 1_000_000_000, Ordering::Relaxed);
    let start = Instant::now();
    let shared = Shared {
        engine: &server.engine,
        options,
        now: clock::now_millis(),
        skip_unknown: server.config().bool(params::RDB_SKIP_UNKNOWN_MODULES),
        delay: u64::try_from(server.config().int(params::KEY_LOAD_DELAY))
            .ok()
            .filter(|micros| *micros > 0)
            .map(Duration::from_micros),
        server,
        keys: AtomicU64::new(0),
        expired: AtomicU64::new(0),
        empty: AtomicU64::new(0),
        metadata: AtomicU64::new(0),
        error: Mutex::new(None),
        stopped: AtomicBool::new(false),
    };
    let bytes = shared.run(map.bytes()).map_err(|e| failed(&e))?;
    server.engine.modules.iter().for_each(|module| module.loaded());
    let loaded = Loaded {
        keys: shared.keys.load(Ordering::Relaxed),
        expired: shared.expired.load(Ordering::Relaxed),
        empty: shared.empty.load(Ordering::Relaxed),
        bytes,
    };
    progress.keys.store(loaded.keys, Ordering::Relaxed);
    progress.expired.store(loaded.expired, Ordering::Relaxed);
    server.log.notice(&format!(
        "Done loading RDB, keys loaded: {}, keys expired: {}, empty keys skipped: {}.",
        loaded.keys, loaded.expired, loaded.empty
    ));
    server
        .log
        .notice(&format!("DB loaded from disk: {:.3} seconds", start.elapsed().as_secs_f64()));
    Ok(loaded)
}

type Batch<'f> = Vec<Record<'f>>;

/// What the threads of one loading share.
struct Shared<'s> {
    engine: &'s Arc<Engine>,
    server: &'s Server,
    options: Options,
    now: i64,
    skip_unknown: bool,
    /// `key-load-delay`.
    delay: Option<Duration>,
    keys: AtomicU64,
    expired: AtomicU64,
    empty: AtomicU64,
    /// Keys whose metadata was left out.
    metadata: AtomicU64,
    error: Mutex<Option<RdbError>>,
    stopped: AtomicBool,
}

impl Shared<'_> {
    /// Loads a file and returns where its dump ends.
    fn run(&self, file: &[u8]) -> Result<u64, RdbError> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let (sender, batches) = sync_channel(BATCHES_WAITING);
        let batches = Mutex::new(batches);
        let end = std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.build(&batches));
            }
            // The threads end when the sender is gone.
            self.walk(file, sender)
        });
        let error = self.error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        match error {
            Some(error) => Err(error),
            None => end,
        }
    }

    fn walk<'f>(&self, file: &'f [u8], sender: SyncSender<Batch<'f>>) -> Result<u64, RdbError> {
        let mut reader = FileReader::new(file)?;
        let (mut batch, mut bytes) = (Batch::new(), 0);
        while let Some(item) = reader.next_item()? {
            match item {
                Item::Key(record) => {
                    bytes += record.body.rest().len();
                    batch.push(record);
                    if batch.len() == BATCH_KEYS || bytes >= BATCH_BYTES {
                        bytes = 0;
                        self.server
                            .persistence
                            .progress
                            .done
                            .store(reader.offset(), Ordering::Relaxed);
                        // The threads outlive the channel.
                        let _ = sender.send(std::mem::take(&mut batch));
                        if self.stopped.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                }
                Item::Aux(name, value) => self.note(&name, &value),
                Item::Size { .. } => {}
                Item::Function(source) => {
                    self.server.persistence.libraries.keep(&source);
                    let text = "a library of functions is kept, but its functions cannot be called: \
                                there is no scripting yet";
                    self.server.log.warning(text);
                }
                Item::ModuleAux { name, encoding, mut body } => {
                    let mut modules = self.engine.modules.iter();
                    match modules.find_map(|m| m.load_aux(&name, encoding, &mut body)) {
                        Some(result) => result?,
                        None => self.unknown(&format!("what a module stores as '{name}'"))?,
                    }
                }
            }
        }
        let _ = sender.send(batch);
        Ok(reader.offset())
    }

    fn note(&self, name: &[u8], value: &[u8]) {
        if name == b"redis-ver" {
            let version = String::from_utf8_lossy(value);
            self.server.log.notice(&format!("Loading RDB produced by version {version}"));
        }
    }

    /// Something of a module that is not there: an error, unless it is to be left out.
    fn unknown(&self, what: &str) -> Result<(), RdbError> {
        if !self.skip_unknown {
            return Err(RdbError::Unsupported(format!(
                "{what} is of a module that is not loaded; rdb-skip-unknown-modules yes leaves it \
                 out"
            )));
        }
        self.server.log.warning(&format!("{what} was left out: its module is not loaded"));
        Ok(())
    }

    /// Builds values until there are no more.
    fn build(&self, batches: &Mutex<Receiver<Batch<'_>>>) {
        let worker = self.engine.worker();
        loop {
            let batch = batches.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
            let Ok(batch) = batch else { break };
            for record in batch {
                if self.stopped.load(Ordering::Relaxed) {
                    continue;
                }
                if let Err(error) = self.add(&worker, record) {
                    self.stopped.store(true, Ordering::Relaxed);
                    *self.error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
                        Some(error);
                }
            }
        }
        self.engine.retire(worker);
    }

    /// Says in the log which key cannot be loaded.
    fn damaged(&self, record: &Record<'_>, error: RdbError) -> RdbError {
        let error = error.of_value(record.kind);
        let key = String::from_utf8_lossy(&record.key);
        self.server.log.warning(&format!("Internal error in RDB reading, key '{key}': {error}"));
        error
    }

    /// Metadata of a key is of a module that is not there. Of many keys, the first are named.
    fn leave_metadata(&self, key: &[u8], class: [u8; 4]) -> Result<(), RdbError> {
        if self.skip_unknown && self.metadata.fetch_add(1, Ordering::Relaxed) >= TOLD {
            return Ok(());
        }
        let key = String::from_utf8_lossy(key);
        self.unknown(&format!("{} ('{key}')", file::metadata_of(class)))
    }

    fn skip_empty(&self, key: &[u8]) {
        if self.empty.fetch_add(1, Ordering::Relaxed) < TOLD {
            let key = String::from_utf8_lossy(key);
            self.server.log.notice(&format!("Loading RDB: skipping empty key: {key}"));
        }
    }

    /// Builds one value and puts it into the keyspace.
    fn add(&self, worker: &Worker, mut record: Record<'_>) -> Result<(), RdbError> {
        if let Some(delay) = self.delay {
            std::thread::sleep(delay);
        }
        if record.db >= self.engine.keyspace.databases() {
            return Err(record.body.corrupt(format!("database {} is out of range", record.db)));
        }
        let late = record.expiry.is_some_and(|at| at <= self.now) && !self.options.keep_expired;
        if late {
            self.expired.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if let Some(class) = record.metadata {
            self.leave_metadata(&record.key, class)?;
        }
        let now = (!self.options.keep_expired).then_some(self.now);
        let (limits, modules) = (&self.engine.tuning.limits, &self.engine.modules);
        let templates = record.templates.take();
        let context = Context { limits, modules, now, templates: templates.as_deref() };
        if !payload::refuses_damage(&self.engine.config, false) {
            record.body = record.body.mending();
        }
        let value = match value::load(&mut record.body, record.kind, context) {
            Err(RdbError::Unsupported(what))
                if record.kind == kind::MODULE && self.skip_unknown =>
            {
                let key = String::from_utf8_lossy(&record.key);
                self.server.log.warning(&format!("key '{key}' was left out: {what}"));
                return Ok(());
            }
            value => value.map_err(|error| self.damaged(&record, error))?,
        };
        if let Some(what) = record.body.mended() {
            self.server.log.warning(&payload::mended(record.kind, &record.key, &what));
        }
        let Some(value) = value else {
            // Of what has deadlines, nothing may be left since.
            if !kind::has_deadlines(record.kind) {
                self.skip_empty(&record.key);
            }
            return Ok(());
        };
        let shard = self.engine.keyspace.place(&record.key).shard;
        let scope = Scope::Shards(ShardSet::one(shard));
        let usage = record.usage;
        let fresh = self.engine.hold_and(worker, &scope, |space| {
            space.select(record.db);
            let fresh = self.options.merge || !space.has_entry(&record.key);
            if fresh {
                space.put(&record.key, value, record.expiry.map_or(Put::Persist, Put::At));
                set_usage(space, &record.key, usage, self.now);
                self.engine.modules.tell_of(space, record.db, &record.key);
            }
            fresh
        });
        if !fresh {
            let key = String::from_utf8_lossy(&record.key).into_owned();
            return Err(record.body.corrupt(format!("the key '{key}' is there twice")));
        }
        self.keys.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn set_usage(space: &mut Space<'_>, key: &[u8], usage: Usage, now: i64) {
    match usage {
        Usage::None => {}
        Usage::Idle(seconds) => space.set_idle(key, now, seconds),
        Usage::Frequency(counter) => space.set_frequency(key, now, counter),
    }
}

/// Empties all databases.
pub fn empty(server: &Server) {
    let engine = &server.engine;
    let worker = engine.worker();
    let tables = engine.hold_and(&worker, &Scope::All, |space| {
        let databases = 0..engine.keyspace.databases();
        let flush = |db| space.within(db, |space| space.flush());
        let tables: Vec<_> = databases.flat_map(flush).collect();
        engine.modules.iter().for_each(|module| module.flushed(None));
        tables
    });
    drop(tables);
    engine.retire(worker);
}

/// Loads the dump file at the start, if there is one.
///
/// # Errors
/// What is wrong with it.
pub fn at_start(server: &Server) -> Result<(), String> {
    let path = super::schedule::file(server);
    if !path.exists() {
        return Ok(());
    }
    load(server, &path, Options::default()).inspect_err(|_| {
        server.log.warning("Terminating server after rdb file reading failure.");
    })?;
    let changes = server.engine.totals().changes;
    server.persistence.changes_saved.store(changes, Ordering::Relaxed);
    Ok(())
}
