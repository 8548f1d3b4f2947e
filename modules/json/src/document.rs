//! A document as the value of a key.

use std::any::Any;

use cairn_core::rdb::{RdbError, Writer};
use cairn_core::value::{Emit, Frozen, Kind, Object};

use crate::frozen;
use crate::print;
use crate::rdb;
use crate::tree::{Items, Ref, Tree, Value, View};

/// What TYPE and dumps call it.
pub const NAME: &str = "ReJSON-RL";

static KIND: Kind = Kind { name: NAME };

/// Where counting the nodes of a document stops: what is larger is freed in the background anyway.
const COUNTED_NODES: usize = 4096;

/// Bytes, roughly, of a document for each node that is asked for, from which on it is saved in parts.
const NODE_BYTES: usize = 4096;

/// A JSON document.
#[derive(Default)]
pub struct Document {
    tree: Tree,
}

impl Document {
    /// A document with this value at its root.
    pub fn new(root: Value) -> Self {
        Self { tree: Tree::new(root) }
    }

    /// The value at its root.
    pub fn root(&self) -> &Value {
        self.tree.root()
    }

    /// The value at its root, to be changed.
    pub fn root_mut(&mut self) -> &mut Value {
        self.tree.root_mut()
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.root().fmt(f)
    }
}

impl Object for Document {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.root().memory()
    }

    fn free_effort(&self) -> usize {
        COUNTED_NODES - uncounted(self.root().view(), COUNTED_NODES)
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(Self::new(self.root().clone()))
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let text = print::to_string(self.root().view());
        emit(&[b"JSON.SET", key, b"$", text.as_bytes()]);
    }

    fn freeze(&mut self, nodes: usize) -> Option<Box<dyn Frozen>> {
        if small_below(self.root().view(), nodes.saturating_mul(NODE_BYTES)).is_some() {
            return None;
        }
        let remains = self.tree.thaw();
        let copy = Self { tree: self.tree.freeze()? };
        Some(frozen::freeze(copy, remains))
    }

    fn thaw(&mut self) -> Option<Box<dyn Any + Send>> {
        self.tree.thaw().map(|remains| Box::new(remains) as Box<dyn Any + Send>)
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        Ok(rdb::save(self, out))
    }
}

/// What is left of `budget` when every node below this one, and itself, takes one.
fn uncounted(node: Ref<'_>, budget: usize) -> usize {
    let left = budget.saturating_sub(1);
    let packed = matches!(node, Ref::Array(items) if !matches!(items, Items::Values(_)));
    if packed {
        return left;
    }
    let mut left = left;
    for child in node.children() {
        if left == 0 {
            break;
        }
        left = uncounted(child, left);
    }
    left
}

/// What is left of so many bytes when the text of a node is taken off, roughly; `None` when it is
/// longer.
fn small_below(node: Ref<'_>, bytes: usize) -> Option<usize> {
    let own = match node {
        Ref::Str(text) => text.len(),
        Ref::Array(items) if !matches!(items, Items::Values(_)) => items.len() * 4,
        _ => 0,
    };
    let left = bytes.checked_sub(own + 8)?;
    match node {
        Ref::Array(Items::Values(values)) => fold_below(values, left),
        Ref::Object(object) => fold_below(object.values(), left),
        _ => Some(left),
    }
}

fn fold_below(values: &[Value], bytes: usize) -> Option<usize> {
    values.iter().try_fold(bytes, |left, value| small_below(value.view(), left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{doc, documents, text};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn copies_and_rebuilt_documents_are_equal(model in documents()) {
            let document = Document::new(doc(&model.to_string()));
            let copy = document.duplicate();
            prop_assert_eq!(copy.downcast_ref::<Document>(), Some(&document));
            let mut words: Vec<Vec<u8>> = Vec::new();
            document.rebuild(b"key", &mut |args| words = args.iter().map(|a| a.to_vec()).collect());
            prop_assert_eq!(&words[..3], [&b"JSON.SET"[..], b"key", b"$"]);
            prop_assert_eq!(text(&doc(&String::from_utf8_lossy(&words[3]))), text(document.root()));
        }
    }

    #[test]
    fn effort_counts_nodes_up_to_a_bound() {
        let effort = |text: &str| Document::new(doc(text)).free_effort();
        assert_eq!(effort("1"), 1);
        assert_eq!(effort(r#"{"a":[true,"x"],"b":null}"#), 5);
        assert_eq!(effort("[1,2,3]"), 1);
        let many = format!("[{}null]", "null,".repeat(10_000));
        assert_eq!(effort(&many), COUNTED_NODES);
    }
}
