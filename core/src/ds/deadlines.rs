//! Deadlines of elements: which elements of a collection expire on their own, and when.
//!
//! A side structure that hashes, sets and sorted sets keep beside their elements once one of them
//! was given a deadline; a collection without any pays one empty pointer. It holds copies of the
//! elements' bytes, few in an ordered vector, many in a table with an ordered index by deadline.
//! What expiry means to clients is decided elsewhere.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use super::table::Table;
use super::{Seed, hash_bytes};

/// Most deadlines that are kept in one vector.
const SMALL_MAX: usize = 32;

/// An entry of the ordered index, with the nodes around it; a rough figure.
const INDEX_ENTRY: usize = 24;

/// An element and its deadline.
#[derive(Clone)]
struct Item {
    at: i64,
    element: Box<[u8]>,
}

#[derive(Clone)]
enum Form {
    /// In the order of deadlines.
    Small(Vec<Item>),
    Large(Box<Large>),
}

/// Deadlines in Unix milliseconds, by element and in order of time.
pub struct Deadlines {
    form: Form,
    /// Bytes of all elements.
    bytes: usize,
    /// Elements whose deadline is not after this moment are hidden: gone for everybody who looks,
    /// though not yet removed. Readers move it too, hence the atomic; changes of it are ordered by
    /// whatever lock guards the collection.
    horizon: AtomicI64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { form: Form::Small(Vec::new()), bytes: 0, horizon: AtomicI64::new(i64::MIN) }
    }
}

impl Clone for Deadlines {
    fn clone(&self) -> Self {
        let horizon = AtomicI64::new(self.horizon.load(Ordering::Relaxed));
        Self { form: self.form.clone(), bytes: self.bytes, horizon }
    }
}

impl Deadlines {
    /// How many elements have a deadline.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(items) => items.len(),
            Form::Large(large) => large.items.len(),
        }
    }

    /// Whether no element has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element's deadline.
    pub fn get(&self, element: &[u8]) -> Option<i64> {
        match &self.form {
            Form::Small(items) => items.iter().find(|i| *i.element == *element).map(|i| i.at),
            Form::Large(large) => large.get(element),
        }
    }

    /// Gives an element a deadline; returns the one it had.
    pub fn set(&mut self, element: &[u8], at: i64) -> Option<i64> {
        let before = self.remove(element);
        if let Form::Small(items) = &self.form
            && items.len() >= SMALL_MAX
        {
            let mut large = Box::new(Large::default());
            items.iter().for_each(|item| large.insert(item.clone()));
            self.form = Form::Large(large);
        }
        self.bytes += element.len();
        let item = Item { at, element: element.into() };
        match &mut self.form {
            Form::Small(items) => {
                let place = items.partition_point(|other| other.at <= at);
                items.insert(place, item);
            }
            Form::Large(large) => large.insert(item),
        }
        before
    }

    /// Takes an element's deadline away; returns it.
    pub fn remove(&mut self, element: &[u8]) -> Option<i64> {
        let item = match &mut self.form {
            Form::Small(items) => {
                let place = items.iter().position(|item| *item.element == *element)?;
                items.remove(place)
            }
            Form::Large(large) => large.remove(element)?,
        };
        self.bytes -= element.len();
        Some(item.at)
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<i64> {
        match &self.form {
            Form::Small(items) => items.first().map(|item| item.at),
            Form::Large(large) => large.order.first().map(|(at, _)| *at),
        }
    }

    /// The element with the earliest deadline, if that is not after `now`.
    pub fn first_due(&self, now: i64) -> Option<&[u8]> {
        let item = match &self.form {
            Form::Small(items) => items.first().filter(|item| item.at <= now),
            Form::Large(large) => large.first_due(now),
        };
        item.map(|item| &*item.element)
    }

    /// Hides the elements whose deadline is not after `now`, and no others.
    pub fn hide_due(&self, now: i64) {
        self.horizon.store(now, Ordering::Relaxed);
    }

    /// Whether any element is hidden.
    #[inline]
    pub fn hides_any(&self) -> bool {
        self.next().is_some_and(|at| self.is_past(at))
    }

    /// Whether this element is hidden.
    pub fn hides(&self, element: &[u8]) -> bool {
        self.hides_any() && self.get(element).is_some_and(|at| self.is_past(at))
    }

    /// How many elements are hidden, counted one by one.
    pub fn hidden(&self) -> usize {
        match &self.form {
            Form::Small(items) => items.partition_point(|item| self.is_past(item.at)),
            Form::Large(large) => {
                large.order.iter().take_while(|(at, _)| self.is_past(*at)).count()
            }
        }
    }

    /// Whether a deadline is not after the moment of [`Deadlines::hide_due`].
    #[inline]
    pub fn is_past(&self, at: i64) -> bool {
        at <= self.horizon.load(Ordering::Relaxed)
    }

    /// All elements with their deadlines, in no order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (&[u8], i64)> + '_> {
        match &self.form {
            Form::Small(items) => Box::new(items.iter().map(|item| (&*item.element, item.at))),
            Form::Large(large) => {
                Box::new(large.items.iter().map(|item| (&*item.element, item.at)))
            }
        }
    }

    /// Passes the commands that set the deadlines to `emit`: of this name, with this keyword before
    /// the elements.
    pub fn rebuild(
        &self,
        command: &[u8],
        key: &[u8],
        keyword: &[u8],
        emit: &mut dyn FnMut(&[&[u8]]),
    ) {
        for (element, at) in self.iter() {
            let mut number = itoa::Buffer::new();
            emit(&[command, key, number.format(at).as_bytes(), keyword, b"1", element]);
        }
    }

    /// Bytes allocated, itself included.
    pub fn memory(&self) -> usize {
        let own = match &self.form {
            Form::Small(items) => items.capacity() * size_of::<Item>(),
            Form::Large(large) => {
                size_of::<Large>() + large.items.memory() + large.order.len() * INDEX_ENTRY
            }
        };
        size_of::<Self>() + own + self.bytes
    }
}

/// Many deadlines.
struct Large {
    items: Table<Item>,
    /// Deadlines with the hashes of their elements. Elements of one deadline and one hash share an
    /// entry, which stays until the last of them goes.
    order: BTreeSet<(i64, u64)>,
    seed: Seed,
}

impl Default for Large {
    fn default() -> Self {
        Self { items: Table::new(), order: BTreeSet::new(), seed: Seed::random() }
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut copy = Self { items: Table::new(), order: BTreeSet::new(), seed: self.seed };
        self.items.iter().for_each(|item| copy.insert(item.clone()));
        copy
    }
}

impl Large {
    fn hash(&self, element: &[u8]) -> u64 {
        hash_bytes(&self.seed, element)
    }

    fn get(&self, element: &[u8]) -> Option<i64> {
        let hash = self.hash(element);
        self.items.find(hash, |item| *item.element == *element).map(|item| item.at)
    }

    /// Adds an element that has no deadline yet.
    fn insert(&mut self, item: Item) {
        let seed = self.seed;
        let hash = hash_bytes(&seed, &item.element);
        self.order.insert((item.at, hash));
        self.items.insert_unique(hash, item, |item| hash_bytes(&seed, &item.element));
    }

    fn remove(&mut self, element: &[u8]) -> Option<Item> {
        let hash = self.hash(element);
        let item = self.take(hash, |item| *item.element == *element)?;
        self.forget(item.at, hash);
        Some(item)
    }

    fn first_due(&self, now: i64) -> Option<&Item> {
        let &(at, hash) = self.order.first().filter(|(at, _)| *at <= now)?;
        self.items.find(hash, |item| item.at == at && self.hash(&item.element) == hash)
    }

    fn take(&mut self, hash: u64, is_it: impl FnMut(&Item) -> bool) -> Option<Item> {
        let seed = self.seed;
        self.items.remove(hash, is_it, |item| hash_bytes(&seed, &item.element))
    }

    /// Removes an entry of the index, unless another element shares it.
    fn forget(&mut self, at: i64, hash: u64) {
        let seed = self.seed;
        let shared = self.items.find(hash, |i| i.at == at && hash_bytes(&seed, &i.element) == hash);
        if shared.is_none() {
            self.order.remove(&(at, hash));
        }
    }
}
