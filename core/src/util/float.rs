//! Double-precision numbers as text: what Redis accepts for a score and the like, and what it
//! prints. INCRBYFLOAT has its own arithmetic, in [`super::long_double`].

use super::scan::{self, Magnitude};
use std::io::Write;

/// Bits of the mantissa, the hidden one among them.
const BITS: u32 = f64::MANTISSA_DIGITS;

/// The exponent of the smallest number above zero.
const LEAST_EXPONENT: i64 = -1074;

/// Whole numbers up to this magnitude are printed with all their digits: half of `i64::MAX`.
const MAX_PRINTED_WHOLE: f64 = (i64::MAX / 2) as f64;

/// Reads all of `text` as C's `strtod` does: decimal, hexadecimal or infinite. `None` if it is no
/// number (a NaN is none), has spaces around it, or its exponent is beyond the format's range.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let number = scan::number(text)?;
    let (value, is_zero) = match number.magnitude {
        Magnitude::Infinite => {
            return Some(if number.negative { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        Magnitude::Decimal { whole, fraction, .. } => {
            let is_zero = whole.iter().chain(fraction).all(|digit| *digit == b'0');
            (std::str::from_utf8(text).ok()?.parse().ok()?, is_zero)
        }
        Magnitude::Hex { whole, fraction, exponent } => {
            let (value, exponent, rest) = scan::hex_value(whole, fraction, exponent);
            let magnitude = from_binary(value, exponent, rest);
            (if number.negative { -magnitude } else { magnitude }, value == 0)
        }
    };
    (value.is_finite() && (value != 0.0 || is_zero)).then_some(value)
}

/// The double nearest to `value` · 2^`exponent`, plus a little more if `rest`.
fn from_binary(value: u128, exponent: i64, rest: bool) -> f64 {
    let (value, exponent) = scan::round(value, exponent, rest, BITS, LEAST_EXPONENT);
    // At most 53 bits, or 2^53: exact, and so is halving or doubling until the exponent is used up,
    // since the number has been rounded to what the format holds.
    let mut result = value as f64;
    let mut exponent = exponent.clamp(-3000, 3000);
    while exponent != 0 && result != 0.0 && result.is_finite() {
        let step = exponent.clamp(-1000, 1000);
        result *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    result
}

/// Appends `value` as Redis prints doubles in replies: whole numbers up to 2^62 without an
/// exponent, others with the fewest digits that read back as the same number: `3`, `0.1`,
/// `1.5e-7`, `1e+21`, `inf`, `-inf`, `nan`. Zero has no sign. About one double in a thousand has a
/// digit more in Redis, whose algorithm (Grisu2) does not always find the fewest.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value.abs() <= MAX_PRINTED_WHOLE && value.trunc() == value {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        write_shortest(out, value);
    }
}

/// [`write_f64`] as a string, for messages.
pub fn format_f64(value: f64) -> String {
    let mut out = Vec::new();
    write_f64(&mut out, value);
    String::from_utf8_lossy(&out).into_owned()
}

/// The fewest digits, and the power of ten to multiply them with as a whole number.
fn shortest_digits(value: f64, digits: &mut [u8; 24]) -> (usize, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs());
    let (decimal, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let (mut len, mut behind_point) = (0, false);
    for byte in decimal.bytes() {
        if byte == b'.' {
            behind_point = true;
            continue;
        }
        exponent -= i32::from(behind_point);
        if len < digits.len() && (len > 0 || byte != b'0') {
            digits[len] = byte;
            len += 1;
        }
    }
    while len > 1 && digits[len - 1] == b'0' {
        len -= 1;
        exponent += 1;
    }
    (len, exponent)
}

/// Lays out the shortest digits by the rules of the fpconv library, which Redis uses.
fn write_shortest(out: &mut Vec<u8>, value: f64) {
    let mut digits = [0; 24];
    let (len, power) = shortest_digits(value, &mut digits);
    let digits = &digits[..len];
    let exponent = power + len as i32 - 1;
    if value < 0.0 {
        out.push(b'-');
    }
    if power >= 0 && exponent < len as i32 + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + power as usize, b'0');
    } else if power < 0 && (power > -7 || exponent.abs() < 4) {
        write_point(out, digits, exponent);
    } else {
        write_scientific(out, digits, exponent);
    }
}

/// The digits with a point among or before them.
fn write_point(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    match usize::try_from(exponent + 1) {
        Ok(whole) if whole > 0 => {
            let (whole, fraction) = digits.split_at(whole.min(digits.len()));
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (exponent + 1).unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        }
    }
}

/// The digits with a point behind the first, and an exponent with its sign.
fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let (first, others) = digits.split_at(1.min(digits.len()));
    out.extend_from_slice(first);
    if !others.is_empty() {
        out.push(b'.');
        out.extend_from_slice(others);
    }
    // A Vec takes every write.
    let _ = write!(out, "e{exponent:+}");
}

/// Appends `value` as C's `printf("%.*g")` does, with at most `precision` significant digits
/// (1 to 17). Scripts and some older replies print so.
pub fn write_general(out: &mut Vec<u8>, value: f64, precision: usize) {
    if !value.is_finite() || value == 0.0 {
        let text: &[u8] = match value {
            _ if value.is_nan() => b"nan",
            _ if value == 0.0 && value.is_sign_negative() => b"-0",
            0.0 => b"0",
            _ if value > 0.0 => b"inf",
            _ => b"-inf",
        };
        return out.extend_from_slice(text);
    }
    let precision = precision.clamp(1, 17);
    let text = format!("{value:.*e}", precision - 1);
    let (decimal, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{}e{sign}{:02}", without_zeros(decimal), exponent.abs());
    } else {
        let places = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
        let text = format!("{value:.places$}");
        out.extend_from_slice(without_zeros(&text).as_bytes());
    }
}

/// Cuts zeros off the end of a fraction, and the point if nothing is left behind it.
fn without_zeros(decimal: &str) -> &str {
    match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => decimal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn general(value: f64, precision: usize) -> String {
        let mut out = Vec::new();
        write_general(&mut out, value, precision);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn printed_as_redis_does() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1e17, "100000000000000000"),
            (123456789012345678.0, "123456789012345680"),
            (4e18, "4000000000000000000"),
            (5e18, "5e+18"),
            (1e21, "1e+21"),
            (12345678901234567890.0, "12345678901234567000"),
            (0.000001, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (1.2345678901234567e-5, "1.2345678901234568e-5"),
            (0.00012345678901234567, "1.2345678901234567e-4"),
            (2.51234567890123, "2.51234567890123"),
            (1234567890123456.5, "1234567890123456.5"),
            (-1.5e300, "-1.5e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(format_f64(value), text);
        }
    }

    #[test]
    fn accepted_and_refused() {
        for (text, value) in [
            ("0x1p3", 8.0),
            ("-0x1.8p1", -3.0),
            ("0x.00000000000000000000000000000000000001p152", 1.0),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("+5", 5.0),
            (".5", 0.5),
            ("5.e3", 5000.0),
            ("00012", 12.0),
            ("1e-320", 1e-320),
            ("0e-400", 0.0),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        let refused = [
            "",
            "nan",
            " 1",
            "1 ",
            "1e400",
            "-1e400",
            "1e-400",
            "1e-324",
            "infin",
            "0x",
            "1d5",
            "1e",
            "0x1p1024",
            "0x1p-1076",
            "1\0",
            "1e99999999999999999999",
        ];
        for text in refused {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn general_format() {
        for (value, precision, text) in [
            (0.1, 17, "0.10000000000000001"),
            (3.0, 17, "3"),
            (1e17, 17, "1e+17"),
            (1e16, 17, "10000000000000000"),
            (12345678.9, 3, "1.23e+07"),
            (0.00001, 14, "1e-05"),
            (0.0001, 14, "0.0001"),
            (99999.5, 5, "1e+05"),
            (-0.0, 14, "-0"),
            (f64::NEG_INFINITY, 14, "-inf"),
        ] {
            assert_eq!(general(value, precision), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_f64(format_f64(value).as_bytes()), Some(value));
            prop_assert_eq!(parse_f64(general(value, 17).as_bytes()), Some(value));
        }

        #[test]
        fn so_does_hexadecimal(mantissa in 1u64..1 << 53, exponent in -1074i64..960) {
            let value = mantissa as f64 * 2f64.powi(exponent as i32 / 2) * 2f64.powi((exponent - exponent / 2) as i32);
            prop_assume!(exponent > -1020);
            let text = format!("0x{mantissa:x}p{exponent}");
            prop_assert_eq!(parse_f64(text.as_bytes()), Some(value));
        }

        #[test]
        fn decimals_agree_with_the_standard_library(text in "[-+]?[0-9]{1,20}(\\.[0-9]{0,20})?(e[-+]?[0-9]{1,2})?") {
            prop_assert_eq!(parse_f64(text.as_bytes()), text.parse().ok());
        }
    }
}
