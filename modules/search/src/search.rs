//! Runs a query: matches, counts exactly, and keeps the best hits.

use crate::column::{Column, SortValue};
use crate::cost;
use crate::docs::{DocsView, FIRST_DOC};
use crate::index::Index;
use crate::iter::Matcher;
use crate::numeric::NumericRange;
use crate::patterns;
use crate::plan::{Limits, Plan, PlanKind, Planner};
use crate::postings::END;
use crate::query::Query;
use crate::schema::FieldId;
use crate::score::{Formula, Scorer, Scoring};
use crate::window::Window;
use std::cmp::Ordering;
use std::sync::Arc;

mod sort;
mod term;
mod top;

#[cfg(test)]
mod tests;

use top::Top;

/// Keys of hits that are looked up while writers wait.
const KEYS_HELD: usize = 1024;

/// What a search returns of its hits.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Hits to leave out at the start.
    pub offset: usize,
    /// Hits to return at most; with 0 only the total is worked out.
    pub limit: usize,
    /// Order by a field instead of by score.
    pub sort_by: Option<SortBy>,
    /// How hits are ranked.
    pub scorer: Scorer,
    /// Scores are wanted even when they don't order the hits.
    pub with_scores: bool,
    /// Limits on expansion.
    pub limits: Limits,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            offset: 0,
            limit: 10,
            sort_by: None,
            scorer: Scorer::default(),
            with_scores: false,
            limits: Limits::default(),
        }
    }
}

/// A field to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortBy {
    /// A SORTABLE or NUMERIC field.
    pub field: FieldId,
    /// Greatest first.
    pub descending: bool,
}

/// A document found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its id in the index.
    pub doc: u32,
    /// Its key.
    pub key: Arc<[u8]>,
    /// Its score; 0 if scores were not asked for.
    pub score: f64,
    /// The value it was sorted by.
    pub sort_value: Option<SortValue>,
}

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchResult {
    /// Documents that match, exactly.
    pub total: u64,
    /// Those asked for, in order.
    pub hits: Vec<Hit>,
}

/// A query bound to the index as it was at one moment.
#[derive(Debug)]
pub struct Bound {
    plan: Plan,
    docs: DocsView,
    sort: Option<(Column, bool)>,
}

impl Bound {
    /// The plan's estimate of how many documents match.
    pub fn estimate(&self) -> u64 {
        self.plan.estimate
    }

    /// What it will cost to run the query, in nanoseconds: a guess within a factor of two or so.
    pub fn cost(&self, options: &SearchOptions) -> u64 {
        if let Some(range) = self.range_in_order() {
            return cost::of_range(range, &self.docs, options);
        }
        cost::of_plan(&self.plan, &self.docs, options)
    }

    /// The range that is all the query asks for, if hits are sorted by its field and no document
    /// has several values there.
    fn range_in_order(&self) -> Option<&NumericRange> {
        match (&self.sort, &self.plan.kind) {
            (Some((Column::Number(by), _)), PlanKind::Range(range, of))
                if range.is_single() && by.is_same(of) =>
            {
                Some(range)
            }
            _ => None,
        }
    }
}

impl Index {
    /// Binds a query to the present. Later writes don't change what it finds.
    pub fn bind(&self, query: &Query, options: &SearchOptions) -> Bound {
        let expansions = patterns::expand(self, query, options.limits);
        let inner = self.read();
        let planner = Planner::new(&inner, self.schema(), options.limits, &expansions);
        let plan = planner.plan(query);
        let sort = options.sort_by.and_then(|by| {
            let column = inner.columns.get(usize::from(by.field))?.clone()?;
            Some((column, by.descending))
        });
        Bound { plan, docs: planner.into_docs(), sort }
    }

    /// Binds a query and runs it.
    pub fn search(&self, query: &Query, options: &SearchOptions) -> SearchResult {
        self.run(&self.bind(query, options), options)
    }

    /// Runs a query that was bound with the same options. Keys of documents that have died since
    /// are kept as long as `bound` is.
    pub fn run(&self, bound: &Bound, options: &SearchOptions) -> SearchResult {
        let (total, ranked) = bound.run(options);
        let mut hits = Vec::with_capacity(ranked.len());
        for some in ranked.chunks(KEYS_HELD) {
            let inner = self.read();
            hits.extend(some.iter().filter_map(|&(doc, score)| {
                let sort_value = bound.sort.as_ref().and_then(|(column, _)| column.value(doc));
                Some(Hit { doc, key: inner.docs.key(doc)?.clone(), score, sort_value })
            }));
        }
        SearchResult { total, hits }
    }
}

impl Bound {
    /// The total, and the hits from `offset` on with their scores.
    fn run(&self, options: &SearchOptions) -> (u64, Vec<(u32, f64)>) {
        let keep = options.offset.saturating_add(options.limit);
        if options.limit == 0 {
            return (self.count(), Vec::new());
        }
        let (total, mut hits) = match &self.sort {
            Some((column, descending)) => self.by_column(column, *descending, keep, options),
            None => self.by_score(keep, options.scorer),
        };
        hits.drain(..options.offset.min(hits.len()));
        (total, hits)
    }

    fn count(&self) -> u64 {
        if let PlanKind::All = self.plan.kind {
            return self.docs.alive().into();
        }
        let mut total = 0;
        self.each_window(|window| total += u64::from(window.len()));
        total
    }

    fn by_score(&self, keep: usize, scorer: Scorer) -> (u64, Vec<(u32, f64)>) {
        let mut top = Top::new(keep, |a: &(f64, u32), b: &(f64, u32)| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        });
        let formula = Formula::new(scorer, &self.plan, &self.docs);
        let total = match &self.plan.kind {
            PlanKind::Term(list, fields, rarity) if formula.is_bounded() => {
                let (fields, rarity, weight) = (*fields, *rarity, self.plan.weight);
                term::TermTop { list, fields, rarity, weight, formula }.run(&self.docs, &mut top)
            }
            _ => self.score_all(scorer, &mut top),
        };
        (total, top.into_sorted().into_iter().map(|(score, doc)| (doc, score)).collect())
    }

    fn score_all<F>(&self, scorer: Scorer, top: &mut Top<(f64, u32), F>) -> u64
    where
        F: Fn(&(f64, u32), &(f64, u32)) -> Ordering,
    {
        let mut scoring = Scoring::new(&self.plan, scorer, &self.docs);
        let mut total = 0;
        self.each_window(|window| {
            total += u64::from(window.len());
            let mut next = window.next_from(window.base);
            while let Some(doc) = next {
                // Documents ascend, so that an equal score never displaces an earlier one.
                let least = top.worst().map_or(f64::NEG_INFINITY, |w| w.0);
                if let Some(until) = scoring.hopeless_until(doc, &self.docs, least) {
                    next = until.checked_add(1).and_then(|doc| window.next_from(doc));
                    continue;
                }
                if let Some(score) = scoring.score(doc, &self.docs, least) {
                    top.push((score, doc));
                }
                next = window.next_from(doc + 1);
            }
        });
        total
    }

    fn by_column(
        &self,
        column: &Column,
        descending: bool,
        keep: usize,
        options: &SearchOptions,
    ) -> (u64, Vec<(u32, f64)>) {
        let (total, docs) = match (column, self.range_in_order()) {
            (_, Some(range)) => sort::range_in_order(range, &self.docs, descending, keep),
            (Column::Number(by), _) => self.top_by(descending, keep, |doc| by.get(doc)),
            (Column::String(by), _) => self.top_by(descending, keep, |doc| by.get(doc)),
        };
        (total, self.with_scores(docs, options))
    }

    /// The first documents by a key; those that have none come last.
    fn top_by<K: Ord>(
        &self,
        descending: bool,
        keep: usize,
        key: impl Fn(u32) -> Option<K>,
    ) -> (u64, Vec<u32>) {
        let mut top = Top::new(keep, |a: &(Option<K>, u32), b: &(Option<K>, u32)| {
            sort::order(descending, a, b)
        });
        let mut total = 0;
        self.each_window(|window| {
            total += u64::from(window.len());
            window.iter().for_each(|doc| top.push((key(doc), doc)));
        });
        (total, top.into_sorted().into_iter().map(|(_, doc)| doc).collect())
    }

    /// Scores documents that were chosen by other means, if scores are asked for.
    fn with_scores(&self, docs: Vec<u32>, options: &SearchOptions) -> Vec<(u32, f64)> {
        if !options.with_scores {
            return docs.into_iter().map(|doc| (doc, 0.0)).collect();
        }
        let mut scoring = Scoring::new(&self.plan, options.scorer, &self.docs);
        let mut order: Vec<usize> = (0..docs.len()).collect();
        order.sort_by_key(|&at| docs[at]);
        let mut hits: Vec<_> = docs.into_iter().map(|doc| (doc, 0.0)).collect();
        for at in order {
            let doc = hits[at].0;
            hits[at].1 = scoring.score(doc, &self.docs, f64::NEG_INFINITY).unwrap_or(0.0);
        }
        hits
    }

    /// Calls `visit` for every window that has living matches.
    fn each_window(&self, mut visit: impl FnMut(&Window)) {
        let mut matcher = Matcher::new(&self.plan, self.docs.end());
        let mut from = u64::from(FIRST_DOC);
        while let Ok(target) = u32::try_from(from) {
            let doc = matcher.seek(target);
            if doc == END || doc >= self.docs.end() {
                return;
            }
            let mut window = Window::at(doc);
            matcher.fill(&mut window);
            window.keep_from(doc);
            self.docs.retain_alive(&mut window);
            if !window.is_empty() {
                visit(&window);
            }
            from = window.end();
        }
    }
}
