//! The bytes of a listpack's entries: their encoding, their decoding, and the check of a whole
//! listpack from outside.
//!
//! The format is that of the public listpack specification (antirez, 2017): a header of four bytes
//! total length and two bytes element count, little endian; entries of an encoding byte (which may
//! hold a small integer or a length), data, and the size of both in a form that can be read
//! backwards; a final byte 0xff.

use crate::util::int::parse_i64;
use thiserror::Error;

/// Bytes before the first entry.
pub(super) const HEADER: usize = 6;
/// The byte after the last entry.
pub(super) const END: u8 = 0xff;
/// Count in the header of a listpack that has as many elements, or more.
pub(super) const UNCOUNTED: u16 = u16::MAX;

/// An element of a listpack: integers are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An integer, which stands for its decimal text.
    Int(i64),
    /// Any bytes. (Built by [`From`], never the canonical text of an `i64`; but a listpack from
    /// outside may hold such.)
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The element's bytes as a client sees them; an integer's text goes to `buffer`.
    pub fn as_bytes<'b>(&self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Element::Int(n) => buffer.format(n).as_bytes(),
            Element::Bytes(bytes) => bytes,
        }
    }

    /// The element's bytes, copied.
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_bytes(&mut itoa::Buffer::new()).to_vec()
    }

    /// Whether both stand for the same bytes, however they are kept.
    pub fn same(&self, other: &Element<'_>) -> bool {
        match (*self, *other) {
            (Element::Int(a), Element::Int(b)) => a == b,
            (Element::Bytes(a), Element::Bytes(b)) => a == b,
            (Element::Int(n), Element::Bytes(bytes)) | (Element::Bytes(bytes), Element::Int(n)) => {
                parse_i64(bytes) == Some(n)
            }
        }
    }

    /// Bytes that the element takes in a listpack.
    pub fn encoded_len(&self) -> usize {
        Encoded::new(*self).len()
    }
}

impl<'a> From<&'a [u8]> for Element<'a> {
    /// Recognises the canonical text of integers.
    fn from(bytes: &'a [u8]) -> Self {
        parse_i64(bytes).map_or(Element::Bytes(bytes), Element::Int)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Element<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<i64> for Element<'_> {
    fn from(n: i64) -> Self {
        Element::Int(n)
    }
}

/// An element's entry, ready to be copied into place.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    data: &'a [u8],
    back: BackLength,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(element: Element<'a>) -> Self {
        let mut head = [0; 9];
        let (head_len, data) = match element {
            Element::Int(n) => (encode_integer(n, &mut head), &[][..]),
            Element::Bytes(bytes) => (encode_length(bytes.len(), &mut head), bytes),
        };
        Encoded { head, head_len, data, back: BackLength::new(head_len + data.len()) }
    }

    pub(super) fn len(&self) -> usize {
        self.head_len + self.data.len() + self.back.len
    }

    /// Writes the entry into a slice of its length.
    pub(super) fn write(&self, to: &mut [u8]) {
        let (head, rest) = to.split_at_mut(self.head_len);
        let (data, back) = rest.split_at_mut(self.data.len());
        head.copy_from_slice(&self.head[..self.head_len]);
        data.copy_from_slice(self.data);
        back.copy_from_slice(self.back.bytes());
    }
}

/// Encodes an integer in the fewest bytes; returns how many.
fn encode_integer(n: i64, head: &mut [u8; 9]) -> usize {
    let bytes = n.to_le_bytes();
    let (code, len) = match n {
        0..=127 => {
            head[0] = n as u8;
            return 1;
        }
        -4096..=4095 => {
            head[0] = 0xc0 | (n >> 8) as u8 & 0x1f;
            head[1] = n as u8;
            return 2;
        }
        -0x8000..=0x7fff => (0xf1, 2),
        -0x80_0000..=0x7f_ffff => (0xf2, 3),
        -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
        _ => (0xf4, 8),
    };
    head[0] = code;
    head[1..=len].copy_from_slice(&bytes[..len]);
    len + 1
}

/// Encodes the length of a string; returns in how many bytes.
fn encode_length(len: usize, head: &mut [u8; 9]) -> usize {
    match len {
        0..=63 => {
            head[0] = 0x80 | len as u8;
            1
        }
        64..=4095 => {
            head[0] = 0xe0 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        }
        _ => {
            head[0] = 0xf0;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
            5
        }
    }
}

/// Decodes the entry that `bytes` begin with. Gives the element and the size of its encoding and
/// data, or nothing at the end or if the bytes are no entry.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let (&code, rest) = bytes.split_first()?;
    let string = |head: usize, len: usize| {
        let data = bytes.get(head..)?.get(..len)?;
        Some((Element::Bytes(data), head + len))
    };
    let (n, size) = match code {
        0x00..=0x7f => (i64::from(code), 1),
        0x80..=0xbf => return string(1, usize::from(code & 0x3f)),
        0xc0..=0xdf => {
            let high = i64::from(code & 0x1f) << 59 >> 51;
            (high | i64::from(*rest.first()?), 2)
        }
        0xe0..=0xef => {
            let low = usize::from(*rest.first()?);
            return string(2, usize::from(code & 0x0f) << 8 | low);
        }
        0xf0 => return string(5, u32::from_le_bytes(*rest.first_chunk()?) as usize),
        0xf1 => (i64::from(i16::from_le_bytes(*rest.first_chunk()?)), 3),
        0xf2 => {
            let &[a, b, c] = rest.first_chunk()?;
            (i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 4)
        }
        0xf3 => (i64::from(i32::from_le_bytes(*rest.first_chunk()?)), 5),
        0xf4 => (i64::from_le_bytes(*rest.first_chunk()?), 9),
        _ => return None,
    };
    Some((Element::Int(n), size))
}

/// The size of an entry, as written after it: seven bits a byte, the most significant first, and
/// in all bytes but the first the high bit set, so that it is read from its end.
pub(super) struct BackLength {
    bytes: [u8; 5],
    len: usize,
}

impl BackLength {
    pub(super) fn new(size: usize) -> Self {
        let len = back_length_size(size);
        let mut bytes = [0; 5];
        for (i, byte) in bytes[..len].iter_mut().enumerate() {
            let more = if i == 0 { 0 } else { 0x80 };
            *byte = (size >> (7 * (len - 1 - i))) as u8 & 0x7f | more;
        }
        BackLength { bytes, len }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Bytes that the size of an entry takes after it. (The largest size that would fit in two, three
/// or four bytes takes one more: so the reference implementation has it, and readers rely on it.)
#[inline]
pub(super) fn back_length_size(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Reads backwards the size of the entry that ends with `bytes`.
#[inline]
pub(super) fn decode_back_length(bytes: &[u8]) -> Option<usize> {
    let mut size = 0;
    for (i, &byte) in bytes.iter().rev().take(5).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

/// What is wrong with a listpack from outside.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// Too short for a header and an end.
    #[error("listpack is too short")]
    Short,
    /// The header names another length than there is.
    #[error("listpack header has the wrong length")]
    Length,
    /// An entry is cut off, of unknown encoding, or of contradictory sizes.
    #[error("listpack entry at byte {0} is malformed")]
    Entry(usize),
    /// The header names another number of elements than there are.
    #[error("listpack header has the wrong number of elements")]
    Count,
}

/// Checks every byte of a listpack that is not an element's data, and counts the elements.
pub(super) fn validate(bytes: &[u8]) -> Result<usize, Malformed> {
    let stated = check_header(bytes)?;
    let (end, counted) = sound_entries(bytes);
    if end + 1 != bytes.len() || bytes[end] != END {
        return Err(Malformed::Entry(end));
    }
    if stated != UNCOUNTED && usize::from(stated) != counted {
        return Err(Malformed::Count);
    }
    Ok(counted)
}

/// Where the entries that are well formed end, and how many there are.
pub(super) fn sound_entries(bytes: &[u8]) -> (usize, usize) {
    let (mut at, mut counted) = (HEADER, 0);
    while let Some(end) = entry_end(bytes, at) {
        (at, counted) = (end, counted + 1);
    }
    (at, counted)
}

/// Checks the length in the header; returns the number of elements in it.
pub(super) fn check_header(bytes: &[u8]) -> Result<u16, Malformed> {
    let (Some(length), Some(count)) = (bytes.first_chunk::<4>(), bytes.get(4..HEADER)) else {
        return Err(Malformed::Short);
    };
    if bytes.len() <= HEADER {
        return Err(Malformed::Short);
    }
    if u32::from_le_bytes(*length) as usize != bytes.len() {
        return Err(Malformed::Length);
    }
    Ok(u16::from_le_bytes([count[0], count[1]]))
}

/// The end of the entry at `at`, if it is well formed and not the listpack's last byte.
fn entry_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (_, size) = decode(bytes.get(at..)?)?;
    let back = BackLength::new(size);
    let rest = bytes.get(at + size..)?;
    let end = at + size + back.len;
    (rest.starts_with(back.bytes()) && end < bytes.len()).then_some(end)
}
