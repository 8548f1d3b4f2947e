//! When snapshots are taken: SAVE, BGSAVE, `save` points, the end of the server; and what is
//! refused after one has failed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use cairn_core::command::{Command, Flags, Reach};
use cairn_core::config::lists::save_points;
use cairn_core::config::table::persistence as params;
use cairn_core::engine::AfterFlush;
use cairn_core::session::Session;
use cairn_core::{CmdError, clock};

use super::save::{self, Request};
use super::{LOADING, NO_REPLICAS, Persistence, Purpose, SAVE_FAILED};
use crate::server::Server;

/// Seconds until a `save` point is tried again after a failure.
const RETRY_SECONDS: u64 = 5;

const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently \
    unable to persist to disk. Commands that may modify the data set are disabled, because this \
    instance is configured to report errors during writes if RDB snapshotting fails \
    (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
    error.";

/// How long the end of the server may wait for a snapshot that is given up.
const END_MAX: Duration = Duration::from_secs(5);

impl Persistence {
    /// Why a command cannot run now, if [`Persistence::refuses`].
    ///
    /// # Errors
    /// The reply.
    pub fn refusal(&self, session: &Session, command: &Command) -> Result<(), CmdError> {
        let why = self.refused.load(Ordering::Relaxed);
        let flags = command.spec.flags;
        if why & LOADING != 0 && !flags.has(Flags::LOADING) {
            return Err(CmdError::fixed("LOADING Redis is loading the dataset in memory"));
        }
        if why & SAVE_FAILED != 0 && (command.spec.is_write() || command.name == "ping") {
            return Err(CmdError::fixed(MISCONF));
        }
        if why & NO_REPLICAS != 0 && writes(session, command) {
            return Err(CmdError::fixed("NOREPLICAS Not enough good replicas to write."));
        }
        Ok(())
    }

    /// Takes the right to take a snapshot.
    ///
    /// # Errors
    /// What is being done instead.
    pub fn claim(&self, purpose: Purpose) -> Result<(), Purpose> {
        let mut state = self.state();
        if let Some((running, _)) = state.running {
            return Err(running);
        }
        state.running = Some((purpose, Instant::now()));
        self.cancelled.store(false, Ordering::Relaxed);
        self.keys_done.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// As [`Persistence::claim`], once nothing else is being done. Blocks.
    pub fn wait_and_claim(&self, purpose: Purpose) {
        while self.claim(purpose).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Gives back what [`Persistence::claim`] took.
    pub fn release(&self) {
        self.state().running = None;
    }

    /// Asks for a snapshot as soon as nothing else is being done.
    pub fn schedule(&self) {
        self.state().scheduled = true;
    }

    /// Gives up the background snapshot that is being taken or scheduled; false when there is
    /// none.
    pub fn cancel(&self) -> bool {
        let mut state = self.state();
        let running = matches!(state.running, Some((Purpose::Background, _)));
        if running {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        std::mem::take(&mut state.scheduled) || running
    }

    /// Gives up whatever is being taken for `purpose`, or at all.
    pub fn abort(&self, purpose: Option<Purpose>) {
        let state = self.state();
        if state.running.is_some_and(|(running, _)| purpose.is_none_or(|wanted| wanted == running))
        {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Gives up what is being taken, as the server ends, and waits until its file is removed.
    pub fn end(&self) {
        let begun = Instant::now();
        while self.state().running.is_some() && begun.elapsed() < END_MAX {
            self.abort(None);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether a command writes, or carries out what was queued and does.
pub fn writes(session: &Session, command: &Command) -> bool {
    let queued = session.multi.as_ref().filter(|_| command.spec.reach == Reach::Transaction);
    command.spec.is_write()
        || queued.is_some_and(|multi| multi.queue.iter().any(|q| q.command.spec.is_write()))
}

/// The snapshot's file.
pub fn file(server: &Server) -> PathBuf {
    PathBuf::from(server.config().string(params::DBFILENAME))
}

/// Takes a snapshot, which the caller has claimed the right for, and remembers how it went.
///
/// # Errors
/// Why there is none, for the log.
pub fn run(server: &Server, purpose: Purpose) -> Result<(), String> {
    run_and_tell(server, purpose, || {})
}

/// As [`run`]; `begun` is called at the snapshot's moment, while no command runs.
fn run_and_tell(server: &Server, purpose: Purpose, begun: impl FnOnce()) -> Result<(), String> {
    let start = Instant::now();
    let (mut changes, mut begun) = (0, Some(begun));
    let request = Request {
        path: &file(server),
        aof_base: false,
        at_start: &mut |_| {
            changes = server.engine.totals().changes;
            begun.take().into_iter().for_each(|begun| begun());
        },
    };
    let result = save::save(server, request);
    let persistence = &server.persistence;
    let cancelled = persistence.cancelled.load(Ordering::Relaxed);
    let now = clock::now_nanos() / 1_000_000_000;
    let mut state = persistence.state();
    state.last_try = now;
    if result.is_ok() {
        persistence.changes_saved.store(changes, Ordering::Relaxed);
        state.last_success = now;
        state.saves += 1;
    }
    if purpose == Purpose::Background && !cancelled {
        state.last_seconds = Some(start.elapsed().as_secs());
        state.last_copied = server.engine.keyspace.snapshots.copied();
    }
    if !cancelled && (result.is_ok() || purpose == Purpose::Background) {
        state.last_ok = result.is_ok();
    }
    state.running = None;
    drop(state);
    follow_refusal(server);
    match result {
        Ok(_) => {
            server.log.notice("DB saved on disk");
            Ok(())
        }
        Err(error) => {
            server.log.warning(&error);
            Err(error)
        }
    }
}

/// Takes a snapshot in the background, which the caller has claimed the right for. Its moment has
/// come, or it has failed, when the receiver is disconnected.
pub fn run_in_background(server: &Arc<Server>) -> Receiver<()> {
    let (begun, moment) = mpsc::channel();
    let mine = Arc::clone(server);
    server.log.notice("Background saving started");
    // What INFO shows until the moment of the snapshot.
    let keys: usize =
        (0..server.engine.keyspace.databases()).map(|db| server.engine.db_size(db)).sum();
    server.persistence.keys_total.store(keys as u64, Ordering::Relaxed);
    let work = move || {
        let word = match run_and_tell(&mine, Purpose::Background, move || drop(begun)) {
            Ok(()) => "Background saving terminated with success",
            Err(_) => "Background saving error",
        };
        mine.log.notice(word);
    };
    if let Err(error) = std::thread::Builder::new().name("snapshot".into()).spawn(work) {
        server.log.warning(&format!("Can't save in background: {error}"));
        server.persistence.state().last_ok = false;
        server.persistence.release();
    }
    moment
}

/// Brings in step whether writes are refused.
pub fn follow_refusal(server: &Server) {
    let config = server.config();
    let ok = server.persistence.state().last_ok;
    let refuse = !ok && config.bool(params::STOP_WRITES_ON_BGSAVE_ERROR) && has_save_points(server);
    server.persistence.refuse(SAVE_FAILED, refuse);
}

/// What FLUSHALL does besides if there are `save` points, as in Redis: the file is to be as empty as
/// the databases. Returns what takes the snapshot, if it may be waited for. A snapshot of what was
/// before is not given up, unlike in Redis, but followed by another: it is as of its start.
pub fn after_flush(server: &Arc<Server>, may_wait: bool) -> Option<AfterFlush> {
    if server.persistence.is_loading() || !has_save_points(server) {
        return None;
    }
    if !may_wait {
        server.persistence.schedule();
        return None;
    }
    let server = Arc::clone(server);
    Some(Box::new(move || {
        if server.persistence.claim(Purpose::Save).is_err() {
            server.persistence.schedule();
        } else if run(&server, Purpose::Save).is_err() {
            server.log.warning("FLUSHALL: the file on disk still has what was removed");
        }
    }))
}

fn has_save_points(server: &Server) -> bool {
    !save_points(&server.config().text(params::SAVE_POINTS)).is_empty()
}

/// Takes a snapshot if it is time for one.
pub fn tick(server: &Arc<Server>) {
    let persistence = &server.persistence;
    if persistence.is_loading() {
        return;
    }
    let due = {
        let mut state = persistence.state();
        if state.running.is_some() {
            return;
        }
        std::mem::take(&mut state.scheduled)
            || is_due(server, state.last_success, state.last_ok, state.last_try)
    };
    if due && persistence.claim(Purpose::Background).is_ok() {
        run_in_background(server);
    }
}

fn is_due(server: &Server, last_success: u64, last_ok: bool, last_try: u64) -> bool {
    let now = clock::now_nanos() / 1_000_000_000;
    if !last_ok && now < last_try + RETRY_SECONDS {
        return false;
    }
    let changes = server.persistence.unsaved(server.engine.totals().changes);
    let points = save_points(&server.config().text(params::SAVE_POINTS));
    let due = points
        .iter()
        .find(|p| changes >= p.changes && changes > 0 && now - last_success > p.seconds);
    if let Some(point) = due {
        server
            .log
            .notice(&format!("{} changes in {} seconds. Saving...", point.changes, point.seconds));
    }
    due.is_some()
}

/// Takes the last snapshot before the server ends: if `wanted` says so, or else if there are
/// `save` points; not once it is aborted.
///
/// # Errors
/// Why there is none.
pub fn save_at_end(
    server: &Server,
    wanted: Option<bool>,
    is_aborted: &dyn Fn() -> bool,
) -> Result<(), String> {
    if server.persistence.is_loading() {
        // What is there is only a part.
        return Ok(());
    }
    if !wanted.unwrap_or_else(|| has_save_points(server)) {
        return Ok(());
    }
    server.log.notice("Saving the final RDB snapshot before exiting.");
    while server.persistence.claim(Purpose::Save).is_err() {
        if is_aborted() {
            return Err("the shutdown was aborted".into());
        }
        server.persistence.abort(None);
        std::thread::sleep(Duration::from_millis(5));
    }
    // What is aborted from now on is cancelled as well.
    if is_aborted() {
        server.persistence.release();
        return Err("the shutdown was aborted".into());
    }
    run(server, Purpose::Save)
}
