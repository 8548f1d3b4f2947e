//! Sorted sets in their order, the greatest score first: a file that has them so is loaded fastest.
//!
//! The walk goes down the order from where it stood last. Before the first change of a member, what
//! it was is kept if the walk has not come to that place yet, and the member is *touched*: the walk
//! skips it wherever it is by then, and passes on what was kept when it comes to its place. A member
//! that is added later is touched from the beginning. So every member of the moment of capture is
//! passed once, in its place, unless it was passed before it was touched.

use std::collections::{BTreeMap, BTreeSet};

use super::{AHEAD_WEIGHT, Pairs, Parts, PutPart, Slices};

/// Bytes of memory for a member that is kept, besides its own.
const KEPT_WEIGHT: usize = 64;

/// A place in the order: the score as bits that compare as scores do, and the member.
type Place = (u64, Box<[u8]>);

/// How far the walk has come, and what it still needs.
#[derive(Default)]
pub(super) struct Order {
    /// The hashes of members that have changed since.
    touched: BTreeSet<u64>,
    /// The scores and deadlines that some of them had, by the places where they were.
    kept: BTreeMap<Place, (f64, Option<i64>)>,
    /// Bytes of the members that are kept.
    bytes: usize,
    /// Where the walk stands, and its score; it has passed what is not below.
    last: Option<(Place, f64)>,
}

/// The bits of a score, such that greater ones belong to greater scores.
fn rank(score: f64) -> u64 {
    // Both zeros are the same.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

impl Order {
    /// Called before anything of this hash changes. `each` passes on all members of the hash.
    pub(super) fn before(&mut self, hash: u64, each: impl FnOnce(&mut PutPart<'_>)) {
        if !self.touched.insert(hash) {
            return;
        }
        each(&mut |member, score, at| {
            let score = score.try_into().map_or(0.0, f64::from_le_bytes);
            let place: Place = (rank(score), member.into());
            if self.last.as_ref().is_none_or(|(last, _)| place < *last) {
                self.bytes += member.len();
                self.kept.insert(place, (score, at));
            }
        });
    }

    /// Bytes of memory in use.
    pub(super) fn weight(&self) -> usize {
        self.touched.len() * AHEAD_WEIGHT + self.kept.len() * KEPT_WEIGHT + self.bytes
    }

    /// The next members, and whether they are the last.
    pub(super) fn slice(&mut self, parts: &dyn Parts, slices: Slices) -> (Pairs, bool) {
        let (mut slice, mut seen, mut over) = (Pairs::default(), 0, true);
        let (mut last, before) = (None, self.last.take());
        let from = before.as_ref().map(|((_, member), score)| (*score, &**member));
        parts.descend(from, &mut |hash, member, score, at| {
            if seen >= slices.elements || slice.bytes.len() >= slices.bytes {
                over = false;
                return false;
            }
            seen += 1;
            self.pass_kept(Some((rank(score), member)), &mut slice);
            if !self.touched.contains(&hash) {
                slice.push(member, &score.to_le_bytes(), at);
            }
            set_last(&mut last, score, member);
            true
        });
        if over {
            self.pass_kept(None, &mut slice);
        }
        self.last = last.or(before);
        (slice, over)
    }

    /// Passes on what was kept above a place, or all of it.
    fn pass_kept(&mut self, below: Option<(u64, &[u8])>, slice: &mut Pairs) {
        while let Some(entry) = self.kept.last_entry() {
            let (rank, member) = entry.key();
            if below.is_some_and(|below| (*rank, &**member) <= below) {
                return;
            }
            let ((_, member), (score, at)) = entry.remove_entry();
            self.bytes -= member.len();
            slice.push(&member, &score.to_le_bytes(), at);
        }
    }
}

/// Remembers a place.
fn set_last(last: &mut Option<(Place, f64)>, score: f64, member: &[u8]) {
    *last = Some(((rank(score), member.into()), score));
}
