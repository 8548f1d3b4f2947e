//! Identifiers of stream entries: their order, text and arithmetic.

use std::fmt;

/// The identifier of an entry: Unix milliseconds and a sequence number within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Unix milliseconds, as a rule.
    pub ms: u64,
    /// Tells entries of the same millisecond apart.
    pub seq: u64,
}

/// Most bytes of an identifier's text.
pub const MAX_ID_TEXT: usize = 41;

impl StreamId {
    /// Before all entries; no entry has it.
    pub const MIN: Self = Self::new(0, 0);
    /// The last one possible.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The identifier of these parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The one after it; `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => self.ms.checked_add(1).map(|ms| Self::new(ms, 0)),
        }
    }

    /// The one before it; `None` before the first.
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => self.ms.checked_sub(1).map(|ms| Self::new(ms, u64::MAX)),
        }
    }

    /// Reads `ms-seq` or `ms`, whose sequence number is then `missing`. Leading zeros are allowed.
    pub fn parse(text: &[u8], missing: u64) -> Option<Self> {
        match text.iter().position(|&byte| byte == b'-') {
            Some(dash) => Some(Self::new(part(&text[..dash])?, part(&text[dash + 1..])?)),
            None => Some(Self::new(part(text)?, missing)),
        }
    }

    /// The text, written into `buffer`.
    pub fn format(self, buffer: &mut [u8; MAX_ID_TEXT]) -> &[u8] {
        let mut digits = itoa::Buffer::new();
        let ms = digits.format(self.ms).as_bytes();
        let mut len = ms.len();
        buffer[..len].copy_from_slice(ms);
        buffer[len] = b'-';
        len += 1;
        let seq = digits.format(self.seq).as_bytes();
        buffer[len..len + seq.len()].copy_from_slice(seq);
        &buffer[..len + seq.len()]
    }

    /// The text.
    pub fn to_vec(self) -> Vec<u8> {
        self.format(&mut [0; MAX_ID_TEXT]).to_vec()
    }
}

/// Reads one number of an identifier, as forgivingly as Redis does: white space before it and a
/// plus sign are allowed.
pub fn part(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_start();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || text.len() > MAX_PART {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// Most bytes of a number in an identifier, leading zeros included.
const MAX_PART: usize = 127;

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_carry_over_the_sequence() {
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).prev(), Some(StreamId::new(1, u64::MAX)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.prev(), None);
    }

    #[test]
    fn only_numbers_are_read() {
        for text in [&b"5"[..], b"05", b"+5", b" 5"] {
            assert_eq!(StreamId::parse(text, 7), Some(StreamId::new(5, 7)));
        }
        for text in [
            &b""[..],
            b"-",
            b"-1",
            b"1-",
            b"1-2-3",
            b"a",
            b"5 ",
            b"+ 5",
            b"18446744073709551616",
            b"1-*",
        ] {
            assert_eq!(StreamId::parse(text, 0), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(ms: u64, seq: u64) {
            let id = StreamId::new(ms, seq);
            prop_assert_eq!(StreamId::parse(&id.to_vec(), 0), Some(id));
            prop_assert_eq!(id.to_string().into_bytes(), id.to_vec());
        }
    }
}
