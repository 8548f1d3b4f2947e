//! Whatever value RESTORE is given, with a footer that is right: it makes a key that can be
//! described, changed, dumped and restored again, or an error. Damaged values are mended, and what
//! DUMP gives of them is not damaged.
#![no_main]

mod driver;

use std::cell::RefCell;

use cairn_core::util::crc64::crc64;
use driver::Driver;
use libfuzzer_sys::fuzz_target;

/// The version of the format that payloads are of.
const VERSION: u16 = 15;

/// Commands that read all of a value, or change it, whatever type it is of.
const USES: &[&[&[u8]]] = &[
    &[b"OBJECT", b"ENCODING", b"k"],
    &[b"MEMORY", b"USAGE", b"k", b"SAMPLES", b"0"],
    &[b"DEBUG", b"DIGEST-VALUE", b"k"],
    &[b"COPY", b"k", b"copy", b"REPLACE"],
    &[b"APPEND", b"k", b"x"],
    &[b"LRANGE", b"k", b"0", b"-1"],
    &[b"LPUSH", b"k", b"x"],
    &[b"RPOP", b"k"],
    &[b"SMEMBERS", b"k"],
    &[b"SADD", b"k", b"x"],
    &[b"SPOP", b"k"],
    &[b"ZRANGE", b"k", b"0", b"-1", b"WITHSCORES"],
    &[b"ZADD", b"k", b"1.5", b"x"],
    &[b"ZPOPMIN", b"k"],
    &[b"HGETALL", b"k"],
    &[b"HSET", b"k", b"x", b"1"],
    &[b"HEXPIRE", b"k", b"100", b"FIELDS", b"1", b"x"],
    &[b"HDEL", b"k", b"x"],
    &[b"XRANGE", b"k", b"-", b"+"],
    &[b"XINFO", b"STREAM", b"k", b"FULL"],
    &[b"XADD", b"k", b"*", b"f", b"v"],
    &[b"XTRIM", b"k", b"MAXLEN", b"1"],
    &[b"JSON.GET", b"k"],
    &[b"JSON.SET", b"k", b"$.x", b"1"],
    &[b"TS.RANGE", b"k", b"-", b"+"],
    &[b"TS.ADD", b"k", b"*", b"1"],
    &[b"TS.INFO", b"k"],
];

fn restore(driver: &mut Driver, payload: &[u8]) -> bool {
    let reply = driver.call(&[b"RESTORE", b"k", b"0", payload, b"REPLACE"]);
    assert!(reply == b"+OK\r\n" || reply == b"-ERR Bad data format\r\n", "{reply:?}");
    reply.starts_with(b"+")
}

/// Has damaged values refused (`yes`) or mended (`no`).
fn sanitize(driver: &Driver, how: &[u8]) {
    let setting = (&b"sanitize-dump-payload"[..], how);
    driver.engine.config.set(&[setting], false).expect("a known value");
}

/// A payload as DUMP makes it, of a type byte and a value.
fn payload(value: &[u8]) -> Vec<u8> {
    let mut payload = value.to_vec();
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

fuzz_target!(
    init: driver::seed(driver::values()),
    |value: &[u8]| {
        thread_local!(static DRIVER: RefCell<Driver> = RefCell::new(Driver::new()));
        DRIVER.with_borrow_mut(|driver| {
            sanitize(driver, b"no");
            if !restore(driver, &payload(value)) {
                return;
            }
            sanitize(driver, b"yes");
            let dumped = driver.call(&[b"DUMP", b"k"]);
            // Nothing is left of a hash all of whose fields expired long ago.
            if let Some(dumped) = driver::bulk(&dumped) {
                assert!(restore(driver, dumped), "what DUMP gives is not restored");
            }
            for words in USES {
                driver.call(words);
            }
            driver.call(&[b"FLUSHALL"]);
        });
    }
);
