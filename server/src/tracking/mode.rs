//! How a client tracks: the state that CLIENT TRACKING and CLIENT CACHING set.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

/// A set of options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode(u8);

impl Mode {
    /// Tracking is on.
    pub const ON: Self = Self(1);
    /// By prefix, whatever the client has read.
    pub const BCAST: Self = Self(1 << 1);
    /// Only keys read by a command that follows CLIENT CACHING YES.
    pub const OPTIN: Self = Self(1 << 2);
    /// Not keys read by a command that follows CLIENT CACHING NO.
    pub const OPTOUT: Self = Self(1 << 3);
    /// Not what the client itself changes.
    pub const NOLOOP: Self = Self(1 << 4);

    /// Whether all of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What CLIENT TRACKING ON asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The mode.
    pub mode: Mode,
    /// The client that gets the messages instead.
    pub redirect: Option<u64>,
    /// Prefixes, with BCAST. The empty one stands for all keys.
    pub prefixes: Vec<Box<[u8]>>,
}

/// A client's state.
#[derive(Default)]
pub struct State {
    mode: AtomicU8,
    /// 0 for nobody.
    redirect: AtomicU64,
    broken: AtomicBool,
    /// CLIENT CACHING was given for the next command.
    caching: AtomicBool,
    prefixes: Mutex<Vec<Box<[u8]>>>,
}

impl State {
    /// The mode.
    pub fn mode(&self) -> Mode {
        Mode(self.mode.load(Ordering::Relaxed))
    }

    /// Whether tracking is on.
    pub fn is_on(&self) -> bool {
        self.mode().has(Mode::ON)
    }

    /// To whom messages are redirected.
    pub fn redirect(&self) -> Option<u64> {
        Some(self.redirect.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Whether that client is gone.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The prefixes.
    pub fn prefixes(&self) -> Vec<Box<[u8]>> {
        self.lock().clone()
    }

    /// Whether CLIENT CACHING was given for the next command.
    pub fn is_caching(&self) -> bool {
        self.caching.load(Ordering::Relaxed)
    }

    /// CLIENT CACHING, or its end.
    pub fn set_caching(&self, caching: bool) {
        self.caching.store(caching, Ordering::Relaxed);
    }

    /// Whether the keys of a command that reads are to be remembered.
    pub fn remembers(&self) -> bool {
        let mode = self.mode();
        if !mode.has(Mode::ON) || mode.has(Mode::BCAST) {
            return false;
        }
        match (mode.has(Mode::OPTIN), mode.has(Mode::OPTOUT)) {
            (true, _) => self.is_caching(),
            (_, true) => !self.is_caching(),
            _ => true,
        }
    }

    pub(super) fn enable(&self, options: Options) {
        self.mode.store(options.mode.with(Mode::ON).0, Ordering::Relaxed);
        self.redirect.store(options.redirect.unwrap_or(0), Ordering::Relaxed);
        self.broken.store(false, Ordering::Relaxed);
        self.set_caching(false);
        let mut prefixes = self.lock();
        for prefix in options.prefixes {
            if !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
    }

    /// Ends tracking and returns the prefixes that were asked for.
    pub(super) fn disable(&self) -> Vec<Box<[u8]>> {
        self.mode.store(0, Ordering::Relaxed);
        self.redirect.store(0, Ordering::Relaxed);
        self.broken.store(false, Ordering::Relaxed);
        self.set_caching(false);
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn break_redirect(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.prefixes.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
