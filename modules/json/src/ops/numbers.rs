//! JSON.NUMINCRBY, JSON.NUMMULTBY and JSON.NUMPOWBY.
//!
//! Integers stay exact as long as the result has 64 bits, signed or unsigned; beyond that, and
//! whenever a float takes part, the result is a float. RedisJSON wraps around instead.

use super::OpError;
use super::place::{edit_all, node};
use crate::path::Path;
use crate::tree::{Ref, Value, View};

/// A number, exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer of 64 bits, signed or unsigned.
    Int(i128),
    /// A finite float.
    Float(f64),
}

impl Number {
    /// Reads an operation's argument, which is a JSON number.
    pub fn of(value: &Value) -> Result<Self, OpError> {
        Self::from_node(value.view()).ok_or(OpError::BadNumber)
    }

    fn from_node(node: Ref<'_>) -> Option<Self> {
        match node {
            Ref::Int(int) => Some(Self::Int(int.into())),
            Ref::UInt(int) => Some(Self::Int(int.into())),
            Ref::Float(float) => Some(Self::Float(float)),
            _ => None,
        }
    }

    fn to_float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    fn to_value(self) -> Result<Value, OpError> {
        match self {
            Self::Float(float) => Value::float(float).ok_or(OpError::NotFinite),
            Self::Int(int) => match (i64::try_from(int), u64::try_from(int)) {
                (Ok(int), _) => Ok(Value::int(int)),
                (_, Ok(int)) => Ok(Value::uint(int)),
                _ => Self::Float(int as f64).to_value(),
            },
        }
    }
}

/// Adds a number to all numbers that match. Results are the sums.
pub fn increment(root: &mut Value, path: &Path, by: Number) -> Result<Vec<Option<Value>>, OpError> {
    calculate(root, path, by, i128::checked_add, |a, b| a + b)
}

/// Multiplies all numbers that match. Results are the products.
pub fn multiply(root: &mut Value, path: &Path, by: Number) -> Result<Vec<Option<Value>>, OpError> {
    calculate(root, path, by, i128::checked_mul, |a, b| a * b)
}

/// Raises all numbers that match to a power. Results are the powers.
pub fn raise(root: &mut Value, path: &Path, by: Number) -> Result<Vec<Option<Value>>, OpError> {
    let ints = |base: i128, exponent| base.checked_pow(u32::try_from(exponent).ok()?);
    calculate(root, path, by, ints, f64::powf)
}

fn calculate(
    root: &mut Value,
    path: &Path,
    by: Number,
    ints: fn(i128, i128) -> Option<i128>,
    floats: fn(f64, f64) -> f64,
) -> Result<Vec<Option<Value>>, OpError> {
    let result = |node: Ref<'_>| {
        let number = Number::from_node(node)?;
        let exact = match (number, by) {
            (Number::Int(number), Number::Int(by)) => ints(number, by).map(Number::Int),
            _ => None,
        };
        let result =
            exact.unwrap_or_else(|| Number::Float(floats(number.to_float(), by.to_float())));
        Some(result.to_value())
    };
    let found = path.locate(root.view())?;
    for place in &found {
        node(root.view(), place).and_then(result).transpose()?;
    }
    Ok(edit_all(root, &found, |node| {
        *node = result(node.view())?.ok()?;
        Some(node.clone())
    }))
}
