//! The best few of many.

use std::cmp::Ordering;

/// Keeps the least `keep` items by an order, in a heap whose root is the worst of them.
pub struct Top<T, F> {
    heap: Vec<T>,
    keep: usize,
    order: F,
}

impl<T, F: Fn(&T, &T) -> Ordering> Top<T, F> {
    /// An empty selection of at most `keep` items; `order` puts better ones first.
    pub fn new(keep: usize, order: F) -> Self {
        Self { heap: Vec::new(), keep, order }
    }

    /// The worst item kept, once there are `keep` of them: only a better one can still enter.
    pub fn worst(&self) -> Option<&T> {
        if self.heap.len() >= self.keep { self.heap.first() } else { None }
    }

    /// Offers an item.
    pub fn push(&mut self, item: T) {
        if self.heap.len() < self.keep {
            self.heap.push(item);
            self.sift_up(self.heap.len() - 1);
        } else if self.heap.first().is_some_and(|worst| (self.order)(&item, worst).is_lt()) {
            self.heap[0] = item;
            self.sift_down();
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if (self.order)(&self.heap[at], &self.heap[parent]).is_le() {
                return;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.heap.len());
            let worse = |a: &usize, b: &usize| (self.order)(&self.heap[*a], &self.heap[*b]);
            let Some(worst) = children.max_by(worse) else { return };
            if (self.order)(&self.heap[worst], &self.heap[at]).is_le() {
                return;
            }
            self.heap.swap(at, worst);
            at = worst;
        }
    }

    /// The items kept, best first.
    pub fn into_sorted(mut self) -> Vec<T> {
        let order = self.order;
        self.heap.sort_by(|a, b| order(a, b));
        self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keeps_the_least(items in prop::collection::vec(any::<u16>(), 0..200), keep in 0usize..20) {
            let mut top = Top::new(keep, |a: &u16, b: &u16| a.cmp(b));
            items.iter().for_each(|&i| top.push(i));
            let mut all = items.clone();
            all.sort_unstable();
            all.truncate(keep);
            prop_assert_eq!(top.into_sorted(), all);
        }
    }
}
