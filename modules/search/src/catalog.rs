//! The indexes of a server: what each is called, which keys it covers, and how a key becomes a
//! document.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cairn_core::ds::listpack::Element;
use cairn_core::keyspace::{Space, ValueRef};
use cairn_core::module::{DocumentPath, Documents, Scalar};
use cairn_core::types::hash::Hash;
use cairn_core::value::Object;

use crate::index::{FieldValue, Index};
use crate::number::Number;
use crate::schema::{FieldId, FieldKind};

/// Indexes a server may have.
pub const MAX_INDEXES: usize = 10_000;

/// The type of keys that an index covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Hashes.
    Hash,
    /// JSON documents.
    Json,
}

/// Where a field's value comes from.
pub struct FieldSource {
    /// The hash field or JSON path, as FT.CREATE named it.
    pub identifier: String,
    /// The path, for JSON.
    pub path: Option<Box<dyn DocumentPath>>,
}

/// An index and what it covers.
pub struct Definition {
    /// Its name.
    pub name: Vec<u8>,
    /// The logical database whose keys it covers.
    pub db: AtomicUsize,
    /// The type of keys.
    pub source: Source,
    /// Keys must begin with one of these.
    pub prefixes: Vec<Vec<u8>>,
    /// Where each field of the schema comes from, in the schema's order.
    pub fields: Vec<FieldSource>,
    /// The score of documents.
    pub score: f32,
    /// The index.
    pub index: Index,
    /// Whether keys are being loaded that are to be indexed only when all of them are there.
    pub awaits_keys: AtomicBool,
    /// Whether the keys that were there before are still being indexed.
    pub scanning: AtomicBool,
    /// Shards that the scan has finished.
    pub scanned: AtomicU32,
    /// Whether the index was dropped: a scan then stops.
    pub dropped: AtomicBool,
}

impl Definition {
    /// Whether a key of a database belongs to the index, by its name.
    pub fn covers(&self, db: usize, key: &[u8]) -> bool {
        self.db.load(Ordering::Relaxed) == db && self.prefixes.iter().any(|p| key.starts_with(p))
    }

    /// Makes the index agree with a key as it stands.
    pub fn refresh(&self, space: &Space<'_>, documents: Option<&dyn Documents>, key: &[u8]) {
        let object = match space.peek(key).map(|entry| entry.value()) {
            Some(ValueRef::Object(object)) => object,
            _ => {
                self.index.remove(key);
                return;
            }
        };
        let added = match self.source {
            Source::Hash => object.downcast_ref::<Hash>().map(|hash| self.add_hash(key, hash)),
            Source::Json => documents
                .filter(|documents| documents.is_document(object))
                .map(|_| self.add_document(key, object)),
        };
        if added.is_none() {
            self.index.remove(key);
        }
    }

    fn add_hash(&self, key: &[u8], hash: &Hash) {
        let values: Vec<(FieldId, Cow<'_, [u8]>)> = self
            .fields
            .iter()
            .enumerate()
            .filter_map(|(at, field)| {
                let value = hash.get(field.identifier.as_bytes())?;
                Some((at as FieldId, bytes_of(value)))
            })
            .collect();
        let fields = values.iter().map(|(id, value)| (*id, FieldValue::Bytes(value)));
        // A document that cannot be indexed is counted by the index and left out.
        let _ = self.index.upsert(key, fields, self.score);
    }

    fn add_document(&self, key: &[u8], object: &dyn Object) {
        let schema = self.index.schema();
        let mut fields = Vec::new();
        for (at, field) in self.fields.iter().enumerate() {
            let (Some(path), Some(spec)) = (&field.path, schema.fields().get(at)) else { continue };
            match collect(&**path, object, &spec.kind) {
                Collected::Nothing => {}
                Collected::Value(value) => fields.push((at as FieldId, value)),
                Collected::WrongType => {
                    // As with a hash's bad number: the document is left out and counted.
                    let bad = [(at as FieldId, FieldValue::Bytes(b"?"))];
                    let number = self.index.upsert(key, bad, self.score);
                    if number.is_ok() {
                        self.index.remove(key);
                    }
                    return;
                }
            }
        }
        let _ = self.index.upsert(key, fields, self.score);
    }
}

/// The bytes of a hash's value.
pub fn bytes_of(element: Element<'_>) -> Cow<'_, [u8]> {
    match element {
        Element::Bytes(bytes) => Cow::Borrowed(bytes),
        Element::Int(n) => Cow::Owned(n.to_string().into_bytes()),
    }
}

/// What a path found, in terms of a field's type.
enum Collected {
    Nothing,
    Value(FieldValue<'static>),
    WrongType,
}

fn collect(path: &dyn DocumentPath, object: &dyn Object, kind: &FieldKind) -> Collected {
    let (mut strings, mut numbers, mut wrong) = (Vec::new(), Vec::new(), false);
    path.select(object, &mut |scalar| match scalar {
        Scalar::Null | Scalar::Array | Scalar::End => {}
        Scalar::Object => wrong = true,
        Scalar::Bool(b) if matches!(kind, FieldKind::Tag(_)) => {
            strings.push(Cow::Owned(b.to_string().into_bytes()));
        }
        Scalar::Text(text) if !matches!(kind, FieldKind::Numeric) => {
            strings.push(Cow::Owned(text.as_bytes().to_vec()));
        }
        Scalar::Int(n) if matches!(kind, FieldKind::Numeric) => numbers.push(Number::from_i64(n)),
        Scalar::Float(x) if matches!(kind, FieldKind::Numeric) => {
            numbers.extend(Number::from_f64(x));
        }
        _ => wrong = true,
    });
    match (wrong, strings.is_empty(), numbers.is_empty()) {
        (true, ..) => Collected::WrongType,
        (_, false, _) => Collected::Value(FieldValue::Strings(strings)),
        (_, _, false) => Collected::Value(FieldValue::Numbers(numbers)),
        _ => Collected::Nothing,
    }
}

/// All indexes.
#[derive(Default)]
pub struct Catalog {
    all: RwLock<Vec<Arc<Definition>>>,
}

impl Catalog {
    /// The index of this name in a database.
    pub fn find(&self, db: usize, name: &[u8]) -> Option<Arc<Definition>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |d: &&Arc<Definition>| d.name == name && d.db.load(Ordering::Relaxed) == db;
        all.iter().find(is_it).cloned()
    }

    /// All indexes.
    pub fn list(&self) -> Vec<Arc<Definition>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an index; false when the name is taken or there are too many.
    pub fn add(&self, definition: Arc<Definition>) -> bool {
        let db = definition.db.load(Ordering::Relaxed);
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let taken =
            all.iter().any(|d| d.name == definition.name && d.db.load(Ordering::Relaxed) == db);
        if taken || all.len() >= MAX_INDEXES {
            return false;
        }
        all.push(definition);
        true
    }

    /// Drops the indexes for which `gone` holds; true when none is left.
    pub fn drop_where(&self, gone: impl Fn(&Definition) -> bool) -> bool {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|definition| {
            let gone = gone(definition);
            if gone {
                definition.dropped.store(true, Ordering::Relaxed);
            }
            !gone
        });
        all.is_empty()
    }

    /// Calls `f` for each index that covers a key and does not wait for keys to be loaded.
    pub fn covering(&self, db: usize, key: &[u8], mut f: impl FnMut(&Definition)) {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let ready = all.iter().filter(|d| !d.awaits_keys.load(Ordering::Relaxed));
        ready.filter(|d| d.covers(db, key)).for_each(|d| f(d));
    }
}
