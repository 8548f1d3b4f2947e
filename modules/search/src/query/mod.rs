//! The query language: from text to a tree of conditions.
//!
//! Nothing here knows documents; [`crate::plan`] binds a tree to an index.

pub mod ast;
pub mod lexer;
pub mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Attributes, Node, NodeKind, Query, TagMatch};
pub use parser::{ParseOptions, QueryError, parse};

/// Longest query text in bytes.
pub const MAX_QUERY_LENGTH: usize = 1 << 20;

/// Deepest nesting of groups and prefix operators.
pub const MAX_DEPTH: usize = 128;

/// Nodes in a query's tree at most.
pub const MAX_NODES: usize = 1 << 16;

/// The query language's dialect, 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dialect(u8);

impl Dialect {
    /// The dialect of a number.
    pub fn new(number: u8) -> Option<Self> {
        (1..=4).contains(&number).then_some(Self(number))
    }

    /// Operators bind to the next atom only, parameters work: dialect 2 and above.
    pub fn is_modern(self) -> bool {
        self.0 >= 2
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self(1)
    }
}
