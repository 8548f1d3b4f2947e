//! The large form of a set: a table of members of one word each.

use crate::ds::ThinBytes;
use crate::keyspace::Collection;
use crate::types::beside::{Element, Elements};

impl Element for ThinBytes {
    const COLLECTION: Collection = Collection::Set;

    #[inline]
    fn name(&self) -> &[u8] {
        self.as_bytes()
    }

    fn memory(&self) -> usize {
        self.memory()
    }

    fn pass(&self, put: impl FnOnce(&[u8], &[u8])) {
        put(self.as_bytes(), b"");
    }
}

/// The members.
pub(super) type MemberTable = Elements<ThinBytes>;

impl MemberTable {
    #[inline]
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        self.find(self.hash(member), member).is_some()
    }

    /// Adds a member; false when it is there already.
    #[inline]
    pub(super) fn add(&mut self, member: &[u8]) -> bool {
        self.find_or_insert(member, || ThinBytes::new(member)).1
    }
}
