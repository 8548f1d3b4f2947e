//! Long series as they stood at one moment, saved a bit at a time.
//!
//! How many chunks of RedisTimeSeries there will be stands in front of them, so compressed ones are
//! made twice: first to be counted, then to be written.

use cairn_core::rdb::{Writer, kind};
use cairn_core::value::{Emit, Frozen, Object};

use super::{Blocks, save_block, save_head_of, save_plain_chunk};
use crate::chunk::Encoding;
use crate::object;
use crate::rdb::{ENCODING, SAMPLE_SIZE};
use crate::sample::{Batch, MAX_TIMESTAMP, Sample, Timestamp};
use crate::value::TimeSeries;

/// Batches of samples that are looked at in one go: some tens of thousands of samples.
const BATCHES: usize = if cfg!(test) { 1 } else { 128 };

/// Bytes of uncompressed samples from which on a bit ends.
const PLAIN_BYTES: usize = if cfg!(test) { 500 } else { 128 * 1024 };

/// How far a series has come.
enum Stage {
    /// Chunks are being counted.
    Counting { blocks: Blocks, full: u64, samples: u64 },
    /// Chunks are being written.
    Writing(Blocks),
    /// Nothing is written yet of the uncompressed samples, or some from this time on are left.
    Plain(Option<Timestamp>),
}

struct FrozenSeries {
    series: TimeSeries,
    /// The key that it stood under.
    key: Vec<u8>,
    stage: Stage,
    /// The next sample for a command; `None` before the first command.
    rebuilt: Option<Timestamp>,
}

/// A series of at least so many chunks, to be saved a bit at a time.
pub fn freeze(series: &TimeSeries, chunks: usize) -> Option<Box<dyn Frozen>> {
    if series.series().chunks().len() < chunks {
        return None;
    }
    let key = series.slot.key().map_or_else(Vec::new, |key| key.to_vec());
    let stage = match series.series().options().encoding {
        Encoding::Compressed => Stage::Counting { blocks: Blocks::default(), full: 0, samples: 0 },
        Encoding::Uncompressed => Stage::Plain(None),
    };
    Some(Box::new(FrozenSeries { series: series.frozen(), key, stage, rebuilt: None }))
}

impl Frozen for FrozenSeries {
    fn object(&self) -> &dyn Object {
        &self.series
    }

    fn rdb_kind(&self, _: u16) -> u8 {
        kind::MODULE
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        let samples = self.series.series();
        let limit = samples.options().chunk_size;
        match &mut self.stage {
            Stage::Counting { blocks, full, samples: count } => {
                let more = blocks.advance(samples, BATCHES, |block| {
                    *full += 1;
                    *count += block.count;
                });
                if !more {
                    let last = blocks.finish();
                    let (chunks, count) = (*full + 1, *count + last.count);
                    self.begin(count, chunks, out);
                    self.stage = Stage::Writing(Blocks::default());
                }
                true
            }
            Stage::Writing(blocks) => {
                let more = blocks.advance(samples, BATCHES, |block| save_block(block, out));
                if !more {
                    save_block(&blocks.finish(), out);
                    out.module_end();
                }
                more
            }
            Stage::Plain(next) => {
                let room = (limit / SAMPLE_SIZE).max(1);
                let from = next.unwrap_or(0);
                if next.is_none() {
                    let count = samples.len();
                    self.begin(count as u64, count.div_ceil(room).max(1) as u64, out);
                }
                self.save_plain(from, room, out)
            }
        }
    }

    fn rebuild_next(&mut self, key: &[u8], emit: &mut Emit<'_>) -> bool {
        let Some(next) = self.rebuilt else {
            object::emit_create(&self.series, key, emit);
            self.rebuilt = Some(0);
            return true;
        };
        self.rebuilt = object::emit_samples(&self.series, key, next, BATCHES, emit);
        if self.rebuilt.is_none() {
            object::emit_links(&self.series, key, emit);
        }
        self.rebuilt.is_some()
    }
}

impl FrozenSeries {
    /// Writes what comes before the chunks.
    fn begin(&self, samples: u64, chunks: u64, out: &mut Writer) {
        out.module_id(object::KIND.name, ENCODING);
        save_head_of(&self.series, &self.key, samples, out);
        out.module_unsigned(chunks);
    }

    /// Writes some uncompressed chunks of so many samples each, from a time on. False when the last
    /// was among them.
    fn save_plain(&mut self, mut from: Timestamp, room: usize, out: &mut Writer) -> bool {
        let mut written = 0;
        while written < PLAIN_BYTES {
            let chunk = self.samples(from, room);
            let first = from == 0;
            if let Some(last) = chunk.last().filter(|_| chunk.len() == room) {
                from = last.ts + 1;
                save_plain_chunk(&chunk, room, out);
                written += room * SAMPLE_SIZE;
                continue;
            }
            if first || !chunk.is_empty() {
                save_plain_chunk(&chunk, room, out);
            }
            out.module_end();
            return false;
        }
        self.stage = Stage::Plain(Some(from));
        true
    }

    /// Up to so many samples from a time on.
    fn samples(&self, from: Timestamp, count: usize) -> Vec<Sample> {
        let mut reader = self.series.series().range(from, MAX_TIMESTAMP);
        let (mut batch, mut samples) = (Batch::default(), Vec::new());
        while samples.len() < count && reader.fill(&mut batch) {
            samples.extend(batch.iter());
        }
        samples.truncate(count);
        samples
    }
}
