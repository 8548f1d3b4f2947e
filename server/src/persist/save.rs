//! Takes a snapshot into a file: a temporary one, synced, that takes the place of the last.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_core::config::table::persistence as params;
use cairn_core::keyspace::{Space, needed_rdb};
use cairn_core::rdb::frame::{self, Header};
use cairn_core::rdb::queue::{Options, Queue};
use cairn_core::rdb::{VERSION_FIELD_TTL, VERSION_OLDEST, Writer};
use cairn_core::{Engine, clock};

use super::output::Output;
use crate::aof::manifest::sync_dir;
use crate::server::Server;
use crate::{memory, version};

/// Bytes that are written to the file at a time.
const WRITE_SIZE: usize = 256 * 1024;

/// What a snapshot is to be.
pub struct Request<'a> {
    /// Where it goes.
    pub path: &'a Path,
    /// Whether it is the base of an append-only file.
    pub aof_base: bool,
    /// Called at the moment of the snapshot, while no command runs, with the end of the effects
    /// log.
    pub at_start: &'a mut dyn FnMut(u64),
}

/// Takes a snapshot and returns the size of its file. Blocks until it is on disk. One is taken at
/// a time: the caller has seen to that ([`super::Persistence`]).
///
/// # Errors
/// Why there is none, for the log. What was at `path` before is still there.
pub fn save(server: &Server, request: Request<'_>) -> Result<u64, String> {
    let temporary = temporary_name(request.path);
    let path = request.path;
    let result = write(server, request, &temporary).and_then(|bytes| {
        put_in_place(&temporary, path).map_err(|e| {
            format!("Error moving temp DB file {} on the final destination: {e}", path.display())
        })?;
        Ok(bytes)
    });
    if result.is_err() {
        // It may not have been made.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

/// A name beside `path`, as Redis has it. One snapshot is taken at a time.
fn temporary_name(path: &Path) -> PathBuf {
    path.with_file_name(format!("temp-{}.rdb", std::process::id()))
}

/// Gives a file that is on disk the name of another, and has the name on disk as well.
///
/// # Errors
/// When the system refuses.
pub fn put_in_place(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    let directory = to.parent().filter(|dir| !dir.as_os_str().is_empty());
    sync_dir(directory.unwrap_or(Path::new(".")))
}

fn write(server: &Server, request: Request<'_>, path: &Path) -> Result<u64, String> {
    let failed = |e: std::io::Error| format!("Write error saving DB on disk: {e}");
    // A process of this number may have left one behind when it was killed.
    let file = File::create(path);
    let file = file.map_err(|e| format!("Failed opening the temp RDB file for saving: {e}"))?;
    let incremental = server.config().bool(params::RDB_SAVE_INCREMENTAL_FSYNC);
    let (mut output, mut bytes) = (Output::new(file, incremental), Vec::new());
    let engine = &server.engine;
    let queue = Arc::new(Queue::new(options(engine)));
    let worker = engine.worker();
    let aof_base = request.aof_base;
    let snapshot = engine.begin_snapshot(&worker, Arc::<Queue>::clone(&queue), |space| {
        begin(server, &queue, space, aof_base);
        (request.at_start)(engine.effects.end());
    });
    let result = match snapshot {
        None => Err("another snapshot is being taken".into()),
        Some(snapshot) => {
            let mut walk = Default::default();
            let mut result = Ok(());
            // The walk goes to its end in any case.
            while engine.walk_snapshot(&worker, &snapshot, &mut walk) {
                if result.is_ok() {
                    result = drain(server, &queue, &mut bytes, &mut output);
                    if result.is_err() {
                        queue.cancel();
                    }
                }
                engine.snapshot_relieved();
            }
            result
                .and_then(|()| drain(server, &queue, &mut bytes, &mut output))
                .and_then(|()| finish(server, &queue, bytes, &mut output).map_err(failed))
        }
    };
    engine.retire(worker);
    result.map(|()| output.written())
}

fn options(engine: &Engine) -> Options {
    let policy = engine.tuning.eviction.policy();
    let tracked = policy.is_lru() || policy.is_lfu();
    Options {
        compress: engine.config.bool(params::RDBCOMPRESSION),
        usage: tracked.then(|| engine.tuning.tracking()),
        now: clock::now_millis(),
    }
}

/// Writes what comes before the keys, at the moment of the snapshot.
fn begin(server: &Server, queue: &Queue, space: &Space<'_>, aof_base: bool) {
    let engine = space.engine();
    let databases = 0..engine.keyspace.databases();
    let asked = server.config().int(params::RDB_VERSION) as u16;
    let version = match asked {
        VERSION_OLDEST => asked,
        _ => asked.max(needed_version(engine)),
    };
    let sizes: Vec<(usize, usize)> =
        databases.map(|db| (engine.db_size(db), engine.db_volatile(db))).collect();
    let keys: usize = sizes.iter().map(|(keys, _)| keys).sum();
    server.persistence.keys_total.store(keys as u64, Ordering::Relaxed);
    let aux = [
        ("redis-ver", version::REDIS.to_string()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", (clock::now_millis() / 1000).to_string()),
        ("used-mem", memory::allocated().to_string()),
        ("aof-base", u8::from(aof_base).to_string()),
        ("cairn-ver", version::CAIRN.to_string()),
    ];
    let libraries = server.persistence.libraries.sources();
    queue.begin(&Header { version, aux: &aux }, sizes, |out| {
        save_modules(engine, out);
        libraries.iter().for_each(|source| frame::function(out, source));
    });
}

/// The oldest version that can hold all that there is.
fn needed_version(engine: &Engine) -> u16 {
    let of_db = |db| {
        let has_field_ttl = engine.db_expiring(db) > 0;
        let of_fields = if has_field_ttl { VERSION_FIELD_TTL } else { 0 };
        needed_rdb(&engine.db_sizes(db)).max(of_fields)
    };
    (0..engine.keyspace.databases()).map(of_db).max().unwrap_or(0)
}

fn save_modules(engine: &Engine, out: &mut Writer) {
    for module in engine.modules.iter() {
        module.save_aux(&mut |name, encoding, body| frame::module_aux(out, name, encoding, body));
    }
}

/// Writes what the queue has, once it is enough.
fn drain(
    server: &Server,
    queue: &Queue,
    bytes: &mut Vec<u8>,
    output: &mut Output,
) -> Result<(), String> {
    let keys = queue.take(bytes).map_err(|e| e.to_string())?;
    let before = server.persistence.keys_done.swap(keys, Ordering::Relaxed);
    delay(server, keys.saturating_sub(before));
    if server.persistence.is_cancelled() {
        return Err("the snapshot was cancelled".into());
    }
    if bytes.len() < WRITE_SIZE {
        return Ok(());
    }
    output.write(bytes).map_err(|e| format!("Write error saving DB on disk: {e}"))?;
    bytes.clear();
    Ok(())
}

/// How often a snapshot that is slowed down looks whether it is to be given up.
const DELAY_SLICE: Duration = Duration::from_millis(10);

/// Slows a snapshot of so many more keys down, as `rdb-key-save-delay` says.
fn delay(server: &Server, keys: u64) {
    let micros = server.config().int(params::RDB_KEY_SAVE_DELAY);
    let Ok(micros) = u64::try_from(micros) else { return };
    let mut left = Duration::from_micros(micros.saturating_mul(keys));
    while !left.is_zero() && !server.persistence.is_cancelled() {
        let slice = left.min(DELAY_SLICE);
        std::thread::sleep(slice);
        left -= slice;
    }
}

fn finish(
    server: &Server,
    queue: &Queue,
    mut bytes: Vec<u8>,
    output: &mut Output,
) -> std::io::Result<()> {
    let checksum = server.config().bool(params::RDBCHECKSUM).then(|| queue.checksum());
    bytes.extend_from_slice(&frame::end(checksum));
    output.write(&bytes)?;
    output.sync()
}
