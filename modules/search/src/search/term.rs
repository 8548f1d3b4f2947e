//! The best documents of a single term, skipping blocks that can't hold one.
//!
//! Every block knows its highest frequency and its shortest document, and so the best score it
//! could give. A block that can't beat the hits so far is not unpacked; if none of its documents
//! has died and the fields fit, it is counted whole.

use super::top::Top;
use crate::docs::DocsView;
use crate::plan::Rarity;
use crate::postings::{BLOCK_LEN, Block, PostingSnapshot, TermCursor};
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
        for block in self.list.blocks() {
            let least = top.worst().map_or(f64::NEG_INFINITY, |w| w.0);
            let hopeless = self.bound(block, docs) <= least;
            if hopeless && self.counts_whole(block, docs) {
                total += block.len() as u64;
                continue;
            }
            total += self.visit(block, docs, top, &mut buffers);
        }
        total + self.visit_tail(docs, top)
    }

    /// No document of the block scores higher.
    fn bound(&self, block: &Block, docs: &DocsView) -> f64 {
        let term = self.formula.term_bound(block.max_freq, block.min_len, self.rarity);
        self.formula.document_bound(self.weight * term, docs)
    }

    fn counts_whole(&self, block: &Block, docs: &DocsView) -> bool {
        block.common_mask & self.fields != 0 && docs.all_alive(block.base() + 1, block.last)
    }

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
        block.docs(ids);
        block.freqs(freqs);
        let filtered = block.common_mask & self.fields == 0;
        if filtered {
            block.masks(masks);
        }
        let all_alive = docs.all_alive(block.base() + 1, block.last);
        let mut count = 0;
        for at in 0..block.len() {
            let doc = ids[at];
            let passes = !filtered || masks[at] & self.fields != 0;
            if passes && (all_alive || docs.is_alive(doc)) {
                count += 1;
                self.offer(doc, freqs[at], docs, top);
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
