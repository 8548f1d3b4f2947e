//! FT.SEARCH: its options, and on which thread it runs. The index answers with keys, here or on the
//! query pool; then [`super::answer`] reads the documents.

use std::collections::HashMap;

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Job, Mode, Outcome};
use cairn_core::module::DocumentPath;

use super::answer::{self, Found};
use super::find;
use super::words::Words;
use crate::catalog::{Definition, Source};
use crate::number::{Number, Range};
use crate::query::{Dialect, Node, NodeKind, ParseOptions, parse};
use crate::schema::FieldMask;
use crate::score::Scorer;
use crate::search::{SearchOptions, SortBy};

/// Hits that a search returns at most (RediSearch's MAXSEARCHRESULTS).
const MAX_RESULTS: usize = 1_000_000;

/// Nanoseconds that a query may take on its connection's thread. To move one to the query pool and
/// its answer back takes some 20 µs, and a thread's other connections wait for what runs on it.
const INLINE_MAX: u64 = 100_000;

/// A field to return, and under which name.
pub(super) struct Returned {
    /// The hash field, or a JSON path's text.
    pub(super) identifier: String,
    pub(super) name: String,
    pub(super) path: Option<Box<dyn DocumentPath>>,
}

/// What a client asked for.
pub(super) struct Request {
    pub(super) options: SearchOptions,
    pub(super) sort_name: Option<String>,
    pub(super) no_content: bool,
    pub(super) returned: Option<Vec<Returned>>,
}

/// FT.SEARCH.
pub fn search(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if let Some(state) = ctx.step.take() {
        return match state.downcast::<Found>() {
            Ok(found) => answer::go_on(ctx, found),
            Err(_) => Err(CmdError::fixed("ERR internal error: lost the state of FT.SEARCH")),
        };
    }
    let definition = find(ctx, args[1])?;
    let (request, query) = read(ctx, &definition, args)?;
    let proto = ctx.reply.proto();
    // Inside of a transaction everything is held anyway, and nobody reads the replies of a log.
    let may_move = ctx.mode == Mode::Client;
    if may_move && definition.index.binding_cost(&query) > INLINE_MAX {
        let bind = move || {
            let bound = definition.index.bind(&query, &request.options);
            Found::new(definition, request, bound, proto).into_job_end()
        };
        return Ok(Flow::Offload(Job::new(bind)));
    }
    let bound = definition.index.bind(&query, &request.options);
    if may_move && bound.cost(&request.options) > INLINE_MAX {
        let run = move || Found::new(definition, request, bound, proto).into_job_end();
        return Ok(Flow::Offload(Job::new(run)));
    }
    let found = Found::new(definition, request, bound, proto);
    match found.scope() {
        None => answer::go_on(ctx, Box::new(found)),
        Some(scope) => {
            ctx.step = Some(Box::new(found));
            Ok(Flow::Again(scope))
        }
    }
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
