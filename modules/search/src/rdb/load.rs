//! Reading definitions of indexes. What cannot be held here is left out and said in the log; an
//! index that would find wrong documents without it is left out as a whole.

use std::sync::Arc;

use cairn_core::Engine;
use cairn_core::rdb::{RdbError, Reader};

use super::{
    DICTIONARIES, ENCODING, FOREVER, OTHERS, OTHERS_ENCODING, SCHEMAS, field_flag, field_type,
    index_flag, tag_flag,
};
use crate::catalog::{Definition, Source};
use crate::commands::{FieldSpec, Head, define};
use crate::schema::{Field, FieldKind, Sortable, TagOptions, TextOptions};

/// The longest list of parameters that a VECTOR field has behind its algorithm.
const HNSW_PARAMETERS: usize = 10;

/// The same for FLAT.
const FLAT_PARAMETERS: usize = 6;

/// Reads what is stored under a name: the definitions, to be added to the catalog. `None` if the
/// name is not of search. `warn` hears of what is left out.
pub fn load(
    engine: &Engine,
    name: &str,
    encoding: u16,
    input: &mut Reader<'_>,
    warn: &mut dyn FnMut(&str),
) -> Option<Result<Vec<Arc<Definition>>, RdbError>> {
    let mut loader = Loader { engine, input, warn };
    match name {
        SCHEMAS => Some(loader.indexes(encoding, ENCODING, false)),
        OTHERS => Some(loader.indexes(encoding, OTHERS_ENCODING, true)),
        DICTIONARIES => Some(loader.dictionaries().map(|()| Vec::new())),
        _ => None,
    }
}

struct Loader<'l, 'b> {
    engine: &'l Engine,
    input: &'l mut Reader<'b>,
    warn: &'l mut dyn FnMut(&str),
}

/// What was read of an index, and why it cannot be had if it cannot.
struct Stored {
    name: Vec<u8>,
    head: Head,
    fields: Vec<FieldSpec>,
    obstacle: Option<String>,
}

impl Loader<'_, '_> {
    /// Reads all indexes. Other encodings than the known one are tried: if all parts fit, they have
    /// the same form.
    fn indexes(
        &mut self,
        encoding: u16,
        known: u16,
        with_db: bool,
    ) -> Result<Vec<Arc<Definition>>, RdbError> {
        self.all(with_db).map_err(|error| match encoding == known {
            true => error,
            false => RdbError::Unsupported(format!(
                "search indexes in encoding {encoding} cannot be read, only in {known}: {error}"
            )),
        })
    }

    fn all(&mut self, with_db: bool) -> Result<Vec<Arc<Definition>>, RdbError> {
        let mut all = Vec::new();
        for _ in 0..self.input.module_unsigned()? {
            let db = if with_db { self.db()? } else { 0 };
            let stored = self.index()?;
            let name = String::from_utf8_lossy(&stored.name).into_owned();
            let made = match stored.obstacle {
                Some(obstacle) => Err(obstacle),
                None => define(self.engine, &stored.name, db, stored.head, stored.fields)
                    .map_err(|error| error.to_string()),
            };
            match made {
                Ok(definition) => all.push(Arc::new(definition)),
                Err(why) => (self.warn)(&format!("search index '{name}' is left out: {why}")),
            }
        }
        // What does not end here was misunderstood.
        if self.input.rest().first().is_some_and(|next| *next != 0) {
            return Err(self.input.corrupt("the end of the search indexes was expected"));
        }
        Ok(all)
    }

    fn db(&mut self) -> Result<usize, RdbError> {
        let db = usize::try_from(self.input.module_unsigned()?).ok();
        let known = db.filter(|db| *db < self.engine.keyspace.databases());
        known.ok_or_else(|| self.input.corrupt("search index of a database that there is not"))
    }

    fn index(&mut self) -> Result<Stored, RdbError> {
        let name = self.text()?;
        let flags = self.input.module_unsigned()?;
        let mut lacks = Lacks::default();
        let mut fields = Vec::new();
        for _ in 0..self.input.module_unsigned()? {
            fields.extend(self.field(&mut lacks)?);
        }
        let mut head = Head { source: self.source()?, ..Head::default() };
        head.prefixes = self.texts()?;
        let filter = self.optional()?;
        for what in ["LANGUAGE_FIELD", "SCORE_FIELD", "PAYLOAD_FIELD"] {
            if self.optional()?.is_some() {
                lacks.add(what);
            }
        }
        head.score = self.input.module_double()? as f32;
        if self.input.module_unsigned()? != 0 {
            lacks.add("LANGUAGE other than english");
        }
        if flags & index_flag::STOP_WORDS != 0 {
            head.stop_words = Some(self.texts()?.iter().map(|word| lossy(word)).collect());
        }
        if flags & index_flag::SYNONYMS != 0 {
            self.synonyms(&mut lacks)?;
        }
        if self.input.module_unsigned()? != FOREVER || flags & index_flag::TEMPORARY != 0 {
            lacks.add("TEMPORARY");
        }
        for alias in self.texts()? {
            lacks.add(&format!("alias '{}'", lossy(&alias)));
        }
        let none = fields.is_empty().then(|| "it has no field that can be held".to_owned());
        let obstacle = filter.map(|_| "FILTER is not supported".to_owned()).or(none);
        if !lacks.0.is_empty() {
            let (name, lacks) = (lossy(&name), lacks.0.join(", "));
            (self.warn)(&format!("search index '{name}' is loaded without: {lacks}"));
        }
        Ok(Stored { name, head, fields, obstacle })
    }

    fn source(&mut self) -> Result<Source, RdbError> {
        match self.text()?.as_slice() {
            b"HASH" => Ok(Source::Hash),
            b"JSON" => Ok(Source::Json),
            _ => Err(self.input.corrupt("unknown type of documents of a search index")),
        }
    }

    /// A field; `None` if it is of a type that is left out.
    fn field(&mut self, lacks: &mut Lacks) -> Result<Option<FieldSpec>, RdbError> {
        let name = lossy(&self.text()?);
        let identifier = self.optional()?.map_or_else(|| name.clone(), |path| lossy(&path));
        let kind = self.input.module_unsigned()?;
        let options = self.input.module_unsigned()?;
        self.input.module_unsigned()?;
        let Some(kind) = self.kind(kind, options, &name, lacks)? else { return Ok(None) };
        for (flag, what) in [
            (field_flag::PHONETIC, "PHONETIC"),
            (field_flag::EMPTY, "INDEXEMPTY"),
            (field_flag::MISSING, "INDEXMISSING"),
        ] {
            if options & flag != 0 {
                lacks.add(&format!("{what} of field '{name}'"));
            }
        }
        let raw = options & field_flag::RAW != 0 && kind != FieldKind::Numeric;
        let mut field = Field::new(name, kind);
        if options & field_flag::SORTABLE != 0 {
            field.sortable = Some(if raw { Sortable::Raw } else { Sortable::Normalized });
        }
        field.no_index = options & field_flag::NO_INDEX != 0;
        Ok(Some(FieldSpec { field, identifier }))
    }

    fn kind(
        &mut self,
        kind: u64,
        options: u64,
        name: &str,
        lacks: &mut Lacks,
    ) -> Result<Option<FieldKind>, RdbError> {
        let other = match kind {
            field_type::TEXT => {
                self.input.module_unsigned()?;
                let weight = self.input.module_double()?;
                let no_stem = options & field_flag::NO_STEM != 0;
                return Ok(Some(FieldKind::Text(TextOptions { weight, no_stem })));
            }
            field_type::TAG => return self.tag().map(Some),
            field_type::NUMERIC => return Ok(Some(FieldKind::Numeric)),
            field_type::GEO => "GEO",
            field_type::GEOSHAPE => {
                self.input.module_unsigned()?;
                "GEOSHAPE"
            }
            field_type::VECTOR => {
                self.skip_vector()?;
                "VECTOR"
            }
            _ => return Err(self.input.corrupt(format!("type {kind} of search field '{name}'"))),
        };
        lacks.add(&format!("{other} field '{name}'"));
        Ok(None)
    }

    fn tag(&mut self) -> Result<FieldKind, RdbError> {
        let case_sensitive = self.input.module_unsigned()? & tag_flag::CASE_SENSITIVE != 0;
        let separator = self.input.module_string()?;
        let separator = separator.first().copied().filter(|byte| *byte != 0).unwrap_or(b',');
        Ok(FieldKind::Tag(TagOptions { separator, case_sensitive }))
    }

    fn skip_vector(&mut self) -> Result<(), RdbError> {
        let (_size, algorithm) = (self.input.module_unsigned()?, self.input.module_unsigned()?);
        let parameters = match algorithm {
            0 => FLAT_PARAMETERS,
            2 => HNSW_PARAMETERS,
            _ => return Err(self.input.corrupt(format!("algorithm {algorithm} of vectors"))),
        };
        (0..parameters).try_for_each(|_| self.input.module_unsigned().map(drop))
    }

    fn synonyms(&mut self, lacks: &mut Lacks) -> Result<(), RdbError> {
        lacks.add("synonyms");
        for _ in 0..self.input.module_unsigned()? {
            self.text()?;
            self.texts()?;
        }
        Ok(())
    }

    /// Dictionaries are left out. Before the keys there is nothing, not even a number of them.
    fn dictionaries(&mut self) -> Result<(), RdbError> {
        if self.input.rest().first() == Some(&0) {
            return Ok(());
        }
        for _ in 0..self.input.module_unsigned()? {
            let name = lossy(&self.text()?);
            for _ in 0..self.input.module_unsigned()? {
                self.text()?;
                self.input.module_double()?;
            }
            (self.warn)(&format!("dictionary '{name}' of search is left out"));
        }
        Ok(())
    }

    /// A string without the NUL behind it.
    fn text(&mut self) -> Result<Vec<u8>, RdbError> {
        let mut text = self.input.module_string()?;
        if text.last() == Some(&0) {
            text.pop();
        }
        Ok(text)
    }

    fn texts(&mut self) -> Result<Vec<Vec<u8>>, RdbError> {
        (0..self.input.module_unsigned()?).map(|_| self.text()).collect()
    }

    fn optional(&mut self) -> Result<Option<Vec<u8>>, RdbError> {
        match self.input.module_unsigned()? {
            0 => Ok(None),
            _ => self.text().map(Some),
        }
    }
}

/// What an index has and cannot have here.
#[derive(Default)]
struct Lacks(Vec<String>);

impl Lacks {
    fn add(&mut self, what: &str) {
        self.0.push(what.to_owned());
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
