//! How the writer makes a backup.
//!
//! While the append-only file is in use, a rewrite makes the base, and the backup's directory gets
//! hard links: one to the base, and one to each increment since, so that a later rewrite may delete
//! its own names. Sealing cuts the log once more, so that the increments that are linked grow no
//! longer. While the append-only file is off, the writer is turned on for the backup alone: with the
//! backup's directory in place of its own, without fsyncs that replies wait for, and without any
//! effect on commands when the disk fails.

use std::sync::mpsc::Sender;

use super::*;
use crate::aof::backup::{Stage, remove_files};
use crate::aof::manifest::sync_dir;
use crate::aof::{SealStep, backup};

/// A backup that is not sealed yet.
pub(super) struct Window {
    /// Its files. The base is there from the incrementing stage on.
    manifest: Manifest,
    /// The manifest of the server's own append-only file, while the writer serves the backup alone.
    own: Option<Manifest>,
    /// The increment that the server's own file goes on in once the backup is sealed.
    next: Option<Output>,
    /// Who waits for the seal.
    sealing: Option<Sender<SealStep>>,
}

impl Window {
    fn has_base(&self) -> bool {
        self.manifest.base.is_some()
    }
}

impl Writer {
    /// Whether the writer serves a backup alone.
    pub(super) fn is_borrowed(&self) -> bool {
        self.backup.as_ref().is_some_and(|window| window.own.is_some())
    }

    /// Whether a rewrite has to wait for a backup.
    pub(super) fn backup_holds_rewrites(&self) -> bool {
        let sealing = self.backup.as_ref().is_some_and(|window| window.sealing.is_some());
        sealing || self.is_borrowed() && self.backup.as_ref().is_some_and(Window::has_base)
    }

    /// BACKUP START.
    pub(super) fn open_backup(&mut self, dir: PathBuf) {
        let manifest = Manifest::new(dir, &backup::stem(&self.server));
        let mut window =
            Window { manifest: manifest.clone(), own: None, next: None, sealing: None };
        if self.state() == State::Off {
            window.own = Some(std::mem::replace(&mut self.manifest, manifest));
            self.aof().borrowed.store(true, Ordering::SeqCst);
            self.aof().set_state(State::Waiting);
            self.no_rewrite_before = Instant::now();
        } else if self.rewrite.as_ref().is_none_or(|rewrite| rewrite.doomed) {
            self.aof().schedule();
        } else {
            self.aof().backup.advance(Stage::Snapshotting, Vec::new());
        }
        self.backup = Some(window);
    }

    /// A rewrite has begun.
    pub(super) fn backup_snapshots(&self) {
        if self.backup.as_ref().is_some_and(|window| !window.has_base()) {
            self.aof().backup.advance(Stage::Snapshotting, Vec::new());
        }
    }

    /// A rewrite has ended well: its base and what follows are the backup's, if it has none yet.
    pub(super) fn pin_base(&mut self) {
        let Some(window) = self.backup.as_mut().filter(|window| !window.has_base()) else { return };
        let Some(base) = self.manifest.base.clone() else { return };
        let mut parts = vec![base.clone()];
        parts.extend(self.manifest.incrs.iter().cloned());
        if window.own.is_none()
            && let Err(error) = link(&self.manifest, &window.manifest, &parts)
        {
            return self.fail_backup(&format!("a file could not be linked: {}", words(&error)));
        }
        let file = window.manifest.file(&base);
        window.manifest.base = Some(base);
        window.manifest.incrs = parts.split_off(1);
        self.aof().backup.advance(Stage::Incrementing, vec![file]);
        self.server.log.notice("The base of the backup is written");
    }

    /// The own file goes on in the increment that its manifest names last.
    pub(super) fn pin_increment(&mut self) {
        let Some(window) = self.backup.as_mut().filter(|window| window.has_base()) else { return };
        let Some(part) = self.manifest.incrs.last().cloned() else { return };
        match link(&self.manifest, &window.manifest, std::slice::from_ref(&part)) {
            Ok(()) => window.manifest.incrs.push(part),
            Err(error) => {
                self.fail_backup(&format!("a file could not be linked: {}", words(&error)));
            }
        }
    }

    /// The log was left out of the file for a while: what the backup holds has no continuation.
    pub(super) fn backup_misses_some(&mut self) {
        if self.backup.as_ref().is_some_and(Window::has_base) {
            self.fail_backup("the append-only file could not be written without a gap");
        }
    }

    /// BACKUP SEAL. Where the file goes on, `asker` is told to cut the log first.
    pub(super) fn seal_backup(&mut self, asker: Sender<SealStep>) {
        let refusal = match &self.backup {
            Some(window) if window.sealing.is_some() => Some("it is being sealed"),
            Some(window) if !window.has_base() => Some("its base is not written yet"),
            Some(_) if self.rewrite.is_some() => {
                Some("the append-only file is being rewritten: try again when it is")
            }
            Some(_) => None,
            None => Some("there is none in progress"),
        };
        if let Some(why) = refusal {
            return tell(&asker, SealStep::Refused(why.to_string()));
        }
        let borrowed = self.is_borrowed();
        let part = self.manifest.next_incr();
        let Some(window) = &mut self.backup else { return };
        window.sealing = Some(asker.clone());
        if borrowed {
            return self.complete_alone();
        }
        match Output::open(&self.manifest.file(&part), part, true) {
            Ok(next) => {
                window.next = Some(next);
                tell(&asker, SealStep::Cut);
            }
            Err(error) => self.fail_backup(&format!("no new increment: {}", words(&error))),
        }
    }

    /// Whether the log is about to be cut to seal a backup.
    pub(super) fn awaits_seal(&self) -> bool {
        self.backup.as_ref().is_some_and(|window| window.next.is_some())
    }

    /// The increment to go on in when the log was cut to seal a backup.
    pub(super) fn next_after_seal(&mut self) -> Option<Output> {
        self.backup.as_mut().and_then(|window| window.next.take())
    }

    /// Ends a backup that the writer was turned on for.
    fn complete_alone(&mut self) {
        self.gather();
        self.write_now();
        if self.backup.is_none() {
            return;
        }
        if !self.sync_now() || !self.pending.is_empty() {
            return self.fail_backup("its increment could not be written");
        }
        self.complete_backup();
        if let Some(own) = self.backup.take().and_then(|window| window.own) {
            self.give_back(own);
        }
    }

    /// Has a manifest name the files of a backup, which change no more.
    pub(super) fn complete_backup(&mut self) {
        let Some(window) = &mut self.backup else { return };
        let manifest = &window.manifest;
        if let Err(error) = manifest.store() {
            return self.fail_backup(&format!("the manifest could not be stored: {error}"));
        }
        let mut files: Vec<PathBuf> = manifest.parts().map(|part| manifest.file(part)).collect();
        files.push(manifest.path());
        let asker = window.sealing.take();
        self.aof().backup.advance(Stage::Sealed, files);
        self.server.log.notice("The backup is sealed");
        if let Some(asker) = asker {
            tell(&asker, SealStep::Done);
        }
        if !self.is_borrowed() {
            self.backup = None;
        }
    }

    /// Gives up a backup and removes its files.
    pub(super) fn fail_backup(&mut self, why: &str) {
        let Some(window) = self.backup.take() else { return };
        let Window { manifest, own, next, sealing } = window;
        if let Some(next) = next {
            // It is named nowhere.
            let _ = std::fs::remove_file(self.manifest.file(&next.part));
        }
        if let Some(own) = own {
            self.doom(why);
            self.aof().unschedule();
            self.server.persistence.abort(Some(Purpose::Rewrite));
            self.give_back(own);
        }
        if let Err(error) = remove_files(&manifest.dir, &manifest.stem) {
            let text = format!("Files of a backup could not be removed: {}", words(&error));
            self.server.log.warning(&text);
        }
        self.server.log.warning(&format!("The backup was given up: {why}"));
        self.aof().backup.fail(why);
        if let Some(asker) = sealing {
            tell(&asker, SealStep::Refused(why.to_string()));
        }
    }

    /// The writer is no longer needed for a backup.
    fn give_back(&mut self, own: Manifest) {
        self.manifest = own;
        (self.output, self.reader, self.place) = (None, None, None);
        self.pending.clear();
        self.health = Health::Good;
        self.aof().set_state(State::Off);
        self.aof().borrowed.store(false, Ordering::SeqCst);
    }
}

/// Gives files of one manifest a name in the directory of another.
fn link(from: &Manifest, to: &Manifest, parts: &[Part]) -> io::Result<()> {
    for part in parts {
        std::fs::hard_link(from.file(part), to.file(part))?;
    }
    sync_dir(&to.dir)
}

fn tell(asker: &Sender<SealStep>, step: SealStep) {
    // Whoever asked may have gone.
    let _ = asker.send(step);
}
