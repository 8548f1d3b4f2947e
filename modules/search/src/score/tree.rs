//! The tree that scores the documents of a plan.

use super::owners::Owners;
use super::{Formula, Scorer};
use crate::docs::DocsView;
use crate::iter::{Condition, Matcher, Path, Places, min_distance};
use crate::plan::{Counted, Plan, PlanKind, Rarity};
use crate::postings::{Bounds, END, TermCursor};

/// Scores the documents of a plan.
#[derive(Debug)]
pub struct Scoring {
    formula: Formula,
    root: Node,
    /// The parts of the root whose distance counts.
    places: Vec<Places>,
    /// Tells which of the parts match, if not all do.
    parts: Vec<Matcher>,
    /// The last bound, and the last document it holds for.
    bound: Bound,
    /// Whether bounds hold at all.
    is_bounded: bool,
}

/// What no document up to `until` can exceed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) score: f64,
    pub(crate) until: u32,
}

impl Bound {
    /// The same for all documents.
    fn always(score: f64) -> Self {
        Self { score, until: END }
    }

    fn plus(self, other: Self) -> Self {
        Self { score: self.score + other.score, until: self.until.min(other.until) }
    }
}

#[derive(Debug)]
struct Node {
    weight: f64,
    kind: Kind,
}

/// A node's matcher is missing where it is known to match.
#[derive(Debug)]
enum Kind {
    Nothing,
    Term(TermCursor, Rarity),
    Tag(Option<Matcher>, Rarity),
    /// A range, or every document.
    Plain(Option<Matcher>, bool),
    /// A conjunction; with conditions on distance, what it matches.
    All(Vec<Node>, Option<Path>, Option<Matcher>),
    Any(Vec<Node>),
    /// A union of which only the first alternative counts.
    First(Vec<Node>, Owners),
    Not(Option<Matcher>),
    Optional(Box<Node>),
}

impl Scoring {
    /// A scoring of `plan`'s documents.
    pub fn new(plan: &Plan, scorer: Scorer, docs: &DocsView) -> Self {
        let end = docs.end();
        let (parts, always): (&[Plan], bool) = match &plan.kind {
            PlanKind::And(children, _) if scorer.uses_distance() => (children, true),
            PlanKind::Or(children, Counted::All) if scorer.uses_distance() => (children, false),
            _ => (&[], true),
        };
        let matchers = parts.iter().filter(|_| !always).map(|part| Matcher::new(part, end));
        let formula = Formula::new(scorer, plan, docs);
        Self {
            formula,
            // A document without text has no frequency to divide by.
            is_bounded: formula.is_bounded() && (scorer != Scorer::TfIdf || needs_term(plan)),
            root: Node::new(plan, end, true),
            places: parts.iter().map(Places::new).collect(),
            parts: matchers.collect(),
            bound: Bound { score: f64::INFINITY, until: 0 },
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
        if self.places.is_empty() {
            return Some(score);
        }
        Some(score / f64::from(self.distance(doc)))
    }

    /// If neither `doc` nor those after it can exceed `least`, the last document for which that is
    /// known.
    pub fn hopeless_until(&mut self, doc: u32, docs: &DocsView, least: f64) -> Option<u32> {
        if !self.is_bounded || least == f64::NEG_INFINITY {
            return None;
        }
        if doc > self.bound.until {
            let bound = self.root.bound(doc, &self.formula);
            self.bound = Bound { score: self.formula.document_bound(bound.score, docs), ..bound };
        }
        (self.bound.score <= least).then_some(self.bound.until)
    }

    fn distance(&mut self, doc: u32) -> u32 {
        let parts = Places::of_all(&mut self.places, doc, self.root.path(doc));
        let parts: Vec<_> = if self.parts.is_empty() {
            parts.collect()
        } else {
            let matched = self.parts.iter_mut().map(|part| part.seek(doc) == doc);
            parts.zip(matched).filter(|(_, m)| *m).map(|(p, _)| p).collect()
        };
        if parts.len() < 2 { 1 } else { min_distance(&parts).max(1) }
    }
}

impl Node {
    /// The node of a plan, which `known` says matches every document that is asked about.
    fn new(plan: &Plan, end: u32, known: bool) -> Self {
        let all = |children: &[Plan], known| -> Vec<Self> {
            children.iter().map(|c| Self::new(c, end, known)).collect()
        };
        let check = |plan: &Plan| (!known).then(|| Matcher::new(plan, end));
        let kind = match &plan.kind {
            PlanKind::Nothing => Kind::Nothing,
            PlanKind::All => Kind::Plain(None, true),
            PlanKind::Term(list, fields, rarity) => {
                Kind::Term(TermCursor::new(list.clone(), *fields), *rarity)
            }
            PlanKind::Tag(_, rarity) => Kind::Tag(check(plan), *rarity),
            PlanKind::Range(..) => Kind::Plain(check(plan), false),
            PlanKind::And(children, proximity) => {
                let near = proximity.and_then(|_| check(plan));
                Kind::All(all(children, known), Path::new(children, end), near)
            }
            PlanKind::Or(children, Counted::All) => Kind::Any(all(children, false)),
            PlanKind::Or(children, Counted::First) => {
                Kind::First(all(children, false), Owners::new(children, end))
            }
            PlanKind::Not(child) => Kind::Not(check(child)),
            PlanKind::Optional(child) => Kind::Optional(Box::new(Self::new(child, end, false))),
        };
        Self { weight: plan.weight, kind }
    }

    /// The path of a conjunction, at `doc`.
    fn path(&mut self, doc: u32) -> Option<&Path> {
        match &mut self.kind {
            Kind::All(_, path, _) => path_to(path, doc),
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
        let len = || f64::from(docs.len(doc));
        let score = match &mut self.kind {
            Kind::Nothing => return None,
            Kind::Term(cursor, rarity) => {
                if cursor.seek(doc) != doc {
                    return None;
                }
                formula.term(f64::from(cursor.freq()), *rarity, len())
            }
            Kind::Tag(matcher, rarity) => {
                matches(matcher, doc)?;
                formula.term(1.0, *rarity, len())
            }
            Kind::Plain(matcher, is_all) => {
                matches(matcher, doc)?;
                formula.plain(*is_all, len())
            }
            Kind::All(children, path, near) => {
                matches(near, doc)?;
                sum(children, path_to(path, doc), doc, docs, formula)?
            }
            Kind::Any(children) => any(children, way, doc, docs, formula)?,
            Kind::First(children, owners) => {
                let owner = children.get_mut(owners.owner(doc)?)?;
                owner.score(doc, docs, formula, None)?
            }
            Kind::Not(matcher) => {
                if matcher.as_mut().is_some_and(|m| m.seek(doc) == doc) {
                    return None;
                }
                0.0
            }
            Kind::Optional(child) => child.score(doc, docs, formula, way).unwrap_or(0.0),
        };
        Some(self.weight * score)
    }

    /// A bound for `doc` and the documents after it.
    fn bound(&mut self, doc: u32, formula: &Formula) -> Bound {
        let none = Bound::always(0.0);
        let bound = match &mut self.kind {
            Kind::Nothing | Kind::Not(_) => none,
            Kind::Term(cursor, rarity) => {
                let (bounds, until) = cursor.bounds_at(doc);
                Bound { score: formula.term_bound(bounds, *rarity), until }
            }
            Kind::Tag(_, rarity) => Bound::always(formula.term_bound(Bounds::of(1, 0, 1), *rarity)),
            Kind::Plain(_, is_all) => Bound::always(formula.plain_bound(*is_all)),
            Kind::All(children, ..) | Kind::Any(children) => {
                children.iter_mut().fold(none, |sum, c| sum.plus(c.bound(doc, formula)))
            }
            Kind::First(children, _) => {
                let greater = |a: Bound, b: Bound| Bound {
                    score: a.score.max(b.score),
                    until: a.until.min(b.until),
                };
                children.iter_mut().fold(none, |most, c| greater(most, c.bound(doc, formula)))
            }
            Kind::Optional(child) => child.bound(doc, formula),
        };
        Bound { score: self.weight * bound.score, ..bound }
    }
}

/// Whether every document of a plan has text.
fn needs_term(plan: &Plan) -> bool {
    match &plan.kind {
        PlanKind::Term(..) => true,
        PlanKind::And(children, _) => children.iter().any(needs_term),
        PlanKind::Or(children, _) => children.iter().all(needs_term),
        _ => false,
    }
}

fn matches(matcher: &mut Option<Matcher>, doc: u32) -> Option<()> {
    matcher.as_mut().is_none_or(|m| m.seek(doc) == doc).then_some(())
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

fn any(
    children: &mut [Node],
    way: Option<&Condition>,
    doc: u32,
    docs: &DocsView,
    formula: &Formula,
) -> Option<f64> {
    let parts = children.iter_mut().enumerate();
    let mut scores =
        parts.filter_map(|(at, c)| c.score(doc, docs, formula, way.and_then(|w| w.part(at))));
    if way.is_some_and(Condition::landed) {
        return scores.next();
    }
    scores.reduce(|a, b| formula.union(a, b))
}
