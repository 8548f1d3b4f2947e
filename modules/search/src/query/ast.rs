//! The tree of a parsed query.

use crate::number::Range;
use crate::schema::{FieldId, FieldMask};

/// Attributes that `=> { $name: value }` gives a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes {
    /// Multiplies the node's score.
    pub weight: f64,
    /// Words that may stand between the terms of the node; `None` is any number.
    pub slop: Option<u32>,
    /// The terms must come in the order of the query.
    pub in_order: bool,
    /// Whether terms are expanded by their phonetic form.
    pub phonetic: Option<bool>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { weight: 1.0, slop: None, in_order: false, phonetic: None }
    }
}

/// A condition on documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is asked.
    pub kind: NodeKind,
    /// TEXT fields in which terms of this node count.
    pub fields: FieldMask,
    /// The node's attributes.
    pub attributes: Attributes,
}

/// One alternative of a TAG condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagMatch {
    /// This value.
    Value(String),
    /// Values that start so.
    Prefix(String),
    /// Values that end so.
    Suffix(String),
    /// Values that contain this.
    Infix(String),
    /// Values that match a pattern of `*` and `?`.
    Wildcard(String),
}

/// The kinds of conditions.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// No document.
    Nothing,
    /// Every document.
    All,
    /// A word, with its stems where its place allows.
    Term {
        /// The word in lower case.
        word: String,
        /// Stems count too.
        expand: bool,
    },
    /// Words that start so.
    Prefix(String),
    /// Words that end so.
    Suffix(String),
    /// Words that contain this.
    Infix(String),
    /// Words that match a pattern of `*` and `?`.
    Wildcard(String),
    /// Words within an edit distance of 1 to 3.
    Fuzzy(String, u8),
    /// These words, one after another.
    Phrase(Vec<String>),
    /// All of these.
    And(Vec<Node>),
    /// Any of these.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// This, or not: it only raises the score.
    Optional(Box<Node>),
    /// Any of these tags.
    Tag(FieldId, Vec<TagMatch>),
    /// A number in a range.
    Numeric(FieldId, Range),
}

impl Node {
    /// A node over all TEXT fields without attributes.
    pub fn new(kind: NodeKind) -> Self {
        Self { kind, fields: FieldMask::MAX, attributes: Attributes::default() }
    }
}

/// A whole query: its root.
pub type Query = Node;
