//! The words that are neither indexed nor searched.

use std::collections::HashSet;

/// RediSearch's documented default list.
pub const DEFAULT_STOP_WORDS: [&str; 33] = [
    "a", "is", "the", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into",
    "it", "no", "not", "of", "on", "or", "such", "that", "their", "then", "there", "these", "they",
    "this", "to", "was", "will", "with",
];

/// A set of stop words, all in lower case.
#[derive(Debug, Clone)]
pub struct StopWords {
    words: HashSet<Box<str>>,
    longest: usize,
}

impl StopWords {
    /// A list of one's own; an empty one switches stop words off.
    pub fn new<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        let words: HashSet<Box<str>> =
            words.into_iter().map(|w| super::normalize(w.as_ref()).into_boxed_str()).collect();
        let longest = words.iter().map(|w| w.len()).max().unwrap_or(0);
        Self { words, longest }
    }

    /// Whether a lower-case word is a stop word.
    pub fn contains(&self, word: &str) -> bool {
        // Most words are longer than any stop word and need no hash.
        word.len() <= self.longest && self.words.contains(word)
    }

    /// The words, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|w| &**w)
    }
}

impl Default for StopWords {
    fn default() -> Self {
        Self::new(DEFAULT_STOP_WORDS)
    }
}
