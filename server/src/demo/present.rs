//! Answers as a person reads them: from replies to lines of text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::client::Reply;
use super::error::Error;
use super::plot::{Sample, plot};
use super::queries::{Column, Kind, Show};
use super::table::{Align, Table};
use super::text::{date, grouped};

/// The height of a plot, in lines; odd, so that the middle has a label.
const PLOT_ROWS: usize = 9;
/// The width of a plot at most, in characters.
const PLOT_WIDTH: usize = 90;

/// The lines of an answer, which should not be wider than `width` characters.
///
/// # Errors
/// When the reply isn't of the form that the command promises.
pub fn present(reply: &Reply, show: Show, width: usize) -> Result<Vec<String>, Error> {
    let (lines, what) = match show {
        Show::Hits(columns) => (hits(reply, columns, width), "no search result"),
        Show::Paths => (paths(reply, width), "no object of paths"),
        Show::Objects => (objects(reply, width), "no array of objects"),
        Show::Plot(unit) => (curve(reply, unit, width), "no samples"),
        Show::SeriesTable => (series(reply, width), "no series"),
        Show::Facts => (facts(reply, width), "no description of a series"),
    };
    lines.ok_or(Error::Unexpected(what))
}

/// The pairs of a flat array of names and values.
fn pairs(reply: &Reply) -> Option<Vec<(String, &Reply)>> {
    let items = reply.items()?.chunks_exact(2);
    items.map(|pair| Some((pair.first()?.text()?, pair.get(1)?))).collect()
}

fn hits(reply: &Reply, columns: &[Column], width: usize) -> Option<Vec<String>> {
    let (total, rows) = reply.items()?.split_first()?;
    let header = columns.iter().map(|c| {
        let align = if c.kind == Kind::Text { Align::Left } else { Align::Right };
        (c.title.to_owned(), align)
    });
    let mut table = Table::new(header.collect());
    for row in rows.chunks_exact(2) {
        let fields: BTreeMap<String, &Reply> = pairs(row.get(1)?)?.into_iter().collect();
        let value = |column: &Column| fields.get(column.field).and_then(|v| v.text());
        table.row(columns.iter().map(|c| cell(value(c), c.kind)).collect());
    }
    let mut lines = table.render(width);
    let total = u64::try_from(total.int()?).ok()?;
    lines.push(format!("{} of {} hits", rows.len() / 2, grouped(total)));
    Some(lines)
}

fn cell(value: Option<String>, kind: Kind) -> String {
    let value = value.unwrap_or_default();
    match value.parse::<f64>() {
        Ok(number) if kind == Kind::Quantity && number >= 0.0 => grouped(number.round() as u64),
        _ => value,
    }
}

/// JSON as one reads it: a text without quotes, the elements of an array one after the other.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn json(reply: &Reply) -> Option<Value> {
    serde_json::from_str(&reply.text()?).ok()
}

fn paths(reply: &Reply, width: usize) -> Option<Vec<String>> {
    let mut table = Table::of(&[("path", Align::Left), ("value", Align::Left)]);
    for (path, matches) in json(reply)?.as_object()? {
        table.row(vec![path.clone(), plain(matches)]);
    }
    Some(table.render(width))
}

fn objects(reply: &Reply, width: usize) -> Option<Vec<String>> {
    let matches = json(reply)?;
    let objects: Vec<_> = matches.as_array()?.iter().filter_map(Value::as_object).collect();
    let mut names: Vec<&String> = Vec::new();
    for name in objects.iter().flat_map(|object| object.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = Table::new(names.iter().map(|n| ((*n).clone(), Align::Left)).collect());
    for object in objects {
        table.row(names.iter().map(|n| object.get(*n).map(plain).unwrap_or_default()).collect());
    }
    Some(table.render(width))
}

/// Samples as TS.RANGE gives them.
fn samples(reply: &Reply) -> Option<Vec<Sample>> {
    let sample = |item: &Reply| match item.items()? {
        [time, value] => Some((time.int()?, value.text()?.parse().ok()?)),
        _ => None,
    };
    reply.items()?.iter().map(sample).collect()
}

fn curve(reply: &Reply, unit: &str, width: usize) -> Option<Vec<String>> {
    let samples = samples(reply)?;
    let mut lines = plot(&samples, width.min(PLOT_WIDTH), PLOT_ROWS);
    let by_value = |a: &&Sample, b: &&Sample| a.1.total_cmp(&b.1);
    let (low, high) = (samples.iter().min_by(by_value)?, samples.iter().max_by(by_value)?);
    lines.push(format!(
        "{} samples; lowest {:.1} {unit} on {}, highest {:.1} {unit} on {}",
        grouped(samples.len() as u64),
        low.1,
        date(low.0),
        high.1,
        date(high.0)
    ));
    Some(lines)
}

fn series(reply: &Reply, width: usize) -> Option<Vec<String>> {
    let mut header = vec![("week of".to_owned(), Align::Left)];
    let mut columns: Vec<BTreeMap<i64, f64>> = Vec::new();
    for item in reply.items()? {
        let [key, _labels, values] = item.items()? else { return None };
        header.push((key.text()?, Align::Right));
        columns.push(samples(values)?.into_iter().collect());
    }
    let times: BTreeSet<i64> = columns.iter().flat_map(|c| c.keys().copied()).collect();
    let mut table = Table::new(header);
    for time in times {
        let value = |c: &BTreeMap<i64, f64>| c.get(&time).map(|v| format!("{v:.2}"));
        let values = columns.iter().map(|c| value(c).unwrap_or_default());
        table.row(std::iter::once(date(time)).chain(values).collect());
    }
    Some(table.render(width))
}

fn facts(reply: &Reply, width: usize) -> Option<Vec<String>> {
    let facts: BTreeMap<String, &Reply> = pairs(reply)?.into_iter().collect();
    let number = |name: &str| facts.get(name)?.int();
    let count = |name: &str| u64::try_from(number(name)?).ok();
    let (samples, bytes) = (count("totalSamples")?, count("memoryUsage")?);
    let mut table = Table::of(&[("fact", Align::Left), ("value", Align::Right)]);
    let mut fact = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    fact("samples", grouped(samples));
    fact("first", date(number("firstTimestamp")?));
    fact("last", date(number("lastTimestamp")?));
    fact("chunks", grouped(count("chunkCount")?));
    fact("memory, bytes", grouped(bytes));
    fact("bytes a sample", format!("{:.2}", bytes as f64 / samples.max(1) as f64));
    Some(table.render(width))
}
