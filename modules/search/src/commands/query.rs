//! FT.SEARCH: first the index answers with keys, then their shards are taken and fields read.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::keyspace::{Scope, ShardSet, Space, ValueRef, shard_of};
use cairn_core::module::DocumentPath;
use cairn_core::reply::Reply;
use cairn_core::types::hash::Hash;
use cairn_core::util::float::format_f64;
use cairn_core::value::Object;

use super::words::Words;
use super::{done, find};
use crate::catalog::{Definition, Source, bytes_of};
use crate::column::SortValue;
use crate::number::{Number, Range};
use crate::query::{Dialect, Node, NodeKind, ParseOptions, parse};
use crate::schema::FieldMask;
use crate::score::Scorer;
use crate::search::{Hit, SearchOptions, SearchResult, SortBy};

/// Hits that a search returns at most (RediSearch's MAXSEARCHRESULTS).
const MAX_RESULTS: usize = 1_000_000;

/// A field to return, and under which name.
struct Returned {
    /// The hash field, or a JSON path's text.
    identifier: String,
    name: String,
    path: Option<Box<dyn DocumentPath>>,
}

/// What a client asked for.
struct Request {
    options: SearchOptions,
    sort_name: Option<String>,
    no_content: bool,
    returned: Option<Vec<Returned>>,
}

/// A search between its two steps.
struct Found {
    definition: Arc<Definition>,
    request: Request,
    result: SearchResult,
}

/// FT.SEARCH.
pub fn search(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if let Some(state) = ctx.step.take() {
        let Ok(found) = state.downcast::<Found>() else {
            return Err(CmdError::fixed("ERR internal error: lost the state of FT.SEARCH"));
        };
        answer(ctx.reply, ctx.space, &found);
        return done();
    }
    let definition = find(ctx, args[1])?;
    let (request, query) = read(ctx, &definition, args)?;
    let result = definition.index.search(&query, &request.options);
    let found = Found { definition, request, result };
    if found.request.no_content || found.result.hits.is_empty() {
        answer(ctx.reply, ctx.space, &found);
        return done();
    }
    let shards: ShardSet = found.result.hits.iter().map(|hit| shard_of(&hit.key)).collect();
    ctx.step = Some(Box::new(found));
    Ok(Flow::Again(Scope::Shards(shards)))
}

/// Reads the options and parses the query, which may depend on them.
fn read(
    ctx: &Ctx<'_, '_>,
    definition: &Definition,
    args: &[&[u8]],
) -> Result<(Request, Node), CmdError> {
    let schema = definition.index.schema();
    let mut parsing = ParseOptions::new(schema);
    let mut request = Request {
        options: SearchOptions { scorer: Scorer::TfIdf, ..SearchOptions::default() },
        sort_name: None,
        no_content: false,
        returned: None,
    };
    let mut filters = Vec::new();
    let mut words = Words::new(&args[3..]);
    while !words.is_empty() {
        if words.accept("nocontent") {
            request.no_content = true;
        } else if words.accept("verbatim") {
            parsing.verbatim = true;
        } else if words.accept("nostopwords") {
            parsing.no_stop_words = true;
        } else if words.accept("withscores") {
            request.options.with_scores = true;
        } else if words.accept("limit") {
            limit(&mut words, &mut request.options)?;
        } else if words.accept("sortby") {
            sort_by(&mut words, definition, &mut request)?;
        } else if words.accept("scorer") {
            let name = words.text("SCORER")?;
            let unknown = || CmdError::new(format!("ERR No such scorer {name}"));
            request.options.scorer = Scorer::from_name(&name).ok_or_else(unknown)?;
        } else if words.accept("return") {
            request.returned = Some(returned(ctx, &mut words, definition)?);
        } else if words.accept("infields") {
            parsing.fields = words.counted("INFIELDS")?.iter().fold(0, |mask, name| {
                let id = schema.find(&String::from_utf8_lossy(name));
                mask | id.map_or(0 as FieldMask, |id| schema.mask_of(id))
            });
        } else if words.accept("filter") {
            filters.push(filter(&mut words, definition)?);
        } else if words.accept("params") {
            parsing.parameters = parameters(&mut words)?;
        } else if words.accept("dialect") {
            let number = words.count("DIALECT")?;
            let dialect = u8::try_from(number).ok().and_then(Dialect::new);
            parsing.dialect = dialect.ok_or(CmdError::fixed(
                "ERR DIALECT requires a non negative integer >=1 and <= 4",
            ))?;
        } else if words.accept("timeout") {
            words.count("TIMEOUT")?;
        } else if words.accept("language") {
            words.need("LANGUAGE")?;
        } else {
            return Err(unknown(&mut words));
        }
    }
    let text = String::from_utf8_lossy(args[2]);
    let query = parse(&text, &parsing).map_err(|e| CmdError::new(format!("ERR {e}")))?;
    Ok((request, filters.into_iter().fold(query, both)))
}

fn unknown(words: &mut Words<'_>) -> CmdError {
    let word = words.take().map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
    CmdError::new(format!("ERR Unknown argument `{word}` at position 0 for <main>"))
}

fn both(a: Node, b: Node) -> Node {
    Node::new(NodeKind::And(vec![a, b]))
}

fn limit(words: &mut Words<'_>, options: &mut SearchOptions) -> Result<(), CmdError> {
    let bad = |_| CmdError::fixed("ERR LIMIT requires two numeric arguments");
    options.offset = words.count("LIMIT").map_err(bad)?;
    options.limit = words.count("LIMIT").map_err(bad)?;
    if options.limit > MAX_RESULTS {
        return Err(CmdError::new(format!("ERR LIMIT exceeds maximum of {MAX_RESULTS}")));
    }
    if options.offset > MAX_RESULTS {
        return Err(CmdError::new(format!("ERR OFFSET exceeds maximum of {MAX_RESULTS}")));
    }
    Ok(())
}

fn sort_by(
    words: &mut Words<'_>,
    definition: &Definition,
    request: &mut Request,
) -> Result<(), CmdError> {
    let name = words.text("SORTBY")?;
    let schema = definition.index.schema();
    let missing = || CmdError::new(format!("ERR Property `{name}` not loaded nor in schema"));
    let field = schema.find(&name).ok_or_else(missing)?;
    let sortable = schema
        .field(field)
        .is_some_and(|f| f.sortable.is_some() || f.kind == crate::schema::FieldKind::Numeric);
    if !sortable {
        return Err(CmdError::new(format!(
            "ERR field `{name}` must be SORTABLE or NUMERIC to be sorted by"
        )));
    }
    let descending = words.accept("desc");
    if !descending {
        words.accept("asc");
    }
    request.options.sort_by = Some(SortBy { field, descending });
    request.sort_name = Some(name);
    Ok(())
}

fn filter(words: &mut Words<'_>, definition: &Definition) -> Result<Node, CmdError> {
    let name = words.text("FILTER")?;
    let field = definition.index.schema().find(&name);
    let field = field.ok_or_else(|| CmdError::new(format!("ERR Unknown field `{name}`")))?;
    let mut bound = |which: &str| -> Result<(Number, bool), CmdError> {
        let text = words.text("FILTER")?;
        let (open, digits) = match text.strip_prefix('(') {
            Some(rest) => (true, rest),
            None => (false, &text[..]),
        };
        let bad = || CmdError::new(format!("ERR Bad {which} range: {text}"));
        Ok((Number::parse(digits).ok_or_else(bad)?, open))
    };
    let (low, low_open) = bound("lower")?;
    let (high, high_open) = bound("upper")?;
    let range = Range { min: low, max: high, min_inclusive: !low_open, max_inclusive: !high_open };
    Ok(Node::new(NodeKind::Numeric(field, range)))
}

fn parameters(words: &mut Words<'_>) -> Result<HashMap<String, String>, CmdError> {
    let list = words.counted("PARAMS")?;
    if list.len() % 2 != 0 {
        return Err(CmdError::fixed("ERR Parameters must be specified in PARAM VALUE pairs"));
    }
    let text = |w: &[u8]| String::from_utf8_lossy(w).into_owned();
    Ok(list.chunks_exact(2).map(|pair| (text(pair[0]), text(pair[1]))).collect())
}

/// The fields of RETURN.
fn returned(
    ctx: &Ctx<'_, '_>,
    words: &mut Words<'_>,
    definition: &Definition,
) -> Result<Vec<Returned>, CmdError> {
    let list = words.counted("RETURN")?;
    let mut words = Words::new(list);
    let schema = definition.index.schema();
    let mut fields = Vec::new();
    while let Some(word) = words.take() {
        let asked = String::from_utf8_lossy(word).into_owned();
        let source = schema.find(&asked).and_then(|id| definition.fields.get(usize::from(id)));
        let identifier = source.map_or_else(|| asked.clone(), |s| s.identifier.clone());
        let name = if words.accept("as") { words.text("AS")? } else { asked };
        let path = match definition.source {
            Source::Hash => None,
            Source::Json => {
                let documents = ctx.engine().modules.documents();
                documents.and_then(|documents| documents.path(&identifier).ok())
            }
        };
        fields.push(Returned { identifier, name, path });
    }
    Ok(fields)
}

/// Writes the reply; the hits' shards are held unless there is nothing to read.
fn answer(reply: &mut Reply, space: &mut Space<'_>, found: &Found) {
    let Found { request, result, .. } = found;
    let mut shown = Vec::new();
    for hit in &result.hits {
        let fields = if request.no_content { Some(Vec::new()) } else { load(space, found, hit) };
        // A document that went away since the index answered is left out.
        if let Some(fields) = fields {
            shown.push((hit, fields));
        }
    }
    if reply.is_resp3() {
        answer_map(reply, request, result, &shown);
    } else {
        answer_list(reply, request, result, &shown);
    }
}

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn answer_list(
    reply: &mut Reply,
    request: &Request,
    result: &SearchResult,
    shown: &[(&Hit, Fields)],
) {
    let each = 1 + usize::from(request.options.with_scores) + usize::from(!request.no_content);
    reply.array(1 + shown.len() * each);
    reply.int(result.total as i64);
    for (hit, fields) in shown {
        reply.bulk(&hit.key);
        if request.options.with_scores {
            reply.bulk(format_f64(hit.score));
        }
        if !request.no_content {
            reply.array(fields.len() * 2);
            for (name, value) in fields {
                reply.bulk(name);
                reply.bulk(value);
            }
        }
    }
}

fn answer_map(
    reply: &mut Reply,
    request: &Request,
    result: &SearchResult,
    shown: &[(&Hit, Fields)],
) {
    reply.map(5);
    reply.simple("attributes");
    reply.array(0);
    reply.simple("format");
    reply.simple("STRING");
    reply.simple("results");
    reply.array(shown.len());
    for (hit, fields) in shown {
        let scores = usize::from(request.options.with_scores);
        let content = usize::from(!request.no_content);
        reply.map(2 + scores + content);
        reply.simple("id");
        reply.bulk(&hit.key);
        if request.options.with_scores {
            reply.simple("score");
            reply.double(hit.score);
        }
        if !request.no_content {
            reply.simple("extra_attributes");
            reply.map(fields.len());
            for (name, value) in fields {
                reply.bulk(name);
                reply.bulk(value);
            }
        }
        reply.simple("values");
        reply.array(0);
    }
    reply.simple("total_results");
    reply.int(result.total as i64);
    reply.simple("warning");
    reply.array(0);
}

/// The fields of a hit; `None` when the key is no document any more.
fn load(space: &Space<'_>, found: &Found, hit: &Hit) -> Option<Fields> {
    let ValueRef::Object(object) = space.peek(&hit.key)?.value() else { return None };
    let documents = space.engine().modules.documents();
    match found.definition.source {
        Source::Hash => object.downcast_ref::<Hash>().map(|hash| hash_fields(hash, found, hit)),
        Source::Json => {
            documents.filter(|d| d.is_document(object))?;
            Some(json_fields(space, object, found, hit))
        }
    }
}

/// The value that a hit was sorted by comes first when no fields were asked for.
fn sorted_by(found: &Found, hit: &Hit) -> Option<(Vec<u8>, Vec<u8>)> {
    let name = found.request.sort_name.as_ref()?;
    let value = match hit.sort_value.as_ref()? {
        SortValue::Number(n) => match n.as_i64() {
            Some(n) => n.to_string().into_bytes(),
            None => format_f64(n.float()).into_bytes(),
        },
        SortValue::String(s) => s.to_vec(),
    };
    Some((name.clone().into_bytes(), value))
}

fn hash_fields(hash: &Hash, found: &Found, hit: &Hit) -> Fields {
    if let Some(returned) = &found.request.returned {
        let value = |r: &Returned| {
            let value = hash.get(r.identifier.as_bytes())?;
            Some((r.name.clone().into_bytes(), bytes_of(value).into_owned()))
        };
        return returned.iter().filter_map(value).collect();
    }
    let sorted = sorted_by(found, hit);
    let rest = hash
        .iter()
        .map(|(name, value)| (bytes_of(name).into_owned(), bytes_of(value).into_owned()));
    let skip = sorted.as_ref().map(|(name, _)| name.clone());
    let rest = rest.filter(|(name, _)| Some(name) != skip.as_ref());
    sorted.into_iter().chain(rest).collect()
}

fn json_fields(space: &Space<'_>, object: &dyn Object, found: &Found, hit: &Hit) -> Fields {
    if let Some(returned) = &found.request.returned {
        let value = |r: &Returned| {
            let value = r.path.as_ref()?.text(object)?;
            Some((r.name.clone().into_bytes(), value))
        };
        return returned.iter().filter_map(value).collect();
    }
    let root = space.engine().modules.documents().and_then(|d| d.path("$").ok());
    let whole = root.and_then(|path| path.text(object));
    let whole = whole.map(|text| (b"$".to_vec(), text));
    sorted_by(found, hit).into_iter().chain(whole).collect()
}
