//! The x86 extended-precision format (`long double` in C: 64 bits of mantissa), as far as
//! INCRBYFLOAT and HINCRBYFLOAT need it: read, add, print. Redis computes them so, and clients see
//! the difference: 0.1 + 0.2 is 0.3 there, not 0.30000000000000004.
//!
//! Reading and printing are exact and then rounded once; addition rounds to nearest, ties to even.

use super::bignum::Natural;
use super::scan::{self, Magnitude};

/// Bits of the mantissa.
const BITS: u32 = 64;

/// The exponent of the smallest number above zero.
const LEAST_EXPONENT: i64 = -16445;

/// Numbers of 2 to this power, and more, are infinite.
const INFINITE_EXPONENT: i64 = 16384;

/// The longest text that is read as a number, in bytes. Redis's `MAX_LONG_DOUBLE_CHARS`.
const MAX_TEXT: usize = 5 * 1024;

/// Digits behind the point that are printed.
const FRACTION_DIGITS: u32 = 17;

/// An extended-precision number; never a NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Binary,
}

/// A magnitude: `mantissa` · 2^`exponent`. The mantissa has its top bit set, but in zero and in
/// numbers with the least exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    Finite { mantissa: u64, exponent: i64 },
    Infinite,
}

impl Binary {
    const ZERO: Self = Self::Finite { mantissa: 0, exponent: LEAST_EXPONENT };

    /// Rounds `value` · 2^`exponent`, plus a little more if `rest`.
    fn round(value: u128, exponent: i64, rest: bool) -> Self {
        let (value, exponent) = scan::round(value, exponent, rest, BITS, LEAST_EXPONENT);
        if value == 0 {
            return Self::ZERO;
        }
        // Rounding up may have made it one bit too long, all zeros but the first.
        let shift = i64::from(value.leading_zeros()) - i64::from(128 - BITS);
        let shift = shift.min(exponent - LEAST_EXPONENT);
        let mantissa = if shift < 0 { value >> -shift } else { value << shift };
        let exponent = exponent - shift;
        let length = i64::from(128 - mantissa.leading_zeros());
        if exponent + length > INFINITE_EXPONENT {
            return Self::Infinite;
        }
        Self::Finite { mantissa: mantissa as u64, exponent }
    }

    /// The number nearest to the decimal `digits` · 10^`exponent`.
    fn from_decimal(digits: impl Iterator<Item = u8>, exponent: i64) -> Self {
        // No text has so many digits that such an exponent could leave it within the format.
        const BOUND: i64 = 5000 + MAX_TEXT as i64;
        let mut value = Natural::from_digits(digits);
        match u32::try_from(exponent.abs().min(BOUND)) {
            _ if value.is_zero() => Self::ZERO,
            Ok(power) if exponent >= 0 => {
                value.multiply_by_power_of_ten(power);
                let shift = value.bits().saturating_sub(BITS + 2);
                let (top, rest) = value.shifted_right(shift);
                Self::round(top, i64::from(shift), rest)
            }
            Ok(power) => Self::from_ratio(value, power),
            Err(_) => Self::ZERO,
        }
    }

    /// The number nearest to `value` / 10^`power`.
    fn from_ratio(mut value: Natural, power: u32) -> Self {
        let mut divisor = Natural::new(1);
        divisor.multiply_by_power_of_ten(power);
        // Scaled so that the quotient has 67 or 68 bits, more than enough to round it.
        let shift = i64::from(divisor.bits()) - i64::from(value.bits()) + i64::from(BITS) + 3;
        let bits = u32::try_from(shift.abs()).unwrap_or(0);
        if shift >= 0 {
            value.shift_left(bits);
        } else {
            divisor.shift_left(bits);
        }
        let (quotient, rest) = value.divided_by(&divisor, BITS + 4);
        Self::round(quotient, -shift, rest)
    }

    /// Whether it is more than `other`, or equal.
    fn at_least(self, other: Self) -> bool {
        match (self, other) {
            (Self::Infinite, _) => true,
            (_, Self::Infinite) => false,
            (
                Self::Finite { mantissa, exponent },
                Self::Finite { mantissa: other, exponent: other_exponent },
            ) => (exponent, mantissa) >= (other_exponent, other),
        }
    }
}

impl LongDouble {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, magnitude: Binary::ZERO };

    /// Reads all of `text` as C's `strtold` does: decimal, hexadecimal or infinite. `None` if it is
    /// no number, longer than 5 KiB, or its exponent is beyond the format's range.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let number = scan::number(text)?;
        let magnitude = match number.magnitude {
            Magnitude::Infinite => Binary::Infinite,
            Magnitude::Decimal { whole, fraction, exponent } => {
                let digits = whole.iter().chain(fraction).copied();
                let value = Binary::from_decimal(digits, exponent - fraction.len() as i64);
                let is_zero = whole.iter().chain(fraction).all(|digit| *digit == b'0');
                in_range(value, is_zero)?
            }
            Magnitude::Hex { whole, fraction, exponent } => {
                let (value, exponent, rest) = scan::hex_value(whole, fraction, exponent);
                in_range(Binary::round(value, exponent, rest), value == 0)?
            }
        };
        Some(Self { negative: number.negative, magnitude })
    }

    /// Whether it is neither infinity.
    pub fn is_finite(self) -> bool {
        self.magnitude != Binary::Infinite
    }

    /// The sum, rounded to the format. `None` if it is infinite or not a number, which the commands
    /// refuse ("increment would produce NaN or Infinity").
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (large, small) = match self.magnitude.at_least(other.magnitude) {
            true => (self, other),
            false => (other, self),
        };
        let (
            Binary::Finite { mantissa, exponent },
            Binary::Finite { mantissa: small_mantissa, exponent: small_exponent },
        ) = (large.magnitude, small.magnitude)
        else {
            return None;
        };
        // 62 further bits for the larger one leave room for the carry; what the smaller one has
        // below those only counts as a rest.
        const GUARD: u32 = 62;
        let distance = u32::try_from(exponent - small_exponent).unwrap_or(u32::MAX);
        let wide = u128::from(mantissa) << GUARD;
        let (addend, rest) = shift_down(u128::from(small_mantissa) << GUARD, distance);
        let sum = match self.negative == other.negative {
            true => wide + addend,
            // A rest makes the difference a little less: one less, and a rest.
            false => wide - addend - u128::from(rest),
        };
        let magnitude = Binary::round(sum, exponent - i64::from(GUARD), rest);
        let negative = large.negative && (magnitude != Binary::ZERO || small.negative);
        let sum = Self { negative, magnitude };
        sum.is_finite().then_some(sum)
    }

    /// The number with the other sign.
    pub fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// Whether it is less than `other`, both being finite.
    pub fn is_less_than(self, other: Self) -> bool {
        match self.checked_add(other.negated()) {
            Some(difference) => difference.negative && difference.magnitude != Binary::ZERO,
            // The difference is too large: the signs differ.
            None => self.negative,
        }
    }

    /// Appends its text as Redis prints it: up to 17 digits behind the point, no zeros at their
    /// end, no exponent, no negative zero.
    pub fn write(self, out: &mut Vec<u8>) {
        let begin = out.len();
        if self.negative {
            out.push(b'-');
        }
        match self.magnitude {
            Binary::Infinite => out.extend_from_slice(b"inf"),
            Binary::Finite { mantissa, exponent } if exponent >= 0 => {
                let mut whole = Natural::new(mantissa);
                whole.shift_left(u32::try_from(exponent).unwrap_or(0));
                whole.write_decimal(out);
            }
            Binary::Finite { mantissa, exponent } => {
                write_fraction(mantissa, exponent.unsigned_abs(), out);
            }
        }
        if out.get(begin..) == Some(b"-0") {
            out.remove(begin);
        }
    }
}

/// `value` as read from text, unless its range made it infinite or zero.
fn in_range(value: Binary, is_zero: bool) -> Option<Binary> {
    match value {
        Binary::Infinite => None,
        Binary::ZERO if !is_zero => None,
        value => Some(value),
    }
}

/// Divides by two to the `bits`: the quotient, and whether there is a rest.
fn shift_down(value: u128, bits: u32) -> (u128, bool) {
    match bits {
        0..128 => (value >> bits, value & ((1 << bits) - 1) != 0),
        _ => (0, value != 0),
    }
}

/// Appends `mantissa` / 2^`scale`, rounded to 17 digits behind the point.
fn write_fraction(mantissa: u64, scale: u64, out: &mut Vec<u8>) {
    let unit = 10u128.pow(FRACTION_DIGITS);
    let scale = u32::try_from(scale).unwrap_or(u32::MAX);
    let (mut whole, fraction) = match scale {
        0..64 => (mantissa >> scale, mantissa & ((1 << scale) - 1)),
        _ => (0, mantissa),
    };
    // The fraction has at most 64 bits and 10^17 has 57, so this is exact.
    let product = u128::from(fraction) * unit;
    let (mut digits, _) = shift_down(product, scale);
    if rounds_up(product, scale, digits) {
        digits += 1;
    }
    if digits == unit {
        (whole, digits) = (whole + 1, 0);
    }
    out.extend_from_slice(whole.to_string().as_bytes());
    if digits > 0 {
        let text = format!(".{digits:017}");
        out.extend_from_slice(text.trim_end_matches('0').as_bytes());
    }
}

/// Whether `quotient`, which is `value` / 2^`bits` cut off, is to be rounded up.
fn rounds_up(value: u128, bits: u32, quotient: u128) -> bool {
    if !(1..=127).contains(&bits) {
        return false;
    }
    let rest = value & ((1 << bits) - 1);
    let half = 1 << (bits - 1);
    rest > half || (rest == half && quotient & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: LongDouble) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    fn parse(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).expect(text)
    }

    fn sum(a: &str, b: &str) -> String {
        text(parse(a).checked_add(parse(b)).expect("finite"))
    }

    /// Sums as Redis 8.2 gives them.
    #[test]
    fn sums_of_redis() {
        for (a, b, expected) in [
            ("10.5", "0.1", "10.6"),
            ("3.0e3", "200", "3200"),
            ("5.0e3", "200", "5200"),
            ("0.1", "0.2", "0.3"),
            ("1", "-1", "0"),
            ("-0", "-0", "0"),
            ("0x1p3", "0x.8", "8.5"),
            ("1e15", "0.1", "1000000000000000.0999755859375"),
            ("1e18", "0.5", "1000000000000000000.5"),
            ("3", "1.1", "4.1"),
            ("17179869184", "1.5", "17179869185.5"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("-1e-18", "0", "0"),
            ("1e22", "1", "10000000000000000000000"),
            ("678.817524", "-678.271806", "0.54571799999999998"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert!(LongDouble::parse(b"1e4932").is_some());
        assert_eq!(LongDouble::parse(b"1e4933"), None);
        assert!(LongDouble::parse(b"4e-4951").is_some());
        assert_eq!(LongDouble::parse(b"1e-4952"), None);
        assert_eq!(LongDouble::parse(b"1e999999999999999999999"), None);
        assert_eq!(LongDouble::parse(b"0e999999999999999999999"), Some(LongDouble::ZERO));
        assert_eq!(LongDouble::parse(b"0x1p16384"), None);
        assert_eq!(parse("1e4932").checked_add(parse("1e4932")), None);
        assert_eq!(parse("inf").checked_add(parse("-inf")), None);
        assert_eq!(LongDouble::parse(&[b'1'; MAX_TEXT + 1]), None);
        assert_eq!(text(parse("-1e400")), format!("-1{}", &text(parse("1e400"))[1..]));
    }

    #[test]
    fn numbers_are_ordered() {
        let texts = ["-1e4932", "-1.5", "-0.1", "0", "0.1", "0.10000000000000001", "2", "1e4932"];
        let numbers = texts.map(|text| LongDouble::parse(text.as_bytes()).unwrap());
        for (i, a) in numbers.iter().enumerate() {
            for (j, b) in numbers.iter().enumerate() {
                assert_eq!(a.is_less_than(*b), i < j, "{} {}", texts[i], texts[j]);
            }
        }
        assert!(!LongDouble::ZERO.is_less_than(LongDouble::ZERO.negated()));
    }

    proptest! {
        /// Whole numbers of 62 bits add up exactly.
        #[test]
        fn integers_are_exact(a in -(1i64 << 62)..1 << 62, b in -(1i64 << 62)..1 << 62) {
            prop_assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
        }

        /// Decimals of one sign are good for more digits than a double holds.
        #[test]
        fn short_decimals_add_up(a in 0..10i64.pow(9), b in 0..10i64.pow(9)) {
            let sum = sum(&format!("{a}e-6"), &format!("{b}e-6"));
            // In units of the 17th decimal: below 2048 a mantissa of 64 bits is rounded by at most
            // 5.6 of them, below 1024 by 2.8, and so are the sum and both terms.
            let (whole, decimals) = sum.split_once('.').unwrap_or((&sum, ""));
            let units = format!("{whole}{decimals:0<17}").parse::<i128>().unwrap();
            let exact = i128::from(a + b) * 10i128.pow(11);
            prop_assert!((units - exact).abs() <= 12, "{sum}, not {exact}");
        }

        #[test]
        fn addition_commutes(a in "-?[0-9]{1,20}(\\.[0-9]{1,20})?", b in "-?[0-9]{1,20}(\\.[0-9]{1,20})?") {
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        }

        /// Text that is printed reads back as the same number, where 17 digits suffice.
        #[test]
        fn whole_numbers_round_trip(mantissa in 1u64 << 63.., exponent in 0i64..200) {
            let value = LongDouble { negative: false, magnitude: Binary::Finite { mantissa, exponent } };
            prop_assert_eq!(LongDouble::parse(text(value).as_bytes()), Some(value));
        }

        #[test]
        fn never_panics(text in "[-+0-9a-fxpeE.in]{0,30}") {
            if let Some(value) = LongDouble::parse(text.as_bytes()) {
                value.write(&mut Vec::new());
                let _ = value.checked_add(parse("-0.1"));
            }
        }
    }
}
