//! Stems of single words, by the Snowball stemmers that RediSearch's releases agree with.
//!
//! Tantivy's own stemmers follow Snowball 3, whose English stems differ ("university"), and an
//! index must find the same documents as before a migration.

use rust_stemmers::{Algorithm, Stemmer};
use std::fmt;

/// Marks a stem among the terms of an index, so that it never equals a word.
pub const STEM_PREFIX: char = '+';

/// A stemmer for one language.
pub struct Stems {
    language: Algorithm,
    stemmer: Stemmer,
}

impl Stems {
    /// A stemmer for `language`.
    pub fn new(language: Algorithm) -> Self {
        Self { language, stemmer: Stemmer::create(language) }
    }

    /// The stem of a lower-case word.
    pub fn stem(&self, word: &str) -> String {
        self.stemmer.stem(word).into_owned()
    }
}

impl Clone for Stems {
    fn clone(&self) -> Self {
        Self::new(self.language)
    }
}

impl fmt::Debug for Stems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stems").field(&self.language).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_english_words() {
        let stems = Stems::new(Algorithm::English);
        for (word, stem) in [
            ("running", "run"),
            ("boxes", "box"),
            ("flying", "fli"),
            ("university", "univers"),
            ("skies", "sky"),
            ("news", "news"),
            ("dying", "die"),
            ("generically", "generic"),
            ("happily", "happili"),
            ("conflated", "conflat"),
        ] {
            assert_eq!(stems.stem(word), stem);
        }
    }
}
