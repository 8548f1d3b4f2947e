//! The large form of a set: a table of members of one word each.
//!
//! Whatever only few members have, such as an expiry, belongs beside the table and not into it.

use crate::ds::table::{self, Table};
use crate::ds::{Deadlines, Seed, ThinBytes, hash_bytes};
use crate::keyspace::{Captured, Collection, EachPart, Parts};
use crate::types::beside::Beside;

/// Members by their hashes, under a seed of the set's own.
pub(super) struct MemberTable {
    members: Table<ThinBytes>,
    seed: Seed,
    /// Bytes that members have allocated.
    bytes: usize,
    /// Deadlines, and the snapshot that takes it in parts.
    beside: Beside,
}

impl Default for MemberTable {
    fn default() -> Self {
        Self::seeded(Seed::random())
    }
}

impl Clone for MemberTable {
    fn clone(&self) -> Self {
        let mut copy = Self::seeded(self.seed);
        copy.bytes = self.bytes;
        copy.beside = self.beside.copy();
        for member in &self.members {
            let hash = hash_bytes(&self.seed, member.as_bytes());
            copy.members.insert_unique(hash, member.clone(), hasher(&self.seed));
        }
        copy
    }
}

fn hasher(seed: &Seed) -> impl Fn(&ThinBytes) -> u64 {
    |member| hash_bytes(seed, member.as_bytes())
}

impl MemberTable {
    fn seeded(seed: Seed) -> Self {
        Self { members: Table::new(), seed, bytes: 0, beside: Beside::default() }
    }

    /// Has a snapshot take what is about to change.
    #[inline]
    fn preserve(&mut self, hash: u64) {
        self.beside.before(hash, |put| {
            self.members.find(hash, |member| {
                if hash_bytes(&self.seed, member.as_bytes()) == hash {
                    put(member.as_bytes(), b"");
                }
                false
            });
        });
    }

    /// When elements expire, once one was given a deadline.
    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.beside.deadlines()
    }

    /// Gives an element that is there a deadline.
    pub(super) fn set_deadline(&mut self, element: &[u8], at: i64) {
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.set(element, at);
    }

    /// Takes an element's deadline away and returns it.
    pub(super) fn clear_deadline(&mut self, element: &[u8]) -> Option<i64> {
        self.beside.deadlines()?;
        self.preserve(hash_bytes(&self.seed, element));
        self.beside.clear(element)
    }

    /// With these deadlines; it has none yet.
    pub(super) fn with_deadlines(mut self, deadlines: Option<Box<Deadlines>>) -> Self {
        self.beside = Beside::new(deadlines);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    #[inline]
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        let hash = hash_bytes(&self.seed, member);
        self.members.find(hash, |found| found.as_bytes() == member).is_some()
    }

    /// Adds a member; false when it is there already.
    #[inline]
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        let hash = hash_bytes(&self.seed, member);
        self.preserve(hash);
        let (thin, added) = self.members.find_or_insert(
            hash,
            |found| found.as_bytes() == member,
            hasher(&self.seed),
            || ThinBytes::new(member),
        );
        if added {
            self.bytes += thin.memory();
        }
        added
    }

    /// Removes a member; false when it is not there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let hash = hash_bytes(&self.seed, member);
        self.preserve(hash);
        self.beside.clear(member);
        let eq = |found: &ThinBytes| found.as_bytes() == member;
        let removed = self.members.remove(hash, eq, hasher(&self.seed));
        self.bytes -= removed.as_ref().map_or(0, ThinBytes::memory);
        removed.is_some()
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter(self.members.iter())
    }

    pub(super) fn random(&self, random: u64) -> Option<&[u8]> {
        self.members.random(random).map(ThinBytes::as_bytes)
    }

    /// See [`Table::scan`].
    pub(super) fn scan(&self, cursor: u64, mut f: impl FnMut(&[u8])) -> u64 {
        self.members.scan(cursor, hasher(&self.seed), |member| f(member.as_bytes()))
    }

    pub(super) fn memory(&self) -> usize {
        let deadlines = self.deadlines().map_or(0, Deadlines::memory);
        size_of::<Self>() + self.members.memory() + self.bytes + deadlines
    }
}

impl Parts for MemberTable {
    fn collection(&self) -> Collection {
        Collection::Set
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn earliest(&self) -> Option<i64> {
        self.beside.deadlines()?.next()
    }

    fn captured(&mut self) -> &mut Captured {
        &mut self.beside.captured
    }

    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64 {
        self.scan(cursor, |member| {
            f(hash_bytes(&self.seed, member), member, b"", self.beside.deadline(member));
        })
    }
}

impl Drop for MemberTable {
    fn drop(&mut self) {
        std::mem::take(&mut self.beside.captured).leave(|| {
            let mut heir = Self::seeded(self.seed);
            heir.beside = self.beside.heir();
            std::mem::swap(&mut heir.members, &mut self.members);
            Box::new(heir)
        });
    }
}

/// Iterator over members, in no order.
pub struct Iter<'a>(table::Iter<'a, ThinBytes>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(ThinBytes::as_bytes)
    }
}
