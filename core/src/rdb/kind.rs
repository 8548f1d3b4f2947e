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
