//! `cairn-server check-rdb`: says whether a dump file is whole, as redis-check-rdb does. Every
//! value is built and dropped again.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use cairn_core::module::Module;
use cairn_core::rdb::RdbError;
use cairn_core::rdb::file::{self, FileReader, Item};
use cairn_core::rdb::value::{self, Context};
use cairn_core::{Engine, clock};

use super::map::Map;

/// How it is called.
pub const USAGE: &str = "Usage: cairn-server check-rdb <rdb-file-name>";

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Keys.
    pub keys: u64,
    /// Those that expire.
    pub volatile: u64,
    /// Those whose time is over.
    pub expired: u64,
}

/// Runs the tool. `modules` know their values.
///
/// # Errors
/// What is wrong with the arguments or the file.
pub fn run(arguments: &[Vec<u8>], modules: Vec<Arc<dyn Module>>) -> Result<(), String> {
    let [path] = arguments else { return Err(USAGE.to_string()) };
    let path = String::from_utf8_lossy(path).into_owned();
    let failed = |e: io::Error| format!("Cannot open file: {path}: {e}");
    let file = File::open(Path::new(&path)).map_err(failed)?;
    let map = Map::new(&file).map_err(failed)?;
    let mut out = io::stdout().lock();
    let say = |out: &mut dyn Write, offset: u64, text: &str| {
        // Nobody may be listening any more.
        let _ = writeln!(out, "[offset {offset}] {text}");
    };
    say(&mut out, 0, &format!("Checking RDB file {path}"));
    let engine = Engine::new(1, modules, |_| ());
    let (found, end) = check(&engine, map.bytes(), &mut |at, text| say(&mut out, at, text))
        .map_err(|error| format!("--- RDB ERROR DETECTED ---\n{error}"))?;
    say(&mut out, end, "\\o/ RDB looks OK! \\o/");
    let Found { keys, volatile, expired } = found;
    for (n, what) in [(keys, "keys read"), (volatile, "expires"), (expired, "already expired")] {
        // As above.
        let _ = writeln!(out, "[info] {n} {what}");
    }
    Ok(())
}

/// Reads a whole file. `say` is told of what is found, with its offset. Returns where the dump
/// ends.
///
/// # Errors
/// What is wrong with the file, and where.
pub fn check(
    engine: &Engine,
    file: &[u8],
    say: &mut dyn FnMut(u64, &str),
) -> Result<(Found, u64), RdbError> {
    let mut reader = FileReader::new(file)?;
    let (mut found, mut db) = (Found::default(), None);
    let (limits, modules) = (&engine.tuning.limits, &engine.modules);
    let now = clock::now_millis();
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Aux(name, value) => {
                let (name, value) =
                    (String::from_utf8_lossy(&name), String::from_utf8_lossy(&value));
                say(reader.offset(), &format!("AUX FIELD {name} = '{value}'"));
            }
            Item::Function(_) => say(reader.offset(), "A library of functions"),
            Item::ModuleAux { name, .. } => {
                say(reader.offset(), &format!("MODULE AUX for: {name}"))
            }
            Item::Size { .. } => {}
            Item::Key(mut record) => {
                if db.replace(record.db) != Some(record.db) {
                    say(reader.offset(), &format!("Selecting DB ID {}", record.db));
                }
                if let Some(class) = record.metadata {
                    say(reader.offset(), &file::metadata_of(class));
                }
                let templates = record.templates.as_deref();
                let context = Context { limits, modules, now: None, templates };
                value::load(&mut record.body, record.kind, context)?;
                if !record.body.rest().is_empty() {
                    return Err(record.body.corrupt("a value is shorter than its form says"));
                }
                found.keys += 1;
                found.volatile += u64::from(record.expiry.is_some());
                found.expired += u64::from(record.expiry.is_some_and(|at| at <= now));
            }
        }
    }
    if reader.has_checksum() {
        say(reader.offset(), "Checksum OK");
    } else {
        say(reader.offset(), "RDB file was saved with checksum disabled: no check performed.");
    }
    Ok((found, reader.offset()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"REDIS0011\xfa\x03foo\x03bar\xfe\x00\xfc\x01\0\0\0\0\0\0\0\x00\x01a\x01x\
        \x00\x01b\x01y\xff\0\0\0\0\0\0\0\0";

    #[test]
    fn what_is_in_a_file_is_told() {
        let engine = Engine::new(1, Vec::new(), |_| ());
        let mut said = Vec::new();
        let (found, end) =
            check(&engine, FILE, &mut |_, text| said.push(text.to_string())).unwrap();
        assert_eq!(found, Found { keys: 2, volatile: 1, expired: 1 });
        assert_eq!(end, FILE.len() as u64);
        assert_eq!(said[..2], ["AUX FIELD foo = 'bar'", "Selecting DB ID 0"]);
        assert!(said[2].contains("checksum disabled"), "{said:?}");
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error_wherever() {
        let engine = Engine::new(1, Vec::new(), |_| ());
        for len in 0..FILE.len() {
            assert!(check(&engine, &FILE[..len], &mut |_, _| ()).is_err(), "{len}");
        }
    }
}
