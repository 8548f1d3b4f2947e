//! What happens to a sample whose timestamp is taken.

use crate::error::TsError;

/// The policy for a second sample at one timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicatePolicy {
    /// An error; the default.
    Block,
    /// The stored value stays.
    First,
    /// The new value replaces it.
    Last,
    /// The lower value stays.
    Min,
    /// The higher value stays.
    Max,
    /// Both are added up.
    Sum,
}

impl DuplicatePolicy {
    /// Parses a policy's name, in any case.
    ///
    /// # Errors
    /// [`TsError::UnknownPolicy`] for any other word.
    pub fn parse(name: &[u8]) -> Result<Self, TsError> {
        let all = [Self::Block, Self::First, Self::Last, Self::Min, Self::Max, Self::Sum];
        let found = all.into_iter().find(|p| p.name().as_bytes().eq_ignore_ascii_case(name));
        found.ok_or(TsError::UnknownPolicy)
    }

    /// The policy's name as TS.INFO prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::First => "first",
            Self::Last => "last",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }

    /// The value to store when `old` is stored and `new` arrives. For MIN, MAX and SUM a NaN
    /// gives way to a number.
    ///
    /// # Errors
    /// [`TsError::Blocked`] under BLOCK.
    pub fn resolve(self, old: f64, new: f64) -> Result<f64, TsError> {
        let combine = |f: fn(f64, f64) -> f64| match (old.is_nan(), new.is_nan()) {
            (true, _) => new,
            (_, true) => old,
            _ => f(old, new),
        };
        match self {
            Self::Block => Err(TsError::Blocked),
            Self::First => Ok(old),
            Self::Last => Ok(new),
            Self::Min => Ok(combine(|a, b| if b < a { b } else { a })),
            Self::Max => Ok(combine(|a, b| if b > a { b } else { a })),
            Self::Sum => Ok(combine(|a, b| a + b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_resolve() {
        use DuplicatePolicy::*;
        assert_eq!(Block.resolve(5.0, 3.0), Err(TsError::Blocked));
        let results = [First, Last, Min, Max, Sum].map(|p| p.resolve(5.0, 3.0).unwrap());
        assert_eq!(results, [5.0, 3.0, 3.0, 5.0, 8.0]);
        assert_eq!(Sum.resolve(f64::NAN, 3.0), Ok(3.0));
        assert_eq!(Max.resolve(3.0, f64::NAN), Ok(3.0));
    }

    #[test]
    fn names_parse_in_any_case() {
        assert_eq!(DuplicatePolicy::parse(b"LaSt"), Ok(DuplicatePolicy::Last));
        assert_eq!(DuplicatePolicy::parse(b"latest"), Err(TsError::UnknownPolicy));
    }
}
