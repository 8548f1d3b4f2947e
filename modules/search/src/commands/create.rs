//! FT.CREATE and FT.DROPINDEX.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::keyspace::{SHARDS, Scope, ShardSet};
use cairn_core::notify::Class;
use cairn_core::util::float::parse_f64;
use cairn_core::{CmdError, Engine};

use super::words::Words;
use super::{done, find, module};
use crate::analysis::{Analyzer, StopWords};
use crate::catalog::{Definition, FieldSource, Source};
use crate::index::Index;
use crate::schema::{Field, FieldKind, Schema, Sortable, TagOptions, TextOptions};

/// What stands before SCHEMA.
pub struct Head {
    /// The type of keys.
    pub source: Source,
    /// What keys begin with.
    pub prefixes: Vec<Vec<u8>>,
    /// The score of documents.
    pub score: f32,
    /// Stop words other than the default ones.
    pub stop_words: Option<Vec<String>>,
    /// Keys that are there already are not indexed.
    pub skip_scan: bool,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            source: Source::Hash,
            prefixes: vec![Vec::new()],
            score: 1.0,
            stop_words: None,
            skip_scan: false,
        }
    }
}

impl Head {
    fn parse(words: &mut Words<'_>) -> Result<Self, CmdError> {
        let mut head = Head::default();
        while !words.accept("schema") {
            if words.accept("on") {
                head.source = match words.text("ON")?.to_ascii_uppercase().as_str() {
                    "HASH" => Source::Hash,
                    "JSON" => Source::Json,
                    other => {
                        return Err(CmdError::new(format!("ERR Invalid rule type: {other}")));
                    }
                };
            } else if words.accept("prefix") {
                head.prefixes = words.counted("PREFIX")?.iter().map(|p| p.to_vec()).collect();
            } else if words.accept("score") {
                let score = parse_f64(words.need("SCORE")?).filter(|s| (0.0..=1.0).contains(s));
                let score = score.ok_or(CmdError::fixed("ERR Invalid score"))?;
                head.score = score as f32;
            } else if words.accept("stopwords") {
                let list = words.counted("STOPWORDS")?;
                let text = |w: &&[u8]| String::from_utf8_lossy(w).to_lowercase();
                head.stop_words = Some(list.iter().map(text).collect());
            } else if words.accept("skipinitialscan") {
                head.skip_scan = true;
            } else if words.accept("language") {
                let language = words.text("LANGUAGE")?;
                if !language.eq_ignore_ascii_case("english") {
                    return Err(CmdError::new(format!("ERR Unsupported language: {language}")));
                }
            } else if !(words.accept("nooffsets")
                || words.accept("nohl")
                || words.accept("nofields")
                || words.accept("nofreqs")
                || words.accept("maxtextfields"))
            {
                // The options above only save memory elsewhere; queries answer the same without.
                return Err(unknown(words.take()));
            }
        }
        Ok(head)
    }
}

fn unknown(word: Option<&[u8]>) -> CmdError {
    match word {
        Some(word) => {
            let word = String::from_utf8_lossy(word);
            CmdError::new(format!("ERR Unknown argument `{word}`"))
        }
        None => CmdError::fixed("ERR No schema found"),
    }
}

/// A field and where it comes from.
pub struct FieldSpec {
    /// The field.
    pub field: Field,
    /// The hash field or JSON path.
    pub identifier: String,
}

fn parse_fields(words: &mut Words<'_>) -> Result<Vec<FieldSpec>, CmdError> {
    let mut fields = Vec::new();
    while let Some(identifier) = words.take() {
        let identifier = String::from_utf8_lossy(identifier).into_owned();
        let name = if words.accept("as") { words.text("AS")? } else { identifier.clone() };
        let field = parse_field(words, name)?;
        fields.push(FieldSpec { field, identifier });
    }
    if fields.is_empty() {
        return Err(CmdError::fixed("ERR Fields arguments are missing"));
    }
    Ok(fields)
}

fn parse_field(words: &mut Words<'_>, name: String) -> Result<Field, CmdError> {
    let kind = if words.accept("text") {
        FieldKind::Text(text_options(words)?)
    } else if words.accept("tag") {
        FieldKind::Tag(tag_options(words)?)
    } else if words.accept("numeric") {
        FieldKind::Numeric
    } else {
        return Err(match words.take() {
            Some(kind) => CmdError::new(format!(
                "ERR Invalid field type for field `{name}`: {}",
                String::from_utf8_lossy(kind)
            )),
            None => CmdError::new(format!("ERR Field `{name}` does not have a type")),
        });
    };
    let mut field = Field::new(name, kind);
    loop {
        if words.accept("sortable") {
            field.sortable = Some(Sortable::Normalized);
            if words.accept("unf") {
                field.sortable = Some(Sortable::Raw);
            }
        } else if words.accept("noindex") {
            field.no_index = true;
        } else if !words.accept("withsuffixtrie") {
            return Ok(field);
        }
    }
}

fn text_options(words: &mut Words<'_>) -> Result<TextOptions, CmdError> {
    let mut options = TextOptions::default();
    loop {
        if words.accept("weight") {
            let weight = parse_f64(words.need("WEIGHT")?).filter(|w| *w >= 0.0);
            options.weight = weight.ok_or(CmdError::fixed(
                "ERR Bad arguments for weight: Could not convert argument to expected type",
            ))?;
        } else if words.accept("nostem") {
            options.no_stem = true;
        } else if words.accept("phonetic") {
            words.need("PHONETIC")?;
            return Err(CmdError::fixed("ERR PHONETIC matching is not supported"));
        } else {
            return Ok(options);
        }
    }
}

fn tag_options(words: &mut Words<'_>) -> Result<TagOptions, CmdError> {
    let mut options = TagOptions::default();
    loop {
        if words.accept("separator") {
            let word = words.need("SEPARATOR")?;
            let [separator] = word else {
                return Err(CmdError::new(format!(
                    "ERR Tag separator must be a single character. Got `{}`",
                    String::from_utf8_lossy(word)
                )));
            };
            options.separator = *separator;
        } else if words.accept("casesensitive") {
            options.case_sensitive = true;
        } else {
            return Ok(options);
        }
    }
}

/// FT.CREATE.
pub fn create(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let mut words = Words::new(&args[2..]);
    let head = Head::parse(&mut words)?;
    let fields = parse_fields(&mut words)?;
    let module = module(ctx)?;
    let skip_scan = head.skip_scan;
    let definition = Arc::new(define(ctx.engine(), args[1], ctx.session.db, head, fields)?);
    if !module.catalog.add(Arc::clone(&definition)) {
        return Err(CmdError::fixed("ERR Index already exists"));
    }
    // From here on writes are seen; what was there before is read by the scan.
    ctx.engine().modules.observe_keys(true);
    if !skip_scan {
        module.scan(&definition);
    }
    ctx.space.count_change();
    ctx.reply.ok();
    done()
}

/// An index that is empty as yet.
///
/// # Errors
/// When the fields make no schema, or paths are no paths.
pub fn define(
    engine: &Engine,
    name: &[u8],
    db: usize,
    head: Head,
    fields: Vec<FieldSpec>,
) -> Result<Definition, CmdError> {
    let (sources, schema_fields) = sources(engine, head.source, fields)?;
    let stop_words = head.stop_words.map_or_else(StopWords::default, StopWords::new);
    let schema = Schema::with_analyzer(schema_fields, Analyzer::english(stop_words));
    let schema = schema.map_err(|e| CmdError::new(format!("ERR {e}")))?;
    Ok(Definition {
        name: name.to_vec(),
        db: AtomicUsize::new(db),
        source: head.source,
        prefixes: head.prefixes,
        fields: sources,
        score: head.score,
        index: Index::new(schema),
        awaits_keys: AtomicBool::new(false),
        scanning: AtomicBool::new(false),
        scanned: AtomicU32::new(if head.skip_scan { SHARDS as u32 } else { 0 }),
        dropped: AtomicBool::new(false),
    })
}

fn sources(
    engine: &Engine,
    source: Source,
    fields: Vec<FieldSpec>,
) -> Result<(Vec<FieldSource>, Vec<Field>), CmdError> {
    let documents = engine.modules.documents();
    let (mut sources, mut schema) = (Vec::new(), Vec::new());
    for FieldSpec { field, identifier } in fields {
        let path = match (source, documents) {
            (Source::Hash, _) => None,
            (Source::Json, None) => {
                return Err(CmdError::fixed("ERR the JSON module is not loaded"));
            }
            (Source::Json, Some(documents)) => {
                let path = documents.path(&identifier);
                Some(path.map_err(|e| {
                    CmdError::new(format!(
                        "ERR Invalid JSONPath '{identifier}' in attribute '{}' in index: {e}",
                        field.name
                    ))
                })?)
            }
        };
        sources.push(FieldSource { identifier, path });
        schema.push(field);
    }
    Ok((sources, schema))
}

/// FT.DROPINDEX. With DD its documents are deleted too.
pub fn drop_index(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if let Some(state) = ctx.step.take() {
        return delete_documents(ctx, state);
    }
    let delete = match &args[2..] {
        [] => false,
        [word] if word.eq_ignore_ascii_case(b"dd") => true,
        [word, ..] => return Err(unknown(Some(word))),
    };
    let definition = find(ctx, args[1])?;
    let module = module(ctx)?;
    // Keys stay observed: other modules may rely on it.
    module.catalog.drop_where(|d| std::ptr::eq(d, &*definition));
    ctx.space.count_change();
    if !delete {
        ctx.reply.ok();
        return done();
    }
    // The documents are logged one by one, as the time of their deletion is nowhere else to be had.
    ctx.space.effect(&[b"FT.DROPINDEX", args[1]]);
    delete_documents(ctx, Box::new(Deletion { definition, shard: 0, cursor: 0 }))
}

/// How far a deletion of an index's documents has come.
struct Deletion {
    definition: Arc<Definition>,
    shard: u16,
    cursor: u64,
}

/// Documents that are deleted while a shard is held.
const DELETE_HELD: usize = 64;

fn delete_documents(ctx: &mut Ctx<'_, '_>, state: Box<dyn std::any::Any + Send>) -> Outcome {
    let Ok(mut state) = state.downcast::<Deletion>() else {
        return Err(CmdError::fixed("ERR internal error: lost the state of FT.DROPINDEX"));
    };
    if ctx.space.held().owns(state.shard) {
        let mut keys = Vec::new();
        loop {
            state.cursor = ctx.space.scan_shard(state.shard, state.cursor, |entry| {
                if state.definition.index.contains(entry.key()) {
                    keys.push(entry.key().to_vec());
                }
            });
            if state.cursor == 0 || keys.len() >= DELETE_HELD {
                break;
            }
        }
        ctx.space.no_effect();
        for key in keys {
            ctx.space.remove(&key);
            ctx.space.effect(&[b"DEL", &key]);
            ctx.space.changed(Class::GENERIC, "del", &key);
        }
        if state.cursor == 0 {
            state.shard += 1;
        }
    }
    if usize::from(state.shard) == SHARDS {
        ctx.reply.ok();
        return done();
    }
    let next = ShardSet::one(state.shard);
    ctx.step = Some(state);
    Ok(Flow::Again(Scope::Shards(next)))
}

/// Whether a scan of old keys is under way, and how far it has come.
pub fn progress(definition: &Definition) -> (bool, f64) {
    let scanning = definition.scanning.load(Ordering::Relaxed);
    let done = f64::from(definition.scanned.load(Ordering::Relaxed)) / SHARDS as f64;
    (scanning, if scanning { done } else { 1.0 })
}
