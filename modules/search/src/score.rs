//! Scores of matching documents, by RediSearch's formulas in `f64`.
//!
//! A scoring tree mirrors the plan, with cursors of its own, and is asked about ascending
//! documents. BM25STD is Robertson's BM25 with k1 = 1.2 and b = 0.5; BM25 is RediSearch's older
//! variant, which knows the average length only; TFIDF divides by the highest frequency of a term
//! in the document and by the distance between the matched terms.

use crate::docs::DocsView;
use crate::iter::{Condition, Matcher, Path, Places, min_distance};
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

    /// Joins the scores of two alternatives.
    fn union(&self, a: f64, b: f64) -> f64 {
        if self.scorer == Scorer::DisMax { a.max(b) } else { a + b }
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
    parts: Vec<Matcher>,
    places: Vec<Places>,
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
        let parts: &[Plan] = match &plan.kind {
            PlanKind::And(children, _) | PlanKind::Or(children, Counted::All)
                if scorer.uses_distance() =>
            {
                children
            }
            _ => &[],
        };
        Self {
            formula: Formula::new(scorer, docs),
            root: Node::new(plan, docs.end()),
            parts: parts.iter().map(|part| Matcher::new(part, docs.end())).collect(),
            places: parts.iter().map(Places::new).collect(),
        }
    }

    /// The score of a matching document; documents must ascend.
    ///
    /// `None` when it can't exceed `least`, which spares the distance's cost.
    pub fn score(&mut self, doc: u32, docs: &DocsView, least: f64) -> Option<f64> {
        let sum = self.root.score(doc, docs, &self.formula, None).unwrap_or(0.0);
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
        let all = Places::of_all(&mut self.places, doc, self.root.path(doc));
        let matched = self.parts.iter_mut().map(|part| part.seek(doc) == doc);
        let parts: Vec<_> = all.zip(matched).filter(|(_, m)| *m).map(|(p, _)| p).collect();
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

    /// The path of a conjunction, at `doc`.
    fn path(&mut self, doc: u32) -> Option<&Path> {
        match &mut self.kind {
            Kind::All(_, path) | Kind::Near(_, _, path) => path_to(path, doc),
            _ => None,
        }
    }

    /// The node's score for `doc`, which it got to by `way`, or `None` if it doesn't match.
    fn score(
        &mut self,
        doc: u32,
        docs: &DocsView,
        formula: &Formula,
        way: Option<&Condition>,
    ) -> Option<f64> {
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
            Kind::All(children, path) => sum(children, path_to(path, doc), doc, docs, formula)?,
            Kind::Near(matcher, children, path) => {
                matches(matcher, doc)?;
                sum(children, path_to(path, doc), doc, docs, formula)?
            }
            Kind::Any(children, counted) => {
                let first = *counted == Counted::First || way.is_some_and(Condition::landed);
                let parts = children.iter_mut().enumerate();
                let mut scores = parts.filter_map(|(at, c)| {
                    c.score(doc, docs, formula, way.and_then(|w| w.part(at)))
                });
                if first { scores.next()? } else { scores.reduce(|a, b| formula.union(a, b))? }
            }
            Kind::Not(matcher) => {
                if matcher.seek(doc) == doc {
                    return None;
                }
                0.0
            }
            Kind::Optional(child) => child.score(doc, docs, formula, way).unwrap_or(0.0),
        };
        Some(self.weight * score)
    }
}

fn matches(matcher: &mut Matcher, doc: u32) -> Option<()> {
    (matcher.seek(doc) == doc).then_some(())
}

/// The path of a conjunction if it passes through `doc`.
fn path_to(path: &mut Option<Path>, doc: u32) -> Option<&Path> {
    let path = path.as_mut()?;
    (path.seek(doc) == doc).then_some(&*path)
}

fn sum(
    children: &mut [Node],
    path: Option<&Path>,
    doc: u32,
    docs: &DocsView,
    formula: &Formula,
) -> Option<f64> {
    children.iter_mut().enumerate().try_fold(0.0, |sum, (at, child)| {
        let way = path.and_then(|p| p.condition(at));
        Some(sum + child.score(doc, docs, formula, way)?)
    })
}
