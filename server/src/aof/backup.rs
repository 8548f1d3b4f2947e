//! The state of a backup, as commands and INFO see it: BACKUP START to BACKUP CLEANUP.
//!
//! A backup is a base, the increments since, and a manifest of their own, in a directory that no
//! rewrite touches. The writer makes it (see `writer/backup.rs`); here are the stages that it goes
//! through, and its removal. The stages and files are those of Redis 8.10.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{fs, io};

use cairn_core::config::table::persistence as params;
use cairn_core::{CmdError, clock};

use super::{lock, words};
use crate::server::Server;

/// How far a backup has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is none.
    #[default]
    Idle,
    /// It waits until a base can be written.
    Pending,
    /// The base is being written.
    Snapshotting,
    /// The base is there, and the increments grow.
    Incrementing,
    /// All its files are there, and none of them changes any more.
    Sealed,
    /// It was given up.
    Failed,
}

impl Stage {
    /// Its name in replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Pending => "pending",
            Self::Snapshotting => "snapshotting",
            Self::Incrementing => "incrementing",
            Self::Sealed => "sealed",
            Self::Failed => "failed",
        }
    }

    /// Whether there is a backup that is not sealed yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Snapshotting | Self::Incrementing)
    }
}

/// What BACKUP STATUS and BACKUP LIST answer.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// How far it has come.
    pub stage: Stage,
    /// Why it failed; nothing otherwise.
    pub error: String,
    /// When it was started, and when it was sealed, in Unix seconds; 0 is never.
    pub started: u64,
    /// See `started`.
    pub sealed: u64,
    /// The absolute paths of the files that change no more.
    pub files: Vec<PathBuf>,
}

/// The state of the backup of which there is one at a time.
#[derive(Default)]
pub struct Backup {
    /// Held for a moment only: INFO looks at it.
    status: Mutex<Status>,
    /// Held while files are made or removed before or after a backup.
    files: Mutex<()>,
}

impl Backup {
    /// How it is now.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// Begins one in an empty directory, which is made if there is none. Waits for the disk.
    ///
    /// # Errors
    /// The reply: there is one already, or the directory cannot be used.
    pub fn begin(&self, dir: &Path) -> Result<(), CmdError> {
        let _files = lock(&self.files);
        if !matches!(self.stage(), Stage::Idle | Stage::Failed) {
            return Err(CmdError::fixed(
                "ERR A backup is in progress or sealed: use BACKUP ABORT or BACKUP CLEANUP first",
            ));
        }
        let empty = fs::create_dir_all(dir)
            .and_then(|()| super::manifest::sync_dir(Path::new(".")))
            .and_then(|()| fs::read_dir(dir))
            .map_err(|error| unusable(dir, &words(&error)))?
            .next()
            .is_none();
        if !empty {
            return Err(unusable(dir, "it is not empty"));
        }
        let started = clock::now_nanos() / 1_000_000_000;
        *self.lock() = Status { stage: Stage::Pending, started, ..Status::default() };
        Ok(())
    }

    /// It has come further; `files` are those that change no more.
    pub(super) fn advance(&self, stage: Stage, files: Vec<PathBuf>) {
        let mut status = self.lock();
        if stage == Stage::Sealed {
            status.sealed = clock::now_nanos() / 1_000_000_000;
        }
        (status.stage, status.files) = (stage, files);
    }

    /// It was given up.
    pub(super) fn fail(&self, why: &str) {
        let mut status = self.lock();
        (status.stage, status.error) = (Stage::Failed, why.to_string());
        status.files.clear();
    }

    /// Removes the files of a backup that is sealed or failed, or that a crash left. Waits for the
    /// disk.
    ///
    /// # Errors
    /// The reply: there is one that is not sealed, or a file can't be removed.
    pub fn clean_up(&self, server: &Server) -> Result<(), CmdError> {
        let _files = lock(&self.files);
        self.remove(server)
    }

    fn remove(&self, server: &Server) -> Result<(), CmdError> {
        if self.stage().is_open() {
            return Err(CmdError::fixed(
                "ERR The backup is not sealed: use BACKUP SEAL or BACKUP ABORT first",
            ));
        }
        let dir = directory(server);
        remove_files(&dir, &stem(server)).map_err(|error| unusable(&dir, &words(&error)))?;
        *self.lock() = Status::default();
        Ok(())
    }

    /// Whether it was sealed longer ago than it is to be kept.
    fn is_over(&self, server: &Server) -> bool {
        let keep = server.config().unsigned(params::BACKUP_SEALED_TTL);
        let status = self.lock();
        let now = clock::now_nanos() / 1_000_000_000;
        keep > 0 && status.stage == Stage::Sealed && now >= status.sealed.saturating_add(keep)
    }

    /// Removes the files of a backup that was sealed long enough ago, on a thread of its own.
    pub fn tick(server: &Arc<Server>) {
        let backup = &server.aof.backup;
        if !backup.is_over(server) || backup.files.try_lock().is_err() {
            return;
        }
        let mine = Arc::clone(server);
        let work = move || {
            let backup = &mine.aof.backup;
            let _files = lock(&backup.files);
            // Somebody may have been faster.
            if backup.is_over(&mine)
                && let Err(error) = backup.remove(&mine)
            {
                mine.log.warning(error.text());
            }
        };
        // Tried again at the next tick if there is no thread.
        let _ = std::thread::Builder::new().name("backup-delete".into()).spawn(work);
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        lock(&self.status)
    }
}

fn unusable(dir: &Path, why: &str) -> CmdError {
    CmdError::new(format!("ERR The backup directory {} can't be used: {why}", dir.display()))
}

/// The directory of backups, as an absolute path where that is known.
pub fn directory(server: &Server) -> PathBuf {
    let name = PathBuf::from(server.config().string(params::BACKUPDIRNAME));
    std::env::current_dir().map_or(name.clone(), |here| here.join(name))
}

/// What the names of the files begin with.
pub(super) fn stem(server: &Server) -> String {
    server.config().string(params::APPENDFILENAME)
}

/// Removes the files of a backup, and nothing else that may be there.
pub(super) fn remove_files(dir: &Path, stem: &str) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix("temp_").unwrap_or(&name).strip_prefix(stem);
        if rest.is_some_and(|rest| rest.starts_with('.')) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
