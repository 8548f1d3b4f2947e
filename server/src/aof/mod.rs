//! The append-only file, in the layout of Redis 7: a base, increments, and a manifest.
//!
//! - [`manifest`]: which files there are.
//! - [`format`]: commands in a file, read strictly.
//! - [`load`]: replaying them at the start.
//! - [`writer`]: the thread that appends, syncs and rewrites; [`output`] is the file it appends to.
//! - [`rewrite`]: the base.
//! - [`check`]: `cairn-server check-aof`.
//! - [`backup`]: what BACKUP makes of it.
//!
//! Here is what the other threads see: requests to the writer, its state, and figures for INFO.

pub mod backup;
pub mod check;
pub mod format;
pub mod load;
pub mod manifest;
pub mod output;
pub mod rewrite;
mod setup;
mod writer;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use cairn_core::CmdError;
use cairn_core::command::Command;
use cairn_core::config::table::persistence as params;
use cairn_core::keyspace::Scope;
use cairn_core::session::Session;

pub use setup::{open, preload, reload};

use crate::persist::Purpose;
use crate::persist::schedule::writes;
use crate::server::Server;
use backup::Backup;
use writer::Cut;

/// How the append-only file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not at all.
    Off,
    /// It was turned on, and its first base is not on disk yet.
    Waiting,
    /// Writes are appended.
    On,
}

/// What the writer is asked to do.
enum Order {
    /// `appendonly yes`.
    TurnOn,
    /// `appendonly no`.
    TurnOff,
    /// A base was written: its size.
    BaseDone(Result<u64, String>),
    /// These files of the history are gone.
    Deleted(BTreeSet<String>),
    /// To have everything on disk, and say whether it is.
    Flush(Sender<bool>),
    /// BACKUP START, into this directory.
    Backup(PathBuf),
    /// BACKUP SEAL.
    Seal(Sender<SealStep>),
    /// BACKUP ABORT.
    Abort(Sender<()>),
    /// To have everything on disk, and end.
    Stop,
}

/// What whoever seals a backup is told.
enum SealStep {
    /// To cut the log.
    Cut,
    /// It is sealed.
    Done,
    /// It is not, and why.
    Refused(String),
}

/// Figures that the writer keeps up to date.
#[derive(Default)]
struct Figures {
    /// Bytes of all files, of all but the one being appended to, and after the last rewrite.
    size: AtomicU64,
    others_size: AtomicU64,
    base_size: AtomicU64,
    /// Bytes that wait to be written.
    pending: AtomicU64,
    /// Syncs in the background.
    syncing: AtomicU64,
    /// Writes that had waited too long for a sync.
    delayed: AtomicU64,
    rewrites: AtomicU64,
    failures: AtomicU64,
    last_rewrite_seconds: AtomicI64,
}

/// The append-only file, as other threads see it.
pub struct Aof {
    state: AtomicU8,
    /// Whether the server is past its start, so that settings take effect.
    ready: AtomicBool,
    figures: Figures,
    orders: Mutex<VecDeque<Order>>,
    cut: Mutex<Option<Cut>>,
    thread: Mutex<Option<(Thread, Option<JoinHandle<()>>)>>,
    /// A rewrite is to be done as soon as it can be.
    scheduled: AtomicBool,
    rewriting: Mutex<Option<Instant>>,
    rewrite_ok: AtomicBool,
    /// Microseconds that each write to the file is put off, for tests (DEBUG AOF-FLUSH-SLEEP).
    pub flush_sleep: AtomicU64,
    /// The writer serves a backup alone: for everybody else the file is off.
    borrowed: AtomicBool,
    /// The backup.
    pub backup: Backup,
    /// Whether the system takes writes at once, so that replies can wait for it.
    writable: AtomicBool,
    /// Held while it is decided what replies wait for.
    holding: Mutex<()>,
    /// What commands are answered while the file can't be written: nothing while it can.
    trouble: Mutex<Option<String>>,
}

impl Default for Aof {
    fn default() -> Self {
        let figures = Figures { last_rewrite_seconds: AtomicI64::new(-1), ..Figures::default() };
        Self {
            state: AtomicU8::new(State::Off as u8),
            ready: AtomicBool::new(false),
            figures,
            orders: Mutex::default(),
            cut: Mutex::default(),
            thread: Mutex::default(),
            scheduled: AtomicBool::new(false),
            rewriting: Mutex::default(),
            rewrite_ok: AtomicBool::new(true),
            flush_sleep: AtomicU64::new(0),
            borrowed: AtomicBool::new(false),
            backup: Backup::default(),
            writable: AtomicBool::new(false),
            holding: Mutex::default(),
            trouble: Mutex::default(),
        }
    }
}

impl Aof {
    /// How it is used.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::SeqCst) {
            0 => State::Off,
            1 => State::Waiting,
            _ => State::On,
        }
    }

    fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::SeqCst);
    }

    fn send(&self, order: Order) {
        lock(&self.orders).push_back(order);
        self.wake();
    }

    fn wake(&self) {
        if let Some((thread, _)) = &*lock(&self.thread) {
            thread.unpark();
        }
    }

    fn next_order(&self) -> Option<Order> {
        lock(&self.orders).pop_front()
    }

    /// Has an order obeyed later, before all others.
    fn put_back(&self, order: Order) {
        lock(&self.orders).push_front(order);
    }

    fn cut(&self, cut: Cut) {
        *lock(&self.cut) = Some(cut);
        self.wake();
    }

    fn take_cut(&self) -> Option<Cut> {
        lock(&self.cut).take()
    }

    /// Has `appendonly` and `appendfsync` take effect. Called while no command runs.
    pub fn follow(&self, server: &Server) {
        if !self.ready.load(Ordering::SeqCst) {
            return;
        }
        self.follow_fsync(server);
        let wanted = server.config().bool(params::APPENDONLY);
        if wanted && self.state() == State::Off && server.persistence.running().is_none() {
            // INFO shows the first rewrite from now on.
            self.begin_rewrite();
        }
        self.send(if wanted { Order::TurnOn } else { Order::TurnOff });
    }

    /// Has replies wait, or no longer: with `appendfsync always` for the disk, otherwise for the
    /// system, as long as that takes their writes at once.
    fn follow_fsync(&self, server: &Server) {
        let _held = lock(&self.holding);
        let holds = self.syncs_always(server) || self.writable.load(Ordering::SeqCst);
        let counts = self.state() == State::On && !self.borrowed.load(Ordering::SeqCst);
        if counts && server.engine.effects.is_durable() != holds {
            server.engine.effects.set_durable(holds);
        }
    }

    /// Whether each write is synced before it is acknowledged.
    fn syncs_always(&self, server: &Server) -> bool {
        server.config().int(params::APPENDFSYNC) == params::FSYNC_ALWAYS
    }

    /// Says whether the system takes writes at once.
    fn set_writable(&self, server: &Server, writable: bool) {
        self.writable.store(writable, Ordering::SeqCst);
        self.follow_fsync(server);
    }

    /// The file can't be written: writes are refused, and nothing more becomes durable. Replies that
    /// only waited for the system leave, as in Redis.
    fn fail(&self, server: &Server, error: &std::io::Error) {
        self.set_writable(server, false);
        let text = format!("MISCONF Errors writing to the AOF file: {}", words(error));
        *lock(&self.trouble) = Some(text);
        server.persistence.refuse_for_aof(true);
        server.engine.effects.set_broken(true);
    }

    /// It can be written again.
    fn recover(&self, server: &Server) {
        if lock(&self.trouble).take().is_some() {
            server.engine.effects.set_broken(false);
            server.persistence.refuse_for_aof(false);
        }
    }

    /// Whether a command can run while the file can't be written: no write can, and where replies
    /// wait for the disk, nothing that may show what is not there.
    ///
    /// # Errors
    /// The reply.
    pub fn refusal(
        &self,
        server: &Server,
        session: &Session,
        command: &Command,
    ) -> Result<(), CmdError> {
        let reads = |command: &Command| !command.spec.keys.is_empty();
        let refused = writes(session, command)
            || command.name == "ping"
            || server.engine.effects.is_durable() && reads(command);
        match &*lock(&self.trouble) {
            Some(text) if refused => Err(CmdError::new(text.clone())),
            _ => Ok(()),
        }
    }

    /// BGREWRITEAOF: what is answered.
    ///
    /// # Errors
    /// When a rewrite is being done.
    pub fn request_rewrite(&self, server: &Server) -> Result<&'static str, CmdError> {
        if self.is_rewriting() {
            return Err(CmdError::fixed(
                "ERR Background append only file rewriting already in progress",
            ));
        }
        let busy = server.persistence.running().is_some();
        if !busy {
            // INFO shows it from now on.
            self.begin_rewrite();
        }
        self.schedule();
        self.wake();
        if busy {
            return Ok("Background append only file rewriting scheduled");
        }
        Ok("Background append only file rewriting started")
    }

    /// Whether a rewrite is being done.
    pub fn is_rewriting(&self) -> bool {
        lock(&self.rewriting).is_some()
    }

    /// Whether the first base is being written: until that is done, no file has the data.
    pub fn is_beginning(&self) -> bool {
        self.state() == State::Waiting && self.is_rewriting()
    }

    fn is_scheduled(&self) -> bool {
        self.scheduled.load(Ordering::SeqCst)
    }

    fn schedule(&self) {
        self.scheduled.store(true, Ordering::SeqCst);
    }

    fn unschedule(&self) {
        self.scheduled.store(false, Ordering::SeqCst);
    }

    /// A rewrite that was asked for and has not begun is not done.
    fn forgo_rewrite(&self) {
        self.unschedule();
        *lock(&self.rewriting) = None;
    }

    fn postpone_rewrite(&self) {
        *lock(&self.rewriting) = None;
        self.schedule();
    }

    fn begin_rewrite(&self) {
        self.unschedule();
        lock(&self.rewriting).get_or_insert_with(Instant::now);
    }

    fn end_rewrite(&self, ok: bool) {
        self.rewrite_ok.store(ok, Ordering::Relaxed);
        if ok {
            self.figures.rewrites.fetch_add(1, Ordering::Relaxed);
            self.figures.failures.store(0, Ordering::Relaxed);
        } else {
            self.figures.failures.fetch_add(1, Ordering::Relaxed);
        }
        *lock(&self.rewriting) = None;
    }

    /// Waits until everything logged so far is on disk. False if it can't be, or takes longer
    /// than a minute.
    pub fn flush(&self) -> bool {
        let (done, receiver) = channel();
        self.send(Order::Flush(done));
        receiver.recv_timeout(Duration::from_secs(60)).unwrap_or(false)
    }

    /// Waits until the files hold all data and are not about to change, and takes the right to
    /// take a snapshot, so that no rewrite begins. No command may run any more.
    ///
    /// # Errors
    /// They can't be written, or are those of a backup.
    fn claim_files(&self, server: &Server) -> Result<(), String> {
        let failures = || self.figures.failures.load(Ordering::Relaxed);
        let before = failures();
        loop {
            // The writer has then obeyed what it was asked for before, `appendonly yes` included.
            // One rewrite may have been given up before and end only now.
            if !self.flush() || failures() > before + 1 {
                return Err("the append-only file could not be written".into());
            }
            if self.borrowed.load(Ordering::SeqCst) {
                return Err("the append-only file is in use for a backup alone".into());
            }
            if self.is_settled() && server.persistence.claim(Purpose::Reload).is_ok() {
                if self.is_settled() {
                    return Ok(());
                }
                server.persistence.release();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether no rewrite is being done or needed.
    fn is_settled(&self) -> bool {
        self.state() != State::Waiting && !self.is_rewriting()
    }

    /// Has everything on disk and ends the writer. No command may run any more.
    pub fn stop(&self) {
        self.send(Order::Stop);
        let thread = lock(&self.thread).as_mut().and_then(|(_, handle)| handle.take());
        if let Some(thread) = thread {
            // Had it panicked there would be nothing more to do.
            let _ = thread.join();
        }
    }

    /// BACKUP START: the base is begun as soon as it can be.
    ///
    /// # Errors
    /// The reply.
    pub fn start_backup(&self, dir: PathBuf) -> Result<(), CmdError> {
        self.backup.begin(&dir)?;
        self.send(Order::Backup(dir));
        Ok(())
    }

    /// BACKUP SEAL. Blocks until all files are on disk.
    ///
    /// # Errors
    /// The reply: why it is not sealed.
    pub fn seal_backup(&self, server: &Server) -> Result<(), CmdError> {
        let refused = |why: &str| CmdError::new(format!("ERR The backup can't be sealed: {why}"));
        let (asker, steps) = channel();
        self.send(Order::Seal(asker));
        loop {
            match steps.recv() {
                Ok(SealStep::Cut) => self.cut_here(server),
                Ok(SealStep::Done) => return Ok(()),
                Ok(SealStep::Refused(why)) => return Err(refused(&why)),
                Err(_) => return Err(refused("the server ends")),
            }
        }
    }

    /// Has what follows in the log go into the next increment. Blocks while transactions run.
    fn cut_here(&self, server: &Server) {
        let engine = &server.engine;
        let worker = engine.worker();
        engine.hold_and(&worker, &Scope::All, |_| {
            engine.effects.select_again();
            self.cut(Cut { offset: engine.effects.end(), reader: None, incr: None });
        });
        engine.retire(worker);
    }

    /// BACKUP ABORT. Blocks until the files are gone.
    ///
    /// # Errors
    /// The reply: there is nothing to abort.
    pub fn abort_backup(&self) -> Result<(), CmdError> {
        if !self.backup.stage().is_open() {
            return Err(CmdError::fixed("ERR There is no backup in progress"));
        }
        let (done, gone) = channel();
        self.send(Order::Abort(done));
        gone.recv().map_err(|_| CmdError::fixed("ERR The server ends"))
    }

    /// The lines of INFO.
    pub fn info(&self, server: &Server, line: &mut dyn FnMut(&str, String)) {
        let figures = &self.figures;
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let number = |yes: bool| u8::from(yes).to_string();
        let status = |ok: bool| if ok { "ok" } else { "err" }.to_string();
        let since = *lock(&self.rewriting);
        // It may take a moment until the writer has turned it on or off.
        let used = self.state() != State::Off && !self.borrowed.load(Ordering::SeqCst);
        let enabled = server.config().bool(params::APPENDONLY) || used;
        line("aof_enabled", number(enabled));
        line("aof_rewrite_in_progress", number(since.is_some()));
        line("aof_rewrite_scheduled", number(self.is_scheduled() && since.is_none()));
        let last = figures.last_rewrite_seconds.load(Ordering::Relaxed);
        line("aof_last_rewrite_time_sec", last.to_string());
        let current = since.map_or("-1".to_string(), |since| since.elapsed().as_secs().to_string());
        line("aof_current_rewrite_time_sec", current);
        line("aof_last_bgrewrite_status", status(self.rewrite_ok.load(Ordering::Relaxed)));
        line("aof_rewrites", load(&figures.rewrites).to_string());
        line("aof_rewrites_consecutive_failures", load(&figures.failures).to_string());
        line("aof_last_write_status", status(lock(&self.trouble).is_none()));
        line("aof_last_cow_size", "0".to_string());
        line("backup_in_progress", number(self.backup.stage().is_open()));
        if enabled {
            line("aof_current_size", load(&figures.size).to_string());
            line("aof_base_size", load(&figures.base_size).to_string());
            line("aof_pending_rewrite", "0".to_string());
            line("aof_buffer_length", load(&figures.pending).to_string());
            line("aof_pending_bio_fsync", load(&figures.syncing).to_string());
            line("aof_delayed_fsync", load(&figures.delayed).to_string());
        }
    }
}

/// What the system says of an error, without its number.
pub(crate) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Has the append-only file follow its settings.
pub fn follow_config(server: &Arc<Server>) {
    let weak = Arc::downgrade(server);
    server.config().on_change(&[params::APPENDONLY, params::APPENDFSYNC], move |_| {
        if let Some(server) = weak.upgrade() {
            server.aof.follow(&server);
        }
        Ok(())
    });
}
