//! Drives the engine from standard input, to compare it with another one.
//!
//! Lines of fields separated by tabs:
//!
//! * `FIELD name TEXT|TAG|NUMERIC [option…]`, first; options are `WEIGHT=2`, `NOSTEM`,
//!   `SORTABLE`, `UNF`, `SEPARATOR=;`, `CASESENSITIVE`
//! * `DOC key score name=value…` and `DEL key`
//! * `GC`
//! * `QUERY dialect scorer offset limit sort text`, where `sort` is `-`, `+field` or `-field`;
//!   answers with the total and `key:score` of every hit

use cairn_search::index::{FieldValue, Index};
use cairn_search::query::{Dialect, ParseOptions, parse};
use cairn_search::schema::{Field, FieldKind, Schema, Sortable, TagOptions, TextOptions};
use cairn_search::score::Scorer;
use cairn_search::search::{SearchOptions, SortBy};
use std::io::{BufRead, Write};

fn field(parts: &[&str]) -> Field {
    let option = |name: &str| parts.iter().find_map(|p| p.strip_prefix(name));
    let has = |name: &str| parts.contains(&name);
    let kind = match parts[2] {
        "TEXT" => FieldKind::Text(TextOptions {
            weight: option("WEIGHT=").map_or(1.0, |w| w.parse().expect("a weight")),
            no_stem: has("NOSTEM"),
        }),
        "TAG" => FieldKind::Tag(TagOptions {
            separator: option("SEPARATOR=").map_or(b',', |s| s.as_bytes()[0]),
            case_sensitive: has("CASESENSITIVE"),
        }),
        _ => FieldKind::Numeric,
    };
    let field = Field::new(parts[1], kind);
    match (has("SORTABLE"), has("UNF")) {
        (true, true) => field.sortable(Sortable::Raw),
        (true, false) => field.sortable(Sortable::Normalized),
        _ => field,
    }
}

fn add(index: &Index, parts: &[&str]) {
    let values = parts[3..].iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((index.schema().find(name)?, FieldValue::Bytes(value.as_bytes())))
    });
    let score = parts[2].parse().expect("a score");
    let _ = index.upsert(parts[1].as_bytes(), values, score);
}

fn query(index: &Index, parts: &[&str]) -> String {
    let dialect = parts[1].parse().ok().and_then(Dialect::new).expect("a dialect");
    let options = ParseOptions::new(index.schema()).dialect(dialect);
    let tree = match parse(parts[6], &options) {
        Ok(tree) => tree,
        Err(error) => return format!("ERR {error}"),
    };
    let sort_by = index
        .schema()
        .find(&parts[5][1..])
        .map(|field| SortBy { field, descending: parts[5].starts_with('-') });
    let search = SearchOptions {
        offset: parts[3].parse().expect("an offset"),
        limit: parts[4].parse().expect("a limit"),
        sort_by,
        scorer: Scorer::from_name(parts[2]).expect("a scorer"),
        with_scores: true,
        ..SearchOptions::default()
    };
    let result = index.search(&tree, &search);
    let mut out = result.total.to_string();
    for hit in result.hits {
        out += &format!("\t{}:{:?}", String::from_utf8_lossy(&hit.key), hit.score);
    }
    out
}

fn main() {
    let mut fields = Vec::new();
    let mut index: Option<Index> = None;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let parts: Vec<&str> = line.split('\t').collect();
        if parts[0] == "FIELD" {
            fields.push(field(&parts));
            continue;
        }
        let schema = || Schema::new(fields.clone()).expect("a schema");
        let index = index.get_or_insert_with(|| Index::new(schema()));
        match parts[0] {
            "DOC" => add(index, &parts),
            "DEL" => {
                index.remove(parts[1].as_bytes());
            }
            "GC" => while index.collect(1000) {},
            "QUERY" => writeln!(out, "{}", query(index, &parts)).expect("an open output"),
            _ => {}
        }
    }
}
