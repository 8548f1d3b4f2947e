//! The allocator's size classes, so that blocks fill what they are given and `memory()` is exact.

/// Bytes the allocator hands out for a request of `bytes` (jemalloc's classes with a 16-byte
/// quantum: 8, then multiples of 16 up to 128, then four classes a doubling).
pub const fn size_class(bytes: usize) -> usize {
    if bytes <= 8 {
        return 8;
    }
    let below = (bytes - 1).next_power_of_two() / if (bytes - 1).is_power_of_two() { 1 } else { 2 };
    let step = if below / 4 > 16 { below / 4 } else { 16 };
    bytes.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn classes_match_the_allocators_table() {
        let expected = [
            (1, 8),
            (8, 8),
            (9, 16),
            (16, 16),
            (17, 32),
            (48, 48),
            (49, 64),
            (100, 112),
            (128, 128),
            (129, 160),
            (160, 160),
            (161, 192),
            (256, 256),
            (257, 320),
            (1024, 1024),
            (1025, 1280),
            (4097, 5120),
        ];
        for (asked, class) in expected {
            assert_eq!(size_class(asked), class, "class of {asked}");
        }
    }
}
