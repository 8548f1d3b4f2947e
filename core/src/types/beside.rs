//! What a large collection has beside the table of its elements: the deadlines of some, and the
//! snapshot that takes it in parts. The two go together, since a snapshot takes an element with its
//! deadline, as both were.

use crate::ds::Deadlines;
use crate::keyspace::Captured;

/// See the file's page.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) captured: Captured,
    /// When elements expire; made with the first deadline, and kept.
    deadlines: Option<Box<Deadlines>>,
}

impl Beside {
    /// With these deadlines.
    pub(super) fn new(deadlines: Option<Box<Deadlines>>) -> Self {
        Self { captured: Captured::default(), deadlines }
    }

    /// For a copy of the collection.
    pub(super) fn copy(&self) -> Self {
        Self::new(self.deadlines.clone())
    }

    /// For the collection of a snapshot that outlives its key.
    pub(super) fn heir(&mut self) -> Self {
        Self::new(self.deadlines.take())
    }

    /// Called before anything of this hash is added, changed or removed, deadlines included. `each`
    /// passes on all elements of the hash.
    #[inline]
    pub(super) fn before(&mut self, hash: u64, each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]))) {
        let deadlines = self.deadlines.as_deref();
        self.captured.before(hash, |put| {
            each(&mut |first, second| {
                put(first, second, deadlines.and_then(|deadlines| deadlines.get(first)));
            });
        });
    }

    pub(super) fn deadlines(&self) -> Option<&Deadlines> {
        self.deadlines.as_deref()
    }

    /// An element's deadline.
    pub(super) fn deadline(&self, element: &[u8]) -> Option<i64> {
        self.deadlines()?.get(element)
    }

    /// Gives an element a deadline. Its hash was passed to [`Beside::before`].
    pub(super) fn set(&mut self, element: &[u8], at: i64) {
        self.deadlines.get_or_insert_default().set(element, at);
    }

    /// Takes an element's deadline away and returns it. Its hash was passed to [`Beside::before`].
    pub(super) fn clear(&mut self, element: &[u8]) -> Option<i64> {
        self.deadlines.as_mut()?.remove(element)
    }
}
