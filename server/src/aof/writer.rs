//! The thread that writes the append-only file. It alone touches the manifest and the increments.
//!
//! It reads the effects log without loss, appends what has gathered to the current increment, syncs
//! as `appendfsync` says, and tells the log what is durable: with `always`, what gathers during one
//! sync goes with the next, so that many clients share one (group commit). Otherwise replies wait
//! until the system has their writes, so that the end of the process loses nothing, but for the time
//! of a sync in the background, which writes would have to wait for.
//!
//! A rewrite writes a new base on a thread of its own. At the moment that the base shows, the log is
//! *cut*: what follows goes into a new increment. The manifest names the new increment before
//! anything in it counts, and the new base once that is on disk, so that at every moment the files
//! that it names are the whole of the data.

mod backup;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use cairn_core::clock;
use cairn_core::config::table::persistence as params;
use cairn_core::effects::Reader;
use cairn_core::lock::Ticket;

use super::backup::Stage;
use super::manifest::{Manifest, Part, StoreError};
use super::output::{Output, SyncJob, Syncer};
use super::{Aof, Order, State, format, rewrite, words};
use crate::persist::Purpose;
use crate::server::Server;

/// How long the thread sleeps at most: for what depends on time.
const TICK: Duration = Duration::from_millis(100);

/// While there is much to do, the thread looks at the log this often, and when replies wait for it:
/// being woken by every write would cost the writers more than the writing.
const PACE: Duration = Duration::from_millis(1);

/// How long a sync waits at most for more writes that could go with it.
const GROUP_WAIT: Duration = Duration::from_millis(1);

/// How often a failed write is tried again.
const SECOND: Duration = Duration::from_secs(1);

/// The least time between two syncs of `everysec`. What is lost at worst is what came since the
/// last sync that ended began: this time, or the duration of that sync if it is longer, and the
/// duration of the one that is running.
const SYNC_PERIOD: Duration = Duration::from_millis(400);

/// How long a write waits for a sync in the background to end, as in Redis: a write during a sync
/// may block for as long as the sync takes.
const POSTPONE: Duration = Duration::from_secs(2);

/// Bytes that may gather while writes wait for a sync.
const POSTPONE_MAX: usize = 16 << 20;

/// Bytes that may gather while writes fail; beyond that the log fills, and writers wait.
const GATHER_MAX: usize = 64 << 20;

/// The longest pause after rewrites that failed one after the other.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

/// Whether the file can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    /// The last write failed, and can be tried again.
    WriteFailed,
    /// A sync failed: what the system had not written it may have forgotten. Only a new base and
    /// increment help.
    SyncFailed,
}

/// A rewrite that is being done.
struct Rewrite {
    /// The increment for what follows the cut, until then.
    incr: Option<Output>,
    /// Its name.
    first: Option<String>,
    base: Part,
    /// Where that is written.
    path: PathBuf,
    /// What it will have written counts for nothing.
    doomed: bool,
    begun: Instant,
}

/// The moment of a base.
pub(super) struct Cut {
    pub(super) offset: u64,
    /// A reader from there on, when what came before is of no interest.
    pub(super) reader: Option<Reader>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The thread's state.
pub(super) struct Writer {
    server: Arc<Server>,
    manifest: Manifest,
    reader: Option<Reader>,
    place: Option<Ticket>,
    waker: Waker,
    output: Option<Output>,
    /// What was read from the log and is not in the file yet.
    pending: Vec<u8>,
    /// The log's offset behind `pending`, behind what is in the file, and behind what is on disk.
    gathered: u64,
    written: u64,
    synced: u64,
    health: Health,
    retry: Instant,
    syncer: Syncer,
    last_sync: Instant,
    postponed: Option<Instant>,
    /// Bytes that the last look at the log found.
    found: usize,
    /// The second of the last timestamp.
    stamped: i64,
    rewrite: Option<Rewrite>,
    /// The files that the last one made superfluous are being deleted.
    deleting: bool,
    failures: u32,
    no_rewrite_before: Instant,
    backup: Option<backup::Window>,
}

impl Writer {
    /// A writer of the increment `output`, if the file is in use, from the present end of the log.
    pub(super) fn new(
        server: &Arc<Server>,
        manifest: Manifest,
        output: Option<Output>,
    ) -> io::Result<Self> {
        let effects = &server.engine.effects;
        let reader = output.is_some().then(|| effects.reader(true));
        let at = reader.as_ref().map_or(0, Reader::offset);
        let thread = std::thread::current();
        let waker = Waker::from(Arc::new(Unpark(thread.clone())));
        effects.set_keeper(&waker);
        Ok(Self {
            server: Arc::clone(server),
            manifest,
            reader,
            place: None,
            waker,
            output,
            pending: Vec::new(),
            gathered: at,
            written: at,
            synced: at,
            health: Health::Good,
            retry: Instant::now(),
            syncer: Syncer::start(thread)?,
            last_sync: Instant::now(),
            postponed: None,
            found: 0,
            stamped: 0,
            rewrite: None,
            deleting: false,
            failures: 0,
            no_rewrite_before: Instant::now(),
            backup: None,
        })
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        loop {
            self.await_group();
            self.gather();
            self.write();
            self.sync();
            self.follow_writes();
            self.acknowledge();
            while let Some(order) = self.aof().next_order() {
                if !self.obey(order) {
                    return;
                }
            }
            self.plan();
            self.publish();
            self.rest();
        }
    }

    fn aof(&self) -> &Aof {
        &self.server.aof
    }

    fn state(&self) -> State {
        self.aof().state()
    }

    /// Sleeps until there is something to do.
    fn rest(&mut self) {
        let effects = &self.server.engine.effects;
        let always = self.aof().syncs_always(&self.server);
        if !always && effects.has_waiting() {
            return;
        }
        if self.found > 0 && !always && self.found < effects.size() / 4 {
            return std::thread::park_timeout(PACE);
        }
        let more = match &self.reader {
            Some(reader) => reader.poll(&mut self.place, &self.waker),
            None => false,
        };
        if more && self.health == Health::Good && self.postponed.is_none() {
            return;
        }
        std::thread::park_timeout(TICK);
    }

    /// With `always`, waits until an I/O thread has run what has arrived: all of that then goes with
    /// one sync. Measured with 500 connections: a tenth of the syncs.
    fn await_group(&self) {
        let effects = &self.server.engine.effects;
        let new = self.reader.as_ref().is_some_and(|reader| reader.offset() < effects.end());
        if new && effects.is_durable() {
            self.server.resting.wait_for_one(GROUP_WAIT);
        }
    }

    /// Does what was asked for; false at the end.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::TurnOn => self.turn_on(),
            Order::TurnOff if self.is_borrowed() => {}
            Order::TurnOff => {
                self.fail_backup("the append-only file was turned off");
                self.turn_off();
            }
            Order::BaseDone(result) => self.base_done(result),
            Order::Deleted(names) => self.forget(&names),
            Order::Flush(done) => {
                self.flush();
                // Whoever asked may have given up.
                let _ = done.send(self.health == Health::Good);
            }
            Order::Backup(dir) => self.open_backup(dir),
            Order::Seal(asker) => self.seal_backup(asker),
            Order::Abort(done) => {
                self.fail_backup("it was aborted");
                // Whoever asked may have given up.
                let _ = done.send(());
            }
            Order::Stop => {
                self.fail_backup("the server ended");
                self.turn_off();
                return false;
            }
        }
        true
    }

    /// Takes what is new in the log.
    fn gather(&mut self) {
        if self.pending.len() >= GATHER_MAX && self.output.is_some() {
            return;
        }
        let mut batch = Vec::new();
        let start = self.gathered;
        if let Some(reader) = &mut self.reader {
            // A lossless reader's bytes are always there.
            if let Err(error) = reader.read(usize::MAX, &mut batch) {
                self.server.log.warning(&format!("AOF: {error}"));
                self.lose(&io::Error::other(error));
            }
        }
        self.found = batch.len();
        // A cut that was made before this reads is seen here, since bytes behind it come later.
        match self.aof().take_cut() {
            None => self.add(&batch),
            Some(Cut { offset, reader: Some(reader) }) => self.begin_anew(offset, reader),
            Some(Cut { offset, reader: None }) => {
                let before = offset.saturating_sub(start).min(batch.len() as u64) as usize;
                self.add(&batch[..before]);
                self.switch();
                self.add(&batch[before..]);
            }
        }
    }

    /// Adds bytes of the log, whole commands, to what is to be written.
    fn add(&mut self, batch: &[u8]) {
        self.gathered += batch.len() as u64;
        if self.output.is_none() || batch.is_empty() {
            return;
        }
        let now = clock::now_millis() / 1000;
        if now != self.stamped && self.server.config().bool(params::AOF_TIMESTAMP_ENABLED) {
            self.stamped = now;
            self.pending.extend_from_slice(format::timestamp(now).as_bytes());
        }
        self.pending.extend_from_slice(batch);
    }

    /// Begins the increment of a rewrite whose base is all that comes before.
    fn begin_anew(&mut self, offset: u64, reader: Reader) {
        self.backup_misses_some();
        (self.place, self.reader) = (None, Some(reader));
        self.pending.clear();
        (self.gathered, self.written, self.synced) = (offset, offset, offset);
        self.stamped = 0;
        self.output = self.rewrite.as_mut().filter(|r| !r.doomed).and_then(|r| r.incr.take());
        if self.output.is_none() {
            self.reader = None;
        }
    }

    /// Goes on in the increment of a rewrite, or in the one behind a backup.
    fn switch(&mut self) {
        if let Some(incr) = self.rewrite.as_mut().and_then(|rewrite| rewrite.incr.take()) {
            match self.go_on_in(incr) {
                Ok(()) => self.pin_increment(),
                Err(why) => self.doom(&why),
            }
        } else if let Some(incr) = self.next_after_seal() {
            match self.go_on_in(incr) {
                Ok(()) => self.complete_backup(),
                Err(why) => self.fail_backup(&why),
            }
        }
    }

    /// Goes on in another increment: what came before is on disk first, so that nothing can be
    /// missing in the middle.
    fn go_on_in(&mut self, incr: Output) -> Result<(), String> {
        self.write_now();
        if self.health != Health::Good || !self.sync_now() {
            return Err("the increment before could not be completed".into());
        }
        self.manifest.incrs.push(incr.part.clone());
        match self.manifest.store() {
            Ok(()) => {}
            Err(StoreError::NotStored(error)) => {
                self.manifest.incrs.pop();
                return Err(words(&error));
            }
            // Which manifest a crash leaves is not known: nothing may be added to either's files.
            Err(StoreError::NotSynced(error)) => {
                self.lose(&error);
                return Err(words(&error));
            }
        }
        self.stamped = 0;
        // What came during these syncs has waited for long enough.
        self.last_sync = self.last_sync.checked_sub(SYNC_PERIOD).unwrap_or(self.last_sync);
        let before = self.output.replace(Output { listed: true, ..incr });
        let len = before.map_or(0, |output| output.len);
        self.aof().figures.others_size.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }

    /// Has the rewrite that is being done come to nothing.
    fn doom(&mut self, why: &str) {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.doomed = true;
            rewrite.incr = None;
            self.server.log.warning(&format!("AOF rewrite given up: {why}"));
        }
    }

    /// Writes what has gathered, unless it is better to wait.
    fn write(&mut self) {
        if self.pending.is_empty() {
            self.postponed = None;
            return;
        }
        if self.health == Health::WriteFailed && Instant::now() < self.retry {
            return;
        }
        if self.syncer.is_busy() && self.pending.len() < POSTPONE_MAX {
            let since = *self.postponed.get_or_insert_with(Instant::now);
            if since.elapsed() < POSTPONE {
                return;
            }
            self.aof().figures.delayed.fetch_add(1, Ordering::Relaxed);
            self.server.log.notice(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF \
                 buffer without waiting for fsync to complete, this may slow down the server.",
            );
        }
        self.postponed = None;
        self.write_now();
    }

    fn write_now(&mut self) {
        let Some(output) = &mut self.output else { return };
        let sleep = self.server.aof.flush_sleep.load(Ordering::Relaxed);
        if sleep > 0 && !self.pending.is_empty() {
            std::thread::sleep(Duration::from_micros(sleep));
        }
        match output.append(&self.pending) {
            Ok(()) => {
                self.written = self.gathered;
                self.pending.clear();
                self.pending.shrink_to(1 << 20);
            }
            Err(failure) => {
                self.pending.drain(..failure.kept);
                self.fail_write(&failure.error);
            }
        }
    }

    /// A write failed: nothing of it counts, and it is tried again.
    fn fail_write(&mut self, error: &io::Error) {
        if self.is_borrowed() {
            return self.fail_backup(&words(error));
        }
        self.retry = Instant::now() + SECOND;
        if self.output.as_ref().is_some_and(|output| !output.listed) {
            return self.abandon(&words(error));
        }
        if self.health == Health::Good {
            let text = format!("Error writing to the AOF file: {}", words(error));
            self.server.log.warning(&text);
            self.health = Health::WriteFailed;
        }
        self.aof().fail(&self.server, error);
    }

    /// The increment of a rewrite that begins anew is of no use.
    fn abandon(&mut self, why: &str) {
        (self.output, self.reader, self.place) = (None, None, None);
        self.pending.clear();
        self.doom(why);
    }

    /// Syncs as `appendfsync` says.
    fn sync(&mut self) {
        while let Some((job, result)) = self.syncer.poll() {
            self.synced_in_background(job, result);
        }
        let config = self.server.config();
        let spared = config.bool(params::NO_APPENDFSYNC_ON_REWRITE)
            && self.server.persistence.running().is_some();
        let due = self.synced < self.written && self.output.is_some();
        match config.int(params::APPENDFSYNC) {
            _ if !due => {}
            // The operator prefers it so.
            params::FSYNC_ALWAYS if spared => self.synced = self.written,
            params::FSYNC_ALWAYS => {
                self.sync_now();
            }
            params::FSYNC_EVERYSEC if !spared => self.sync_in_background(),
            _ => {}
        }
        self.recover();
    }

    fn sync_now(&mut self) -> bool {
        if !self.aof().syncs_always(&self.server) {
            // Nobody waits for a disk that need not.
            self.aof().set_writable(&self.server, false);
        }
        let Some(output) = &mut self.output else { return true };
        match output.sync() {
            Ok(()) => {
                self.synced = self.written;
                self.last_sync = Instant::now();
                true
            }
            Err(error) => {
                self.lose(&error);
                false
            }
        }
    }

    fn sync_in_background(&mut self) {
        let Some(output) = &self.output else { return };
        if self.syncer.is_busy() || self.last_sync.elapsed() < SYNC_PERIOD {
            return;
        }
        let file = Arc::clone(&output.file);
        self.syncer.begin(SyncJob { file, len: output.len, offset: self.written });
        self.last_sync = Instant::now();
    }

    fn synced_in_background(&mut self, job: SyncJob, result: io::Result<()>) {
        let Some(output) = self.output.as_mut().filter(|o| Arc::ptr_eq(&o.file, &job.file)) else {
            // It was synced when the file was changed.
            return;
        };
        match result {
            Ok(()) => {
                output.synced = output.synced.max(job.len);
                self.synced = self.synced.max(job.offset);
            }
            Err(error) => self.lose(&error),
        }
    }

    /// A sync failed. The file ends where it is known to be good; what follows needs a new base.
    fn lose(&mut self, error: &io::Error) {
        if self.is_borrowed() {
            return self.fail_backup(&words(error));
        }
        let text = format!("Error on AOF fsync: {}. A new base is needed.", words(error));
        self.server.log.warning(&text);
        let Some(output) = self.output.take() else { return };
        if !output.listed {
            return self.abandon(&words(error));
        }
        if output.file.set_len(output.synced).and_then(|()| output.file.sync_all()).is_err() {
            self.server.log.warning("The end of the AOF could not be cut off.");
        }
        self.health = Health::SyncFailed;
        self.pending.clear();
        self.doom("the file before could not be synced");
        self.aof().fail(&self.server, error);
    }

    /// After a failed write: goes on as before once all is written, and on disk if it has to be.
    fn recover(&mut self) {
        let durable = self.server.engine.effects.is_durable();
        let done = self.pending.is_empty() && (!durable || self.synced == self.written);
        if self.health == Health::WriteFailed && done {
            self.health = Health::Good;
            self.acknowledge();
            self.aof().recover(&self.server);
            let text = "AOF write error looks solved. The server can write again.";
            self.server.log.warning(text);
        }
    }

    /// Whether replies can wait for the system: it takes writes at once.
    fn follow_writes(&self) {
        let writable = self.counts() && self.health == Health::Good && self.postponed.is_none();
        if writable && !self.aof().syncs_always(&self.server) {
            // First of all, so that nobody waits for what is there already.
            self.server.engine.effects.acknowledge(self.written);
        }
        if self.aof().writable.load(Ordering::SeqCst) != writable {
            self.aof().set_writable(&self.server, writable);
        }
    }

    /// Whether what is written is of use: the manifest names the file.
    fn counts(&self) -> bool {
        self.output.as_ref().is_some_and(|output| output.listed)
    }

    /// Tells the log what is on disk.
    fn acknowledge(&self) {
        let effects = &self.server.engine.effects;
        if effects.is_durable() && self.counts() {
            effects.acknowledge(self.synced);
        }
    }

    /// Has all that was logged so far on disk.
    fn flush(&mut self) {
        // There may be too much already for more to be gathered.
        self.write_now();
        self.gather();
        self.write_now();
        self.sync_now();
        self.recover();
        self.acknowledge();
    }

    /// `appendonly yes` at run time: a rewrite makes the base, and what follows is logged.
    fn turn_on(&mut self) {
        if self.is_borrowed() {
            self.fail_backup("the append-only file was turned on");
        }
        if self.state() == State::Off {
            self.aof().set_state(State::Waiting);
            self.no_rewrite_before = Instant::now();
        }
    }

    fn turn_off(&mut self) {
        if self.state() == State::Off {
            return;
        }
        self.flush();
        self.doom("the append-only file was turned off");
        self.server.persistence.abort(Some(Purpose::Rewrite));
        (self.output, self.reader, self.place) = (None, None, None);
        self.health = Health::Good;
        self.aof().set_state(State::Off);
        self.aof().writable.store(false, Ordering::SeqCst);
        let effects = &self.server.engine.effects;
        effects.set_durable(false);
        self.aof().recover(&self.server);
    }

    /// Begins a rewrite if one is due.
    fn plan(&mut self) {
        if self.rewrite.is_some() || self.deleting || self.backup_holds_rewrites() {
            return;
        }
        let needed = self.state() == State::Waiting || self.health == Health::SyncFailed;
        let rested = Instant::now() >= self.no_rewrite_before;
        if self.aof().is_scheduled() || rested && (needed || self.has_grown()) {
            self.begin_rewrite();
        }
    }

    /// Whether the file has grown enough to be rewritten by itself.
    fn has_grown(&self) -> bool {
        let config = self.server.config();
        let percentage = config.unsigned(params::AUTO_AOF_REWRITE_PERCENTAGE);
        let size = self.size();
        if self.state() != State::On
            // A rewrite would only double what a backup gathers.
            || self.backup.is_some()
            || percentage == 0
            || size <= config.unsigned(params::AUTO_AOF_REWRITE_MIN_SIZE)
        {
            return false;
        }
        let base = self.aof().figures.base_size.load(Ordering::Relaxed).max(1);
        let growth = (u128::from(size) * 100 / u128::from(base)).saturating_sub(100);
        if growth >= u128::from(percentage) {
            let text = format!("Starting automatic rewriting of AOF on {growth}% growth");
            self.server.log.notice(&text);
            return true;
        }
        false
    }

    fn size(&self) -> u64 {
        let current = self.output.as_ref().map_or(0, |output| output.len);
        self.aof().figures.others_size.load(Ordering::Relaxed) + current
    }

    fn begin_rewrite(&mut self) {
        if self.server.persistence.claim(Purpose::Rewrite).is_err() {
            // Tried again until it can be.
            return self.aof().postpone_rewrite();
        }
        self.aof().begin_rewrite();
        if let Err(error) = self.start_rewrite() {
            self.server.persistence.release();
            self.rewrite_failed(&format!("Can't rewrite append only file in background: {error}"));
        }
    }

    fn start_rewrite(&mut self) -> io::Result<()> {
        std::fs::create_dir_all(&self.manifest.dir)?;
        let snapshot = rewrite::is_snapshot(&self.server);
        let base = self.manifest.next_base(snapshot);
        let mut incr = None;
        if self.state() != State::Off {
            let part = self.manifest.next_incr();
            incr = Some(Output::open(&self.manifest.file(&part), part, true)?);
        }
        let anew = self.state() == State::Waiting || self.health == Health::SyncFailed;
        let (server, path) = (Arc::clone(&self.server), self.manifest.file(&base));
        let target = path.clone();
        let off = self.state() == State::Off;
        let work = move || {
            let effects = &server.engine.effects;
            let mut cut = |offset| {
                effects.select_again();
                let reader = anew.then(|| effects.reader(true));
                if !off {
                    server.aof.cut(Cut { offset, reader });
                }
            };
            let result = rewrite::write_base(&server, &target, snapshot, &mut cut);
            server.persistence.release();
            server.aof.send(Order::BaseDone(result));
        };
        let first = incr.as_ref().map(|incr| incr.part.name.clone());
        let begun = Instant::now();
        self.rewrite = Some(Rewrite { incr, first, base, path, doomed: false, begun });
        self.server.log.notice("Background append only file rewriting started");
        let thread = std::thread::Builder::new().name("aof-rewrite".into()).spawn(work);
        thread.inspect_err(|_| self.rewrite = None)?;
        self.backup_snapshots();
        Ok(())
    }

    /// A base was written, or not.
    fn base_done(&mut self, result: Result<u64, String>) {
        // The cut comes before its base.
        self.gather();
        let Some(rewrite) = self.rewrite.take() else { return };
        self.aof()
            .figures
            .last_rewrite_seconds
            .store(rewrite.begun.elapsed().as_secs() as i64, Ordering::Relaxed);
        let result = match result {
            Ok(_) if rewrite.doomed => Err("it was given up".to_string()),
            Ok(bytes) => self.take_base(&rewrite, bytes),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            let named = self.manifest.base.as_ref().map(|base| self.manifest.file(base));
            if named.as_ref() != Some(&rewrite.path) {
                // Nothing names it. It may not have been made.
                let _ = std::fs::remove_file(&rewrite.path);
            }
            return self.rewrite_failed(&format!("Background AOF rewrite failed: {error}"));
        }
        self.failures = 0;
        self.no_rewrite_before = Instant::now();
        self.server.log.notice("Background AOF rewrite finished successfully");
        self.pin_base();
        self.deleting = self.delete_history();
        if !self.deleting {
            self.aof().end_rewrite(true);
        }
    }

    /// Has the manifest name a new base, and the increments since its cut only.
    fn take_base(&mut self, rewrite: &Rewrite, bytes: u64) -> Result<(), String> {
        let begins = self.output.as_ref().is_some_and(|output| !output.listed);
        if self.state() != State::Off && begins {
            self.write_now();
            let synced = self.sync_now();
            if !synced || !self.pending.is_empty() || self.output.is_none() {
                return Err("the new increment could not be written".into());
            }
        } else if self.state() == State::Waiting || self.health == Health::SyncFailed {
            return Err("there is no new increment".into());
        } else if rewrite
            .first
            .as_ref()
            .is_some_and(|f| self.manifest.incrs.iter().all(|i| i.name != *f))
        {
            return Err("the log has not come to the cut yet".into());
        }
        let old = self.manifest.clone();
        let first = rewrite.first.as_deref().unwrap_or_default();
        self.manifest.rebase(rewrite.base.clone(), first);
        if let Some(output) = self.output.as_ref().filter(|_| begins) {
            self.manifest.incrs.push(output.part.clone());
        }
        if let Err(error) = self.manifest.store() {
            let text = format!("the manifest could not be stored: {error}");
            match error {
                StoreError::NotStored(_) => self.manifest = old,
                // As for the cut. The files that the old one names stay as well.
                StoreError::NotSynced(error) if !begins => self.lose(&error),
                StoreError::NotSynced(_) => {}
            }
            if begins {
                self.abandon(&text);
            }
            return Err(text);
        }
        self.aof().figures.others_size.store(bytes, Ordering::Relaxed);
        if begins {
            self.take_up();
        }
        self.aof().figures.base_size.store(self.size(), Ordering::Relaxed);
        Ok(())
    }

    /// The file can be relied on from now on.
    fn take_up(&mut self) {
        if let Some(output) = &mut self.output {
            output.listed = true;
        }
        self.health = Health::Good;
        self.aof().set_state(State::On);
        self.server.engine.effects.acknowledge(self.synced);
        self.aof().follow_fsync(&self.server);
        self.aof().recover(&self.server);
    }

    fn rewrite_failed(&mut self, text: &str) {
        self.server.log.warning(text);
        self.aof().end_rewrite(false);
        if self.backup.is_some() && self.aof().backup.stage() == Stage::Snapshotting {
            self.fail_backup(text);
        }
        let needed = self.state() == State::Waiting || self.health == Health::SyncFailed;
        self.failures = (self.failures + 1).min(8);
        let pause = match (needed, self.failures) {
            (true, _) => SECOND,
            // As in Redis: three tries at once, then ever longer pauses.
            (false, ..=3) => TICK,
            (false, n) => (Duration::from_secs(60) * (1 << (n - 4).min(6))).min(BACKOFF_MAX),
        };
        self.no_rewrite_before = Instant::now() + pause;
    }

    /// Deletes what is no longer needed, on a thread of its own: large files take their time. Whether
    /// it does: the rewrite has ended once the manifest speaks of them no longer.
    fn delete_history(&mut self) -> bool {
        let manifest = &self.manifest;
        if manifest.history.is_empty() || self.server.config().bool(params::AOF_DISABLE_AUTO_GC) {
            return false;
        }
        let files: Vec<(String, PathBuf)> =
            manifest.history.iter().map(|part| (part.name.clone(), manifest.file(part))).collect();
        let server = Arc::clone(&self.server);
        let work = move || {
            let gone = files.into_iter().filter(|(_, path)| match std::fs::remove_file(path) {
                Ok(()) => true,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            });
            let gone = gone.map(|(name, _)| name).collect();
            server.aof.send(Order::Deleted(gone));
        };
        // They are deleted after the next rewrite if there is no thread.
        std::thread::Builder::new().name("aof-delete".into()).spawn(work).is_ok()
    }

    fn forget(&mut self, names: &BTreeSet<String>) {
        self.manifest.history.retain(|part| !names.contains(&part.name));
        if let Err(error) = self.manifest.store() {
            // It names files that are gone; nobody needs them.
            let text = format!("The AOF manifest could not be stored: {error}");
            self.server.log.warning(&text);
        }
        if std::mem::take(&mut self.deleting) {
            self.aof().end_rewrite(true);
        }
    }

    /// Shows figures for INFO.
    fn publish(&self) {
        let figures = &self.aof().figures;
        figures.size.store(self.size(), Ordering::Relaxed);
        figures.pending.store(self.pending.len() as u64, Ordering::Relaxed);
        figures.syncing.store(u64::from(self.syncer.is_busy()), Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
