//! When the writer has the file rewritten, and what becomes of the base.
//!
//! A thread of its own writes the base, and opens the increment for what follows. At the moment that
//! the base shows, the log is cut; once the base is on disk the manifest names it. Where the file
//! before goes on until then, the increments are switched as `storing.rs` says; where there is none,
//! or none that can be relied on, the new one counts from the moment that the manifest names it and
//! the base.

use super::*;

/// The longest pause after rewrites that failed one after the other.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

/// A rewrite that is being done.
pub(super) struct Rewrite {
    /// The name of the increment for what follows the cut.
    first: Option<String>,
    base: Part,
    /// Where that is written.
    path: PathBuf,
    /// What it will have written counts for nothing.
    pub(super) doomed: bool,
    begun: Instant,
}

/// The moment of a base.
pub(in crate::aof) struct Cut {
    pub(in crate::aof) offset: u64,
    /// A reader from there on, when what came before is of no interest.
    pub(in crate::aof) reader: Option<Reader>,
    /// What the file of a rewrite goes on in.
    pub(in crate::aof) incr: Option<Output>,
}

impl Writer {
    /// Has the rewrite that is being done come to nothing.
    pub(super) fn doom(&mut self, why: &str) {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.doomed = true;
            self.server.log.warning(&format!("AOF rewrite given up: {why}"));
        }
    }

    /// Begins the increment of a rewrite whose base is all that comes before.
    pub(super) fn begin_anew(&mut self, offset: u64, reader: Reader, incr: Option<Output>) {
        self.backup_misses_some();
        (self.place, self.reader) = (None, Some(reader));
        self.pending.clear();
        (self.gathered, self.written, self.synced) = (offset, offset, offset);
        self.stamped = 0;
        self.output = incr.filter(|_| self.rewrite.as_ref().is_some_and(|r| !r.doomed));
        if self.output.is_none() {
            self.reader = None;
        }
    }

    /// Begins a rewrite if one is due.
    pub(super) fn plan(&mut self) {
        let busy = self.rewrite.is_some() || self.deleting || self.storing.is_some();
        if busy || self.backup_holds_rewrites() {
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
        let path = self.manifest.file(&base);
        let part = (self.state() != State::Off).then(|| self.manifest.next_incr());
        let next = part.clone().map(|part| (self.manifest.file(&part), part));
        let anew = self.state() == State::Waiting || self.health == Health::SyncFailed;
        let (server, target) = (Arc::clone(&self.server), path.clone());
        let before = self.manifest.incrs.last().map(|part| self.manifest.file(part));
        let work = move || {
            if let Some(before) = before.filter(|_| !anew) {
                ease_switch(&server, &before);
            }
            let result = write_base(&server, &target, snapshot, next, anew);
            server.persistence.release();
            server.aof.send(Order::BaseDone(result));
        };
        let (first, begun) = (part.map(|part| part.name), Instant::now());
        self.rewrite = Some(Rewrite { first, base, path, doomed: false, begun });
        self.server.log.notice("Background append only file rewriting started");
        let thread = std::thread::Builder::new().name("aof-rewrite".into()).spawn(work);
        thread.inspect_err(|_| self.rewrite = None)?;
        self.backup_snapshots();
        Ok(())
    }

    /// A base was written, or not.
    pub(super) fn base_done(&mut self, result: Result<u64, String>) {
        let Some(rewrite) = self.rewrite.take() else { return };
        self.aof()
            .figures
            .last_rewrite_seconds
            .store(rewrite.begun.elapsed().as_secs() as i64, Ordering::Relaxed);
        let begins = self.output.as_ref().is_some_and(|output| !output.listed);
        match result {
            Ok(_) if rewrite.doomed => self.base_failed(&rewrite, "it was given up"),
            Ok(bytes) if self.state() != State::Off && begins => {
                match self.take_first_base(&rewrite, bytes) {
                    Ok(()) => self.rewrite_succeeded(),
                    Err(error) => self.base_failed(&rewrite, &error),
                }
            }
            Ok(bytes) => self.name_base(rewrite, bytes),
            Err(error) => self.base_failed(&rewrite, &error),
        }
    }

    /// Has the manifest name a new base, and the increments since its cut only. They go on meanwhile.
    fn name_base(&mut self, rewrite: Rewrite, bytes: u64) {
        if self.state() == State::Waiting || self.health == Health::SyncFailed {
            return self.base_failed(&rewrite, "there is no new increment");
        }
        let first = rewrite.first.as_deref();
        if first.is_some_and(|first| self.manifest.incrs.iter().all(|i| i.name != first)) {
            return self.base_failed(&rewrite, "the log has not come to the cut yet");
        }
        let mut manifest = self.manifest.clone();
        manifest.rebase(rewrite.base.clone(), first.unwrap_or_default());
        self.store(manifest, None, Change::Base(rewrite, bytes));
    }

    /// The manifest with a new base was stored, or not.
    pub(super) fn base_named(
        &mut self,
        manifest: Manifest,
        rewrite: &Rewrite,
        bytes: u64,
        result: Stored,
    ) {
        if !matches!(result, Err(StoreError::NotStored(_))) {
            self.manifest = manifest;
        }
        if let Err(error) = result {
            let text = format!("the manifest could not be stored: {error}");
            // As for the cut. The files that the old one names stay as well.
            if let StoreError::NotSynced(error) = error {
                self.lose(&error);
            }
            return self.base_failed(rewrite, &text);
        }
        self.aof().figures.others_size.store(bytes, Ordering::Relaxed);
        self.aof().figures.base_size.store(self.size(), Ordering::Relaxed);
        self.rewrite_succeeded();
    }

    /// Has the manifest name a new base and the first increment, which count from now on. No reply
    /// waits for that.
    fn take_first_base(&mut self, rewrite: &Rewrite, bytes: u64) -> Result<(), String> {
        self.write_now();
        let synced = self.sync_now();
        let Some(output) = self.output.as_ref().filter(|_| synced && self.pending.is_empty())
        else {
            return Err("the new increment could not be written".into());
        };
        let mut manifest = self.manifest.clone();
        manifest.rebase(rewrite.base.clone(), "");
        manifest.incrs.push(output.part.clone());
        let stored = manifest.store();
        if !matches!(stored, Err(StoreError::NotStored(_))) {
            self.manifest = manifest;
        }
        if let Err(error) = stored {
            let text = format!("the manifest could not be stored: {error}");
            self.abandon(&text);
            return Err(text);
        }
        self.aof().figures.others_size.store(bytes, Ordering::Relaxed);
        self.take_up();
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

    /// A base comes to nothing. Its file goes, unless the manifest names it.
    fn base_failed(&mut self, rewrite: &Rewrite, why: &str) {
        let named = self.manifest.base.as_ref().map(|base| self.manifest.file(base));
        if named.as_ref() != Some(&rewrite.path) {
            // It may not have been made.
            let _ = std::fs::remove_file(&rewrite.path);
        }
        self.rewrite_failed(&format!("Background AOF rewrite failed: {why}"));
    }

    fn rewrite_succeeded(&mut self) {
        self.failures = 0;
        self.no_rewrite_before = Instant::now();
        self.server.log.notice("Background AOF rewrite finished successfully");
        self.pin_base();
        self.deleting = self.delete_history();
        if !self.deleting {
            self.aof().end_rewrite(true);
        }
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

    /// Has the manifest speak no more of files that are gone, unless it is about to be stored.
    pub(super) fn forget(&mut self) {
        if self.storing.is_some() || self.awaits_seal() {
            return;
        }
        let Some(names) = self.gone.take() else { return };
        let mut manifest = self.manifest.clone();
        manifest.history.retain(|part| !names.contains(&part.name));
        self.store(manifest, None, Change::Forget);
    }

    /// The manifest without old files was stored, or not.
    pub(super) fn forgotten(&mut self, manifest: Manifest, result: Stored) {
        self.manifest = manifest;
        if let Err(error) = result {
            // It names files that are gone; nobody needs them.
            let text = format!("The AOF manifest could not be stored: {error}");
            self.server.log.warning(&text);
        }
        if std::mem::take(&mut self.deleting) {
            self.aof().end_rewrite(true);
        }
    }
}

/// Opens the increment `next` for what follows a base, and writes the base to `target`. `anew` is
/// whether what came before is of no interest. Returns the base's size.
fn write_base(
    server: &Server,
    target: &Path,
    snapshot: bool,
    next: Option<(PathBuf, Part)>,
    anew: bool,
) -> Result<u64, String> {
    let opened = next.map(|(path, part)| Output::open(&path, part, true)).transpose();
    let mut incr = opened.map_err(|error| format!("no new increment: {}", words(&error)))?;
    let effects = &server.engine.effects;
    let mut cut = |offset| {
        effects.select_again();
        let reader = anew.then(|| effects.reader(true));
        if let Some(incr) = incr.take() {
            server.aof.cut(Cut { offset, reader, incr: Some(incr) });
        }
    };
    rewrite::write_base(server, target, snapshot, &mut cut)
}

/// Syncs an increment that is about to be left, so that little is left to be synced when it is. How
/// that went is seen then: the error of a sync is told to each descriptor.
fn ease_switch(server: &Server, path: &Path) {
    if !server.aof.syncs_always(server)
        && let Ok(file) = std::fs::File::open(path)
    {
        let _ = file.sync_data();
    }
}
