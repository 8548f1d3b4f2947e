//! Matchers over plain sets of documents: tag values and collected ranges.

use crate::numeric::NumericRange;
use crate::postings::END;
use crate::tag::TagDocs;
use crate::window::{WINDOW, Window};
use std::sync::Arc;

/// A range with more than one document in this many is collected as a bitmap.
const DENSE_SHARE: u64 = 64;

/// The documents of a tag value.
#[derive(Debug, Clone)]
pub struct TagCursor {
    docs: Arc<TagDocs>,
    /// The last answer to [`TagCursor::seek`], to spare repeated look-ups.
    doc: u32,
}

impl TagCursor {
    /// A cursor before the first document.
    pub fn new(docs: Arc<TagDocs>) -> Self {
        Self { docs, doc: 0 }
    }

    /// The first document not below `target`.
    pub fn seek(&mut self, target: u32) -> u32 {
        if self.doc < target || self.doc == 0 {
            self.doc = self.docs.next_from(target).unwrap_or(END);
        }
        self.doc
    }

    /// Adds the documents of the window to it.
    pub fn fill(&self, window: &mut Window) {
        self.docs.fill(window);
    }
}

/// A set collected when the query began.
#[derive(Debug, Clone)]
pub enum DocSet {
    /// Ascending, with the place of the last answer.
    Sparse {
        /// The documents.
        docs: Vec<u32>,
        /// Documents before this place are behind.
        at: usize,
    },
    /// One bit a document.
    Dense {
        /// The bitmap.
        words: Vec<u64>,
    },
}

impl DocSet {
    /// The documents of a numeric range, as far as they are below `end`.
    pub fn from_range(range: &NumericRange, end: u32) -> Self {
        let estimate = range.estimate() as u64;
        if estimate > u64::from(end) / DENSE_SHARE {
            let mut words = vec![0u64; (end.div_ceil(WINDOW) * (WINDOW / 64)) as usize];
            for doc in range.docs() {
                if let Some(word) = words.get_mut(doc as usize / 64) {
                    *word |= 1 << (doc % 64);
                }
            }
            return Self::Dense { words };
        }
        let mut docs: Vec<u32> = range.docs().filter(|&d| d < end).collect();
        docs.sort_unstable();
        docs.dedup();
        Self::Sparse { docs, at: 0 }
    }

    /// The first document not below `target`.
    pub fn seek(&mut self, target: u32) -> u32 {
        match self {
            Self::Sparse { docs, at } => {
                *at += gallop(&docs[*at..], target);
                docs.get(*at).copied().unwrap_or(END)
            }
            Self::Dense { words } => {
                let at = target as usize / 64;
                let Some(first) = words.get(at) else { return END };
                let first = first & (u64::MAX << (target % 64));
                if first != 0 {
                    return at as u32 * 64 + first.trailing_zeros();
                }
                let next = words[at + 1..].iter().position(|&w| w != 0);
                next.map_or(END, |skip| {
                    let at = at + 1 + skip;
                    at as u32 * 64 + words[at].trailing_zeros()
                })
            }
        }
    }

    /// Adds the documents of the window to it.
    pub fn fill(&mut self, window: &mut Window) {
        match self {
            Self::Sparse { docs, at } => {
                *at += gallop(&docs[*at..], window.base);
                let end = window.end();
                let inside = docs[*at..].iter().take_while(|&&d| u64::from(d) < end);
                inside.for_each(|&d| window.insert(d));
            }
            Self::Dense { words } => {
                let from = window.base as usize / 64;
                let source = words.get(from..).unwrap_or(&[]);
                window.words_mut().iter_mut().zip(source).for_each(|(w, s)| *w |= s);
            }
        }
    }
}

/// How many leading documents are below `target`, by doubling steps.
fn gallop(docs: &[u32], target: u32) -> usize {
    let mut step = 1;
    while step < docs.len() && docs[step] < target {
        step *= 2;
    }
    let from = step / 2;
    let to = (step + 1).min(docs.len());
    from.min(to) + docs[from.min(to)..to].partition_point(|&d| d < target)
}
