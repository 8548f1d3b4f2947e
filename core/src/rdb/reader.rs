//! Lengths, strings and numbers in the form of RDB, from a slice. Every length is checked against
//! what is there before memory is taken.

use super::writer::opcode;
use super::{RdbError, lzf};

/// The characters of module names, in the order of their six bits.
const NAME: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The six bits of a character of a module's name; 0 for one that names cannot have.
pub(super) fn digit(c: u8) -> u64 {
    NAME.iter().position(|n| *n == c).unwrap_or(0) as u64
}

/// Reads values from a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The offset of the slice's first byte in its file.
    base: u64,
    /// What was mended, and how much of it; `None` when damage is an error.
    mended: Option<Vec<(&'static str, u64)>>,
}

/// A length, or one of the special forms that strings have in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A length.
    Plain(u64),
    /// A string in a form of its own (integers, LZF).
    Special(u8),
}

impl<'a> Reader<'a> {
    /// Reads from `bytes`, the first of which is at `base` of the file.
    pub fn new(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, at: 0, base, mended: None }
    }

    /// This reader, which mends what it can of a damaged value instead of refusing it.
    pub fn mending(mut self) -> Self {
        self.mended = Some(Vec::new());
        self
    }

    /// Passes over damage that can be mended, and remembers it: `n` times `what`, such as `fields
    /// that are there twice`.
    ///
    /// # Errors
    /// When this reader refuses damaged values.
    pub(crate) fn mend(&mut self, n: u64, what: &'static str) -> Result<(), RdbError> {
        let Some(mended) = &mut self.mended else { return Err(self.corrupt(what)) };
        match mended.iter_mut().find(|(known, _)| *known == what) {
            Some((_, times)) => *times = times.saturating_add(n),
            None => mended.push((what, n)),
        }
        Ok(())
    }

    /// Whether damage is mended.
    pub(super) fn mends(&self) -> bool {
        self.mended.is_some()
    }

    /// What was mended, for a message: `2 fields that are there twice, …`. `None` if nothing was.
    pub fn mended(&self) -> Option<String> {
        let mended = self.mended.as_deref().filter(|mended| !mended.is_empty())?;
        let each = mended.iter().map(|(what, n)| format!("{n} {what}"));
        Some(each.collect::<Vec<_>>().join(", "))
    }

    /// Where it stands in the file.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// An error about what was just read.
    pub fn corrupt(&self, what: impl Into<String>) -> RdbError {
        RdbError::Corrupt { what: what.into(), offset: self.offset() }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn raw(&mut self, n: usize) -> Result<&'a [u8], RdbError> {
        let end = self.base + self.bytes.len() as u64;
        let bytes = self.rest().get(..n).ok_or(RdbError::Truncated { offset: end })?;
        self.at += n;
        Ok(bytes)
    }

    /// The next bytes as an array.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    /// The next byte.
    ///
    /// # Errors
    /// At the end.
    pub fn byte(&mut self) -> Result<u8, RdbError> {
        Ok(self.array::<1>()?[0])
    }

    /// A length, or the mark of a special string.
    ///
    /// # Errors
    /// When it is none.
    pub fn length_or_special(&mut self) -> Result<Length, RdbError> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(u64::from(first)),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            3 => Length::Special(first & 0x3f),
            _ => match first {
                0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
                0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
                _ => return Err(self.corrupt("unknown form of a length")),
            },
        })
    }

    /// A length.
    ///
    /// # Errors
    /// When it is none.
    pub fn length(&mut self) -> Result<u64, RdbError> {
        match self.length_or_special()? {
            Length::Plain(n) => Ok(n),
            Length::Special(_) => Err(self.corrupt("a length was expected")),
        }
    }

    fn expect(&mut self, wanted: u64, what: &str) -> Result<(), RdbError> {
        let found = self.length()?;
        if found == wanted { Ok(()) } else { Err(self.corrupt(format!("{what} was expected"))) }
    }

    /// A signed part of a module's value.
    ///
    /// # Errors
    /// When it is none.
    pub fn module_signed(&mut self) -> Result<i64, RdbError> {
        self.expect(opcode::SIGNED, "a signed number")?;
        Ok(self.length()? as i64)
    }

    /// An unsigned part of a module's value.
    ///
    /// # Errors
    /// When it is none.
    pub fn module_unsigned(&mut self) -> Result<u64, RdbError> {
        self.expect(opcode::UNSIGNED, "an unsigned number")?;
        self.length()
    }

    /// A single-precision part of a module's value.
    ///
    /// # Errors
    /// When it is none.
    pub fn module_float(&mut self) -> Result<f32, RdbError> {
        self.expect(opcode::FLOAT, "a float")?;
        Ok(f32::from_le_bytes(self.array()?))
    }

    /// A double-precision part of a module's value.
    ///
    /// # Errors
    /// When it is none.
    pub fn module_double(&mut self) -> Result<f64, RdbError> {
        self.expect(opcode::DOUBLE, "a double")?;
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A string part of a module's value.
    ///
    /// # Errors
    /// When it is none.
    pub fn module_string(&mut self) -> Result<Vec<u8>, RdbError> {
        self.expect(opcode::STRING, "a string")?;
        self.string()
    }

    /// A string in any of its forms.
    ///
    /// # Errors
    /// When it is none.
    pub fn string(&mut self) -> Result<Vec<u8>, RdbError> {
        match self.length_or_special()? {
            Length::Plain(n) => {
                let n = usize::try_from(n).map_err(|_| self.corrupt("length out of range"))?;
                Ok(self.raw(n)?.to_vec())
            }
            Length::Special(0) => Ok(i8::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Special(1) => Ok(i16::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Special(2) => Ok(i32::from_le_bytes(self.array()?).to_string().into_bytes()),
            Length::Special(3) => {
                let (compressed, len) = (self.length()?, self.length()?);
                let out_of_range = |_| self.corrupt("length out of range");
                let compressed = usize::try_from(compressed).map_err(out_of_range)?;
                let len = usize::try_from(len).map_err(out_of_range)?;
                let bytes = lzf::decompress(self.raw(compressed)?, len);
                bytes.ok_or_else(|| self.corrupt("damaged compressed string"))
            }
            Length::Special(_) => Err(self.corrupt("unknown form of a string")),
        }
    }

    /// A module type's name and encoding.
    ///
    /// # Errors
    /// At the end.
    pub fn module_id(&mut self) -> Result<(String, u16), RdbError> {
        let id = self.length()?;
        let name = (0..9).rev().map(|i| NAME[(id >> (10 + 6 * i) & 63) as usize] as char);
        Ok((name.collect(), (id & 1023) as u16))
    }

    /// The end mark of a module's value.
    ///
    /// # Errors
    /// When something else is there.
    pub fn module_end(&mut self) -> Result<(), RdbError> {
        self.expect(opcode::END, "the end of a module's value")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rdb::Writer;

    /// Something that is written and read.
    #[derive(Clone, Debug)]
    enum Part {
        Length(u64),
        String(Vec<u8>),
        Signed(i64),
        Unsigned(u64),
        Float(f32),
        Double(f64),
        Text(Vec<u8>),
        Raw([u8; 5]),
    }

    fn part() -> impl Strategy<Value = Part> {
        let length = || {
            prop_oneof![0..200u64, 0x3f00..0x4100u64, 0xffff_ff00..0x1_0000_0100u64, any::<u64>()]
        };
        let text = || {
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                any::<i64>().prop_map(|n| n.to_string().into_bytes()),
                (-70_000i64..70_000).prop_map(|n| n.to_string().into_bytes()),
                (0..400usize, 0..3u8).prop_map(|(n, byte)| vec![byte; n]),
                Just(b"-0".to_vec()),
                Just(b"007".to_vec()),
            ]
        };
        prop_oneof![
            length().prop_map(Part::Length),
            text().prop_map(Part::String),
            any::<i64>().prop_map(Part::Signed),
            length().prop_map(Part::Unsigned),
            any::<f32>().prop_map(Part::Float),
            any::<f64>().prop_map(Part::Double),
            text().prop_map(Part::Text),
            any::<[u8; 5]>().prop_map(Part::Raw),
        ]
    }

    fn write(out: &mut Writer, part: &Part) {
        match part {
            Part::Length(n) => out.length(*n),
            Part::String(bytes) => out.string(bytes),
            Part::Signed(n) => out.module_signed(*n),
            Part::Unsigned(n) => out.module_unsigned(*n),
            Part::Float(n) => out.module_float(*n),
            Part::Double(n) => out.module_double(*n),
            Part::Text(bytes) => out.module_string(bytes),
            Part::Raw(bytes) => out.raw(bytes),
        }
    }

    /// Reads what should be this part.
    fn read(input: &mut Reader<'_>, part: &Part) -> Result<Part, RdbError> {
        Ok(match part {
            Part::Length(_) => Part::Length(input.length()?),
            Part::String(_) => Part::String(input.string()?),
            Part::Signed(_) => Part::Signed(input.module_signed()?),
            Part::Unsigned(_) => Part::Unsigned(input.module_unsigned()?),
            Part::Float(_) => Part::Float(input.module_float()?),
            Part::Double(_) => Part::Double(input.module_double()?),
            Part::Text(_) => Part::Text(input.module_string()?),
            Part::Raw(_) => Part::Raw(input.array()?),
        })
    }

    #[test]
    fn lengths_have_four_forms() {
        for (bytes, n) in [
            (&b"\x05"[..], 5),
            (b"\x7f\xff", 0x3fff),
            (b"\x80\0\x01\0\x02", 0x1_0002),
            (b"\x81\0\0\0\x01\0\0\0\0", 1 << 32),
        ] {
            let mut input = Reader::new(bytes, 7);
            assert_eq!(input.length().unwrap(), n);
            assert_eq!((input.offset(), input.rest()), (7 + bytes.len() as u64, &[][..]));
        }
        let unknown = Reader::new(b"\x82\0\0\0\0", 0).length();
        assert!(unknown.is_err_and(|e| e.to_string().starts_with("unknown form of a length")));
        let special = Reader::new(b"\xc0\x01", 0).length();
        assert!(special.is_err_and(|e| e.to_string().starts_with("a length was expected")));
    }

    #[test]
    fn strings_have_five_forms() {
        for (bytes, text) in [
            (&b"\x02hi"[..], &b"hi"[..]),
            (b"\xc0\xfe", b"-2"),
            (b"\xc1\x00\x01", b"256"),
            (b"\xc2\x00\x00\x01\x00", b"65536"),
            // One byte as it is, then nine copies of it.
            (b"\xc3\x05\x0a\x00a\xe0\x00\x00", b"aaaaaaaaaa"),
        ] {
            assert_eq!(Reader::new(bytes, 0).string().unwrap(), text);
        }
        assert!(Reader::new(b"\xc4", 0).string().is_err());
    }

    /// Lengths that are not there take no memory.
    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        for bytes in [
            &b"\x05abc"[..],
            b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xc3\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00aaaa",
            b"\xc3\x81\xff\xff\xff\xff\xff\xff\xff\xff\x05",
        ] {
            assert!(Reader::new(bytes, 0).string().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn damage_is_an_error_unless_it_is_mended() {
        let mut strict = Reader::new(b"", 3);
        assert_eq!(strict.mend(1, "what").unwrap_err().to_string(), "what at offset 3");
        assert_eq!(strict.mended(), None);
        let mut mending = Reader::new(b"", 3).mending();
        assert_eq!(mending.mended(), None);
        for what in ["one", "other", "one"] {
            mending.mend(2, what).unwrap();
        }
        assert_eq!(mending.mended().as_deref(), Some("4 one, 2 other"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            parts in proptest::collection::vec(part(), 0..20),
            compress in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut out = Writer::new(11, compress);
            parts.iter().for_each(|part| write(&mut out, part));
            let bytes = out.as_bytes();
            let mut input = Reader::new(bytes, 0);
            for part in &parts {
                // As text, so that what is not a number is the same.
                let found = format!("{:?}", read(&mut input, part).unwrap());
                prop_assert_eq!(found, format!("{part:?}"));
            }
            prop_assert!(input.rest().is_empty());
            let mut input = Reader::new(&bytes[..cut.index(bytes.len() + 1)], 0);
            let whole = parts.iter().all(|part| read(&mut input, part).is_ok());
            prop_assert_eq!(whole, input.offset() == bytes.len() as u64);
        }

        #[test]
        fn any_bytes_are_harmless(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            parts in proptest::collection::vec(part(), 0..8),
        ) {
            let mut input = Reader::new(&bytes, 0);
            for part in &parts {
                if read(&mut input, part).is_err() {
                    break;
                }
            }
            prop_assert!(input.offset() <= bytes.len() as u64);
        }
    }
}
