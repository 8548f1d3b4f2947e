//! Lengths, strings and numbers in the form of RDB, appended to a buffer.

use super::lzf;
use crate::util::crc64::crc64;
use crate::util::int;

/// Opcodes that stand before each part of a module's value.
pub(super) mod opcode {
    pub const END: u64 = 0;
    pub const SIGNED: u64 = 1;
    pub const UNSIGNED: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

/// The first bits of what stands for a string in the place of its length.
const SPECIAL: u8 = 0xc0;

/// Digits and sign of a 32-bit integer, at most.
const INTEGER_MAX: usize = 11;

/// Shorter strings are not compressed.
const COMPRESS_ABOVE: usize = 20;

/// Memory that is kept for the next value.
const KEPT_MAX: usize = 64 * 1024;

/// Writes values. What it has written is taken out by [`Writer::take`], in pieces if need be.
pub struct Writer {
    bytes: Vec<u8>,
    version: u16,
    compress: bool,
    alone: bool,
    crc: u64,
}

impl Writer {
    /// Writes the form of `version`, with strings compressed by LZF where that helps or not.
    pub fn new(version: u16, compress: bool) -> Self {
        Self { bytes: Vec::new(), version, compress, alone: false, crc: 0 }
    }

    /// What is written will stand alone, as with DUMP: a value leaves out what ties it to other
    /// keys.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Whether a value is written without what ties it to other keys.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// The version whose form is written.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Whether strings are compressed.
    pub fn compresses(&self) -> bool {
        self.compress
    }

    /// What was written and not taken yet.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes what was written since the last time; `out` gets it appended. Carries the checksum on.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        self.crc = crc64(self.crc, &self.bytes);
        out.append(&mut self.bytes);
    }

    /// Forgets what was written and not taken, keeping some memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_MAX);
    }

    /// The checksum of what was taken so far.
    pub fn checksum(&self) -> u64 {
        self.crc
    }

    /// A byte as it is.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes as they are, without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A length: 1, 2, 5 or 9 bytes.
    pub fn length(&mut self, n: u64) {
        match n {
            0..0x40 => self.byte(n as u8),
            0x40..0x4000 => self.raw(&[0x40 | (n >> 8) as u8, n as u8]),
            0x4000..=0xffff_ffff => {
                self.byte(0x80);
                self.raw(&(n as u32).to_be_bytes());
            }
            _ => {
                self.byte(0x81);
                self.raw(&n.to_be_bytes());
            }
        }
    }

    /// A string with its length.
    pub fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= INTEGER_MAX
            && let Some(n) = int::parse_i64(bytes).and_then(|n| i32::try_from(n).ok())
        {
            return self.integer(n);
        }
        if self.compress
            && bytes.len() > COMPRESS_ABOVE
            && let Some(compressed) = lzf::compress(bytes)
        {
            self.compressed_head(bytes.len(), compressed.len());
            return self.raw(&compressed);
        }
        self.length(bytes.len() as u64);
        self.raw(bytes);
    }

    /// What stands before the compressed form of a string: how long both are.
    pub fn compressed_head(&mut self, len: usize, compressed: usize) {
        self.byte(SPECIAL | 3);
        self.length(compressed as u64);
        self.length(len as u64);
    }

    /// Bytes of a string whose length was written before, as they are or compressed.
    pub fn string_part(&mut self, bytes: &[u8], compressed: bool) {
        match compressed {
            true => lzf::append(bytes, &mut self.bytes),
            false => self.raw(bytes),
        }
    }

    /// A string that is the text of an integer, in binary.
    fn integer(&mut self, n: i32) {
        if let Ok(n) = i8::try_from(n) {
            self.byte(SPECIAL);
            self.raw(&n.to_le_bytes());
        } else if let Ok(n) = i16::try_from(n) {
            self.byte(SPECIAL | 1);
            self.raw(&n.to_le_bytes());
        } else {
            self.byte(SPECIAL | 2);
            self.raw(&n.to_le_bytes());
        }
    }

    /// A signed part of a module's value.
    pub fn module_signed(&mut self, n: i64) {
        self.length(opcode::SIGNED);
        self.length(n as u64);
    }

    /// An unsigned part of a module's value.
    pub fn module_unsigned(&mut self, n: u64) {
        self.length(opcode::UNSIGNED);
        self.length(n);
    }

    /// A single-precision part of a module's value.
    pub fn module_float(&mut self, x: f32) {
        self.length(opcode::FLOAT);
        self.raw(&x.to_le_bytes());
    }

    /// A double-precision part of a module's value.
    pub fn module_double(&mut self, x: f64) {
        self.length(opcode::DOUBLE);
        self.raw(&x.to_le_bytes());
    }

    /// A string part of a module's value.
    pub fn module_string(&mut self, bytes: &[u8]) {
        self.length(opcode::STRING);
        self.string(bytes);
    }

    /// What stands before a string part of a module's value whose bytes follow
    /// ([`Writer::string_part`]): how long it is, and its compressed form.
    pub fn module_string_head(&mut self, len: usize, compressed: Option<usize>) {
        self.length(opcode::STRING);
        match compressed {
            Some(compressed) => self.compressed_head(len, compressed),
            None => self.length(len as u64),
        }
    }

    /// The number by which files name a module's type: nine characters of six bits, and the
    /// encoding in the last ten.
    pub fn module_id(&mut self, name: &str, encoding: u16) {
        let digits = name.bytes().take(9).fold(0, |id, c| id << 6 | super::reader::digit(c));
        self.length(digits << 10 | u64::from(encoding & 1023));
    }

    /// The end mark of a module's value.
    pub fn module_end(&mut self) {
        self.length(opcode::END);
    }
}
