//! The index: writes, snapshots for queries, and figures for `FT.INFO`.
//!
//! One lock guards what writers change. A write holds it while it adds a document's postings; a
//! query only while it takes references to the lists it needs, and again to look up the keys of
//! its hits. So neither waits for the other's real work.

use crate::analysis::tokenizer::tokenize;
use crate::column::{Column, NumberColumn, StringColumn};
use crate::dictionary::{Dictionary, TermId};
use crate::docs::{DocFacts, DocTable};
use crate::gc::Collector;
use crate::memory::Memory;
use crate::number::Number;
use crate::numeric::NumericIndex;
use crate::postings::{Posting, PostingList, varint};
use crate::schema::{Field, FieldId, FieldKind, FieldMask, Schema, Sortable};
use crate::tag::{self, TagIndex};
use std::borrow::Cow;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Share of a field's weight that stems get.
const STEM_WEIGHT: f64 = 0.2;

/// Words of one document beyond this are not indexed.
pub const MAX_DOC_TOKENS: usize = 1 << 24;

/// A value of a document's field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// A value as a hash holds it; split or parsed by the field's type.
    Bytes(&'a [u8]),
    /// Several strings, as a JSON array holds them; tags among them are not split.
    Strings(Vec<Cow<'a, [u8]>>),
    /// Numbers.
    Numbers(Vec<Number>),
}

/// Why a document was not indexed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A NUMERIC field's value is no number.
    #[error("Invalid numeric value: '{value}'")]
    NotANumber {
        /// The field.
        field: String,
        /// Its value.
        value: String,
    },
    /// All document ids have been used.
    #[error("The index has run out of document ids and must be rebuilt")]
    OutOfIds,
}

/// What an index holds, for `FT.INFO`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Info {
    /// Living documents.
    pub docs: u64,
    /// Highest document id given.
    pub max_doc_id: u64,
    /// Distinct terms.
    pub terms: u64,
    /// Postings of all terms.
    pub records: u64,
    /// Documents that died and wait to be collected.
    pub dead: u64,
    /// Sum of the lengths of the living documents.
    pub total_len: u64,
    /// Documents that could not be indexed.
    pub failures: u64,
    /// Heap bytes by part.
    pub memory: Memory,
}

/// What the index knows of a term beside its text.
#[derive(Debug, Default)]
pub(crate) struct TermEntry {
    pub(crate) list: PostingList,
    stem: Stem,
}

/// The term of a word's stem, worked out once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stem {
    #[default]
    Unknown,
    /// The word is not stemmed.
    None,
    Term(TermId),
}

/// The data of one field.
#[derive(Debug)]
pub(crate) enum FieldData {
    Text,
    Tag(TagIndex),
    Numeric(NumericIndex),
}

/// All that the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) docs: DocTable,
    pub(crate) dictionary: Dictionary,
    pub(crate) terms: Vec<TermEntry>,
    pub(crate) fields: Vec<FieldData>,
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) dead: Vec<u32>,
    pub(crate) collector: Collector,
    pub(crate) records: u64,
    failures: u64,
}

/// A full-text index. All methods take `&self` and may be called from any thread.
#[derive(Debug)]
pub struct Index {
    schema: Schema,
    inner: RwLock<Inner>,
}

impl Index {
    /// An empty index.
    pub fn new(schema: Schema) -> Self {
        let data = |field: &Field| match field.kind {
            FieldKind::Text(_) => FieldData::Text,
            FieldKind::Tag(_) => FieldData::Tag(TagIndex::default()),
            FieldKind::Numeric => FieldData::Numeric(NumericIndex::default()),
        };
        let column = |field: &Field| match field.kind {
            FieldKind::Numeric => Some(Column::Number(NumberColumn::default())),
            _ => field.sortable.map(|_| Column::String(StringColumn::default())),
        };
        let inner = Inner {
            docs: DocTable::default(),
            dictionary: Dictionary::default(),
            terms: Vec::new(),
            fields: schema.fields().iter().map(data).collect(),
            columns: schema.fields().iter().map(column).collect(),
            dead: Vec::new(),
            collector: Collector::default(),
            records: 0,
            failures: 0,
        };
        Self { schema, inner: RwLock::new(inner) }
    }

    /// What the index covers.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // A panic cannot leave a half-written document visible: its id is published last.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a document, in place of the one under the same key if there is one. The next search
    /// sees it. A document that can't be indexed is removed.
    ///
    /// `score` is the document's own score, usually 1.
    pub fn upsert<'a>(
        &self,
        key: &[u8],
        fields: impl IntoIterator<Item = (FieldId, FieldValue<'a>)>,
        score: f32,
    ) -> Result<u32, IndexError> {
        let analysed = Analysed::new(&self.schema, fields);
        let mut inner = self.write();
        inner.remove(key);
        let added = analysed.and_then(|a| inner.add(&self.schema, key, a, score));
        inner.failures += u64::from(added.is_err());
        added
    }

    /// Removes the document under a key; whether there was one.
    pub fn remove(&self, key: &[u8]) -> bool {
        self.write().remove(key)
    }

    /// Whether there is a document under a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.read().docs.find(key).is_some()
    }

    /// Figures and memory. Takes time in proportion to the number of terms.
    pub fn info(&self) -> Info {
        let inner = self.read();
        Info {
            docs: inner.docs.alive().into(),
            max_doc_id: u64::from(inner.docs.next_doc()) - 1,
            terms: inner.dictionary.len() as u64,
            records: inner.records,
            dead: inner.dead.len() as u64,
            total_len: inner.docs.snapshot().total_len(),
            failures: inner.failures,
            memory: inner.memory(),
        }
    }

    /// The values of a TAG field that have documents, in byte order.
    pub fn tag_values(&self, field: FieldId) -> Vec<Vec<u8>> {
        match self.read().fields.get(usize::from(field)) {
            Some(FieldData::Tag(tags)) => tags.values().map(|(v, _)| v.to_vec()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A token of a document: where its text stands, and in which field and place.
#[derive(Debug, Clone, Copy)]
struct TokenAt {
    start: u32,
    len: u32,
    position: u32,
    field: FieldId,
}

/// A document's fields after all work that needs no lock.
#[derive(Debug, Default)]
struct Analysed<'a> {
    text: String,
    tokens: Vec<TokenAt>,
    numbers: Vec<(FieldId, Vec<Number>)>,
    tags: Vec<(FieldId, Vec<Cow<'a, [u8]>>)>,
    sort_keys: Vec<(FieldId, Vec<u8>)>,
    /// Positions taken by the text fields so far.
    position: u32,
}

impl<'a> Analysed<'a> {
    fn new(
        schema: &Schema,
        fields: impl IntoIterator<Item = (FieldId, FieldValue<'a>)>,
    ) -> Result<Self, IndexError> {
        let mut fields: Vec<_> = fields.into_iter().collect();
        // Positions run on from field to field, in the schema's order.
        fields.sort_by_key(|(id, _)| *id);
        let mut analysed = Self::default();
        let mut scratch = String::new();
        for (id, value) in fields {
            let Some(field) = schema.field(id) else { continue };
            match &field.kind {
                FieldKind::Text(_) => analysed.add_text(schema, id, field, value, &mut scratch),
                FieldKind::Tag(options) => {
                    let tags = tags_of(&value, options.separator, options.case_sensitive);
                    analysed.add_tags(id, field, value, tags);
                }
                FieldKind::Numeric => {
                    let numbers = numbers_of(field, value)?;
                    analysed.numbers.push((id, numbers));
                }
            }
        }
        Ok(analysed)
    }

    fn add_text(
        &mut self,
        schema: &Schema,
        id: FieldId,
        field: &Field,
        value: FieldValue<'a>,
        scratch: &mut String,
    ) {
        let strings: Vec<Cow<'a, [u8]>> = match value {
            FieldValue::Bytes(bytes) => vec![Cow::Borrowed(bytes)],
            FieldValue::Strings(strings) => strings,
            FieldValue::Numbers(_) => return,
        };
        if let (Some(how), Some(first)) = (field.sortable, strings.first()) {
            self.sort_keys.push((id, sort_key(first, how)));
        }
        if field.no_index {
            return;
        }
        let stop_words = schema.analyzer().stop_words();
        for string in &strings {
            let base = self.position;
            let taken = tokenize(&String::from_utf8_lossy(string), stop_words, scratch, |token| {
                if self.tokens.len() < MAX_DOC_TOKENS {
                    let start = self.text.len() as u32;
                    self.text.push_str(token.text);
                    let position = base.saturating_add(token.position);
                    let len = token.text.len() as u32;
                    self.tokens.push(TokenAt { start, len, position, field: id });
                }
            });
            self.position = base.saturating_add(taken);
        }
    }

    fn add_tags(
        &mut self,
        id: FieldId,
        field: &Field,
        value: FieldValue<'a>,
        tags: Vec<Cow<'a, [u8]>>,
    ) {
        let first = match &value {
            FieldValue::Bytes(bytes) => Some(*bytes),
            FieldValue::Strings(strings) => strings.first().map(|s| &**s),
            FieldValue::Numbers(_) => None,
        };
        if let (Some(how), Some(first)) = (field.sortable, first) {
            self.sort_keys.push((id, sort_key(first, how)));
        }
        if !field.no_index {
            self.tags.push((id, tags));
        }
    }
}

/// A string as a SORTABLE column compares it.
fn sort_key(value: &[u8], how: Sortable) -> Vec<u8> {
    tag::normalize(value, how == Sortable::Raw).into_owned()
}

fn tags_of<'a>(value: &FieldValue<'a>, separator: u8, case_sensitive: bool) -> Vec<Cow<'a, [u8]>> {
    let normal = |tag: Cow<'a, [u8]>| match tag {
        Cow::Borrowed(bytes) => tag::normalize(bytes, case_sensitive),
        Cow::Owned(bytes) => Cow::Owned(tag::normalize(&bytes, case_sensitive).into_owned()),
    };
    let mut tags: Vec<_> = match value {
        FieldValue::Bytes(bytes) => {
            tag::split(bytes, separator).map(|t| normal(Cow::Borrowed(t))).collect()
        }
        FieldValue::Strings(strings) => strings.iter().cloned().map(normal).collect(),
        FieldValue::Numbers(_) => Vec::new(),
    };
    tags.sort();
    tags.dedup();
    tags
}

fn numbers_of(field: &Field, value: FieldValue<'_>) -> Result<Vec<Number>, IndexError> {
    let parse = |bytes: &[u8]| {
        let number = std::str::from_utf8(bytes).ok().and_then(|t| Number::parse(t.trim_ascii()));
        number.ok_or_else(|| IndexError::NotANumber {
            field: field.name.clone(),
            value: String::from_utf8_lossy(bytes).into_owned(),
        })
    };
    match value {
        FieldValue::Bytes(bytes) => Ok(vec![parse(bytes)?]),
        FieldValue::Strings(strings) => strings.iter().map(|s| parse(s)).collect(),
        FieldValue::Numbers(numbers) => Ok(numbers),
    }
}

/// One occurrence of a term in a document.
#[derive(Debug, Clone, Copy)]
struct Occurrence {
    term: TermId,
    position: u32,
    field: FieldId,
    is_stem: bool,
}

impl Inner {
    fn remove(&mut self, key: &[u8]) -> bool {
        match self.docs.remove(key) {
            Some(doc) => {
                self.dead.push(doc);
                true
            }
            None => false,
        }
    }

    fn add(
        &mut self,
        schema: &Schema,
        key: &[u8],
        analysed: Analysed<'_>,
        score: f32,
    ) -> Result<u32, IndexError> {
        let weights = Weights::new(schema);
        let occurrences = self.occurrences(schema, &analysed)?;
        let words = occurrences.iter().filter(|o| !o.is_stem);
        let len = words.fold(0u32, |sum, o| sum.saturating_add(weights.of(o)));
        let runs = || occurrences.chunk_by(|a, b| a.term == b.term);
        let max_freq = runs().map(|run| weights.sum(run)).max().unwrap_or(0);
        let facts = DocFacts { len, max_freq, score };
        let doc = self.docs.insert(key, facts).ok_or(IndexError::OutOfIds)?;
        let mut positions = Vec::new();
        for run in runs() {
            positions.clear();
            varint::write_positions(run.iter().map(|o| o.position), &mut positions);
            let mask = run.iter().fold(0, |mask, o| mask | weights.mask(o));
            let freq = weights.sum(run);
            let posting = Posting { doc, freq, mask, positions: &positions };
            self.terms[run[0].term as usize].list.push(posting, &facts);
            self.records += 1;
        }
        self.add_values(schema, doc, &analysed);
        Ok(doc)
    }

    /// The document's terms with their stems, ordered by term, then by position.
    fn occurrences(
        &mut self,
        schema: &Schema,
        analysed: &Analysed<'_>,
    ) -> Result<Vec<Occurrence>, IndexError> {
        let mut all = Vec::with_capacity(analysed.tokens.len() * 2);
        for token in &analysed.tokens {
            let start = token.start as usize;
            let word = &analysed.text[start..start + token.len as usize];
            let term = self.term(word.as_bytes())?;
            let at =
                Occurrence { term, position: token.position, field: token.field, is_stem: false };
            all.push(at);
            let stems = matches!(schema.field(token.field), Some(Field { kind: FieldKind::Text(t), .. }) if !t.no_stem);
            if let (true, Stem::Term(stem)) = (stems, self.stem(schema, term, word)?) {
                all.push(Occurrence { term: stem, is_stem: true, ..at });
            }
        }
        all.sort_unstable_by_key(|o| (u64::from(o.term) << 32) | u64::from(o.position));
        Ok(all)
    }

    fn term(&mut self, word: &[u8]) -> Result<TermId, IndexError> {
        let id = self.dictionary.get_or_insert(word).ok_or(IndexError::OutOfIds)?;
        if self.terms.len() <= id as usize {
            self.terms.resize_with(id as usize + 1, TermEntry::default);
        }
        Ok(id)
    }

    fn stem(&mut self, schema: &Schema, term: TermId, word: &str) -> Result<Stem, IndexError> {
        let known = self.terms[term as usize].stem;
        if known != Stem::Unknown {
            return Ok(known);
        }
        let stem = match schema.analyzer().stem_term(word) {
            Some(stem) => Stem::Term(self.term(stem.as_bytes())?),
            None => Stem::None,
        };
        self.terms[term as usize].stem = stem;
        Ok(stem)
    }

    fn add_values(&mut self, schema: &Schema, doc: u32, analysed: &Analysed<'_>) {
        for (id, tags) in &analysed.tags {
            if let FieldData::Tag(index) = &mut self.fields[usize::from(*id)] {
                tags.iter().for_each(|tag| index.insert(tag, doc));
            }
        }
        for (id, numbers) in &analysed.numbers {
            let indexed = schema.field(*id).is_some_and(|f| !f.no_index);
            if let (FieldData::Numeric(index), true) = (&mut self.fields[usize::from(*id)], indexed)
            {
                numbers.iter().for_each(|&number| index.insert(number, doc));
                if numbers.len() > 1 {
                    index.note_many();
                }
            }
            if let Some(Column::Number(column)) = &mut self.columns[usize::from(*id)] {
                column.set(doc, numbers);
            }
        }
        for (id, key) in &analysed.sort_keys {
            if let Some(Column::String(column)) = &mut self.columns[usize::from(*id)] {
                column.set(doc, key);
            }
        }
    }

    /// The postings of a term.
    pub(crate) fn list(&self, term: &[u8]) -> Option<&PostingList> {
        let id = self.dictionary.get(term)?;
        self.terms.get(id as usize).map(|entry| &entry.list)
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory {
            postings: self.terms.capacity() * size_of::<TermEntry>(),
            dictionary: self.dictionary.heap_bytes(),
            documents: self.docs.heap_bytes() + self.dead.capacity() * size_of::<u32>(),
            columns: self.columns.iter().flatten().map(Column::heap_bytes).sum(),
            ..Memory::default()
        };
        for entry in &self.terms {
            let (postings, positions) = entry.list.heap_bytes();
            memory.postings += postings;
            memory.positions += positions;
        }
        for field in &self.fields {
            match field {
                FieldData::Text => {}
                FieldData::Tag(tags) => memory.tags += tags.heap_bytes(),
                FieldData::Numeric(numbers) => memory.numeric += numbers.heap_bytes(),
            }
        }
        memory
    }
}

/// What one occurrence in each field weighs.
struct Weights(Vec<(u32, u32, FieldMask)>);

impl Weights {
    fn new(schema: &Schema) -> Self {
        let weigh = |(id, field): (usize, &Field)| {
            let weight = match &field.kind {
                FieldKind::Text(text) => text.weight,
                _ => 1.0,
            };
            let stem = ((weight * STEM_WEIGHT) as u32).max(1);
            (field.frequency_weight(), stem, schema.mask_of(id as FieldId))
        };
        Self(schema.fields().iter().enumerate().map(weigh).collect())
    }

    fn of(&self, o: &Occurrence) -> u32 {
        let (word, stem, _) = self.0[usize::from(o.field)];
        if o.is_stem { stem } else { word }
    }

    fn sum(&self, run: &[Occurrence]) -> u32 {
        run.iter().fold(0, |sum, o| sum.saturating_add(self.of(o)))
    }

    fn mask(&self, o: &Occurrence) -> FieldMask {
        self.0[usize::from(o.field)].2
    }
}
