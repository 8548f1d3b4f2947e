//! Compressed chunks in the layout of RedisTimeSeries, which is that of Gorilla (Pelkonen et al.,
//! VLDB 2015) with other widths. What surrounds them in a series is the parent's business.
//!
//! Bits fill each byte from its lowest bit on; numbers stand lowest bit first. The first sample is
//! not among the bits. Every other one is
//!
//! * how much later it came than the one before did (delta of deltas, the first delta counting from
//!   0): `0` for no difference, else a prefix of [`WIDTHS`] and the difference in two's complement;
//! * its value XOR the one before: `0` for equal values; `10` and the bits where the window of the
//!   value before holds them all; else `11`, the number of leading zeros (5 bits, at most 31), the
//!   window's width less one (6 bits), and the bits in that window.

use crate::sample::{MAX_TIMESTAMP, Sample};

/// The widths of differences; `n` ones and a zero stand before the `n`-th, counted from 1. The last
/// has ones only.
const WIDTHS: [u32; 6] = [5, 8, 11, 15, 32, 64];

/// The number of leading and trailing zeros before there was a window: nothing fits it.
const NO_WINDOW: u32 = 32;

/// The most leading zeros that are written.
const MAX_LEADING: u32 = 31;

/// No sample but the first takes fewer bits.
pub const MIN_SAMPLE_BITS: u64 = 2;

/// A chunk's bytes are a multiple of this, and at least this.
const WORD: usize = 8;

/// A chunk: what stands before its bits, and the bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The number of samples.
    pub count: u64,
    /// The number of bits.
    pub bits: u64,
    /// The first sample.
    pub first: Sample,
    /// The last sample.
    pub last: Sample,
    /// How much later the last came than the one before.
    pub delta: i64,
    /// Leading zeros of the last window.
    pub leading: u32,
    /// Trailing zeros of the last window.
    pub trailing: u32,
    /// The bits.
    pub data: Vec<u8>,
}

impl Default for Block {
    fn default() -> Self {
        let none = Sample::new(0, 0.0);
        let (leading, trailing) = (NO_WINDOW, NO_WINDOW);
        Self {
            count: 0,
            bits: 0,
            first: none,
            last: none,
            delta: 0,
            leading,
            trailing,
            data: vec![],
        }
    }
}

impl Block {
    /// Appends a later sample, unless the chunk would take more than `limit` bytes. A chunk takes
    /// at least one sample.
    pub fn push(&mut self, sample: Sample, limit: usize) -> bool {
        if self.count == 0 {
            (self.count, self.first, self.last) = (1, sample, sample);
            return true;
        }
        let before = (self.bits, self.leading, self.trailing);
        // Timestamps are below 2^63, so this is the true difference.
        let delta = sample.ts.wrapping_sub(self.last.ts) as i64;
        self.put_difference(delta.wrapping_sub(self.delta));
        self.put_value(sample.value.to_bits() ^ self.last.value.to_bits());
        if self.bits.div_ceil(8) > limit as u64 {
            (self.bits, self.leading, self.trailing) = before;
            self.truncate();
            return false;
        }
        self.delta = delta;
        self.last = sample;
        self.count += 1;
        true
    }

    /// Fills the bytes up to whole words.
    pub fn finish(&mut self) {
        let len = self.data.len().next_multiple_of(WORD).max(WORD);
        self.data.resize(len, 0);
    }

    fn truncate(&mut self) {
        self.data.truncate(self.bits.div_ceil(8) as usize);
        let used = (self.bits % 8) as u32;
        if let Some(last) = self.data.last_mut().filter(|_| used > 0) {
            *last &= (1 << used) - 1;
        }
    }

    /// Appends the lowest `width` bits.
    fn put(&mut self, value: u64, width: u32) {
        let used = (self.bits % 8) as u32;
        let mut word = u128::from(value & mask(width)) << used;
        self.bits += u64::from(width);
        if let Some(last) = self.data.last_mut().filter(|_| used > 0) {
            *last |= word as u8;
            word >>= 8;
        }
        let fresh = self.bits.div_ceil(8) as usize - self.data.len();
        self.data.extend(word.to_le_bytes().iter().take(fresh));
    }

    fn put_difference(&mut self, difference: i64) {
        if difference == 0 {
            return self.put(0, 1);
        }
        let last = WIDTHS.len() - 1;
        let level = WIDTHS.iter().position(|width| fits(difference, *width)).unwrap_or(last);
        let ones = level as u32 + 1;
        self.put((1 << ones) - 1, ones + u32::from(level < last));
        self.put(difference as u64, WIDTHS[level]);
    }

    fn put_value(&mut self, xor: u64) {
        if xor == 0 {
            return self.put(0, 1);
        }
        let (leading, trailing) = (xor.leading_zeros().min(MAX_LEADING), xor.trailing_zeros());
        if leading >= self.leading && trailing >= self.trailing {
            self.put(0b01, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            self.put(0b11, 2);
            self.put(u64::from(leading), 5);
            self.put(u64::from(63 - leading - trailing), 6);
        }
        self.put(xor >> self.trailing, 64 - self.leading - self.trailing);
    }

    /// The samples, or `None` if the bits hold not just that many, in ascending order of time.
    pub fn samples(&self) -> Option<Vec<Sample>> {
        let Some(further) = self.count.checked_sub(1) else { return Some(Vec::new()) };
        let bits = (self.data.len() as u64).checked_mul(8)?.min(self.bits);
        if bits < self.bits || further > bits / MIN_SAMPLE_BITS || self.first.ts > MAX_TIMESTAMP {
            return None;
        }
        let mut samples = vec![self.first];
        let mut decoder = Decoder::new(self);
        for _ in 0..further {
            samples.push(decoder.sample()?);
        }
        (decoder.at == bits).then_some(samples)
    }
}

/// Whether a number fits into so many bits in two's complement.
fn fits(n: i64, width: u32) -> bool {
    width >= 64 || (n >> (width - 1)) == 0 || (n >> (width - 1)) == -1
}

/// The lowest `width` bits.
fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// The most bytes that 64 bits touch.
const MAX_TOUCHED: usize = 9;

/// Reads a chunk's bits.
struct Decoder<'a> {
    block: &'a Block,
    at: u64,
    last: Sample,
    delta: i64,
    leading: u32,
    trailing: u32,
}

impl<'a> Decoder<'a> {
    fn new(block: &'a Block) -> Self {
        let (leading, trailing) = (NO_WINDOW, NO_WINDOW);
        Self { block, at: 0, last: block.first, delta: 0, leading, trailing }
    }

    /// The next bits, at most 64.
    fn take(&mut self, width: u32) -> Option<u64> {
        if self.at + u64::from(width) > self.block.bits {
            return None;
        }
        let bytes = self.block.data.get((self.at / 8) as usize..)?;
        let mut word = [0; 16];
        word.iter_mut().zip(bytes.iter().take(MAX_TOUCHED)).for_each(|(to, from)| *to = *from);
        let value = (u128::from_le_bytes(word) >> (self.at % 8)) as u64;
        self.at += u64::from(width);
        Some(value & mask(width))
    }

    fn sample(&mut self) -> Option<Sample> {
        self.delta = self.delta.wrapping_add(self.difference()?);
        let ts = self.last.ts.checked_add_signed(self.delta)?;
        if ts <= self.last.ts || ts > MAX_TIMESTAMP {
            return None;
        }
        let value = f64::from_bits(self.last.value.to_bits() ^ self.value()?);
        self.last = Sample::new(ts, value);
        Some(self.last)
    }

    fn difference(&mut self) -> Option<i64> {
        let mut ones = 0;
        while ones < WIDTHS.len() && self.take(1)? == 1 {
            ones += 1;
        }
        let Some(level) = ones.checked_sub(1) else { return Some(0) };
        let width = *WIDTHS.get(level)?;
        let raw = self.take(width)? << (64 - width);
        Some(raw as i64 >> (64 - width))
    }

    fn value(&mut self) -> Option<u64> {
        if self.take(1)? == 0 {
            return Some(0);
        }
        if self.take(1)? == 1 {
            let leading = self.take(5)? as u32;
            let width = self.take(6)? as u32 + 1;
            self.trailing = 64u32.checked_sub(leading + width)?;
            self.leading = leading;
        }
        let width = 64 - self.leading - self.trailing;
        // Without a window before, there is nothing that this could refer to.
        if width == 0 { None } else { Some(self.take(width)? << self.trailing) }
    }
}
