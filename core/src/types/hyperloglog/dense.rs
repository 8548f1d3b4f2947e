//! Dense registers: six bits each, the first in the lowest bits of the first byte.

use super::REGISTERS;

/// Bits of a register.
const BITS: usize = 6;
const MASK: u16 = (1 << BITS) - 1;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

/// Raises a register to `rank` if it is lower; true when it was.
#[inline]
pub(super) fn raise(registers: &mut [u8], index: usize, rank: u8) -> bool {
    let (at, shift) = (index * BITS / 8, index * BITS % 8);
    let low = u16::from(registers[at]);
    // The last register ends with the last byte.
    let high = registers.get(at + 1).map_or(0, |&byte| u16::from(byte));
    let word = high << 8 | low;
    let old = word >> shift & MASK;
    if old >= u16::from(rank) {
        return false;
    }
    let word = word & !(MASK << shift) | u16::from(rank) << shift;
    registers[at] = word as u8;
    if let Some(byte) = registers.get_mut(at + 1) {
        *byte = (word >> 8) as u8;
    }
    true
}

/// All registers in order: four in three bytes.
pub(super) fn iter(registers: &[u8]) -> impl Iterator<Item = u8> + '_ {
    registers.as_chunks::<3>().0.iter().flat_map(|&[a, b, c]| {
        let word = u32::from_le_bytes([a, b, c, 0]);
        [0, 6, 12, 18].map(|shift| (word >> shift) as u8 & MASK as u8)
    })
}
