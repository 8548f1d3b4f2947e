//! What DUMP answers and RESTORE takes: a value's type and form, then the version of the format and
//! a checksum.

use super::value;
use super::{RdbError, VERSION_MAX, VERSION_OLDEST, VERSION_VALKEY, Writer, kind};
use crate::config::Config;
use crate::config::table::persistence as params;
use crate::keyspace::ValueRef;
use crate::util::crc64::crc64;

/// Bytes behind the value: the version and the checksum.
pub(crate) const FOOTER: usize = 2 + 8;

/// Since this version, 0 stands for a checksum that was left out: Redis 8.10 has such payloads in
/// its append-only files.
const VERSION_UNSUMMED: u16 = 15;

/// A value as a payload, of the version that `rdb-version` asks for.
///
/// # Errors
/// When that version cannot express the value.
pub fn make(value: ValueRef<'_>, config: &Config) -> Result<Vec<u8>, RdbError> {
    let version = version_of(value, config.int(params::RDB_VERSION) as u16);
    let mut body = Writer::new(version, config.bool(params::RDBCOMPRESSION)).alone();
    let kind = value::save(value, &mut body)?;
    let mut bytes = Vec::with_capacity(1 + body.as_bytes().len() + FOOTER);
    bytes.push(kind);
    bytes.extend_from_slice(body.as_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    let sum = crc64(0, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The version in which a value is stored when `asked` is to do: what needs a newer one raises it,
/// but for 10, which was chosen for Redis 7.0.
fn version_of(value: ValueRef<'_>, asked: u16) -> u16 {
    let ValueRef::Object(object) = value else { return asked };
    match asked {
        VERSION_OLDEST => asked,
        _ => asked.max(object.needs_rdb()),
    }
}

/// Whether damaged values are refused; otherwise they are mended if possible, with a warning.
/// `from_client` says whether a client sends them, or a file has them.
pub fn refuses_damage(config: &Config, from_client: bool) -> bool {
    match config.int(params::SANITIZE_DUMP_PAYLOAD) {
        params::SANITIZE_NO => false,
        params::SANITIZE_CLIENTS => from_client,
        _ => true,
    }
}

/// What the log says of a value that was mended.
pub fn mended(kind: u8, key: &[u8], what: &str) -> String {
    let (kind, key) = (kind::describe(kind), String::from_utf8_lossy(key));
    format!("{kind} integrity check failed for key '{key}', which was mended: {what}")
}

/// The payload without its footer, and the version, if the footer is right. The checksum counts
/// only if `sums`.
pub(crate) fn open(payload: &[u8], sums: bool) -> Option<(&[u8], u16)> {
    let (body, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let (version, sum) = footer.split_first_chunk::<2>()?;
    let sum = u64::from_le_bytes(*sum.first_chunk()?);
    let version = u16::from_le_bytes(*version);
    let known = version <= VERSION_MAX || version == VERSION_VALKEY;
    let sums = sums && (sum != 0 || version < VERSION_UNSUMMED);
    (known && (!sums || sum == crc64(0, &payload[..body.len() + 2]))).then_some((body, version))
}
