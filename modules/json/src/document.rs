//! A document as the value of a key.

use cairn_core::rdb::{RdbError, Writer};
use cairn_core::value::{Emit, Kind, Object};

use crate::print;
use crate::rdb;
use crate::tree::{Items, Ref, Value, View};

/// What TYPE and dumps call it.
pub const NAME: &str = "ReJSON-RL";

static KIND: Kind = Kind { name: NAME };

/// Where counting the nodes of a document stops: what is larger is freed in the background anyway.
const COUNTED_NODES: usize = 4096;

/// A JSON document.
#[derive(Debug, Default, PartialEq)]
pub struct Document {
    /// The value at its root.
    pub root: Value,
}

impl Object for Document {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.root.memory()
    }

    fn free_effort(&self) -> usize {
        COUNTED_NODES - uncounted(self.root.view(), COUNTED_NODES)
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(Self { root: self.root.clone() })
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let text = print::to_string(self.root.view());
        emit(&[b"JSON.SET", key, b"$", text.as_bytes()]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{doc, documents, text};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn copies_and_rebuilt_documents_are_equal(model in documents()) {
            let document = Document { root: doc(&model.to_string()) };
            let copy = document.duplicate();
            prop_assert_eq!(copy.downcast_ref::<Document>(), Some(&document));
            let mut words: Vec<Vec<u8>> = Vec::new();
            document.rebuild(b"key", &mut |args| words = args.iter().map(|a| a.to_vec()).collect());
            prop_assert_eq!(&words[..3], [&b"JSON.SET"[..], b"key", b"$"]);
            prop_assert_eq!(text(&doc(&String::from_utf8_lossy(&words[3]))), text(&document.root));
        }
    }

    #[test]
    fn effort_counts_nodes_up_to_a_bound() {
        let effort = |text: &str| Document { root: doc(text) }.free_effort();
        assert_eq!(effort("1"), 1);
        assert_eq!(effort(r#"{"a":[true,"x"],"b":null}"#), 5);
        assert_eq!(effort("[1,2,3]"), 1);
        let many = format!("[{}null]", "null,".repeat(10_000));
        assert_eq!(effort(&many), COUNTED_NODES);
    }
}
