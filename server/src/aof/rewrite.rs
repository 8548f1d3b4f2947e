//! The base of an append-only file: all data at one moment, as a snapshot or as commands.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::clock;
use cairn_core::config::table::persistence as params;
use cairn_core::effects::encode;
use cairn_core::keyspace::{Capture, Entry, FrozenEntry, Pairs, Sink, ValueRef};

use super::format;
use crate::persist::output::Output;
use crate::persist::save::{self, Request};
use crate::server::Server;

/// Bytes of commands from which on writers wait until they are in the file.
const GATHER_MAX: usize = 4 << 20;

/// Whether a base is to be a snapshot, not commands. What modules store besides keys, and libraries
/// of functions, have no form as commands, so that where there are any the base is a snapshot
/// whatever the configuration says.
pub fn is_snapshot(server: &Server) -> bool {
    let has_libraries = !server.persistence.libraries.is_empty();
    if has_libraries || server.config().bool(params::AOF_USE_RDB_PREAMBLE) {
        return true;
    }
    let mut found = false;
    for module in server.engine.modules.iter() {
        module.save_aux(&mut |_, _, _| found = true);
    }
    found
}

/// Writes a base to `path` and returns its size. `cut` is called with the log's offset at the
/// moment that the base shows, while no command runs. Blocks until the file is on disk.
///
/// # Errors
/// Why there is none, for the log. A file that was at `path` before is still there.
pub fn write_base(
    server: &Server,
    path: &Path,
    snapshot: bool,
    cut: &mut dyn FnMut(u64),
) -> Result<u64, String> {
    if snapshot {
        return save::save(server, Request { path, aof_base: true, at_start: cut });
    }
    let temporary = path.with_extension("tmp");
    let incremental = server.config().bool(params::AOF_REWRITE_INCREMENTAL_FSYNC);
    let failed = |error| format!("Write error writing append only file on disk: {error}");
    let result = write_commands(server, &temporary, incremental, cut)
        .and_then(|bytes| save::put_in_place(&temporary, path).map_err(failed).map(|()| bytes));
    if result.is_err() {
        // It may not have been made.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

/// Writes all data as commands.
fn write_commands(
    server: &Server,
    path: &Path,
    incremental: bool,
    cut: &mut dyn FnMut(u64),
) -> Result<u64, String> {
    let failed = |error| format!("Write error writing append only file on disk: {error}");
    let engine = &server.engine;
    let file = File::create(path).map_err(failed)?;
    let mut output = Output::new(file, incremental);
    if server.config().bool(params::AOF_TIMESTAMP_ENABLED) {
        let note = format::timestamp(clock::now_millis() / 1000);
        output.write(note.as_bytes()).map_err(failed)?;
    }
    let sink = Arc::new(CommandSink::default());
    let worker = engine.worker();
    let snapshot = engine
        .begin_snapshot(&worker, Arc::<CommandSink>::clone(&sink), |_| cut(engine.effects.end()));
    let result = match snapshot {
        None => Err("another snapshot is being taken".to_string()),
        Some(snapshot) => {
            let mut walk = Default::default();
            let mut result = Ok(());
            // The walk goes to its end in any case.
            while engine.walk_snapshot(&worker, &snapshot, &mut walk) {
                let bytes = sink.take();
                result = result.and_then(|()| output.write(&bytes).map_err(failed));
                if server.persistence.is_cancelled() {
                    result = Err("it was cancelled".into());
                }
                engine.snapshot_relieved();
            }
            let last = sink.take();
            result.and_then(|()| output.write(&last).map_err(failed))
        }
    };
    engine.retire(worker);
    result.and_then(|()| output.sync().map_err(failed)).map(|()| output.written())
}

/// Turns entries into commands.
#[derive(Default)]
struct CommandSink {
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// The database that the file selected last.
    db: Option<usize>,
}

impl CommandSink {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.gathered().bytes)
    }
}

impl CommandSink {
    /// Appends commands about keys of a database. True when there are enough.
    fn put(&self, db: usize, work: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut gathered = self.gathered();
        if gathered.db != Some(db) {
            gathered.db = Some(db);
            let mut number = itoa::Buffer::new();
            encode(&mut gathered.bytes, &[b"SELECT", number.format(db).as_bytes()]);
        }
        work(&mut gathered.bytes);
        gathered.bytes.len() >= GATHER_MAX
    }
}

impl Sink for CommandSink {
    fn entry(&self, db: usize, entry: &Entry) -> bool {
        self.put(db, |out| rebuild(entry, out))
    }

    fn begin_parts(&self, _: &Capture) {}

    fn part(&self, capture: &Capture, elements: &Pairs) {
        self.put(capture.db, |out| {
            capture.collection.rebuild(capture.head.key(), elements, &mut |line| encode(out, line));
        });
    }

    fn end_parts(&self, capture: &Capture) {
        self.put(capture.db, |out| expire(&capture.head, out));
    }

    fn frozen(&self, frozen: &mut FrozenEntry, _first: bool) -> bool {
        let (db, head) = (frozen.db, &frozen.head);
        let mut more = false;
        self.put(db, |out| {
            more = frozen.value.rebuild_next(head.key(), &mut |words| encode(out, words));
            if !more {
                expire(head, out);
            }
        });
        more
    }
}

/// Appends the commands that make an entry.
fn rebuild(entry: &Entry, out: &mut Vec<u8>) {
    let key = entry.key();
    match entry.value() {
        ValueRef::Bytes(bytes) => encode(out, &[b"SET", key, bytes]),
        ValueRef::Int(n) => {
            encode(out, &[b"SET", key, itoa::Buffer::new().format(n).as_bytes()]);
        }
        ValueRef::Object(object) => object.rebuild(key, &mut |words| encode(out, words)),
    }
    expire(entry, out);
}

/// Appends the command that gives an entry its expiry, if it has one.
fn expire(entry: &Entry, out: &mut Vec<u8>) {
    if let Some(at) = entry.expiry() {
        encode(out, &[b"PEXPIREAT", entry.key(), itoa::Buffer::new().format(at).as_bytes()]);
    }
}
