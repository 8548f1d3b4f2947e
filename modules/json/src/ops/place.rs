//! Reaching nodes to change them: by location, in an order in which changes don't interfere.

use super::OpError;
use crate::path::Location;
use crate::tree::{MAX_DEPTH, Ref, Value, View};

/// Runs `edit` on the node at `steps`; `None` if there is no such node. Items of packed arrays
/// are edited as values of their own and put back.
pub(super) fn edit<R>(
    root: &mut Value,
    steps: &[u32],
    edit: impl FnOnce(&mut Value) -> R,
) -> Option<R> {
    let mut node = root;
    for (depth, &at) in steps.iter().enumerate() {
        let at = at as usize;
        if at >= node.children_mut().len() {
            // Only numbers are packed, so this must be the last step.
            return if depth + 1 == steps.len() { edit_packed(node, at, edit) } else { None };
        }
        node = &mut node.children_mut()[at];
    }
    Some(edit(node))
}

fn edit_packed<R>(parent: &mut Value, at: usize, edit: impl FnOnce(&mut Value) -> R) -> Option<R> {
    parent.edit_array(|array| {
        let mut item = array.items().get(at)?.to_value();
        let result = edit(&mut item);
        array.replace(at, item);
        Some(result)
    })?
}

/// The node at a location.
pub(super) fn node<'t>(root: Ref<'t>, location: &Location) -> Option<Ref<'t>> {
    location.steps().iter().try_fold(root, |node, &at| node.child(at as usize))
}

/// Runs `change` on all nodes, the last and deepest first. Results are in the order given.
pub(super) fn edit_all<R>(
    root: &mut Value,
    locations: &[Location],
    mut change: impl FnMut(&mut Value) -> Option<R>,
) -> Vec<Option<R>> {
    let mut order: Vec<usize> = (0..locations.len()).collect();
    order.sort_by(|&a, &b| locations[b].cmp(&locations[a]));
    let mut results: Vec<Option<R>> = locations.iter().map(|_| None).collect();
    for at in order {
        results[at] = edit(root, locations[at].steps(), &mut change).flatten();
    }
    results
}

/// The locations without repetitions and without those below another one, in document order.
pub(super) fn outermost(mut locations: Vec<Location>) -> Vec<Location> {
    locations.sort_unstable();
    // In this order, whatever is below a location follows it.
    locations.dedup_by(|next, kept| next.steps().starts_with(kept.steps()));
    locations
}

/// Checks that values of this depth may stand at all these locations, `below` levels further down.
pub(super) fn check_depth(
    locations: &[Location],
    below: usize,
    depth: usize,
) -> Result<(), OpError> {
    let deepest = locations.iter().map(|location| location.steps().len()).max().unwrap_or(0);
    // The steps to a value are as many as the containers around it.
    if deepest + below + depth > MAX_DEPTH { Err(OpError::TooDeep) } else { Ok(()) }
}

/// Depth of the deepest of these values.
pub(super) fn depth(values: &[Value]) -> usize {
    values.iter().map(|value| value.view().depth()).max().unwrap_or(0)
}
