//! FT.*: what clients call.

mod answer;
mod create;
mod info;
mod query;
mod words;

pub use create::{FieldSpec, Head, define};

use std::sync::Arc;

use cairn_core::CmdError;
use cairn_core::command::{Acl, Ctx, Flags, Flow, Outcome, Reach, Spec};

use crate::catalog::Definition;
use crate::module::SearchModule;

const ABOUT: Spec = Spec { group: "search", acl: Acl::SEARCH, since: "1.0.0", ..Spec::DEFAULT };

/// The commands.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "ft.create",
        arity: -2,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        summary: "Creates an index",
        complexity: "O(K) in the number of fields; keys are indexed in the background",
        syntax: "index [ON <HASH | JSON>] [PREFIX count prefix [prefix ...]] [SCORE default-score] [STOPWORDS count [stopword ...]] [SKIPINITIALSCAN] SCHEMA field-name [AS alias] field-type [SORTABLE [UNF]] [NOINDEX]",
        handler: create::create,
        ..ABOUT
    },
    Spec {
        name: "ft.dropindex",
        arity: -2,
        flags: Flags::WRITE,
        reach: Reach::Steps,
        summary: "Drops an index",
        complexity: "O(1), or O(N) with DD",
        syntax: "index [DD]",
        handler: create::drop_index,
        ..ABOUT
    },
    Spec {
        name: "ft._list",
        arity: 1,
        flags: Flags::READONLY,
        summary: "Lists the indexes",
        complexity: "O(N) in the number of indexes",
        handler: info::list,
        ..ABOUT
    },
    Spec {
        name: "ft.info",
        arity: 2,
        flags: Flags::READONLY,
        summary: "Describes an index",
        complexity: "O(T) in the number of terms",
        syntax: "index",
        handler: info::info,
        ..ABOUT
    },
    Spec {
        name: "ft.tagvals",
        arity: 3,
        flags: Flags::READONLY,
        summary: "Lists the values of a TAG field",
        complexity: "O(N) in the number of values",
        syntax: "index field-name",
        handler: info::tagvals,
        ..ABOUT
    },
    Spec {
        name: "ft.search",
        arity: -3,
        flags: Flags::READONLY,
        reach: Reach::Steps,
        summary: "Finds documents",
        complexity: "O(N) in the number of matches",
        syntax: "index query [NOCONTENT] [VERBATIM] [NOSTOPWORDS] [WITHSCORES] [FILTER numeric-field min max] [INFIELDS count field [field ...]] [RETURN count identifier [identifier ...]] [SCORER scorer] [SORTBY sortby [ASC | DESC]] [LIMIT offset num] [PARAMS nargs name value] [DIALECT dialect]",
        handler: query::search,
        ..ABOUT
    },
];

/// The module behind a running command.
fn module<'e>(ctx: &Ctx<'_, 'e>) -> Result<&'e SearchModule, CmdError> {
    let module = ctx.engine().modules.get::<SearchModule>();
    module.ok_or(CmdError::fixed("ERR the search module is not loaded"))
}

/// The index that a command names.
fn find(ctx: &Ctx<'_, '_>, name: &[u8]) -> Result<Arc<Definition>, CmdError> {
    module(ctx)?.catalog.find(ctx.session.db, name).ok_or_else(|| {
        CmdError::new(format!("ERR {}: no such index", String::from_utf8_lossy(name)))
    })
}

/// A command that is done.
fn done() -> Outcome {
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests;
