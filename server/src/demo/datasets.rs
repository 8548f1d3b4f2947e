//! The demo's data, which the binary carries in it, and the commands that load them. Sending these
//! commands is for `load`; where the data come from is in `datasets/README.md`.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::client::encode;
use super::error::Error;

/// A batch is sent when its commands are longer than this, in bytes.
const BATCH: usize = 64 * 1024;
/// How many samples one TS.MADD takes.
const SAMPLES: usize = 200;

/// A dataset and how it is stored.
pub struct Dataset {
    /// Its name.
    pub name: &'static str,
    /// What an item of it is called.
    pub unit: &'static str,
    /// The command that makes its index, as it is typed into redis-cli.
    pub index: Option<&'static str>,
    gzipped: &'static [u8],
    translate: fn(&str, &mut Translation) -> Result<(), String>,
}

/// All of them, in the order of loading.
pub const ALL: [Dataset; 4] = [
    Dataset {
        name: "packages",
        unit: "hashes",
        index: Some(
            "FT.CREATE packages ON HASH PREFIX 1 pkg: SCHEMA \
             name TEXT WEIGHT 5 summary TEXT WEIGHT 2 description TEXT section TAG tags TAG \
             size NUMERIC SORTABLE dependencies NUMERIC SORTABLE",
        ),
        gzipped: include_bytes!("../../../datasets/catalogue/packages.ndjson.gz"),
        translate: package,
    },
    Dataset {
        name: "films",
        unit: "documents",
        index: Some(
            "FT.CREATE films ON JSON PREFIX 1 film: SCHEMA \
             $.title AS title TEXT WEIGHT 5 $.genres[*] AS genre TAG \
             $.countries[*] AS country TAG $.directors[0] AS director TEXT \
             $.year AS year NUMERIC SORTABLE $.reception.rating AS rating NUMERIC SORTABLE",
        ),
        gzipped: include_bytes!("../../../datasets/documents/films.ndjson.gz"),
        translate: film,
    },
    Dataset {
        name: "web features",
        unit: "documents",
        index: Some(
            "FT.CREATE features ON JSON PREFIX 1 web: SCHEMA \
             $.area AS area TAG $.description AS description TEXT",
        ),
        gzipped: include_bytes!("../../../datasets/documents/web-features.ndjson.gz"),
        translate: feature,
    },
    Dataset {
        name: "metrics",
        unit: "samples",
        index: None,
        gzipped: include_bytes!("../../../datasets/metrics/samples.csv.gz"),
        translate: sample,
    },
];

/// Encoded commands that are sent in one go.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The commands.
    pub bytes: Vec<u8>,
    /// How many they are, and so how many replies come.
    pub commands: usize,
    /// How many items of the dataset they store.
    pub items: u64,
}

/// Commands that are being collected, and what a dataset's translation has to remember.
#[derive(Default)]
struct Translation {
    batches: Vec<Batch>,
    current: Batch,
    series: BTreeSet<String>,
    samples: Vec<String>,
}

impl Translation {
    fn push<A: AsRef<[u8]>>(&mut self, command: &[A], items: u64) {
        encode(&mut self.current.bytes, command);
        self.current.commands += 1;
        self.current.items += items;
        if self.current.bytes.len() >= BATCH {
            self.batches.push(std::mem::take(&mut self.current));
        }
    }

    /// Makes the samples that wait a command.
    fn flush_samples(&mut self) {
        let waiting = std::mem::take(&mut self.samples);
        if waiting.is_empty() {
            return;
        }
        let items = waiting.len() as u64 / 3;
        let name = std::iter::once("TS.MADD");
        let command: Vec<&str> = name.chain(waiting.iter().map(String::as_str)).collect();
        self.push(&command, items);
    }

    fn finish(mut self) -> Vec<Batch> {
        self.flush_samples();
        if self.current.commands > 0 {
            self.batches.push(self.current);
        }
        self.batches
    }
}

impl Dataset {
    /// The commands that store its items.
    ///
    /// # Errors
    /// When the embedded file is damaged.
    pub fn batches(&self) -> Result<Vec<Batch>, Error> {
        let damaged = |reason: String| Error::Dataset { name: self.name, reason };
        let mut translation = Translation::default();
        for (index, line) in BufReader::new(GzDecoder::new(self.gzipped)).lines().enumerate() {
            let line = line.map_err(|e| damaged(e.to_string()))?;
            (self.translate)(&line, &mut translation)
                .map_err(|reason| damaged(format!("line {}: {reason}", index + 1)))?;
        }
        Ok(translation.finish())
    }
}

/// The text of a document's field, which has to be there.
fn field<'a>(document: &'a Value, name: &str) -> Result<&'a str, String> {
    document.get(name).and_then(Value::as_str).ok_or_else(|| format!("no field '{name}'"))
}

fn document(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|e| e.to_string())
}

fn package(line: &str, out: &mut Translation) -> Result<(), String> {
    let package = document(line)?;
    let mut command = vec!["HSET".to_owned(), format!("pkg:{}", field(&package, "name")?)];
    for (name, value) in package.as_object().into_iter().flatten() {
        let name = if name == "installed_kb" { "size" } else { name };
        if let Some(text) = flat(value) {
            command.extend([name.to_owned(), text]);
        }
    }
    out.push(&command, 1);
    Ok(())
}

/// A value as a hash can hold it: arrays become lists with commas, as TAG fields want them.
fn flat(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(flat).collect::<Vec<_>>().join(",")),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

fn film(line: &str, out: &mut Translation) -> Result<(), String> {
    let key = format!("film:{}", field(&document(line)?, "id")?);
    out.push(&["JSON.SET", &key, "$", line], 1);
    Ok(())
}

fn feature(line: &str, out: &mut Translation) -> Result<(), String> {
    let key = format!("web:{}", field(&document(line)?, "path")?);
    out.push(&["JSON.SET", &key, "$", line], 1);
    Ok(())
}

/// `series,milliseconds,value`; the first line names the columns.
fn sample(line: &str, out: &mut Translation) -> Result<(), String> {
    let mut columns = line.split(',');
    let (Some(series), Some(time), Some(value)) = (columns.next(), columns.next(), columns.next())
    else {
        return Err("not three columns".into());
    };
    // The sensor wrote "nil" when it had nothing to say.
    if series == "series" || value == "nil" {
        return Ok(());
    }
    if !out.series.contains(series) {
        out.series.insert(series.to_owned());
        out.push(&create_series(series), 0);
    }
    out.samples.extend([series, time, value].map(str::to_owned));
    if out.samples.len() >= SAMPLES * 3 {
        out.flush_samples();
    }
    Ok(())
}

/// The command that makes a series, with its name's parts as labels: `source:field`, or
/// `source:ticker:field` for stocks.
fn create_series(series: &str) -> Vec<&str> {
    let mut command = vec!["TS.CREATE", series, "LABELS"];
    match series.split(':').collect::<Vec<_>>()[..] {
        [source, ticker, field] => {
            command.extend(["source", source, "ticker", ticker, "field", field]);
        }
        [source, field] => command.extend(["source", source, "field", field]),
        _ => command.extend(["source", series]),
    }
    command
}
