//! The grammar of floating point text, as C's `strtod` knows it, but of a whole argument: no
//! spaces around it, nothing left over. What the text is worth is for [`super::float`] and
//! [`super::long_double`] to say.

/// A number as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    pub(super) magnitude: Magnitude<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Magnitude<'a> {
    /// `inf` or `infinity`, in any case.
    Infinite,
    /// The digits of `whole` and then `fraction`, times ten to the `exponent` minus the
    /// fraction's length.
    Decimal { whole: &'a [u8], fraction: &'a [u8], exponent: i64 },
    /// `0x…`, likewise, with a power of two.
    Hex { whole: &'a [u8], fraction: &'a [u8], exponent: i64 },
}

/// Reads all of `text`. Not-a-number is no number here.
pub(super) fn number(text: &[u8]) -> Option<Number<'_>> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let magnitude = match text {
        [b'0', b'x' | b'X', rest @ ..] => {
            let (whole, fraction, exponent) = parts(rest, u8::is_ascii_hexdigit, b'p')?;
            Magnitude::Hex { whole, fraction, exponent }
        }
        _ if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") => {
            Magnitude::Infinite
        }
        _ => {
            let (whole, fraction, exponent) = parts(text, u8::is_ascii_digit, b'e')?;
            Magnitude::Decimal { whole, fraction, exponent }
        }
    };
    Some(Number { negative, magnitude })
}

/// Splits `text` into whole digits, digits of the fraction, and the exponent behind `mark`.
fn parts(text: &[u8], is_digit: fn(&u8) -> bool, mark: u8) -> Option<(&[u8], &[u8], i64)> {
    let (whole, rest) = split_digits(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest, is_digit),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [first, rest @ ..] if first.eq_ignore_ascii_case(&mark) => exponent(rest)?,
        _ => return None,
    };
    Some((whole, fraction, exponent))
}

fn split_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// A decimal exponent; one that is out of all bounds is cut down to a value that still is.
fn exponent(text: &[u8]) -> Option<i64> {
    const BOUND: i64 = 1 << 40;
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits
        .iter()
        .fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(BOUND));
    Some(if negative { -magnitude } else { magnitude })
}

/// A hexadecimal number's leading 124 bits, the power of two they are to be multiplied with, and
/// whether anything but zeros was left out.
pub(super) fn hex_value(whole: &[u8], fraction: &[u8], exponent: i64) -> (u128, i64, bool) {
    const KEPT: u32 = 124;
    let mut value = 0u128;
    let mut left_out = 0i64;
    let mut rest = false;
    for &byte in whole.iter().chain(fraction) {
        let digit = u128::from((byte as char).to_digit(16).unwrap_or(0));
        if value >> KEPT == 0 {
            value = value << 4 | digit;
        } else {
            left_out += 4;
            rest |= digit != 0;
        }
    }
    (value, exponent - 4 * fraction.len() as i64 + left_out, rest)
}

/// Rounds `value` · 2^`exponent` (plus a little more if `rest`) to the nearest number of at most
/// `bits` bits with an exponent of at least `least`, ties to even.
pub(super) fn round(value: u128, exponent: i64, rest: bool, bits: u32, least: i64) -> (u128, i64) {
    let length = i64::from(128 - value.leading_zeros());
    let excess = (length - i64::from(bits)).max(least.saturating_sub(exponent)).max(0);
    if excess == 0 {
        return (value, exponent);
    }
    if excess > 128 {
        return (0, exponent + excess);
    }
    let kept = value.checked_shr(excess as u32).unwrap_or(0);
    let half = 1u128 << (excess - 1);
    let below_half = value & (half - 1) != 0;
    let up = value & half != 0 && (below_half || rest || kept & 1 == 1);
    (kept + u128::from(up), exponent + excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in ["1", "-1", "+1.", ".5", "1e5", "1E-5", "0x1p3", "0X.8P+1", "inf", "-InFinity"]
        {
            assert!(number(good.as_bytes()).is_some(), "{good}");
        }
        let bad = [
            "", "+", ".", "1e", "1e+", "e5", "nan", "0x", "0xp1", "1 ", " 1", "1_0", "infin",
            "--1", "1f", "0x1p", "1\0",
        ];
        for bad in bad {
            assert_eq!(number(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        assert_eq!(round(0b1011, 0, false, 3, -9), (0b110, 1));
        assert_eq!(round(0b1010, 0, false, 2, -9), (0b10, 2));
        assert_eq!(round(0b1010, 0, true, 2, -9), (0b11, 2));
        assert_eq!(round(0b1110, 0, false, 2, -9), (0b100, 2));
        assert_eq!(round(1, -10, false, 64, -9), (0, -9));
        assert_eq!(round(3, -10, false, 64, -9), (2, -9));
        assert_eq!(round(u128::MAX, 0, false, 64, 500), (0, 500));
        assert_eq!(round(u128::MAX, -128, false, 64, 0), (1, 0));
        assert_eq!(round(1, -130, false, 64, 0), (0, 0));
    }
}
