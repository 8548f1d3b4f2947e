//! JSON.MERGE: RFC 7396's merge patch at all matches of a path.

use super::OpError;
use super::place::{check_depth, edit};
use super::write::add;
use crate::path::Path;
use crate::tree::{MAX_MEMBERS, Object, Ref, Value, View};

/// Merges a patch into all matches, or adds it as a new member as [`super::set`] does. Says whether
/// anything was changed.
///
/// As in RedisJSON, a member that the path itself creates gets the patch as it is, nulls included.
pub fn merge(root: &mut Value, path: &Path, patch: Value) -> Result<bool, OpError> {
    let mut found = path.locate(root.view())?;
    if found.is_empty() {
        return add(root, path, patch);
    }
    check_depth(&found, 0, patch.view().depth())?;
    found.sort_unstable();
    found.dedup();
    for place in found.iter().rev() {
        edit(root, place.steps(), |node| apply(node, patch.view())).transpose()?;
    }
    Ok(true)
}

/// RFC 7396, section 2. The patch is no deeper than documents may be, which bounds the recursion.
fn apply(target: &mut Value, patch: Ref<'_>) -> Result<(), OpError> {
    let Ref::Object(patch) = patch else {
        *target = patch.to_value();
        return Ok(());
    };
    if !matches!(target.view(), Ref::Object(_)) {
        *target = Value::object(Object::default());
    }
    let merged = target.edit_object(|object| {
        if object.view().len() + patch.len() > MAX_MEMBERS {
            return Err(OpError::TooLong);
        }
        for (key, value) in patch.iter() {
            if !matches!(value.view(), Ref::Null) {
                apply_member(object, key, value.view())?;
            }
        }
        // All at once: one removal of many costs no more than one of a single member.
        let gone = |key| patch.get(key).is_some_and(|value| *value == Value::NULL);
        let gone: Vec<bool> = object.view().keys().map(gone).collect();
        if gone.contains(&true) {
            object.retain(|at| !gone[at]);
        }
        Ok(())
    });
    merged.unwrap_or(Ok(()))
}

fn apply_member(object: &mut Object, key: &str, patch: Ref<'_>) -> Result<(), OpError> {
    let mut member = object.take(key).unwrap_or_default();
    let result = apply(&mut member, patch);
    object.insert(key, member);
    result
}
