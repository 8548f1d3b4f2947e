//! A document as the value of a key.

use cairn_core::value::{Emit, Kind, Object};

use crate::print;
use crate::tree::{Items, Ref, Value, View};

/// The type, under the name that TYPE and dumps use for it.
static KIND: Kind = Kind { name: "ReJSON-RL" };

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
