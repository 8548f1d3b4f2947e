//! The estimator: from how many registers have which rank to how many elements there were.

use super::{RANK_BITS, REGISTERS};

/// 1 / (2 ln 2), the factor of the raw estimate for infinitely many registers.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The highest rank: all bits of the rest of a hash are 0.
const TOP: usize = RANK_BITS as usize + 1;

/// How many registers have which rank.
pub(super) struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Histogram {
    /// Counts `len` registers of one rank.
    #[inline]
    pub(super) fn add(&mut self, rank: u8, len: usize) {
        // Six bits may hold more than any rank there is, in strings from outside.
        self.0[usize::from(rank) & 63] += len as u32;
    }

    /// Ertl's improved raw estimator (algorithm 6 of the paper).
    pub(super) fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let mut z = m * tau((m - f64::from(self.0[TOP])) / m);
        for count in self.0[1..TOP].iter().rev() {
            z = (z + f64::from(*count)) * 0.5;
        }
        z += m * sigma(f64::from(self.0[0]) / m);
        (ALPHA * m * m / z).round() as u64
    }
}

/// Corrects for registers that nothing has reached.
fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Corrects for registers at the highest rank.
fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
