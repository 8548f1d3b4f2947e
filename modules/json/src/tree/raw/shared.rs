//! Trees that share what they have in common with an older state of themselves.
//!
//! [`Tree::freeze`] puts a tree aside as it is; it is not changed any more. What stands in its place
//! is an *alias*: a word that points to a block of the frozen tree and does not own it. Reading makes
//! no difference between the two. Whatever is changed gets a block of its own first, with aliases
//! of the old block's members ([`Value::own`]), so that a change copies the blocks between the
//! root and itself and nothing else.
//!
//! There is never more than one alias of a block in a tree that changes: they come from the root's,
//! and owning a block uses its alias up. So once nobody else looks at the frozen tree
//! ([`Tree::thaw`]), the blocks that have an alias are given to it, and all others have been replaced.

use super::Value;
use std::sync::Arc;

/// A document's root, which may have parts in common with a frozen tree.
#[derive(Default)]
pub struct Tree {
    root: Value,
    /// What aliases below the root refer to. Stands behind it, so that it is dropped later.
    shared: Option<Arc<Shared>>,
}

/// A tree that does not change any more.
struct Shared(Value);

impl Tree {
    /// A tree of its own.
    pub fn new(root: Value) -> Self {
        Self { root, shared: None }
    }

    /// The root.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The root, to be changed. Values that are taken out of the tree must be copied if they are to
    /// outlive it.
    pub fn root_mut(&mut self) -> &mut Value {
        &mut self.root
    }

    /// A copy of the tree as it is now, which shares everything with it. `None` while it has parts in
    /// common with an earlier one that is still in use.
    pub fn freeze(&mut self) -> Option<Self> {
        if self.shared.is_some() {
            return None;
        }
        let shared = Arc::new(Shared(std::mem::take(&mut self.root)));
        // SAFETY: both trees keep the frozen one for as long as they have a root.
        unsafe {
            self.root = shared.0.alias();
            self.shared = Some(Arc::clone(&shared));
            Some(Self { root: shared.0.alias(), shared: Some(shared) })
        }
    }

    /// Makes the tree the owner of everything in it again, once no frozen copy is in use. What nobody
    /// owns then is returned, to be dropped wherever it takes no time from others.
    pub fn thaw(&mut self) -> Option<Remains> {
        let shared = Arc::try_unwrap(self.shared.take()?);
        match shared {
            Ok(Shared(root)) => {
                let mut taken = Vec::new();
                // SAFETY: the frozen tree is nobody else's, and gives up each block that is taken
                // before any of it is dropped.
                unsafe { self.root.adopt(&mut taken) };
                Some(Remains { root, taken })
            }
            Err(shared) => {
                self.shared = Some(shared);
                None
            }
        }
    }
}

/// What is left of a frozen tree of which some blocks have a new owner.
pub struct Remains {
    root: Value,
    /// The addresses of those blocks.
    taken: Vec<usize>,
}

impl Drop for Remains {
    fn drop(&mut self) {
        self.taken.sort_unstable();
        self.root.forget(&self.taken);
    }
}
