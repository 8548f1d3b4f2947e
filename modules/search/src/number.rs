//! Numbers with an exact order: every `f64` and every `i64`.
//!
//! A number is its nearest `f64` and the remainder that rounding lost. Rounding is monotone, so
//! comparing the pairs compares the numbers.

use std::cmp::Ordering;

/// A finite or infinite number, never NaN.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    float: f64,
    /// What to add to `float` to get the exact value; at most 1,024 in magnitude.
    rest: i16,
}

impl Number {
    /// The least number.
    pub const MIN: Self = Self { float: f64::NEG_INFINITY, rest: 0 };
    /// The greatest number.
    pub const MAX: Self = Self { float: f64::INFINITY, rest: 0 };

    /// A number from a float; `None` for NaN.
    pub fn from_f64(value: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0.
        (!value.is_nan()).then_some(Self { float: value + 0.0, rest: 0 })
    }

    /// An exact integer.
    pub fn from_i64(value: i64) -> Self {
        let float = value as f64;
        let rest = (i128::from(value) - float as i128) as i16;
        Self { float, rest }
    }

    /// Reads an integer or a float in decimal or exponent notation, `inf` or `-inf`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse::<i64>() {
            return Some(Self::from_i64(int));
        }
        if text.len() > MAX_NUMBER_LENGTH {
            return None;
        }
        text.parse::<f64>().ok().and_then(Self::from_f64)
    }

    /// The nearest float.
    pub fn float(self) -> f64 {
        self.float
    }

    /// The exact value less the nearest float.
    pub fn rest(self) -> i16 {
        self.rest
    }

    pub(crate) fn from_parts(float: f64, rest: i16) -> Self {
        Self { float, rest }
    }

    /// The exact integer, if this is one within `i64`.
    pub fn as_i64(self) -> Option<i64> {
        if self.float.fract() != 0.0 || self.float.abs() > 9.3e18 {
            return None;
        }
        i64::try_from(self.float as i128 + i128::from(self.rest)).ok()
    }
}

/// Longest text that is read as a number.
pub const MAX_NUMBER_LENGTH: usize = 400;

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.float.total_cmp(&other.float).then(self.rest.cmp(&other.rest))
    }
}

/// An interval of numbers, each end open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Lower end.
    pub min: Number,
    /// Upper end.
    pub max: Number,
    /// The lower end belongs to the interval.
    pub min_inclusive: bool,
    /// The upper end belongs to the interval.
    pub max_inclusive: bool,
}

impl Range {
    /// All numbers.
    pub const ALL: Self =
        Self { min: Number::MIN, max: Number::MAX, min_inclusive: true, max_inclusive: true };

    /// A closed interval.
    pub fn closed(min: Number, max: Number) -> Self {
        Self { min, max, min_inclusive: true, max_inclusive: true }
    }

    /// Whether the interval holds `value`.
    pub fn contains(&self, value: Number) -> bool {
        !self.is_below(value) && !self.is_above(value)
    }

    /// Whether the whole interval lies above `value`.
    pub fn is_above(&self, value: Number) -> bool {
        value < self.min || (value == self.min && !self.min_inclusive)
    }

    /// Whether the whole interval lies below `value`.
    pub fn is_below(&self, value: Number) -> bool {
        value > self.max || (value == self.max && !self.max_inclusive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_are_exact(a in any::<i64>(), d in -3i64..3) {
            let b = a.saturating_add(d);
            let (x, y) = (Number::from_i64(a), Number::from_i64(b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.as_i64(), Some(a));
            prop_assert_eq!(Number::parse(&a.to_string()), Some(x));
        }

        #[test]
        fn floats_keep_their_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (x, y) = (Number::from_f64(a).unwrap(), Number::from_f64(b).unwrap());
            prop_assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
        }
    }

    #[test]
    fn ends_open_and_closed() {
        let n = Number::from_i64;
        let half_open = Range { min_inclusive: false, ..Range::closed(n(1), n(3)) };
        assert_eq!(
            [0, 1, 2, 3, 4].map(|v| half_open.contains(n(v))),
            [false, false, true, true, false]
        );
        assert_eq!(Number::parse("nan"), None);
    }
}
