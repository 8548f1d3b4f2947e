//! WATCH: who wants to know that a key changed.
//!
//! A watching session owns a [`WatchFlag`]; the shard of each watched key holds a weak reference
//! to it. Touching the key raises the flag. A session that unwatches just drops its flag: what is
//! left in the shards is dead, and swept by the cron or the next touch, so that unwatching needs
//! no locks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::keyspace::{Space, shard_of};

/// Raised when one of a session's watched keys has changed.
#[derive(Default, Debug)]
pub struct WatchFlag {
    raised: AtomicBool,
    strict: bool,
}

impl WatchFlag {
    /// One that is also raised by changes that are no news for WATCH: see
    /// [`Space::changed_aside`].
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Whether a watched key has changed.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
    }
}

/// A key that a session watches.
#[derive(Debug)]
pub struct WatchedKey {
    /// Its logical database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether its time was over already when it was first watched, so that its removal is no
    /// news. The shard that watches it keeps this up to date.
    pub was_expired: Arc<AtomicBool>,
}

impl Space<'_> {
    /// Has `flag` raised when this key of the selected database changes.
    pub fn watch(&mut self, flag: &Arc<WatchFlag>, key: &[u8]) -> WatchedKey {
        let was_expired = Arc::new(AtomicBool::new(self.is_expired(key)));
        let watched = WatchedKey { db: self.db(), key: key.into(), was_expired };
        self.shard_mut(shard_of(key)).watchers.add(flag, &watched);
        watched
    }

    /// Counts a change of a key that, as in Redis, those who watch or cache it do not hear of: what
    /// a stream knows besides its entries. Only strict flags are raised.
    pub fn changed_aside(&mut self, key: &[u8]) {
        self.count_change();
        let db = self.db();
        let watchers = &mut self.shard_mut(shard_of(key)).watchers;
        if !watchers.is_empty() {
            watchers.touch_aside(db, key);
        }
    }
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

/// What became of a watched key when its whole database changed. A key whose time is over counts
/// as missing to those who found it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there and is not there.
    Nothing,
    /// It was there and is not any more.
    Gone,
    /// It is another one now.
    Other,
    /// It was there, and is now one whose time is over.
    Stale,
    /// It was not there, and is now one whose time is over.
    NewlyStale,
}

/// The watched keys of one shard, by database and key.
///
/// Nearly always empty, so it is a single pointer that is null then.
#[derive(Default)]
pub struct Watchers(Option<Box<Flags>>);

type Flags = HashMap<(usize, Box<[u8]>), Vec<Watch>>;

/// Somebody who watches a key.
struct Watch {
    flag: Weak<WatchFlag>,
    /// The key's time was over when it was watched: its removal changes nothing.
    expired: Arc<AtomicBool>,
}

impl Watch {
    fn is_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    fn set_expired(&self, expired: bool) {
        self.expired.store(expired, Ordering::Relaxed);
    }
}

/// Tells a key's watchers that it changed, now that it exists or is `gone`. True when somebody
/// goes on watching.
fn tell(watches: &mut Vec<Watch>, gone: bool) -> bool {
    watches.retain(|watch| {
        if watch.is_expired() && gone {
            watch.set_expired(false);
            return true;
        }
        if let Some(flag) = watch.flag.upgrade() {
            flag.raise();
        }
        false
    });
    !watches.is_empty()
}

impl Watchers {
    /// Whether nobody watches a key of this shard: the one test that a write pays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Registers a flag for a key.
    pub fn add(&mut self, flag: &Arc<WatchFlag>, watched: &WatchedKey) {
        let watch = Watch { flag: Arc::downgrade(flag), expired: Arc::clone(&watched.was_expired) };
        let place = (watched.db, watched.key.clone());
        self.0.get_or_insert_default().entry(place).or_default().push(watch);
    }

    /// Raises the flags of a key that changed, and now exists or is `gone`.
    pub fn touch(&mut self, db: usize, key: &[u8], gone: bool) {
        let Some(all) = &mut self.0 else { return };
        let place = (db, Box::from(key));
        if all.get_mut(&place).is_some_and(|watches| !tell(watches, gone)) {
            all.remove(&place);
        }
        self.shrink();
    }

    /// Raises the strict flags of a key.
    fn touch_aside(&self, db: usize, key: &[u8]) {
        let watches = self.0.as_ref().and_then(|all| all.get(&(db, Box::from(key))));
        let flags = watches.into_iter().flatten().filter_map(|watch| watch.flag.upgrade());
        flags.filter(|flag| flag.strict).for_each(|flag| flag.raise());
    }

    /// Raises the flags of all keys of a database that `change` says changed.
    pub fn touch_where(&mut self, db: usize, mut change: impl FnMut(&[u8]) -> Change) {
        let Some(all) = &mut self.0 else { return };
        all.retain(|(at, key), watches| {
            if *at != db {
                return true;
            }
            match change(key) {
                Change::Nothing => true,
                Change::Gone => tell(watches, true),
                Change::Other => tell(watches, false),
                Change::Stale => {
                    watches.retain(|watch| {
                        if let (false, Some(flag)) = (watch.is_expired(), watch.flag.upgrade()) {
                            flag.raise();
                        }
                        watch.is_expired()
                    });
                    !watches.is_empty()
                }
                Change::NewlyStale => {
                    watches.iter().for_each(|watch| watch.set_expired(true));
                    true
                }
            }
        });
        self.shrink();
    }

    /// Drops what belongs to sessions that no longer watch.
    pub fn sweep(&mut self) {
        let Some(all) = &mut self.0 else { return };
        all.retain(|_, flags| {
            flags.retain(|watch| watch.flag.strong_count() > 0);
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

    fn key(key: &[u8], expired: bool) -> WatchedKey {
        WatchedKey { db: 0, key: key.into(), was_expired: Arc::new(AtomicBool::new(expired)) }
    }

    #[test]
    fn a_touch_raises_the_flags_of_that_key_only() {
        let mut watchers = Watchers::default();
        let (a, b) = (Arc::new(WatchFlag::default()), Arc::new(WatchFlag::default()));
        watchers.add(&a, &key(b"x", false));
        watchers.add(&b, &key(b"y", false));
        watchers.touch(1, b"x", false);
        assert!(!a.is_raised());
        watchers.touch(0, b"x", true);
        assert!(a.is_raised() && !b.is_raised());
    }

    #[test]
    fn what_is_aside_raises_strict_flags_only() {
        let mut watchers = Watchers::default();
        let (lax, strict) = (Arc::new(WatchFlag::default()), Arc::new(WatchFlag::strict()));
        watchers.add(&lax, &key(b"x", false));
        watchers.add(&strict, &key(b"x", false));
        watchers.touch_aside(0, b"y");
        assert!(!strict.is_raised());
        watchers.touch_aside(0, b"x");
        assert!(strict.is_raised() && !lax.is_raised());
        watchers.touch(0, b"x", false);
        assert!(lax.is_raised());
    }

    #[test]
    fn the_removal_of_an_expired_key_is_no_change_once() {
        let mut watchers = Watchers::default();
        let flag = Arc::new(WatchFlag::default());
        watchers.add(&flag, &key(b"x", true));
        watchers.touch(0, b"x", true);
        assert!(!flag.is_raised());
        watchers.touch_where(0, |_| Change::Nothing);
        watchers.touch_where(0, |_| Change::NewlyStale);
        watchers.touch_where(0, |_| Change::Stale);
        assert!(!flag.is_raised());
        watchers.touch_where(0, |_| Change::Other);
        assert!(flag.is_raised() && watchers.is_empty());
    }

    #[test]
    fn a_sweep_forgets_the_sessions_that_are_gone() {
        let mut watchers = Watchers::default();
        let flag = Arc::new(WatchFlag::default());
        watchers.add(&flag, &key(b"x", false));
        watchers.sweep();
        assert!(!watchers.is_empty());
        drop(flag);
        watchers.sweep();
        assert!(watchers.is_empty());
    }
}
