//! Large collections that are written in parts. Their forms have the number of elements in front
//! and then one element behind the other, in any order. Strings, of whose bytes the same is true
//! in order, are the business of whoever knows how long they become when they are compressed.

use super::{Writer, kind};
use crate::keyspace::{Collection, Pairs};

/// The type of a collection that is written in parts. Its number of elements stands in front.
pub(crate) fn kind_of(collection: Collection) -> u8 {
    match collection {
        Collection::String => kind::STRING,
        Collection::Set => kind::SET,
        Collection::Hash => kind::HASH,
        Collection::Zset => kind::ZSET_2,
    }
}

/// Writes some elements of a collection.
pub(crate) fn save_part(collection: Collection, elements: &Pairs, out: &mut Writer) {
    for (first, second) in elements.iter() {
        out.string(first);
        match collection {
            Collection::String | Collection::Set => {}
            Collection::Hash => out.string(second),
            Collection::Zset => out.raw(second),
        }
    }
}
