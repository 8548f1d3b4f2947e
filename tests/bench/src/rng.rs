//! A small, fast, seedable random generator (xoshiro256++ by Blackman and Vigna, seeded through
//! SplitMix64) and the distributions that the scenarios draw from. Not for secrets.

/// The generator's state.
#[derive(Clone)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The sequence of `seed`: the same seed gives the same workload.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// 64 uniform bits.
    pub fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `0..bound` by Lemire's multiplication (its bias is below 2⁻³² here). A bound of
    /// zero gives zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Ranks `0..n`, where rank `r` is drawn with a probability proportional to `1 / (r + 1)^s`.
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// `n` ranks with exponent `s`; natural text has about 1.
    pub fn new(n: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=n.max(1))
            .map(|rank| {
                sum += (rank as f64).powf(-s);
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// Draws a rank.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        let point = rng.unit() * total;
        self.cumulative.partition_point(|&c| c <= point).min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below_and_reaches_all() {
        let mut rng = Rng::new(1);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[rng.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
    }

    #[test]
    fn zipf_halves_from_first_to_second_rank() {
        let (zipf, mut rng) = (Zipf::new(1000, 1.0), Rng::new(2));
        let mut seen = vec![0u32; 1000];
        for _ in 0..100_000 {
            seen[zipf.draw(&mut rng)] += 1;
        }
        let ratio = f64::from(seen[0]) / f64::from(seen[1]);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
    }
}
