//! From text to terms: tokens, stop words and stems.
//!
//! Tokenization follows RediSearch's rules ([`tokenizer`]); stems are Snowball's ([`stemmer`]).

pub mod stemmer;
pub mod stop_words;
pub mod tokenizer;

pub use stemmer::{STEM_PREFIX, Stems};
pub use stop_words::{DEFAULT_STOP_WORDS, StopWords};
pub use tokenizer::{Token, is_separator, tokenize};

pub use rust_stemmers::Algorithm as Language;

/// Shortest token, in bytes, that is stemmed when a document is indexed.
pub const MIN_STEM_LENGTH: usize = 4;

/// Longest term in bytes; the rest of a longer token is dropped.
pub const MAX_TERM_LENGTH: usize = 4096;

/// The analysis of one index: a stemmer and a stop-word list.
#[derive(Debug, Clone)]
pub struct Analyzer {
    stems: Option<Stems>,
    stop_words: StopWords,
}

impl Analyzer {
    /// English stemming.
    pub fn english(stop_words: StopWords) -> Self {
        Self { stems: Some(Stems::new(Language::English)), stop_words }
    }

    /// Stemming in a given language, or none.
    pub fn new(language: Option<Language>, stop_words: StopWords) -> Self {
        Self { stems: language.map(Stems::new), stop_words }
    }

    /// The words this index leaves out.
    pub fn stop_words(&self) -> &StopWords {
        &self.stop_words
    }

    /// The stem of a normalised word, which may be the word itself.
    ///
    /// `None` when the analysis has no stemmer.
    pub fn stem(&self, word: &str) -> Option<String> {
        self.stems.as_ref().map(|stems| stems.stem(word))
    }

    /// The term under which a word of a document is also indexed: its stem after
    /// [`STEM_PREFIX`], unless the word is short or its own stem.
    pub fn stem_term(&self, word: &str) -> Option<String> {
        if word.len() < MIN_STEM_LENGTH {
            return None;
        }
        let stem = self.stem(word)?;
        (stem != word).then(|| format!("{STEM_PREFIX}{stem}"))
    }
}

/// Lower-cases a word as the tokenizer does.
pub fn normalize(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    tokenizer::lower_into(word, &mut out);
    out
}
