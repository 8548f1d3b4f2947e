//! The CRC-64 of RDB files and DUMP payloads: Jones's polynomial 0xad93d23594c935a9, reflected,
//! starting from zero, not inverted.
//!
//! Eight bytes a step; table `k` says what a byte does to the checksum with `k` bytes to come
//! behind it.

/// Jones's polynomial with its bits in reverse.
const POLYNOMIAL: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();

static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0u64; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut behind = 1;
    while behind < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[behind - 1][byte];
            tables[behind][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        behind += 1;
    }
    tables
}

/// Carries the checksum `crc` of what came before on over `bytes`. It starts at 0.
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for &eight in eights {
        let mixed = (crc ^ u64::from_le_bytes(eight)).to_le_bytes();
        crc = (0..8).fold(0, |crc, at| crc ^ TABLES[7 - at][usize::from(mixed[at])]);
    }
    for &byte in rest {
        crc = crc >> 8 ^ TABLES[0][usize::from(byte ^ crc.to_le_bytes()[0])];
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bitwise(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |crc, byte| {
            (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
                crc >> 1 ^ if crc & 1 != 0 { POLYNOMIAL } else { 0 }
            })
        })
    }

    #[test]
    fn known_value() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes: Vec<u8>, cut: usize) {
            let (first, second) = bytes.split_at(cut % (bytes.len() + 1));
            prop_assert_eq!(crc64(crc64(0, first), second), bitwise(&bytes));
        }
    }
}
