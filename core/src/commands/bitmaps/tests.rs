//! Replies, effects and events of the bitmap commands. What is expected was compared with Redis
//! 8.2.

use crate::testing::Bed;

#[test]
fn bits_are_set_and_read() {
    Bed::new().check(
        r#"
        SETBIT a -1 1 -> ERR bit offset is not an integer or out of range
        SETBIT a x 1 -> ERR bit offset is not an integer or out of range
        SETBIT a 4294967296 1 -> ERR bit offset is not an integer or out of range
        SETBIT a 0 2 -> ERR bit is not an integer or out of range
        SETBIT a 7 1 -> 0
        SETBIT a 7 1 -> 1
        GET a -> "\x01"
        OBJECT ENCODING a -> "raw"
        SETBIT b 100 0 -> 0
        STRLEN b -> 13
        GETBIT a 7 -> 1
        GETBIT a 100 -> 0
        GETBIT nokey 3 -> 0
        GETBIT a -1 -> ERR bit offset is not an integer or out of range
        INCRBY n 42
        GETBIT n 2 -> 1
        SETBIT n 7 1 -> 0
        GET n -> "52"
        "#,
    );
}

#[test]
fn bits_are_counted() {
    Bed::new().check(
        r#"
        SET s foobar
        BITCOUNT s -> 26
        BITCOUNT s 0 -> ERR syntax error
        BITCOUNT s 0 0 -> 4
        BITCOUNT s 1 1 -> 6
        BITCOUNT s 0 -5 -> 10
        BITCOUNT s 5 30 BIT -> 17
        BITCOUNT s 5 30 BYTE -> 4
        BITCOUNT s 5 30 foo -> ERR syntax error
        BITCOUNT s a 1 -> ERR value is not an integer or out of range
        BITCOUNT s -1 -2 -> 0
        BITCOUNT s -100 -100 -> 4
        BITCOUNT s -100 -100 BIT -> 0
        BITCOUNT s 4 2 -> 0
        BITCOUNT s 9223372036854775807 9223372036854775807 -> 0
        BITCOUNT s -9223372036854775808 9223372036854775807 BIT -> 26
        BITCOUNT nokey a b -> ERR value is not an integer or out of range
        BITCOUNT nokey 0 1 -> 0
        "#,
    );
}

#[test]
fn bits_are_found() {
    Bed::new().check(
        r#"
        SET s foobar
        BITPOS s 1 -> 1
        BITPOS s 0 -> 0
        BITPOS s 2 -> ERR The bit argument must be 1 or 0.
        BITPOS s a -> ERR value is not an integer or out of range
        BITPOS s 1 2 -> 17
        BITPOS s 1 2 -1 BIT -> 2
        BITPOS s 0 2 -1 BYTE -> 16
        BITPOS s 1 2 3 foo -> ERR syntax error
        BITPOS s 1 2 3 BIT 4 -> ERR syntax error
        BITPOS s 1 10 -> -1
        BITPOS s 1 4 2 -> -1
        BITPOS nokey 0 -> 0
        BITPOS nokey 1 -> -1
        SET f "\xff\xff\xff"
        BITPOS f 0 -> 24
        BITPOS f 0 0 -> 24
        BITPOS f 0 0 -1 -> -1
        BITPOS f 0 0 -1 BIT -> -1
        BITPOS f 0 5 -> -1
        SET e ""
        BITPOS e 0 -> -1
        BITPOS e 1 -> -1
        "#,
    );
}

#[test]
fn strings_are_combined() {
    Bed::new().check(
        r#"
        BITOP FOO d a -> ERR syntax error
        BITOP NOT d a b -> ERR BITOP NOT must be called with a single source key.
        BITOP DIFF d a -> ERR BITOP DIFF must be called with at least two source keys.
        BITOP DIFF1 d a -> ERR BITOP DIFF1 must be called with at least two source keys.
        BITOP ANDOR d a -> ERR BITOP ANDOR must be called with at least two source keys.
        BITOP AND d nokey -> 0
        EXISTS d -> 0
        SET x "\xff\x0f\x01"
        SET y "\x0f\xf0"
        SET z "\x01"
        BITOP AND d x y -> 3
        GET d -> "\x0f\x00\x00"
        BITOP OR d x y -> 3
        GET d -> "\xff\xff\x01"
        BITOP XOR d x y
        GET d -> "\xf0\xff\x01"
        BITOP NOT d x
        GET d -> "\x00\xf0\xfe"
        BITOP DIFF d x y z
        GET d -> "\xf0\x0f\x01"
        BITOP DIFF1 d x y z
        GET d -> "\x00\xf0\x00"
        BITOP ANDOR d x y z
        GET d -> "\x0f\x00\x00"
        BITOP ONE d x y z
        GET d -> "\xf0\xff\x01"
        BITOP NOT d nokey -> 0
        EXISTS d -> 0
        INCRBY n 42
        BITOP OR d n
        GET d -> "42"
        "#,
    );
}

#[test]
fn integers_of_any_width_are_read_and_changed() {
    Bed::new().check(
        r#"
        BITFIELD bf -> []
        BITFIELD bf foo -> ERR syntax error
        BITFIELD bf GET u8 -> ERR syntax error
        BITFIELD bf GET u64 0 -> ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD bf GET u08 0 -> ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD bf GET u8 x -> ERR bit offset is not an integer or out of range
        BITFIELD bf GET u8 #-1 -> ERR bit offset is not an integer or out of range
        BITFIELD bf GET u8 4294967289 -> [0]
        BITFIELD bf GET u8 #536870911 -> [0]
        BITFIELD bf GET u8 #536870912 -> ERR bit offset is not an integer or out of range
        EXISTS bf -> 0
        BITFIELD bf SET u8 0 x -> ERR value is not an integer or out of range
        BITFIELD bf SET u8 0 256 -> [0]
        GET bf -> "\x00"
        BITFIELD bf SET i8 0 128 -> [0]
        BITFIELD bf SET u8 0 -1 -> [128]
        GET bf -> "\xff"
        BITFIELD bf INCRBY u8 0 1 -> [0]
        BITFIELD bf OVERFLOW SAT INCRBY u8 0 300 -> [255]
        BITFIELD bf OVERFLOW FAIL INCRBY u8 0 1 -> [nil]
        BITFIELD bf OVERFLOW FAIL SET u8 0 300 -> [nil]
        BITFIELD bf OVERFLOW SAT SET u8 0 300 -> [255]
        BITFIELD bf OVERFLOW WRAP SET u8 0 300 -> [255]
        BITFIELD bf OVERFLOW foo -> ERR Invalid OVERFLOW type specified
        BITFIELD bf OVERFLOW -> ERR syntax error
        BITFIELD bf OVERFLOW FAIL -> []
        BITFIELD bf INCRBY i8 #1 -200 -> [56]
        BITFIELD bf OVERFLOW SAT INCRBY i8 #1 -200 -> [-128]
        BITFIELD bf OVERFLOW SAT INCRBY i64 0 -9223372036854775808 -> [-6016809102166982656]
        BITFIELD bf SET i64 0 9223372036854775807 INCRBY i64 0 1 -> [-6016809102166982656 -9223372036854775808]
        BITFIELD bf SET i64 0 9223372036854775807 OVERFLOW SAT INCRBY i64 0 1 OVERFLOW FAIL INCRBY i64 0 1 -> [-9223372036854775808 9223372036854775807 nil]
        BITFIELD bf GET u4 3 SET u4 5 7 GET u16 0 -> [15 15 31743]
        BITFIELD bf SET u63 0 9223372036854775807 INCRBY u63 0 5 -> [4467570830351532031 4]
        BITFIELD bf SET i64 0 -9223372036854775808 OVERFLOW SAT INCRBY i64 0 -1 -> [9 -9223372036854775808]
        BITFIELD_RO bf GET u8 0 GET i8 4 -> [128 0]
        BITFIELD_RO bf SET u8 0 1 -> ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO bf OVERFLOW WRAP GET u8 0 -> [128]
        BITFIELD_RO nokey GET u8 0 -> [0]
        BITFIELD bf2 OVERFLOW FAIL INCRBY u1 100 5 -> [nil]
        STRLEN bf2 -> 13
        BITFIELD bf SET i64 4294967290 1 -> ERR bit offset is not an integer or out of range
        "#,
    );
}

#[test]
fn effects_and_events_are_those_of_redis() {
    Bed::new().check_traces(
        "
        SETBIT a 7 1 -> SETBIT a 7 1 | new(a) setbit(a)
        SETBIT a 7 1 -> |
        SETBIT b 7 0 -> SETBIT b 7 0 | new(b) setbit(b)
        SETBIT b 100 0 -> SETBIT b 100 0 | setbit(b)
        BITOP OR d a b -> BITOP OR d a b | new(d) set(d)
        BITOP OR d nokey -> BITOP OR d nokey | keymiss(nokey) del(d)
        BITOP OR d nokey -> | keymiss(nokey)
        BITOP OR b a -> BITOP OR b a | overwritten(b) set(b)
        BITFIELD f SET u8 0 1 -> BITFIELD f SET u8 0 1 | new(f) setbit(f)
        BITFIELD f SET u8 0 1 -> |
        BITFIELD f GET u8 0 -> |
        BITFIELD f OVERFLOW FAIL INCRBY u8 0 300 -> |
        BITFIELD g OVERFLOW FAIL INCRBY u8 0 300 -> BITFIELD g OVERFLOW FAIL INCRBY u8 0 300 | new(g) setbit(g)
        ",
    );
}
