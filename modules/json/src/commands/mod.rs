//! The JSON commands: their specs, and what all handlers share.
//!
//! A handler reads its words, finds the document, lets `ops` or `path` do the work and writes the
//! reply. Replies depend on the notation of the path (one value for a legacy path, one a match for
//! a JSONPath) and in some commands on the protocol; both are RedisJSON 2.8's, as are the texts of
//! errors.

mod arrays;
mod debug;
mod get;
mod objects;
mod specs;
#[cfg(test)]
mod tests;
mod values;
mod write;

use std::sync::Arc;

use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::error::CmdError;
use cairn_core::keyspace::Space;
use cairn_core::notify::Class;
use cairn_core::reply::Reply;

use crate::document::Document;
use crate::ops::OpError;
use crate::parse;
use crate::path::{self, Path};
use crate::tree::{Ref, Value, View};
pub use specs::SPECS;

/// The path that is meant where none is given.
const ROOT: &[u8] = b".";

const WRONG_KEY: CmdError = CmdError::fixed("Existing key has wrong Redis type");
const NO_KEY: CmdError =
    CmdError::fixed("ERR could not perform this operation on a key that doesn't exist");
const NOT_AT_ROOT: CmdError = CmdError::fixed("ERR new objects must be created at the root");
const NOT_UTF8: CmdError = CmdError::fixed("Couldn't parse as UTF-8 string");
const NOT_INTEGER: CmdError = CmdError::fixed("Couldn't parse as integer");

impl From<OpError> for CmdError {
    fn from(error: OpError) -> Self {
        Self::new(error.to_string())
    }
}

/// Refuses a command that has fewer words than `least`, its name included.
fn need(ctx: &Ctx<'_, '_>, args: &[&[u8]], least: usize) -> Result<(), CmdError> {
    if args.len() < least { Err(CmdError::arity(&ctx.command.name)) } else { Ok(()) }
}

/// The path in a word.
fn path(word: &[u8]) -> Result<Arc<Path>, CmdError> {
    let text = std::str::from_utf8(word).map_err(|_| NOT_UTF8)?;
    path::cached(text).map_err(|error| OpError::from(error).into())
}

/// The word at `at`, or the root's path.
fn or_root<'a>(args: &[&'a [u8]], at: usize) -> &'a [u8] {
    args.get(at).copied().unwrap_or(ROOT)
}

/// The JSON value in a word.
fn value(word: &[u8]) -> Result<Value, CmdError> {
    parse::parse(word).map_err(|error| match std::str::from_utf8(word) {
        Ok(_) => CmdError::new(error.to_string()),
        Err(_) => NOT_UTF8,
    })
}

/// As [`value`], for the commands whose error has a code.
fn coded_value(word: &[u8]) -> Result<Value, CmdError> {
    value(word).map_err(|error| CmdError::new(format!("ERR {}", error.text())))
}

/// The JSON values in words.
fn values(words: &[&[u8]]) -> Result<Vec<Value>, CmdError> {
    words.iter().map(|word| value(word)).collect()
}

/// The integer in a word.
fn integer(word: &[u8]) -> Result<i64, CmdError> {
    std::str::from_utf8(word).ok().and_then(|text| text.parse().ok()).ok_or(NOT_INTEGER)
}

/// The document at a key, to be read.
fn document<'s>(space: &'s mut Space<'_>, key: &[u8]) -> Result<Option<&'s Document>, CmdError> {
    space.object(key).map_err(|_| WRONG_KEY)
}

/// The root of the document at a key, to be changed.
fn root_mut<'s>(space: &'s mut Space<'_>, key: &[u8]) -> Result<Option<&'s mut Value>, CmdError> {
    let document: Option<&mut Document> = space.object_mut(key).map_err(|_| WRONG_KEY)?;
    Ok(document.map(Document::root_mut))
}

/// Changes all matches of a path in the document at a key, and tells of `event` if any had the
/// right type. Returns the path, and what the change made of each match.
fn change<R>(
    space: &mut Space<'_>,
    event: &'static str,
    key: &[u8],
    word: &[u8],
    work: impl FnOnce(&mut Value, &Path) -> Result<Vec<Option<R>>, CmdError>,
) -> Result<(Arc<Path>, Vec<Option<R>>), CmdError> {
    let root = root_mut(space, key)?.ok_or(NO_KEY)?;
    let path = path(word)?;
    let results = work(root, &path)?;
    if results.iter().any(Option::is_some) {
        space.changed(Class::MODULE, event, key);
    }
    Ok((path, results))
}

/// Answers with what a change made of each match: all results for a JSONPath, the last one for a
/// legacy path. `kind` says in the error what a legacy path should have led to.
fn answer<R>(
    reply: &mut Reply,
    (path, results): (Arc<Path>, Vec<Option<R>>),
    kind: &str,
    mut write: impl FnMut(&mut Reply, R),
) -> Outcome {
    if path.is_legacy() {
        let last = results.into_iter().flatten().next_back();
        write(reply, last.ok_or_else(|| no_path(&path.rooted_text(), kind))?);
    } else {
        list(reply, results, write);
    }
    Ok(Flow::Done)
}

/// Writes an array, `None` as null.
fn list<R>(reply: &mut Reply, results: Vec<Option<R>>, mut write: impl FnMut(&mut Reply, R)) {
    reply.array(results.len());
    for result in results {
        match result {
            Some(result) => write(reply, result),
            None => reply.null(),
        }
    }
}

/// Answers with a property of each match: of all for a JSONPath, of the first for a legacy path.
/// `missing` answers for a legacy path that leads nowhere, `wrong` for one to another type.
fn inspect<R>(
    reply: &mut Reply,
    root: Ref<'_>,
    path: &Path,
    of: impl Fn(Ref<'_>) -> Option<R>,
    mut write: impl FnMut(&mut Reply, R),
    missing: impl FnOnce(&mut Reply) -> Result<(), CmdError>,
    wrong: impl FnOnce(Ref<'_>) -> CmdError,
) -> Outcome {
    if !path.is_legacy() {
        let found = path.select(root).map_err(OpError::from)?;
        list(reply, found.into_iter().map(of).collect(), write);
        return Ok(Flow::Done);
    }
    match path.first(root).map_err(OpError::from)? {
        None => missing(reply)?,
        Some(node) => write(reply, of(node).ok_or_else(|| wrong(node))?),
    }
    Ok(Flow::Done)
}

/// The error of a legacy path that leads to a value of another type.
fn wrong_type(expected: &str, found: Ref<'_>) -> CmdError {
    wrong_value(expected, found.type_name())
}

fn wrong_value(expected: &str, found: &str) -> CmdError {
    CmdError::new(format!(
        "WRONGTYPE wrong type of path value - expected {expected} but found {found}"
    ))
}

/// The results of a change whose argument could not be read, which matters only if a match of the
/// right type would have used it.
fn unused<R>(
    root: &Value,
    path: &Path,
    error: CmdError,
    uses: impl Fn(Ref<'_>) -> bool,
) -> Result<Vec<Option<R>>, CmdError> {
    let found = path.select(root.view()).map_err(OpError::from)?;
    if found.iter().any(|node| uses(*node)) {
        return Err(error);
    }
    Ok(found.iter().map(|_| None).collect())
}

/// The path in a word; a legacy path that cannot be read counts as one that leads nowhere.
fn lenient(word: &[u8]) -> Result<Option<Arc<Path>>, CmdError> {
    match path(word) {
        Ok(path) => Ok(Some(path)),
        Err(error) if word.starts_with(b"$") => Err(error),
        Err(_) => Ok(None),
    }
}

/// The error of a legacy path that leads to nothing, or to nothing of the right type (`or`, with
/// a blank in front).
fn no_path(path: &str, or: &str) -> CmdError {
    CmdError::new(format!("ERR Path '{path}' does not exist{or}"))
}
