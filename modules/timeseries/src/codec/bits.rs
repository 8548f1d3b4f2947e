//! Bit strings, most significant bit first: a growable buffer and a reader that is safe on any bytes.

/// A growable string of bits with a tight allocation.
#[derive(Clone, Debug, Default)]
pub struct BitBuf {
    bytes: Vec<u8>,
    /// Bits in use; the rest of the last byte is zero.
    bits: usize,
}

impl BitBuf {
    /// Takes bytes over as a bit string. `None` if `bits` does not end in the last byte, or if the
    /// rest of that byte is not zero.
    pub fn from_bytes(bytes: Vec<u8>, bits: usize) -> Option<Self> {
        if bits.div_ceil(8) != bytes.len() {
            return None;
        }
        let spare = bytes.len() * 8 - bits;
        let clean =
            bytes.last().is_none_or(|last| u32::from(*last).trailing_zeros() >= spare as u32);
        clean.then_some(Self { bytes, bits })
    }

    /// The bytes; the last one is padded with zero bits.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Allocated bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends the low `n` bits of `value`; `n` is at most 64.
    #[inline]
    pub fn push(&mut self, value: u64, n: u32) {
        if n > 56 {
            self.push_short(value >> 32, n - 32);
            self.push_short(value, 32);
        } else {
            self.push_short(value, n);
        }
    }

    /// Appends at most 56 bits, which together with the open byte fill at most one word.
    #[inline]
    fn push_short(&mut self, value: u64, n: u32) {
        if n == 0 {
            return;
        }
        let used = (self.bits & 7) as u32;
        let word = (value << (64 - n) >> used).to_be_bytes();
        let end = (used + n).div_ceil(8) as usize;
        if used == 0 {
            self.bytes.extend_from_slice(&word[..end]);
        } else {
            if let Some(last) = self.bytes.last_mut() {
                *last |= word[0];
            }
            self.bytes.extend_from_slice(&word[1..end]);
        }
        self.bits += n as usize;
    }

    /// Drops all bits from `bits` on.
    pub fn truncate(&mut self, bits: usize) {
        if bits >= self.bits {
            return;
        }
        self.bytes.truncate(bits.div_ceil(8));
        let spare = self.bytes.len() * 8 - bits;
        if let Some(last) = self.bytes.last_mut() {
            *last &= 0xffu8 << spare;
        }
        self.bits = bits;
    }

    /// Makes room for `extra` more bytes, growing by half, but not beyond `limit` before it must.
    pub fn reserve(&mut self, extra: usize, limit: usize) {
        let need = self.bytes.len() + extra;
        if need > self.bytes.capacity() {
            let grown = self.bytes.capacity() + self.bytes.capacity() / 2;
            let target = grown.min(limit).max(need);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
    }

    /// Gives spare capacity back.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// Reads bits from a slice. Past the end it reads zeros; [`BitReader::position`] then lies beyond
/// the slice, which the caller checks once at its own end instead of at every read.
#[derive(Clone, Copy, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> BitReader<'a> {
    /// Reads from the first bit of `bytes` on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    /// Bits consumed so far.
    pub fn position(&self) -> usize {
        self.pos
    }

    /// The next bits, left-aligned; at least 57 of them count.
    #[inline]
    pub fn peek(&self) -> u64 {
        let byte = self.pos >> 3;
        let word = match self.bytes.get(byte..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => self.peek_tail(byte),
        };
        word << (self.pos & 7)
    }

    /// The last, partial word of the slice, padded with zeros.
    #[cold]
    fn peek_tail(&self, byte: usize) -> u64 {
        let tail = self.bytes.get(byte..).unwrap_or_default();
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(tail) {
            *to = *from;
        }
        u64::from_be_bytes(word)
    }

    /// Consumes `n` bits.
    #[inline]
    pub fn skip(&mut self, n: u32) {
        self.pos = self.pos.saturating_add(n as usize);
    }

    /// Reads `n` bits, at most 64.
    #[inline]
    pub fn read(&mut self, n: u32) -> u64 {
        if n > 56 {
            let high = self.read_short(n - 32);
            return high << 32 | self.read_short(32);
        }
        self.read_short(n)
    }

    #[inline]
    fn read_short(&mut self, n: u32) -> u64 {
        // Two shifts, because a shift by 64 (n = 0) would overflow.
        let value = self.peek() >> 1 >> (63 - n);
        self.skip(n);
        value
    }
}
