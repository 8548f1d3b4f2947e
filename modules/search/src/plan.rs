//! Binds a query's tree to a snapshot of an index.
//!
//! A plan holds everything a query reads, so that it runs without the index's lock. It is shaped
//! as RediSearch evaluates the query (missing terms drop out of alternatives, empty conditions
//! empty a conjunction, children of a conjunction go by their estimates), since scores depend on
//! that shape. How a plan is matched is [`crate::iter`]'s matter.

use crate::column::{Column, NumberColumn};
use crate::docs::DocsView;
use crate::index::{FieldData, Inner};
use crate::number::Range;
use crate::numeric::NumericRange;
use crate::patterns::{self, Expansion, Pattern};
use crate::postings::PostingSnapshot;
use crate::query::{Attributes, Node, NodeKind, TagMatch};
use crate::schema::{FieldId, FieldKind, FieldMask, Schema};
use crate::tag::{self, TagDocs};
use std::sync::Arc;

/// Limits on what a query may expand to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Terms that a prefix or pattern expands to at most.
    pub max_expansions: usize,
    /// Shortest prefix, in characters, that expands at all.
    pub min_prefix: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_expansions: 200, min_prefix: 2 }
    }
}

/// A term or tag value with what scoring needs of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rarity {
    /// Whole binary logarithm of the documents a posting.
    pub idf: f64,
    /// BM25's inverse document frequency.
    pub idf_bm25: f64,
}

impl Rarity {
    fn new(docs: u32, holding: u32) -> Self {
        let (total, holding) = (f64::from(docs), f64::from(holding));
        // RediSearch works out the arguments in single precision, and of the first takes the
        // exponent only, as C's logb does.
        let share = 1.0 + (total / holding.max(1.0)) as f32;
        let idf = f64::from(share.log2().floor());
        let odds = (total - holding + 0.5).max(0.0) / (holding + 0.5);
        let idf_bm25 = f64::from(1.0 + odds as f32).ln();
        Self { idf, idf_bm25 }
    }
}

/// A node of a plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it matches.
    pub kind: PlanKind,
    /// Multiplies its score.
    pub weight: f64,
    /// Documents it may match at most, dead ones included.
    pub estimate: u64,
}

/// Order and closeness asked of a conjunction's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proximity {
    /// Words between them at most; `None` is any number.
    pub slop: Option<u32>,
    /// They come in the order of the query.
    pub in_order: bool,
}

/// How many of a union's matching alternatives count in scores and distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All.
    All,
    /// Only the first, as with expansions of prefixes and patterns.
    First,
}

/// The kinds of a plan's nodes.
#[derive(Debug, Clone)]
pub enum PlanKind {
    /// No document.
    Nothing,
    /// Every document.
    All,
    /// The documents of a term in some fields.
    Term(Arc<PostingSnapshot>, FieldMask, Rarity),
    /// The documents of a tag value.
    Tag(Arc<TagDocs>, Rarity),
    /// The documents with a number in a range.
    Range(NumericRange, NumberColumn),
    /// All of these, perhaps close to each other.
    And(Vec<Plan>, Option<Proximity>),
    /// Any of these; of how many the scores count.
    Or(Vec<Plan>, Counted),
    /// Not this.
    Not(Box<Plan>),
    /// This or not.
    Optional(Box<Plan>),
}

/// Builds plans under the index's lock.
pub(crate) struct Planner<'a> {
    inner: &'a Inner,
    schema: &'a Schema,
    docs: DocsView,
    limits: Limits,
    expansions: &'a [Expansion],
}

impl<'a> Planner<'a> {
    /// A planner for queries whose patterns have been expanded.
    pub(crate) fn new(
        inner: &'a Inner,
        schema: &'a Schema,
        limits: Limits,
        expansions: &'a [Expansion],
    ) -> Self {
        Self { inner, schema, docs: inner.docs.snapshot(), limits, expansions }
    }

    /// The documents that the plans see.
    pub(crate) fn into_docs(self) -> DocsView {
        self.docs
    }

    /// The plan of a query. Recursion is bounded by the parser's depth limit.
    pub(crate) fn plan(&self, node: &Node) -> Plan {
        let weight = node.attributes.weight;
        let mut plan = match &node.kind {
            NodeKind::Nothing => self.nothing(),
            NodeKind::All => self.leaf(PlanKind::All, self.universe()),
            NodeKind::Term { word, expand } => {
                return self.expanded(word, *expand, node.fields, weight);
            }
            NodeKind::Prefix(prefix) => self.prefix(prefix, node.fields),
            NodeKind::Phrase(words) => self.phrase(words, node),
            NodeKind::And(children) => {
                let children = children.iter().map(|c| self.plan(c)).collect();
                self.and(children, proximity(&node.attributes))
            }
            NodeKind::Or(children) => self.or(children.iter().map(|c| self.plan(c)).collect()),
            NodeKind::Not(child) => {
                self.leaf(PlanKind::Not(Box::new(self.plan(child))), self.universe())
            }
            NodeKind::Optional(child) => {
                self.leaf(PlanKind::Optional(Box::new(self.plan(child))), self.universe())
            }
            NodeKind::Tag(field, values) => self.tags(*field, values),
            NodeKind::Numeric(field, range) => self.range(*field, range),
            kind @ (NodeKind::Suffix(_)
            | NodeKind::Infix(_)
            | NodeKind::Wildcard(_)
            | NodeKind::Fuzzy(..)) => self.pattern(kind, node.fields),
        };
        plan.weight *= weight;
        plan
    }

    fn universe(&self) -> u64 {
        u64::from(self.docs.end())
    }

    fn leaf(&self, kind: PlanKind, estimate: u64) -> Plan {
        Plan { kind, weight: 1.0, estimate }
    }

    fn nothing(&self) -> Plan {
        self.leaf(PlanKind::Nothing, 0)
    }

    fn term(&self, term: &[u8], fields: FieldMask) -> Plan {
        match self.inner.list(term).filter(|list| list.docs() > 0) {
            Some(list) if fields != 0 => {
                let docs = list.docs();
                let rarity = Rarity::new(self.docs.alive(), docs);
                let kind = PlanKind::Term(Arc::new(list.snapshot()), fields, rarity);
                self.leaf(kind, docs.into())
            }
            _ => self.nothing(),
        }
    }

    /// A word and, where they count, its stem's postings and the stem as a word.
    fn expanded(&self, word: &str, expand: bool, fields: FieldMask, weight: f64) -> Plan {
        let mut first = self.term(word.as_bytes(), fields);
        first.weight = weight;
        let stem = if expand { self.schema.analyzer().stem(word) } else { None };
        let Some(stem) = stem else { return first };
        let marked = format!("{}{stem}", crate::analysis::STEM_PREFIX);
        let mut all = vec![first, self.term(marked.as_bytes(), fields)];
        if stem != word {
            all.push(self.term(stem.as_bytes(), fields));
        }
        self.or(all)
    }

    fn prefix(&self, prefix: &str, fields: FieldMask) -> Plan {
        if prefix.chars().count() < self.limits.min_prefix {
            return self.nothing();
        }
        let terms = self.inner.dictionary.with_prefix(prefix.as_bytes());
        self.union_of(terms.map(|(term, _)| term), fields)
    }

    /// The union of the first terms, up to the limit.
    fn union_of<'t>(&self, terms: impl Iterator<Item = &'t [u8]>, fields: FieldMask) -> Plan {
        let plans = terms.map(|t| self.term(t, fields)).filter(|p| p.estimate > 0);
        let plans: Vec<Plan> = plans.take(self.limits.max_expansions).collect();
        let estimate = plans.iter().map(|p| p.estimate).sum();
        // Unlike other alternatives, a single expansion keeps its union around it.
        if plans.is_empty() {
            self.nothing()
        } else {
            self.leaf(PlanKind::Or(plans, Counted::First), estimate)
        }
    }

    fn pattern(&self, kind: &NodeKind, fields: FieldMask) -> Plan {
        let Some(pattern) = Pattern::of_words(kind) else { return self.nothing() };
        let terms = patterns::terms(self.inner, self.expansions, &pattern);
        self.union_of(terms.iter().map(|term| &**term), fields)
    }

    fn phrase(&self, words: &[String], node: &Node) -> Plan {
        let children = words.iter().map(|w| self.term(w.as_bytes(), node.fields)).collect();
        let slop = node.attributes.slop.unwrap_or(0);
        self.and(children, Some(Proximity { slop: Some(slop), in_order: true }))
    }

    fn and(&self, mut children: Vec<Plan>, proximity: Option<Proximity>) -> Plan {
        if children.iter().any(|c| matches!(c.kind, PlanKind::Nothing)) {
            return self.nothing();
        }
        if children.len() == 1 {
            return children.pop().unwrap_or_else(|| self.nothing());
        }
        if proximity.is_none() {
            children.sort_by_key(|c| c.estimate);
        }
        let estimate = children.iter().map(|c| c.estimate).min().unwrap_or(0);
        self.leaf(PlanKind::And(children, proximity), estimate)
    }

    fn or(&self, children: Vec<Plan>) -> Plan {
        self.union(children, Counted::All)
    }

    fn union(&self, mut children: Vec<Plan>, counted: Counted) -> Plan {
        children.retain(|c| !matches!(c.kind, PlanKind::Nothing));
        match children.len() {
            0 => self.nothing(),
            1 => children.pop().unwrap_or_else(|| self.nothing()),
            _ => {
                let estimate = children.iter().map(|c| c.estimate).sum();
                self.leaf(PlanKind::Or(children, counted), estimate)
            }
        }
    }

    fn tags(&self, field: FieldId, values: &[TagMatch]) -> Plan {
        let Some(FieldData::Tag(index)) = self.inner.fields.get(usize::from(field)) else {
            return self.nothing();
        };
        let kind = self.schema.field(field).map(|f| &f.kind);
        let case = matches!(kind, Some(FieldKind::Tag(options)) if options.case_sensitive);
        let normal = |text: &str| tag::normalize(text.as_bytes(), case).into_owned();
        let plan_of = |docs: &TagDocs| {
            let rarity = Rarity::new(self.docs.alive(), docs.len());
            self.leaf(PlanKind::Tag(Arc::new(docs.clone()), rarity), docs.len().into())
        };
        let limit = self.limits.max_expansions;
        let alternatives = values.iter().map(|value| match value {
            TagMatch::Value(text) => {
                let docs = index.get(&normal(text)).filter(|docs| !docs.is_empty());
                docs.map_or_else(|| self.nothing(), plan_of)
            }
            TagMatch::Prefix(text) => {
                let prefix = normal(text);
                let all = index.with_prefix(&prefix).filter(|(_, docs)| !docs.is_empty());
                self.union(all.take(limit).map(|(_, docs)| plan_of(docs)).collect(), Counted::First)
            }
            _ => {
                let pattern = Pattern::of_tags(self.schema, field, value);
                let terms = pattern.map(|p| patterns::terms(self.inner, self.expansions, &p));
                let all = terms.into_iter().flatten();
                let used = all.filter_map(|t| index.get(&t).filter(|d| !d.is_empty()).map(plan_of));
                self.union(used.take(limit).collect(), Counted::First)
            }
        });
        self.or(alternatives.collect())
    }

    fn range(&self, field: FieldId, range: &Range) -> Plan {
        let at = usize::from(field);
        let column = self.inner.columns.get(at).and_then(Option::as_ref);
        match (self.inner.fields.get(at), column) {
            (Some(FieldData::Numeric(index)), Some(Column::Number(column))) => {
                let values = index.range(range);
                let estimate = values.estimate() as u64;
                if estimate == 0 {
                    return self.nothing();
                }
                self.leaf(PlanKind::Range(values, column.clone()), estimate)
            }
            _ => self.nothing(),
        }
    }
}

fn proximity(attributes: &Attributes) -> Option<Proximity> {
    let Attributes { slop, in_order, .. } = *attributes;
    (slop.is_some() || in_order).then_some(Proximity { slop, in_order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarity_as_redisearch() {
        let rarity = Rarity::new(7, 4);
        assert_eq!(rarity.idf, 1.0);
        assert!((rarity.idf_bm25 - (1.0f64 + 3.5 / 4.5).ln()).abs() < 1e-7);
        assert_eq!([2, 1].map(|n| Rarity::new(7, n).idf), [2.0, 3.0]);
    }
}
