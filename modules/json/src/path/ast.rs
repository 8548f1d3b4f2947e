//! The form in which paths are evaluated: owned, small, with constants prepared.

use super::pattern::Pattern;
use crate::tree::Value;

/// A query from the document's root or, inside a filter, from the current node.
#[derive(Debug, Clone)]
pub struct Query {
    segments: Vec<Segment>,
    single: bool,
}

/// One step of a query: what to select below each node.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Whether to select below all descendants (`..`) rather than the node alone.
    pub descend: bool,
    /// What to select; results come selector by selector.
    pub selectors: Vec<Selector>,
}

/// Which children of a node are selected.
#[derive(Debug, Clone)]
pub enum Selector {
    /// The member with this name.
    Name(Box<str>),
    /// The item at this position, from the end if negative.
    Index(i64),
    /// Items from a start to before an end, by a step; RFC 9535's defaults where absent.
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// All children.
    Wildcard,
    /// The children for which a condition holds.
    Filter(Condition),
}

/// A filter's logical expression.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Some part holds.
    Any(Vec<Condition>),
    /// All parts hold.
    All(Vec<Condition>),
    /// The inner one does not hold.
    Not(Box<Condition>),
    /// The query selects something.
    Exists(Scope, Query),
    /// Two values compare so.
    Compare(Comparison, Operand, Operand),
    /// The string matches the pattern, anywhere in it or, if the flag is set, as a whole.
    Matches(Operand, Pattern, bool),
}

/// Where a query inside a filter starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `@`: the node under test.
    Current,
    /// `$`: the document.
    Root,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub enum Operand {
    /// A literal.
    Literal(Value),
    /// The one node that a query selects; nothing if it selects none or several.
    Node(Scope, Query),
    /// `length()`: characters, items or members.
    Length(Box<Operand>),
    /// `count()`: how many nodes a query selects.
    Count(Scope, Query),
}

impl Query {
    /// A query of these segments.
    pub fn new(segments: Vec<Segment>) -> Self {
        let single = segments.iter().all(|segment| {
            let one = matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)]);
            one && !segment.descend
        });
        Self { segments, single }
    }

    /// The segments, applied one after the other.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the query names one place, by names and indexes alone (RFC 9535's singular query,
    /// RedisJSON's static path).
    pub fn is_single(&self) -> bool {
        self.single
    }
}

impl Segment {
    /// A segment of one selector for the children of a node.
    pub fn child(selector: Selector) -> Self {
        Self { descend: false, selectors: vec![selector] }
    }
}
