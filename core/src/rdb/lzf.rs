//! LZF, by which strings are compressed: the format of Marc Lehmann's liblzf.
//!
//! A control byte below 32 stands before one to 32 literal bytes. Otherwise its upper three bits
//! are the length of a repetition less 2 (7: one byte more says how much longer it is), and its
//! lower five with the next byte the distance less 1.

/// Most literal bytes behind one control byte.
const LITERALS_MAX: usize = 32;
/// Longest repetition.
const REPEAT_MAX: usize = 264;
/// Longest distance.
const DISTANCE_MAX: usize = 8192;
/// Shortest repetition that is worth it.
const REPEAT_MIN: usize = 3;
/// Bits of the hash of three bytes by which positions are found, for short and for long input:
/// most strings are short, and clearing a large table would cost more than compressing them.
const HASH_BITS: (u32, u32) = (8, 14);

/// Most bytes that `len` compressed bytes can stand for.
pub fn decompressed_max(len: usize) -> usize {
    len.saturating_mul(REPEAT_MAX)
}

/// Decompresses `input` into exactly `len` bytes; `None` when it is damaged.
pub fn decompress(mut input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > decompressed_max(input.len()) {
        return None;
    }
    let mut out: Vec<u8> = Vec::with_capacity(len);
    while let Some((&control, rest)) = input.split_first() {
        let control = usize::from(control);
        if control < LITERALS_MAX {
            let (literals, rest) = rest.split_at_checked(control + 1)?;
            out.extend_from_slice(literals);
            input = rest;
        } else {
            let mut repeat = control >> 5;
            let mut rest = rest;
            if repeat == 7 {
                let (&more, behind) = rest.split_first()?;
                repeat += usize::from(more);
                rest = behind;
            }
            let (&low, behind) = rest.split_first()?;
            let distance = ((control & 0x1f) << 8 | usize::from(low)) + 1;
            let from = out.len().checked_sub(distance)?;
            if out.len() + repeat + 2 > len {
                return None;
            }
            // Byte by byte: a repetition may reach into itself.
            for at in from..from + repeat + 2 {
                out.push(out[at]);
            }
            input = behind;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Compresses `input`; `None` when that would not save at least four bytes.
pub fn compress(input: &[u8]) -> Option<Vec<u8>> {
    let limit = input.len().checked_sub(4)?;
    let bits = (usize::BITS - input.len().leading_zeros()).clamp(HASH_BITS.0, HASH_BITS.1);
    let mut table = vec![0u32; 1 << bits];
    let mut out = Vec::with_capacity(limit);
    let (mut at, mut literals) = (0, 0);
    while at + REPEAT_MIN <= input.len() {
        let hash = hash(&input[at..at + REPEAT_MIN], bits);
        // Positions are stored plus one: 0 is none.
        let candidate = std::mem::replace(&mut table[hash], at as u32 + 1) as usize;
        let repeat = match candidate.checked_sub(1) {
            Some(from) if at - from <= DISTANCE_MAX => common(input, from, at),
            _ => 0,
        };
        if repeat < REPEAT_MIN {
            at += 1;
            continue;
        }
        put_literals(&mut out, &input[literals..at]);
        put_repeat(&mut out, repeat, at + 1 - candidate);
        at += repeat;
        literals = at;
        if out.len() > limit {
            return None;
        }
    }
    put_literals(&mut out, &input[literals..]);
    (out.len() <= limit).then_some(out)
}

/// Appends the compressed form of `input` to `out`, which may be longer than itself: by one byte in
/// 32 where nothing is saved. What comes of the parts of a string is a form of the whole.
pub fn append(input: &[u8], out: &mut Vec<u8>) {
    match compress(input) {
        Some(mut compressed) => out.append(&mut compressed),
        None => put_literals(out, input),
    }
}

fn hash(bytes: &[u8], bits: u32) -> usize {
    let n = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
    (n.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

/// How many bytes at two positions are the same.
fn common(input: &[u8], from: usize, at: usize) -> usize {
    let most = REPEAT_MAX.min(input.len() - at);
    (0..most).take_while(|i| input[from + i] == input[at + i]).count()
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for part in literals.chunks(LITERALS_MAX) {
        out.push(part.len() as u8 - 1);
        out.extend_from_slice(part);
    }
}

fn put_repeat(out: &mut Vec<u8>, repeat: usize, distance: usize) {
    let (length, distance) = (repeat - 2, distance - 1);
    let high = (distance >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((length - 7) as u8);
    }
    out.push(distance as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_known_string() {
        // What redis-server writes for a hundred times `a`.
        let compressed = [1, b'a', b'a', 0xe0, 0x57, 0, 1, b'a', b'a'];
        assert_eq!(decompress(&compressed, 100), Some(vec![b'a'; 100]));
        let mine = compress(&[b'a'; 100]).unwrap();
        assert_eq!(decompress(&mine, 100), Some(vec![b'a'; 100]));
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(
            input in proptest::collection::vec(0..4u8, 0..20_000),
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            for input in [input, noise] {
                let mut parts = Vec::new();
                input.chunks(700).for_each(|part| append(part, &mut parts));
                prop_assert_eq!(decompress(&parts, input.len()), Some(input.clone()));
                if let Some(compressed) = compress(&input) {
                    prop_assert!(compressed.len() + 4 <= input.len());
                    prop_assert_eq!(decompress(&compressed, input.len()), Some(input));
                }
            }
        }

        #[test]
        fn damage_does_no_harm(input in proptest::collection::vec(any::<u8>(), 0..300), len in 0..3000usize) {
            if let Some(out) = decompress(&input, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
