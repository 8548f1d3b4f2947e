//! tmp
/// x
pub fn matches(p: &[u8], t: &[u8]) -> bool {
    p == b"*" || p == t
}
