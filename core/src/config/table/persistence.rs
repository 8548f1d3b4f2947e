//! Parameters of what is on disk: snapshots (RDB) and the append-only file (AOF).

use super::{INT_MAX, SIGNED_MAX};
use crate::config::lists::SAVE;
use crate::config::param::MB;
use crate::config::{Param, Value};

/// Values of `appendfsync`.
const FSYNC: &[(&str, i64)] =
    &[("everysec", FSYNC_EVERYSEC), ("always", FSYNC_ALWAYS), ("no", FSYNC_NO)];
/// `appendfsync everysec`: once a second.
pub const FSYNC_EVERYSEC: i64 = 2;
/// `appendfsync always`: before a write is acknowledged.
pub const FSYNC_ALWAYS: i64 = 1;
/// `appendfsync no`: when the system likes to.
pub const FSYNC_NO: i64 = 0;

/// Values of `sanitize-dump-payload`.
const SANITIZE: &[(&str, i64)] =
    &[("no", SANITIZE_NO), ("yes", SANITIZE_YES), ("clients", SANITIZE_CLIENTS)];
/// `sanitize-dump-payload no`: what can be mended of damaged values is taken.
pub const SANITIZE_NO: i64 = 0;
/// `sanitize-dump-payload yes`: damaged values are refused.
pub const SANITIZE_YES: i64 = 1;
/// `sanitize-dump-payload clients`: as `yes` for what clients restore, as `no` for files.
pub const SANITIZE_CLIENTS: i64 = 2;

/// Refuses a value that is a path and not just a name.
fn file_name(value: Value, name: &str) -> Result<Value, String> {
    match value.text().contains(&b'/') {
        true => Err(format!("{name} can't be a path, just a filename")),
        false => Ok(value),
    }
}

fn dbfilename(value: Value) -> Result<Value, String> {
    file_name(value, "dbfilename")
}

fn appendfilename(value: Value) -> Result<Value, String> {
    match value.text().is_empty() {
        true => Err("appendfilename can't be empty".into()),
        false => file_name(value, "appendfilename"),
    }
}

fn appenddirname(value: Value) -> Result<Value, String> {
    dir_name(value, "appenddirname")
}

fn backupdirname(value: Value) -> Result<Value, String> {
    dir_name(value, "backupdirname")
}

fn dir_name(value: Value, name: &str) -> Result<Value, String> {
    match value.text().is_empty() {
        true => Err(format!("{name} can't be empty")),
        false if value.text().contains(&b'/') => {
            Err(format!("{name} can't be a path, just a dirname"))
        }
        false => Ok(value),
    }
}

fn preload_file(value: Value) -> Result<Value, String> {
    let text = value.text();
    let known = [&b"aof:"[..], b"rdb:"]
        .iter()
        .any(|kind| text.strip_prefix(*kind).is_some_and(|path| !path.is_empty()));
    match text.is_empty() || known {
        true => Ok(value),
        false => Err("preload-file must be aof:<path> or rdb:<path>".into()),
    }
}

crate::params! {
    "Persistence", after super::collections::END;

    /// The directory of all files, in which the server runs.
    DIR = Param::text("dir", ".").protected();
    /// When to take a snapshot: pairs of seconds and changes, each of which takes one once so many
    /// seconds have passed with so many changes. `""` is never.
    SAVE_POINTS = Param::list("save", "3600 1 300 100 60 10000", &SAVE);
    /// The snapshot's file.
    DBFILENAME = Param::text("dbfilename", "dump.rdb").protected().check(dbfilename);
    /// Whether snapshots are compressed.
    RDBCOMPRESSION = Param::bool("rdbcompression", "yes");
    /// Whether snapshots have a checksum.
    RDBCHECKSUM = Param::bool("rdbchecksum", "yes").immutable();
    /// The version of the format that snapshots are written in: the newest that readers know.
    /// Raised by itself where the data needs it: to 12 for hashes whose fields expire, 13 for streams
    /// with producers, 14 for arrays and for streams with released entries; but never when it is 10,
    /// for Redis 7.0.
    RDB_VERSION = Param::int("rdb-version", "11", 10, 15);
    /// Whether snapshots are synced to disk bit by bit as they are written.
    RDB_SAVE_INCREMENTAL_FSYNC = Param::bool("rdb-save-incremental-fsync", "yes");
    /// Whether snapshots that only served replication are deleted.
    RDB_DEL_SYNC_FILES = Param::bool("rdb-del-sync-files", "no").later();
    /// Whether writes are refused after a snapshot failed.
    STOP_WRITES_ON_BGSAVE_ERROR = Param::bool("stop-writes-on-bgsave-error", "yes");
    /// Whether values of modules that are not loaded, and what such modules say of keys, are left out
    /// of what is loaded, with a warning; otherwise they are an error.
    RDB_SKIP_UNKNOWN_MODULES = Param::bool("rdb-skip-unknown-modules", "no");
    /// Whether a value that is damaged, but of which elements can be read, is refused (`yes`), or
    /// mended with a warning in the log that says what was wrong (`no`). `clients` refuses what
    /// RESTORE is given and mends what is in files. All values are checked in depth, whichever it is.
    SANITIZE_DUMP_PAYLOAD = Param::choice("sanitize-dump-payload", "no", SANITIZE);

    /// Microseconds that a snapshot takes for each key, at least: for tests.
    RDB_KEY_SAVE_DELAY = Param::int("rdb-key-save-delay", "0", -INT_MAX, INT_MAX).hidden();
    /// Microseconds that loading takes for each key, at least: for tests.
    KEY_LOAD_DELAY = Param::int("key-load-delay", "0", -INT_MAX, INT_MAX).hidden();

    /// Whether every write is appended to a file.
    APPENDONLY = Param::bool("appendonly", "no");
    /// What the append-only files' names begin with.
    APPENDFILENAME =
        Param::text("appendfilename", "appendonly.aof").immutable().check(appendfilename);
    /// The directory of the append-only files, in `dir`.
    APPENDDIRNAME =
        Param::text("appenddirname", "appendonlydir").immutable().check(appenddirname);
    /// When appended writes are synced to disk: before each is acknowledged (`always`), so often
    /// that about a second's are lost at most (`everysec`), or when the system likes to (`no`).
    APPENDFSYNC = Param::choice("appendfsync", "everysec", FSYNC);
    /// Whether syncing pauses while a snapshot or rewrite is being written.
    NO_APPENDFSYNC_ON_REWRITE = Param::bool("no-appendfsync-on-rewrite", "no");
    /// By how many per cent the append-only file grows until it is rewritten; 0 is never.
    AUTO_AOF_REWRITE_PERCENTAGE = Param::int("auto-aof-rewrite-percentage", "100", 0, INT_MAX);
    /// The least size of an append-only file that is rewritten by itself.
    AUTO_AOF_REWRITE_MIN_SIZE =
        Param::memory("auto-aof-rewrite-min-size", "64mb", 0, SIGNED_MAX);
    /// Whether an append-only file whose end is cut off is loaded up to there.
    AOF_LOAD_TRUNCATED = Param::bool("aof-load-truncated", "yes");
    /// How much of a damaged end of an append-only file may be dropped; 0 is nothing.
    AOF_LOAD_CORRUPT_TAIL_MAX_SIZE =
        Param::memory("aof-load-corrupt-tail-max-size", "0", 0, SIGNED_MAX / MB * MB);
    /// Whether a rewritten append-only file begins with a snapshot.
    AOF_USE_RDB_PREAMBLE = Param::bool("aof-use-rdb-preamble", "yes");
    /// Whether the append-only file notes the time, to go back to a point in it.
    AOF_TIMESTAMP_ENABLED = Param::bool("aof-timestamp-enabled", "no");
    /// Whether files that a rewrite made superfluous are kept, for tests.
    AOF_DISABLE_AUTO_GC = Param::bool("aof-disable-auto-gc", "no").hidden();
    /// Whether a rewrite is synced to disk bit by bit as it is written.
    AOF_REWRITE_INCREMENTAL_FSYNC = Param::bool("aof-rewrite-incremental-fsync", "yes");

    /// The directory of backups (`BACKUP START`), in `dir`.
    BACKUPDIRNAME = Param::text("backupdirname", "backupdir").immutable().check(backupdirname);
    /// For how many seconds a sealed backup is kept; 0 is until `BACKUP CLEANUP`.
    BACKUP_SEALED_TTL = Param::int("backup-sealed-ttl", "0", 0, INT_MAX);
    /// What is loaded at the start in place of the server's own files: `aof:` and the path of a
    /// manifest, or `rdb:` and that of a snapshot.
    PRELOAD_FILE = Param::text("preload-file", "").immutable().check(preload_file);
}
