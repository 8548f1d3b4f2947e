//! The increment that is being written, and the thread that syncs in the background.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Thread;

use super::manifest::{Manifest, Part, StoreError};

/// Has syncs fail.
#[cfg(test)]
pub(super) static FAIL_SYNC: std::sync::atomic::AtomicBool =
    std::sync::atomic::AtomicBool::new(false);

/// The increment that is being written.
pub struct Output {
    /// The file, opened for appending.
    pub file: Arc<File>,
    /// Which it is.
    pub part: Part,
    /// How long it is: everything before is whole.
    pub len: u64,
    /// How much of it is known to be on disk.
    pub synced: u64,
    /// Whether the stored manifest names it: until then it counts for nothing.
    pub listed: bool,
}

/// A failed write, after which `kept` of its bytes stand in the file.
#[derive(Debug)]
pub struct WriteFailure {
    /// What went wrong.
    pub error: io::Error,
    /// Bytes that could not be taken back.
    pub kept: usize,
}

impl Output {
    /// Opens an increment, emptied first if it is a new one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path, part: Part, new: bool) -> io::Result<Self> {
        if new {
            File::create(path)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let len = file.metadata()?.len();
        file.sync_all()?;
        Ok(Self { file: Arc::new(file), part, len, synced: len, listed: false })
    }

    /// Appends bytes. After a failure the file ends where it did before, if that can be had.
    ///
    /// # Errors
    /// [`WriteFailure`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), WriteFailure> {
        let mut done = 0;
        while done < bytes.len() {
            match (&*self.file).write(&bytes[done..]) {
                Ok(0) => return Err(self.take_back(done, io::ErrorKind::WriteZero.into())),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.take_back(done, e)),
            }
        }
        self.len += done as u64;
        Ok(())
    }

    fn take_back(&mut self, done: usize, error: io::Error) -> WriteFailure {
        if done == 0 || self.file.set_len(self.len).is_ok() {
            return WriteFailure { error, kept: 0 };
        }
        self.len += done as u64;
        WriteFailure { error, kept: done }
    }

    /// Has all of it on disk.
    ///
    /// # Errors
    /// Those of the system. What was not on disk before may then never get there, although later
    /// tries say so.
    pub fn sync(&mut self) -> io::Result<()> {
        sync(&self.file)?;
        self.synced = self.len;
        Ok(())
    }
}

/// A sync in the background.
pub struct SyncJob {
    /// The file.
    pub file: Arc<File>,
    /// How long it was.
    pub len: u64,
    /// The log's offset that its end stood for.
    pub offset: u64,
}

/// What is done in the background.
pub enum Job {
    /// To sync a file.
    Sync(SyncJob),
    /// To store a manifest, once the file `before` is synced if there is one.
    Store {
        /// The file.
        before: Option<Arc<File>>,
        /// The manifest.
        manifest: Manifest,
    },
}

/// What was done in the background.
pub enum Done {
    /// A file was synced, or not.
    Synced(SyncJob, io::Result<()>),
    /// A manifest was stored, or not; the outer error is that of the file before.
    Stored(Manifest, io::Result<Result<(), StoreError>>),
}

/// A thread that syncs, so that writing goes on meanwhile. It does one job after the other: the error
/// of a sync is told only once, and belongs to the job that began first.
pub struct Syncer {
    jobs: Sender<Job>,
    results: Receiver<Done>,
    syncs: usize,
}

impl Syncer {
    /// Starts it; `wake` is unparked after each job.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(wake: Thread) -> io::Result<Self> {
        let (jobs, todo) = channel();
        let (done, results) = channel();
        std::thread::Builder::new().name("aof-sync".into()).spawn(move || {
            for job in todo {
                if done.send(work(job)).is_err() {
                    return;
                }
                wake.unpark();
            }
        })?;
        Ok(Self { jobs, results, syncs: 0 })
    }

    /// Whether a file is being synced, or about to be, by a [`Job::Sync`].
    pub fn is_busy(&self) -> bool {
        self.syncs > 0
    }

    /// Begins a job.
    pub fn begin(&mut self, job: Job) {
        self.syncs += usize::from(matches!(job, Job::Sync(_)));
        // The thread ends after this does.
        let _ = self.jobs.send(job);
    }

    /// The job that is done, if one is.
    pub fn poll(&mut self) -> Option<Done> {
        let done = self.results.try_recv().ok()?;
        self.syncs -= usize::from(matches!(done, Done::Synced(..)));
        Some(done)
    }
}

fn work(job: Job) -> Done {
    match job {
        Job::Sync(job) => {
            let result = sync(&job.file);
            Done::Synced(job, result)
        }
        Job::Store { before, manifest } => {
            let synced = before.map_or(Ok(()), |file| sync(&file));
            let result = synced.map(|()| manifest.store());
            Done::Stored(manifest, result)
        }
    }
}

/// Has all of a file on disk.
fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    if FAIL_SYNC.load(std::sync::atomic::Ordering::SeqCst) {
        return Err(io::Error::other("a test says so"));
    }
    file.sync_data()
}
