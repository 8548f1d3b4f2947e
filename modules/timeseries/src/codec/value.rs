//! The two value modes and the switch between them.
//!
//! Decimal mode, one symbol a value: a Rice code of the zigzag delta of `value * 10^scale`, or an
//! escape with a two-bit kind:
//!
//! | kind | follows | meaning |
//! |---|---|---|
//! | 0 | wide integer | a delta too large for the Rice code |
//! | 1 | 64 bits | a value that is no short decimal, verbatim; the integer stays as it was |
//! | 2 | 4 bits of scale, a symbol | a finer scale from this value on |
//! | 3 | an XOR symbol | XOR mode from this value on |
//!
//! XOR mode, against the value before:
//!
//! | prefix | follows | meaning |
//! |---|---|---|
//! | `0` or `1110` | as many bits as the window is wide | the changed bits lie within the last window |
//! | `1110` or `0` | sign, Rice code of the zigzag exponent delta, 52 bits | the fraction verbatim |
//! | `10` | nothing | the same value |
//! | `110` | 6 bits leading zeros, 6 bits width - 1, the bits | a new window |
//! | `1111` | 4 bits of scale, wide integer | decimal mode from this value on |
//!
//! Whichever of window and fraction was used last has the prefix `0`. Windows suit values that
//! change little, fractions suit noise, of which only sign and exponent can be compressed.

use super::bits::{BitBuf, BitReader};
use super::rice::{Rice, Symbol, push_escape, push_wide, read_wide, unzigzag, zigzag};

const POW10: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The most decimals that decimal mode tries. More would accept most full-precision doubles of
/// magnitude one, for which XOR is the better mode.
const MAX_SCALE: u8 = 12;

/// Integers of decimal mode stay below this magnitude, where [`ROUND`] rounds exactly.
const MAX_INT: f64 = (1u64 << 51) as f64;

/// Adding and taking away 1.5 * 2^52 rounds a double below 2^51 to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// After so many values in a row that are no short decimals, the encoder changes to XOR mode.
const MAX_MISSES: u8 = 3;

/// In XOR mode the encoder tries every so many values whether they are short decimals again.
const PROBE_EVERY: u8 = 32;

/// After so many successful probes in a row it changes to decimal mode.
const PROBE_HITS: u8 = 2;

/// Changing between windows and fractions must save more than so many bits, prefixes not counted.
const CHANGE_GAIN: u32 = 1;

/// Bits of a double's fraction.
const FRACTION_BITS: u32 = 52;

/// A new window must save at least so many bits, since it costs fourteen and narrows those after.
const WINDOW_GAIN: u32 = 20;

const WIDE: u64 = 0;
const RAW: u64 = 1;
const RESCALE: u64 = 2;
const TO_XOR: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Decimal,
    Xor,
}

/// How much decimal mode knows about its deltas.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Warmth {
    /// No integer yet: the next delta is against zero and says nothing.
    Cold,
    /// One integer: the next delta sets the mean.
    Seed,
    /// The mean adapts.
    Warm,
}

/// Where a value stream stands; encoder and decoder go through the same states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueState {
    mode: Mode,
    warmth: Warmth,
    scale: u8,
    /// XOR window: leading zeros and width in bits; a width of 0 is no window.
    lead: u8,
    width: u8,
    /// XOR: whether the last prefix was that of a fraction, and the deltas of exponents.
    fraction: bool,
    exponents: Rice,
    /// Encoder only: values in a row that were no decimals; probes left and won in XOR mode.
    misses: u8,
    until_probe: u8,
    hits: u8,
    rice: Rice,
    /// The last integer of decimal mode.
    int: i64,
    /// The last value.
    last: f64,
}

impl Default for ValueState {
    fn default() -> Self {
        Self {
            mode: Mode::Decimal,
            warmth: Warmth::Cold,
            scale: 0,
            lead: 0,
            width: 0,
            fraction: false,
            exponents: Rice::default(),
            misses: MAX_MISSES - 1,
            until_probe: PROBE_EVERY,
            hits: 0,
            rice: Rice::default(),
            int: 0,
            last: 0.0,
        }
    }
}

/// The integer `value * 10^scale`, if dividing it by `10^scale` gives back `value` bit by bit.
#[inline]
fn to_int(value: f64, scale: u8) -> Option<i64> {
    let pow = POW10[usize::from(scale & 15)];
    let scaled = value * pow;
    if scaled.abs() < MAX_INT {
        let rounded = (scaled + ROUND) - ROUND;
        let int = rounded as i64;
        if (int as f64 / pow).to_bits() == value.to_bits() {
            return Some(int);
        }
    }
    None
}

/// The inverse of [`to_int`].
#[inline]
fn to_value(int: i64, scale: u8) -> f64 {
    int as f64 / POW10[usize::from(scale & 15)]
}

/// The smallest scale from `from` on at which `value` is an integer.
fn find_scale(value: f64, from: u8) -> Option<(u8, i64)> {
    (from..=MAX_SCALE).find_map(|scale| Some((scale, to_int(value, scale)?)))
}

/// The biased exponent of a double.
#[inline]
fn exponent(value: f64) -> u64 {
    value.to_bits() >> FRACTION_BITS & 0x7ff
}

impl ValueState {
    /// The value coded or decoded last.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Appends `value`.
    #[inline]
    pub fn encode(&mut self, value: f64, out: &mut BitBuf) {
        match self.mode {
            Mode::Decimal => match to_int(value, self.scale) {
                Some(int) => self.encode_int(int, out),
                None => self.encode_misfit(value, out),
            },
            Mode::Xor => self.encode_xor_mode(value, out),
        }
        self.last = value;
    }

    /// Reads the next value.
    #[inline]
    pub fn decode(&mut self, input: &mut BitReader<'_>) -> f64 {
        self.last = match self.mode {
            Mode::Decimal => match self.rice.decode(input) {
                Symbol::Plain(z) => self.advance(z),
                Symbol::Escape => self.decode_escape(input),
            },
            Mode::Xor => self.decode_xor(input),
        };
        self.last
    }

    /// Moves the integer by a decoded delta and returns its value.
    #[inline]
    fn advance(&mut self, z: u64) -> f64 {
        self.int = self.int.wrapping_add(unzigzag(z));
        self.misses = 0;
        self.adapt(z);
        to_value(self.int, self.scale)
    }

    #[inline]
    fn adapt(&mut self, z: u64) {
        match self.warmth {
            Warmth::Warm => self.rice.update(z),
            Warmth::Cold => self.warmth = Warmth::Seed,
            Warmth::Seed => {
                self.rice.seed(z);
                self.warmth = Warmth::Warm;
            }
        }
    }

    #[inline]
    fn encode_int(&mut self, int: i64, out: &mut BitBuf) {
        let z = zigzag(int.wrapping_sub(self.int));
        if !self.rice.encode(z, out) {
            push_kind(WIDE, out);
            push_wide(z, out);
        }
        self.int = int;
        self.misses = 0;
        self.adapt(z);
    }

    /// A value that is no integer at the current scale: a finer scale, XOR, or the bits verbatim.
    fn encode_misfit(&mut self, value: f64, out: &mut BitBuf) {
        if let Some((scale, int)) = find_scale(value, self.scale + 1)
            && self.refine(scale)
        {
            push_kind(RESCALE, out);
            out.push(u64::from(scale), 4);
            self.encode_int(int, out);
            return;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MAX_MISSES {
            push_kind(TO_XOR, out);
            self.enter_xor();
            self.encode_xor(value, out);
        } else {
            push_kind(RAW, out);
            out.push(value.to_bits(), 64);
        }
    }

    /// Takes the last integer to a finer scale; `false` if it has no room there.
    fn refine(&mut self, scale: u8) -> bool {
        let factor = 10i64.pow(u32::from(scale.saturating_sub(self.scale)));
        let Some(int) = self.int.checked_mul(factor) else { return false };
        self.int = int;
        self.scale = scale;
        self.rice.rescale(factor.unsigned_abs());
        true
    }

    fn decode_escape(&mut self, input: &mut BitReader<'_>) -> f64 {
        match input.read(2) {
            WIDE => self.advance(read_wide(input)),
            RAW => {
                self.misses = self.misses.saturating_add(1);
                f64::from_bits(input.read(64))
            }
            RESCALE => self.decode_rescale(input),
            _ => {
                self.enter_xor();
                self.decode_xor(input)
            }
        }
    }

    /// A change of scale and the symbol after it, which a valid encoder makes a delta.
    fn decode_rescale(&mut self, input: &mut BitReader<'_>) -> f64 {
        let scale = input.read(4) as u8;
        if !self.refine(scale) {
            self.int = 0; // hostile bytes only
        }
        match self.rice.decode(input) {
            Symbol::Plain(z) => self.advance(z),
            Symbol::Escape => {
                input.skip(2);
                self.advance(read_wide(input))
            }
        }
    }

    fn enter_xor(&mut self) {
        self.mode = Mode::Xor;
        self.width = 0;
        self.fraction = false;
        self.until_probe = PROBE_EVERY;
        self.hits = 0;
    }

    fn enter_decimal(&mut self, scale: u8, int: i64) {
        self.mode = Mode::Decimal;
        self.warmth = Warmth::Seed;
        self.scale = scale;
        self.int = int;
        self.rice = Rice::default();
        self.misses = 0;
    }

    fn encode_xor_mode(&mut self, value: f64, out: &mut BitBuf) {
        self.until_probe = self.until_probe.saturating_sub(1);
        if self.until_probe == 0 {
            self.until_probe = PROBE_EVERY;
            if let Some((scale, int)) = self.probe(value) {
                out.push(0b1111, 4);
                out.push(u64::from(scale), 4);
                push_wide(zigzag(int), out);
                self.enter_decimal(scale, int);
                return;
            }
        }
        self.encode_xor(value, out);
    }

    /// Whether enough of the probed values are short decimals to leave XOR mode with this one.
    fn probe(&mut self, value: f64) -> Option<(u8, i64)> {
        let found = find_scale(value, 0);
        self.hits = if found.is_some() { self.hits + 1 } else { 0 };
        found.filter(|_| self.hits >= PROBE_HITS)
    }

    #[inline]
    fn encode_xor(&mut self, value: f64, out: &mut BitBuf) {
        let xor = value.to_bits() ^ self.last.to_bits();
        if xor == 0 {
            out.push(0b10, 2);
            return;
        }
        let (lead, trail) = (xor.leading_zeros(), xor.trailing_zeros());
        let (own, width) = (64 - lead - trail, u32::from(self.width));
        let within = width > 0 && lead >= u32::from(self.lead) && trail >= self.window_trail();
        let reuse = within && own + WINDOW_GAIN > width;
        let cost = if reuse { width } else { own + 14 };
        if self.prefers_fraction(value, cost) {
            self.encode_fraction(value, out);
        } else if reuse {
            self.push_prefix(false, out);
            out.push(xor >> self.window_trail(), width);
        } else {
            out.push(0b110, 3);
            out.push(u64::from(lead), 6);
            out.push(u64::from(own - 1), 6);
            out.push(xor >> trail, own);
            (self.lead, self.width, self.fraction) = (lead as u8, own as u8, false);
        }
    }

    /// Whether a fraction costs less than the other way, which takes `cost` bits.
    #[inline]
    fn prefers_fraction(&self, value: f64, cost: u32) -> bool {
        let own = 1 + self.exponents.len(self.exponent_delta(value)) + FRACTION_BITS;
        if self.fraction { own <= cost + CHANGE_GAIN } else { own + CHANGE_GAIN < cost }
    }

    /// The prefix for a fraction or a window, which is short if it is the one used last.
    #[inline]
    fn push_prefix(&mut self, fraction: bool, out: &mut BitBuf) {
        if self.fraction == fraction {
            out.push(0, 1)
        } else {
            out.push(0b1110, 4)
        }
        self.fraction = fraction;
    }

    #[inline]
    fn exponent_delta(&self, value: f64) -> u64 {
        zigzag(exponent(value) as i64 - exponent(self.last) as i64)
    }

    #[inline]
    fn encode_fraction(&mut self, value: f64, out: &mut BitBuf) {
        self.push_prefix(true, out);
        out.push(u64::from(value.is_sign_negative()), 1);
        let z = self.exponent_delta(value);
        if !self.exponents.encode(z, out) {
            push_escape(out);
            push_wide(z, out);
        }
        self.exponents.update(z);
        out.push(value.to_bits(), FRACTION_BITS);
    }

    #[inline]
    fn decode_fraction(&mut self, input: &mut BitReader<'_>) -> f64 {
        let sign = input.read(1);
        let z = match self.exponents.decode(input) {
            Symbol::Plain(z) => z,
            Symbol::Escape => read_wide(input),
        };
        self.exponents.update(z);
        let exponent = exponent(self.last).wrapping_add(unzigzag(z) as u64) & 0x7ff;
        let fraction = input.read(FRACTION_BITS);
        f64::from_bits(sign << 63 | exponent << FRACTION_BITS | fraction)
    }

    #[inline]
    fn decode_xor(&mut self, input: &mut BitReader<'_>) -> f64 {
        match input.peek().leading_ones() {
            0 => {
                input.skip(1);
                self.decode_favoured(input)
            }
            1 => {
                input.skip(2);
                self.last
            }
            2 => {
                input.skip(3);
                self.fraction = false;
                self.lead = input.read(6) as u8;
                // Hostile bytes may ask for a window that runs over the end of the word.
                self.width = (input.read(6) as u8 + 1).min(64 - self.lead);
                self.decode_window(input)
            }
            3 => {
                input.skip(4);
                self.fraction = !self.fraction;
                self.decode_favoured(input)
            }
            _ => {
                input.skip(4);
                let scale = input.read(4) as u8;
                let int = unzigzag(read_wide(input));
                self.enter_decimal(scale, int);
                to_value(int, scale)
            }
        }
    }

    #[inline]
    fn decode_favoured(&mut self, input: &mut BitReader<'_>) -> f64 {
        if self.fraction { self.decode_fraction(input) } else { self.decode_window(input) }
    }

    /// Zero bits after the window.
    #[inline]
    fn window_trail(&self) -> u32 {
        64 - u32::from(self.lead) - u32::from(self.width)
    }

    #[inline]
    fn decode_window(&mut self, input: &mut BitReader<'_>) -> f64 {
        let width = u32::from(self.width);
        let xor = input.read(width).checked_shl(self.window_trail()).unwrap_or(0);
        f64::from_bits(self.last.to_bits() ^ xor)
    }
}

fn push_kind(kind: u64, out: &mut BitBuf) {
    push_escape(out);
    out.push(kind, 2);
}
