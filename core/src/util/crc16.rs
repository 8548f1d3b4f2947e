//! tmp
/// x
pub const SLOTS: u16 = 16384;
/// x
pub fn slot(key: &[u8]) -> u16 {
    let mut c = 0u16;
    for &b in key {
        c ^= (b as u16) << 8;
        for _ in 0..8 {
            c = if c & 0x8000 != 0 { (c << 1) ^ 0x1021 } else { c << 1 }
        }
    }
    c & 16383
}
