//! The JSON.ARR* commands.

use super::OpError;
use super::place::{check_depth, depth, edit_all, node};
use crate::path::{Location, Path};
use crate::tree::{Items, MAX_ITEMS, Ref, Value, View};

/// Appends values to all arrays that match. Results are their new lengths.
pub fn append(
    root: &mut Value,
    path: &Path,
    values: &[Value],
) -> Result<Vec<Option<usize>>, OpError> {
    let found = path.locate(root.view())?;
    check_growth(root.view(), &found, values)?;
    Ok(edit_all(root, &found, |node| put(node, values, |len| len)))
}

/// Inserts values before a position, counted from the end if negative, in all arrays that match.
/// Results are their new lengths. An array that has no such position is an error.
pub fn insert(
    root: &mut Value,
    path: &Path,
    index: i64,
    values: &[Value],
) -> Result<Vec<Option<usize>>, OpError> {
    let found = path.locate(root.view())?;
    let outside = |items: Items<'_>| insertion_point(index, items.len()).is_none();
    if arrays(root.view(), &found).any(outside) {
        return Err(OpError::OutOfBounds);
    }
    check_growth(root.view(), &found, values)?;
    Ok(edit_all(root, &found, |node| {
        put(node, values, |len| insertion_point(index, len).unwrap_or(len))
    }))
}

/// Takes an item out of all arrays that match: the one at `index`, counted from the end if
/// negative, or the nearest one. Results are the items; `None` also for empty arrays.
pub fn pop(root: &mut Value, path: &Path, index: i64) -> Result<Vec<Option<Value>>, OpError> {
    let found = path.locate(root.view())?;
    Ok(edit_all(root, &found, |node| {
        node.edit_array(|array| {
            let len = array.items().len();
            array.remove(from_start(index, len).min(len.saturating_sub(1)))
        })?
    }))
}

/// Keeps the items from `start` to `stop`, both inclusive and counted from the end if negative, of
/// all arrays that match. Results are their new lengths.
pub fn trim(
    root: &mut Value,
    path: &Path,
    start: i64,
    stop: i64,
) -> Result<Vec<Option<usize>>, OpError> {
    let found = path.locate(root.view())?;
    Ok(edit_all(root, &found, |node| {
        node.edit_array(|array| {
            let len = array.items().len();
            let kept = from_start(start, len)..=from_start(stop, len);
            array.retain(|at| kept.contains(&at));
            array.items().len()
        })
    }))
}

/// Position of the first item equal to `wanted`, from `start` to before `stop`; both count from
/// the end if negative, and a `stop` of 0 means the end. `None` if there is none.
pub fn index_of(items: Items<'_>, wanted: Ref<'_>, start: i64, stop: i64) -> Option<usize> {
    let len = items.len();
    let start = from_start(start, len).min(len.saturating_sub(1));
    let stop = if stop == 0 { len } else { from_start(stop, len).min(len) };
    (start..stop).find(|&at| items.get(at).is_some_and(|item| item == wanted))
}

/// A position counted from the end if negative, as one from the start; 0 if it is before it.
fn from_start(index: i64, len: usize) -> usize {
    let at = if index < 0 { index.saturating_add_unsigned(len as u64) } else { index };
    usize::try_from(at.max(0)).unwrap_or(usize::MAX)
}

fn insertion_point(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(at).ok().filter(|&at| at <= len)
}

fn arrays<'t>(root: Ref<'t>, places: &[Location]) -> impl Iterator<Item = Items<'t>> {
    places.iter().filter_map(move |place| match node(root, place)? {
        Ref::Array(items) => Some(items),
        _ => None,
    })
}

fn check_growth(root: Ref<'_>, places: &[Location], values: &[Value]) -> Result<(), OpError> {
    // A path may match one array several times, at most as often as it matches at all.
    let added = values.len().saturating_mul(places.len());
    if arrays(root, places).any(|items| items.len().saturating_add(added) > MAX_ITEMS) {
        return Err(OpError::TooLong);
    }
    check_depth(places, 1, depth(values))
}

fn put(node: &mut Value, values: &[Value], at: impl FnOnce(usize) -> usize) -> Option<usize> {
    node.edit_array(|array| {
        let len = array.items().len();
        let put = array.insert(at(len), values.to_vec());
        debug_assert!(put.is_ok(), "check_growth allowed too much");
        array.items().len()
    })
}
