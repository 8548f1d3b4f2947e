//! Finds the first of many alternatives that holds a document, a window at a time.

use crate::iter::Matcher;
use crate::plan::Plan;
use crate::window::{WINDOW, Window};

/// "No alternative".
const NOBODY: u16 = u16::MAX;

/// The first alternative of every document of a window.
#[derive(Debug)]
pub struct Owners {
    alternatives: Vec<Matcher>,
    /// What this speaks for.
    base: Option<u32>,
    owners: Box<[u16]>,
}

impl Owners {
    /// The owners among `alternatives`, of which the first 65,535 count.
    pub fn new(alternatives: &[Plan], end: u32) -> Self {
        let alternatives = alternatives.iter().take(usize::from(NOBODY));
        Self {
            alternatives: alternatives.map(|a| Matcher::new(a, end)).collect(),
            base: None,
            owners: vec![NOBODY; WINDOW as usize].into(),
        }
    }

    /// The first alternative that holds `doc`; documents must ascend.
    pub fn owner(&mut self, doc: u32) -> Option<usize> {
        let base = doc - doc % WINDOW;
        if self.base != Some(base) {
            self.base = Some(base);
            self.fill(base);
        }
        let owner = self.owners[(doc % WINDOW) as usize];
        (owner != NOBODY).then_some(usize::from(owner))
    }

    fn fill(&mut self, base: u32) {
        self.owners.fill(NOBODY);
        for (at, alternative) in self.alternatives.iter_mut().enumerate() {
            let first = alternative.seek(base);
            if first >= base.saturating_add(WINDOW) {
                continue;
            }
            let mut window = Window::at(base);
            alternative.fill(&mut window);
            for doc in window.iter() {
                let owner = &mut self.owners[(doc - base) as usize];
                *owner = (*owner).min(at as u16);
            }
        }
    }
}
