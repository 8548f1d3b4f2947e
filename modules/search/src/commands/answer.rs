//! The answer to a search: documents are read a few at a time, with their shards held, and written
//! as they are read. Which documents those are is not decided here.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cairn_core::command::{Ctx, Flow, JobEnd, Outcome};
use cairn_core::keyspace::{Scope, ShardSet, Space, ValueRef, shard_of};
use cairn_core::reply::{Proto, Reply};
use cairn_core::types::hash::Hash;
use cairn_core::util::float::format_f64;
use cairn_core::value::Object;

use super::done;
use super::query::{Request, Returned};
use crate::catalog::{Definition, Source, bytes_of};
use crate::column::SortValue;
use crate::search::{Bound, Hit};

/// Documents that are read while their shards are held.
const READ_HELD: usize = 64;

/// A search whose hits are known.
pub(super) struct Found {
    definition: Arc<Definition>,
    request: Request,
    total: u64,
    /// Hits whose documents are still to be read.
    hits: std::vec::IntoIter<Hit>,
    /// The hits that have been written, without what stands before and after them.
    body: Reply,
    /// How many those are.
    shown: usize,
}

impl Found {
    /// Runs a query, and writes as much of its answer as needs no document.
    pub(super) fn new(
        definition: Arc<Definition>,
        request: Request,
        bound: Bound,
        proto: Proto,
    ) -> Self {
        let result = definition.index.run(&bound, &request.options);
        let mut found = Self {
            definition,
            request,
            total: result.total,
            hits: result.hits.into_iter(),
            body: Reply::new(proto),
            shown: 0,
        };
        if found.request.no_content {
            for hit in std::mem::take(&mut found.hits) {
                found.write(&hit, Vec::new());
            }
        }
        found
    }

    /// The shards of the documents that are read next, if there are any.
    pub(super) fn scope(&self) -> Option<Scope> {
        let next: ShardSet = self.next().iter().map(|hit| shard_of(&hit.key)).collect();
        (!next.is_empty()).then_some(Scope::Shards(next))
    }

    fn next(&self) -> &[Hit] {
        let hits = self.hits.as_slice();
        &hits[..hits.len().min(READ_HELD)]
    }

    /// What a job leaves that has found this.
    pub(super) fn into_job_end(self) -> JobEnd {
        let scope = self.scope().unwrap_or_else(|| Scope::Shards(ShardSet::new()));
        JobEnd::Next(Box::new(self) as Box<dyn Any + Send>, scope)
    }

    /// Reads the next documents.
    fn read(&mut self, space: &mut Space<'_>) {
        let db = self.definition.db.load(Ordering::Relaxed);
        for hit in self.hits.by_ref().take(READ_HELD).collect::<Vec<_>>() {
            // A document that went away since the index answered is left out.
            if let Some(fields) = space.within(db, |space| load(space, self, &hit)) {
                self.write(&hit, fields);
            }
        }
    }

    fn write(&mut self, hit: &Hit, fields: Fields) {
        self.shown += 1;
        if self.body.is_resp3() {
            write_map(&mut self.body, &self.request, hit, &fields);
        } else {
            write_items(&mut self.body, &self.request, hit, &fields);
        }
    }

    fn finish(&self, reply: &mut Reply) {
        if reply.is_resp3() {
            reply.map(5);
            reply.simple("attributes");
            reply.array(0);
            reply.simple("format");
            reply.simple("STRING");
            reply.simple("results");
            reply.array(self.shown);
            reply.raw(self.body.as_bytes());
            reply.simple("total_results");
            reply.int(self.total as i64);
            reply.simple("warning");
            reply.array(0);
        } else {
            let Request { options, no_content, .. } = &self.request;
            let each = 1 + usize::from(options.with_scores) + usize::from(!no_content);
            reply.array(1 + self.shown * each);
            reply.int(self.total as i64);
            reply.raw(self.body.as_bytes());
        }
    }
}

/// Reads the documents whose shards are held, and answers when all have been read.
pub(super) fn go_on(ctx: &mut Ctx<'_, '_>, mut found: Box<Found>) -> Outcome {
    found.read(ctx.space);
    if let Some(scope) = found.scope() {
        ctx.step = Some(found);
        return Ok(Flow::Again(scope));
    }
    found.finish(ctx.reply);
    done()
}

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn write_items(reply: &mut Reply, request: &Request, hit: &Hit, fields: &Fields) {
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

fn write_map(reply: &mut Reply, request: &Request, hit: &Hit, fields: &Fields) {
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
