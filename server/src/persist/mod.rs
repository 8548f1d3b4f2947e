//! What is on disk: snapshots (RDB), when they are taken, and what is loaded at the start.
//!
//! - [`load`]: loads a file; [`check`] only looks whether it could be.
//! - [`libraries`]: functions that come with files, and go with them.
//! - [`save`]: takes a snapshot into a file.
//! - [`schedule`]: BGSAVE, `save` points, and what commands are refused after a failure.
//!
//! How entries are taken as they stood at one moment is `cairn_core::keyspace::Snapshot`'s
//! business; how they look in a file is `cairn_core::rdb`'s.

pub mod check;
pub mod libraries;
pub mod load;
pub(crate) mod map;
pub(crate) mod output;
pub mod save;
pub mod schedule;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use cairn_core::clock;

use libraries::Libraries;

/// Commands are answered `LOADING`.
const LOADING: u8 = 1;
/// Writes are refused because the last snapshot failed.
const SAVE_FAILED: u8 = 2;
/// Writes are refused because the append-only file cannot be written.
const AOF_FAILED: u8 = 4;
/// Writes are refused because there are fewer replicas than wanted.
const NO_REPLICAS: u8 = 8;

/// What needs the snapshot of all data, of which one is taken at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// SAVE, at a client's wish: it waits.
    Save,
    /// BGSAVE, or a `save` point.
    Background,
    /// The base of an append-only file.
    Rewrite,
    /// No snapshot: data is being replaced, and one of what is there meanwhile would have a part.
    Reload,
}

/// How snapshots went, and what is being done.
pub struct Persistence {
    /// What commands have to be refused for, as bits: one load a command.
    refused: AtomicU8,
    /// Whether the snapshot being taken is to be given up.
    cancelled: AtomicBool,
    /// Keys written of the snapshot being taken.
    keys_done: AtomicU64,
    /// Keys that it has in all.
    keys_total: AtomicU64,
    /// Changes counted when the last snapshot that succeeded was begun.
    changes_saved: AtomicU64,
    /// How far loading has come.
    pub progress: load::Progress,
    /// Libraries of functions, which are only kept.
    pub libraries: Libraries,
    state: Mutex<State>,
}

struct State {
    running: Option<(Purpose, Instant)>,
    /// BGSAVE SCHEDULE waits for something else to end.
    scheduled: bool,
    /// Unix seconds.
    last_success: u64,
    last_try: u64,
    last_ok: bool,
    last_seconds: Option<u64>,
    last_copied: u64,
    saves: u64,
}

/// Figures for INFO.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// What is being done, and for how many seconds.
    pub running: Option<(Purpose, u64)>,
    /// Unix seconds of the last success, or of the start.
    pub last_success: u64,
    /// Whether the last background snapshot succeeded.
    pub last_ok: bool,
    /// How long the last background snapshot took.
    pub last_seconds: Option<u64>,
    /// Bytes of entries that had to be written out early for the last background snapshot.
    pub last_copied: u64,
    /// Snapshots that succeeded.
    pub saves: u64,
    /// Keys written so far, and in all, of the snapshot being taken.
    pub progress: (u64, u64),
}

impl Default for Persistence {
    fn default() -> Self {
        Self {
            refused: AtomicU8::new(0),
            cancelled: AtomicBool::new(false),
            keys_done: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
            changes_saved: AtomicU64::new(0),
            progress: load::Progress::default(),
            libraries: Libraries::default(),
            state: Mutex::new(State {
                running: None,
                scheduled: false,
                last_success: clock::now_nanos() / 1_000_000_000,
                last_try: 0,
                last_ok: true,
                last_seconds: None,
                last_copied: 0,
                saves: 0,
            }),
        }
    }
}

impl Persistence {
    /// Whether the snapshot being taken is to be given up.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether commands may have to be refused: see [`Persistence::refusal`].
    #[inline]
    pub fn refuses(&self) -> bool {
        self.refused.load(Ordering::Relaxed) != 0
    }

    /// Whether data is being loaded.
    pub fn is_loading(&self) -> bool {
        self.refused.load(Ordering::Relaxed) & LOADING != 0
    }

    /// Says that loading begins or is over.
    pub fn set_loading(&self, loading: bool) {
        self.refuse(LOADING, loading);
    }

    /// Says whether commands have to be refused because of the append-only file.
    pub fn refuse_for_aof(&self, refuse: bool) {
        self.refuse(AOF_FAILED, refuse);
    }

    /// Says whether there are fewer replicas than writes need.
    pub fn refuse_for_replicas(&self, refuse: bool) {
        self.refuse(NO_REPLICAS, refuse);
    }

    fn refuse(&self, why: u8, refuse: bool) {
        if refuse {
            self.refused.fetch_or(why, Ordering::SeqCst);
        } else {
            self.refused.fetch_and(!why, Ordering::SeqCst);
        }
    }

    /// Changes since the snapshot that succeeded last, of `changes` in all.
    pub fn unsaved(&self, changes: u64) -> u64 {
        changes.saturating_sub(self.changes_saved.load(Ordering::Relaxed))
    }

    /// What is being done.
    pub fn running(&self) -> Option<Purpose> {
        self.state().running.map(|(purpose, _)| purpose)
    }

    /// The figures of now.
    pub fn figures(&self) -> Figures {
        let state = self.state();
        Figures {
            running: state.running.map(|(purpose, since)| (purpose, since.elapsed().as_secs())),
            last_success: state.last_success,
            last_ok: state.last_ok,
            last_seconds: state.last_seconds,
            last_copied: state.last_copied,
            saves: state.saves,
            progress: (
                self.keys_done.load(Ordering::Relaxed),
                self.keys_total.load(Ordering::Relaxed),
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
