//! Integers as text, as strictly as Redis reads them: a value is an integer only if printing it
//! gives the same bytes back. Floating point lives in [`super::float`].

/// The longest text of an `i64`: the sign and nineteen digits.
pub const MAX_I64_TEXT: usize = 20;

/// Reads a signed integer. `None` unless the bytes are the canonical form of an `i64`: no leading
/// zeros, plus sign or spaces, no `-0`, nothing after the digits, no overflow.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => match parse_u64(digits)? {
            0 => None,
            magnitude => 0i64.checked_sub_unsigned(magnitude),
        },
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// Bytes of an integer's decimal text.
#[inline]
pub fn decimal_len(n: i64) -> usize {
    let digits = n.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    digits + usize::from(n < 0)
}

/// Reads an unsigned integer in its canonical form, as [`parse_i64`] does.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= MAX_I64_TEXT => {
            text.iter().try_fold(0u64, |value, &byte| {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    return None;
                }
                value.checked_mul(10)?.checked_add(u64::from(digit))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition itself: the text is what printing the value gives.
    fn model(text: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(text).ok()?;
        let value: i64 = text.parse().ok()?;
        (value.to_string() == text).then_some(value)
    }

    #[test]
    fn lengths_are_those_of_the_text() {
        for n in [0, 1, -1, 9, 10, -10, 99, 100, i64::MAX, i64::MIN] {
            assert_eq!(decimal_len(n), n.to_string().len(), "{n}");
        }
    }

    #[test]
    fn edges() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        let refused: [&[u8]; 12] = [
            b"",
            b"-",
            b"+1",
            b" 1",
            b"1 ",
            b"01",
            b"-0",
            b"-01",
            b"1.0",
            b"0x1",
            b"9223372036854775808",
            b"-9223372036854775809",
        ];
        for text in refused {
            assert_eq!(parse_i64(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn every_integer_round_trips(value: i64, unsigned: u64) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
            prop_assert_eq!(parse_u64(unsigned.to_string().as_bytes()), Some(unsigned));
        }

        #[test]
        fn agrees_with_the_model(text in "[-+ 0-9a]{0,22}") {
            prop_assert_eq!(parse_i64(text.as_bytes()), model(text.as_bytes()));
        }
    }
}
