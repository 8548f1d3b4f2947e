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
        Self { bytes, at: 0, base }
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
