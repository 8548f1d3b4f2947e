//! What no posting of a group exceeds, from which a bound of its scores follows.

/// A frequency as a share of the highest frequency in its document, which TFIDF divides by.
///
/// The greatest one of a group is kept as the fraction that it is, since a score that is worked
/// out from it is then exactly the highest one, and not a little more: with TFIDF many documents
/// have that very score, and a group none of which is better can be passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The frequency.
    pub freq: u32,
    /// The highest frequency in the document, at least `freq`.
    pub of: u32,
}

impl Share {
    /// The greater of two.
    fn max(self, other: Self) -> Self {
        let cross = |a: Self, b: Self| u64::from(a.freq) * u64::from(b.of);
        if cross(self, other) >= cross(other, self) { self } else { other }
    }
}

/// Bounds of a group of postings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Highest frequency.
    pub max_freq: u32,
    /// Length of the shortest document.
    pub min_len: u32,
    /// Greatest share.
    pub share: Share,
}

impl Bounds {
    /// Those of no posting.
    pub const NONE: Self = Self { max_freq: 0, min_len: u32::MAX, share: Share { freq: 0, of: 1 } };

    /// Those of one posting: its frequency, the length of its document and the highest frequency
    /// there.
    pub fn of(freq: u32, len: u32, highest: u32) -> Self {
        let share = Share { freq, of: highest.max(freq).max(1) };
        Self { max_freq: freq, min_len: len, share }
    }

    /// Those of two groups together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            max_freq: self.max_freq.max(other.max_freq),
            min_len: self.min_len.min(other.min_len),
            share: self.share.max(other.share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hold_for_all(postings in prop::collection::vec((1u32..2000, 1u32..500, 0u32..2000), 1..50)) {
            let all = postings.iter().map(|&(f, len, more)| (f, len, f + more));
            let of = |(freq, len, highest)| Bounds::of(freq, len, highest);
            let joined = all.clone().map(of).fold(Bounds::NONE, Bounds::join);
            let share = |b: Bounds| f64::from(b.share.freq) / f64::from(b.share.of);
            prop_assert_eq!(joined.max_freq, all.clone().map(|p| p.0).max().unwrap());
            prop_assert_eq!(joined.min_len, all.clone().map(|p| p.1).min().unwrap());
            let best = all.map(|p| share(of(p))).fold(0.0, f64::max);
            prop_assert_eq!(share(joined), best);
        }
    }
}
