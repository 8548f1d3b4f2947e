//! Loading: the files of the append-only file, replayed in order through the engine.
//!
//! Nothing of it is logged again, nothing expires by the clock meanwhile, and a transaction is run
//! whole or not at all. What the end of the last file lacks may be cut off, if the configuration
//! says so; everything else that is wrong is fatal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use cairn_core::command::{Step, run_job};
use cairn_core::config::Config;
use cairn_core::config::table::persistence as params;
use cairn_core::reply::Reply;
use cairn_core::session::Session;
use cairn_core::{Engine, Worker};

use super::format::{Commands, FormatError, Item};
use super::manifest::{Kind, Manifest, ManifestError};
use crate::log::Log;

/// What a snapshot begins with.
const SNAPSHOT: &[u8] = b"REDIS";

/// Loads a snapshot, which may stand at the beginning of a longer file, and says how many bytes it
/// took.
pub type LoadRdb = dyn Fn(&Path) -> Result<u64, String> + Send + Sync;

/// Why the append-only file can't be loaded. Each says what the operator has to know.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The system can't read or cut a file.
    #[error("Fatal error: can't open the append log file {0} for reading: {1}")]
    Io(PathBuf, io::Error),
    /// A file ends in the midst of a command.
    #[error(
        "Unexpected end of file reading the append only file {0}: {1}. You can: 1) Make a backup \
         of your AOF file, then use cairn-server check-aof --fix <filename.manifest>. 2) \
         Alternatively you can set the 'aof-load-truncated' configuration option to yes and \
         restart the server."
    )]
    Truncated(PathBuf, FormatError),
    /// A file holds something else than commands.
    #[error(
        "Bad file format reading the append only file {0}: {1}. Make a backup of your AOF file, \
         then use cairn-server check-aof --fix <filename.manifest>"
    )]
    Format(PathBuf, FormatError),
    /// A command is not known.
    #[error(
        "Unknown command '{name}' reading the append only file {path}, at offset {offset}: was it \
         written by a server that knows more, or by a module that is switched off?"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Where the command begins.
        offset: u64,
        /// Its first word, as far as it can be shown.
        name: String,
    },
    /// A command can't be part of such a file.
    #[error("Fatal error reading the append only file {path}, at offset {offset}: {reason}")]
    Command {
        /// The file.
        path: PathBuf,
        /// Where the command begins.
        offset: u64,
        /// Its error.
        reason: String,
    },
    /// A snapshot can't be loaded.
    #[error("Error reading the RDB preamble of the AOF file {0}, AOF loading aborted: {1}")]
    Snapshot(PathBuf, String),
}

/// What may be cut off the end of the last file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leniency {
    /// `aof-load-truncated`: a command that is cut off.
    pub truncated: bool,
    /// `aof-load-corrupt-tail-max-size`: up to so many bytes of anything.
    pub corrupt: u64,
}

impl Leniency {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        Self {
            truncated: config.bool(params::AOF_LOAD_TRUNCATED),
            corrupt: config.unsigned(params::AOF_LOAD_CORRUPT_TAIL_MAX_SIZE),
        }
    }
}

/// Runs the commands of a log. Until it is dropped, writes are not logged and memory has no limit.
pub struct Replay<'e> {
    engine: &'e Engine,
    worker: Option<Worker>,
    session: Session,
    reply: Reply,
    maxmemory: u64,
    /// Commands that ran.
    pub commands: u64,
}

impl<'e> Replay<'e> {
    /// Begins a replay. No other thread may run commands before its end.
    pub fn new(engine: &'e Engine) -> Self {
        let worker = engine.worker();
        worker.set_replays(true);
        engine.effects.set_enabled(false);
        let mut session = Session::new(engine.next_session_id(), Box::new(()));
        session.authenticated = true;
        let maxmemory = engine.tuning.maxmemory.swap(0, Ordering::SeqCst);
        let (worker, reply) = (Some(worker), Reply::default());
        Self { engine, worker, session, reply, maxmemory, commands: 0 }
    }

    /// Whether a transaction has begun that has not ended.
    pub fn in_transaction(&self) -> bool {
        self.session.multi.is_some()
    }

    /// Begins a file: in database 0, outside of a transaction.
    pub fn restart(&mut self) {
        self.engine.abandon(&mut self.session);
        self.session.db = 0;
    }

    /// Whether there is a command of this name.
    pub fn knows(&self, words: &[&[u8]]) -> bool {
        words.first().is_some_and(|name| self.engine.registry.get(name).is_some())
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When it is unknown, has a wrong number of words, or is no command for a log. What else it
    /// answers, errors included, it had answered when it was logged.
    pub fn run(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let Some(worker) = &self.worker else { return Ok(()) };
        self.engine.resolve(words).map_err(|error| error.text().to_string())?;
        self.commands += 1;
        self.engine.begin_turn(worker);
        let mut job = None;
        loop {
            let (session, reply) = (&mut self.session, &mut self.reply);
            let waker = Waker::noop();
            let step = match job.take().map(run_job) {
                None => self.engine.call(worker, session, words, reply, waker),
                Some(end) => self.engine.finish_job(worker, session, words, reply, end, waker),
            };
            match step {
                Step::Done | Step::Blocked => break,
                Step::Again => {}
                // Another thread may hold a shard for a moment: that of an expiry or a snapshot.
                Step::Parked => std::thread::sleep(Duration::from_micros(50)),
                Step::Offload(next) => job = Some(next),
            }
        }
        self.engine.end_turn(worker);
        let aborted = self.reply.as_bytes().starts_with(b"-EXECABORT");
        self.reply.truncate(0);
        match aborted {
            true => Err("the transaction could not be run".to_string()),
            false => Ok(()),
        }
    }
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        self.engine.abandon(&mut self.session);
        if let Some(worker) = self.worker.take() {
            self.engine.retire(worker);
        }
        self.engine.tuning.maxmemory.store(self.maxmemory, Ordering::SeqCst);
        self.engine.effects.set_enabled(true);
    }
}

/// Loads all files of a manifest. Returns their sizes together, in bytes, and how many commands
/// were run.
///
/// # Errors
/// [`LoadError`]; the data is then loaded in part.
pub fn load(
    engine: &Arc<Engine>,
    log: &Log,
    manifest: &Manifest,
    load_rdb: &LoadRdb,
) -> Result<u64, LoadError> {
    let begun = Instant::now();
    let leniency = Leniency::of(&engine.config);
    let mut replay = Replay::new(engine);
    let count = manifest.parts().count();
    let mut total = 0;
    for (index, part) in manifest.parts().enumerate() {
        let (path, started) = (manifest.file(part), Instant::now());
        let leniency = (index + 1 == count).then_some(leniency);
        replay.restart();
        total += load_file(&mut replay, log, &path, load_rdb, leniency)?;
        let kind = if part.kind == Kind::Base { "base" } else { "incr" };
        let seconds = started.elapsed().as_secs_f64();
        log.notice(&format!("DB loaded from {kind} file {}: {seconds:.3} seconds", part.name));
    }
    let seconds = begun.elapsed().as_secs_f64();
    log.notice(&format!("DB loaded from append only file: {seconds:.3} seconds"));
    Ok(total)
}

/// Loads one file; `leniency` is for the last one. Returns its size.
fn load_file(
    replay: &mut Replay<'_>,
    log: &Log,
    path: &Path,
    load_rdb: &LoadRdb,
    leniency: Option<Leniency>,
) -> Result<u64, LoadError> {
    let failed = |error| LoadError::Io(path.to_path_buf(), error);
    let mut file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let begin = match is_snapshot(&mut file).map_err(failed)? {
        false => 0,
        true => {
            let taken = load_rdb(path);
            taken.map_err(|reason| LoadError::Snapshot(path.to_path_buf(), reason))?
        }
    };
    if begin > 0 && begin < len {
        log.notice("Reading the remaining AOF tail...");
    }
    file.seek(SeekFrom::Start(begin)).map_err(failed)?;
    let mut commands = Commands::new(file, begin, len);
    let mut good = begin;
    let Err(error) = replay_all(replay, path, &mut commands, &mut good)? else { return Ok(len) };
    let tail = len - good;
    let pardoned = leniency.is_some_and(|leniency| match error {
        FormatError::Truncated { .. } => leniency.truncated,
        FormatError::Unexpected { .. } => tail <= leniency.corrupt,
        FormatError::Io(_) => false,
    });
    match error {
        FormatError::Io(error) => Err(failed(error)),
        FormatError::Truncated { .. } if !pardoned => {
            Err(LoadError::Truncated(path.to_path_buf(), error))
        }
        _ if !pardoned => Err(LoadError::Format(path.to_path_buf(), error)),
        _ => {
            let name = path.display();
            log.warning(&format!(
                "!!! Warning: short read while loading the AOF file {name}: {error}!!!"
            ));
            log.warning(&format!("Truncating the AOF {name} at offset {good}: {tail} bytes go"));
            cut(path, good).map_err(failed)?;
            log.warning(&format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
            Ok(good)
        }
    }
}

/// Whether a file begins with a snapshot. It is then read from the beginning again.
pub(super) fn is_snapshot(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.by_ref().take(SNAPSHOT.len() as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head == SNAPSHOT)
}

/// Makes a file end at an offset.
pub(super) fn cut(path: &Path, len: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(len)?;
    file.sync_all()
}

/// Runs commands up to the end of the file, or to the error inside. `good` is where the last
/// command ends that is not part of an unfinished transaction.
fn replay_all<R: Read>(
    replay: &mut Replay<'_>,
    path: &Path,
    commands: &mut Commands<R>,
    good: &mut u64,
) -> Result<Result<(), FormatError>, LoadError> {
    loop {
        let offset = commands.offset();
        match commands.next_item() {
            Err(error) => return Ok(Err(error)),
            Ok(Item::End) if replay.in_transaction() => {
                return Ok(Err(FormatError::Truncated { begin: *good }));
            }
            Ok(Item::End) => return Ok(Ok(())),
            Ok(Item::Command) => {
                let words: Vec<&[u8]> = commands.words().collect();
                let path = path.to_path_buf();
                if !replay.knows(&words) {
                    let name = words.first().copied().unwrap_or_default();
                    let name = String::from_utf8_lossy(&name[..name.len().min(64)]).into_owned();
                    return Err(LoadError::Unknown { path, offset, name });
                }
                let failed = |reason| LoadError::Command { path, offset, reason };
                replay.run(&words).map_err(failed)?;
            }
            Ok(Item::Note | Item::Timestamp(_)) => {}
        }
        if !replay.in_transaction() {
            *good = commands.offset();
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
