//! Compact forms that only old files have: ziplists (before Redis 7.0) and zipmaps (before 2.6).

/// The bytes before a ziplist's entries: its size, where the last entry is, and their number.
const ZIPLIST_HEADER: usize = 10;
const END: u8 = 0xff;
/// A length of this value is followed by a longer form.
const LONG: u8 = 254;

/// Integers of a ziplist that stand in the encoding byte itself, less this, are 0 to 12.
const SMALL_INTEGER: u8 = 0xf1;

/// The elements of a ziplist; `None` when its structure is damaged.
pub fn ziplist(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let size = u32::from_le_bytes(*bytes.first_chunk()?);
    if usize::try_from(size).ok()? != bytes.len() {
        return None;
    }
    let tail = u32::from_le_bytes(*bytes.get(4..8)?.first_chunk()?);
    let stated = u16::from_le_bytes(*bytes.get(8..ZIPLIST_HEADER)?.first_chunk()?);
    let mut last = ZIPLIST_HEADER;
    let mut rest = bytes.get(ZIPLIST_HEADER..)?;
    let mut elements = Vec::new();
    let mut before = 0;
    while *rest.first()? != END {
        let from = rest.len();
        last = bytes.len() - from;
        let (previous, behind) = match rest[0] {
            LONG => (u32::from_le_bytes(*rest.get(1..)?.first_chunk()?) as usize, rest.get(5..)?),
            short => (usize::from(short), &rest[1..]),
        };
        if previous != before {
            return None;
        }
        let (element, behind) = ziplist_element(behind)?;
        elements.push(element);
        before = from - behind.len();
        rest = behind;
    }
    let counted = stated == u16::MAX || usize::from(stated) == elements.len();
    let sound = rest.len() == 1 && counted && usize::try_from(tail).ok()? == last;
    sound.then_some(elements)
}

/// The first element, and what comes behind it.
fn ziplist_element(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (len, rest) = match first >> 6 {
        0 => (usize::from(first & 0x3f), rest),
        1 => (usize::from(first & 0x3f) << 8 | usize::from(*rest.first()?), &rest[1..]),
        2 => (u32::from_be_bytes(*rest.first_chunk()?) as usize, &rest[4..]),
        _ => {
            let (n, rest) = ziplist_integer(first, rest)?;
            return Some((itoa::Buffer::new().format(n).as_bytes().to_vec(), rest));
        }
    };
    let (element, rest) = rest.split_at_checked(len)?;
    Some((element.to_vec(), rest))
}

fn ziplist_integer(encoding: u8, rest: &[u8]) -> Option<(i64, &[u8])> {
    let take = |n: usize| rest.split_at_checked(n);
    /// Sign-extends the little-endian integer of these bytes.
    fn signed(bytes: &[u8]) -> i64 {
        let mut whole = [0; 8];
        whole[8 - bytes.len()..].copy_from_slice(bytes);
        i64::from_le_bytes(whole) >> (64 - 8 * bytes.len())
    }
    let width = match encoding {
        0xc0 => 2,
        0xd0 => 4,
        0xe0 => 8,
        0xf0 => 3,
        0xfe => 1,
        SMALL_INTEGER..=0xfd => return Some((i64::from(encoding - SMALL_INTEGER), rest)),
        _ => return None,
    };
    let (bytes, rest) = take(width)?;
    Some((signed(bytes), rest))
}

/// Keys and values in turn of a zipmap; `None` when its structure is damaged.
pub fn zipmap(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (&stated, mut rest) = bytes.split_first()?;
    let mut elements = Vec::new();
    while *rest.first()? != END {
        let (key, behind) = zipmap_length(rest)?;
        let (key, behind) = behind.split_at_checked(key)?;
        let (value, behind) = zipmap_length(behind)?;
        let (&free, behind) = behind.split_first()?;
        let (value, behind) = behind.split_at_checked(value)?;
        elements.extend([key.to_vec(), value.to_vec()]);
        rest = behind.get(usize::from(free)..)?;
    }
    let counted = stated >= LONG || usize::from(stated) * 2 == elements.len();
    (rest.len() == 1 && counted).then_some(elements)
}

fn zipmap_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&END, _) => None,
        (&LONG, rest) => Some((u32::from_le_bytes(*rest.first_chunk()?) as usize, &rest[4..])),
        (&short, rest) => Some((usize::from(short), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ziplist_of_integers_and_strings() {
        let body: &[u8] = &[0, 0xf3, 2, 0xfe, 0x80, 3, 0xc0, 0x2c, 0x01, 4, 2, b'h', b'i', END];
        let mut bytes = (10 + body.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&[19, 0, 0, 0, 4, 0]);
        bytes.extend_from_slice(body);
        let expected: Vec<Vec<u8>> = [b"2" as &[u8], b"-128", b"300", b"hi"].map(Vec::from).into();
        assert_eq!(ziplist(&bytes), Some(expected));
        bytes[4] = 20;
        assert_eq!(ziplist(&bytes), None, "the last entry is somewhere else");
    }

    #[test]
    fn a_zipmap_with_free_bytes() {
        let bytes = b"\x02\x03foo\x03\x02bar..\x01a\x01\x00b\xff";
        let expected: Vec<Vec<u8>> = [b"foo" as &[u8], b"bar", b"a", b"b"].map(Vec::from).into();
        assert_eq!(zipmap(bytes), Some(expected));
    }

    proptest! {
        #[test]
        fn damage_does_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 10..120)) {
            zipmap(&bytes);
            let size = (bytes.len() as u32).to_le_bytes();
            bytes[..4].copy_from_slice(&size);
            ziplist(&bytes);
        }
    }
}
