//! The seeded hash of keys, fields and members.
//!
//! A folded-multiply hash in the manner of wyhash, rapidhash and foldhash: each 16-byte block is
//! mixed by one 64×64→128-bit multiplication whose halves are then xored. All constants are secret
//! and drawn at random for each process, so that nobody outside can prepare keys that collide. It
//! is not a cryptographic hash: whoever can read hashes could find collisions.

use std::hash::{BuildHasher, RandomState};

/// The secret of [`hash_bytes`].
#[derive(Clone, Copy)]
pub struct Seed {
    words: [u64; 4],
}

impl Seed {
    /// Draws a seed from the operating system's randomness (through the standard library's keys).
    pub fn random() -> Self {
        let keyed = RandomState::new();
        Seed { words: [1u64, 2, 3, 4].map(|n| keyed.hash_one(n)) }
    }

    /// A fixed seed, for tests and benches that must repeat.
    pub fn fixed(n: u64) -> Self {
        let mut state = n;
        Seed { words: [(); 4].map(|()| split_mix(&mut state)) }
    }
}

impl std::fmt::Debug for Seed {
    /// Hides the words: a seed in a log would undo its purpose.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Steps the SplitMix64 generator (Steele, Lea and Flood, 2014).
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes `bytes` under `seed`. All 64 bits of the result are of equal quality.
#[inline]
pub fn hash_bytes(seed: &Seed, bytes: &[u8]) -> u64 {
    let [s0, s1, s2, s3] = seed.words;
    let length = bytes.len() as u64;
    let (a, b, state) = match bytes.len() {
        0..=16 => {
            let (a, b) = read_short(bytes);
            (a, b, s0)
        }
        _ => {
            let (a, b) = read_last_block(bytes);
            (a, b, absorb(seed, bytes))
        }
    };
    let mixed = fold(a ^ s1, b ^ state);
    fold(mixed ^ s2, length ^ s3)
}

/// Hashes an integer under `seed`, for tables keyed by numbers.
#[inline]
pub fn hash_u64(seed: &Seed, n: u64) -> u64 {
    let [s0, s1, s2, s3] = seed.words;
    fold(fold(n ^ s0, s1) ^ s2, n ^ s3)
}

/// Mixes every full 16-byte block but the last 16 bytes of the input, which overlap them.
#[inline]
fn absorb(seed: &Seed, bytes: &[u8]) -> u64 {
    let [s0, s1, s2, s3] = seed.words;
    let mut rest = bytes;
    let mut left = s0;
    if rest.len() > 64 {
        let (mut right, mut third, mut fourth) = (s1, s2, s3);
        while let Some((block, tail)) = rest.split_first_chunk::<64>() {
            left = fold(word(block, 0) ^ s1, word(block, 8) ^ left);
            right = fold(word(block, 16) ^ s2, word(block, 24) ^ right);
            third = fold(word(block, 32) ^ s3, word(block, 40) ^ third);
            fourth = fold(word(block, 48) ^ s0, word(block, 56) ^ fourth);
            rest = tail;
        }
        left ^= right.rotate_left(17) ^ third.rotate_left(31) ^ fourth.rotate_left(47);
    }
    while rest.len() > 16 {
        let Some((block, tail)) = rest.split_first_chunk::<16>() else { break };
        left = fold(word(block, 0) ^ s2, word(block, 8) ^ left);
        rest = tail;
    }
    left
}

/// The input of at most 16 bytes as two words, which overlap where it is shorter.
#[inline]
fn read_short(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
    } else if let [first, .., last] | [first @ last] = bytes {
        let middle = bytes[bytes.len() / 2];
        (u64::from(*first) << 8 | u64::from(*last), u64::from(middle))
    } else {
        (0, 0)
    }
}

/// The last 16 bytes of an input that has them.
#[inline]
fn read_last_block(bytes: &[u8]) -> (u64, u64) {
    match bytes.last_chunk::<16>() {
        Some(block) => (word(block, 0), word(block, 8)),
        None => (0, 0),
    }
}

#[inline(always)]
fn word<const N: usize>(block: &[u8; N], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&block[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_byte_and_the_length_count() {
        let seed = Seed::fixed(1);
        let mut seen = HashSet::new();
        for length in 0..200usize {
            let mut text = vec![0u8; length];
            assert!(seen.insert(hash_bytes(&seed, &text)), "zeros of length {length}");
            for at in 0..length {
                text[at] = 1;
                assert!(seen.insert(hash_bytes(&seed, &text)), "length {length}, byte {at}");
                text[at] = 0;
            }
        }
    }

    #[test]
    fn seeds_give_unrelated_hashes() {
        let (a, b) = (Seed::random(), Seed::random());
        assert_ne!(hash_bytes(&a, b"user:1000"), hash_bytes(&b, b"user:1000"));
        assert_eq!(hash_bytes(&a, b"user:1000"), hash_bytes(&a, b"user:1000"));
    }

    /// Flipping one input bit should flip each output bit about half of the time.
    #[test]
    fn avalanche_reaches_every_output_bit() {
        let seed = Seed::fixed(7);
        for length in [1usize, 3, 4, 8, 12, 16, 17, 32, 64, 65, 100, 200] {
            let mut flips = [0u32; 64];
            let mut trials = 0;
            for round in 0..64u8 {
                let mut text: Vec<u8> = (0..length).map(|i| i as u8 ^ round).collect();
                let base = hash_bytes(&seed, &text);
                for bit in 0..length * 8 {
                    text[bit / 8] ^= 1 << (bit % 8);
                    let difference = base ^ hash_bytes(&seed, &text);
                    text[bit / 8] ^= 1 << (bit % 8);
                    (0..64).for_each(|i| flips[i] += (difference >> i & 1) as u32);
                    trials += 1;
                }
            }
            for count in flips {
                let share = f64::from(count) / f64::from(trials);
                assert!((0.35..0.65).contains(&share), "length {length}: {share}");
            }
        }
    }

    #[test]
    fn numbered_keys_spread_over_the_top_and_low_bits() {
        let seed = Seed::fixed(3);
        let mut top = vec![0u32; 1024];
        let mut low = vec![0u32; 256];
        for n in 0..102_400 {
            let hash = hash_bytes(&seed, format!("key:{n}").as_bytes());
            top[(hash >> 54) as usize] += 1;
            low[(hash & 255) as usize] += 1;
        }
        assert!(top.iter().all(|&n| (40..180).contains(&n)));
        assert!(low.iter().all(|&n| (300..510).contains(&n)));
    }
}
