//! What commands look like.
//!
//! A template is a line of words. `<name>` stands for a random word (see
//! [`super::generate`]); `[a | b]` for one of the alternatives or nothing; `{a | b}` for one of
//! them; `(a)*` for one to four times what is in it. Groups may be nested.

/// How the replies to a command are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Byte for byte.
    Exact,
    /// With the items of aggregates in any order.
    Unordered,
    /// Numbers may differ by a few, in milliseconds by a few thousand: time goes on between them.
    Near,
    /// Only whether it is an error, and which; the value is left to chance.
    Error,
}

/// A family of commands and its templates.
pub struct Family {
    /// Its name, to choose it by.
    pub name: &'static str,
    /// Its templates, and how replies are compared.
    pub templates: &'static [(How, &'static str)],
}

use How::{Error, Exact, Near, Unordered};

/// All families.
pub const FAMILIES: &[Family] = &[
    Family { name: "strings", templates: STRINGS },
    Family { name: "keys", templates: KEYS },
    Family { name: "hashes", templates: HASHES },
    Family { name: "lists", templates: LISTS },
    Family { name: "sets", templates: SETS },
    Family { name: "zsets", templates: ZSETS },
    Family { name: "streams", templates: STREAMS },
    Family { name: "geo", templates: GEO },
    Family { name: "hll", templates: HLL },
    Family { name: "bitmaps", templates: BITMAPS },
    Family { name: "transactions", templates: TRANSACTIONS },
    Family { name: "other", templates: OTHER },
];

const STRINGS: &[(How, &str)] = &[
    (Exact, "SET <s> <value> [NX | XX] [GET] [EX <ttl> | PX <ttl> | EXAT <when> | KEEPTTL]"),
    (Exact, "SET <s> <value>"),
    (Exact, "SET <s> <int>"),
    (Exact, "SETNX <s> <value>"),
    (Exact, "SETEX <s> <ttl> <value>"),
    (Exact, "PSETEX <s> <ttl> <value>"),
    (Exact, "GET <s>"),
    (Exact, "GETSET <s> <value>"),
    (Exact, "GETDEL <s>"),
    (Exact, "GETEX <s> [EX <ttl> | PX <ttl> | EXAT <when> | PXAT <when> | PERSIST]"),
    (Exact, "GETRANGE <s> <index> <index>"),
    (Exact, "SUBSTR <s> <index> <index>"),
    (Exact, "SETRANGE <s> <offset> <value>"),
    (Exact, "STRLEN <s>"),
    (Exact, "APPEND <s> <value>"),
    (Exact, "INCR <s>"),
    (Exact, "DECR <s>"),
    (Exact, "INCRBY <s> <int>"),
    (Exact, "DECRBY <s> <int>"),
    (Exact, "INCRBYFLOAT <s> <float>"),
    (Exact, "MGET (<s>)*"),
    (Exact, "MSET (<s> <value>)*"),
    (Exact, "MSETNX (<s> <value>)*"),
    (Exact, "LCS <s> <s> [LEN | IDX] [MINMATCHLEN <int>] [WITHMATCHLEN]"),
];

const KEYS: &[(How, &str)] = &[
    (Exact, "DEL (<key>)*"),
    (Exact, "UNLINK (<key>)*"),
    (Exact, "EXISTS (<key>)*"),
    (Exact, "TOUCH (<key>)*"),
    (Exact, "TYPE <key>"),
    (Exact, "EXPIRE <key> <ttl> [NX | XX | GT | LT]"),
    (Exact, "PEXPIRE <key> <ttl> [NX | XX | GT | LT] [NX | XX | GT | LT]"),
    (Exact, "EXPIREAT <key> <when> [NX | XX | GT | LT]"),
    (Exact, "PEXPIREAT <key> <when> [NX | XX | GT | LT]"),
    (Exact, "PERSIST <key>"),
    (Near, "TTL <key>"),
    (Near, "PTTL <key>"),
    (Near, "EXPIRETIME <key>"),
    (Near, "PEXPIRETIME <key>"),
    (Exact, "RENAME <key> <key>"),
    (Exact, "RENAMENX <key> <key>"),
    (Exact, "COPY <key> <key> [DB {0 | 1 | 99 | x}] [REPLACE]"),
    (Exact, "MOVE <key> {0 | 1 | 99 | x}"),
    (Exact, "OBJECT ENCODING <key>"),
    (Unordered, "KEYS {* | h* | ?1 | [hl]? | \\*}"),
    (
        Unordered,
        "SCAN 0 COUNT 1000 [MATCH {h* | *1}] [TYPE {string | hash | list | set | zset | x}]",
    ),
    (Exact, "DBSIZE"),
    (Error, "RANDOMKEY"),
    (Exact, "SELECT {0 | 0 | 0 | 99 | x | -1}"),
];

const HASHES: &[(How, &str)] = &[
    (Exact, "HSET <h> (<field> <value>)*"),
    (Exact, "HSET <h> (<field> <int>)*"),
    (Exact, "HMSET <h> (<field> <value>)*"),
    (Exact, "HSETNX <h> <field> <value>"),
    (Exact, "HGET <h> <field>"),
    (Exact, "HMGET <h> (<field>)*"),
    (Unordered, "HGETALL <h>"),
    (Unordered, "HKEYS <h>"),
    (Unordered, "HVALS <h>"),
    (Exact, "HLEN <h>"),
    (Exact, "HSTRLEN <h> <field>"),
    (Exact, "HEXISTS <h> <field>"),
    (Exact, "HDEL <h> (<field>)*"),
    (Exact, "HINCRBY <h> <field> <int>"),
    (Exact, "HINCRBYFLOAT <h> <field> <float>"),
    (Error, "HRANDFIELD <h> [<int> [WITHVALUES]]"),
    (Unordered, "HRANDFIELD <h> 100 [WITHVALUES]"),
    (Unordered, "HSCAN <h> 0 [MATCH {f* | *1 | *}] COUNT 1000 [NOVALUES]"),
    (Exact, "HEXPIRE <h> <ttl> [NX | XX | GT | LT] <fields>"),
    (Exact, "HPEXPIRE <h> <ttl> [NX | XX | GT | LT] <fields>"),
    (Exact, "HEXPIREAT <h> <when> [NX | XX | GT | LT] <fields>"),
    (Exact, "HPEXPIREAT <h> <when> [NX | XX | GT | LT] <fields>"),
    (Near, "HTTL <h> <fields>"),
    (Near, "HPTTL <h> <fields>"),
    (Near, "HEXPIRETIME <h> <fields>"),
    (Near, "HPEXPIRETIME <h> <fields>"),
    (Exact, "HPERSIST <h> <fields>"),
    (Exact, "HGETEX <h> [EX <ttl> | PX <ttl> | EXAT <when> | PXAT <when> | PERSIST] <fields>"),
    (Exact, "HGETDEL <h> <fields>"),
    (Exact, "HSETEX <h> [FNX | FXX] [EX <ttl> | PX <ttl> | EXAT <when> | KEEPTTL] <pairs>"),
];

const LISTS: &[(How, &str)] = &[
    (Exact, "LPUSH <l> (<value>)*"),
    (Exact, "RPUSH <l> (<value>)*"),
    (Exact, "RPUSH <l> (<member>)*"),
    (Exact, "LPUSHX <l> (<value>)*"),
    (Exact, "RPUSHX <l> (<value>)*"),
    (Exact, "LPOP <l> [<int>]"),
    (Exact, "RPOP <l> [<int>]"),
    (Exact, "LLEN <l>"),
    (Exact, "LRANGE <l> <index> <index>"),
    (Exact, "LINDEX <l> <index>"),
    (Exact, "LSET <l> <index> <value>"),
    (Exact, "LINSERT <l> {BEFORE | AFTER} <member> <value>"),
    (Exact, "LREM <l> <index> <member>"),
    (Exact, "LTRIM <l> <index> <index>"),
    (Exact, "LPOS <l> <member> [RANK <index>] [COUNT <int>] [MAXLEN <int>]"),
    (Exact, "LMOVE <l> <l> {LEFT | RIGHT} {LEFT | RIGHT}"),
    (Exact, "RPOPLPUSH <l> <l>"),
    (Exact, "LMPOP <keys-l> {LEFT | RIGHT} [COUNT <int>]"),
    (Exact, "SORT <l> [LIMIT <index> <index>] [ASC | DESC] [ALPHA]"),
    (Exact, "SORT <l> BY {nosort | s*} [GET {# | s* | h*->f1}] [ALPHA]"),
    (Exact, "SORT_RO <l> ALPHA"),
    (Exact, "SORT <l> ALPHA STORE <l>"),
];

const SETS: &[(How, &str)] = &[
    (Exact, "SADD <e> (<member>)*"),
    (Exact, "SADD <e> (<int>)*"),
    (Exact, "SREM <e> (<member>)*"),
    (Exact, "SISMEMBER <e> <member>"),
    (Exact, "SMISMEMBER <e> (<member>)*"),
    (Unordered, "SMEMBERS <e>"),
    (Exact, "SCARD <e>"),
    (Exact, "SMOVE <e> <e> <member>"),
    (Unordered, "SPOP <e> 1000"),
    (Error, "SRANDMEMBER <e> [<int>]"),
    (Unordered, "SRANDMEMBER <e> 1000"),
    (Unordered, "SINTER (<e>)*"),
    (Unordered, "SUNION (<e>)*"),
    (Unordered, "SDIFF (<e>)*"),
    (Exact, "SINTERSTORE <e> (<e>)*"),
    (Exact, "SUNIONSTORE <e> (<e>)*"),
    (Exact, "SDIFFSTORE <e> (<e>)*"),
    (Exact, "SINTERCARD <keys-e> [LIMIT <int>]"),
    (Unordered, "SSCAN <e> 0 [MATCH {m* | *1}] COUNT 1000"),
    (Exact, "SORT <e> ALPHA [DESC] [LIMIT 0 <int>]"),
];

const ZSETS: &[(How, &str)] = &[
    (Exact, "ZADD <z> [NX | XX] [GT | LT] [CH] (<float> <member>)*"),
    (Exact, "ZADD <z> (<int> <member>)*"),
    (Exact, "ZADD <z> [NX | XX] [GT | LT] INCR <float> <member>"),
    (Exact, "ZINCRBY <z> <float> <member>"),
    (Exact, "ZREM <z> (<member>)*"),
    (Exact, "ZCARD <z>"),
    (Exact, "ZSCORE <z> <member>"),
    (Exact, "ZMSCORE <z> (<member>)*"),
    (Exact, "ZRANK <z> <member> [WITHSCORE]"),
    (Exact, "ZREVRANK <z> <member> [WITHSCORE]"),
    (Exact, "ZCOUNT <z> <bound> <bound>"),
    (Exact, "ZLEXCOUNT <z> <lex> <lex>"),
    (Exact, "ZRANGE <z> <index> <index> [REV] [WITHSCORES]"),
    (Exact, "ZRANGE <z> <bound> <bound> BYSCORE [REV] [LIMIT <index> <index>] [WITHSCORES]"),
    (Exact, "ZRANGE <z> <lex> <lex> BYLEX [REV] [LIMIT <index> <index>]"),
    (Exact, "ZREVRANGE <z> <index> <index> [WITHSCORES]"),
    (Exact, "ZRANGEBYSCORE <z> <bound> <bound> [WITHSCORES] [LIMIT <index> <index>]"),
    (Exact, "ZREVRANGEBYSCORE <z> <bound> <bound> [WITHSCORES] [LIMIT <index> <index>]"),
    (Exact, "ZRANGEBYLEX <z> <lex> <lex> [LIMIT <index> <index>]"),
    (Exact, "ZREVRANGEBYLEX <z> <lex> <lex> [LIMIT <index> <index>]"),
    (Exact, "ZRANGESTORE <z> <z> <index> <index> [REV]"),
    (Exact, "ZRANGESTORE <z> <z> <bound> <bound> BYSCORE [LIMIT <index> <index>]"),
    (Exact, "ZREMRANGEBYRANK <z> <index> <index>"),
    (Exact, "ZREMRANGEBYSCORE <z> <bound> <bound>"),
    (Exact, "ZREMRANGEBYLEX <z> <lex> <lex>"),
    (Exact, "ZPOPMIN <z> [<int>]"),
    (Exact, "ZPOPMAX <z> [<int>]"),
    (Exact, "ZMPOP <keys-z> {MIN | MAX} [COUNT <int>]"),
    (Error, "ZRANDMEMBER <z> [<int> [WITHSCORES]]"),
    (Unordered, "ZRANDMEMBER <z> 1000 [WITHSCORES]"),
    (Exact, "ZUNION <keys-z> [AGGREGATE {SUM | MIN | MAX}] [WITHSCORES]"),
    (Exact, "ZUNION 2 <z> <e> WEIGHTS <float> <float> WITHSCORES"),
    (Exact, "ZINTER <keys-z> [AGGREGATE {SUM | MIN | MAX}] [WITHSCORES]"),
    (Exact, "ZDIFF <keys-z> [WITHSCORES]"),
    (Exact, "ZUNIONSTORE <z> <keys-z> [AGGREGATE {SUM | MIN | MAX}]"),
    (Exact, "ZINTERSTORE <z> <keys-z>"),
    (Exact, "ZDIFFSTORE <z> <keys-z>"),
    (Exact, "ZINTERCARD <keys-z> [LIMIT <int>]"),
    (Unordered, "ZSCAN <z> 0 [MATCH {m* | *1}] COUNT 1000"),
    (Exact, "SORT <z> ALPHA [DESC]"),
];

const STREAMS: &[(How, &str)] = &[
    (Exact, "XADD <x> [NOMKSTREAM] [MAXLEN [= | ~] <int>] <id> (<field> <value>)*"),
    (Exact, "XADD <x> <id> (<field> <value>)*"),
    (Exact, "XLEN <x>"),
    (Exact, "XRANGE <x> {- | <id>} {+ | <id>} [COUNT <int>]"),
    (Exact, "XREVRANGE <x> {+ | <id>} {- | <id>} [COUNT <int>]"),
    (Exact, "XDEL <x> (<id>)*"),
    (Exact, "XTRIM <x> {MAXLEN | MINID} [=] <int>"),
    (Exact, "XREAD [COUNT <int>] STREAMS <x> {0 | <id> | $ | +}"),
    (Exact, "XGROUP CREATE <x> <group> {0 | $ | <id>} [MKSTREAM]"),
    (Exact, "XGROUP CREATE <x> <group> 0 MKSTREAM"),
    (Exact, "XGROUP SETID <x> <group> {0 | $ | <id>}"),
    (Exact, "XGROUP DESTROY <x> <group>"),
    (Exact, "XGROUP CREATECONSUMER <x> <group> <consumer>"),
    (Exact, "XGROUP DELCONSUMER <x> <group> <consumer>"),
    (Exact, "XREADGROUP GROUP <group> <consumer> [COUNT <int>] [NOACK] STREAMS <x> {> | 0 | <id>}"),
    (Exact, "XACK <x> <group> (<id>)*"),
    (Exact, "XPENDING <x> <group>"),
    (Near, "XPENDING <x> <group> - + <int> [<consumer>]"),
    (Exact, "XCLAIM <x> <group> <consumer> 0 (<id>)* [JUSTID] [FORCE]"),
    (Exact, "XAUTOCLAIM <x> <group> <consumer> 0 {0 | <id>} [COUNT <int>] [JUSTID]"),
    (Exact, "XSETID <x> <id>"),
    (Exact, "XINFO GROUPS <x>"),
    (Exact, "XDELEX <x> [KEEPREF | DELREF | ACKED] IDS 1 <id>"),
    (Exact, "XACKDEL <x> <group> [KEEPREF | DELREF | ACKED] IDS 1 <id>"),
];

const GEO: &[(How, &str)] = &[
    (Exact, "GEOADD <g> [NX | XX] [CH] (<lon> <lat> <member>)*"),
    (Exact, "GEOPOS <g> (<member>)*"),
    (Exact, "GEODIST <g> <member> <member> [m | km | mi | ft | x]"),
    (Exact, "GEOHASH <g> (<member>)*"),
    (
        Unordered,
        "GEOSEARCH <g> {FROMMEMBER <member> | FROMLONLAT <lon> <lat>} {BYRADIUS <radius> km | BYBOX <radius> <radius> km} [WITHCOORD] [WITHDIST] [WITHHASH]",
    ),
    (
        Exact,
        "GEOSEARCH <g> FROMLONLAT <lon> <lat> BYRADIUS <radius> km {ASC | DESC} [COUNT <int>] WITHDIST",
    ),
    (Exact, "GEOSEARCHSTORE <g> <g> FROMLONLAT <lon> <lat> BYRADIUS <radius> km [STOREDIST]"),
    (Unordered, "GEORADIUS <g> <lon> <lat> <radius> km [WITHDIST]"),
    (Unordered, "GEORADIUSBYMEMBER <g> <member> <radius> km"),
];

const HLL: &[(How, &str)] = &[
    (Exact, "PFADD <p> (<member>)*"),
    (Exact, "PFADD <p> (<value>)*"),
    (Exact, "PFCOUNT (<p>)*"),
    (Exact, "PFMERGE <p> (<p>)*"),
];

const BITMAPS: &[(How, &str)] = &[
    (Exact, "SETBIT <b> <offset> {0 | 1 | 2}"),
    (Exact, "GETBIT <b> <offset>"),
    (Exact, "BITCOUNT <b> [<index> <index> [BYTE | BIT]]"),
    (Exact, "BITPOS <b> {0 | 1 | 2} [<index> [<index> [BYTE | BIT]]]"),
    (Exact, "BITOP {AND | OR | XOR} <b> (<b>)*"),
    (Exact, "BITOP NOT <b> <b>"),
    (Exact, "BITOP {DIFF | DIFF1 | ANDOR | ONE} <b> (<b>)*"),
    (Exact, "BITFIELD <b> (<bitop>)*"),
    (Exact, "BITFIELD_RO <b> GET {u8 | i16 | u64} <offset>"),
    (Exact, "GET <b>"),
];

const TRANSACTIONS: &[(How, &str)] = &[
    (Exact, "MULTI"),
    (Exact, "MULTI"),
    (Exact, "EXEC"),
    (Exact, "EXEC"),
    (Exact, "DISCARD"),
    (Exact, "WATCH (<key>)*"),
    (Exact, "UNWATCH"),
];

const OTHER: &[(How, &str)] = &[
    (Exact, "PING [<value>]"),
    (Exact, "ECHO <value>"),
    (Exact, "NOSUCHCOMMAND (<value>)*"),
    (Exact, "OBJECT NOSUCH <key>"),
    (Exact, "XGROUP NOSUCH <x>"),
];
