//! A series: its chunks in order of time, and how samples enter and leave them.
//! Labels and rules are attached elsewhere; queries read through `reader`.

use std::collections::VecDeque;

use crate::chunk::{Chunk, DEFAULT_CHUNK_SIZE, Encoding, Tail};
use crate::duplicate::DuplicatePolicy;
use crate::error::TsError;
use crate::reader::{RangeReader, ReverseReader};
use crate::sample::{MAX_TIMESTAMP, Sample, Timestamp};

/// How a series behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Samples older than the latest by more than this (in milliseconds) are gone; 0 keeps all.
    pub retention: u64,
    /// The size of a chunk's data in bytes.
    pub chunk_size: usize,
    /// How chunks are stored.
    pub encoding: Encoding,
    /// What to do with a taken timestamp; `None` follows the server's default.
    pub duplicate: Option<DuplicatePolicy>,
    /// Together with `ignore_value`, under LAST: a sample at most so many milliseconds after the
    /// latest is dropped …
    pub ignore_time: u64,
    /// … if its value differs from the latest by at most this.
    pub ignore_value: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: 0,
            chunk_size: DEFAULT_CHUNK_SIZE,
            encoding: Encoding::Compressed,
            duplicate: None,
            ignore_time: 0,
            ignore_value: 0.0,
        }
    }
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// It is the latest sample now.
    Appended,
    /// It was put among older ones.
    Inserted,
    /// Its timestamp was taken; the stored value is now this.
    Merged(f64),
    /// IGNORE dropped it.
    Ignored,
}

/// The samples of a time series.
#[derive(Clone, Debug, Default)]
pub struct Series {
    options: Options,
    /// No chunk is empty, and their ranges of time ascend.
    chunks: VecDeque<Chunk>,
    /// Belongs to the last chunk.
    tail: Tail,
    last: Option<Sample>,
    /// Samples stored, including those that retention hides.
    stored: usize,
}

impl Series {
    /// An empty series.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// A series of stored chunks.
    ///
    /// # Errors
    /// [`TsError::CorruptChunk`] if a chunk is empty or they do not ascend.
    pub fn from_chunks(options: Options, chunks: Vec<Chunk>) -> Result<Self, TsError> {
        let ascending = chunks.windows(2).all(|pair| pair[0].last_ts() < pair[1].first_ts());
        if !ascending || chunks.iter().any(Chunk::is_empty) {
            return Err(TsError::CorruptChunk);
        }
        let stored = chunks.iter().map(Chunk::len).sum();
        let mut series = Self { options, chunks: chunks.into(), stored, ..Self::default() };
        series.reload_tail();
        Ok(series)
    }

    /// How the series behaves.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes how the series behaves. Existing chunks stay as they are; what the old retention hid
    /// does not come back.
    pub fn set_options(&mut self, options: Options) {
        self.trim();
        self.options = options;
        self.expire();
    }

    /// The latest sample.
    pub fn last(&self) -> Option<Sample> {
        self.last
    }

    /// The chunks, oldest first.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &Chunk> {
        self.chunks.iter()
    }

    /// The earliest timestamp that retention keeps.
    pub fn floor(&self) -> Timestamp {
        match self.last {
            Some(last) if self.options.retention > 0 => {
                last.ts.saturating_sub(self.options.retention)
            }
            _ => 0,
        }
    }

    /// The first timestamp that retention keeps.
    pub fn first_ts(&self) -> Option<Timestamp> {
        self.first_from(self.floor()).map(|sample| sample.ts)
    }

    /// The number of samples that retention keeps. Decodes at most one chunk.
    pub fn len(&self) -> usize {
        let floor = self.floor();
        let mut hidden = 0;
        for chunk in self.chunks.iter().take_while(|chunk| chunk.first_ts() < floor) {
            hidden += match chunk.last_ts() < floor {
                true => chunk.len(),
                false => chunk.samples().partition_point(|s| s.ts < floor),
            };
        }
        self.stored - hidden
    }

    /// Whether the series holds no sample.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Bytes held, this struct included.
    pub fn memory(&self) -> usize {
        let headers = self.chunks.capacity() * size_of::<Chunk>();
        size_of::<Self>() + headers + self.chunks.iter().map(Chunk::allocated).sum::<usize>()
    }

    /// Adds a sample, unless IGNORE drops it. `policy` is the policy for this call: the command's
    /// own, else the series', else the server's default.
    ///
    /// # Errors
    /// As [`Series::upsert`].
    pub fn add(&mut self, sample: Sample, policy: DuplicatePolicy) -> Result<Added, TsError> {
        let ignored = policy == DuplicatePolicy::Last && self.is_ignored(sample);
        if ignored { Ok(Added::Ignored) } else { self.upsert(sample, policy) }
    }

    /// Adds a sample whatever IGNORE says.
    ///
    /// # Errors
    /// [`TsError::OlderThanRetention`], and [`TsError::Blocked`] if the timestamp is taken under
    /// BLOCK.
    pub fn upsert(&mut self, sample: Sample, policy: DuplicatePolicy) -> Result<Added, TsError> {
        let Some(last) = self.last.filter(|last| last.ts >= sample.ts) else {
            self.append(sample);
            return Ok(Added::Appended);
        };
        if sample.ts < self.floor() {
            return Err(TsError::OlderThanRetention);
        }
        if sample.ts == last.ts {
            return self.merge_last(last, sample.value, policy).map(Added::Merged);
        }
        self.add_late(sample, policy)
    }

    fn is_ignored(&self, sample: Sample) -> bool {
        self.last.is_some_and(|last| {
            sample.ts >= last.ts
                && sample.ts - last.ts <= self.options.ignore_time
                && (sample.value - last.value).abs() <= self.options.ignore_value
        })
    }

    /// Adds a sample later than all others.
    #[inline]
    fn append(&mut self, sample: Sample) {
        let limit = self.options.chunk_size;
        let taken = match self.chunks.back_mut() {
            Some(chunk) => chunk.append(&mut self.tail, sample, limit),
            None => false,
        };
        if !taken {
            self.open_chunk(sample);
        }
        self.last = Some(sample);
        self.stored += 1;
        if self.options.retention > 0 {
            self.expire();
        }
    }

    #[cold]
    fn open_chunk(&mut self, sample: Sample) {
        if let Some(full) = self.chunks.back_mut() {
            full.seal();
        }
        let mut chunk = Chunk::new(self.options.encoding);
        self.tail = Tail::default();
        chunk.append(&mut self.tail, sample, self.options.chunk_size);
        if self.chunks.capacity() == 0 {
            self.chunks.reserve_exact(1); // most series are small
        }
        self.chunks.push_back(chunk);
    }

    /// Drops the chunks that lie before the retention period as a whole.
    fn expire(&mut self) {
        let floor = self.floor();
        while self.chunks.front().is_some_and(|chunk| chunk.last_ts() < floor) {
            if let Some(gone) = self.chunks.pop_front() {
                self.stored -= gone.len();
            }
        }
    }

    fn merge_last(
        &mut self,
        last: Sample,
        value: f64,
        policy: DuplicatePolicy,
    ) -> Result<f64, TsError> {
        let merged = policy.resolve(last.value, value)?;
        let limit = self.options.chunk_size;
        let index = self.chunks.len().saturating_sub(1);
        let Some(chunk) = self.chunks.back_mut() else { return Ok(merged) };
        if !chunk.replace_last(&mut self.tail, merged, limit) {
            let mut samples = chunk.samples();
            if let Some(sample) = samples.last_mut() {
                sample.value = merged;
            }
            self.replace_chunk(index, &samples);
        }
        self.last = Some(Sample::new(last.ts, merged));
        Ok(merged)
    }

    /// Merges a sample into the chunk that it belongs to.
    fn add_late(&mut self, sample: Sample, policy: DuplicatePolicy) -> Result<Added, TsError> {
        let index = self.chunks.partition_point(|chunk| chunk.last_ts() < sample.ts);
        let later = self.chunks.get(index).map(|chunk| chunk.samples_from(sample.ts));
        let mut samples = later.unwrap_or_default();
        let added = match samples.first_mut().filter(|first| first.ts == sample.ts) {
            Some(taken) => {
                let merged = policy.resolve(taken.value, sample.value)?;
                if merged.to_bits() == taken.value.to_bits() {
                    return Ok(Added::Merged(merged));
                }
                taken.value = merged;
                Added::Merged(merged)
            }
            None => {
                samples.insert(0, sample);
                self.stored += 1;
                Added::Inserted
            }
        };
        self.replace_from(index, sample.ts, &samples);
        Ok(added)
    }

    /// Puts samples in the place of those in a chunk from `from` on.
    fn replace_from(&mut self, index: usize, from: Timestamp, samples: &[Sample]) {
        let is_tail = index + 1 == self.chunks.len();
        let mut scratch = Tail::default();
        let tail = if is_tail { &mut self.tail } else { &mut scratch };
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        match chunk.replace_from(tail, from, samples, self.options.chunk_size) {
            Ok(()) if is_tail => {}
            Ok(()) => chunk.seal(),
            Err(all) => self.replace_chunk(index, &all),
        }
    }

    /// Puts samples in a chunk's place, as one chunk or, if they do not fit, as several.
    fn replace_chunk(&mut self, index: usize, samples: &[Sample]) {
        let is_tail = index + 1 == self.chunks.len();
        let limit = self.options.chunk_size;
        let encoding = self.options.encoding;
        self.chunks.remove(index);
        let parts = Chunk::encode_all(encoding, samples, limit);
        let count = parts.len();
        for (i, (mut chunk, tail)) in parts.into_iter().enumerate() {
            if is_tail && i + 1 == count {
                self.tail = tail;
            } else {
                chunk.seal();
            }
            self.chunks.insert(index + i, chunk);
        }
        if is_tail && count == 0 {
            self.reload_tail();
        }
    }

    /// Finds out where appending goes on, after the last chunk changed.
    fn reload_tail(&mut self) {
        self.tail = self.chunks.back().map(Chunk::tail).unwrap_or_default();
        self.last = self.chunks.back().and_then(|chunk| chunk.samples().last().copied());
    }

    /// Deletes the samples from `from` to `to`, both included, and returns how many they were.
    /// Samples that retention hides are not counted.
    pub fn delete_range(&mut self, from: Timestamp, to: Timestamp) -> usize {
        if from > to {
            return 0;
        }
        // Without the latest sample retention would reach further back, so what it hides goes first.
        self.trim();
        self.remove_range(from, to)
    }

    /// Drops the samples that retention hides.
    fn trim(&mut self) {
        self.expire();
        if let Some(before) = self.floor().checked_sub(1) {
            self.remove_range(0, before);
        }
    }

    fn remove_range(&mut self, from: Timestamp, to: Timestamp) -> usize {
        let stored = self.stored;
        let mut index = self.chunks.partition_point(|chunk| chunk.last_ts() < from);
        while let Some(chunk) = self.chunks.get(index).filter(|chunk| chunk.first_ts() <= to) {
            let (count, before) = (chunk.len(), self.chunks.len());
            let mut samples = Vec::new();
            if chunk.first_ts() < from || chunk.last_ts() > to {
                samples = chunk.samples();
                samples.retain(|s| s.ts < from || s.ts > to);
            }
            self.stored -= count - samples.len();
            self.replace_chunk(index, &samples);
            index += (self.chunks.len() + 1).saturating_sub(before);
        }
        if self.last.is_some_and(|last| (from..=to).contains(&last.ts)) {
            self.reload_tail();
        }
        stored - self.stored
    }

    /// Reads the samples of a closed range that retention keeps, oldest first.
    pub fn range(&self, from: Timestamp, to: Timestamp) -> RangeReader<'_> {
        RangeReader::new(&self.chunks, from.max(self.floor()), to)
    }

    /// Reads the same, latest first.
    pub fn range_reverse(&self, from: Timestamp, to: Timestamp) -> ReverseReader<'_> {
        ReverseReader::new(&self.chunks, from.max(self.floor()), to)
    }

    /// The first sample at `ts` or later.
    pub fn first_from(&self, ts: Timestamp) -> Option<Sample> {
        let ts = ts.max(self.floor());
        let chunk = self.chunks.get(self.chunks.partition_point(|chunk| chunk.last_ts() < ts))?;
        if let Some((sample, true)) = chunk.first().map(|first| (first, first.ts >= ts)) {
            return Some(sample);
        }
        chunk.samples().into_iter().find(|sample| sample.ts >= ts)
    }

    /// The last sample before `ts`.
    pub fn last_before(&self, ts: Timestamp) -> Option<Sample> {
        let floor = self.floor();
        let index = self.chunks.partition_point(|chunk| chunk.first_ts() < ts);
        let chunk = self.chunks.get(index.checked_sub(1)?)?;
        let sample = match self.last {
            Some(last) if last.ts < ts => Some(last),
            _ => chunk.samples().into_iter().take_while(|sample| sample.ts < ts).last(),
        };
        sample.filter(|sample| sample.ts >= floor)
    }

    /// The first sample after `ts`.
    pub fn first_after(&self, ts: Timestamp) -> Option<Sample> {
        if ts >= MAX_TIMESTAMP { None } else { self.first_from(ts + 1) }
    }
}

#[cfg(test)]
mod tests;
