//! Walks a tree along a query, depth first, which yields RFC 9535's order of nodes.
//!
//! Recursion is bounded by the limits of document nesting and path segments, work by a budget.

use super::PathError;
use super::ast::{Query, Segment, Selector};
use super::filter;
use crate::tree::Ref;
use smallvec::SmallVec;
use std::cell::Cell;

/// Most nodes that one evaluation may touch, filters included.
pub const MAX_VISITS: u64 = 1 << 26;

/// Where a node is: positions of items or members, from the root down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Location(SmallVec<[u32; 8]>);

impl Location {
    /// A location by its positions.
    pub fn new(steps: &[u32]) -> Self {
        Self(steps.into())
    }

    /// The positions.
    pub fn steps(&self) -> &[u32] {
        &self.0
    }
}

/// What an evaluation shares with the filters in it.
pub(super) struct Scene<'t> {
    pub(super) root: Ref<'t>,
    budget: Cell<u64>,
}

impl<'t> Scene<'t> {
    fn new(root: Ref<'t>) -> Self {
        Self { root, budget: Cell::new(MAX_VISITS) }
    }

    /// Takes `cost` from the budget.
    pub(super) fn spend(&self, cost: u64) -> Result<(), PathError> {
        let left = self.budget.get().checked_sub(cost).ok_or(PathError::TooBroad)?;
        self.budget.set(left);
        Ok(())
    }
}

/// Whether to go on after a match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

/// All matches.
pub(super) fn select<'t>(query: &Query, root: Ref<'t>) -> Result<Vec<Ref<'t>>, PathError> {
    if query.is_single() {
        return Ok(follow(query, root).into_iter().collect());
    }
    let mut found = Vec::new();
    visit(query, root, &Scene::new(root), &mut |node, _| {
        found.push(node);
        Go::On
    })?;
    Ok(found)
}

/// The first match.
pub(super) fn first<'t>(query: &Query, root: Ref<'t>) -> Result<Option<Ref<'t>>, PathError> {
    if query.is_single() {
        return Ok(follow(query, root));
    }
    let mut found = None;
    visit(query, root, &Scene::new(root), &mut |node, _| {
        found = Some(node);
        Go::Stop
    })?;
    Ok(found)
}

/// The locations of all matches.
pub fn locate(query: &Query, root: Ref<'_>) -> Result<Vec<Location>, PathError> {
    let mut found = Vec::new();
    visit(query, root, &Scene::new(root), &mut |_, trail| {
        found.push(Location::new(trail));
        Go::On
    })?;
    Ok(found)
}

/// Hands every match, with the positions that lead to it, to `sink`.
pub(super) fn visit<'t>(
    query: &Query,
    start: Ref<'t>,
    scene: &Scene<'t>,
    sink: &mut dyn FnMut(Ref<'t>, &[u32]) -> Go,
) -> Result<Go, PathError> {
    let mut walk = Walk { scene, trail: Vec::new(), sink };
    walk.segments(start, query.segments())
}

/// The node that a single query names.
pub(super) fn follow<'t>(query: &Query, start: Ref<'t>) -> Option<Ref<'t>> {
    query.segments().iter().try_fold(start, |node, segment| match segment.selectors.first()? {
        Selector::Name(name) => node.child(member(node, name)?),
        Selector::Index(index) => node.child(item(node, *index)?),
        _ => None,
    })
}

fn member(node: Ref<'_>, name: &str) -> Option<usize> {
    match node {
        Ref::Object(object) => object.position(name),
        _ => None,
    }
}

fn item(node: Ref<'_>, index: i64) -> Option<usize> {
    let Ref::Array(items) = node else { return None };
    let at = if index < 0 { index.checked_add_unsigned(items.len() as u64)? } else { index };
    usize::try_from(at).ok().filter(|&at| at < items.len())
}

struct Walk<'w, 't> {
    scene: &'w Scene<'t>,
    trail: Vec<u32>,
    sink: &'w mut dyn FnMut(Ref<'t>, &[u32]) -> Go,
}

impl<'t> Walk<'_, 't> {
    fn segments(&mut self, node: Ref<'t>, segments: &[Segment]) -> Result<Go, PathError> {
        match segments.split_first() {
            None => Ok((self.sink)(node, &self.trail)),
            Some((segment, rest)) if segment.descend => self.descend(node, segment, rest),
            Some((segment, rest)) => self.select(node, segment, rest),
        }
    }

    fn descend(
        &mut self,
        node: Ref<'t>,
        segment: &Segment,
        rest: &[Segment],
    ) -> Result<Go, PathError> {
        if self.select(node, segment, rest)? == Go::Stop {
            return Ok(Go::Stop);
        }
        for at in 0..node.child_count() {
            self.scene.spend(1)?;
            let Some(child) = node.child(at) else { break };
            // Most children are scalars, which have nothing below them.
            if child.child_count() == 0 {
                continue;
            }
            self.trail.push(at as u32);
            let go = self.descend(child, segment, rest)?;
            self.trail.pop();
            if go == Go::Stop {
                return Ok(Go::Stop);
            }
        }
        Ok(Go::On)
    }

    fn select(
        &mut self,
        node: Ref<'t>,
        segment: &Segment,
        rest: &[Segment],
    ) -> Result<Go, PathError> {
        for selector in &segment.selectors {
            let go = match selector {
                Selector::Name(name) => self.step(node, member(node, name), rest)?,
                Selector::Index(index) => self.step(node, item(node, *index), rest)?,
                Selector::Slice(start, end, step) => {
                    let len = if let Ref::Array(items) = node { items.len() } else { 0 };
                    self.steps(node, slice(len, *start, *end, *step), rest)?
                }
                Selector::Wildcard => self.steps(node, 0..node.child_count(), rest)?,
                Selector::Filter(condition) => self
                    .filtered(node, rest, |scene, child| filter::holds(condition, child, scene))?,
            };
            if go == Go::Stop {
                return Ok(Go::Stop);
            }
        }
        Ok(Go::On)
    }

    fn step(
        &mut self,
        node: Ref<'t>,
        at: Option<usize>,
        rest: &[Segment],
    ) -> Result<Go, PathError> {
        self.scene.spend(1)?;
        let Some((at, child)) = at.and_then(|at| Some((at, node.child(at)?))) else {
            return Ok(Go::On);
        };
        self.trail.push(at as u32);
        let go = self.segments(child, rest)?;
        self.trail.pop();
        Ok(go)
    }

    fn steps(
        &mut self,
        node: Ref<'t>,
        positions: impl Iterator<Item = usize>,
        rest: &[Segment],
    ) -> Result<Go, PathError> {
        for at in positions {
            if self.step(node, Some(at), rest)? == Go::Stop {
                return Ok(Go::Stop);
            }
        }
        Ok(Go::On)
    }

    fn filtered(
        &mut self,
        node: Ref<'t>,
        rest: &[Segment],
        mut holds: impl FnMut(&Scene<'t>, Ref<'t>) -> Result<bool, PathError>,
    ) -> Result<Go, PathError> {
        for at in 0..node.child_count() {
            let Some(child) = node.child(at) else { break };
            self.scene.spend(1)?;
            if holds(self.scene, child)? && self.step(node, Some(at), rest)? == Go::Stop {
                return Ok(Go::Stop);
            }
        }
        Ok(Go::On)
    }
}

/// Positions of a slice (RFC 9535, section 2.3.4.2.2).
fn slice(
    len: usize,
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
) -> impl Iterator<Item = usize> {
    let (len, step) = (len as i64, step.unwrap_or(1));
    let normal = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
    let (first, last) = if step >= 0 {
        let bound = |at: Option<i64>, default| normal(at.unwrap_or(default)).clamp(0, len);
        (bound(start, 0), bound(end, len))
    } else {
        let bound = |at: Option<i64>, default| at.map_or(default, normal).clamp(-1, len - 1);
        (bound(start, len - 1), bound(end, -1))
    };
    let inside = move |&at: &i64| if step > 0 { at < last } else { step < 0 && at > last };
    std::iter::successors(Some(first), move |at| at.checked_add(step))
        .take_while(inside)
        .map(|at| at as usize)
}
