//! The path by which RediSearch's conjunction reaches its documents.
//!
//! A conjunction asks its conditions in turn to skip to a target; one that lands beyond makes its
//! document the new target. When a union lands so, and the others then agree, only the first of
//! its matching alternatives is counted, in scores and in distances; when it is found where it was
//! asked for, all are. Ranking by the documented formulas alone would order such documents
//! differently, so scoring follows the same path. It changes no set of matches, except where the
//! distance between terms is a condition.

use super::Matcher;
use crate::docs::FIRST_DOC;
use crate::plan::{Plan, PlanKind};
use crate::postings::END;
use crate::window::Window;

/// A condition with more than one document in this many is looked up in windows.
const WINDOW_SHARE: u64 = 128;

/// A matcher that answers from a filled window where its documents are dense.
#[derive(Debug, Clone)]
struct Lookahead {
    matcher: Matcher,
    window: Option<Window>,
    /// First document that the window does not speak for.
    ahead: u32,
}

impl Lookahead {
    fn new(plan: &Plan, end: u32) -> Self {
        let dense = plan.estimate > u64::from(end) / WINDOW_SHARE;
        let window = dense.then(|| Window::at(0));
        Self { matcher: Matcher::new(plan, end), window, ahead: 0 }
    }

    fn seek(&mut self, target: u32) -> u32 {
        let Some(window) = &mut self.window else { return self.matcher.seek(target) };
        let here = if target < self.ahead { window.next_from(target) } else { None };
        if let Some(doc) = here {
            return doc;
        }
        let doc = self.matcher.seek(target.max(self.ahead));
        if doc != END {
            *window = Window::at(doc);
            self.matcher.fill(window);
            window.keep_from(doc);
            self.ahead = u32::try_from(window.end()).unwrap_or(END);
        }
        doc
    }
}

/// The path of one conjunction.
#[derive(Debug, Clone)]
pub struct Path {
    /// Conditions that must hold.
    leading: Vec<Condition>,
    /// Conditions that may hold; asked only where the others agree.
    optional: Vec<Condition>,
    target: u32,
    /// The last document on which all conditions agreed.
    doc: u32,
}

/// Where the path has taken one condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its place among the conjunction's children.
    child: usize,
    ahead: Ahead,
    doc: u32,
    /// It got to `doc` by landing beyond its target.
    landed: bool,
}

#[derive(Debug, Clone)]
enum Ahead {
    Leaf(Box<Lookahead>),
    /// A union of unions, whose parts land on their own.
    Union(Vec<Condition>),
}

impl Condition {
    fn new(child: usize, plan: &Plan, end: u32) -> Self {
        let is_union = |p: &Plan| matches!(p.kind, PlanKind::Or(..));
        let ahead = match &plan.kind {
            PlanKind::Or(children, _) if children.iter().any(is_union) => {
                let parts = children.iter().enumerate().map(|(at, c)| Self::new(at, c, end));
                Ahead::Union(parts.collect())
            }
            _ => Ahead::Leaf(Box::new(Lookahead::new(plan, end))),
        };
        Self { child, ahead, doc: 0, landed: false }
    }

    fn seek(&mut self, target: u32) {
        if self.doc >= target {
            return;
        }
        self.doc = match &mut self.ahead {
            Ahead::Leaf(ahead) => ahead.seek(target),
            Ahead::Union(parts) => {
                parts.iter_mut().for_each(|part| part.seek(target));
                parts.iter().map(|part| part.doc).min().unwrap_or(END)
            }
        };
        self.landed = self.doc > target;
    }

    /// Takes the first document as read, not skipped to.
    fn forget_landing(&mut self) {
        self.landed = false;
        if let Ahead::Union(parts) = &mut self.ahead {
            parts.iter_mut().for_each(Self::forget_landing);
        }
    }

    /// Whether only the first of its matching alternatives counts.
    pub fn landed(&self) -> bool {
        self.landed
    }

    /// The state of an alternative that is a union itself.
    pub fn part(&self, at: usize) -> Option<&Condition> {
        match &self.ahead {
            Ahead::Leaf(_) => None,
            Ahead::Union(parts) => parts.get(at).filter(|part| part.doc == self.doc),
        }
    }
}

impl Path {
    /// The path of a conjunction of `children`, if it matters: if one of them is a union.
    pub fn new(children: &[Plan], end: u32) -> Option<Self> {
        let mut path =
            Self { leading: Vec::new(), optional: Vec::new(), target: FIRST_DOC, doc: 0 };
        let mut has_union = false;
        for (at, child) in children.iter().enumerate() {
            match &child.kind {
                // A document that these refuse is passed like one that matched.
                PlanKind::Not(_) | PlanKind::All => {}
                PlanKind::Optional(inner) => {
                    if matches!(inner.kind, PlanKind::Or(..)) {
                        has_union = true;
                        path.optional.push(Condition::new(at, inner, end));
                    }
                }
                kind => {
                    has_union |= matches!(kind, PlanKind::Or(..));
                    path.leading.push(Condition::new(at, child, end));
                }
            }
        }
        (has_union && !path.leading.is_empty()).then_some(path)
    }

    /// Follows the path to its first document not below `target`.
    pub fn seek(&mut self, target: u32) -> u32 {
        while self.doc < target {
            self.doc = self.next();
        }
        self.doc
    }

    /// How one of the conjunction's children got to the current document.
    pub fn condition(&self, child: usize) -> Option<&Condition> {
        let mut conditions = self.leading.iter().chain(&self.optional);
        conditions.find(|c| c.child == child && c.doc == self.doc)
    }

    fn next(&mut self) -> u32 {
        let doc = self.agree();
        if doc != END {
            self.optional.iter_mut().for_each(|c| c.seek(doc));
            self.target = doc.saturating_add(1);
        }
        doc
    }

    /// The first document from the target on at which the leading conditions agree.
    fn agree(&mut self) -> u32 {
        'again: loop {
            for (at, condition) in self.leading.iter_mut().enumerate() {
                // The very first document is read, not skipped to.
                let reads = at == 0 && condition.doc == 0;
                condition.seek(self.target);
                if reads {
                    condition.forget_landing();
                }
                if condition.doc > self.target {
                    self.target = condition.doc;
                    continue 'again;
                }
            }
            return self.target;
        }
    }
}
