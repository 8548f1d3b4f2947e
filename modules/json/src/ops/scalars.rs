//! JSON.STRAPPEND, JSON.TOGGLE and JSON.CLEAR.

use super::OpError;
use super::place::{edit, edit_all, node, outermost};
use crate::path::Path;
use crate::tree::{Array, MAX_TEXT, Object, Ref, Value, View};

/// Appends to all strings that match. Results are their new lengths in bytes.
pub fn append_string(
    root: &mut Value,
    path: &Path,
    tail: &str,
) -> Result<Vec<Option<usize>>, OpError> {
    let found = path.locate(root.view())?;
    let too_long =
        |node: Ref<'_>| matches!(node, Ref::Str(text) if text.len() + tail.len() > MAX_TEXT);
    if found.iter().filter_map(|place| node(root.view(), place)).any(too_long) {
        return Err(OpError::TooLong);
    }
    Ok(edit_all(root, &found, |node| {
        let text = node.as_str()?;
        // A path may match one string several times.
        let joined = if text.len() + tail.len() > MAX_TEXT {
            text.to_owned()
        } else {
            [text, tail].concat()
        };
        *node = Value::string(&joined);
        Some(joined.len())
    }))
}

/// Inverts all booleans that match. Results are their new values.
pub fn toggle(root: &mut Value, path: &Path) -> Result<Vec<Option<bool>>, OpError> {
    let found = path.locate(root.view())?;
    Ok(edit_all(root, &found, |node| {
        let Ref::Bool(bool) = node.view() else { return None };
        *node = Value::bool(!bool);
        Some(!bool)
    }))
}

/// Empties all arrays and objects that match, and sets numbers to 0. Says how many changed.
pub fn clear(root: &mut Value, path: &Path) -> Result<usize, OpError> {
    let found = outermost(path.locate(root.view())?);
    let mut cleared = 0;
    for place in found {
        cleared += edit(root, place.steps(), clear_node).map_or(0, usize::from);
    }
    Ok(cleared)
}

fn clear_node(node: &mut Value) -> bool {
    let empty = match node.view() {
        Ref::Array(items) if !items.is_empty() => Value::array(Array::default()),
        Ref::Object(object) if !object.is_empty() => Value::object(Object::default()),
        Ref::Int(int) if int != 0 => Value::int(0),
        Ref::Float(float) if float != 0.0 => Value::int(0),
        Ref::UInt(_) => Value::int(0),
        _ => return false,
    };
    *node = empty;
    true
}
