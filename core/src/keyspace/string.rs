//! String values as commands read them.

use super::{Entry, ValueRef};
use crate::error::CmdError;

/// A string value: bytes, or an integer in its decimal form.
pub enum StrBytes<'a> {
    /// Bytes in the entry.
    Bytes(&'a [u8]),
    /// An integer's digits.
    Digits(itoa::Buffer, i64),
}

impl StrBytes<'_> {
    /// The bytes.
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            StrBytes::Bytes(bytes) => f(bytes),
            StrBytes::Digits(buffer, n) => f(buffer.clone().format(*n).as_bytes()),
        }
    }

    /// A copy of the bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

/// The string of an entry.
pub(super) fn string_of(entry: &Entry) -> Result<StrBytes<'_>, CmdError> {
    match entry.value() {
        ValueRef::Bytes(bytes) => Ok(StrBytes::Bytes(bytes)),
        ValueRef::Int(n) => Ok(StrBytes::Digits(itoa::Buffer::new(), n)),
        ValueRef::Object(_) => Err(CmdError::WRONG_TYPE),
    }
}
