//! Variable-length integers, seven bits a byte, low bits first.

/// Appends `value`.
pub fn write(mut value: u128, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a value and moves `bytes` past it; `None` when it is cut off or wider than 128 bits.
pub fn read(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0u128;
    for shift in (0..128).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends a small value.
#[inline]
pub fn write_u32(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a value of at most 32 bits.
#[inline]
pub fn read_u32(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..32).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends ascending positions as differences.
pub fn write_positions(positions: impl IntoIterator<Item = u32>, out: &mut Vec<u8>) {
    let mut last = 0;
    for position in positions {
        write_u32(position.wrapping_sub(last), out);
        last = position;
    }
}

/// Appends the positions that `bytes` codes to `out`.
pub fn read_positions(mut bytes: &[u8], out: &mut Vec<u32>) {
    let mut last = 0u32;
    out.reserve(bytes.len());
    while let Some((&first, rest)) = bytes.split_first() {
        let step = if first < 0x80 {
            bytes = rest;
            u32::from(first)
        } else {
            let Some(step) = read_u32(&mut bytes) else { return };
            step
        };
        last = last.wrapping_add(step);
        out.push(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(values in prop::collection::vec(any::<u128>(), 0..20), small in any::<u32>(), positions in prop::collection::btree_set(any::<u32>(), 0..20)) {
            let mut bytes = Vec::new();
            values.iter().for_each(|&v| write(v, &mut bytes));
            write_u32(small, &mut bytes);
            let mut rest = &bytes[..];
            for &v in &values {
                prop_assert_eq!(read(&mut rest), Some(v));
            }
            prop_assert_eq!(read_u32(&mut rest), Some(small));
            prop_assert_eq!(read(&mut rest), None);
            let (mut coded, mut out) = (Vec::new(), Vec::new());
            write_positions(positions.iter().copied(), &mut coded);
            read_positions(&coded, &mut out);
            prop_assert_eq!(out, positions.into_iter().collect::<Vec<_>>());
        }
    }
}
