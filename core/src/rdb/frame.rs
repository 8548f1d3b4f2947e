//! The frame of an RDB file, written: the header, what stands around the values, and the end.

use super::{RdbError, Writer, opcode, value};
use crate::util::crc64::crc64;

use crate::keyspace::Entry;

/// What a file says of itself before the values.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The version of the format.
    pub version: u16,
    /// Facts by name, as `redis-ver` and `ctime`.
    pub aux: &'a [(&'a str, String)],
}

/// What is stored of the use of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// Nothing.
    #[default]
    None,
    /// For how many seconds it was not used.
    Idle(u64),
    /// Its logarithmic counter of use.
    Frequency(u8),
}

/// Writes the first bytes of a file.
pub fn header(out: &mut Writer, header: &Header<'_>) {
    out.raw(format!("REDIS{:04}", header.version).as_bytes());
    for (name, value) in header.aux {
        out.byte(opcode::AUX);
        out.string(name.as_bytes());
        out.string(value.as_bytes());
    }
}

/// Writes what a module has stored besides values: `body` writes its parts.
pub fn module_aux(out: &mut Writer, name: &str, encoding: u16, body: &mut dyn FnMut(&mut Writer)) {
    /// The parts come before the keys.
    const BEFORE: u64 = 1;
    out.byte(opcode::MODULE_AUX);
    out.module_id(name, encoding);
    out.module_unsigned(BEFORE);
    body(out);
    out.module_end();
}

/// Writes a library of functions.
pub fn function(out: &mut Writer, source: &[u8]) {
    out.byte(opcode::FUNCTION);
    out.string(source);
}

/// Begins the keys of a database: from here on they are its own. `keys` and `volatile` say how
/// many it has, and how many of them expire.
pub fn database(out: &mut Writer, db: usize, keys: usize, volatile: usize) {
    out.byte(opcode::SELECT_DB);
    out.length(db as u64);
    out.byte(opcode::RESIZE_DB);
    out.length(keys as u64);
    out.length(volatile as u64);
}

/// Writes a key with its value. `body` is memory that is used on the way.
///
/// # Errors
/// When the version cannot express the value; nothing is written then.
pub fn entry(
    out: &mut Writer,
    body: &mut Writer,
    entry: &Entry,
    usage: Usage,
) -> Result<(), RdbError> {
    let kind = value::save(entry.value(), body).inspect_err(|_| body.clear())?;
    head(out, entry, kind, usage);
    out.raw(body.as_bytes());
    body.clear();
    Ok(())
}

/// Writes what comes before the value of a key, which is of the type `kind`.
pub fn head(out: &mut Writer, entry: &Entry, kind: u8, usage: Usage) {
    if let Some(at) = entry.expiry() {
        out.byte(opcode::EXPIRES_AT_MILLIS);
        out.raw(&at.to_le_bytes());
    }
    match usage {
        Usage::None => {}
        Usage::Idle(seconds) => {
            out.byte(opcode::IDLE);
            out.length(seconds);
        }
        Usage::Frequency(counter) => out.raw(&[opcode::FREQUENCY, counter]),
    }
    out.byte(kind);
    out.string(entry.key());
}

/// The last bytes of a file whose checksum so far is `crc`; without a checksum they are zero.
pub fn end(crc: Option<u64>) -> [u8; 9] {
    let mut end = [opcode::EOF; 9];
    let sum = crc.map_or(0, |crc| crc64(crc, &end[..1]));
    end[1..].copy_from_slice(&sum.to_le_bytes());
    end
}
