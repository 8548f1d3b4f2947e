//! What an index knows about its fields: names, types and options.
//!
//! Parsing `FT.CREATE` arguments does not live here; this is the result of it.

use crate::analysis::{Analyzer, StopWords};
use std::sync::Arc;

/// A field's position in its schema.
pub type FieldId = u16;

/// A set of TEXT fields; bit `n` is the `n`-th TEXT field of the schema.
pub type FieldMask = u128;

/// TEXT fields a schema may have: the width of [`FieldMask`].
pub const MAX_TEXT_FIELDS: usize = 128;

/// Fields of any type a schema may have.
pub const MAX_FIELDS: usize = 1024;

/// Why a schema was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// More than [`MAX_FIELDS`] fields.
    #[error("Schema is limited to {MAX_FIELDS} fields")]
    TooManyFields,
    /// More than [`MAX_TEXT_FIELDS`] TEXT fields.
    #[error("Schema is limited to {MAX_TEXT_FIELDS} TEXT fields")]
    TooManyTextFields,
    /// Two fields share a name.
    #[error("Duplicate field in schema - {0}")]
    DuplicateField(String),
}

/// Options of a TEXT field.
#[derive(Debug, Clone, PartialEq)]
pub struct TextOptions {
    /// Multiplies the frequency of the field's terms; truncated to an integer, at least 1.
    pub weight: f64,
    /// The field's terms are not stemmed.
    pub no_stem: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { weight: 1.0, no_stem: false }
    }
}

/// Options of a TAG field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagOptions {
    /// Splits a hash value into tags.
    pub separator: u8,
    /// Tags keep their case.
    pub case_sensitive: bool,
}

impl Default for TagOptions {
    fn default() -> Self {
        Self { separator: b',', case_sensitive: false }
    }
}

/// A field's type and the options of that type.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// Full text.
    Text(TextOptions),
    /// Exact values.
    Tag(TagOptions),
    /// Numbers.
    Numeric,
}

/// How a SORTABLE field keeps its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sortable {
    /// Strings are compared without case.
    Normalized,
    /// Strings are compared as they are (UNF).
    Raw,
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name by which queries address the field.
    pub name: String,
    /// Type and its options.
    pub kind: FieldKind,
    /// Whether results may be sorted by the field, and how.
    pub sortable: Option<Sortable>,
    /// The field can be sorted by, not searched.
    pub no_index: bool,
}

impl Field {
    /// A searchable, not sortable field.
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self { name: name.into(), kind, sortable: None, no_index: false }
    }

    /// The same field, SORTABLE.
    pub fn sortable(mut self, how: Sortable) -> Self {
        self.sortable = Some(how);
        self
    }

    /// The weight of one occurrence of a term in this field.
    pub fn frequency_weight(&self) -> u32 {
        match &self.kind {
            // `as` saturates, so that an absurd weight can't wrap.
            FieldKind::Text(text) => (text.weight as u32).max(1),
            FieldKind::Tag(_) | FieldKind::Numeric => 1,
        }
    }
}

/// The fields of an index and its text analysis.
#[derive(Debug, Clone)]
pub struct Schema {
    fields: Vec<Field>,
    /// Bit of each field among the TEXT fields.
    text_bits: Vec<Option<u8>>,
    analyzer: Arc<Analyzer>,
}

impl Schema {
    /// A schema of these fields, with English stemming and the default stop words.
    pub fn new(fields: Vec<Field>) -> Result<Self, SchemaError> {
        Self::with_analyzer(fields, Analyzer::english(StopWords::default()))
    }

    /// A schema of these fields with its own analysis.
    pub fn with_analyzer(fields: Vec<Field>, analyzer: Analyzer) -> Result<Self, SchemaError> {
        let mut schema =
            Self { fields: Vec::new(), text_bits: Vec::new(), analyzer: Arc::new(analyzer) };
        for field in fields {
            schema.push(field)?;
        }
        Ok(schema)
    }

    fn push(&mut self, field: Field) -> Result<(), SchemaError> {
        if self.fields.len() >= MAX_FIELDS {
            return Err(SchemaError::TooManyFields);
        }
        if self.find(&field.name).is_some() {
            return Err(SchemaError::DuplicateField(field.name));
        }
        let texts = self.text_bits.iter().flatten().count();
        let is_text = matches!(field.kind, FieldKind::Text(_));
        if is_text && texts >= MAX_TEXT_FIELDS {
            return Err(SchemaError::TooManyTextFields);
        }
        self.text_bits.push(is_text.then_some(texts as u8));
        self.fields.push(field);
        Ok(())
    }

    /// All fields, in the order of their ids.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field with this id.
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.fields.get(usize::from(id))
    }

    /// Finds a field by name. Names are compared with their case.
    pub fn find(&self, name: &str) -> Option<FieldId> {
        self.fields.iter().position(|f| f.name == name).map(|i| i as FieldId)
    }

    /// The mask bit of a TEXT field, or 0 for a field of another type.
    pub fn mask_of(&self, id: FieldId) -> FieldMask {
        match self.text_bits.get(usize::from(id)) {
            Some(Some(bit)) => 1 << bit,
            _ => 0,
        }
    }

    /// The index's text analysis.
    pub fn analyzer(&self) -> &Analyzer {
        &self.analyzer
    }
}
