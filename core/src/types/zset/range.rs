//! Ranges of scores and of members, as commands ask for them.

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The least score.
    pub min: f64,
    /// The greatest score.
    pub max: f64,
    /// Whether the least score itself is left out.
    pub min_open: bool,
    /// Whether the greatest score itself is left out.
    pub max_open: bool,
}

impl ScoreRange {
    /// All scores from `min` to `max`, both included.
    pub fn closed(min: f64, max: f64) -> Self {
        Self { min, max, min_open: false, max_open: false }
    }

    /// Whether a score comes before the range.
    #[inline]
    pub fn is_below(&self, score: f64) -> bool {
        score < self.min || self.min_open && score == self.min
    }

    /// Whether a score comes after the range.
    #[inline]
    pub fn is_above(&self, score: f64) -> bool {
        score > self.max || self.max_open && score == self.max
    }
}

/// An end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members.
    Least,
    /// After all members.
    Greatest,
    /// At this member, which is included.
    Closed(&'a [u8]),
    /// At this member, which is left out.
    Open(&'a [u8]),
}

/// A range of members in the order of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Where it begins.
    pub min: LexBound<'a>,
    /// Where it ends.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member comes before the range.
    #[inline]
    pub fn is_below(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Closed(bound) => member < bound,
            LexBound::Open(bound) => member <= bound,
        }
    }

    /// Whether a member comes after the range.
    #[inline]
    pub fn is_above(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Least => true,
            LexBound::Greatest => false,
            LexBound::Closed(bound) => member > bound,
            LexBound::Open(bound) => member >= bound,
        }
    }
}
