//! FT.INFO, FT._LIST, FT.TAGVALS.

use std::sync::atomic::Ordering;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Outcome};
use cairn_core::reply::{Aggregate, Reply};

use super::{create, done, find, module};
use crate::catalog::{Definition, Source};
use crate::schema::{FieldKind, Sortable};

/// FT._LIST.
pub fn list(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let db = ctx.session.db;
    let mut all = module(ctx)?.catalog.list();
    all.retain(|d| d.db.load(Ordering::Relaxed) == db);
    ctx.reply.set(all.len());
    all.iter().for_each(|d| ctx.reply.bulk(&d.name));
    done()
}

/// FT.TAGVALS.
pub fn tagvals(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let definition = find(ctx, args[1])?;
    let name = String::from_utf8_lossy(args[2]);
    let schema = definition.index.schema();
    let Some(id) = schema.find(&name) else { return Err(CmdError::fixed("ERR No such field")) };
    if !matches!(schema.field(id).map(|f| &f.kind), Some(FieldKind::Tag(_))) {
        return Err(CmdError::fixed("ERR Not a tag field"));
    }
    let values = definition.index.tag_values(id);
    ctx.reply.set(values.len());
    values.iter().for_each(|v| ctx.reply.bulk(v));
    done()
}

/// FT.INFO.
pub fn info(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let definition = find(ctx, args[1])?;
    let r = &mut *ctx.reply;
    let map = r.defer(Aggregate::Map);
    let mut fields = Fields { reply: r, count: 0 };
    fields.bulk("index_name", &definition.name);
    fields.name("index_options");
    fields.reply.array(0);
    fields.name("index_definition");
    describe_source(fields.reply, &definition);
    fields.name("attributes");
    describe_fields(fields.reply, &definition);
    figures(&mut fields, &definition);
    let count = fields.count;
    ctx.reply.finish(map, count);
    done()
}

/// A map that is being written.
struct Fields<'r> {
    reply: &'r mut Reply,
    count: usize,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        self.reply.simple(name);
        self.count += 1;
    }

    fn bulk(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.reply.bulk(value);
    }

    /// Numbers are strings in RESP2, as they have always been here.
    fn number(&mut self, name: &str, value: f64) {
        self.name(name);
        self.reply.double(value);
    }
}

fn describe_source(reply: &mut Reply, definition: &Definition) {
    reply.map(3);
    reply.simple("key_type");
    reply.bulk(if definition.source == Source::Hash { "HASH" } else { "JSON" });
    reply.simple("prefixes");
    reply.array(definition.prefixes.len());
    definition.prefixes.iter().for_each(|p| reply.bulk(p));
    reply.simple("default_score");
    reply.double(f64::from(definition.score));
}

fn describe_fields(reply: &mut Reply, definition: &Definition) {
    let schema = definition.index.schema();
    reply.array(schema.fields().len());
    for (field, source) in schema.fields().iter().zip(&definition.fields) {
        let mut words: Vec<String> = vec![
            "identifier".into(),
            source.identifier.clone(),
            "attribute".into(),
            field.name.clone(),
            "type".into(),
        ];
        match &field.kind {
            FieldKind::Text(text) => {
                let weight = cairn_core::util::float::format_f64(text.weight);
                words.extend(["TEXT".into(), "WEIGHT".into(), weight]);
                if text.no_stem {
                    words.push("NOSTEM".into());
                }
            }
            FieldKind::Tag(tag) => {
                let separator = char::from(tag.separator).to_string();
                words.extend(["TAG".into(), "SEPARATOR".into(), separator]);
                if tag.case_sensitive {
                    words.push("CASESENSITIVE".into());
                }
            }
            FieldKind::Numeric => words.push("NUMERIC".into()),
        }
        if let Some(how) = field.sortable {
            words.push("SORTABLE".into());
            if how == Sortable::Raw {
                words.push("UNF".into());
            }
        }
        if field.no_index {
            words.push("NOINDEX".into());
        }
        reply.array(words.len());
        words.iter().for_each(|w| reply.bulk(w));
    }
}

/// One mebibyte, the unit of FT.INFO's sizes.
const MB: f64 = 1024.0 * 1024.0;

fn figures(fields: &mut Fields<'_>, definition: &Definition) {
    let info = definition.index.info();
    let memory = info.memory;
    let (scanning, percent) = create::progress(definition);
    let docs = info.docs.max(1) as f64;
    let records = info.records as f64;
    fields.number("num_docs", info.docs as f64);
    fields.number("max_doc_id", info.max_doc_id as f64);
    fields.number("num_terms", info.terms as f64);
    fields.number("num_records", records);
    fields.number("inverted_sz_mb", memory.postings as f64 / MB);
    fields.number("offset_vectors_sz_mb", memory.positions as f64 / MB);
    fields.number("doc_table_size_mb", memory.documents as f64 / MB);
    fields.number("sortable_values_size_mb", memory.columns as f64 / MB);
    fields.number("tag_overhead_sz_mb", memory.tags as f64 / MB);
    fields.number("text_overhead_sz_mb", memory.dictionary as f64 / MB);
    fields.number("numeric_index_sz_mb", memory.numeric as f64 / MB);
    fields.number("total_index_memory_sz_mb", memory.total() as f64 / MB);
    fields.number("records_per_doc_avg", records / docs);
    fields.number("bytes_per_record_avg", memory.postings as f64 / records.max(1.0));
    fields.number("hash_indexing_failures", info.failures as f64);
    fields.number("indexing", f64::from(u8::from(scanning)));
    fields.number("percent_indexed", percent);
    fields.name("dialect_stats");
    fields.reply.map(0);
}
