//! A series as a value of the keyspace.

use cairn_core::rdb::{RdbError, Writer};
use cairn_core::value::{Emit, Frozen, Kind, Object};

use crate::chunk::Encoding;
use crate::number::push_value;
use crate::rdb;
use crate::sample::{Batch, MAX_TIMESTAMP, Timestamp};
use crate::series::Options;
use crate::value::TimeSeries;

/// The type, as TYPE names it.
pub static KIND: Kind = Kind { name: "TSDB-TYPE" };

/// Samples in one command of a rebuilt series.
const SAMPLES_A_COMMAND: usize = 128;

impl Object for TimeSeries {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        TimeSeries::memory(self)
    }

    fn free_effort(&self) -> usize {
        self.series().chunks().len() + self.labels().len()
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.detached())
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        emit_create(self, key, emit);
        emit_samples(self, key, 0, usize::MAX, emit);
        emit_links(self, key, emit);
    }

    fn freeze(&mut self, nodes: usize) -> Option<Box<dyn Frozen>> {
        rdb::freeze(self, nodes)
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        Ok(rdb::save(self, out))
    }
}

/// TS.CREATE with everything that was said about the series.
pub(crate) fn emit_create(series: &TimeSeries, key: &[u8], emit: &mut Emit<'_>) {
    let options = series.series().options();
    let mut words: Vec<Vec<u8>> = vec![b"TS.CREATE".to_vec(), key.to_vec()];
    words.extend(option_words(options).into_iter().map(String::into_bytes));
    if !series.labels().is_empty() {
        words.push(b"LABELS".to_vec());
        let texts = series.labels().iter().flat_map(|(label, value)| [label, value]);
        words.extend(texts.map(|text| text.to_vec()));
    }
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    emit(&words);
}

/// Options as words of TS.CREATE.
fn option_words(options: &Options) -> Vec<String> {
    let encoding = match options.encoding {
        Encoding::Compressed => "COMPRESSED",
        Encoding::Uncompressed => "UNCOMPRESSED",
    };
    let mut value = String::new();
    push_value(options.ignore_value, &mut value);
    let mut words = vec![
        "RETENTION".to_owned(),
        options.retention.to_string(),
        "CHUNK_SIZE".to_owned(),
        options.chunk_size.to_string(),
        "ENCODING".to_owned(),
        encoding.to_owned(),
        "IGNORE".to_owned(),
        options.ignore_time.to_string(),
        value,
    ];
    if let Some(policy) = options.duplicate {
        words.extend(["DUPLICATE_POLICY".to_owned(), policy.name().to_owned()]);
    }
    words
}

/// TS._LINK with the rules and the source.
pub(crate) fn emit_links(series: &TimeSeries, key: &[u8], emit: &mut Emit<'_>) {
    for rule in series.rules() {
        let (duration, align) = (rule.duration.to_string(), rule.align.to_string());
        let name = rule.aggregator.name().as_bytes();
        let [duration, align] = [duration.as_bytes(), align.as_bytes()];
        emit(&[b"TS._LINK", key, b"RULE", &rule.destination, name, duration, align]);
    }
    if let Some(source) = &series.source {
        emit(&[b"TS._LINK", key, b"SOURCE", source]);
    }
}

/// TS._LOAD with so many batches of samples from a time on, a number of them at a time. Returns the
/// time from which on samples are left, if there may be any.
pub(crate) fn emit_samples(
    series: &TimeSeries,
    key: &[u8],
    mut from: Timestamp,
    batches: usize,
    emit: &mut Emit<'_>,
) -> Option<Timestamp> {
    let (mut reader, mut batch) = (series.series().range(from, MAX_TIMESTAMP), Batch::default());
    for _ in 0..batches {
        if !reader.fill(&mut batch) {
            return None;
        }
        from = batch.iter().last().map_or(from, |sample| sample.ts + 1);
        let samples: Vec<_> = batch.iter().collect();
        for part in samples.chunks(SAMPLES_A_COMMAND) {
            let texts: Vec<String> = part.iter().flat_map(sample_words).collect();
            let mut words: Vec<&[u8]> = vec![b"TS._LOAD", key];
            words.extend(texts.iter().map(String::as_bytes));
            emit(&words);
        }
    }
    Some(from)
}

/// A timestamp, and the bits of a value: every double survives, whatever its text would be.
fn sample_words(sample: &crate::sample::Sample) -> [String; 2] {
    [sample.ts.to_string(), format!("{:016x}", sample.value.to_bits())]
}
