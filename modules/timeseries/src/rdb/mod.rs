//! Series in RDB files and DUMP payloads, in the form of RedisTimeSeries.
//!
//! Worked out from what a Redis Stack 7.4 stores (encoding 8). The parts in order:
//!
//! | part | meaning |
//! |---|---|
//! | string | the key |
//! | 2 unsigned | retention, chunk size |
//! | unsigned | 1 uncompressed, 2 compressed |
//! | unsigned, double | timestamp and value of the last sample, 0 if there is none |
//! | 2 unsigned | number of samples; duplicate policy ([`parts::POLICIES`]) |
//! | unsigned, string | 1 and the key of the source series; 0 alone without one |
//! | unsigned, double | IGNORE's time and value; encoding 7 lacks them |
//! | unsigned, strings | the number of labels, and of each its name and value |
//! | unsigned, … | the number of rules, and the rules ([`rules`]) |
//! | unsigned, … | the number of chunks, at least one, and the chunks |
//!
//! An uncompressed chunk: first timestamp, samples and bytes (3 unsigned); a string of samples, 16
//! bytes each, timestamp and value in little endian. A compressed one: bytes, samples, bits, first
//! value (as an integer, like all values here), first and last timestamp, last delta, last value,
//! leading and trailing zeros of the last window (10 unsigned); a string of bits ([`gorilla`]).
//!
//! A series that is written alone ([`Writer::is_alone`]) has neither source nor rules, as with DUMP
//! in RedisTimeSeries.

mod frozen;
mod gorilla;
mod parts;
mod rules;

use cairn_core::rdb::{ModuleType, RdbError, Reader, Writer, kind};
use cairn_core::value::Object;

use crate::chunk::{Encoding, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE};
use crate::object::KIND;
use crate::sample::{Batch, MAX_TIMESTAMP, Sample, Timestamp};
use crate::series::{Options, Series};
use crate::value::TimeSeries;
pub use frozen::freeze;
use gorilla::Block;
use parts::Head;

/// The encoding that is written, and the newest that is read.
const ENCODING: u16 = 8;

/// The oldest encoding that is read.
const OLDEST: u16 = 7;

/// The type of series.
pub static TYPES: [ModuleType; 1] =
    [ModuleType { name: KIND.name, encoding: ENCODING, observed: true, load: load_object }];

/// Bytes of a sample in an uncompressed chunk.
const SAMPLE_SIZE: usize = 16;

/// Writes a series and returns its type byte.
pub fn save(series: &TimeSeries, out: &mut Writer) -> u8 {
    out.module_id(KIND.name, ENCODING);
    let options = series.series().options();
    match options.encoding {
        Encoding::Compressed => {
            let blocks = blocks(series);
            save_head(series, blocks.iter().map(|b| b.count).sum(), out);
            out.module_unsigned(blocks.len() as u64);
            blocks.iter().for_each(|block| save_block(block, out));
        }
        Encoding::Uncompressed => {
            let samples = samples(series);
            save_head(series, samples.len() as u64, out);
            save_plain(&samples, options.chunk_size, out);
        }
    }
    out.module_end();
    kind::MODULE
}

fn save_head(series: &TimeSeries, samples: u64, out: &mut Writer) {
    let key = series.slot.key();
    save_head_of(series, key.as_deref().unwrap_or_default(), samples, out);
}

/// Writes what comes before the chunks of a series that stands under a key.
fn save_head_of(series: &TimeSeries, key: &[u8], samples: u64, out: &mut Writer) {
    Head::of(series, key, samples, out.is_alone()).save(out);
    if out.is_alone() {
        out.module_unsigned(0);
    } else {
        rules::save(series, out);
    }
}

/// The samples that retention keeps.
fn samples(series: &TimeSeries) -> Vec<Sample> {
    let (mut reader, mut batch) = (series.series().range(0, MAX_TIMESTAMP), Batch::default());
    let mut all = Vec::new();
    while reader.fill(&mut batch) {
        all.extend(batch.iter());
    }
    all
}

/// The same in compressed chunks, at least one.
fn blocks(series: &TimeSeries) -> Vec<Block> {
    let (mut done, mut blocks) = (Vec::new(), Blocks::default());
    blocks.advance(series.series(), usize::MAX, |block| done.push(block.clone()));
    done.push(blocks.finish());
    done
}

/// The compressed chunks of a series, made one after the other.
#[derive(Default)]
struct Blocks {
    /// Samples before this time are in chunks.
    next: Timestamp,
    /// The chunk that is not full yet.
    block: Block,
}

impl Blocks {
    /// Puts so many batches of samples into chunks and passes on those that are full. False once
    /// there are no more samples; the last chunk is then that of [`Blocks::finish`].
    fn advance(&mut self, series: &Series, batches: usize, mut full: impl FnMut(&Block)) -> bool {
        let limit = series.options().chunk_size;
        let (mut reader, mut batch) = (series.range(self.next, MAX_TIMESTAMP), Batch::default());
        for _ in 0..batches {
            if !reader.fill(&mut batch) {
                return false;
            }
            for sample in batch.iter() {
                if !self.block.push(sample, limit) {
                    full(&self.finish());
                    self.block.push(sample, limit);
                }
                self.next = sample.ts + 1;
            }
        }
        true
    }

    /// The chunk that is not full, which may be empty.
    fn finish(&mut self) -> Block {
        self.block.finish();
        std::mem::take(&mut self.block)
    }
}

fn save_block(block: &Block, out: &mut Writer) {
    let numbers = [
        block.data.len() as u64,
        block.count,
        block.bits,
        block.first.value.to_bits(),
        block.first.ts,
        block.last.ts,
        block.delta as u64,
        block.last.value.to_bits(),
        u64::from(block.leading),
        u64::from(block.trailing),
    ];
    numbers.iter().for_each(|n| out.module_unsigned(*n));
    out.module_string(&block.data);
}

fn save_plain(samples: &[Sample], chunk_size: usize, out: &mut Writer) {
    let room = (chunk_size / SAMPLE_SIZE).max(1);
    out.module_unsigned(samples.len().div_ceil(room).max(1) as u64);
    let empty: &[Sample] = &[];
    let chunks = samples.chunks(room).chain(samples.is_empty().then_some(empty));
    chunks.for_each(|chunk| save_plain_chunk(chunk, room, out));
}

/// Writes an uncompressed chunk that has room for so many samples.
fn save_plain_chunk(chunk: &[Sample], room: usize, out: &mut Writer) {
    let mut data: Vec<u8> = Vec::with_capacity(room * SAMPLE_SIZE);
    for sample in chunk {
        data.extend_from_slice(&sample.ts.to_le_bytes());
        data.extend_from_slice(&sample.value.to_le_bytes());
    }
    data.resize(room * SAMPLE_SIZE, 0);
    out.module_unsigned(chunk.first().map_or(0, |first| first.ts));
    out.module_unsigned(chunk.len() as u64);
    out.module_unsigned(data.len() as u64);
    out.module_string(&data);
}

fn load_object(input: &mut Reader<'_>, encoding: u16) -> Result<Box<dyn Object>, RdbError> {
    load(input, encoding).map(|series| Box::new(series) as Box<dyn Object>)
}

fn load(input: &mut Reader<'_>, encoding: u16) -> Result<TimeSeries, RdbError> {
    if !(OLDEST..=ENCODING).contains(&encoding) {
        return Err(RdbError::Unsupported(format!(
            "{} in encoding {encoding} cannot be read, only in {OLDEST} to {ENCODING}",
            KIND.name
        )));
    }
    let head = Head::load(input, encoding)?;
    let rules = rules::load(input)?;
    let mut series = TimeSeries::new(head.options, head.labels);
    let samples = load_chunks(input, &head.options, &mut series)?;
    if samples != head.samples {
        return Err(input.corrupt("the number of samples is not that of the chunks"));
    }
    series.source = head.source;
    for (rule, open) in rules {
        if !(if open { series.restore_rule(rule) } else { series.add_rule(rule) }) {
            return Err(input.corrupt("too many rules of a series"));
        }
    }
    Ok(series)
}

/// Reads all chunks into `series`; returns the number of samples, those included that retention
/// does not keep.
fn load_chunks(
    input: &mut Reader<'_>,
    options: &Options,
    series: &mut TimeSeries,
) -> Result<u64, RdbError> {
    let (mut total, mut last) = (0, None);
    for _ in 0..input.module_unsigned()? {
        let samples = match options.encoding {
            Encoding::Compressed => load_block(input)?.samples(),
            Encoding::Uncompressed => load_plain(input)?,
        };
        let samples = samples.ok_or_else(|| input.corrupt("chunk of a series"))?;
        for sample in samples {
            let ascends = last.is_none_or(|last| last < sample.ts) && sample.ts <= MAX_TIMESTAMP;
            if !ascends || series.load(sample).is_err() {
                return Err(input.corrupt("samples of a series out of order"));
            }
            last = Some(sample.ts);
            total += 1;
        }
    }
    Ok(total)
}

fn load_block(input: &mut Reader<'_>) -> Result<Block, RdbError> {
    let mut numbers = [0; 10];
    for number in &mut numbers {
        *number = input.module_unsigned()?;
    }
    let [_, count, bits, first_value, first, last, delta, value, leading, trailing] = numbers;
    let data = input.module_string()?;
    Ok(Block {
        count,
        bits,
        first: Sample::new(first, f64::from_bits(first_value)),
        last: Sample::new(last, f64::from_bits(value)),
        delta: delta as i64,
        leading: leading as u32,
        trailing: trailing as u32,
        data,
    })
}

/// The samples of an uncompressed chunk; `None` if it has fewer than it says.
fn load_plain(input: &mut Reader<'_>) -> Result<Option<Vec<Sample>>, RdbError> {
    let (_, count, _) =
        (input.module_unsigned()?, input.module_unsigned()?, input.module_unsigned()?);
    let data = input.module_string()?;
    let samples = data.chunks_exact(SAMPLE_SIZE).map(|bytes| {
        let half = |at: usize| {
            let mut half = [0; 8];
            half.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(half)
        };
        Sample::new(half(0), f64::from_bits(half(8)))
    });
    let whole = usize::try_from(count).ok().filter(|count| *count <= data.len() / SAMPLE_SIZE);
    Ok(whole.map(|count| samples.take(count).collect()))
}

/// The nearest chunk size that series here can have.
fn chunk_size(stored: u64) -> usize {
    let size = stored.clamp(MIN_CHUNK_SIZE as u64, MAX_CHUNK_SIZE as u64) as usize;
    size.next_multiple_of(8)
}

#[cfg(test)]
mod tests;
