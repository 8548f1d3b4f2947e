//! Randomness that is fast and good enough to sample keys by. Not for secrets.
//!
//! The generator is wyrand (Wang Yi, public domain): one multiplication a number, 64 bits of state.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// A generator of its own, for repeatable sequences.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A sequence that nobody can foresee.
    pub fn from_entropy() -> Self {
        Self::new(RandomState::new().hash_one(std::time::SystemTime::now()))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0xa076_1d64_78bd_642f);
        let product = u128::from(self.state) * u128::from(self.state ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }

    /// A number below `bound`, each as likely as the others; 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire's method: the upper half of a product is even but for a few values of the lower.
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let uneven = bound.wrapping_neg() % bound;
            while (product as u64) < uneven {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// An index below `len`; 0 if `len` is 0.
    #[inline]
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number of at least 0 and less than 1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

thread_local! {
    static THREAD: Cell<u64> = Cell::new(Random::from_entropy().state);
}

/// Runs `draw` with this thread's generator. Don't nest calls: the inner one would draw the same.
#[inline]
pub fn with<T>(draw: impl FnOnce(&mut Random) -> T) -> T {
    THREAD.with(|state| {
        let mut random = Random::new(state.get());
        let drawn = draw(&mut random);
        state.set(random.state);
        drawn
    })
}

/// Makes this thread's further numbers repeatable.
pub fn seed(seed: u64) {
    THREAD.with(|state| state.set(seed));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seeds_repeat() {
        let draw = |seed_with| {
            seed(seed_with);
            [with(Random::next_u64), with(Random::next_u64)]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn bounded_numbers_are_even() {
        let mut random = Random::new(1);
        let mut counts = [0u32; 10];
        (0..100_000).for_each(|_| counts[random.index(10)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn bounds_hold(seed: u64, bound in 1..u64::MAX) {
            let mut random = Random::new(seed);
            prop_assert!(random.below(bound) < bound);
            prop_assert!((0.0..1.0).contains(&random.unit()));
            prop_assert_eq!(random.below(0), 0);
        }
    }
}
