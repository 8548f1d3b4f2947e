//! Paths: what clients write to name nodes of a document, and how the nodes are found.
//!
//! Two notations exist, as in RedisJSON. A JSONPath starts with `$` and may match many nodes; a
//! legacy path (`.a.b[0]`, `a["b"]`, `.`) means the first match. Both become the same [`Query`]:
//! plain chains of names and indexes are read by `plain`, everything else is put into RFC 9535's
//! notation by `dialect`, parsed by `jsonpath-rust` and lowered by `compile`. `eval` walks trees.

mod ast;
mod cache;
mod compile;
mod dialect;
mod eval;
mod filter;
mod pattern;
mod plain;
#[cfg(test)]
mod tests;

pub use ast::{Query, Segment, Selector};
pub use cache::{CACHED_PATHS, PathCache, cached};
pub use eval::{Location, MAX_VISITS, locate};

use crate::tree::Ref;
use std::fmt::Write as _;

/// Longest path that is accepted, in bytes.
pub const MAX_PATH: usize = 64 << 10;
/// Most segments of a path; also bounds the evaluator's recursion.
pub const MAX_SEGMENTS: usize = 256;
/// Most brackets and parentheses open at once in a path.
pub const MAX_NESTING: usize = 24;
/// Most function calls within the arguments of one another; the parser tries each several times.
pub const MAX_CALLS: usize = 3;

/// Why a path can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is not a path.
    #[error("Error in path \"{path}\": {reason}")]
    Syntax {
        /// The path, shortened if it is long.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One of the limits of this module is exceeded.
    #[error("path exceeds the limit of {limit} {what}")]
    Limit {
        /// The limit.
        limit: usize,
        /// What is limited.
        what: &'static str,
    },
    /// Evaluation was given up after [`MAX_VISITS`] steps.
    #[error("path matches too much of the document")]
    TooBroad,
}

impl PathError {
    fn syntax(path: &str, reason: impl Into<String>) -> Self {
        let mut shown: String = path.chars().take(100).collect();
        if shown.len() < path.len() {
            shown.push('…');
        }
        Self::Syntax { path: shown, reason: reason.into() }
    }
}

/// A parsed path.
#[derive(Debug, Clone)]
pub struct Path {
    text: Box<str>,
    legacy: bool,
    query: Query,
}

impl Path {
    /// Parses a path of either notation.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_PATH {
            return Err(PathError::Limit { limit: MAX_PATH, what: "bytes" });
        }
        let legacy = is_legacy(text);
        let rooted = if legacy { rooted(text) } else { text.to_owned() };
        let query = match plain::parse(&rooted) {
            Some(query) => query,
            None => compile::query(&dialect::to_standard(&rooted)?, &rooted)?,
        };
        if query.segments().len() > MAX_SEGMENTS {
            return Err(PathError::Limit { limit: MAX_SEGMENTS, what: "segments" });
        }
        Ok(Self { text: text.into(), legacy, query })
    }

    /// The path as the client wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path in `$` notation, as RedisJSON shows it in errors.
    pub fn rooted_text(&self) -> String {
        match &*self.text {
            text if !self.legacy => text.to_owned(),
            text if text.starts_with('[') => format!("$.{text}"),
            text => rooted(text),
        }
    }

    /// Whether this is a legacy path, whose replies are shaped for one match.
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether this names the document itself.
    pub fn is_root(&self) -> bool {
        self.query.segments().is_empty()
    }

    /// What is evaluated.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// All matching nodes, in document order of the query.
    pub fn select<'t>(&self, root: Ref<'t>) -> Result<Vec<Ref<'t>>, PathError> {
        eval::select(&self.query, root)
    }

    /// The first matching node.
    pub fn first<'t>(&self, root: Ref<'t>) -> Result<Option<Ref<'t>>, PathError> {
        eval::first(&self.query, root)
    }

    /// The path to the parent and the name of the member, if this path names one place and ends
    /// with a name.
    pub fn split_name(&self) -> Option<(Query, &str)> {
        let (last, parent) = self.query.segments().split_last()?;
        match last.selectors.first()? {
            Selector::Name(name) if self.query.is_single() => {
                Some((Query::new(parent.to_vec()), name))
            }
            _ => None,
        }
    }

    /// Where all matching nodes are.
    pub fn locate(&self, root: Ref<'_>) -> Result<Vec<Location>, PathError> {
        eval::locate(&self.query, root)
    }
}

/// `$` alone, and `$` followed by a segment, are JSONPaths; a key may start with `$` too.
fn is_legacy(text: &str) -> bool {
    let rest = text.strip_prefix('$').map(str::trim_start);
    !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn rooted(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'.') if text.len() == 1 => "$".to_owned(),
        Some(b'.' | b'[') => format!("${text}"),
        _ => format!("$.{text}"),
    }
}

/// The normalized path (RFC 9535, section 2.7) of a location in `root`.
pub fn normalized(root: Ref<'_>, location: &Location) -> String {
    let mut text = String::from("$");
    let mut node = root;
    for &at in location.steps() {
        match node {
            Ref::Object(object) => {
                let key = object.key(at as usize).unwrap_or_default();
                text.push_str("['");
                key.chars().for_each(|c| quote(c, &mut text));
                text.push_str("']");
            }
            _ => {
                let _ = write!(text, "[{at}]");
            }
        }
        node = node.child(at as usize).unwrap_or(Ref::Null);
    }
    text
}

fn quote(c: char, text: &mut String) {
    match c {
        '\'' | '\\' => text.extend(['\\', c]),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\u{8}' => text.push_str("\\b"),
        '\u{C}' => text.push_str("\\f"),
        c if c < ' ' => {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        }
        c => text.push(c),
    }
}
