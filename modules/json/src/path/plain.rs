//! The fast reader of plain paths: `$`, `.name`, `["name"]`, `['name']` and `[index]` only.
//!
//! It gives up on anything else, escapes in names included, and leaves it to the full parser.

use super::MAX_SEGMENTS;
use super::ast::{Query, Segment, Selector};

/// The query of a plain path; `None` if the path is not plain, or wrong.
pub(super) fn parse(path: &str) -> Option<Query> {
    let mut rest = path.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() && segments.len() < MAX_SEGMENTS {
        let selector;
        (selector, rest) = match rest.strip_prefix('.') {
            Some(name) => member(name)?,
            None => bracket(rest.strip_prefix('[')?)?,
        };
        segments.push(Segment::child(selector));
    }
    rest.is_empty().then(|| Query::new(segments))
}

/// Whether a character may stand in a name after a dot. RedisJSON allows more than RFC 9535.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$') || !c.is_ascii()
}

fn member(rest: &str) -> Option<(Selector, &str)> {
    let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    // A space after a name may be the start of anything.
    let plain = !name.is_empty() && !name.contains(char::is_whitespace);
    plain.then(|| (Selector::Name(name.into()), rest))
}

fn bracket(rest: &str) -> Option<(Selector, &str)> {
    let (inside, rest) = match rest.as_bytes().first()? {
        quote @ (b'"' | b'\'') => {
            let (name, rest) = rest[1..].split_once(char::from(*quote))?;
            let plain = !name.contains(|c: char| c == '\\' || c < ' ');
            (plain.then(|| Selector::Name(name.into()))?, rest)
        }
        _ => {
            let (index, _) = rest.split_once(']')?;
            (Selector::Index(whole_number(index)?), &rest[index.len()..])
        }
    };
    Some((inside, rest.strip_prefix(']')?))
}

/// An index as RFC 9535 writes it: no plus sign, no leading zeros, not `-0`.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => digits.len() <= 15,
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}
