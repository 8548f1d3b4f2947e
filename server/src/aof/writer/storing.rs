//! Storing the manifest while the writer goes on, and switching increments by it.
//!
//! The thread that syncs stores it, one at a time, and no order is obeyed meanwhile. Appending goes
//! on, but for a switch: what follows the cut belongs into the next increment, which counts only once
//! the manifest names it, and that only once the increment before is on disk, so that nothing can be
//! missing in the middle. Until then it gathers, and replies wait: a kill must not lose what they say.

use super::*;

/// How it went.
pub(super) type Stored = Result<(), StoreError>;

/// What a manifest that is being stored is for.
pub(super) enum Change {
    /// To go on in another increment.
    Switch(Output, Cause),
    /// To name a new base of this many bytes.
    Base(Rewrite, u64),
    /// To speak no more of old files.
    Forget,
}

/// Why the file goes on in another increment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Rewrite,
    Seal,
}

impl Writer {
    /// Has a manifest stored, after `before` was synced.
    pub(super) fn store(&mut self, manifest: Manifest, before: Option<Arc<File>>, change: Change) {
        self.storing = Some(change);
        self.syncer.begin(Job::Store { before, manifest });
    }

    /// A manifest was stored, or not; the outer error is that of the file before.
    pub(super) fn stored(&mut self, manifest: Manifest, result: io::Result<Stored>) {
        let Some(change) = self.storing.take() else { return };
        let result = result.unwrap_or_else(|error| {
            self.lose(&error);
            Err(StoreError::NotStored(error))
        });
        match change {
            Change::Switch(incr, cause) => match (self.switched(incr, manifest, result), cause) {
                (Ok(()), Cause::Rewrite) => self.pin_increment(),
                (Ok(()), Cause::Seal) => self.complete_backup(),
                (Err(why), _) => self.not_switched(cause, &why),
            },
            Change::Base(rewrite, bytes) => self.base_named(manifest, &rewrite, bytes, result),
            Change::Forget => self.forgotten(manifest, result),
        }
    }

    /// Whether the increment is being switched.
    pub(super) fn is_switching(&self) -> bool {
        matches!(self.storing, Some(Change::Switch(..)))
    }

    /// Begins to go on in the increment of a rewrite, or in the one behind a backup.
    pub(super) fn switch(&mut self, incr: Option<Output>) {
        let (incr, cause) = match incr {
            Some(incr) => (Some(incr), Cause::Rewrite),
            None => (self.next_after_seal(), Cause::Seal),
        };
        let Some(incr) = incr else { return };
        if cause == Cause::Rewrite && self.rewrite.as_ref().is_none_or(|r| r.doomed) {
            return;
        }
        self.write_now();
        // Nothing is being stored when a cut is expected.
        let good = self.health == Health::Good && self.storing.is_none();
        let output = self.output.as_ref().filter(|_| good);
        let Some(before) = output.map(|output| Arc::clone(&output.file)) else {
            return self.not_switched(cause, "the increment before could not be completed");
        };
        self.stamped = 0;
        let mut manifest = self.manifest.clone();
        manifest.incrs.push(incr.part.clone());
        self.store(manifest, Some(before), Change::Switch(incr, cause));
    }

    /// Goes on in another increment, if the manifest names it.
    fn switched(&mut self, incr: Output, manifest: Manifest, result: Stored) -> Result<(), String> {
        // Which manifest a crash leaves may not be known: no name in either may be used again.
        if !matches!(result, Err(StoreError::NotStored(_))) {
            self.manifest = manifest;
        }
        let Some(output) = self.output.as_mut().filter(|_| self.health == Health::Good) else {
            return Err("the increment before could not be completed".into());
        };
        // It was not written to meanwhile.
        (output.synced, self.synced) = (output.len, self.written);
        match result {
            Ok(()) => {}
            Err(StoreError::NotStored(error)) => return Err(words(&error)),
            // Nothing may be added to the files of either.
            Err(StoreError::NotSynced(error)) => {
                self.lose(&error);
                return Err(words(&error));
            }
        }
        // What came during these syncs has waited for long enough.
        let now = Instant::now();
        self.last_sync = now.checked_sub(SYNC_PERIOD).unwrap_or(now);
        let before = self.output.replace(Output { listed: true, ..incr });
        let len = before.map_or(0, |output| output.len);
        self.aof().figures.others_size.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }

    fn not_switched(&mut self, cause: Cause, why: &str) {
        match cause {
            Cause::Rewrite => self.doom(why),
            Cause::Seal => self.fail_backup(why),
        }
    }
}
