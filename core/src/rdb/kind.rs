//! The type bytes of values.

#![allow(missing_docs)]

pub const STRING: u8 = 0;
pub const LIST: u8 = 1;
pub const SET: u8 = 2;
/// Scores as text.
pub const ZSET: u8 = 3;
pub const HASH: u8 = 4;
/// Scores in binary.
pub const ZSET_2: u8 = 5;
/// A module's value that says where its parts end.
pub const MODULE: u8 = 7;
pub const HASH_ZIPMAP: u8 = 9;
pub const LIST_ZIPLIST: u8 = 10;
pub const SET_INTSET: u8 = 11;
pub const ZSET_ZIPLIST: u8 = 12;
pub const HASH_ZIPLIST: u8 = 13;
/// A list of ziplists.
pub const LIST_QUICKLIST: u8 = 14;
pub const STREAM: u8 = 15;
pub const HASH_LISTPACK: u8 = 16;
pub const ZSET_LISTPACK: u8 = 17;
/// A list of listpacks and long elements.
pub const LIST_QUICKLIST_2: u8 = 18;
/// With the first id, the largest deleted one, and counts of entries.
pub const STREAM_2: u8 = 19;
pub const SET_LISTPACK: u8 = 20;
/// With the time at which consumers were last active.
pub const STREAM_3: u8 = 21;
pub const HASH_TTL_PRE_GA: u8 = 22;
pub const HASH_LISTPACK_TTL_PRE_GA: u8 = 23;
/// Fields with deadlines.
pub const HASH_TTL: u8 = 24;
/// Fields with deadlines in a listpack.
pub const HASH_LISTPACK_TTL: u8 = 25;
/// With the identifiers of producers.
pub const STREAM_4: u8 = 26;
/// With entries that were released.
pub const STREAM_5: u8 = 27;
pub const ARRAY: u8 = 28;
/// A hash whose fields stand before a listpack of their values.
pub const HASH_TEMPLATE_LISTPACK: u8 = 29;
/// A listpack of the number of a template, which has the fields, and their values.
pub const HASH_TEMPLATE_LISTPACK_REF: u8 = 30;
/// A hash whose fields stand before their values.
pub const HASH_TEMPLATE_ARRAY: u8 = 31;
/// The number of a template, which has the fields, and their values.
pub const HASH_TEMPLATE_ARRAY_REF: u8 = 32;
/// As [`HASH`] with a deadline in Unix milliseconds behind each value, -1 for none. Valkey writes
/// it under 22, which is [`HASH_TTL_PRE_GA`] in files of Redis; no file has this number.
pub const HASH_TTL_VALKEY: u8 = 222;

/// What a type byte means in a file of this version.
pub fn of_version(kind: u8, version: u16) -> u8 {
    match kind {
        HASH_TTL_PRE_GA if version == super::VERSION_VALKEY => HASH_TTL_VALKEY,
        HASH_TTL_VALKEY => u8::MAX,
        kind => kind,
    }
}

/// What the values of this type are, for messages.
pub fn describe(kind: u8) -> &'static str {
    match kind {
        STRING => "String",
        LIST | LIST_QUICKLIST | LIST_QUICKLIST_2 => "List",
        LIST_ZIPLIST => "List ziplist",
        SET => "Set",
        SET_INTSET => "Intset",
        SET_LISTPACK => "Set listpack",
        ZSET | ZSET_2 => "Zset",
        ZSET_ZIPLIST => "Zset ziplist",
        ZSET_LISTPACK => "Zset listpack",
        HASH | HASH_TTL | HASH_TTL_PRE_GA | HASH_TTL_VALKEY => "Hash",
        HASH_ZIPMAP => "Zipmap",
        HASH_ZIPLIST => "Hash ziplist",
        HASH_LISTPACK | HASH_LISTPACK_TTL | HASH_LISTPACK_TTL_PRE_GA => "Hash listpack",
        HASH_TEMPLATE_LISTPACK..=HASH_TEMPLATE_ARRAY_REF => "Hash template",
        STREAM | STREAM_2 | STREAM_3 | STREAM_4 | STREAM_5 => "Stream listpack",
        ARRAY => "Array",
        MODULE => "Module value",
        _ => "Value of an unknown type",
    }
}

/// Which of its forms a stream of this type has, from 1; each has all that the one before had.
pub fn stream_form(kind: u8) -> u8 {
    match kind {
        STREAM_2 => 2,
        STREAM_3 => 3,
        STREAM_4 => 4,
        STREAM_5 => 5,
        _ => 1,
    }
}

/// Whether a value of this type has its fields in a template of the file.
pub fn refers_to_template(kind: u8) -> bool {
    matches!(kind, HASH_TEMPLATE_LISTPACK_REF | HASH_TEMPLATE_ARRAY_REF)
}

/// Whether elements of a value of this type may have deadlines of their own.
pub fn has_deadlines(kind: u8) -> bool {
    matches!(kind, HASH_TTL_PRE_GA..=HASH_LISTPACK_TTL | HASH_TTL_VALKEY | MODULE)
}
