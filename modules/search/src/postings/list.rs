//! The mutable posting list of a term and its immutable snapshots.

use super::block::BlockBuilder;
use super::{BLOCK_LEN, Block, Bounds, Posting, varint};
use crate::docs::DocFacts;
use crate::schema::FieldMask;
use std::sync::Arc;

/// Blocks in a full run.
pub const RUN_LEN: usize = 64;

/// Highest frequency that is kept; higher ones count as this.
pub const MAX_FREQ: u32 = u32::MAX >> 1;

/// Consecutive blocks, shared as one.
#[derive(Debug, Clone)]
pub struct Run {
    /// The blocks, ascending; none only between the steps of a collection.
    pub blocks: Vec<Block>,
    /// No document of the run is above it, none of a later run below.
    pub last: u32,
    /// Postings in the run.
    pub docs: u32,
    /// What its postings don't exceed.
    pub bounds: Bounds,
    /// Fields that all its postings have.
    pub common_mask: FieldMask,
}

impl Run {
    fn new(blocks: Vec<Block>, last: u32) -> Self {
        let empty = Self {
            blocks: Vec::new(),
            last,
            docs: 0,
            bounds: Bounds::NONE,
            common_mask: FieldMask::MAX,
        };
        let mut run = blocks.iter().fold(empty, Self::counting);
        run.blocks = blocks;
        run
    }

    /// The run's figures with a further block.
    fn counting(mut self, block: &Block) -> Self {
        self.count(block);
        self
    }

    fn count(&mut self, block: &Block) {
        self.docs += block.len() as u32;
        self.bounds = self.bounds.join(block.bounds);
        self.common_mask &= block.common_mask;
    }

    fn push(&mut self, block: Block) {
        self.count(&block);
        self.last = block.last;
        self.blocks.push(block);
    }
}

/// The postings of one term. Documents are appended in ascending order.
#[derive(Debug, Clone)]
pub struct PostingList {
    pub(super) runs: Vec<Arc<Run>>,
    pub(super) tail: Tail,
    docs: u32,
    last: u32,
}

/// The entries after the last block, in varint code.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    pub(super) bytes: Vec<u8>,
    /// The document before the first entry.
    pub(super) base: u32,
    pub(super) len: u8,
    pub(super) bounds: Bounds,
}

impl Tail {
    fn after(base: u32) -> Self {
        Self { bytes: Vec::new(), base, len: 0, bounds: Bounds::NONE }
    }

    /// Decodes all entries in order.
    pub(super) fn entries(&self) -> TailEntries<'_> {
        TailEntries { bytes: &self.bytes, doc: self.base }
    }
}

/// Iterates over the entries of a tail.
pub(super) struct TailEntries<'a> {
    bytes: &'a [u8],
    doc: u32,
}

impl<'a> Iterator for TailEntries<'a> {
    type Item = Posting<'a>;

    fn next(&mut self) -> Option<Posting<'a>> {
        let bytes = &mut self.bytes;
        self.doc = self.doc.wrapping_add(varint::read_u32(bytes)?);
        let head = varint::read_u32(bytes)?;
        // The low bit says that a mask follows; the commonest mask, the first field, is left out.
        let mask = if head & 1 == 1 { varint::read(bytes)? } else { 1 };
        let len = varint::read_u32(bytes)? as usize;
        let (positions, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(Posting { doc: self.doc, freq: head >> 1, mask, positions })
    }
}

impl Default for PostingList {
    fn default() -> Self {
        Self { runs: Vec::new(), tail: Tail::after(0), docs: 0, last: 0 }
    }
}

impl PostingList {
    /// Postings in the list, dead documents included until they are collected.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// Appends a posting of a document; its id must exceed all before it.
    pub fn push(&mut self, posting: Posting<'_>, facts: &DocFacts) {
        debug_assert!(posting.doc > self.last);
        let has_mask = posting.mask != 1;
        let tail = &mut self.tail;
        varint::write_u32(posting.doc.wrapping_sub(self.last), &mut tail.bytes);
        let freq = posting.freq.min(MAX_FREQ);
        varint::write_u32(freq << 1 | u32::from(has_mask), &mut tail.bytes);
        if has_mask {
            varint::write(posting.mask, &mut tail.bytes);
        }
        varint::write_u32(posting.positions.len() as u32, &mut tail.bytes);
        tail.bytes.extend_from_slice(posting.positions);
        tail.len += 1;
        tail.bounds = tail.bounds.join(Bounds::of(freq, facts.len, facts.max_freq));
        self.last = posting.doc;
        self.docs += 1;
        if usize::from(tail.len) == BLOCK_LEN {
            self.seal();
        }
    }

    /// Turns the tail into a block.
    fn seal(&mut self) {
        let tail = std::mem::replace(&mut self.tail, Tail::after(self.last));
        let mut builder = BlockBuilder::new(tail.base);
        tail.entries().for_each(|p| builder.push(p));
        push_block(&mut self.runs, builder.finish(tail.bounds));
    }

    /// A view of the list as it is now.
    pub fn snapshot(&self) -> PostingSnapshot {
        PostingSnapshot { runs: self.runs.clone(), tail: self.tail.clone(), docs: self.docs }
    }

    /// Number of runs, the steps of a collection.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// Drops the postings of dead documents from run `at`, or from the tail when `at` is the
    /// number of runs. Returns how many were dropped.
    ///
    /// A run keeps its place even when it becomes empty; [`PostingList::drop_empty_runs`] follows
    /// when all have been visited.
    pub fn collect(&mut self, at: usize, is_dead: &impl Fn(u32) -> bool) -> u32 {
        let dropped = match self.runs.get_mut(at) {
            Some(run) => collect_run(run, is_dead),
            None => self.collect_tail(is_dead),
        };
        self.docs -= dropped;
        dropped
    }

    /// Removes the runs that a collection emptied.
    pub fn drop_empty_runs(&mut self) {
        self.runs.retain(|run| !run.blocks.is_empty());
    }

    fn collect_tail(&mut self, is_dead: &impl Fn(u32) -> bool) -> u32 {
        let dead = self.tail.entries().filter(|p| is_dead(p.doc)).count() as u32;
        if dead == 0 {
            return 0;
        }
        let base = self.tail.base;
        let old = std::mem::replace(&mut self.tail, Tail::after(base));
        let kept_docs = self.docs;
        self.last = old.base;
        let facts = DocFacts { len: old.bounds.min_len, max_freq: 0, score: 1.0 };
        old.entries().filter(|p| !is_dead(p.doc)).for_each(|p| self.push(p, &facts));
        // What the dead did not exceed the others don't, either.
        self.tail.bounds = old.bounds;
        self.docs = kept_docs;
        dead
    }

    /// Heap bytes: postings, and positions.
    pub fn heap_bytes(&self) -> (usize, usize) {
        let mut postings =
            self.runs.capacity() * size_of::<Arc<Run>>() + self.tail.bytes.capacity();
        let mut positions = 0;
        for run in &self.runs {
            postings += size_of::<Run>() + 2 * size_of::<usize>();
            postings += run.blocks.capacity() * size_of::<Block>();
            for block in &run.blocks {
                let (all, places) = block.heap_bytes();
                postings += all - places;
                positions += places;
            }
        }
        (postings, positions)
    }
}

fn push_block(runs: &mut Vec<Arc<Run>>, block: Block) {
    match runs.last_mut() {
        Some(run) if run.blocks.len() < RUN_LEN => {
            Arc::make_mut(run).push(block);
        }
        _ => runs.push(Arc::new(Run::new(vec![block.clone()], block.last))),
    }
}

fn collect_run(run: &mut Arc<Run>, is_dead: &impl Fn(u32) -> bool) -> u32 {
    let mut docs = [0; BLOCK_LEN];
    let has_dead = |block: &Block, docs: &mut [u32; BLOCK_LEN]| {
        block.docs(docs);
        docs[..block.len()].iter().any(|&d| is_dead(d))
    };
    if !run.blocks.iter().any(|b| has_dead(b, &mut docs)) {
        return 0;
    }
    let mut dropped = 0;
    let mut kept = Vec::with_capacity(run.blocks.len());
    for block in &run.blocks {
        if !has_dead(block, &mut docs) {
            kept.push(block.clone());
            continue;
        }
        let smaller = without_dead(block, is_dead);
        dropped += (block.len() - smaller.as_ref().map_or(0, Block::len)) as u32;
        kept.extend(smaller);
    }
    *run = Arc::new(Run::new(kept, run.last));
    dropped
}

/// The block without its dead documents, or `None` if none is left.
fn without_dead(block: &Block, is_dead: &impl Fn(u32) -> bool) -> Option<Block> {
    let (mut docs, mut freqs, mut ends) = ([0; BLOCK_LEN], [0; BLOCK_LEN], [0; BLOCK_LEN]);
    let mut masks = [0; BLOCK_LEN];
    block.docs(&mut docs);
    block.freqs(&mut freqs);
    block.position_ends(&mut ends);
    block.masks(&mut masks);
    let bytes = block.position_bytes();
    let mut builder = BlockBuilder::new(block.base());
    let mut start = 0;
    for at in 0..block.len() {
        let end = ends[at] as usize;
        if !is_dead(docs[at]) {
            let positions = &bytes[start..end];
            builder.push(Posting { doc: docs[at], freq: freqs[at], mask: masks[at], positions });
        }
        start = end;
    }
    (!builder.is_empty()).then(|| builder.finish(block.bounds))
}

/// A list as it was at some moment; cheap to make and safe to keep.
#[derive(Debug, Clone)]
pub struct PostingSnapshot {
    pub(super) runs: Vec<Arc<Run>>,
    pub(super) tail: Tail,
    docs: u32,
}

impl PostingSnapshot {
    /// Postings in the list, dead documents included.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// All blocks in order; the tail is not among them.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.runs.iter().flat_map(|run| &run.blocks)
    }

    /// No document of the tail is below this, none of a block above.
    pub fn tail_start(&self) -> u32 {
        self.tail.base.saturating_add(1)
    }

    /// All runs of blocks in order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|run| &**run)
    }
}
