//! Definitions of indexes in RDB files, in the form of RediSearch. What is indexed is not stored:
//! it is indexed anew once the keys are loaded.
//!
//! Worked out from what a Redis Stack 7.4 stores under [`SCHEMAS`] (encoding 23). All strings but
//! separators end with a NUL here. First the number of indexes (unsigned); of each
//!
//! | part | meaning |
//! |---|---|
//! | string, unsigned | name, options ([`index_flag`]) |
//! | unsigned, … | the number of fields, and the fields |
//! | string | `HASH` or `JSON` |
//! | unsigned, strings | the number of prefixes, and the prefixes |
//! | 4 × (unsigned, string) | 1 and the filter, the fields of language, score and payload; 0 alone without |
//! | double, unsigned | score and language of documents |
//! | unsigned, strings | with [`index_flag::STOP_WORDS`]: the number of stop words, and the words |
//! | unsigned, … | with [`index_flag::SYNONYMS`]: the number of words; of each the word, the number of its groups, and the groups |
//! | unsigned | after how many idle milliseconds the index goes; [`FOREVER`] never |
//! | unsigned, strings | the number of aliases, and the aliases |
//!
//! A field: name; 1 and the path, or 0 if the path is the name; type ([`field_type`]), options
//! ([`field_flag`]) and its place among the SORTABLE fields or `u64::MAX` (3 unsigned). Then TEXT has
//! its place among the TEXT fields, 65535 with NOINDEX (unsigned), and its weight (double); TAG has
//! [`tag_flag`]s (unsigned) and the separator (a string of one byte, 0 for none); VECTOR has
//! parameters that differ by algorithm, and GEOSHAPE its coordinates (unsigned).
//!
//! That form knows one logical database only. Indexes of others are stored under [`OTHERS`] of our
//! own: their number, and of each its database (unsigned) and then what stands above.

mod load;

use std::sync::atomic::Ordering;

use cairn_core::rdb::{SaveAux, Writer};

use crate::analysis::{DEFAULT_STOP_WORDS, StopWords};
use crate::catalog::{Definition, Source};
use crate::schema::{Field, FieldKind, Sortable};

pub use load::load;

/// RediSearch's name of its indexes, which are all of database 0.
pub const SCHEMAS: &str = "ft_index0";

/// The encoding of [`SCHEMAS`].
pub const ENCODING: u16 = 23;

/// Our name of the indexes of other databases.
pub const OTHERS: &str = "CairnFT00";

/// The encoding of [`OTHERS`].
const OTHERS_ENCODING: u16 = 1;

/// The name of RediSearch's dictionaries for spelling.
const DICTIONARIES: &str = "scdtype00";

/// The lifetime of an index that stays, -1000.
const FOREVER: u64 = 0u64.wrapping_sub(1000);

/// Options of an index.
mod index_flag {
    /// Offsets, fields, frequencies and bytes of terms are kept.
    pub const DEFAULT: u64 = 0x53;
    pub const STOP_WORDS: u64 = 0x08;
    /// More TEXT fields than [`super::NARROW`].
    pub const WIDE: u64 = 0x80;
    pub const SYNONYMS: u64 = 0x100;
    pub const TEMPORARY: u64 = 0x200;
    /// A field has another name than its path.
    pub const NAMED: u64 = 0x4000;
    /// There are fields which leave empty values out.
    pub const NOT_EMPTY: u64 = 0x8_0000;
}

/// TEXT fields that an index of RediSearch has room for unless it is told otherwise.
const NARROW: usize = 32;

/// Types of fields.
mod field_type {
    pub const TEXT: u64 = 1;
    pub const NUMERIC: u64 = 2;
    pub const GEO: u64 = 4;
    pub const TAG: u64 = 8;
    pub const VECTOR: u64 = 16;
    pub const GEOSHAPE: u64 = 32;
}

/// Options of a field.
mod field_flag {
    pub const SORTABLE: u64 = 0x01;
    pub const NO_STEM: u64 = 0x02;
    pub const NO_INDEX: u64 = 0x04;
    pub const PHONETIC: u64 = 0x08;
    pub const RAW: u64 = 0x20;
    pub const EMPTY: u64 = 0x100;
    pub const MISSING: u64 = 0x200;
}

/// Options of a TAG field.
mod tag_flag {
    pub const CASE_SENSITIVE: u64 = 1;
    /// Space around tags is dropped.
    pub const DEFAULT: u64 = 6;
}

/// The place of a TEXT field that is not indexed.
const NO_PLACE: u64 = 65_535;

/// Writes all definitions.
pub fn save(all: &[impl AsRef<Definition>], save: &mut SaveAux<'_>) {
    let db = |d: &Definition| d.db.load(Ordering::Relaxed);
    let (first, others): (Vec<_>, Vec<_>) = all.iter().map(AsRef::as_ref).partition(|d| db(d) == 0);
    if !first.is_empty() {
        save(SCHEMAS, ENCODING, &mut |out| {
            out.module_unsigned(first.len() as u64);
            first.iter().for_each(|definition| save_index(definition, out));
        });
    }
    if !others.is_empty() {
        save(OTHERS, OTHERS_ENCODING, &mut |out| {
            out.module_unsigned(others.len() as u64);
            for definition in &others {
                out.module_unsigned(db(definition) as u64);
                save_index(definition, out);
            }
        });
    }
}

/// A string with the NUL that RediSearch puts behind it.
fn save_text(text: &[u8], out: &mut Writer) {
    let mut text = text.to_vec();
    text.push(0);
    out.module_string(&text);
}

fn save_index(definition: &Definition, out: &mut Writer) {
    let schema = definition.index.schema();
    let stop_words = own_stop_words(schema.analyzer().stop_words());
    save_text(&definition.name, out);
    out.module_unsigned(
        flags(definition) | stop_words.as_ref().map_or(0, |_| index_flag::STOP_WORDS),
    );
    save_fields(definition, out);
    save_text(if definition.source == Source::Hash { b"HASH" } else { b"JSON" }, out);
    out.module_unsigned(definition.prefixes.len() as u64);
    definition.prefixes.iter().for_each(|prefix| save_text(prefix, out));
    [0; 4].iter().for_each(|absent| out.module_unsigned(*absent));
    out.module_double(f64::from(definition.score));
    out.module_unsigned(0);
    if let Some(words) = stop_words {
        out.module_unsigned(words.len() as u64);
        // Unlike other strings, these have no NUL.
        words.iter().for_each(|word| out.module_string(word.as_bytes()));
    }
    out.module_unsigned(FOREVER);
    out.module_unsigned(0);
}

fn flags(definition: &Definition) -> u64 {
    let fields = definition.index.schema().fields();
    let texts = fields.iter().filter(|f| matches!(f.kind, FieldKind::Text(_))).count();
    let named = fields.iter().zip(&definition.fields).any(|(f, from)| f.name != from.identifier);
    let strings = fields.iter().any(|f| !matches!(f.kind, FieldKind::Numeric));
    [
        (texts > NARROW, index_flag::WIDE),
        (named, index_flag::NAMED),
        (strings, index_flag::NOT_EMPTY),
    ]
    .iter()
    .filter(|(holds, _)| *holds)
    .fold(index_flag::DEFAULT, |flags, (_, flag)| flags | flag)
}

/// The stop words in order, unless they are the default ones.
fn own_stop_words(words: &StopWords) -> Option<Vec<&str>> {
    let mut words: Vec<&str> = words.iter().collect();
    words.sort_unstable();
    let mut default = DEFAULT_STOP_WORDS;
    default.sort_unstable();
    (words != default).then_some(words)
}

fn save_fields(definition: &Definition, out: &mut Writer) {
    let fields = definition.index.schema().fields();
    out.module_unsigned(fields.len() as u64);
    let (mut sortables, mut texts) = (0, 0);
    for (field, from) in fields.iter().zip(&definition.fields) {
        save_text(field.name.as_bytes(), out);
        let named = field.name != from.identifier;
        out.module_unsigned(u64::from(named));
        if named {
            save_text(from.identifier.as_bytes(), out);
        }
        let (kind, options) = type_and_options(field);
        out.module_unsigned(kind);
        out.module_unsigned(options);
        out.module_unsigned(if field.sortable.is_some() { sortables } else { u64::MAX });
        sortables += u64::from(field.sortable.is_some());
        match &field.kind {
            FieldKind::Text(text) => {
                out.module_unsigned(if field.no_index { NO_PLACE } else { texts });
                texts += u64::from(!field.no_index);
                out.module_double(text.weight);
            }
            FieldKind::Tag(tag) => {
                let case = if tag.case_sensitive { tag_flag::CASE_SENSITIVE } else { 0 };
                out.module_unsigned(tag_flag::DEFAULT | case);
                // Strings of documents are not split by the separator that hashes have by default.
                let whole = definition.source == Source::Json && tag.separator == b',';
                out.module_string(&[if whole { 0 } else { tag.separator }]);
            }
            FieldKind::Numeric => {}
        }
    }
}

fn type_and_options(field: &Field) -> (u64, u64) {
    let (kind, mut options) = match &field.kind {
        FieldKind::Text(text) if text.no_stem => (field_type::TEXT, field_flag::NO_STEM),
        FieldKind::Text(_) => (field_type::TEXT, 0),
        FieldKind::Tag(_) => (field_type::TAG, 0),
        FieldKind::Numeric => (field_type::NUMERIC, 0),
    };
    if let Some(how) = field.sortable {
        let raw = how == Sortable::Raw || kind == field_type::NUMERIC;
        options |= field_flag::SORTABLE | if raw { field_flag::RAW } else { 0 };
    }
    if field.no_index {
        options |= field_flag::NO_INDEX;
    }
    (kind, options)
}

#[cfg(test)]
mod tests;
