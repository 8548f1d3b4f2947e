//! What a module may do: bring commands, value types, settings and INFO sections, and look at
//! keys as they change.
//!
//! A module owns its state and its locks. In the lock order it comes behind the shards and before
//! the effects log: its hooks run while shards are held, must not wait, and see keys through the
//! [`Space`] they are given.

mod document;

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub use document::{DocumentPath, Documents, Scalar};

use crate::command::Spec;
use crate::engine::Engine;
use crate::keyspace::Space;
use crate::rdb::{ModuleType, RdbError, Reader, SaveAux};

/// A module.
pub trait Module: Any + Send + Sync {
    /// The name in MODULE LIST, for example `ReJSON`.
    fn name(&self) -> &'static str;

    /// The version in MODULE LIST, for example 20803 for 2.8.3.
    fn version(&self) -> u32;

    /// Its commands.
    fn commands(&self) -> &'static [Spec];

    /// Called once, when the engine is whole.
    fn start(&self, _engine: &Arc<Engine>) {}

    /// A key of a logical database was set, changed or removed by a command that is about to be
    /// acknowledged. Only called while [`Modules::observe_keys`] says so.
    fn key_changed(&self, _space: &Space<'_>, _db: usize, _key: &[u8]) {}

    /// A logical database, or all of them, lost all keys.
    fn flushed(&self, _db: Option<usize>) {}

    /// Two logical databases changed places.
    fn swapped(&self, _a: usize, _b: usize) {}

    /// Lines for INFO, as `(section, field, value)`.
    fn info(&self, _out: &mut dyn FnMut(&str, &str, &str)) {}

    /// The types of values that it stores.
    fn value_types(&self) -> &'static [ModuleType] {
        &[]
    }

    /// What it has to store besides values: one `(name, encoding, body)` for each, written before
    /// the keys. Called while all shards are held. The body is made of the writer's `module_`
    /// parts, without the end mark.
    fn save_aux(&self, _save: &mut SaveAux<'_>) {}

    /// Takes back what [`Module::save_aux`], or the module of Redis Stack that it stands for, had
    /// stored under the name of a module type. `None`: the name is not its own.
    fn load_aux(
        &self,
        _name: &str,
        _encoding: u16,
        _input: &mut Reader<'_>,
    ) -> Option<Result<(), RdbError>> {
        None
    }

    /// The keys of a file are all there now, after whatever [`Module::load_aux`] took back. Called
    /// while no shard is held.
    fn loaded(&self) {}

    /// How other modules read this module's documents, if it has such a type.
    fn documents(&self) -> Option<Arc<dyn Documents>> {
        None
    }
}

/// The modules of an engine.
pub struct Modules {
    all: Vec<Arc<dyn Module>>,
    observed: AtomicBool,
    documents: OnceLock<Arc<dyn Documents>>,
}

impl Modules {
    pub(crate) fn new(all: Vec<Arc<dyn Module>>) -> Self {
        let documents = OnceLock::new();
        if let Some(first) = all.iter().find_map(|m| m.documents()) {
            // The cell is new, so this cannot fail.
            let _ = documents.set(first);
        }
        Self { all, observed: AtomicBool::new(false), documents }
    }

    /// Tells all modules that the engine is whole.
    pub fn start(&self, engine: &Arc<Engine>) {
        self.all.iter().for_each(|m| m.start(engine));
    }

    /// All modules.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Module>> {
        self.all.iter()
    }

    /// The module of type `M`, if it is loaded.
    pub fn get<M: Module>(&self) -> Option<&M> {
        self.all.iter().find_map(|m| (&**m as &dyn Any).downcast_ref::<M>())
    }

    /// How to read the documents of whichever module has such a type.
    pub fn documents(&self) -> Option<&Arc<dyn Documents>> {
        self.documents.get()
    }

    /// Chooses whether modules are told of changed keys; nothing is spent on it otherwise.
    pub fn observe_keys(&self, observe: bool) {
        self.observed.store(observe, Ordering::SeqCst);
    }

    /// Tells modules of a key that came from a file, if they want to hear of keys.
    pub fn tell_of(&self, space: &Space<'_>, db: usize, key: &[u8]) {
        if self.observes_keys() {
            self.all.iter().for_each(|module| module.key_changed(space, db, key));
        }
    }

    /// Whether modules are told of changed keys.
    #[inline]
    pub fn observes_keys(&self) -> bool {
        self.observed.load(Ordering::Relaxed)
    }
}
