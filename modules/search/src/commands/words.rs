//! Reading a command's words from left to right.

use cairn_core::CmdError;
use cairn_core::util::int::parse_i64;

/// The words that are left.
pub struct Words<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Words<'a> {
    /// All of these words.
    pub fn new(words: &'a [&'a [u8]]) -> Self {
        Self { rest: words }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next word.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next word, which `what` needs.
    pub fn need(&mut self, what: &str) -> Result<&'a [u8], CmdError> {
        self.take().ok_or_else(|| {
            CmdError::new(format!("SEARCH_PARSE_ARGS Bad arguments for {what}: Expected an argument, but none provided"))
        })
    }

    /// The next word as text, which `what` needs.
    pub fn text(&mut self, what: &str) -> Result<String, CmdError> {
        Ok(String::from_utf8_lossy(self.need(what)?).into_owned())
    }

    /// The next word as a number of 0 or more.
    pub fn count(&mut self, what: &str) -> Result<usize, CmdError> {
        let word = self.need(what)?;
        parse_i64(word).and_then(|n| usize::try_from(n).ok()).ok_or_else(|| {
            CmdError::new(format!("SEARCH_PARSE_ARGS Bad arguments for {what}: Could not convert argument to expected type"))
        })
    }

    /// A count and that many words.
    pub fn counted(&mut self, what: &str) -> Result<&'a [&'a [u8]], CmdError> {
        let n = self.count(what)?;
        if n > self.rest.len() {
            return Err(CmdError::new(format!(
                "SEARCH_PARSE_ARGS Bad arguments for {what}: Expected an argument, but none provided"
            )));
        }
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next word if it is this one, in any case.
    pub fn accept(&mut self, word: &str) -> bool {
        let is_it = self.rest.first().is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()));
        if is_it {
            self.rest = &self.rest[1..];
        }
        is_it
    }
}
