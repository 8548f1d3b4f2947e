//! Where in a document the terms of a condition stand, and how close to each other.

use super::{Condition, Path};
use crate::plan::{Counted, Plan, PlanKind, Proximity};
use crate::postings::TermCursor;
use smallvec::{SmallVec, smallvec};

/// The positions of a plan's terms.
#[derive(Debug, Clone)]
pub enum Places {
    /// The condition has none.
    None,
    /// A term's.
    Term(TermCursor),
    /// Those of all conditions below.
    Every(Vec<Places>),
    /// Those of the alternatives below that count.
    Any(Vec<Places>, Counted),
    /// Those of a condition that need not hold.
    Optional(Box<Places>),
}

impl Places {
    /// The positions of `plan`'s terms.
    pub fn new(plan: &Plan) -> Self {
        match &plan.kind {
            PlanKind::Term(list, fields, _) => Self::Term(TermCursor::new(list.clone(), *fields)),
            PlanKind::And(children, _) => Self::Every(children.iter().map(Self::new).collect()),
            PlanKind::Or(children, counted) => {
                Self::Any(children.iter().map(Self::new).collect(), *counted)
            }
            PlanKind::Optional(child) => Self::Optional(Box::new(Self::new(child))),
            PlanKind::Range(range, _) if range.is_split() => Self::Any(Vec::new(), Counted::All),
            _ => Self::None,
        }
    }

    /// Appends the positions in `doc`, ascending.
    pub fn collect(&mut self, doc: u32, out: &mut Vec<u32>) {
        match self {
            Self::None => {}
            Self::Term(cursor) => {
                if cursor.seek(doc) == doc {
                    cursor.positions(out);
                }
            }
            Self::Optional(inner) => inner.collect(doc, out),
            Self::Any(all, Counted::First) => collect_first(all, doc, out),
            Self::Every(all) | Self::Any(all, Counted::All) => {
                let from = out.len();
                all.iter_mut().for_each(|places| places.collect(doc, out));
                out[from..].sort_unstable();
            }
        }
    }

    /// Whether the condition with these positions stands in the measure of distance: a single
    /// tag, number or negation doesn't, while a union does even if nothing in it has positions.
    fn counts(&self, positions: &[u32]) -> bool {
        match self {
            Self::None => false,
            Self::Optional(_) => !positions.is_empty(),
            Self::Term(_) | Self::Every(_) | Self::Any(..) => true,
        }
    }

    /// Appends the positions in `doc` of what counts there, by the way the path got there.
    pub fn collect_by(&mut self, doc: u32, way: Option<&Condition>, out: &mut Vec<u32>) {
        let (all, way) = match (&mut *self, way) {
            (Self::Any(all, _), Some(way)) => (all, way),
            (Self::Optional(inner), _) => return inner.collect_by(doc, way, out),
            _ => return self.collect(doc, out),
        };
        let from = out.len();
        for (at, places) in all.iter_mut().enumerate() {
            places.collect_by(doc, way.part(at), out);
            if way.landed() && out.len() > from {
                break;
            }
        }
        out[from..].sort_unstable();
    }

    /// The positions of all conditions of a conjunction or union; `None` for one that has no part
    /// in distances.
    pub fn of_all(
        all: &mut [Places],
        doc: u32,
        path: Option<&Path>,
    ) -> impl Iterator<Item = Option<Vec<u32>>> {
        all.iter_mut().enumerate().map(move |(at, places)| {
            let mut out = Vec::new();
            places.collect_by(doc, path.and_then(|p| p.condition(at)), &mut out);
            places.counts(&out).then_some(out)
        })
    }
}

/// Appends the positions of the first alternative that has any.
fn collect_first(all: &mut [Places], doc: u32, out: &mut Vec<u32>) {
    let from = out.len();
    for places in all {
        places.collect(doc, out);
        if out.len() > from {
            return;
        }
    }
}

/// Whether the terms stand in `doc` as `proximity` asks. Conditions without positions don't count.
/// `lists` is reused between calls.
pub fn in_proximity(
    places: &mut [Places],
    doc: u32,
    path: Option<&Path>,
    proximity: Proximity,
    lists: &mut Vec<Vec<u32>>,
) -> bool {
    lists.resize_with(places.len(), Vec::new);
    let mut used = 0;
    for (at, place) in places.iter_mut().enumerate() {
        lists[used].clear();
        place.collect_by(doc, path.and_then(|p| p.condition(at)), &mut lists[used]);
        used += usize::from(!lists[used].is_empty());
    }
    is_near(&lists[..used], proximity)
}

/// Whether there is a place in each of the lists so that they are as close as asked.
pub(super) fn is_near(lists: &[Vec<u32>], proximity: Proximity) -> bool {
    if lists.len() < 2 {
        return true;
    }
    let slop = proximity.slop.map_or(i64::MAX, i64::from);
    if let (true, [first, second]) = (proximity.in_order, lists) {
        return follows(first, second, slop);
    }
    if proximity.in_order { in_order(lists, slop) } else { unordered(lists, slop) }
}

/// [`in_order`] of two terms.
fn follows(first: &[u32], second: &[u32], slop: i64) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(&a), Some(&b)) = (first.get(i), second.get(j)) {
        if b < a {
            j += 1;
        } else if i64::from(b) - i64::from(a) - 1 <= slop {
            return true;
        } else {
            i += 1;
        }
    }
    false
}

/// From each place of the first term, the nearest chain of the others; equal places may follow
/// each other, as in RediSearch.
fn in_order(lists: &[Vec<u32>], slop: i64) -> bool {
    let mut from: SmallVec<[usize; 8]> = smallvec![0; lists.len()];
    for &start in &lists[0] {
        let mut last = start;
        let mut span = 0i64;
        for (list, at) in lists.iter().zip(&mut from).skip(1) {
            *at += list[*at..].iter().take_while(|&&p| p < last).count();
            let Some(&next) = list.get(*at) else { return false };
            span += i64::from(next) - i64::from(last) - 1;
            last = next;
        }
        if span <= slop {
            return true;
        }
    }
    false
}

/// Whether some choice of one place a term spans no more than `slop` other words.
fn unordered(lists: &[Vec<u32>], slop: i64) -> bool {
    let mut at: SmallVec<[usize; 8]> = smallvec![0; lists.len()];
    loop {
        let places = || lists.iter().zip(&at).map(|(list, &at)| list[at]);
        let Some(max) = places().max() else { return true };
        let Some((first, min)) = places().enumerate().min_by_key(|(_, p)| *p) else { return true };
        if i64::from(max) - i64::from(min) - (lists.len() as i64 - 1) <= slop {
            return true;
        }
        at[first] += 1;
        if at[first] >= lists[first].len() {
            return false;
        }
    }
}

/// RediSearch's measure of how far apart the matched parts of a document are: the root of the sum
/// of squares of the least distances between neighbours, cut to an integer; when that is 0, the
/// number of parts less one. A part without positions stands before the first.
pub fn min_distance(parts: &[Option<Vec<u32>>]) -> u32 {
    let placed = || parts.iter().flatten();
    let pairs = placed().zip(placed().skip(1));
    let sum = pairs.fold(0u64, |sum, (a, b)| {
        let distance = u64::from(least_distance(a, b));
        sum.saturating_add(distance.saturating_mul(distance))
    });
    let root = (sum as f64).sqrt() as u32;
    if sum > 0 { root } else { parts.len().saturating_sub(1).max(1) as u32 }
}

/// The least distance between a place of each; anything up to 1 counts as found.
fn least_distance(a: &[u32], b: &[u32]) -> u32 {
    let (Some(&first), Some(&second)) = (a.first(), b.first()) else {
        return a.first().or(b.first()).map_or(0, |place| place.saturating_add(1));
    };
    let (mut i, mut j) = (0, 0);
    let mut least = first.abs_diff(second);
    while least > 1 {
        let (Some(&x), Some(&y)) = (a.get(i), b.get(j)) else { break };
        least = least.min(x.abs_diff(y));
        if y > x { i += 1 } else { j += 1 }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::btree_set(1u32..40, 1..6).prop_map(|all| all.into_iter().collect())
    }

    #[test]
    fn distances_as_redisearch() {
        let part = |l: &&[u32]| Some(l.to_vec()).filter(|l| !l.is_empty());
        let parts = |p: &[&[u32]]| p.iter().map(part).collect::<Vec<_>>();
        assert_eq!(min_distance(&parts(&[&[1], &[4], &[8]])), 5);
        assert_eq!(min_distance(&parts(&[&[3], &[7], &[1]])), 7);
        assert_eq!(min_distance(&parts(&[&[1], &[2], &[3]])), 1);
        assert_eq!(min_distance(&parts(&[&[1], &[1], &[1]])), 2);
        assert_eq!(min_distance(&parts(&[&[], &[1], &[]])), 2);
        assert_eq!(min_distance(&parts(&[&[1], &[]])), 1);
        assert_eq!(min_distance(&[Some(vec![6]), Some(vec![])]), 7);
    }

    #[test]
    fn proximity() {
        let lists = vec![vec![1, 9], vec![4, 10]];
        assert!(in_order(&lists, 0));
        assert!(!in_order(&[vec![4], vec![1]], 10));
        assert!(unordered(&[vec![4], vec![1]], 2) && !unordered(&[vec![4], vec![1]], 1));
        assert!(in_order(&[vec![1], vec![1]], 0));
    }

    proptest! {
        #[test]
        fn two_in_order(first in places(), second in places(), slop in 0i64..4) {
            let lists = [first, second];
            prop_assert_eq!(follows(&lists[0], &lists[1], slop), in_order(&lists, slop));
        }
    }
}
