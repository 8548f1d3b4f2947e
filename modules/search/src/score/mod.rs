//! Scores of matching documents, by RediSearch's formulas in `f64`.
//!
//! A scoring tree mirrors the plan, with cursors of its own, and is asked about ascending
//! documents. BM25STD is Robertson's BM25 with k1 = 1.2 and b = 0.5; BM25 is RediSearch's older
//! variant, which knows the average length only; TFIDF divides by the highest frequency of a term
//! in the document and by the distance between the matched terms.

mod owners;
mod tree;

pub use tree::Scoring;

use crate::docs::DocsView;
use crate::plan::{Plan, PlanKind, Rarity};
use crate::postings::Bounds;

/// RediSearch keeps this constant in single precision.
const K1: f64 = 1.2f32 as f64;
const B: f64 = 0.5;

/// What a bound is widened by, lest rounding make a score exceed it.
const ROUNDING: f64 = 1.0 + 1e-12;

/// What a bound of TFIDF is narrowed by where all weights are 1. Scores are then fractions of
/// whole numbers, namely of frequencies times whole logarithms over a frequency: two that differ do
/// so by far more than this, and two that are equal differ by less for their rounding. Equal ones
/// are common, and of those the first documents win, so that what only equals them is passed over.
const TIES: f64 = 1.0 - 4e-15;

/// How documents are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scorer {
    /// Term frequency times inverse document frequency, over the highest frequency.
    TfIdf,
    /// The same over the document's length.
    TfIdfDocNorm,
    /// BM25.
    #[default]
    Bm25Std,
    /// BM25 without the document's length.
    Bm25,
    /// The best alternative's frequency.
    DisMax,
    /// The document's own score.
    DocScore,
}

impl Scorer {
    /// The scorer of a name, as `SCORER` gives it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "TFIDF" => Self::TfIdf,
            "TFIDF.DOCNORM" => Self::TfIdfDocNorm,
            "BM25STD" => Self::Bm25Std,
            "BM25" => Self::Bm25,
            "DISMAX" => Self::DisMax,
            "DOCSCORE" => Self::DocScore,
            _ => return None,
        })
    }

    /// Whether a single term's search passes over blocks that cannot hold one of the best.
    pub fn skips_blocks(self) -> bool {
        matches!(self, Self::TfIdf | Self::Bm25Std)
    }

    /// Whether the distance between terms counts.
    fn uses_distance(self) -> bool {
        matches!(self, Self::TfIdf | Self::TfIdfDocNorm | Self::Bm25)
    }
}

/// What all documents of a query have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Formula {
    scorer: Scorer,
    average_len: f64,
    /// What bounds are multiplied by.
    slack: f64,
}

impl Formula {
    /// The formula of a scorer for a plan.
    pub(crate) fn new(scorer: Scorer, plan: &Plan, docs: &DocsView) -> Self {
        let average_len = docs.total_len() as f64 / f64::from(docs.alive().max(1));
        let is_whole = scorer == Scorer::TfIdf && docs.max_score() == 1.0 && is_unweighted(plan);
        Self { scorer, average_len, slack: if is_whole { TIES } else { ROUNDING } }
    }

    /// The score of a term that occurs `freq` times.
    #[inline]
    pub(crate) fn term(&self, freq: f64, rarity: Rarity, doc_len: f64) -> f64 {
        match self.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => freq * rarity.idf,
            Scorer::Bm25Std => self.bm25std(freq, rarity.idf_bm25, doc_len),
            Scorer::Bm25 => self.bm25(freq, rarity.idf),
            Scorer::DisMax => freq,
            Scorer::DocScore => 0.0,
        }
    }

    #[inline]
    fn bm25std(&self, freq: f64, idf: f64, doc_len: f64) -> f64 {
        let norm = 1.0 - B + B * doc_len / self.average_len;
        idf * (freq * (K1 + 1.0)) / (freq + K1 * norm)
    }

    fn bm25(&self, freq: f64, idf: f64) -> f64 {
        idf * freq / (freq + K1 * (1.0 - B + B * self.average_len))
    }

    /// Whether scores are bounded by frequencies and lengths.
    pub(crate) fn is_bounded(&self) -> bool {
        self.scorer.skips_blocks()
    }

    /// No document with these bounds gets more than this from a term: its part in a bound that
    /// [`Formula::document_bound`] completes. Only for formulas that are bounded.
    #[inline]
    pub(crate) fn term_bound(&self, bounds: Bounds, rarity: Rarity) -> f64 {
        let Bounds { max_freq, min_len, share } = bounds;
        match self.scorer {
            Scorer::TfIdf => f64::from(share.freq) * rarity.idf / f64::from(share.of),
            _ => self.term(f64::from(max_freq), rarity, f64::from(min_len)),
        }
    }

    /// No document gets more than this from a condition that is neither a term nor a tag.
    fn plain_bound(&self, is_all: bool) -> f64 {
        self.plain(is_all, 0.0)
    }

    /// The bound of a document's score from the sum of its parts' bounds.
    pub(crate) fn document_bound(&self, sum: f64, docs: &DocsView) -> f64 {
        sum * f64::from(docs.max_score()) * self.slack
    }

    /// The score of a condition that is neither a term nor a tag.
    fn plain(&self, is_all: bool, doc_len: f64) -> f64 {
        match self.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm | Scorer::DisMax => 1.0,
            Scorer::Bm25Std if is_all => self.bm25std(1.0, 1.0, doc_len),
            Scorer::Bm25 => self.bm25(1.0, 1.0),
            Scorer::Bm25Std | Scorer::DocScore => 0.0,
        }
    }

    /// Joins the scores of two alternatives.
    fn union(&self, a: f64, b: f64) -> f64 {
        if self.scorer == Scorer::DisMax { a.max(b) } else { a + b }
    }

    /// A document's score from the sum over its terms, before distance.
    #[inline]
    pub(crate) fn document(&self, sum: f64, doc: u32, docs: &DocsView) -> f64 {
        let score = f64::from(docs.score(doc));
        match self.scorer {
            // Without text there is nothing to divide by: RediSearch's infinity is kept for what
            // has a score, its NaN is not.
            Scorer::TfIdf | Scorer::TfIdfDocNorm if sum == 0.0 => 0.0,
            Scorer::TfIdf => sum * score / f64::from(docs.max_freq(doc)),
            Scorer::TfIdfDocNorm => sum * score / f64::from(docs.len(doc)),
            Scorer::Bm25Std | Scorer::Bm25 => sum * score,
            Scorer::DisMax => sum,
            Scorer::DocScore => score,
        }
    }
}

/// Whether all weights in a plan are 1.
fn is_unweighted(plan: &Plan) -> bool {
    plan.weight == 1.0
        && match &plan.kind {
            PlanKind::And(children, _) | PlanKind::Or(children, _) => {
                children.iter().all(is_unweighted)
            }
            PlanKind::Optional(child) => is_unweighted(child),
            _ => true,
        }
}
