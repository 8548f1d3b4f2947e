//! JSON documents as a native value type: a compact tree, its text form, JSONPath over it, and the
//! JSON commands.
//!
//! `tree` holds documents, `parse` and `print` convert them from and to text, `path` finds nodes,
//! `ops` changes them. None of these knows of keys, clients or replies. On top of them, `document`
//! is the value type, `rdb` its form in files, `commands` is what clients call, and `search` lets search indexes read
//! documents; [`module`] puts them together.

pub mod commands;
mod document;
mod frozen;
pub mod ops;
pub mod parse;
pub mod path;
pub mod print;
mod rdb;
mod search;
#[cfg(test)]
mod testing;
pub mod tree;

use std::sync::Arc;

use cairn_core::command::Spec;
use cairn_core::module::{Documents, Module};
use cairn_core::rdb::ModuleType;

pub use document::Document;

/// The module of JSON documents. It has no state of its own.
#[derive(Debug, Default)]
pub struct JsonModule;

/// The module, to be given to the engine.
pub fn module() -> Arc<dyn Module> {
    Arc::new(JsonModule)
}

impl Module for JsonModule {
    fn name(&self) -> &'static str {
        "ReJSON"
    }

    fn version(&self) -> u32 {
        20803
    }

    fn commands(&self) -> &'static [Spec] {
        commands::SPECS
    }

    fn value_types(&self) -> &'static [ModuleType] {
        &rdb::TYPES
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(search::Reader))
    }
}
