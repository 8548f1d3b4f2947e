//! Numbers in a word: which integers and floats need no allocation, and how they are encoded.
//!
//! The payload of an inline word is a 56-bit signed mantissa above a five-bit code. The code says
//! whether the mantissa is an integer, a constant, or to be divided by a power of ten: `29.99` is
//! 2999 / 10². A quotient of an integer up to 2⁵³ and a power of ten up to 10²² is rounded once, so
//! it is the very float that the decimal text means (Clinger 1990); encoding checks it bit by bit.

use super::raw::{Value, Word};

const CODE_BITS: u32 = 5;
const CODE_MASK: i64 = (1 << CODE_BITS) - 1;
/// Mantissa is an integer.
const INT: i64 = 31;
/// Mantissa is 0 for null, 1 for false, 2 for true.
const CONST: i64 = 30;

const INT_MAX: i64 = (1 << 55) - 1;
const INT_MIN: i64 = -(1 << 55);
/// Largest integer up to which all integers are floats.
const EXACT: f64 = (1u64 << 53) as f64;
/// Powers that decimals are tried with; more digits are rare and would slow down parsing.
const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// An inline scalar, decoded.
#[derive(Clone, Copy)]
pub(super) enum Inline {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
}

pub(super) fn decode(payload: i64) -> Inline {
    let mantissa = payload >> CODE_BITS;
    match payload & CODE_MASK {
        INT => Inline::Int(mantissa),
        CONST if mantissa == 0 => Inline::Null,
        CONST => Inline::Bool(mantissa == 2),
        exponent => Inline::Float(divide(mantissa, exponent as usize)),
    }
}

fn divide(mantissa: i64, exponent: usize) -> f64 {
    mantissa as f64 / POWERS.get(exponent).copied().unwrap_or(1.0)
}

const fn pack(mantissa: i64, code: i64) -> Value {
    Value::inline(mantissa << CODE_BITS | code)
}

impl Value {
    /// The null value.
    pub const NULL: Self = pack(0, CONST);
    /// The value `false`.
    pub const FALSE: Self = pack(1, CONST);
    /// The value `true`.
    pub const TRUE: Self = pack(2, CONST);

    /// An integer value.
    pub fn int(int: i64) -> Self {
        match int {
            INT_MIN..=INT_MAX => pack(int, INT),
            _ => Self::wide(int.into()),
        }
    }

    /// An unsigned integer value; equal to [`Value::int`] where that can express it.
    pub fn uint(int: u64) -> Self {
        i64::try_from(int).map_or_else(|_| Self::wide(int.into()), Self::int)
    }

    /// A float value; it stays a float even when it is integral. `None` for NaN and infinities,
    /// which JSON can't express.
    pub fn float(float: f64) -> Option<Self> {
        float.is_finite().then(|| decimal(float).unwrap_or_else(|| Self::boxed_float(float)))
    }
}

/// The inline form of a float, if it has one.
fn decimal(float: f64) -> Option<Value> {
    for (exponent, power) in POWERS.iter().enumerate() {
        let scaled = (float * power).round_ties_even();
        if scaled.abs() > EXACT {
            return None;
        }
        let mantissa = scaled as i64;
        if divide(mantissa, exponent).to_bits() == float.to_bits() {
            return Some(pack(mantissa, exponent as i64));
        }
    }
    None
}

/// Whether a word is an integer that fits `i64`, and which.
pub(super) fn as_int(value: &Value) -> Option<i64> {
    match value.word() {
        Word::Inline(payload) => match decode(payload) {
            Inline::Int(int) => Some(int),
            _ => None,
        },
        Word::Wide(int) => i64::try_from(int).ok(),
        _ => None,
    }
}

/// Whether a word is a float, and which.
pub(super) fn as_float(value: &Value) -> Option<f64> {
    match value.word() {
        Word::Inline(payload) => match decode(payload) {
            Inline::Float(float) => Some(float),
            _ => None,
        },
        Word::Float(float) => Some(float),
        _ => None,
    }
}
