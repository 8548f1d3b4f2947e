//! Arrays, in the form that Redis 8.8 writes: the number of values; 1 and the index of the value
//! inserted last, or 0; and each value behind its index and how it is stored.

use super::{RdbError, Reader, Writer, kind, own};
use crate::keyspace::Value;
use crate::rdb::VERSION_ARRAYS;
use crate::types::array::{Array, MAX_INDEX};
use crate::util::float;

/// How a value is stored.
pub(in crate::rdb) mod tag {
    pub const STRING: u64 = 0;
    /// Eight bytes, little endian.
    pub const INTEGER: u64 = 1;
    /// Eight bytes, little endian.
    pub const DOUBLE: u64 = 2;
    /// A string as any other here; Redis keeps it in place of a pointer.
    pub const SHORT_STRING: u64 = 3;
}

/// The type of an array in a version of the format.
pub(super) fn kind_in(version: u16) -> u8 {
    if version < VERSION_ARRAYS { kind::MODULE } else { kind::ARRAY }
}

/// Writes an array.
pub(crate) fn save_array(array: &Array, out: &mut Writer) -> Result<u8, RdbError> {
    begin(array, out);
    array.scan(0, u64::MAX, |index, value| {
        put_value(index, value, out);
        true
    });
    end(out);
    Ok(kind_in(out.version()))
}

/// Writes what stands before the values of an array.
pub(super) fn begin(array: &Array, out: &mut Writer) {
    if out.version() < VERSION_ARRAYS {
        return own::begin_array(array, out);
    }
    out.length(array.count());
    let last = array.next_index().unwrap_or(MAX_INDEX + 1).checked_sub(1);
    out.length(u64::from(last.is_some()));
    if let Some(last) = last {
        out.length(last);
    }
}

/// Writes a value of an array.
pub(super) fn put_value(index: u64, value: &[u8], out: &mut Writer) {
    if out.version() < VERSION_ARRAYS {
        return own::put_value(index, value, out);
    }
    out.length(index);
    out.length(tag::STRING);
    out.string(value);
}

/// Writes what stands behind them.
pub(super) fn end(out: &mut Writer) {
    if out.version() < VERSION_ARRAYS {
        out.module_end();
    }
}

/// Reads an array.
pub(super) fn load_array(input: &mut Reader<'_>) -> Result<Option<Value>, RdbError> {
    let mut array = Array::default();
    let values = input.length()?;
    let last = match input.length()? {
        0 => None,
        1 => Some(input.length()?),
        _ => return Err(input.corrupt("unknown form of an array")),
    };
    for _ in 0..values {
        let index = input.length()?;
        let value = read_value(input)?;
        if index > MAX_INDEX || !array.set(index, &value) {
            return Err(input.corrupt("an index of an array is there twice, or too large"));
        }
    }
    if let Some(last) = last {
        if last > MAX_INDEX {
            return Err(input.corrupt("the index inserted last in an array is too large"));
        }
        array.seek(last + 1);
    }
    Ok((!array.is_empty()).then(|| Value::Object(Box::new(array))))
}

fn read_value(input: &mut Reader<'_>) -> Result<Vec<u8>, RdbError> {
    match input.length()? {
        tag::STRING | tag::SHORT_STRING => input.string(),
        tag::INTEGER => {
            let n = i64::from_le_bytes(input.array()?);
            Ok(itoa::Buffer::new().format(n).as_bytes().to_vec())
        }
        tag::DOUBLE => Ok(float::format_f64(f64::from_le_bytes(input.array()?)).into()),
        _ => Err(input.corrupt("unknown form of an array's value")),
    }
}
