//! The elements of a large collection: the table that finds them, and what is beside it, namely
//! the deadlines of some, and the snapshot that takes the collection in parts. These go together,
//! since a snapshot takes an element with its deadline, as both were: whatever changes an element
//! here has the snapshot take it first.

use crate::ds::table::{self, Table};
use crate::ds::{Deadlines, Seed, hash_bytes};
use crate::keyspace::{Captured, Collection, EachPart, Parts};

/// An element as it lies in the table.
pub(super) trait Element: Send + Sync + 'static {
    /// What it is an element of.
    const COLLECTION: Collection;

    /// What it is found by: a member, or a field.
    fn name(&self) -> &[u8];

    /// Bytes allocated beside the table.
    fn memory(&self) -> usize;

    /// Passes its two parts on, as [`Collection`] has them.
    fn pass(&self, put: impl FnOnce(&[u8], &[u8]));
}

/// Elements by the hashes of their names, under a seed of the collection's own.
pub(super) struct Elements<E: Element> {
    table: Table<E>,
    seed: Seed,
    /// Bytes that the elements have allocated.
    bytes: usize,
    captured: Captured,
    /// When elements expire; made with the first deadline, and kept.
    deadlines: Option<Box<Deadlines>>,
}

impl<E: Element> Default for Elements<E> {
    fn default() -> Self {
        Self::seeded(Seed::random())
    }
}

impl<E: Element + Clone> Clone for Elements<E> {
    fn clone(&self) -> Self {
        let mut copy = self.bare();
        for element in &self.table {
            copy.insert(self.hash(element.name()), element.clone());
        }
        copy
    }
}

fn hasher<E: Element>(seed: &Seed) -> impl Fn(&E) -> u64 {
    |element| hash_bytes(seed, element.name())
}

impl<E: Element> Elements<E> {
    fn seeded(seed: Seed) -> Self {
        let (table, captured) = (Table::new(), Captured::default());
        Self { table, seed, bytes: 0, captured, deadlines: None }
    }

    /// One with the same seed and deadlines, but no elements yet.
    pub(super) fn bare(&self) -> Self {
        let mut bare = Self::seeded(self.seed);
        bare.adopt(self.deadlines.clone());
        bare
    }

    /// Takes over the deadlines of a form that had these elements before; there are none yet.
    pub(super) fn adopt(&mut self, deadlines: Option<Box<Deadlines>>) {
        self.deadlines = deadlines;
    }

    /// All that is here, for a snapshot that outlives the key.
    pub(super) fn heir(&mut self) -> Self {
        let mut heir = Self::seeded(self.seed);
        std::mem::swap(&mut heir.table, &mut self.table);
        heir.adopt(self.deadlines.take());
        heir
    }

    /// The hash of a name.
    #[inline]
    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        hash_bytes(&self.seed, name)
    }

    /// Has a snapshot take what is about to change.
    #[inline]
    fn preserve(&mut self, hash: u64) {
        let (table, seed, deadlines) = (&self.table, &self.seed, self.deadlines.as_deref());
        self.captured.before(hash, |put| {
            table.find(hash, |element| {
                if hash_bytes(seed, element.name()) == hash {
                    let at = deadlines.and_then(|deadlines| deadlines.get(element.name()));
                    element.pass(|first, second| put(first, second, at));
                }
                false
            });
        });
    }

    // ---- deadlines ----

    /// When elements expire, once one was given a deadline.
    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.deadlines.as_deref()
    }

    /// An element's deadline.
    pub(super) fn deadline(&self, name: &[u8]) -> Option<i64> {
        self.deadlines()?.get(name)
    }

    /// Gives an element that is there a deadline.
    pub(super) fn set_deadline(&mut self, name: &[u8], at: i64) {
        self.preserve(self.hash(name));
        self.deadlines.get_or_insert_default().set(name, at);
    }

    /// Takes an element's deadline away and returns it.
    pub(super) fn clear_deadline(&mut self, name: &[u8]) -> Option<i64> {
        self.deadlines()?;
        self.preserve(self.hash(name));
        self.deadlines.as_mut()?.remove(name)
    }

    // ---- elements ----

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The element of this name, which has this hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, name: &[u8]) -> Option<&E> {
        self.table.find(hash, |element| element.name() == name)
    }

    /// As [`Elements::find`], to change what belongs to the element, but not how much it has
    /// allocated.
    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64, name: &[u8]) -> Option<&mut E> {
        self.preserve(hash);
        self.table.find_mut(hash, |element| element.name() == name)
    }

    /// As [`Elements::find_mut`], for any change but that of the name; false when there is no such
    /// element.
    #[inline]
    pub(super) fn change(&mut self, hash: u64, name: &[u8], change: impl FnOnce(&mut E)) -> bool {
        self.preserve(hash);
        let Some(element) = self.table.find_mut(hash, |element| element.name() == name) else {
            return false;
        };
        self.bytes -= element.memory();
        change(element);
        self.bytes += element.memory();
        true
    }

    /// Adds an element that is known not to be there.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, element: E) {
        self.preserve(hash);
        self.bytes += element.memory();
        self.table.insert_unique(hash, element, hasher(&self.seed));
    }

    /// Adds the element that `make` gives unless there is one of this name. Returns what is there
    /// then, and whether it was added.
    #[inline]
    pub(super) fn find_or_insert(&mut self, name: &[u8], make: impl FnOnce() -> E) -> (&E, bool) {
        let hash = self.hash(name);
        self.preserve(hash);
        let same = |element: &E| element.name() == name;
        let (element, added) = self.table.find_or_insert(hash, same, hasher(&self.seed), make);
        if added {
            self.bytes += element.memory();
        }
        (element, added)
    }

    /// Takes out an element, and its deadline with it.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<E> {
        let hash = self.hash(name);
        self.preserve(hash);
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.remove(name);
        }
        let same = |element: &E| element.name() == name;
        let removed = self.table.remove(hash, same, hasher(&self.seed))?;
        self.bytes -= removed.memory();
        Some(removed)
    }

    /// All elements, in no order.
    pub(super) fn iter(&self) -> table::Iter<'_, E> {
        self.table.iter()
    }

    /// See [`Table::random`].
    pub(super) fn random(&self, random: u64) -> Option<&E> {
        self.table.random(random)
    }

    /// See [`Table::scan`].
    pub(super) fn scan(&self, cursor: u64, f: impl FnMut(&E)) -> u64 {
        self.table.scan(cursor, hasher(&self.seed), f)
    }

    /// Bytes allocated beside the value itself, deadlines and all.
    pub(super) fn memory(&self) -> usize {
        let deadlines = self.deadlines().map_or(0, Deadlines::memory);
        self.table.memory() + self.bytes + deadlines
    }
}

impl<E: Element> Parts for Elements<E> {
    fn collection(&self) -> Collection {
        E::COLLECTION
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn earliest(&self) -> Option<i64> {
        self.deadlines()?.next()
    }

    fn captured(&mut self) -> &mut Captured {
        &mut self.captured
    }

    fn scan_parts(&self, cursor: u64, f: &mut EachPart<'_>) -> u64 {
        self.scan(cursor, |element| {
            let (hash, at) = (self.hash(element.name()), self.deadline(element.name()));
            element.pass(|first, second| f(hash, first, second, at));
        })
    }
}

impl<E: Element> Drop for Elements<E> {
    fn drop(&mut self) {
        std::mem::take(&mut self.captured).leave(|| Box::new(self.heir()));
    }
}
