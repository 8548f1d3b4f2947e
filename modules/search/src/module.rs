//! The search module: keeps its indexes in step with the keyspace.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use cairn_core::command::Spec;
use cairn_core::keyspace::{SHARDS, Space};
use cairn_core::module::Module;
use cairn_core::rdb::{RdbError, Reader, SaveAux};
use cairn_core::{Engine, Worker};

use crate::catalog::{Catalog, Definition, MAX_INDEXES};
use crate::commands;
use crate::gc;
use crate::rdb;

/// The module.
#[derive(Default)]
pub struct SearchModule {
    /// The indexes.
    pub catalog: Catalog,
    engine: OnceLock<Weak<Engine>>,
}

/// The module, to be given to the engine.
pub fn module() -> Arc<dyn Module> {
    Arc::new(SearchModule::default())
}

impl Module for SearchModule {
    fn name(&self) -> &'static str {
        "search"
    }

    fn version(&self) -> u32 {
        21005
    }

    fn commands(&self) -> &'static [Spec] {
        commands::SPECS
    }

    fn start(&self, engine: &Arc<Engine>) {
        // Called once; a second engine would be ignored.
        let _ = self.engine.set(Arc::downgrade(engine));
        gc::start(engine);
    }

    fn key_changed(&self, space: &Space<'_>, db: usize, key: &[u8]) {
        let documents = space.engine().modules.documents().cloned();
        self.catalog.covering(db, key, |d| d.refresh(space, documents.as_deref(), key));
    }

    fn flushed(&self, db: Option<usize>) {
        let gone = |d: &Definition| db.is_none_or(|db| d.db.load(Ordering::Relaxed) == db);
        self.catalog.drop_where(gone);
    }

    fn swapped(&self, a: usize, b: usize) {
        for definition in self.catalog.list() {
            let db = definition.db.load(Ordering::Relaxed);
            if db == a || db == b {
                definition.db.store(a + b - db, Ordering::Relaxed);
            }
        }
    }

    fn save_aux(&self, save: &mut SaveAux<'_>) {
        rdb::save(&self.catalog.list(), save);
    }

    /// The indexes that are loaded wait for [`Module::loaded`].
    fn load_aux(
        &self,
        name: &str,
        encoding: u16,
        input: &mut Reader<'_>,
    ) -> Option<Result<(), RdbError>> {
        let engine = self.engine.get().and_then(Weak::upgrade)?;
        let mut warn = |text: &str| {
            if let Some(host) = engine.host() {
                host.warn(text);
            }
        };
        let loaded = rdb::load(&engine, name, encoding, input, &mut warn)?;
        Some(loaded.and_then(|all| all.into_iter().try_for_each(|d| self.adopt(&engine, d))))
    }

    fn loaded(&self) {
        for definition in self.catalog.list() {
            if definition.awaits_keys.swap(false, Ordering::Relaxed) {
                self.scan(&definition);
            }
        }
    }

    fn info(&self, out: &mut dyn FnMut(&str, &str, &str)) {
        let all = self.catalog.list();
        let docs: u64 = all.iter().map(|d| d.index.info().docs).sum();
        out("search_index", "search_number_of_indexes", &all.len().to_string());
        out("search_index", "search_total_documents", &docs.to_string());
    }
}

impl SearchModule {
    /// Adds an index from a file, in the place of one that has its name.
    fn adopt(&self, engine: &Engine, definition: Arc<Definition>) -> Result<(), RdbError> {
        let db = |d: &Definition| d.db.load(Ordering::Relaxed);
        let is_same = |d: &Definition| d.name == definition.name && db(d) == db(&definition);
        self.catalog.drop_where(is_same);
        definition.awaits_keys.store(true, Ordering::Relaxed);
        definition.scanning.store(true, Ordering::Relaxed);
        engine.modules.observe_keys(true);
        if self.catalog.add(definition) {
            Ok(())
        } else {
            Err(RdbError::Unsupported(format!("more than {MAX_INDEXES} search indexes")))
        }
    }

    /// Indexes the keys that were there before an index, in the background.
    pub fn scan(&self, definition: &Arc<Definition>) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else { return };
        definition.scanning.store(true, Ordering::Relaxed);
        let definition = Arc::clone(definition);
        let finish = Arc::clone(&definition);
        let work = move || {
            let worker = engine.worker();
            for shard in 0..SHARDS as u16 {
                if !scan_shard(&engine, &worker, &definition, shard) {
                    break;
                }
                definition.scanned.fetch_add(1, Ordering::Relaxed);
            }
            definition.scanning.store(false, Ordering::Relaxed);
            engine.retire(worker);
        };
        if std::thread::Builder::new().name("index-scan".into()).spawn(work).is_err() {
            // Without a thread, old keys are indexed as they change; FT.INFO shows no scan.
            finish.scanning.store(false, Ordering::Relaxed);
        }
    }
}

/// Keys that are indexed while a shard is held.
const KEYS_HELD: usize = 16;

/// How long a scan rests when a shard is busy.
const REST: Duration = Duration::from_micros(200);

/// Indexes the keys of one shard, a few at a time; false when the index is gone.
fn scan_shard(engine: &Engine, worker: &Worker, definition: &Definition, shard: u16) -> bool {
    let documents = engine.modules.documents().cloned();
    let mut cursor = 0;
    loop {
        if definition.dropped.load(Ordering::Relaxed) {
            return false;
        }
        let next = engine.try_with(worker, shard, |space| {
            let db = definition.db.load(Ordering::Relaxed);
            space.select(db);
            let (mut keys, mut at) = (Vec::new(), cursor);
            while keys.len() < KEYS_HELD {
                at = space.scan_shard(shard, at, |entry| {
                    if definition.covers(db, entry.key()) {
                        keys.push(entry.key().to_vec());
                    }
                });
                if at == 0 {
                    break;
                }
            }
            keys.iter().for_each(|key| definition.refresh(space, documents.as_deref(), key));
            at
        });
        engine.end_turn(worker);
        match next {
            None => std::thread::sleep(REST),
            Some(0) => return true,
            Some(at) => cursor = at,
        }
    }
}
