//! The best documents of a single term, skipping blocks that can't hold one.
//!
//! Every run of blocks and every block knows bounds of its postings, and so the best score it could
//! give. One that can't beat the hits so far is not unpacked; if none of its documents has died
//! and the fields fit, it is counted whole.

use super::top::Top;
use crate::docs::{DocsView, FIRST_DOC};
use crate::plan::Rarity;
use crate::postings::{BLOCK_LEN, Block, Bounds, PostingSnapshot, TermCursor};
use crate::schema::FieldMask;
use crate::score::Formula;
use std::cmp::Ordering;
use std::sync::Arc;

/// A single term's search.
pub struct TermTop<'a> {
    pub list: &'a Arc<PostingSnapshot>,
    pub fields: FieldMask,
    pub rarity: Rarity,
    pub weight: f64,
    pub formula: Formula,
}

impl TermTop<'_> {
    /// Offers all documents that may be among the best to `top`; returns how many match.
    pub fn run<F>(&self, docs: &DocsView, top: &mut Top<(f64, u32), F>) -> u64
    where
        F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
    {
        let mut total = 0;
        let mut buffers = ([0; BLOCK_LEN], [0; BLOCK_LEN], [0; BLOCK_LEN]);
        let mut first = FIRST_DOC;
        for run in self.list.runs() {
            let least = worst(top);
            if self.bound(run.bounds, docs) <= least
                && self.counts_whole(run.common_mask, first, run.last, docs)
            {
                total += u64::from(run.docs);
            } else {
                let blocks = run.blocks.iter();
                total += blocks.map(|b| self.visit(b, docs, top, &mut buffers)).sum::<u64>();
            }
            first = run.last + 1;
        }
        total + self.visit_tail(docs, top)
    }

    /// No document of a group with these bounds scores higher.
    fn bound(&self, bounds: Bounds, docs: &DocsView) -> f64 {
        let term = self.formula.term_bound(bounds, self.rarity);
        self.formula.document_bound(self.weight * term, docs)
    }

    /// Whether all postings of a group whose documents lie between these match.
    fn counts_whole(&self, mask: FieldMask, first: u32, last: u32, docs: &DocsView) -> bool {
        mask & self.fields != 0 && docs.all_alive(first, last)
    }

    /// Offers the documents of a block, unless none can be among the best; counts those that match.
    fn visit<F>(
        &self,
        block: &Block,
        docs: &DocsView,
        top: &mut Top<(f64, u32), F>,
        (ids, freqs, masks): &mut ([u32; BLOCK_LEN], [u32; BLOCK_LEN], [FieldMask; BLOCK_LEN]),
    ) -> u64
    where
        F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
    {
        let hopeless = self.bound(block.bounds, docs) <= worst(top);
        let all_alive = docs.all_alive(block.base() + 1, block.last);
        let filtered = block.common_mask & self.fields == 0;
        if hopeless && all_alive && !filtered {
            return block.len() as u64;
        }
        block.docs(ids);
        if !hopeless {
            block.freqs(freqs);
        }
        if filtered {
            block.masks(masks);
        }
        let mut count = 0;
        for at in 0..block.len() {
            let doc = ids[at];
            let passes = !filtered || masks[at] & self.fields != 0;
            if passes && (all_alive || docs.is_alive(doc)) {
                count += 1;
                if !hopeless {
                    self.offer(doc, freqs[at], docs, top);
                }
            }
        }
        count
    }

    fn visit_tail<F>(&self, docs: &DocsView, top: &mut Top<(f64, u32), F>) -> u64
    where
        F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
    {
        let mut cursor = TermCursor::new(self.list.clone(), self.fields);
        let mut doc = cursor.seek(self.list.tail_start());
        let mut count = 0;
        while doc < docs.end() {
            if docs.is_alive(doc) {
                count += 1;
                self.offer(doc, cursor.freq(), docs, top);
            }
            doc = cursor.advance();
        }
        count
    }

    fn offer<F>(&self, doc: u32, freq: u32, docs: &DocsView, top: &mut Top<(f64, u32), F>)
    where
        F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
    {
        let sum = self.formula.term(f64::from(freq), self.rarity, f64::from(docs.len(doc)));
        let score = self.formula.document(self.weight * sum, doc, docs);
        if top.worst().is_none_or(|worst| score > worst.0) {
            top.push((score, doc));
        }
    }
}

/// The score that a document must exceed.
fn worst<F>(top: &Top<(f64, u32), F>) -> f64
where
    F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
{
    top.worst().map_or(f64::NEG_INFINITY, |worst| worst.0)
}
