//! What a command answers when it cannot do its work.

use std::borrow::Cow;

/// An error reply, its code first: `ERR …`, `WRONGTYPE …`.
///
/// Texts are Redis's to the letter, since clients match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CmdError(Cow<'static, str>);

impl CmdError {
    /// An operation against a key of another type.
    pub const WRONG_TYPE: Self =
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Arguments in no form the command knows.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// An argument or value that should have been an integer of 64 bits.
    pub const NOT_INT: Self = Self::fixed("ERR value is not an integer or out of range");
    /// An argument or value that should have been a number.
    pub const NOT_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// A key that has to exist.
    pub const NO_KEY: Self = Self::fixed("ERR no such key");
    /// An index outside of a list.
    pub const OUT_OF_RANGE: Self = Self::fixed("ERR index out of range");
    /// A string that would grow over `proto-max-bulk-len`.
    pub const TOO_LONG: Self =
        Self::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// A write while memory is over `maxmemory` and nothing may be evicted.
    pub const OOM: Self = Self::fixed("OOM command not allowed when used memory > 'maxmemory'.");

    /// A text known at compile time.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A text with details.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// The wrong number of arguments for the command of this name (`get`, `client|id`).
    pub fn arity(name: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// A word of a request as errors repeat it: up to its first zero byte, as C prints strings.
    pub fn shown(word: &[u8]) -> Cow<'_, str> {
        let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
        String::from_utf8_lossy(&word[..end])
    }

    /// The reply's text.
    pub fn text(&self) -> &str {
        &self.0
    }
}
