//! Scores of matching documents, by RediSearch's formulas in `f64`.
//!
//! A scoring tree mirrors the plan, with cursors of its own, and is asked about ascending
//! documents. BM25STD is Robertson's BM25 with k1 = 1.2 and b = 0.5; BM25 is RediSearch's older
//! variant, which knows the average length only; TFIDF divides by the highest frequency of a term
//! in the document and by the distance between the matched terms.

use crate::docs::DocsView;
use crate::iter::{Landed, Matcher, Path, Places, min_distance};
use crate::plan::{Counted, Plan, PlanKind, Rarity};
use crate::postings::TermCursor;

/// RediSearch keeps this constant in single precision.
const K1: f64 = 1.2f32 as f64;
const B: f64 = 0.5;

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
}

impl Formula {
    pub(crate) fn new(scorer: Scorer, docs: &DocsView) -> Self {
        let average_len = docs.total_len() as f64 / f64::from(docs.alive().max(1));
        Self { scorer, average_len }
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

    /// At least the score of a document with these bounds on frequency and length, for the
    /// scorers that are bounded so.
    pub(crate) fn term_bound(
        &self,
        max_freq: u32,
        min_len: u32,
        rarity: Rarity,
        docs: &DocsView,
    ) -> f64 {
        let highest = f64::from(docs.max_score());
        match self.scorer {
            // No term is more frequent than the document's most frequent one.
            Scorer::TfIdf => rarity.idf * highest,
            _ => self.term(f64::from(max_freq), rarity, f64::from(min_len)) * highest,
        }
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

    /// A document's score from the sum over its terms, before distance.
    #[inline]
    pub(crate) fn document(&self, sum: f64, doc: u32, docs: &DocsView) -> f64 {
        let score = f64::from(docs.score(doc));
        match self.scorer {
            Scorer::TfIdf => sum * score / f64::from(docs.max_freq(doc)),
            Scorer::TfIdfDocNorm => sum * score / f64::from(docs.len(doc)),
            Scorer::Bm25Std | Scorer::Bm25 => sum * score,
            Scorer::DisMax => sum,
            Scorer::DocScore => score,
        }
    }
}

/// Scores the documents of a plan.
#[derive(Debug)]
pub struct Scoring {
    formula: Formula,
    root: Node,
    /// The parts of the root whose distance counts.
    parts: Vec<(Matcher, Places)>,
}

#[derive(Debug)]
struct Node {
    weight: f64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Term(TermCursor, Rarity),
    Tag(Matcher, Rarity),
    /// A range, or every document.
    Plain(Matcher, bool),
    All(Vec<Node>, Option<Path>),
    Any(Vec<Node>, Counted),
    Not(Matcher),
    Optional(Box<Node>),
    /// A conjunction with conditions on distance: what it matches, and its terms.
    Near(Matcher, Vec<Node>, Option<Path>),
}

impl Scoring {
    /// A scoring of `plan`'s documents.
    pub fn new(plan: &Plan, scorer: Scorer, docs: &DocsView) -> Self {
        let parts = match &plan.kind {
            PlanKind::And(children, _) | PlanKind::Or(children, Counted::All)
                if scorer.uses_distance() =>
            {
                let part = |c: &Plan| (Matcher::new(c, docs.end()), Places::new(c));
                children.iter().map(part).collect()
            }
            _ => Vec::new(),
        };
        let root = Node::new(plan, docs.end());
        Self { formula: Formula::new(scorer, docs), root, parts }
    }

    /// The score of a matching document; documents must ascend.
    ///
    /// `None` when it can't exceed `least`, which spares the distance's cost.
    pub fn score(&mut self, doc: u32, docs: &DocsView, least: f64) -> Option<f64> {
        let sum = self.root.score(doc, docs, &self.formula).unwrap_or(0.0);
        let score = self.formula.document(sum, doc, docs);
        // The distance only ever divides, by at least 1.
        if score <= least {
            return None;
        }
        if self.parts.is_empty() {
            return Some(score);
        }
        Some(score / f64::from(self.distance(doc)))
    }

    fn distance(&mut self, doc: u32) -> u32 {
        let mut parts = Vec::with_capacity(self.parts.len());
        let landed = self.root.landed(doc);
        for (at, (matcher, places)) in self.parts.iter_mut().enumerate() {
            if matcher.seek(doc) == doc {
                parts.push(places.of(doc, landed.has(at)));
            }
        }
        if parts.len() < 2 { 1 } else { min_distance(&parts).max(1) }
    }
}

impl Node {
    fn new(plan: &Plan, end: u32) -> Self {
        let all = |children: &[Plan]| children.iter().map(|c| Self::new(c, end)).collect();
        let kind = match &plan.kind {
            PlanKind::Nothing => Kind::Plain(Matcher::Nothing, false),
            PlanKind::All => Kind::Plain(Matcher::All { end }, true),
            PlanKind::Term(list, fields, rarity) => {
                Kind::Term(TermCursor::new(list.clone(), *fields), *rarity)
            }
            PlanKind::Tag(_, rarity) => Kind::Tag(Matcher::new(plan, end), *rarity),
            PlanKind::Range(..) => Kind::Plain(Matcher::new(plan, end), false),
            PlanKind::And(children, None) => Kind::All(all(children), Path::new(children, end)),
            PlanKind::And(children, Some(_)) => {
                let matcher = Matcher::new(plan, end);
                Kind::Near(matcher, all(children), Path::new(children, end))
            }
            PlanKind::Or(children, counted) => Kind::Any(all(children), *counted),
            PlanKind::Not(child) => Kind::Not(Matcher::new(child, end)),
            PlanKind::Optional(child) => Kind::Optional(Box::new(Self::new(child, end))),
        };
        Self { weight: plan.weight, kind }
    }

    fn landed(&mut self, doc: u32) -> Landed {
        match &mut self.kind {
            Kind::All(_, path) | Kind::Near(_, _, path) => landed(path, doc),
            _ => Landed::default(),
        }
    }

    /// The score of a node of which only the first alternative counts.
    fn score_landed(&mut self, doc: u32, docs: &DocsView, formula: &Formula) -> Option<f64> {
        let score = match &mut self.kind {
            Kind::Any(children, _) => first(children, doc, docs, formula)?,
            Kind::Optional(child) => child.score_landed(doc, docs, formula).unwrap_or(0.0),
            _ => return self.score(doc, docs, formula),
        };
        Some(self.weight * score)
    }

    /// The node's score for `doc`, or `None` if it doesn't match.
    fn score(&mut self, doc: u32, docs: &DocsView, formula: &Formula) -> Option<f64> {
        let len = f64::from(docs.len(doc));
        let score = match &mut self.kind {
            Kind::Term(cursor, rarity) => {
                if cursor.seek(doc) != doc {
                    return None;
                }
                formula.term(f64::from(cursor.freq()), *rarity, len)
            }
            Kind::Tag(matcher, rarity) => {
                matches(matcher, doc)?;
                formula.term(1.0, *rarity, len)
            }
            Kind::Plain(matcher, is_all) => {
                matches(matcher, doc)?;
                formula.plain(*is_all, len)
            }
            Kind::All(children, path) => sum(children, landed(path, doc), doc, docs, formula)?,
            Kind::Near(matcher, children, path) => {
                matches(matcher, doc)?;
                sum(children, landed(path, doc), doc, docs, formula)?
            }
            Kind::Any(children, Counted::First) => first(children, doc, docs, formula)?,
            Kind::Any(children, Counted::All) => {
                let scores = children.iter_mut().filter_map(|c| c.score(doc, docs, formula));
                let add = |a: f64, b: f64| {
                    if formula.scorer == Scorer::DisMax { a.max(b) } else { a + b }
                };
                scores.reduce(add)?
            }
            Kind::Not(matcher) => {
                if matcher.seek(doc) == doc {
                    return None;
                }
                0.0
            }
            Kind::Optional(child) => child.score(doc, docs, formula).unwrap_or(0.0),
        };
        Some(self.weight * score)
    }
}

fn matches(matcher: &mut Matcher, doc: u32) -> Option<()> {
    (matcher.seek(doc) == doc).then_some(())
}

/// The score of the first alternative that matches.
fn first(all: &mut [Node], doc: u32, docs: &DocsView, formula: &Formula) -> Option<f64> {
    all.iter_mut().find_map(|c| c.score(doc, docs, formula))
}

/// The children of a conjunction that landed on `doc`.
fn landed(path: &mut Option<Path>, doc: u32) -> Landed {
    let Some(path) = path else { return Landed::default() };
    if path.seek(doc) == doc { path.landed() } else { Landed::default() }
}

fn sum(
    children: &mut [Node],
    landed: Landed,
    doc: u32,
    docs: &DocsView,
    formula: &Formula,
) -> Option<f64> {
    // Every child is asked, so that a later one's absence is noticed.
    children.iter_mut().enumerate().try_fold(0.0, |sum, (at, child)| {
        let score = if landed.has(at) {
            child.score_landed(doc, docs, formula)?
        } else {
            child.score(doc, docs, formula)?
        };
        Some(sum + score)
    })
}
