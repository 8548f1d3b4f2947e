//! Parts of replies that several commands have in common.

use cairn_core::reply::Reply;

use crate::args::ShownLabels;
use crate::labels::Label;
use crate::number::push_value;
use crate::query::Rows;
use crate::sample::{Sample, Timestamp};

/// Writes samples and rows; the text of values is built in one place.
pub struct Writer<'r> {
    reply: &'r mut Reply,
    text: String,
}

impl<'r> Writer<'r> {
    pub fn new(reply: &'r mut Reply) -> Self {
        Self { reply, text: String::new() }
    }

    /// A value: a double, or in RESP2 a simple string.
    fn value(&mut self, value: f64) {
        if self.reply.is_resp3() {
            return self.reply.double(value);
        }
        self.text.clear();
        push_value(value, &mut self.text);
        self.reply.simple(&self.text);
    }

    fn row(&mut self, ts: Timestamp, values: &[f64]) {
        self.reply.array(1 + values.len());
        // Timestamps have at most 63 bits.
        self.reply.int(ts as i64);
        values.iter().for_each(|value| self.value(*value));
    }

    /// A sample; an empty array if there is none.
    pub fn sample(&mut self, sample: Option<Sample>) {
        match sample {
            Some(sample) => self.row(sample.ts, &[sample.value]),
            None => self.reply.array(0),
        }
    }

    /// Rows of a query.
    pub fn rows(&mut self, rows: &Rows) {
        self.reply.array(rows.len());
        rows.iter().for_each(|(ts, values)| self.row(ts, values));
    }
}

/// A label and its value, or null: a pair of a map, in RESP2 an array of two.
pub fn label(reply: &mut Reply, label: &[u8], value: Option<&[u8]>) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(label);
    reply.bulk_or_null(value);
}

/// The head of a map of `n` pairs whose keys and values are written together: in RESP2 an array of
/// `n` elements.
pub fn pairs(reply: &mut Reply, n: usize) {
    if reply.is_resp3() { reply.map(n) } else { reply.array(n) }
}

/// The labels that a query shows.
pub fn labels(reply: &mut Reply, shown: &ShownLabels, labels: &[Label]) {
    match shown {
        ShownLabels::None => pairs(reply, 0),
        ShownLabels::All => {
            pairs(reply, labels.len());
            labels.iter().for_each(|(name, value)| label(reply, name, Some(value)));
        }
        ShownLabels::Selected(names) => {
            pairs(reply, names.len());
            for name in names {
                let found = labels.iter().find(|(label, _)| label == name);
                label(reply, name, found.map(|(_, value)| &**value));
            }
        }
    }
}

/// A map of one pair: a name and a list of texts.
pub fn named_list<T: AsRef<[u8]>>(
    reply: &mut Reply,
    name: &str,
    list: impl ExactSizeIterator<Item = T>,
) {
    reply.map(1);
    reply.bulk(name);
    reply.array(list.len());
    list.for_each(|text| reply.bulk(text));
}
