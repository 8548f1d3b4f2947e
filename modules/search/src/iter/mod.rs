//! Matching: which documents a plan selects.
//!
//! Every matcher can do two things: move to its next document not below a target, and add its
//! documents of a window to a bitmap. Sparse conditions are combined by the first, dense ones by
//! the second. Targets and windows only ever ascend, and a window may be asked for after a target
//! within it: documents before that target are then left out or not, as the caller must allow. Liveness is not looked at here.

pub mod and;
pub mod path;
pub mod phrase;
pub mod positions;
pub mod set;

pub use and::And;
pub use path::{Condition, Path};
pub use phrase::Phrase;
pub use positions::{Places, in_proximity, min_distance};

use crate::plan::{Plan, PlanKind};
use crate::postings::{END, TermCursor};
use crate::window::Window;
use set::{DocSet, TagCursor};

/// Iterates over the documents of a plan.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// None.
    Nothing,
    /// Every id below the bound.
    All {
        /// First id beyond.
        end: u32,
    },
    /// A term's.
    Term(TermCursor),
    /// A tag value's.
    Tag(TagCursor),
    /// A set that was collected before.
    Set(DocSet),
    /// A conjunction's.
    And(Box<And>),
    /// That of terms close to each other.
    Phrase(Box<Phrase>),
    /// A union's.
    Or(Vec<Matcher>),
    /// Those of no match, below the bound.
    Not {
        /// What is left out.
        inner: Box<Matcher>,
        /// First id beyond.
        end: u32,
        /// The last answer to a search; what is before it is behind.
        found: u32,
    },
}

impl Matcher {
    /// A matcher for `plan` over ids below `end`.
    pub fn new(plan: &Plan, end: u32) -> Self {
        match &plan.kind {
            PlanKind::Nothing => Self::Nothing,
            PlanKind::All | PlanKind::Optional(_) => Self::All { end },
            PlanKind::Term(list, fields, _) => Self::Term(TermCursor::new(list.clone(), *fields)),
            PlanKind::Tag(docs, _) => Self::Tag(TagCursor::new(docs.clone())),
            PlanKind::Range(range, _) => Self::Set(DocSet::from_range(range, end)),
            PlanKind::And(children, proximity) => {
                let phrase = proximity.and_then(|near| Phrase::new(children, near));
                if let Some(phrase) = phrase {
                    return Self::Phrase(Box::new(phrase));
                }
                Self::And(Box::new(And::new(children, *proximity, end)))
            }
            PlanKind::Or(children, _) => {
                Self::Or(children.iter().map(|c| Self::new(c, end)).collect())
            }
            PlanKind::Not(child) => {
                Self::Not { inner: Box::new(Self::new(child, end)), end, found: 0 }
            }
        }
    }

    /// The first document not below `target`, or [`END`].
    pub fn seek(&mut self, target: u32) -> u32 {
        match self {
            Self::Nothing => END,
            Self::All { end } => {
                if target < *end {
                    target
                } else {
                    END
                }
            }
            Self::Term(cursor) => cursor.seek(target),
            Self::Tag(cursor) => cursor.seek(target),
            Self::Set(set) => set.seek(target),
            Self::And(and) => and.seek(target),
            Self::Phrase(phrase) => phrase.seek(target),
            Self::Or(children) => children.iter_mut().map(|c| c.seek(target)).min().unwrap_or(END),
            Self::Not { inner, end, found } => {
                let mut doc = target.max(*found);
                while doc < *end && inner.seek(doc) == doc {
                    doc += 1;
                }
                *found = if doc < *end { doc } else { END };
                *found
            }
        }
    }

    /// Adds the documents of `window` to it.
    pub fn fill(&mut self, window: &mut Window) {
        match self {
            Self::Nothing => {}
            Self::All { end } => window.insert_range(window.base, u64::from(*end)),
            Self::Term(cursor) => cursor.fill(window),
            Self::Tag(cursor) => cursor.fill(window),
            Self::Set(set) => set.fill(window),
            Self::And(and) => and.fill(window),
            Self::Phrase(phrase) => phrase.fill(window),
            Self::Or(children) => children.iter_mut().for_each(|c| c.fill(window)),
            Self::Not { inner, end, found } => {
                let mut out = Window::at(window.base);
                inner.fill(&mut out);
                let mut all = Window::at(window.base);
                // The inner matcher no longer knows what is before the last answer.
                all.insert_range(window.base.max(*found), u64::from(*end));
                all.and_not(&out);
                window.or(&all);
            }
        }
    }
}
