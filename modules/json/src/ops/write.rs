//! JSON.SET and JSON.DEL on a document that exists.

use super::OpError;
use super::place::{check_depth, edit, outermost};
use crate::path::{Location, Path, locate};
use crate::tree::{MAX_MEMBERS, Ref, Value, View};

/// When a value may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetMode {
    /// Whether the path matches or not.
    #[default]
    Always,
    /// Only if the path matches nothing (NX).
    IfMissing,
    /// Only if the path matches something (XX).
    IfPresent,
}

/// What [`delete`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The path means the document itself, which is left for the caller to remove.
    Document,
    /// So many nodes were removed, not counting what was below them.
    Nodes(usize),
}

/// Sets all matches to a value, or adds it as a new member where the path, without its last name,
/// leads to an object. Says whether anything was set.
pub fn set(root: &mut Value, path: &Path, value: Value, mode: SetMode) -> Result<bool, OpError> {
    // Only a path that names one place can be found missing.
    if mode == SetMode::IfMissing && !path.query().is_single() {
        return Err(OpError::NotStatic);
    }
    let found = path.locate(root.view())?;
    let allowed = match mode {
        SetMode::Always => true,
        SetMode::IfMissing => found.is_empty(),
        SetMode::IfPresent => !found.is_empty(),
    };
    if !allowed {
        return Ok(false);
    }
    if found.is_empty() {
        return add(root, path, value);
    }
    check_depth(&found, 0, value.view().depth())?;
    replace(root, outermost(found), value);
    Ok(true)
}

fn replace(root: &mut Value, places: Vec<Location>, value: Value) {
    let Some((last, others)) = places.split_last() else { return };
    for place in others {
        edit(root, place.steps(), |node| *node = value.clone());
    }
    edit(root, last.steps(), |node| *node = value);
}

/// Adds a member that does not exist yet; `false` if there is no object to add it to.
pub(super) fn add(root: &mut Value, path: &Path, value: Value) -> Result<bool, OpError> {
    if !path.query().is_single() {
        return Err(OpError::NotStatic);
    }
    let (parent, name) = path.split_name().ok_or(OpError::NoSuchIndex)?;
    let found = locate(&parent, root.view())?;
    check_depth(&found, 1, value.view().depth())?;
    let Some(place) = found.first() else { return Ok(false) };
    let added = edit(root, place.steps(), |node| {
        if matches!(node.view(), Ref::Object(object) if object.len() == MAX_MEMBERS) {
            return Err(OpError::TooLong);
        }
        Ok(node.edit_object(|object| object.insert(name, value)).is_some())
    });
    added.unwrap_or(Ok(false))
}

/// Removes all matches. Members and items that stay keep their order.
pub fn delete(root: &mut Value, path: &Path) -> Result<Deleted, OpError> {
    let mut found = outermost(path.locate(root.view())?);
    if found.first().is_some_and(|place| place.steps().is_empty()) {
        return Ok(Deleted::Document);
    }
    // Siblings are removed at once, and parents further down or behind before those in front, so
    // that no removal moves what is yet to be removed.
    found.sort_by(|a, b| parent(a).cmp(parent(b)).then_with(|| a.cmp(b)));
    for group in found.chunk_by(|a, b| parent(a) == parent(b)).rev() {
        let gone: Vec<usize> = group.iter().filter_map(last_step).collect();
        edit(root, group.first().map_or(&[], parent), |node| remove(node, &gone));
    }
    Ok(Deleted::Nodes(found.len()))
}

fn parent(location: &Location) -> &[u32] {
    location.steps().split_last().map_or(&[], |(_, parent)| parent)
}

fn last_step(location: &Location) -> Option<usize> {
    location.steps().last().map(|&at| at as usize)
}

/// Removes the children at ascending positions.
fn remove(node: &mut Value, gone: &[usize]) {
    let mut gone = gone.iter().peekable();
    let mut keep = |at: usize| gone.next_if(|&&gone| gone == at).is_none();
    if node.edit_array(|array| array.retain(&mut keep)).is_none() {
        node.edit_object(|object| object.retain(&mut keep));
    }
}
