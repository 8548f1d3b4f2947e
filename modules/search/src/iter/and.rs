//! Conjunctions: by leapfrog when one condition is rare, by windows when all are common.

use super::{Matcher, Path, Places, in_proximity};
use crate::column::NumberColumn;
use crate::number::Range;
use crate::plan::{Plan, PlanKind, Proximity};
use crate::postings::END;
use crate::window::Window;

/// A conjunction is matched by windows if its rarest condition has more than one document in this
/// many.
const WINDOW_SHARE: u64 = 128;

/// A conjunction of conditions.
#[derive(Debug, Clone)]
pub struct And {
    /// Conditions that lead, the rarest first; at least one.
    positives: Vec<Matcher>,
    /// What must not match.
    negatives: Vec<Matcher>,
    /// Ranges that are looked up per document.
    checks: Vec<(NumberColumn, Range)>,
    proximity: Option<(Proximity, Vec<Places>)>,
    /// The terms' positions, kept to reuse their memory.
    positions: Vec<Vec<u32>>,
    /// Which alternatives count for the proximity.
    path: Option<Path>,
    dense: bool,
    /// The last document found, so that a repeated question costs nothing.
    found: Option<u32>,
}

impl And {
    /// A conjunction over ids below `end`.
    pub fn new(children: &[Plan], proximity: Option<Proximity>, end: u32) -> Self {
        let mut by_cost: Vec<&Plan> = children.iter().collect();
        by_cost.sort_by_key(|c| c.estimate);
        let leads = |c: &Plan| {
            matches!(
                c.kind,
                PlanKind::Term(..) | PlanKind::Tag(..) | PlanKind::And(..) | PlanKind::Or(..)
            )
        };
        let has_lead = by_cost.iter().any(|c| leads(c));
        let lead_estimate = by_cost.iter().filter(|c| leads(c)).map(|c| c.estimate).min();
        let mut and = Self {
            positives: Vec::new(),
            negatives: Vec::new(),
            checks: Vec::new(),
            proximity: proximity.map(|p| (p, children.iter().map(Places::new).collect())),
            positions: Vec::new(),
            path: proximity.and_then(|_| Path::new(children, end)),
            dense: true,
            found: None,
        };
        for child in by_cost {
            match &child.kind {
                PlanKind::Not(inner) => and.negatives.push(Matcher::new(inner, end)),
                PlanKind::Optional(_) | PlanKind::All => {}
                // A range that is not much rarer than the rest is cheaper to look up.
                PlanKind::Range(range, column)
                    if has_lead && lead_estimate.is_some_and(|e| child.estimate * 4 > e) =>
                {
                    and.checks.push((column.clone(), *range.range()));
                }
                _ => and.positives.push(Matcher::new(child, end)),
            }
        }
        if and.positives.is_empty() {
            and.positives.push(Matcher::All { end });
        }
        let rarest = children.iter().map(|c| c.estimate).min().unwrap_or(0);
        and.dense = and.proximity.is_none() && rarest > u64::from(end) / WINDOW_SHARE;
        and
    }

    /// The first document not below `target` that meets all conditions.
    pub fn seek(&mut self, target: u32) -> u32 {
        if let Some(found) = self.found.filter(|&f| f >= target) {
            return found;
        }
        let mut doc = target;
        loop {
            doc = self.leapfrog(doc);
            if doc == END || self.accepts(doc) {
                self.found = Some(doc);
                return doc;
            }
            doc += 1;
        }
    }

    /// The first document not below `target` on which the leading conditions agree.
    fn leapfrog(&mut self, target: u32) -> u32 {
        let mut doc = target;
        'again: loop {
            for matcher in &mut self.positives {
                let next = matcher.seek(doc);
                if next == END {
                    return END;
                }
                if next > doc {
                    doc = next;
                    // The first matcher is the rarest: let it lead from here.
                    continue 'again;
                }
            }
            return doc;
        }
    }

    /// The conditions that don't lead.
    fn accepts(&mut self, doc: u32) -> bool {
        self.checks.iter().all(|(column, range)| column.matches(doc, range))
            && !self.negatives.iter_mut().any(|n| n.seek(doc) == doc)
            && self.is_near(doc)
    }

    fn is_near(&mut self, doc: u32) -> bool {
        let Some((proximity, places)) = &mut self.proximity else { return true };
        if let Some(path) = &mut self.path {
            path.seek(doc);
        }
        in_proximity(places, doc, self.path.as_ref(), *proximity, &mut self.positions)
    }

    /// Adds the documents of the window to it.
    pub fn fill(&mut self, window: &mut Window) {
        if !self.dense {
            let mut doc = self.seek(window.base);
            while u64::from(doc) < window.end() {
                window.insert(doc);
                doc = self.seek(doc + 1);
            }
            return;
        }
        let mut all = Window::at(window.base);
        let mut one = Window::at(window.base);
        for (at, matcher) in self.positives.iter_mut().enumerate() {
            one.clear();
            matcher.fill(&mut one);
            if at == 0 {
                std::mem::swap(&mut all, &mut one);
            } else {
                all.and(&one);
            }
            if all.is_empty() {
                return;
            }
        }
        for matcher in &mut self.negatives {
            one.clear();
            matcher.fill(&mut one);
            all.and_not(&one);
        }
        for (column, range) in &self.checks {
            all.retain(|doc| column.matches(doc, range));
        }
        if let Some(found) = self.found {
            all.keep_from(found);
        }
        window.or(&all);
    }
}
