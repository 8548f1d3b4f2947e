//! MurmurHash64A (Austin Appleby, public domain), which HyperLogLog's registers rest on. Not for
//! tables: whoever knows the seed can make keys collide.

const M: u64 = 0xc6a4_a793_5bd1_e995;
const R: u32 = 47;

/// Hashes bytes, little endian on every machine.
#[inline]
pub fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash ^= hash >> R;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> R
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // From an independent implementation in arbitrary-precision arithmetic.
        assert_eq!(murmur64a(b"", 0), 0);
        assert_eq!(murmur64a(b"a", 0xadc83b19), 0x53d2_470a_9b43_b1a7);
        assert_eq!(murmur64a(b"hello world", 0xadc83b19), 0xa919_bc30_51f6_24b7);
        assert_eq!(murmur64a(b"12345678", 0x1), 0x8900_6016_6fad_afa0);
        assert_eq!(murmur64a(b"0123456789abcdef!", 0x7), 0x55d4_03c4_8af1_d971);
    }
}
