//! Regular expressions in filters: compiled once if they are literals, bounded in size always.

use super::ast::Operand;
use regex::{Regex, RegexBuilder};

/// Most memory a compiled pattern may take, in bytes; patterns from documents are compiled over and
/// over, so this also bounds their time.
const MAX_COMPILED: usize = 512 << 10;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

/// A pattern, or where it comes from.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A literal that is a pattern.
    Compiled(Regex),
    /// A literal that is none, and so matches nothing.
    Invalid,
    /// Read from the document whenever the filter is evaluated.
    Dynamic(Box<Operand>),
}

impl Pattern {
    /// A literal pattern.
    pub(super) fn literal(pattern: &str, whole: bool) -> Self {
        compile(pattern, whole).map_or(Self::Invalid, Self::Compiled)
    }
}

/// Compiles a pattern; `whole` makes it match entire strings only. `None` if it is not valid or
/// too large.
pub(super) fn compile(pattern: &str, whole: bool) -> Option<Regex> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let mut source = any_but_line_ends(pattern);
    if whole {
        source = format!("^(?:{source})$");
    }
    RegexBuilder::new(&source).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build().ok()
}

/// I-Regexp's dot (RFC 9485, section 5.3) does not match carriage returns either.
fn any_but_line_ends(pattern: &str) -> String {
    let mut source = String::with_capacity(pattern.len() + 8);
    let (mut escaped, mut class) = (false, 0u32);
    for c in pattern.chars() {
        match c {
            _ if escaped => {}
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            '.' if class == 0 => {
                source.push_str("[^\\n\\r]");
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        source.push(c);
    }
    source
}
