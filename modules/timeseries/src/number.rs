//! Values as text: what a client may write, and what it reads.

use std::fmt::Write;

/// Values of this magnitude and above are written with an exponent if they end in zeros.
const PLAIN_DIGITS: i32 = 16;

/// The longest text that is read as a value.
const MAX_TEXT: usize = 512;

/// Reads a value as JSON writes numbers (RFC 8259), or `nan` in any case. `None` for anything else,
/// for numbers too large for a double, and for infinities.
pub fn parse_value(text: &[u8]) -> Option<f64> {
    if text.eq_ignore_ascii_case(b"nan") || text.eq_ignore_ascii_case(b"-nan") {
        return Some(f64::NAN);
    }
    if text.len() > MAX_TEXT || !is_json_number(text) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`, except that leading zeros may pass.
fn is_json_number(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let Some(rest) = skip_digits(rest) else { return false };
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => match skip_digits(fraction) {
            Some(rest) => rest,
            None => return false,
        },
        None => rest,
    };
    let Some((b'e' | b'E', exponent)) = rest.split_first() else { return rest.is_empty() };
    let digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
    skip_digits(digits).is_some_and(<[u8]>::is_empty)
}

/// What follows one or more digits.
fn skip_digits(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { None } else { text.get(digits..) }
}

/// Appends a value as RedisTimeSeries writes it: the shortest digits that read back as the same
/// double; plain from 1 to below 10^16, with an exponent (`1.5E-1`) otherwise.
pub fn push_value(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    let start = out.len();
    let _ = write!(out, "{value:e}"); // writing to a String cannot fail
    let text = &out[start..];
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let significant = digits.bytes().filter(u8::is_ascii_digit).count() as i32;
    let plain = exponent >= 0 && (exponent < PLAIN_DIGITS || significant > exponent);
    if plain {
        out.truncate(start);
        let _ = write!(out, "{value}");
    } else {
        let at = start + digits.len();
        out.replace_range(at..=at, "E");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = String::new();
        push_value(value, &mut out);
        out
    }

    /// Pairs observed on Redis Stack.
    #[test]
    fn values_are_written_as_redis_does() {
        let pairs = [
            ("0.5", "5E-1"),
            ("0.05", "5E-2"),
            ("123.456", "123.456"),
            ("1e5", "100000"),
            ("1e15", "1000000000000000"),
            ("1e16", "1E16"),
            ("123456789012345680000", "1.2345678901234568E20"),
            ("1.5e300", "1.5E300"),
            ("0.30000000000000004", "3.0000000000000004E-1"),
            ("-0.25", "-2.5E-1"),
            ("12345678901234567", "12345678901234568"),
            ("33.333333333333336", "33.333333333333336"),
            ("5e-324", "5E-324"),
            ("12e10", "120000000000"),
            ("0", "0"),
            ("-0", "-0"),
        ];
        for (given, expected) in pairs {
            assert_eq!(text(parse_value(given.as_bytes()).unwrap()), expected);
        }
        assert_eq!(text(f64::NAN), "NaN");
    }

    #[test]
    fn only_json_numbers_are_read() {
        let wrong = [
            "", "-", "+1", ".5", "5.", " 1", "1 ", "inf", "1e400", "0x10", "1e", "1e+", "abc",
            "1_0",
        ];
        for text in wrong {
            assert_eq!(parse_value(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_value(b"-1.5e+2"), Some(-150.0));
        assert!(parse_value(b"NaN").is_some_and(f64::is_nan));
    }

    proptest! {
        #[test]
        fn written_values_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let back = parse_value(text(value).as_bytes()).unwrap();
            prop_assert_eq!(back.to_bits(), bits);
        }
    }
}
