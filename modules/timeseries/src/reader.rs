//! Reading a series' samples in a range of time, batch by batch, in either direction.
//! Filters and aggregation live in `query`.

use std::collections::VecDeque;

use crate::chunk::{Chunk, ChunkReader};
use crate::sample::{BATCH, Batch, Sample, Timestamp};

/// Reads the samples in a closed range of time, oldest first.
pub struct RangeReader<'a> {
    chunks: &'a VecDeque<Chunk>,
    next: usize,
    current: Option<ChunkReader<'a>>,
    from: Timestamp,
    to: Timestamp,
}

impl<'a> RangeReader<'a> {
    pub(crate) fn new(chunks: &'a VecDeque<Chunk>, from: Timestamp, to: Timestamp) -> Self {
        let next = chunks.partition_point(|chunk| chunk.last_ts() < from);
        Self { chunks, next, current: None, from, to }
    }

    /// Replaces `batch` with the next samples; `false` at the end.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        loop {
            if self.current.is_none() && !self.open_chunk() {
                batch.clear();
                return false;
            }
            if self.current.as_mut().is_some_and(|reader| reader.fill(batch)) {
                if batch.ts().first().is_some_and(|&ts| ts > self.to) {
                    self.next = self.chunks.len();
                    self.current = None;
                    continue;
                }
                batch.clip(self.from, self.to);
                if !batch.is_empty() {
                    return true;
                }
            } else {
                self.current = None;
            }
        }
    }

    fn open_chunk(&mut self) -> bool {
        let chunk = self.chunks.get(self.next).filter(|chunk| chunk.first_ts() <= self.to);
        self.next += 1;
        self.current = chunk.map(Chunk::reader);
        self.current.is_some()
    }
}

/// Reads the samples in a closed range of time, latest first. A chunk is decoded as a whole, since
/// its samples depend on those before them.
pub struct ReverseReader<'a> {
    chunks: &'a VecDeque<Chunk>,
    /// Chunks before this one are still to be read.
    left: usize,
    current: Vec<Sample>,
    from: Timestamp,
    to: Timestamp,
}

impl<'a> ReverseReader<'a> {
    pub(crate) fn new(chunks: &'a VecDeque<Chunk>, from: Timestamp, to: Timestamp) -> Self {
        let left = chunks.partition_point(|chunk| chunk.first_ts() <= to);
        Self { chunks, left, current: Vec::new(), from, to }
    }

    /// Replaces `batch` with the next samples, in descending order; `false` at the end.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        while self.current.is_empty() {
            let Some(index) = self.left.checked_sub(1) else { return false };
            self.left = index;
            let chunk = self.chunks.get(index).filter(|chunk| chunk.last_ts() >= self.from);
            let Some(chunk) = chunk else { return false };
            self.current = chunk.samples();
            self.current.retain(|s| (self.from..=self.to).contains(&s.ts));
        }
        let keep = self.current.len().saturating_sub(BATCH);
        self.current.drain(keep..).rev().for_each(|s| batch.push(s.ts, s.value));
        true
    }
}
