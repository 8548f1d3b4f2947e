//! WATCH: who wants to know that a key changed.
//!
//! A watching session owns a [`WatchFlag`]; the shard of each watched key holds a weak reference
//! to it. Touching the key raises the flag. A session that unwatches just drops its flag: what is
//! left in the shards is dead, and swept by the cron or the next touch, so that unwatching needs
//! no locks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Raised when one of a session's watched keys has changed.
#[derive(Default, Debug)]
pub struct WatchFlag(AtomicBool);

impl WatchFlag {
    /// Whether a watched key has changed.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A key that a session watches.
#[derive(Debug)]
pub struct WatchedKey {
    /// Its logical database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether it had expired already when it was first watched, so that its removal is no news.
    pub was_expired: bool,
}

/// What a session watches.
#[derive(Default, Debug)]
pub struct WatchSet {
    /// Raised by the first change.
    pub flag: Arc<WatchFlag>,
    /// The keys.
    pub keys: Vec<WatchedKey>,
}

impl WatchSet {
    /// Forgets all keys.
    pub fn clear(&mut self) {
        if !self.keys.is_empty() {
            *self = Self::default();
        }
    }
}

/// The watched keys of one shard, by database and key.
///
/// Nearly always empty, so it is a single pointer that is null then.
#[derive(Default)]
pub struct Watchers(Option<Box<Flags>>);

type Flags = HashMap<(usize, Box<[u8]>), Vec<Weak<WatchFlag>>>;

impl Watchers {
    /// Whether nobody watches a key of this shard: the one test that a write pays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Registers a flag for a key.
    pub fn add(&mut self, db: usize, key: &[u8], flag: &Arc<WatchFlag>) {
        self.0
            .get_or_insert_default()
            .entry((db, key.into()))
            .or_default()
            .push(Arc::downgrade(flag));
    }

    /// Raises the flags of a key that changed.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        let Some(all) = &mut self.0 else { return };
        if let Some(flags) = all.remove(&(db, Box::from(key))) {
            flags.iter().filter_map(Weak::upgrade).for_each(|flag| flag.raise());
        }
        self.shrink();
    }

    /// Raises the flags of all keys of a database for which `changed` holds.
    pub fn touch_where(&mut self, db: usize, mut changed: impl FnMut(&[u8]) -> bool) {
        let Some(all) = &mut self.0 else { return };
        all.retain(|(at, key), flags| {
            if *at != db || !changed(key) {
                return true;
            }
            flags.iter().filter_map(Weak::upgrade).for_each(|flag| flag.raise());
            false
        });
        self.shrink();
    }

    /// Drops what belongs to sessions that no longer watch.
    pub fn sweep(&mut self) {
        let Some(all) = &mut self.0 else { return };
        all.retain(|_, flags| {
            flags.retain(|flag| flag.strong_count() > 0);
            !flags.is_empty()
        });
        self.shrink();
    }

    fn shrink(&mut self) {
        if self.0.as_ref().is_some_and(|all| all.is_empty()) {
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_raises_the_flags_of_that_key_only() {
        let mut watchers = Watchers::default();
        let (a, b) = (Arc::new(WatchFlag::default()), Arc::new(WatchFlag::default()));
        watchers.add(0, b"x", &a);
        watchers.add(0, b"y", &b);
        watchers.touch(1, b"x");
        assert!(!a.is_raised());
        watchers.touch(0, b"x");
        assert!(a.is_raised() && !b.is_raised());
    }

    #[test]
    fn a_sweep_forgets_the_sessions_that_are_gone() {
        let mut watchers = Watchers::default();
        let flag = Arc::new(WatchFlag::default());
        watchers.add(0, b"x", &flag);
        watchers.sweep();
        assert!(!watchers.is_empty());
        drop(flag);
        watchers.sweep();
        assert!(watchers.is_empty());
    }
}
