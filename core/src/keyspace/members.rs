//! Elements that expire on their own: which keys have such, and the removal of elements whose
//! time is over.
//!
//! Each shard keeps, for each database, an index of these keys in the order of their earliest
//! deadlines. It may be too early for a key, never too late: whoever finds nothing due corrects
//! it. Values keep the deadlines themselves ([`crate::ds::deadlines`]).

use std::collections::BTreeSet;

use super::{Entry, Space, ValueRef, shard_of};
use crate::ds::Table;
use crate::value::{Expiring, ExpiryWords};

/// Most elements of one key that are removed when a command comes upon the key, if the value can
/// hide the rest until the next command or cycle.
const REMOVED_AT_ONCE: usize = 256;

/// Most elements that an active cycle removes from one shard before it lets others have it.
const REMOVED_A_STEP: usize = 1024;

/// The keys of one database in one shard whose values have elements that expire.
#[derive(Default)]
pub struct ExpiringKeys {
    /// The hashes of keys, each with the deadline that it is in `order` with. Two keys of one
    /// 64-bit hash share a place; the second is then looked at when it is next touched.
    keys: Table<(u64, i64)>,
    /// Earliest deadlines with the hashes of keys.
    order: BTreeSet<(i64, u64)>,
}

impl ExpiringKeys {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether any deadline may be over.
    #[inline]
    pub(crate) fn any_due(&self, now: i64) -> bool {
        !self.keys.is_empty() && self.order.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Whether a key of this hash may have an element whose deadline is over.
    fn is_due(&self, hash: u64, now: i64) -> bool {
        self.keys.find(hash, |(h, _)| *h == hash).is_some_and(|(_, at)| *at <= now)
    }

    /// Notes a key's earliest deadline, or that it has none; true when the number of keys changed.
    fn set(&mut self, hash: u64, next: Option<i64>) -> bool {
        let before = self.keys.find(hash, |(h, _)| *h == hash).copied();
        if before.map(|(_, at)| at) == next {
            return false;
        }
        if let Some((_, at)) = before {
            self.order.remove(&(at, hash));
        }
        match next {
            Some(at) => {
                self.order.insert((at, hash));
                match self.keys.find_mut(hash, |(h, _)| *h == hash) {
                    Some(place) => place.1 = at,
                    None => {
                        self.keys.insert_unique(hash, (hash, at), |(h, _)| *h);
                    }
                }
            }
            None => {
                self.keys.remove(hash, |(h, _)| *h == hash, |(h, _)| *h);
            }
        }
        before.is_some() != next.is_some()
    }
}

/// The value's elements that expire, if it has any.
fn expiring_mut(entry: &mut Entry) -> Option<&mut dyn Expiring> {
    entry.object_mut()?.expiring_mut().filter(|value| value.deadlines().is_some())
}

/// The earliest deadline of a value's elements.
fn next_deadline(entry: &Entry) -> Option<i64> {
    match entry.value() {
        ValueRef::Object(object) => object.expiring()?.deadlines()?.next(),
        _ => None,
    }
}

impl Space<'_> {
    /// Removes elements of a key's value whose time is over, or hides them where nothing may be
    /// removed.
    #[cold]
    pub(super) fn expire_members_if_due(&mut self, key: &[u8]) {
        let (hash, now) = (self.engine().keyspace.hash(key), self.due());
        let physical = self.physical();
        let db = self.held().shard(shard_of(key)).db(physical);
        if !db.is_some_and(|db| db.expiring.is_due(hash, now)) {
            return;
        }
        if self.only_hides && self.can_hide(key) {
            self.hide_members(key, now);
        } else if self.engine().tuning.keeps_expired() {
            // A command of a log meets the value as its primary did: nothing is hidden from it.
            self.hide_members(key, i64::MIN);
        } else {
            let hides = self.can_hide(key);
            self.expire_members(key, if hides { REMOVED_AT_ONCE } else { usize::MAX });
        }
    }

    fn can_hide(&mut self, key: &[u8]) -> bool {
        self.find_mut(key).and_then(expiring_mut).is_some_and(|value| value.hides())
    }

    /// Has elements whose time is over hidden from the running command, if their type can hide
    /// them: what only looks at a hash as a whole removes nothing in Redis either, so that those
    /// who watch the key hear of it when the elements are removed.
    pub fn only_hide_expired(&mut self) {
        self.only_hides = true;
    }

    /// Hides elements whose deadline is not after `moment`, for those who may not remove them.
    pub(super) fn hide_members(&self, key: &[u8], moment: i64) {
        let Some(entry) = self.find(key) else { return };
        if let ValueRef::Object(object) = entry.value()
            && let Some(deadlines) = object.expiring().and_then(Expiring::deadlines)
        {
            deadlines.hide_due(moment);
        }
    }

    /// Removes up to `most` elements whose time is over, and the key with its last element.
    /// Returns how many were removed.
    pub(super) fn expire_members(&mut self, key: &[u8], most: usize) -> usize {
        let now = self.now();
        self.preserve(key);
        let Some(value) = self.find_to_change(key).and_then(expiring_mut) else {
            self.index_members(key);
            return 0;
        };
        let removed = value.remove_due(now, most);
        let (words, bare) = (value.words(), value.is_bare());
        self.index_members(key);
        if !removed.is_empty() {
            self.tell_expired(key, words, &removed, bare);
        }
        removed.len()
    }

    /// Logs and publishes that elements expired; the key goes with the last of them.
    fn tell_expired(&mut self, key: &[u8], words: &ExpiryWords, removed: &[Box<[u8]>], bare: bool) {
        self.worker().counters.expired_members(removed.len() as u64);
        if self.engine().effects.is_active() {
            let head = [words.remove, key];
            let line: Vec<&[u8]> =
                head.into_iter().chain(removed.iter().map(|element| &**element)).collect();
            let db = self.db();
            self.after.effects.push(db, &line);
        }
        self.touch(key);
        self.notify(words.class, words.event, key);
        self.name_elements(words.class, removed.iter().map(|element| &**element));
        if bare {
            self.discard(key);
            self.notify(crate::notify::Class::GENERIC, "del", key);
        }
    }

    /// Brings the index of keys in step with a key whose value has new deadlines.
    pub fn index_members(&mut self, key: &[u8]) {
        let next = self.find(key).and_then(next_deadline);
        self.set_member_deadline(key, next);
    }

    pub(super) fn set_member_deadline(&mut self, key: &[u8], next: Option<i64>) {
        let hash = self.engine().keyspace.hash(key);
        let physical = self.physical();
        let db = self.shard_mut(shard_of(key)).db_or_new(physical);
        if db.expiring.set(hash, next) {
            self.worker().counters.expiring(physical, if next.is_some() { 1 } else { -1 });
        }
    }

    /// Removes elements whose time is over from the keys of one held shard in the selected
    /// database. Returns how many were removed, and whether nothing that is due is left.
    pub(super) fn expire_members_of(&mut self, shard: u16) -> (usize, bool) {
        let (physical, now) = (self.physical(), self.now());
        let (mut removed, mut keys) = (0, 0);
        while removed < REMOVED_A_STEP && keys < REMOVED_A_STEP {
            let Some(db) = self.shard(shard).db(physical).filter(|db| db.expiring.any_due(now))
            else {
                return (removed, true);
            };
            let Some(&(_, hash)) = db.expiring.order.first() else { return (removed, true) };
            let keyspace = &self.engine().keyspace;
            let entry = db.table.find(hash, |e| keyspace.hash(e.key()) == hash);
            match entry.map(|e| e.key().to_vec()) {
                Some(key) => removed += self.expire_members(&key, REMOVED_A_STEP - removed),
                None => {
                    if self.shard_mut(shard).db_or_new(physical).expiring.set(hash, None) {
                        self.worker().counters.expiring(physical, -1);
                    }
                }
            }
            keys += 1;
        }
        (removed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_the_order_of_their_deadlines() {
        let mut keys = ExpiringKeys::default();
        assert!(!keys.any_due(i64::MAX));
        assert!(keys.set(1, Some(10)) && keys.set(2, Some(5)));
        assert!(!keys.set(1, Some(3)), "the number of keys is the same");
        assert_eq!(keys.order.iter().copied().collect::<Vec<_>>(), [(3, 1), (5, 2)]);
        assert!(keys.any_due(3) && !keys.any_due(2));
        assert!(keys.is_due(1, 4) && !keys.is_due(2, 4) && !keys.is_due(3, 9));
        assert!(keys.set(1, None) && !keys.set(1, None));
        assert_eq!((keys.len(), keys.order.len()), (1, 1));
    }
}
