//! The start: finds the files, or makes the first ones, loads them and starts the writer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cairn_core::config::Config;
use cairn_core::config::table::persistence as params;

use super::load::{self, LoadRdb, Replay};
use super::manifest::{Kind, Manifest, Part, sync_dir};
use super::output::Output;
use super::writer::Writer;
use super::{State, lock, rewrite, words};
use crate::server::Server;

/// Where the files are, and what their names begin with.
fn place(config: &Config) -> (PathBuf, String) {
    let dir = PathBuf::from(config.string(params::APPENDDIRNAME));
    (dir, config.string(params::APPENDFILENAME))
}

/// Loads the append-only file, if it is in use, and starts the writer. No command may run yet.
/// What is `preloaded` from elsewhere takes the place of what the file holds.
///
/// # Errors
/// Why the server can't start, for the operator.
pub fn open(server: &Arc<Server>, load_rdb: &LoadRdb, preloaded: bool) -> Result<(), String> {
    let config = server.config();
    let enabled = config.bool(params::APPENDONLY);
    let (dir, stem) = place(config);
    let mut manifest = match Manifest::read(&dir, &stem).map_err(|e| e.to_string())? {
        Some(manifest) => manifest,
        None => Manifest::new(dir, &stem),
    };
    let mut output = None;
    if enabled {
        let failed = |e: io::Error| format!("Can't open the append-only file: {}", words(&e));
        prepare(server, &mut manifest).map_err(failed)?;
        if preloaded {
            begin_again(server, &mut manifest)?;
        } else if manifest.parts().next().is_some() {
            load::load(&server.engine, &server.log, &manifest, load_rdb)
                .map_err(|e| e.to_string())?;
        }
        output = Some(begin(server, &mut manifest)?);
    }
    start(server, manifest, output).map_err(|e| format!("Can't start the AOF thread: {e}"))
}

/// Makes the directory, takes in a file of Redis before 7, and clears away what a crash left.
fn prepare(server: &Server, manifest: &mut Manifest) -> io::Result<()> {
    fs::create_dir_all(&manifest.dir)?;
    sync_dir(Path::new("."))?;
    // A crash may have come between the manifest and this, and the power may go later.
    sync_dir(&manifest.dir)?;
    for entry in fs::read_dir(&manifest.dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("temp-") || name.starts_with("temp_") || name.ends_with(".tmp") {
            fs::remove_file(manifest.dir.join(name))?;
        }
    }
    let single = PathBuf::from(&manifest.stem);
    let none = manifest.parts().next().is_none();
    if none && single.is_file() {
        let name = manifest.stem.clone();
        manifest.base = Some(Part { name, seq: 1, kind: Kind::Base });
        manifest.store()?;
    }
    let named = manifest.base.as_ref().is_some_and(|base| base.name == manifest.stem);
    let inside = manifest.dir.join(&manifest.stem);
    if named && manifest.incrs.is_empty() && single.is_file() && !inside.exists() {
        fs::rename(&single, &inside)?;
        sync_dir(&manifest.dir)?;
        sync_dir(Path::new("."))?;
        server.log.notice(&format!(
            "Successfully migrated an old-style AOF configuration ({}) into the AOF directory ({}).",
            manifest.stem,
            manifest.dir.display()
        ));
    }
    Ok(())
}

/// Sees to it that there are a base and an increment, and opens the latter.
fn begin(server: &Arc<Server>, manifest: &mut Manifest) -> Result<Output, String> {
    let failed = |e: io::Error| format!("Can't open the append-only file: {}", words(&e));
    if manifest.parts().next().is_none() {
        manifest.base = Some(write_base(server, manifest)?);
    }
    let (part, new) = match manifest.incrs.last() {
        Some(last) => (last.clone(), false),
        None => (manifest.next_incr(), true),
    };
    let mut output = Output::open(&manifest.file(&part), part.clone(), new).map_err(failed)?;
    if new {
        server.log.notice(&format!("Creating AOF incr file {} on server start", part.name));
        manifest.incrs.push(part);
        manifest.store().map_err(|e| failed(e.into()))?;
    }
    manifest.delete_history().map_err(failed)?;
    output.listed = true;
    let others = manifest.parts().filter(|part| **part != output.part);
    let others: u64 =
        others.filter_map(|part| fs::metadata(manifest.file(part)).ok()).map(|m| m.len()).sum();
    let figures = &server.aof.figures;
    figures.others_size.store(others, Ordering::Relaxed);
    figures.size.store(others + output.len, Ordering::Relaxed);
    figures.base_size.store(others + output.len, Ordering::Relaxed);
    Ok(output)
}

/// Has a base of what is in memory take the place of all files. What they hold was not loaded.
fn begin_again(server: &Server, manifest: &mut Manifest) -> Result<(), String> {
    let base = write_base(server, manifest)?;
    let part = manifest.next_incr();
    let failed = |e: io::Error| format!("Can't begin the append-only file: {}", words(&e));
    Output::open(&manifest.file(&part), part.clone(), true).map_err(failed)?;
    manifest.rebase(base, "");
    manifest.incrs.push(part);
    manifest.store().map_err(|error| failed(error.into()))
}

fn write_base(server: &Server, manifest: &Manifest) -> Result<Part, String> {
    let snapshot = rewrite::is_snapshot(server);
    let base = manifest.next_base(snapshot);
    server.log.notice(&format!("Creating AOF base file {} on server start", base.name));
    rewrite::write_base(server, &manifest.file(&base), snapshot, &mut |_| ())?;
    Ok(base)
}

/// Loads the files that a manifest names, or a single one, in place of the server's own.
///
/// # Errors
/// What is missing or wrong.
pub fn preload(server: &Arc<Server>, path: &Path, load_rdb: &LoadRdb) -> Result<(), String> {
    let dir = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let manifest = match name.strip_suffix(".manifest") {
        Some(stem) => Manifest::read(&dir, stem)
            .map_err(|e| e.to_string())?
            .ok_or_else(|| format!("there is no manifest {}", path.display()))?,
        None => {
            let base = Part { name: name.clone(), seq: 1, kind: Kind::Base };
            Manifest { base: Some(base), ..Manifest::new(dir, &name) }
        }
    };
    load::load(&server.engine, &server.log, &manifest, load_rdb).map_err(|e| e.to_string())?;
    Ok(())
}

fn start(server: &Arc<Server>, manifest: Manifest, output: Option<Output>) -> io::Result<()> {
    let aof = &server.aof;
    if output.is_some() {
        aof.set_state(State::On);
        aof.follow_fsync(server);
    }
    let mine = Arc::clone(server);
    // The log must not move before the writer reads it, so its reader is made here and now.
    let (ready, made) = std::sync::mpsc::channel();
    let handle = std::thread::Builder::new().name("aof-writer".into()).spawn(move || {
        let writer = Writer::new(&mine, manifest, output);
        // The other end waits for it.
        let _ = ready.send(writer.as_ref().err().map(|e| io::Error::new(e.kind(), e.to_string())));
        if let Ok(writer) = writer {
            writer.run();
        }
    })?;
    *lock(&aof.thread) = Some((handle.thread().clone(), Some(handle)));
    if let Ok(Some(error)) = made.recv() {
        return Err(error);
    }
    aof.ready.store(true, Ordering::SeqCst);
    Ok(())
}

/// DEBUG LOADAOF: empties all databases and loads the files anew. No other command may run. Blocks
/// until no rewrite is under way: the first one, after `appendonly yes`, makes the files that are
/// loaded.
///
/// # Errors
/// That there are no files, or what is wrong with them; in the latter case the data is then loaded
/// in part.
pub fn reload(server: &Arc<Server>, load_rdb: &LoadRdb) -> Result<(), String> {
    server.aof.claim_files(server)?;
    let result = replace(server, load_rdb);
    server.persistence.release();
    result
}

fn replace(server: &Arc<Server>, load_rdb: &LoadRdb) -> Result<(), String> {
    let (dir, stem) = place(server.config());
    let manifest = Manifest::read(&dir, &stem).map_err(|e| e.to_string())?;
    let manifest = manifest.ok_or("there is no append-only file")?;
    Replay::new(&server.engine).run(&[b"FLUSHALL"])?;
    load::load(&server.engine, &server.log, &manifest, load_rdb).map_err(|e| e.to_string())?;
    Ok(())
}
