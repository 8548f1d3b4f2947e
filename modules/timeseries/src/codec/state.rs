//! The sample stream: timestamps and values interleaved, one after the other.

use super::bits::{BitBuf, BitReader};
use super::rice::{Rice, Symbol, push_escape, push_wide, read_wide, unzigzag, zigzag};
use super::value::ValueState;
use crate::sample::{Batch, Sample, Timestamp};

/// Where a stream stands. The encoder and the decoder go through the same states, so a decoder that
/// reached the end can hand its state over to go on encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CodecState {
    count: u32,
    ts: Timestamp,
    delta: u64,
    rice: Rice,
    value: ValueState,
}

impl CodecState {
    /// Samples coded so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The sample coded last; meaningless before the first.
    pub fn last(&self) -> Sample {
        Sample::new(self.ts, self.value.last())
    }

    /// Appends a sample. Any timestamp and any value can be coded; ascending ones take fewer bits.
    #[inline]
    pub fn encode(&mut self, sample: Sample, out: &mut BitBuf) {
        let delta = sample.ts.wrapping_sub(self.ts);
        let z = zigzag(delta.wrapping_sub(self.delta) as i64);
        if !self.rice.encode(z, out) {
            push_escape(out);
            push_wide(z, out);
        }
        self.advance(z);
        self.value.encode(sample.value, out);
        self.count += 1;
    }

    #[inline]
    fn decode(&mut self, input: &mut BitReader<'_>) -> Sample {
        let z = match self.rice.decode(input) {
            Symbol::Plain(z) => z,
            Symbol::Escape => read_wide(input),
        };
        self.advance(z);
        let value = self.value.decode(input);
        self.count = self.count.wrapping_add(1);
        Sample::new(self.ts, value)
    }

    /// Moves on by a change of interval. The first timestamp is no interval, and the second one
    /// makes the first interval, so neither of them says anything about changes of interval.
    #[inline]
    fn advance(&mut self, z: u64) {
        let delta = self.delta.wrapping_add(unzigzag(z) as u64);
        self.ts = self.ts.wrapping_add(delta);
        if self.count > 1 {
            self.rice.update(z);
        }
        self.delta = if self.count == 0 { 0 } else { delta };
    }
}

/// Decodes a stream batch by batch. Safe on any bytes: wrong ones give wrong samples, and
/// [`Decoder::position`] tells when it read past the end.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    input: BitReader<'a>,
    state: CodecState,
    total: u32,
}

impl<'a> Decoder<'a> {
    /// Decodes `total` samples from `bytes`.
    pub fn new(bytes: &'a [u8], total: u32) -> Self {
        Self { input: BitReader::new(bytes), state: CodecState::default(), total }
    }

    /// Adds samples to `batch` until it is full or the stream ends.
    pub fn fill(&mut self, batch: &mut Batch) {
        // Local copies keep the state in registers.
        let (mut state, mut input) = (self.state, self.input);
        while state.count < self.total && !batch.is_full() {
            let sample = state.decode(&mut input);
            batch.push(sample.ts, sample.value);
        }
        (self.state, self.input) = (state, input);
    }

    /// Decodes one sample.
    pub fn next_sample(&mut self) -> Option<Sample> {
        (self.state.count < self.total).then(|| self.state.decode(&mut self.input))
    }

    /// Decodes the samples before `ts` and stops there.
    pub fn seek(&mut self, ts: Timestamp) {
        let (mut state, mut input) = (self.state, self.input);
        while state.count < self.total {
            (self.state, self.input) = (state, input);
            if state.decode(&mut input).ts >= ts {
                return;
            }
        }
        (self.state, self.input) = (state, input);
    }

    /// The state after the samples decoded so far, to go on encoding from.
    pub fn state(&self) -> CodecState {
        self.state
    }

    /// Bits consumed so far.
    pub fn position(&self) -> usize {
        self.input.position()
    }
}
