//! What a query will cost, guessed before it runs, to decide which thread runs it.
//!
//! The constants are nanoseconds measured on indexes of 200,000 documents. They need not be exact:
//! a query that is judged wrongly by a factor of two runs on the other thread, and is still right.

use crate::docs::DocsView;
use crate::index::{FieldData, Index, Inner};
use crate::numeric::NumericRange;
use crate::plan::{Plan, PlanKind};
use crate::query::{Node, NodeKind, Query, TagMatch};
use crate::search::SearchOptions;

/// To unpack a posting into a window.
const POSTING: u64 = 2;
/// To put a document of a tag or range into a window.
const MEMBER: u64 = 3;
/// To ask one condition of a conjunction about one document.
const SEEK: u64 = 15;
/// To compare the positions of two terms in a document.
const POSITIONS: u64 = 25;
/// To score a term of a document.
const SCORE: u64 = 12;
/// To compare a document's sort key with the best so far.
const SORT: u64 = 4;
/// To look up and write a hit.
const HIT: u64 = 150;
/// Documents whose bits of a window are dealt with in a nanosecond.
const BITS: u64 = 16;
/// To hold a block against the best so far, in single terms.
const BLOCK: u64 = 8;
/// To match a word of the dictionary with a pattern, or by edit distance.
const PATTERN: u64 = 25;
const DISTANCE: u64 = 150;

/// One condition in this many documents is matched by windows: see [`crate::iter::And`].
const WINDOW_SHARE: u64 = 128;

/// What a bound query will cost, in nanoseconds.
pub(crate) fn of_plan(plan: &Plan, docs: &DocsView, options: &SearchOptions) -> u64 {
    let end = docs.end();
    let ranks = options.limit > 0 && options.sort_by.is_none();
    let hits = (options.offset.saturating_add(options.limit) as u64).min(plan.estimate);
    let work = match &plan.kind {
        PlanKind::All if !ranks && options.sort_by.is_none() => 0,
        PlanKind::Term(list, ..) if ranks && options.scorer.skips_blocks() => {
            // Blocks among which documents have died are counted one posting after another.
            let each = if are_all_alive(docs) { 0 } else { POSTING };
            let blocks = list.blocks().count() as u64;
            BLOCK * blocks + SCORE * plan.estimate.min(4096) + each * plan.estimate
        }
        _ => {
            let each = if ranks { SCORE * leaves(plan) } else { SORT };
            matching(plan, end).saturating_add(plan.estimate.saturating_mul(each))
        }
    };
    work.saturating_add(hits.saturating_mul(HIT))
}

/// What the first documents of a range in its own order will cost, in nanoseconds.
pub(crate) fn of_range(range: &NumericRange, docs: &DocsView, options: &SearchOptions) -> u64 {
    let estimate = range.estimate() as u64;
    let hits = (options.offset.saturating_add(options.limit) as u64).min(estimate);
    // Without dead documents the total is known from the lengths of the buckets.
    let counting = if are_all_alive(docs) { 0 } else { MEMBER };
    (estimate * counting).saturating_add(hits.saturating_mul(HIT))
}

fn are_all_alive(docs: &DocsView) -> bool {
    docs.all_alive(0, docs.end().saturating_sub(1))
}

/// To find the documents of a plan.
fn matching(plan: &Plan, end: u32) -> u64 {
    let all = u64::from(end) / BITS;
    let sum = |children: &[Plan]| -> u64 {
        children.iter().fold(0, |sum: u64, c| sum.saturating_add(matching(c, end)))
    };
    match &plan.kind {
        PlanKind::Nothing => 0,
        PlanKind::All | PlanKind::Optional(_) => all,
        PlanKind::Term(..) => plan.estimate * POSTING,
        PlanKind::Tag(..) | PlanKind::Range(..) => plan.estimate * MEMBER,
        PlanKind::Or(children, _) => sum(children),
        PlanKind::Not(child) => all + matching(child, end),
        PlanKind::And(children, proximity) => {
            let near = if proximity.is_some() { POSITIONS } else { 0 };
            let by_seeking = plan.estimate * (SEEK + near) * children.len() as u64;
            if plan.estimate > u64::from(end) / WINDOW_SHARE && near == 0 {
                sum(children)
            } else {
                by_seeking
            }
        }
    }
}

/// Leaves that are scored.
fn leaves(plan: &Plan) -> u64 {
    match &plan.kind {
        PlanKind::Nothing | PlanKind::All | PlanKind::Not(_) => 0,
        PlanKind::Term(..) | PlanKind::Tag(..) | PlanKind::Range(..) => 1,
        PlanKind::And(children, _) => children.iter().map(leaves).sum(),
        // Of many expansions a document has few.
        PlanKind::Or(children, _) => children.iter().map(leaves).sum::<u64>().min(3),
        PlanKind::Optional(child) => leaves(child),
    }
}

impl Index {
    /// What [`Index::bind`] will cost, in nanoseconds: much only when words of the dictionary are
    /// to be matched one by one.
    pub fn binding_cost(&self, query: &Query) -> u64 {
        if scans(query) { binding(&self.read(), query) } else { 0 }
    }
}

/// Whether the query makes the planner look through a dictionary.
fn scans(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Suffix(_) | NodeKind::Infix(_) | NodeKind::Wildcard(_) | NodeKind::Fuzzy(..) => {
            true
        }
        NodeKind::Tag(_, values) => !values.iter().all(|v| matches!(v, TagMatch::Value(_))),
        NodeKind::And(children) | NodeKind::Or(children) => children.iter().any(scans),
        NodeKind::Not(child) | NodeKind::Optional(child) => scans(child),
        _ => false,
    }
}

fn binding(inner: &Inner, node: &Node) -> u64 {
    let words = inner.dictionary.len() as u64;
    match &node.kind {
        NodeKind::Suffix(_) | NodeKind::Infix(_) | NodeKind::Wildcard(_) => PATTERN * words,
        NodeKind::Fuzzy(..) => DISTANCE * words,
        NodeKind::Tag(field, values) => match inner.fields.get(usize::from(*field)) {
            Some(FieldData::Tag(tags)) => PATTERN * (tags.len() * values.len()) as u64,
            _ => 0,
        },
        NodeKind::And(children) | NodeKind::Or(children) => {
            children.iter().map(|c| binding(inner, c)).sum()
        }
        NodeKind::Not(child) | NodeKind::Optional(child) => binding(inner, child),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::FieldValue;
    use crate::query::{ParseOptions, parse};
    use crate::schema::{Field, FieldKind, Schema, TextOptions};

    fn index() -> Index {
        let index = Index::new(
            Schema::new(vec![
                Field::new("t", FieldKind::Text(TextOptions::default())),
                Field::new("n", FieldKind::Numeric),
            ])
            .unwrap(),
        );
        for n in 0..20_000u32 {
            let text = format!("all w{} half{}", n % 5000, n % 2);
            let number = n.to_string();
            let fields = [
                (0, FieldValue::Bytes(text.as_bytes())),
                (1, FieldValue::Bytes(number.as_bytes())),
            ];
            index.upsert(&n.to_be_bytes(), fields, 1.0).unwrap();
        }
        index
    }

    fn cost(index: &Index, query: &str, options: &SearchOptions) -> u64 {
        let query = parse(query, &ParseOptions::new(index.schema())).unwrap();
        index.binding_cost(&query) + index.bind(&query, options).cost(options)
    }

    #[test]
    fn heavier_queries_cost_more() {
        let index = index();
        let cost = |query: &str| cost(&index, query, &SearchOptions::default());
        let ascending = ["w7", "w7 half1", "all", "half0 | half1", "\"all half1\""];
        let costs = ascending.map(cost);
        assert!(costs.is_sorted(), "{ascending:?} {costs:?}");
        assert!(costs[0] < 10_000 && costs[4] > 100_000, "{costs:?}");
        assert!(cost("%wxyz%") > 100_000 && cost("*99*") > 100_000);
        assert!(cost("@n:[5 20]") < cost("@n:[5 19000]"));
    }

    #[test]
    fn what_is_returned_counts() {
        let index = index();
        let options = |limit| SearchOptions { limit, ..SearchOptions::default() };
        assert_eq!(cost(&index, "*", &options(0)), 0);
        assert!(cost(&index, "all", &options(10_000)) > cost(&index, "all", &options(10)));
    }
}
