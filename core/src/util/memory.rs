//! Amounts of memory as configuration files write them: `100`, `64mb`, `1k`, `1gb`.

/// Reads an amount of bytes: digits and a unit in any case. `k`, `m` and `g` are powers of a
/// thousand, `kb`, `mb` and `gb` powers of 1024, `b` or nothing is bytes. As in Redis, no digits at
/// all are zero. `None` if it is something else, or more than a `u64` holds.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    number?.checked_mul(factor)
}

/// The shortest way to write `bytes` with a unit that divides it, as CONFIG REWRITE does.
pub fn format_memory(bytes: u64) -> String {
    let unit = [(30, "gb"), (20, "mb"), (10, "kb")]
        .into_iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    match unit {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units() {
        for (text, bytes) in [
            ("0", 0),
            ("64mb", 64 << 20),
            ("1k", 1000),
            ("1kB", 1024),
            ("3M", 3_000_000),
            ("2G", 2_000_000_000),
            ("2gb", 2 << 30),
            ("7b", 7),
            ("", 0),
            ("mb", 0),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in ["-1", "1.5gb", "1tb", "1 mb", "99999999999999999999", "18446744073709551615kb"]
        {
            assert_eq!(parse_memory(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(mantissa: u32, shift in prop::sample::select(vec![0, 10, 20, 30])) {
            let bytes = u64::from(mantissa) << shift;
            prop_assert_eq!(parse_memory(format_memory(bytes).as_bytes()), Some(bytes));
        }
    }
}
