//! Adaptive Rice codes for unsigned integers (Rice and Plaunt 1971; the running mean that sets the
//! parameter follows LOCO-I/JPEG-LS), and the zigzag map for signed ones.

use super::bits::{BitBuf, BitReader};

/// A unary prefix of this many ones announces an escape instead of a Rice code.
pub const ESCAPE_ONES: u32 = 16;

/// The largest Rice parameter; wider integers go through the escape.
const MAX_K: u32 = 48;

/// The running mean keeps 1/16 of each new integer.
const MEAN_SHIFT: u32 = 4;

/// Maps small negative and positive integers to small unsigned ones.
#[inline]
pub fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub fn unzigzag(z: u64) -> i64 {
    (z >> 1) as i64 ^ -((z & 1) as i64)
}

/// What a Rice code decodes to.
pub enum Symbol {
    /// A plain integer.
    Plain(u64),
    /// The escape prefix, already consumed.
    Escape,
}

/// The running mean of a stream of integers, which sets the Rice parameter on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rice {
    /// The mean in units of 1/16.
    mean16: u64,
}

impl Rice {
    /// The Rice parameter: the whole part of the mean's binary logarithm.
    #[inline]
    fn k(self) -> u32 {
        ((self.mean16 >> MEAN_SHIFT) | 1).ilog2().min(MAX_K)
    }

    /// Starts over with `z` as the mean: for the first integer of a stream.
    pub fn seed(&mut self, z: u64) {
        self.mean16 = z.min(1 << MAX_K) << MEAN_SHIFT;
    }

    /// Multiplies the mean, when the stream's unit becomes `factor` times finer.
    pub fn rescale(&mut self, factor: u64) {
        let limit = 1 << (MAX_K + MEAN_SHIFT);
        self.mean16 = self.mean16.saturating_mul(factor).min(limit);
    }

    /// Takes an integer into the mean. Its weight is bounded, so that one outlier at most doubles
    /// the mean, while a lasting change of scale is followed within a few integers.
    #[inline]
    pub fn update(&mut self, z: u64) {
        let bounded = z.min(16 << self.k());
        self.mean16 = self.mean16 - (self.mean16 >> MEAN_SHIFT) + bounded;
    }

    /// The bits that `z` takes, escape included.
    #[inline]
    pub fn len(self, z: u64) -> u32 {
        let k = self.k();
        let quotient = z >> k;
        if quotient >= u64::from(ESCAPE_ONES) {
            return ESCAPE_ONES + 6 + (z | 1).ilog2() + 1;
        }
        quotient as u32 + 1 + k
    }

    /// Writes `z`; `false`, and nothing written, if only the escape can express it.
    #[inline]
    pub fn encode(self, z: u64, out: &mut BitBuf) -> bool {
        let k = self.k();
        let quotient = z >> k;
        if quotient >= u64::from(ESCAPE_ONES) {
            return false;
        }
        let quotient = quotient as u32;
        let unary = ((1u64 << quotient) - 1) << 1;
        if k <= 32 {
            out.push(unary << k | (z & ((1 << k) - 1)), quotient + 1 + k);
        } else {
            out.push(unary, quotient + 1);
            out.push(z & ((1 << k) - 1), k);
        }
        true
    }

    /// Reads what [`Rice::encode`] wrote, or the escape prefix.
    #[inline]
    pub fn decode(self, input: &mut BitReader<'_>) -> Symbol {
        let word = input.peek();
        let quotient = word.leading_ones();
        if quotient >= ESCAPE_ONES {
            input.skip(ESCAPE_ONES);
            return Symbol::Escape;
        }
        let k = self.k();
        if k <= 32 {
            let low = word << (quotient + 1) >> 1 >> (63 - k);
            input.skip(quotient + 1 + k);
            return Symbol::Plain(u64::from(quotient) << k | low);
        }
        input.skip(quotient + 1);
        Symbol::Plain(u64::from(quotient) << k | input.read(k))
    }
}

/// Writes the escape prefix.
pub fn push_escape(out: &mut BitBuf) {
    out.push((1 << ESCAPE_ONES) - 1, ESCAPE_ONES);
}

/// Writes any integer as six bits of length and its significant bits.
pub fn push_wide(z: u64, out: &mut BitBuf) {
    let len = (z | 1).ilog2() + 1;
    out.push(u64::from(len - 1), 6);
    out.push(z, len);
}

/// Reads what [`push_wide`] wrote.
pub fn read_wide(input: &mut BitReader<'_>) -> u64 {
    let len = input.read(6) as u32 + 1;
    input.read(len)
}
