//! The thread that writes the append-only file. It alone touches the manifest and the increments.
//!
//! It reads the effects log without loss, appends what has gathered to the current increment, syncs
//! as `appendfsync` says, and tells the log what is durable: with `always`, what gathers during one
//! sync goes with the next, so that many clients share one (group commit). Otherwise replies wait
//! until the system has their writes, so that the end of the process loses nothing, but for the time
//! of a sync in the background, which writes would have to wait for.
//!
//! A rewrite writes a new base on a thread of its own (`rewriting.rs`). At the moment that the base
//! shows, the log is *cut*: what follows goes into a new increment. The manifest names the new
//! increment before anything in it counts, and the new base once that is on disk, so that at every
//! moment the files that it names are the whole of the data. It is stored in the background
//! (`storing.rs`).

mod backup;
mod rewriting;
mod storing;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
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
use super::output::{Done, Job, Output, SyncJob, Syncer};
use super::{Aof, Order, State, format, rewrite, words};
use crate::persist::Purpose;
use crate::server::Server;
pub(super) use rewriting::Cut;
use rewriting::Rewrite;
use storing::{Change, Stored};

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
    /// What a manifest is being stored for: no order is obeyed meanwhile.
    storing: Option<Change>,
    /// The files that the last one made superfluous are being deleted.
    deleting: bool,
    /// Those of them that are gone, and that the manifest still speaks of.
    gone: Option<BTreeSet<String>>,
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
            storing: None,
            deleting: false,
            gone: None,
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
            while self.storing.is_none()
                && let Some(order) = self.aof().next_order()
            {
                if !self.obey(order) {
                    return;
                }
            }
            self.forget();
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
        if self.is_switching() {
            return std::thread::park_timeout(PACE);
        }
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
        // What gathered during a switch is written without waiting for more.
        let more = more || !self.pending.is_empty();
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
            Order::BaseDone(result) => {
                // The cut comes before its base.
                self.gather();
                match self.storing {
                    Some(_) => self.aof().put_back(Order::BaseDone(result)),
                    None => self.base_done(result),
                }
            }
            Order::Deleted(names) => self.gone = Some(names),
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
            Some(Cut { offset, reader: Some(reader), incr }) => {
                self.begin_anew(offset, reader, incr);
            }
            Some(Cut { offset, reader: None, incr }) => {
                let before = offset.saturating_sub(start).min(batch.len() as u64) as usize;
                self.add(&batch[..before]);
                self.switch(incr);
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

    /// Writes what has gathered, unless it is better to wait.
    fn write(&mut self) {
        if self.pending.is_empty() {
            self.postponed = None;
            return;
        }
        if self.is_switching() {
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
        while let Some(done) = self.syncer.poll() {
            match done {
                Done::Synced(job, result) => self.synced_in_background(job, result),
                Done::Stored(manifest, result) => self.stored(manifest, result),
            }
        }
        let config = self.server.config();
        let spared = config.bool(params::NO_APPENDFSYNC_ON_REWRITE)
            && self.server.persistence.running().is_some();
        let due = self.synced < self.written && self.output.is_some() && !self.is_switching();
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
        let busy = self.syncer.is_busy() || self.storing.is_some();
        if busy || self.last_sync.elapsed() < SYNC_PERIOD {
            return;
        }
        let file = Arc::clone(&output.file);
        self.syncer.begin(Job::Sync(SyncJob { file, len: output.len, offset: self.written }));
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
            // At once, even if one that was given up ends only now.
            self.aof().schedule();
        }
    }

    fn turn_off(&mut self) {
        if self.state() == State::Off {
            return;
        }
        self.flush();
        self.doom("the append-only file was turned off");
        if self.rewrite.is_none() {
            self.aof().forgo_rewrite();
        }
        self.server.persistence.abort(Some(Purpose::Rewrite));
        (self.output, self.reader, self.place) = (None, None, None);
        self.health = Health::Good;
        self.aof().set_state(State::Off);
        self.aof().writable.store(false, Ordering::SeqCst);
        let effects = &self.server.engine.effects;
        effects.set_durable(false);
        self.aof().recover(&self.server);
    }

    fn size(&self) -> u64 {
        let current = self.output.as_ref().map_or(0, |output| output.len);
        self.aof().figures.others_size.load(Ordering::Relaxed) + current
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
