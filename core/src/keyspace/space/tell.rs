//! The second half of a change: telling those who watch the key, the modules, the subscribers to
//! its events, blocked clients, and the log.

use super::Space;
use crate::notify::Class;
use crate::value::Object;

/// A keyspace event, to be published when the command is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Logical database.
    pub db: usize,
    /// Its class.
    pub class: Class,
    /// Its name, for example `set`.
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
    /// The elements that it is about, such as fields of a hash, if anybody asked for them.
    pub elements: Box<[Box<[u8]>]>,
}

/// The name of the event of [`Class::INVALIDATION`] that stands for all keys. That of one key has
/// none.
pub const INVALIDATE_ALL: &str = "all";

/// The name that an event of [`Class::INVALIDATION`] has once those who had read the key know.
pub const INVALIDATED: &str = "told";

impl Space<'_> {
    /// The second half of a change: tells those who watch the key, the modules, subscribers to
    /// its event, and the log.
    #[inline]
    pub fn changed(&mut self, class: Class, event: &'static str, key: &[u8]) {
        self.dirty += 1;
        self.settle_size();
        self.touch(key);
        self.notify(class, event, key);
    }

    /// As [`Space::changed`], for the hot paths of a value type that no module but its own looks
    /// into, when nothing changed that its own would have to know: modules are not told.
    #[inline]
    pub fn changed_within(&mut self, class: Class, event: &'static str, key: &[u8]) {
        self.dirty += 1;
        self.touch_watchers(key);
        self.notify(class, event, key);
    }

    /// As [`Space::changed`] where there is no event of that name to publish.
    #[inline]
    pub fn touch(&mut self, key: &[u8]) {
        self.touch_watchers(key);
        if self.engine.modules.observes_keys() {
            self.after.touched.push((self.db, key.into()));
        }
    }

    #[inline]
    fn touch_watchers(&mut self, key: &[u8]) {
        let db = self.db;
        let shard = self.place(key).shard;
        if !self.held.shard(shard).watchers.is_empty() {
            let gone = self.find(key).is_none();
            self.held.shard_mut(shard).watchers.touch(db, key, gone);
        }
        self.notify(Class::INVALIDATION, "", key);
    }

    /// Tells whoever caches keys that all of them may have changed.
    pub fn invalidate_all(&mut self) {
        self.notify(Class::INVALIDATION, INVALIDATE_ALL, b"");
    }

    /// Counts a change that concerns no single key.
    pub fn count_change(&mut self) {
        self.dirty += 1;
    }

    /// Says how many changes the running command's changes so far count for, as
    /// `rdb_changes_since_last_save` and the save points have it: one a key unless it is said.
    pub fn count_as(&mut self, changes: usize) {
        self.dirty = changes as u64;
    }

    /// Publishes a keyspace event, if anybody asked for its class.
    #[inline]
    pub fn notify(&mut self, class: Class, name: &'static str, key: &[u8]) {
        if self.engine.tuning.notifies(class) {
            let (key, elements) = (key.into(), Box::default());
            self.after.events.push(Event { db: self.db, class, name, key, elements });
        }
    }

    /// Says which elements the event of this class that was just told of is about, for those who
    /// asked for notifications of elements.
    #[inline]
    pub fn name_elements<'x>(&mut self, class: Class, elements: impl Iterator<Item = &'x [u8]>) {
        if self.engine.tuning.notify_classes().any(Class::SUBKEYS)
            && let Some(event) = self.after.events.last_mut()
            && event.class == class
        {
            event.elements = elements.map(Box::from).collect();
        }
    }

    /// Says that a key may serve clients that are blocked on it.
    #[inline]
    pub fn signal(&mut self, key: &[u8]) {
        if self.held.shard(self.place(key).shard).queues.has(self.db, key) {
            self.after.ready.push((self.db, key.into()));
        }
    }

    /// Tells the clients that wait for a value that it is gone, if they have to know.
    #[inline]
    pub(super) fn end_waits(&mut self, object: &dyn Object, key: &[u8]) {
        if object.ends_waits() {
            self.signal(key);
        }
    }

    /// States an effect of the running command, instead of the command's own words. May be called
    /// several times.
    pub fn effect(&mut self, args: &[&[u8]]) {
        self.stated = true;
        if self.engine.effects.is_active() {
            self.after.effects.push(self.db, args);
        }
    }

    /// States that the running command has no effect to log.
    pub fn no_effect(&mut self) {
        self.stated = true;
    }
}
