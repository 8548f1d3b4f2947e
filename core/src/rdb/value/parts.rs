//! Large collections that are written in parts. Their forms have the number of elements in front
//! and then one element behind the other, in any order. Strings, of whose bytes the same is true
//! in order, are the business of whoever knows how long they become when they are compressed.

use super::own;
use super::{RdbError, Writer, kind};
use crate::keyspace::{Capture, Collection, Pairs};

/// The type of a value that is written in parts.
pub(crate) fn kind_of(capture: &Capture) -> u8 {
    match (capture.collection, capture.earliest) {
        (Collection::String, _) => kind::STRING,
        (Collection::Set, None) => kind::SET,
        (Collection::Zset, None) => kind::ZSET_2,
        (Collection::Hash, None) => kind::HASH,
        (Collection::Hash, Some(_)) => kind::HASH_TTL,
        (Collection::Set | Collection::Zset, Some(_)) => kind::MODULE,
    }
}

/// Writes what stands before the elements of a collection.
///
/// # Errors
/// When the writer's version cannot express it.
pub(crate) fn begin_parts(capture: &Capture, out: &mut Writer) -> Result<(), RdbError> {
    let count = capture.count as u64;
    match (capture.collection, capture.earliest) {
        (Collection::Hash, Some(earliest)) => {
            let needs = crate::rdb::VERSION_FIELD_TTL;
            if out.version() < needs {
                return Err(RdbError::Version { what: "a hash whose fields expire", needs });
            }
            out.raw(&earliest.to_le_bytes());
            out.length(count);
        }
        (Collection::Set | Collection::Zset, Some(_)) => {
            own::begin_parts(capture.collection, count, out);
        }
        _ => out.length(count),
    }
    Ok(())
}

/// Writes some elements of a collection.
pub(crate) fn save_part(capture: &Capture, elements: &Pairs, out: &mut Writer) {
    for (first, second, at) in elements.with_deadlines() {
        match (capture.collection, capture.earliest) {
            (Collection::String, _) => {}
            (Collection::Set, None) => out.string(first),
            (Collection::Hash, earliest) => {
                if let Some(earliest) = earliest {
                    out.length(at.map_or(0, |at| at.abs_diff(earliest) + 1));
                }
                out.string(first);
                out.string(second);
            }
            (Collection::Zset, None) => {
                out.string(first);
                out.raw(second);
            }
            (Collection::Set | Collection::Zset, Some(_)) => own::save_part(first, second, at, out),
        }
    }
}

/// Writes what stands behind them.
pub(crate) fn end_parts(capture: &Capture, out: &mut Writer) {
    if kind_of(capture) == kind::MODULE {
        out.module_end();
    }
}
