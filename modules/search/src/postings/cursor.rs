//! Forward iteration over a snapshot of a posting list.

use super::{BLOCK_LEN, Block, Bounds, END, PostingSnapshot, varint};
use crate::schema::FieldMask;
use crate::window::Window;
use std::sync::Arc;

/// Where a cursor stands among blocks: an index of a run and of a block within it. The tail stands
/// after the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    run: usize,
    block: usize,
}

/// What of the current block has been unpacked.
#[derive(Debug, Clone, Copy, Default)]
struct Unpacked {
    freqs: bool,
    masks: bool,
    ends: bool,
}

#[derive(Debug, Clone)]
struct Buffers {
    docs: [u32; BLOCK_LEN],
    freqs: [u32; BLOCK_LEN],
    ends: [u32; BLOCK_LEN],
    masks: [FieldMask; BLOCK_LEN],
    /// The tail's positions, gathered from between its entries.
    tail_positions: Vec<u8>,
}

/// A cursor over the documents of a term in the fields of a mask.
#[derive(Debug, Clone)]
pub struct TermCursor {
    list: Arc<PostingSnapshot>,
    filter: FieldMask,
    place: Place,
    /// Entries of the current block, 0 before the first.
    len: usize,
    at: usize,
    /// Last document of the current block.
    last: u32,
    /// Every posting of the current block passes the filter.
    unfiltered: bool,
    unpacked: Unpacked,
    /// Where in the block's data its positions begin, once their ends are unpacked.
    positions_at: usize,
    buffers: Box<Buffers>,
    doc: u32,
    /// How far [`TermCursor::bounds_at`] has looked ahead.
    peeked: Place,
}

impl TermCursor {
    /// A cursor at the first document that has the term in one of the fields of `filter`.
    pub fn new(list: Arc<PostingSnapshot>, filter: FieldMask) -> Self {
        let buffers = Box::new(Buffers {
            docs: [0; BLOCK_LEN],
            freqs: [0; BLOCK_LEN],
            ends: [0; BLOCK_LEN],
            masks: [0; BLOCK_LEN],
            tail_positions: Vec::new(),
        });
        let mut cursor = Self {
            list,
            filter,
            place: Place::default(),
            len: 0,
            at: 0,
            last: 0,
            unfiltered: false,
            unpacked: Unpacked::default(),
            positions_at: 0,
            buffers,
            doc: 0,
            peeked: Place::default(),
        };
        cursor.load(0);
        cursor.settle();
        cursor
    }

    /// The current document, or [`END`].
    pub fn doc(&self) -> u32 {
        self.doc
    }

    /// The list underneath.
    pub fn list(&self) -> &Arc<PostingSnapshot> {
        &self.list
    }

    /// Moves to the first document not below `target` and returns it.
    pub fn seek(&mut self, target: u32) -> u32 {
        if self.doc >= target {
            return self.doc;
        }
        if target > self.last {
            self.load(target);
        }
        let ahead = &self.buffers.docs[self.at..self.len];
        self.at += skipped(ahead, target);
        self.settle();
        self.doc
    }

    /// Moves past the current document.
    pub fn advance(&mut self) -> u32 {
        if self.doc != END {
            self.at += 1;
            self.settle();
        }
        self.doc
    }

    /// Frequency of the term in the current document.
    pub fn freq(&mut self) -> u32 {
        if !self.unpacked.freqs {
            self.unpacked.freqs = true;
            if let Some(block) = block_at(&self.list, self.place) {
                block.freqs(&mut self.buffers.freqs);
            }
        }
        self.buffers.freqs.get(self.at).copied().unwrap_or(0)
    }

    /// Appends the term's positions in the current document.
    pub fn positions(&mut self, out: &mut Vec<u32>) {
        let block = block_at(&self.list, self.place);
        if let (false, Some(block)) = (self.unpacked.ends, block) {
            block.position_ends(&mut self.buffers.ends);
            self.positions_at = block.positions_at();
        }
        self.unpacked.ends = true;
        let ends = &self.buffers.ends;
        let start = self.at.checked_sub(1).map_or(0, |before| ends[before]) as usize;
        let end = ends.get(self.at).map_or(start, |&e| e as usize);
        let coded = match block {
            Some(block) => block.data().get(self.positions_at + start..self.positions_at + end),
            None => self.buffers.tail_positions.get(start..end),
        };
        varint::read_positions(coded.unwrap_or(&[]), out);
    }

    /// Bounds of the postings from `doc` on, and the last document that they hold for. Moves
    /// nothing, and unpacks nothing; `doc` must ascend.
    pub fn bounds_at(&mut self, doc: u32) -> (Bounds, u32) {
        let place = &mut self.peeked;
        while let Some(run) = self.list.runs.get(place.run) {
            if run.last < doc {
                *place = Place { run: place.run + 1, block: 0 };
                continue;
            }
            let ahead = run.blocks.get(place.block..).unwrap_or(&[]);
            place.block += ahead.iter().take_while(|b| b.last < doc).count();
            match run.blocks.get(place.block) {
                Some(block) => return (block.bounds, block.last),
                None => *place = Place { run: place.run + 1, block: 0 },
            }
        }
        (self.list.tail.bounds, END)
    }

    /// Adds all documents of the window to it and moves past them.
    pub fn fill(&mut self, window: &mut Window) {
        self.seek(window.base);
        let end = window.end();
        while u64::from(self.doc) < end {
            if self.unfiltered {
                let docs = &self.buffers.docs[self.at..self.len];
                let inside = if u64::from(self.last) < end {
                    docs.len()
                } else {
                    docs.partition_point(|&d| u64::from(d) < end)
                };
                docs[..inside].iter().for_each(|&d| window.insert(d));
                self.at += inside;
                self.settle();
            } else {
                window.insert(self.doc);
                self.advance();
            }
        }
    }

    /// Makes `doc` the entry at `at`, skipping entries that the filter drops and loading further
    /// blocks as needed.
    fn settle(&mut self) {
        loop {
            if self.at >= self.len {
                if self.doc == END || !self.load_next() {
                    self.doc = END;
                    return;
                }
                continue;
            }
            if self.unfiltered || self.mask() & self.filter != 0 {
                self.doc = self.buffers.docs[self.at];
                return;
            }
            self.at += 1;
        }
    }

    fn mask(&mut self) -> FieldMask {
        if !self.unpacked.masks {
            self.unpacked.masks = true;
            if let Some(block) = block_at(&self.list, self.place) {
                block.masks(&mut self.buffers.masks);
            }
        }
        self.buffers.masks[self.at]
    }

    /// Loads the block after the current one; false at the end.
    fn load_next(&mut self) -> bool {
        if self.place.run >= self.list.runs.len() {
            return false;
        }
        self.place.block += 1;
        self.open();
        true
    }

    /// Loads the first block from here on that may hold `target`.
    fn load(&mut self, target: u32) {
        let runs = &self.list.runs;
        let from = self.place.run.min(runs.len());
        let skipped = runs[from..].partition_point(|run| run.last < target);
        if skipped > 0 {
            self.place = Place { run: from + skipped, block: 0 };
        }
        if let Some(run) = runs.get(self.place.run) {
            let from = self.place.block.min(run.blocks.len());
            self.place.block = from + run.blocks[from..].partition_point(|b| b.last < target);
        }
        self.open();
    }

    /// Unpacks the documents at the current place, moving on past the end of a run.
    fn open(&mut self) {
        self.at = 0;
        self.unpacked = Unpacked::default();
        while self.list.runs.get(self.place.run).is_some_and(|r| self.place.block >= r.blocks.len())
        {
            self.place = Place { run: self.place.run + 1, block: 0 };
        }
        match block_at(&self.list, self.place) {
            Some(block) => {
                block.docs(&mut self.buffers.docs);
                self.len = block.len();
                self.last = block.last;
                self.unfiltered = block.common_mask & self.filter != 0;
            }
            None => self.open_tail(),
        }
    }

    fn open_tail(&mut self) {
        let buffers = &mut *self.buffers;
        buffers.tail_positions.clear();
        self.len = 0;
        let mut common = FieldMask::MAX;
        for posting in self.list.tail.entries().take(BLOCK_LEN) {
            buffers.docs[self.len] = posting.doc;
            buffers.freqs[self.len] = posting.freq;
            buffers.masks[self.len] = posting.mask;
            buffers.tail_positions.extend_from_slice(posting.positions);
            buffers.ends[self.len] = buffers.tail_positions.len() as u32;
            common &= posting.mask;
            self.len += 1;
        }
        self.unpacked = Unpacked { freqs: true, masks: true, ends: true };
        self.last = END;
        self.unfiltered = common & self.filter != 0;
    }
}

/// Places that are counted before a search by halves begins.
const NEAR: usize = 8;

/// How many of these ascending documents are below `target`. It is mostly among the next few, and
/// to compare those all at once costs less than one wrong guess of the processor.
#[inline]
fn skipped(ahead: &[u32], target: u32) -> usize {
    let Some((near, far)) = ahead.split_first_chunk::<NEAR>() else {
        return ahead.iter().take_while(|&&d| d < target).count();
    };
    let below = near.iter().map(|&d| usize::from(d < target)).sum();
    if below < NEAR { below } else { NEAR + far.partition_point(|&d| d < target) }
}

fn block_at(list: &PostingSnapshot, place: Place) -> Option<&Block> {
    list.runs.get(place.run)?.blocks.get(place.block)
}
