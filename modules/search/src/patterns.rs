//! Patterns: the words or tags that end so, contain something, look so, or are a few edits away.
//!
//! A dictionary is looked through before a query is bound, and a slice at a time, so that no write
//! waits for the whole of it. What is new in the dictionary when the query is bound is looked at
//! then: the query sees the terms of one moment.

use crate::analysis::STEM_PREFIX;
use crate::dictionary::Dictionary;
use crate::index::{FieldData, Index, Inner};
use crate::plan::Limits;
use crate::query::{Node, NodeKind, TagMatch};
use crate::schema::{FieldId, FieldKind, Schema};
use crate::tag;
use smallvec::SmallVec;

/// Terms that are looked at while writers wait: some 40 µs of work with edit distances.
const SLICE: usize = 256;

/// Where a pattern's terms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Words,
    Tags(FieldId),
}

impl Place {
    fn dictionary(self, inner: &Inner) -> Option<&Dictionary> {
        match self {
            Self::Words => Some(&inner.dictionary),
            Self::Tags(field) => match inner.fields.get(usize::from(field)) {
                Some(FieldData::Tag(tags)) => Some(tags.dictionary()),
                _ => None,
            },
        }
    }

    /// Whether a term has documents, perhaps dead ones.
    fn is_used(self, inner: &Inner, term: &[u8]) -> bool {
        match self {
            Self::Words => inner.list(term).is_some_and(|list| list.docs() > 0),
            Self::Tags(field) => match inner.fields.get(usize::from(field)) {
                Some(FieldData::Tag(tags)) => tags.get(term).is_some_and(|docs| !docs.is_empty()),
                _ => false,
            },
        }
    }
}

/// What a term must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Suffix(Vec<u8>),
    Infix(Vec<u8>),
    Wildcard(Vec<u8>),
    /// At most so many edits away from these characters.
    Distance(Vec<char>, usize),
}

impl Test {
    fn accepts(&self, term: &[u8]) -> bool {
        match self {
            Self::Suffix(text) => term.ends_with(text),
            Self::Infix(text) => contains(term, text),
            Self::Wildcard(pattern) => matches_wildcard(term, pattern),
            Self::Distance(word, limit) => {
                std::str::from_utf8(term).is_ok_and(|term| within_distance(word, term, *limit))
            }
        }
    }
}

/// A pattern of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    place: Place,
    test: Test,
}

impl Pattern {
    /// The pattern of a condition on words, if it is one.
    pub(crate) fn of_words(kind: &NodeKind) -> Option<Self> {
        let bytes = |text: &String| text.as_bytes().to_vec();
        let test = match kind {
            NodeKind::Suffix(text) => Test::Suffix(bytes(text)),
            NodeKind::Infix(text) => Test::Infix(bytes(text)),
            NodeKind::Wildcard(text) => Test::Wildcard(bytes(text)),
            NodeKind::Fuzzy(word, distance) => {
                Test::Distance(word.chars().collect(), (*distance).into())
            }
            _ => return None,
        };
        Some(Self { place: Place::Words, test })
    }

    /// The pattern of a condition on tags, if it is one.
    pub(crate) fn of_tags(schema: &Schema, field: FieldId, value: &TagMatch) -> Option<Self> {
        let kind = schema.field(field).map(|f| &f.kind);
        let case = matches!(kind, Some(FieldKind::Tag(options)) if options.case_sensitive);
        let normal = |text: &str| tag::normalize(text.as_bytes(), case).into_owned();
        let test = match value {
            TagMatch::Suffix(text) => Test::Suffix(normal(text)),
            TagMatch::Infix(text) => Test::Infix(normal(text)),
            TagMatch::Wildcard(text) => Test::Wildcard(normal(text)),
            TagMatch::Value(_) | TagMatch::Prefix(_) => return None,
        };
        Some(Self { place: Place::Tags(field), test })
    }

    fn accepts(&self, term: &[u8]) -> bool {
        // Among the words stand marked stems.
        let is_word = self.place != Place::Words || term.first() != Some(&(STEM_PREFIX as u8));
        is_word && self.test.accepts(term)
    }
}

/// The terms of a pattern, as far as they were known at some moment.
#[derive(Debug)]
pub(crate) struct Expansion {
    pattern: Pattern,
    /// In byte order; perhaps not all, but enough for the limit on expansions.
    terms: Vec<Box<[u8]>>,
    /// Terms with lower ids have been looked at.
    known: usize,
}

/// Looks for the terms of all patterns of a query.
pub(crate) fn expand(index: &Index, query: &Node, limits: Limits) -> Vec<Expansion> {
    let mut patterns = Vec::new();
    gather(index.schema(), query, &mut patterns);
    patterns.dedup();
    patterns.into_iter().map(|pattern| look_through(index, pattern, limits)).collect()
}

/// Adds the patterns of a query. Recursion is bounded by the parser's depth limit.
fn gather(schema: &Schema, node: &Node, out: &mut Vec<Pattern>) {
    match &node.kind {
        NodeKind::And(children) | NodeKind::Or(children) => {
            children.iter().for_each(|child| gather(schema, child, out));
        }
        NodeKind::Not(child) | NodeKind::Optional(child) => gather(schema, child, out),
        NodeKind::Tag(field, values) => {
            out.extend(values.iter().filter_map(|v| Pattern::of_tags(schema, *field, v)));
        }
        kind => out.extend(Pattern::of_words(kind)),
    }
}

fn look_through(index: &Index, pattern: Pattern, limits: Limits) -> Expansion {
    let place = pattern.place;
    let known = place.dictionary(&index.read()).map_or(0, Dictionary::len);
    let (mut terms, mut used) = (Vec::new(), 0);
    let mut last: Option<Box<[u8]>> = None;
    while used < limits.max_expansions {
        let inner = index.read();
        let Some(dictionary) = place.dictionary(&inner) else { break };
        let mut end = None;
        let mut seen = 0;
        for term in dictionary.after(last.as_deref()).take(SLICE) {
            (seen, end) = (seen + 1, Some(term));
            if pattern.accepts(term) {
                used += usize::from(place.is_used(&inner, term));
                terms.push(Box::from(term));
            }
        }
        if seen < SLICE {
            break;
        }
        last = end.map(Box::from);
    }
    Expansion { pattern, terms, known }
}

/// The terms of a pattern in byte order, those that have been added since it was expanded among
/// them.
pub(crate) fn terms(inner: &Inner, expansions: &[Expansion], pattern: &Pattern) -> Vec<Box<[u8]>> {
    let expansion = expansions.iter().find(|e| e.pattern == *pattern);
    let (mut terms, known) = expansion.map_or((Vec::new(), 0), |e| (e.terms.clone(), e.known));
    let Some(dictionary) = pattern.place.dictionary(inner) else { return terms };
    let before = terms.len();
    terms.extend(dictionary.from_id(known).filter(|t| pattern.accepts(t)).map(Box::from));
    if terms.len() > before {
        terms.sort_unstable();
        // The slices may have come across it already.
        terms.dedup();
    }
    terms
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|w| w == part)
}

/// Whether `text` matches a pattern in which `*` is any text and `?` any byte.
fn matches_wildcard(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // Where to go back to: the last star and the text it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some(b'*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(&p) if p == b'?' || p == text[at] => {
                at += 1;
                place += 1;
            }
            _ => match &mut star {
                Some((from, eaten)) => {
                    *eaten += 1;
                    at = *eaten;
                    place = *from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[place..].iter().all(|&p| p == b'*')
}

/// Whether the edit distance of two words is at most `limit`.
fn within_distance(a: &[char], b: &str, limit: usize) -> bool {
    let b_len = b.chars().count();
    if a.len().abs_diff(b_len) > limit {
        return false;
    }
    let mut row: SmallVec<[usize; 24]> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, ca) in a.iter().enumerate() {
            let best = (diagonal + usize::from(*ca != cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
        // Distances only grow from one row to the next.
        if row.iter().all(|&distance| distance > limit) {
            return false;
        }
    }
    row[a.len()] <= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::FieldValue;
    use crate::query::{ParseOptions, parse};
    use crate::schema::{Field, TextOptions};
    use proptest::prelude::*;

    fn add(index: &Index, word: &str) {
        index.upsert(word.as_bytes(), [(0, FieldValue::Bytes(word.as_bytes()))], 1.0).unwrap();
    }

    /// The terms of a query's one pattern, after `later` words were added behind its expansion.
    fn expanded(words: &[String], later: &[String], query: &str, limit: usize) -> Vec<String> {
        let text = FieldKind::Text(TextOptions { no_stem: true, ..TextOptions::default() });
        let index = Index::new(Schema::new(vec![Field::new("t", text)]).unwrap());
        words.iter().for_each(|word| add(&index, word));
        let query = parse(query, &ParseOptions::new(index.schema())).unwrap();
        let limits = Limits { max_expansions: limit, ..Limits::default() };
        let expansions = expand(&index, &query, limits);
        later.iter().for_each(|word| add(&index, word));
        let found = terms(&index.read(), &expansions, &expansions[0].pattern);
        found.iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect()
    }

    fn numbered(numbers: &[u16]) -> Vec<String> {
        numbers.iter().map(|n| format!("w{n}")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn slices_find_what_there_is(
            words in prop::collection::vec(0u16..2000, 0..900),
            later in prop::collection::vec(0u16..2000, 0..20),
            limit in 1usize..60,
        ) {
            let (words, later) = (numbered(&words), numbered(&later));
            let found = expanded(&words, &later, "*7*", limit);
            let mut all: Vec<String> = words.iter().chain(&later).cloned().collect();
            all.sort();
            all.dedup();
            all.retain(|word| word.contains('7'));
            // What is beyond the limit may be missing, and nothing before it.
            prop_assert!(found.len() >= limit.min(all.len()));
            prop_assert_eq!(&found[..limit.min(all.len())], &all[..limit.min(all.len())]);
            prop_assert!(found.iter().all(|word| all.contains(word)));
        }

        #[test]
        fn distances_as_by_the_whole_table(a in "[ab]{0,6}", b in "[ab]{0,6}", limit in 0usize..4) {
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let mut table = vec![vec![0; y.len() + 1]; x.len() + 1];
            for i in 0..=x.len() {
                for j in 0..=y.len() {
                    table[i][j] = match (i, j) {
                        (0, n) | (n, 0) => n,
                        _ => (table[i - 1][j - 1] + usize::from(x[i - 1] != y[j - 1]))
                            .min(table[i - 1][j] + 1)
                            .min(table[i][j - 1] + 1),
                    };
                }
            }
            prop_assert_eq!(within_distance(&x, &b, limit), table[x.len()][y.len()] <= limit);
        }
    }

    #[test]
    fn wildcards() {
        for (text, pattern, want) in [
            ("hello", "h?l*", true),
            ("hello", "*", true),
            ("hello", "h*o", true),
            ("hello", "h*x", false),
            ("hello", "hell", false),
            ("", "*", true),
            ("abab", "*ab", true),
        ] {
            assert_eq!(matches_wildcard(text.as_bytes(), pattern.as_bytes()), want, "{pattern}");
        }
    }

    #[test]
    fn distances() {
        let word: Vec<char> = "hello".chars().collect();
        assert!(within_distance(&word, "helo", 1) && within_distance(&word, "hallo", 1));
        assert!(!within_distance(&word, "halo", 1) && within_distance(&word, "halo", 2));
    }
}
