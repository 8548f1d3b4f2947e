//! The values of all parameters, and reading them.

use super::param::{Id, Kind, Merge, Offset, Param, Table};
use super::set::Hook;
use super::table;
use super::value::Value;
use crate::util::glob;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A parameter and its value.
struct Slot {
    param: &'static Param,
    number: AtomicI64,
    text: RwLock<Arc<[u8]>>,
}

/// The configuration of one server.
///
/// Threads share it. Reading a number, a `yes` or `no` or a choice is one relaxed load; reading a
/// text takes a lock for as long as it takes to count a reference.
pub struct Config {
    slots: Vec<Slot>,
    tables: Vec<Table>,
    /// Names and aliases.
    names: HashMap<&'static str, Id>,
    pub(super) hooks: RwLock<Vec<Hook>>,
    /// Held while values change.
    pub(super) changing: Mutex<()>,
    pub(super) generation: AtomicU64,
}

/// A limit on memory, from a parameter that may be relative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// So many bytes; 0 for no limit.
    Bytes(u64),
    /// So many per cent of `maxmemory`.
    Percent(u8),
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// The built-in parameters, each with its default.
    pub fn new() -> Self {
        let mut config = Self::empty();
        for table in table::ALL {
            config.add(*table);
        }
        config
    }

    fn empty() -> Self {
        Self {
            slots: Vec::new(),
            tables: Vec::new(),
            names: HashMap::new(),
            hooks: RwLock::default(),
            changing: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// Adds a module's parameters.
    ///
    /// # Panics
    /// If a name is taken already, or a default is no valid value: errors in the table.
    pub fn add(&mut self, table: Table) -> Offset {
        let offset = Offset(u16::try_from(self.slots.len()).expect("too many parameters"));
        for param in table.params {
            let id = Id(u16::try_from(self.slots.len()).expect("too many parameters"));
            for name in std::iter::once(param.name).chain(param.alias) {
                assert!(self.names.insert(name, id).is_none(), "{name} is declared twice");
            }
            let slot = Slot { param, number: AtomicI64::new(0), text: RwLock::new(Arc::new([])) };
            self.slots.push(slot);
            self.put(id, default_of(param));
        }
        self.tables.push(table);
        offset
    }

    /// Another configuration of the same parameters, with every value at its default and without
    /// hooks.
    pub fn with_defaults(&self) -> Self {
        let mut config = Self::empty();
        for table in &self.tables {
            config.add(*table);
        }
        config
    }

    /// All tables, in the order they were added.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The parameter with this name or alias, in any case.
    pub fn find(&self, name: &[u8]) -> Option<Id> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.names.get(name.as_str()).copied()
    }

    /// A parameter's declaration.
    pub fn param(&self, id: Id) -> &'static Param {
        self.slots[id.index()].param
    }

    /// All parameters.
    pub fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.slots.len()).filter_map(|index| u16::try_from(index).ok()).map(Id)
    }

    /// A number.
    #[inline]
    pub fn int(&self, id: Id) -> i64 {
        self.slots[id.index()].number.load(Ordering::Relaxed)
    }

    /// Whether it is `yes`.
    #[inline]
    pub fn bool(&self, id: Id) -> bool {
        self.int(id) != 0
    }

    /// A number that can't be negative, or an amount of memory in bytes.
    #[inline]
    pub fn unsigned(&self, id: Id) -> u64 {
        self.int(id).cast_unsigned()
    }

    /// The same, as a length.
    #[inline]
    pub fn size(&self, id: Id) -> usize {
        usize::try_from(self.unsigned(id)).unwrap_or(usize::MAX)
    }

    /// A limit on memory that may be relative.
    pub fn memory_limit(&self, id: Id) -> MemoryLimit {
        match self.int(id) {
            percent @ ..0 => MemoryLimit::Percent(u8::try_from(-percent).unwrap_or(100)),
            bytes => MemoryLimit::Bytes(bytes.unsigned_abs()),
        }
    }

    /// A text, or the kept form of a list.
    pub fn text(&self, id: Id) -> Arc<[u8]> {
        let text = self.slots[id.index()].text.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&text)
    }

    /// A text, with what is not UTF-8 replaced.
    pub fn string(&self, id: Id) -> String {
        String::from_utf8_lossy(&self.text(id)).into_owned()
    }

    /// The value, whatever its kind.
    pub fn value(&self, id: Id) -> Value {
        match self.param(id).kind {
            Kind::Text | Kind::List(_) => Value::Text(self.text(id)),
            _ => Value::Number(self.int(id)),
        }
    }

    /// Sets a value that the server found out itself, such as the port it got. Hooks don't run.
    pub fn put(&self, id: Id, value: Value) {
        let slot = &self.slots[id.index()];
        match value {
            Value::Number(number) => slot.number.store(number, Ordering::Relaxed),
            Value::Text(text) => {
                *slot.text.write().unwrap_or_else(PoisonError::into_inner) = text;
            }
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A number that grows with every change: whoever keeps something derived from the
    /// configuration can see by it whether that is still true.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the value is the default.
    pub fn is_default(&self, id: Id) -> bool {
        self.value(id) == default_of(self.param(id))
    }

    /// CONFIG GET: names and values of the parameters that match any of the patterns. A name that
    /// is no pattern comes back as it was written. Patterns don't find hidden parameters.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for pattern in patterns {
            if glob::is_literal(pattern) {
                if let Some(id) = self.find(pattern)
                    && seen.insert(pattern.to_ascii_lowercase())
                {
                    found.push((pattern.to_vec(), self.formatted(id)));
                }
                continue;
            }
            for (name, id) in self.all_names() {
                if !self.param(id).hidden
                    && glob::matches_ignoring_case(pattern, name.as_bytes())
                    && seen.insert(name.as_bytes().to_vec())
                {
                    found.push((name.as_bytes().to_vec(), self.formatted(id)));
                }
            }
        }
        found
    }

    /// The value as CONFIG GET shows it.
    pub fn formatted(&self, id: Id) -> Vec<u8> {
        self.param(id).format(&self.value(id))
    }

    /// All names and aliases, in the order of declaration.
    fn all_names(&self) -> impl Iterator<Item = (&'static str, Id)> {
        self.ids().flat_map(|id| {
            let param = self.param(id);
            std::iter::once(param.name).chain(param.alias).map(move |name| (name, id))
        })
    }
}

/// The default of a parameter.
fn default_of(param: &Param) -> Value {
    param
        .parse(param.default.as_bytes(), b"")
        .unwrap_or_else(|reason| panic!("the default of {}: {reason}", param.name))
}

/// Whether values that are given one after the other in one file add up.
pub(super) fn merge_of(param: &Param) -> Merge {
    match param.kind {
        Kind::List(list) => list.merge,
        _ => Merge::Replace,
    }
}
