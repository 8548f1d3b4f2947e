//! An RDB file, read: a walk over what it holds, in which values are only stepped over, so that
//! several threads can build them.

use std::sync::Arc;

use super::frame::Usage;
use super::reader::Length;
use super::template::{self, Templates};
use super::{RdbError, Reader, VERSION_MAX, VERSION_VALKEY, kind, opcode};
use crate::util::crc64::crc64;
use crate::util::int::parse_u64;

/// The first version with a checksum at the end.
const VERSION_CHECKSUM: u16 = 5;

/// Bytes of the header: `REDIS` and four digits.
const HEADER: usize = 9;

/// Bytes of the checksum.
const CHECKSUM: usize = 8;

/// Something in a file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A fact about the file, by name.
    Aux(Vec<u8>, Vec<u8>),
    /// How many keys a database has and how many of them expire: a hint.
    Size {
        /// The database.
        db: usize,
        /// Its keys.
        keys: u64,
        /// Those that expire.
        volatile: u64,
    },
    /// A key.
    Key(Record<'a>),
    /// A library of functions: its source.
    Function(Vec<u8>),
    /// What a module stores besides values.
    ModuleAux {
        /// The name of one of its types.
        name: String,
        /// The encoding.
        encoding: u16,
        /// Its parts, up to the end mark.
        body: Reader<'a>,
    },
}

/// A key with its value, not yet built.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The database.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
    /// When it expires, in Unix milliseconds.
    pub expiry: Option<i64>,
    /// How it was used.
    pub usage: Usage,
    /// The type byte.
    pub kind: u8,
    /// The value.
    pub body: Reader<'a>,
    /// The templates that the value may refer to.
    pub templates: Option<Arc<Templates>>,
    /// The class of what a module says of the key besides its value, as it is stored: its name,
    /// version and flags, packed. The first of them, if there are several.
    pub metadata: Option<[u8; 4]>,
}

/// What stands before a key.
#[derive(Default)]
struct Head {
    expiry: Option<i64>,
    usage: Usage,
    metadata: Option<[u8; 4]>,
}

/// A walk over a file.
pub struct FileReader<'a> {
    input: Reader<'a>,
    file: &'a [u8],
    version: u16,
    db: usize,
    templates: Option<Arc<Templates>>,
    over: bool,
    summed: bool,
}

impl<'a> FileReader<'a> {
    /// Reads the header of a file. `file` may go on behind the end of the RDB part.
    ///
    /// # Errors
    /// When it is no RDB file, or one of a version that is not known.
    pub fn new(file: &'a [u8]) -> Result<Self, RdbError> {
        let mut input = Reader::new(file, 0);
        let header: [u8; HEADER] = input.array()?;
        // Valkey's own header has a letter more and a digit less.
        let digits = header.strip_prefix(b"REDIS").or(header.strip_prefix(b"VALKEY"));
        // Leading zeros are no canonical number, so they are left out.
        let digits = digits.map(|d| &d[d.iter().take_while(|c| **c == b'0').count()..]);
        let version = digits.and_then(parse_u64);
        let version = version.and_then(|v| u16::try_from(v).ok());
        let version = version.ok_or_else(|| RdbError::Corrupt {
            what: "wrong signature of an RDB file".into(),
            offset: 0,
        })?;
        if !(1..=VERSION_MAX).contains(&version) && version != VERSION_VALKEY {
            return Err(RdbError::Unsupported(format!(
                "can't handle RDB format version {version}"
            )));
        }
        Ok(Self { input, file, version, db: 0, templates: None, over: false, summed: false })
    }

    /// The version of the format.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Whether the file, which was read to its end, had a checksum.
    pub fn has_checksum(&self) -> bool {
        self.summed
    }

    /// Where it stands, in bytes.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next item; `None` at the end of the file, whose checksum was right.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn next_item(&mut self) -> Result<Option<Item<'a>>, RdbError> {
        let mut head = Head::default();
        while !self.over {
            let input = &mut self.input;
            match input.byte()? {
                opcode::EXPIRES_AT_SECONDS => {
                    head.expiry = Some(i64::from(i32::from_le_bytes(input.array()?)) * 1000);
                }
                opcode::EXPIRES_AT_MILLIS => head.expiry = Some(i64::from_le_bytes(input.array()?)),
                opcode::IDLE => head.usage = Usage::Idle(input.length()?),
                opcode::FREQUENCY => head.usage = Usage::Frequency(input.byte()?),
                opcode::KEY_METADATA => head.metadata = skip_metadata(input)?,
                opcode::HASH_TEMPLATE => {
                    Arc::make_mut(self.templates.get_or_insert_default()).read(input)?;
                }
                opcode::SELECT_DB => {
                    let db = input.length()?;
                    self.db = usize::try_from(db).map_err(|_| input.corrupt("no such database"))?;
                }
                opcode::RESIZE_DB => {
                    let (keys, volatile) = (input.length()?, input.length()?);
                    return Ok(Some(Item::Size { db: self.db, keys, volatile }));
                }
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        input.length()?;
                    }
                }
                opcode::AUX => return Ok(Some(Item::Aux(input.string()?, input.string()?))),
                opcode::FUNCTION => return Ok(Some(Item::Function(input.string()?))),
                opcode::FUNCTION_PRE_GA => {
                    let text = "functions of a release candidate of Redis 7.0 cannot be loaded";
                    return Err(RdbError::Unsupported(text.into()));
                }
                opcode::MODULE_AUX => return self.module_aux().map(Some),
                opcode::EOF => self.end()?,
                kind => {
                    let kind = kind::of_version(kind, self.version);
                    return self.record(kind, head).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn record(&mut self, kind: u8, head: Head) -> Result<Item<'a>, RdbError> {
        let key = self.input.string()?;
        let refers = kind::refers_to_template(kind);
        let templates = self.templates.clone().filter(|_| refers);
        let body = self.stepped_over(|input| skip_value(input, kind, templates.as_deref()))?;
        let Head { expiry, usage, metadata } = head;
        Ok(Item::Key(Record { db: self.db, key, expiry, usage, kind, body, templates, metadata }))
    }

    fn module_aux(&mut self) -> Result<Item<'a>, RdbError> {
        let (name, encoding) = self.input.module_id()?;
        // Whether it was written before or after the keys.
        self.input.module_unsigned()?;
        let body = self.stepped_over(skip_module_parts)?;
        Ok(Item::ModuleAux { name, encoding, body })
    }

    /// A reader of what `skip` steps over.
    fn stepped_over(
        &mut self,
        skip: impl FnOnce(&mut Reader<'a>) -> Result<(), RdbError>,
    ) -> Result<Reader<'a>, RdbError> {
        let (from, rest) = (self.input.offset(), self.input.rest());
        skip(&mut self.input)?;
        let len = (self.input.offset() - from) as usize;
        Ok(Reader::new(&rest[..len], from))
    }

    /// Checks the checksum, if there is one.
    fn end(&mut self) -> Result<(), RdbError> {
        self.over = true;
        if self.version < VERSION_CHECKSUM {
            return Ok(());
        }
        let len = self.input.offset() as usize;
        let stored = u64::from_le_bytes(self.input.array::<CHECKSUM>()?);
        self.summed = stored != 0;
        if self.summed && stored != crc64(0, &self.file[..len]) {
            return Err(self.input.corrupt("RDB CRC error: wrong checksum of the file"));
        }
        Ok(())
    }
}

/// Steps over what modules say of a key besides its value, and returns the first class of it.
///
/// # Errors
/// When its end cannot be found.
pub(crate) fn skip_metadata(input: &mut Reader<'_>) -> Result<Option<[u8; 4]>, RdbError> {
    let mut first = None;
    for _ in 0..input.length()? {
        let class = input.array()?;
        first.get_or_insert(class);
        skip_module_parts(input)?;
    }
    Ok(first)
}

/// What messages call metadata of a key whose first class is this.
pub fn metadata_of(class: [u8; 4]) -> String {
    let class = u32::from_le_bytes(class);
    format!("metadata of a key, of the class {class:#010x} of a module that is not loaded")
}

/// Steps over a value of the type `kind`, which may refer to one of `templates`.
pub(super) fn skip_value(
    input: &mut Reader<'_>,
    kind: u8,
    templates: Option<&Templates>,
) -> Result<(), RdbError> {
    match kind {
        kind::STRING
        | kind::HASH_ZIPMAP
        | kind::LIST_ZIPLIST
        | kind::SET_INTSET
        | kind::ZSET_ZIPLIST
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::ZSET_LISTPACK
        | kind::SET_LISTPACK
        | kind::HASH_LISTPACK_TTL_PRE_GA => skip_string(input),
        kind::LIST | kind::SET | kind::LIST_QUICKLIST => repeat(input, skip_string),
        kind::LIST_QUICKLIST_2 => repeat(input, |input| {
            input.length()?;
            skip_string(input)
        }),
        kind::ZSET => repeat(input, |input| {
            skip_string(input)?;
            skip_text_double(input)
        }),
        kind::ZSET_2 => repeat(input, |input| {
            skip_string(input)?;
            input.raw(8).map(drop)
        }),
        kind::HASH => repeat(input, |input| skip_strings(input, 2)),
        kind::HASH_TTL => {
            input.raw(8)?;
            repeat(input, |input| {
                input.length()?;
                skip_strings(input, 2)
            })
        }
        kind::HASH_TTL_PRE_GA => repeat(input, |input| {
            input.length()?;
            skip_strings(input, 2)
        }),
        kind::HASH_TTL_VALKEY => repeat(input, |input| {
            skip_strings(input, 2)?;
            input.raw(8).map(drop)
        }),
        kind::HASH_LISTPACK_TTL => {
            input.raw(8)?;
            skip_string(input)
        }
        kind::MODULE => {
            input.length()?;
            skip_module_parts(input)
        }
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 | kind::STREAM_5 => {
            skip_stream(input, kind)
        }
        kind::ARRAY => skip_array(input),
        kind::HASH_TEMPLATE_LISTPACK_REF => skip_string(input),
        kind::HASH_TEMPLATE_LISTPACK | kind::HASH_TEMPLATE_ARRAY => {
            let fields = template::read_fields_in_form(input)?;
            let values = if kind == kind::HASH_TEMPLATE_ARRAY { fields.len() } else { 1 };
            skip_strings(input, values)
        }
        kind::HASH_TEMPLATE_ARRAY_REF => {
            let fields = template::referred_to(templates, input.length()?, input)?;
            skip_strings(input, fields.len())
        }
        _ => Err(RdbError::unknown_kind(kind)),
    }
}

/// Steps over as many elements as a length says.
fn repeat<'a>(
    input: &mut Reader<'a>,
    mut skip: impl FnMut(&mut Reader<'a>) -> Result<(), RdbError>,
) -> Result<(), RdbError> {
    let n = input.length()?;
    (0..n).try_for_each(|_| skip(input))
}

fn skip_strings(input: &mut Reader<'_>, n: usize) -> Result<(), RdbError> {
    (0..n).try_for_each(|_| skip_string(input))
}

fn skip_string(input: &mut Reader<'_>) -> Result<(), RdbError> {
    let len = match input.length_or_special()? {
        Length::Plain(n) => n,
        Length::Special(form @ 0..=2) => 1 << form,
        Length::Special(3) => {
            let compressed = input.length()?;
            input.length()?;
            compressed
        }
        Length::Special(_) => return Err(input.corrupt("unknown form of a string")),
    };
    let len = usize::try_from(len).map_err(|_| input.corrupt("length out of range"))?;
    input.raw(len).map(drop)
}

/// A double as text behind its length, or one of three marks for what is not finite.
fn skip_text_double(input: &mut Reader<'_>) -> Result<(), RdbError> {
    match input.byte()? {
        253..=255 => Ok(()),
        len => input.raw(usize::from(len)).map(drop),
    }
}

/// Steps over the parts of a module's value, end mark included.
fn skip_module_parts(input: &mut Reader<'_>) -> Result<(), RdbError> {
    use super::writer::opcode as part;
    loop {
        match input.length()? {
            part::END => return Ok(()),
            part::SIGNED | part::UNSIGNED => drop(input.length()?),
            part::FLOAT => drop(input.raw(4)?),
            part::DOUBLE => drop(input.raw(8)?),
            part::STRING => skip_string(input)?,
            _ => return Err(input.corrupt("unknown part of a module's value")),
        }
    }
}

fn skip_lengths(input: &mut Reader<'_>, n: usize) -> Result<(), RdbError> {
    (0..n).try_for_each(|_| input.length().map(drop))
}

fn skip_stream(input: &mut Reader<'_>, kind: u8) -> Result<(), RdbError> {
    let form = kind::stream_form(kind);
    repeat(input, |input| skip_strings(input, 2))?;
    // Length and last id; since form 2 first id, largest deleted id and entries added.
    skip_lengths(input, if form >= 2 { 8 } else { 3 })?;
    repeat(input, |input| skip_group(input, form))?;
    if form < 4 {
        return Ok(());
    }
    // For how long and how many identifiers are remembered, producers, and two counts.
    skip_lengths(input, 2)?;
    repeat(input, |input| {
        skip_string(input)?;
        repeat(input, |input| {
            skip_string(input)?;
            skip_lengths(input, 2)
        })
    })?;
    skip_lengths(input, 2)
}

fn skip_group(input: &mut Reader<'_>, form: u8) -> Result<(), RdbError> {
    skip_string(input)?;
    skip_lengths(input, if form >= 2 { 3 } else { 2 })?;
    repeat(input, |input| {
        input.raw(16 + 8)?;
        input.length().map(drop)
    })?;
    let id = |input: &mut Reader<'_>| input.raw(16).map(drop);
    repeat(input, |input| {
        skip_string(input)?;
        input.raw(if form >= 3 { 16 } else { 8 })?;
        repeat(input, id)
    })?;
    if form >= 5 { repeat(input, id) } else { Ok(()) }
}

fn skip_array(input: &mut Reader<'_>) -> Result<(), RdbError> {
    use super::value::array::tag;
    let elements = input.length()?;
    if input.length()? != 0 {
        input.length()?;
    }
    (0..elements).try_for_each(|_| {
        input.length()?;
        match input.length()? {
            tag::STRING | tag::SHORT_STRING => skip_string(input),
            tag::INTEGER | tag::DOUBLE => input.raw(8).map(drop),
            _ => Err(input.corrupt("unknown form of an array's value")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, RdbError> {
        let mut reader = FileReader::new(file)?;
        let mut keys = Vec::new();
        while let Some(item) = reader.next_item()? {
            if let Item::Key(record) = item {
                keys.push((record.db, record.key));
            }
        }
        Ok(keys)
    }

    fn closed(mut file: Vec<u8>) -> Vec<u8> {
        file.push(opcode::EOF);
        let sum = crc64(0, &file);
        file.extend_from_slice(&sum.to_le_bytes());
        file
    }

    #[test]
    fn keys_are_found_behind_values_of_all_kinds() {
        let mut file = b"REDIS0011\xfa\x03ver\x017\xfe\x02\xfb\x05\x00".to_vec();
        file.extend_from_slice(b"\x00\x01a\xc1\x01\x02");
        file.extend_from_slice(b"\xfc\0\0\0\0\0\0\0\0\x01\x01b\x02\x01x\x01y");
        file.extend_from_slice(b"\xf8\x07\x05\x01c\x01\x01m\0\0\0\0\0\0\0\0");
        file.extend_from_slice(b"\x03\x01d\x02\x01m\xfd\x01n\x031.5");
        file.extend_from_slice(b"\x07\x01e\x05\x02\x07\x05\x01s\x04\0\0\0\0\0\0\0\0\0");
        let found = keys(&closed(file)).unwrap();
        assert_eq!(found.len(), 5);
        assert!(found.iter().all(|(db, key)| *db == 2 && key.len() == 1));
    }

    #[test]
    fn damage_is_an_error() {
        assert!(keys(b"REDIS0099").is_err());
        assert!(keys(b"RIDES0011").is_err());
        let file = closed(b"REDIS0011\xfe\x00\x00\x01a\x01x".to_vec());
        assert!(keys(&file).is_ok());
        for len in 0..file.len() {
            assert!(keys(&file[..len]).is_err(), "cut off at {len}");
        }
        let mut changed = file.clone();
        changed[14] ^= 1;
        assert!(keys(&changed).is_err());
    }
}
