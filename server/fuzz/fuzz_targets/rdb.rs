//! Whatever a dump file holds, reading it ends in values or an error, whether damaged values are
//! mended or refused. The checksum, which would
//! keep a fuzzer from everything behind it, is made right first.
#![no_main]

mod driver;

use cairn_core::Engine;
use cairn_core::rdb::file::{FileReader, Item};
use cairn_core::rdb::value::{self, Context};
use cairn_core::util::crc64::crc64;
use cairn_server::persist::check;
use driver::Driver;
use libfuzzer_sys::fuzz_target;

/// Bytes of the checksum at the end of a file.
const CHECKSUM: usize = 8;

/// Files of one value each, and one of all.
fn seeds() -> Vec<Vec<u8>> {
    let values = driver::values();
    let mut files: Vec<Vec<u8>> = values.iter().map(|value| file(&[value.as_slice()])).collect();
    files.push(file(&values.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    files.push(file(&REFERRING));
    files
}

/// Hashes of the template that every file has.
const REFERRING: [&[u8]; 2] =
    [b"\x1e\x0d\x0d\0\0\0\x03\0\x07\x01\x01\x01\x02\x01\xff", b"\x20\x07\x01x\xc0\x07"];

/// A file of values, each with the type byte before it.
fn file(values: &[&[u8]]) -> Vec<u8> {
    let mut file = b"REDIS0015\xfa\x09redis-ver\x057.4.0".to_vec();
    file.extend_from_slice(b"\xf2\x07\x02\x01a\x02bb\xfe\x01\xfb\x01\x00");
    for (number, value) in values.iter().enumerate() {
        file.extend_from_slice(b"\xfc\0\0\0\0\0\x01\0\0");
        file.extend_from_slice(&[value[0], 1, number as u8]);
        file.extend_from_slice(&value[1..]);
    }
    file.push(0xff);
    file.extend_from_slice(&[0; CHECKSUM]);
    file
}

/// Builds all values, of damaged ones what can be read.
fn mend(engine: &Engine, file: &[u8]) {
    let Ok(mut reader) = FileReader::new(file) else { return };
    while let Ok(Some(item)) = reader.next_item() {
        if let Item::Key(record) = item {
            let (limits, modules) = (&engine.tuning.limits, &engine.modules);
            let templates = record.templates.as_deref();
            let context = Context { limits, modules, now: Some(0), templates };
            // One that cannot be mended is an error as well.
            let _ = value::load(&mut record.body.mending(), record.kind, context);
        }
    }
}

fuzz_target!(
    init: driver::seed(seeds()),
    |input: &[u8]| {
        thread_local!(static DRIVER: Driver = Driver::new());
        let mut file = input.to_vec();
        if let Some(end) = file.len().checked_sub(CHECKSUM) {
            let sum = crc64(0, &file[..end]);
            file[end..].copy_from_slice(&sum.to_le_bytes());
        }
        DRIVER.with(|driver| {
            let read = |file: &[u8]| check::check(&driver.engine, file, &mut |_, _| ());
            if let Ok((_, end)) = read(&file) {
                assert!(read(&file[..end as usize - 1]).is_err(), "a file without its end");
            }
            mend(&driver.engine, &file);
        });
    }
);
