//! Arrays: items of one numeric kind are packed, everything else is a list of value words.
//!
//! An array changes its kind when an item comes that does not fit: a wider integer widens all, any
//! other value unpacks them. It never packs again by itself; parsing and copying do.

use super::number::{as_float, as_int};
use super::raw::{Item, MAX_ITEMS, ThinVec, Value};
use super::{Ref, View};

/// An array on its own, to build or change.
pub enum Array {
    /// Values of any kind.
    Values(ThinVec<Value>),
    /// Integers that fit 8 bits.
    I8(ThinVec<i8>),
    /// Integers that fit 16 bits.
    I16(ThinVec<i16>),
    /// Integers that fit 32 bits.
    I32(ThinVec<i32>),
    /// Integers that fit 64 bits.
    I64(ThinVec<i64>),
    /// Floats.
    F64(ThinVec<f64>),
}

/// An array's items, borrowed.
#[derive(Clone, Copy)]
pub enum Items<'a> {
    /// Values of any kind.
    Values(&'a [Value]),
    /// Integers that fit 8 bits.
    I8(&'a [i8]),
    /// Integers that fit 16 bits.
    I16(&'a [i16]),
    /// Integers that fit 32 bits.
    I32(&'a [i32]),
    /// Integers that fit 64 bits.
    I64(&'a [i64]),
    /// Floats.
    F64(&'a [f64]),
}

/// Runs one expression on whatever the array's items are.
macro_rules! each_kind {
    ($type:ident, $array:expr, $items:ident => $body:expr) => {
        match $array {
            $type::Values($items) => $body,
            $type::I8($items) => $body,
            $type::I16($items) => $body,
            $type::I32($items) => $body,
            $type::I64($items) => $body,
            $type::F64($items) => $body,
        }
    };
}

/// Kinds of items from narrow to wide; each integer kind holds all values of those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    I8,
    I16,
    I32,
    I64,
    F64,
    Values,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match as_int(value) {
            Some(int) if i8::try_from(int).is_ok() => Self::I8,
            Some(int) if i16::try_from(int).is_ok() => Self::I16,
            Some(int) if i32::try_from(int).is_ok() => Self::I32,
            Some(_) => Self::I64,
            None if as_float(value).is_some() => Self::F64,
            None => Self::Values,
        }
    }

    /// The narrowest kind that holds both.
    fn join(self, other: Self) -> Self {
        let (low, high) = (self.min(other), self.max(other));
        if high == Self::F64 && low != Self::F64 { Self::Values } else { high }
    }
}

impl<'a> Items<'a> {
    /// Number of items.
    pub fn len(self) -> usize {
        each_kind!(Items, self, items => items.len())
    }

    /// Whether there are no items.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The item at a position.
    pub fn get(self, at: usize) -> Option<Ref<'a>> {
        each_kind!(Items, self, items => items.get(at).map(View::view))
    }

    /// The items in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Ref<'a>> {
        (0..self.len()).map(move |at| self.get(at).unwrap_or(Ref::Null))
    }

    fn kind(self) -> Kind {
        match self {
            Self::Values(_) => Kind::Values,
            Self::I8(_) => Kind::I8,
            Self::I16(_) => Kind::I16,
            Self::I32(_) => Kind::I32,
            Self::I64(_) => Kind::I64,
            Self::F64(_) => Kind::F64,
        }
    }
}

impl Array {
    /// An array of these values, packed if they are numbers of one kind.
    ///
    /// # Panics
    /// If there are more than [`MAX_ITEMS`]; callers check what comes from outside.
    pub fn from_values(values: Vec<Value>) -> Self {
        let kind = values.iter().map(Kind::of).reduce(Kind::join).unwrap_or(Kind::Values);
        pack(kind, values.into_iter())
    }

    /// As [`Array::from_values`], from the values on `stack` from `start` on, which it takes off.
    pub fn from_stack(stack: &mut Vec<Value>, start: usize) -> Self {
        let values = &stack[start.min(stack.len())..];
        let kind = values.iter().map(Kind::of).reduce(Kind::join).unwrap_or(Kind::Values);
        pack(kind, stack.drain(start..))
    }

    /// A copy of packed items; nothing of others.
    pub(super) fn copy_packed(items: Items<'_>) -> Self {
        match items {
            Items::Values(_) => Self::default(),
            Items::I8(items) => Self::I8(ThinVec::from_exact(items.iter().copied())),
            Items::I16(items) => Self::I16(ThinVec::from_exact(items.iter().copied())),
            Items::I32(items) => Self::I32(ThinVec::from_exact(items.iter().copied())),
            Items::I64(items) => Self::I64(ThinVec::from_exact(items.iter().copied())),
            Items::F64(items) => Self::F64(ThinVec::from_exact(items.iter().copied())),
        }
    }

    /// The items, borrowed.
    pub fn items(&self) -> Items<'_> {
        match self {
            Self::Values(items) => Items::Values(items.as_slice()),
            Self::I8(items) => Items::I8(items.as_slice()),
            Self::I16(items) => Items::I16(items.as_slice()),
            Self::I32(items) => Items::I32(items.as_slice()),
            Self::I64(items) => Items::I64(items.as_slice()),
            Self::F64(items) => Items::F64(items.as_slice()),
        }
    }

    /// Puts values in at a position, moving later items back; a position beyond the end appends.
    /// Gives the values back unused if the array would exceed [`MAX_ITEMS`].
    pub fn insert(&mut self, at: usize, values: Vec<Value>) -> Result<(), Vec<Value>> {
        if self.items().len() + values.len() > MAX_ITEMS {
            return Err(values);
        }
        self.make_room(values.iter().map(Kind::of).reduce(Kind::join));
        let values = values.into_iter();
        match self {
            Self::Values(items) => items.splice_in(at, values),
            Self::I8(items) => items.splice_in(at, values.map(narrow)),
            Self::I16(items) => items.splice_in(at, values.map(narrow)),
            Self::I32(items) => items.splice_in(at, values.map(narrow)),
            Self::I64(items) => items.splice_in(at, values.map(narrow)),
            Self::F64(items) => items.splice_in(at, values.map(narrow_float)),
        }
        Ok(())
    }

    /// Replaces the item at a position; nothing happens beyond the end.
    pub fn replace(&mut self, at: usize, value: Value) {
        if at >= self.items().len() {
            return;
        }
        self.make_room(Some(Kind::of(&value)));
        match self {
            Self::Values(items) => items.as_mut_slice()[at] = value,
            Self::I8(items) => items.as_mut_slice()[at] = narrow(value),
            Self::I16(items) => items.as_mut_slice()[at] = narrow(value),
            Self::I32(items) => items.as_mut_slice()[at] = narrow(value),
            Self::I64(items) => items.as_mut_slice()[at] = narrow(value),
            Self::F64(items) => items.as_mut_slice()[at] = narrow_float(value),
        }
    }

    /// Takes the item at a position out, if there is one.
    pub fn remove(&mut self, at: usize) -> Option<Value> {
        match self {
            // Its tree may have it in common with another one, which it must not outlive.
            Self::Values(items) => {
                let value = items.remove(at)?;
                Some(value.clone())
            }
            Self::I8(items) => items.remove(at).map(|int| Value::int(int.into())),
            Self::I16(items) => items.remove(at).map(|int| Value::int(int.into())),
            Self::I32(items) => items.remove(at).map(|int| Value::int(int.into())),
            Self::I64(items) => items.remove(at).map(Value::int),
            Self::F64(items) => items.remove(at).and_then(Value::float),
        }
    }

    /// Drops the items at the positions that `keep` rejects.
    pub fn retain(&mut self, keep: impl FnMut(usize) -> bool) {
        each_kind!(Array, self, items => items.retain(keep));
    }

    /// Changes the kind, if it must, so that items of kind `more` fit too.
    fn make_room(&mut self, more: Option<Kind>) {
        let (old, more) = (self.items().kind(), more.unwrap_or(Kind::I8));
        let kind = if self.items().is_empty() { more } else { old.join(more) };
        if kind != old {
            *self = pack(kind, std::mem::take(self).into_values());
        }
    }

    /// The items as values.
    fn into_values(self) -> Box<dyn ExactSizeIterator<Item = Value>> {
        match self {
            Self::Values(items) => Box::new(items.into_iter()),
            Self::I8(items) => Box::new(items.into_iter().map(|int| Value::int(int.into()))),
            Self::I16(items) => Box::new(items.into_iter().map(|int| Value::int(int.into()))),
            Self::I32(items) => Box::new(items.into_iter().map(|int| Value::int(int.into()))),
            Self::I64(items) => Box::new(items.into_iter().map(Value::int)),
            Self::F64(items) => {
                Box::new(items.into_iter().map(|float| Value::float(float).unwrap_or_default()))
            }
        }
    }
}

impl Default for Array {
    fn default() -> Self {
        Self::Values(ThinVec::new())
    }
}

/// An array of one kind from values that are known to fit it.
fn pack(kind: Kind, values: impl ExactSizeIterator<Item = Value>) -> Array {
    match kind {
        Kind::Values => Array::Values(ThinVec::from_exact(values)),
        Kind::I8 => Array::I8(ThinVec::from_exact(values.map(narrow))),
        Kind::I16 => Array::I16(ThinVec::from_exact(values.map(narrow))),
        Kind::I32 => Array::I32(ThinVec::from_exact(values.map(narrow))),
        Kind::I64 => Array::I64(ThinVec::from_exact(values.map(narrow))),
        Kind::F64 => Array::F64(ThinVec::from_exact(values.map(narrow_float))),
    }
}

/// The integer that a value is known to be, in a width it is known to fit.
fn narrow<T: TryFrom<i64> + Default + Item>(value: Value) -> T {
    as_int(&value).and_then(|int| T::try_from(int).ok()).unwrap_or_default()
}

/// The float that a value is known to be.
fn narrow_float(value: Value) -> f64 {
    as_float(&value).unwrap_or_default()
}
