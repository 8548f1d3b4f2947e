//! Phrases and other conjunctions of plain terms on whose distance there is a condition.
//!
//! One cursor a term finds the documents that have all terms and then reads their places, which
//! are unpacked for those documents alone. Conjunctions with other conditions among them are
//! [`super::And`]'s matter.

use super::positions::is_near;
use crate::plan::{Plan, PlanKind, Proximity};
use crate::postings::{END, TermCursor};
use crate::window::Window;

/// A conjunction of terms, close to each other.
#[derive(Debug, Clone)]
pub struct Phrase {
    /// In the order of the query.
    terms: Vec<TermCursor>,
    /// Which of them lead: the rarest first.
    order: Vec<usize>,
    proximity: Proximity,
    /// The terms' places, kept to reuse their memory.
    places: Vec<Vec<u32>>,
    /// The last document found.
    found: u32,
}

impl Phrase {
    /// A phrase of these conditions, if all of them are terms.
    pub fn new(children: &[Plan], proximity: Proximity) -> Option<Self> {
        let cursor = |child: &Plan| match &child.kind {
            PlanKind::Term(list, fields, _) => Some(TermCursor::new(list.clone(), *fields)),
            _ => None,
        };
        let terms = children.iter().map(cursor).collect::<Option<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..terms.len()).collect();
        order.sort_by_key(|&at| children[at].estimate);
        let places = vec![Vec::new(); terms.len()];
        (!terms.is_empty()).then_some(Self { terms, order, proximity, places, found: 0 })
    }

    /// The first document not below `target` that has the phrase.
    pub fn seek(&mut self, target: u32) -> u32 {
        if self.found >= target {
            return self.found;
        }
        let mut doc = target;
        loop {
            doc = self.agree(doc);
            if doc == END || self.is_near() {
                self.found = doc;
                return doc;
            }
            doc += 1;
        }
    }

    /// The first document not below `target` that has all terms; the cursors stand on it.
    fn agree(&mut self, target: u32) -> u32 {
        let mut doc = target;
        'again: loop {
            for &at in &self.order {
                let next = self.terms[at].seek(doc);
                if next > doc {
                    if next == END {
                        return END;
                    }
                    doc = next;
                    // The rarest leads from here.
                    continue 'again;
                }
            }
            return doc;
        }
    }

    fn is_near(&mut self) -> bool {
        let mut used = 0;
        for term in &mut self.terms {
            let places = &mut self.places[used];
            places.clear();
            term.positions(places);
            used += usize::from(!places.is_empty());
        }
        is_near(&self.places[..used], self.proximity)
    }

    /// Adds the documents of the window to it.
    pub fn fill(&mut self, window: &mut Window) {
        let mut doc = self.seek(window.base);
        while u64::from(doc) < window.end() {
            window.insert(doc);
            doc = self.seek(doc + 1);
        }
    }
}
