//! The document tree: JSON values in memory, compact and exact.
//!
//! A [`Value`] is one 8-byte word. Null, booleans, integers up to 56 bits, floats with a short
//! decimal form and strings of up to seven bytes live inside it; anything else is one allocation.
//! [`Value::view`] decodes a value into a [`Ref`], which is how all reading is done: items of
//! packed arrays have no word of their own. Reading text is `parse`, writing it is `print`;
//! finding nodes is `path`, changing them by path is `ops`.
//!
//! Invariant: no tree is nested deeper than [`MAX_DEPTH`]. The parser and the operations check it,
//! so that everything that walks a tree may recurse.

mod array;
mod number;
mod object;
mod raw;
mod shape;
#[cfg(test)]
mod tests;

pub use array::{Array, Items};
use number::Inline;
pub use object::{MAX_MEMBERS, Map, Object, ObjectRef};
use raw::Word;
pub use raw::{MAX_ITEMS, MAX_TEXT, Remains, ThinVec, Tree, Value};
pub use shape::{Keys, MAX_SHAPE_KEYS, MAX_SHAPE_TEXT, Shape, ShapeRef, shapes_in_use};

/// Most arrays and objects that may be nested in one another (RedisJSON's limit).
pub const MAX_DEPTH: usize = 127;

/// A value, decoded and borrowed.
#[derive(Clone, Copy)]
pub enum Ref<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string.
    Str(&'a str),
    /// An array.
    Array(Items<'a>),
    /// An object.
    Object(ObjectRef<'a>),
}

/// What can be seen as a JSON value: a value word, or an item of a packed array.
pub trait View {
    /// Decodes the value.
    fn view(&self) -> Ref<'_>;
}

impl View for Value {
    fn view(&self) -> Ref<'_> {
        match self.word() {
            Word::Inline(payload) => match number::decode(payload) {
                Inline::Null => Ref::Null,
                Inline::Bool(bool) => Ref::Bool(bool),
                Inline::Int(int) => Ref::Int(int),
                Inline::Float(float) => Ref::Float(float),
            },
            Word::Wide(int) => match i64::try_from(int) {
                Ok(int) => Ref::Int(int),
                Err(_) => Ref::UInt(int as u64),
            },
            Word::Float(float) => Ref::Float(float),
            Word::Text(text) => Ref::Str(text),
            Word::Array(items) => Ref::Array(items),
            Word::Fields(values, shape) => Ref::Object(ObjectRef::Fields(values, shape)),
            Word::Map(map) => Ref::Object(ObjectRef::Map(map)),
        }
    }
}

macro_rules! view_ints {
    ($($int:ty),*) => {$(
        impl View for $int {
            fn view(&self) -> Ref<'_> {
                Ref::Int(i64::from(*self))
            }
        }
    )*};
}
view_ints!(i8, i16, i32, i64);

impl View for f64 {
    fn view(&self) -> Ref<'_> {
        Ref::Float(*self)
    }
}

impl<'a> Ref<'a> {
    /// The type's name, as JSON.TYPE reports it.
    pub fn type_name(self) -> &'static str {
        match self {
            Ref::Null => "null",
            Ref::Bool(_) => "boolean",
            Ref::Int(_) | Ref::UInt(_) => "integer",
            Ref::Float(_) => "number",
            Ref::Str(_) => "string",
            Ref::Array(_) => "array",
            Ref::Object(_) => "object",
        }
    }

    /// Number of items or members; 0 for scalars.
    pub fn child_count(self) -> usize {
        match self {
            Ref::Array(items) => items.len(),
            Ref::Object(object) => object.len(),
            _ => 0,
        }
    }

    /// The item or member value at a position.
    pub fn child(self, at: usize) -> Option<Ref<'a>> {
        match self {
            Ref::Array(items) => items.get(at),
            Ref::Object(object) => object.values().get(at).map(View::view),
            _ => None,
        }
    }

    /// All items or member values in order.
    pub fn children(self) -> impl ExactSizeIterator<Item = Ref<'a>> {
        (0..self.child_count()).map(move |at| self.child(at).unwrap_or(Ref::Null))
    }

    /// How deep arrays and objects are nested, this one included; 0 for scalars.
    pub fn depth(self) -> usize {
        match self {
            Ref::Array(Items::Values(values)) => 1 + deepest(values),
            Ref::Array(_) => 1,
            Ref::Object(object) => 1 + deepest(object.values()),
            _ => 0,
        }
    }

    /// A copy of its own, packed afresh.
    pub fn to_value(self) -> Value {
        match self {
            Ref::Null => Value::NULL,
            Ref::Bool(bool) => Value::bool(bool),
            Ref::Int(int) => Value::int(int),
            Ref::UInt(int) => Value::uint(int),
            Ref::Float(float) => Value::float(float).unwrap_or_default(),
            Ref::Str(text) => Value::string(text),
            Ref::Array(items) => {
                let values: Vec<Value> = items.iter().map(Ref::to_value).collect();
                Value::from(values)
            }
            Ref::Object(object) => copy_object(object),
        }
    }
}

fn deepest(values: &[Value]) -> usize {
    values.iter().map(|value| value.view().depth()).max().unwrap_or(0)
}

fn copy_object(object: ObjectRef<'_>) -> Value {
    let values = object.values().iter().map(Value::clone);
    Value::object(match object {
        ObjectRef::Fields(_, shape) => Object::with_shape(shape.to_ref(), values),
        ObjectRef::Map(_) => Object::Map(Box::new(Map::from_distinct(object.keys(), values))),
    })
}

/// Same type and same value; object members in any order. 1 and 1.0 differ, as they do for
/// JSON.ARRINDEX.
impl PartialEq for Ref<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Ref::Null, Ref::Null) => true,
            (Ref::Bool(a), Ref::Bool(b)) => a == b,
            (Ref::Int(a), Ref::Int(b)) => a == b,
            (Ref::UInt(a), Ref::UInt(b)) => a == b,
            (Ref::Float(a), Ref::Float(b)) => a == b,
            (Ref::Str(a), Ref::Str(b)) => a == b,
            (Ref::Array(a), Ref::Array(b)) => a.len() == b.len() && a.iter().eq(b.iter()),
            (Ref::Object(a), Ref::Object(b)) => {
                let same = |(key, value): (&str, &Value)| b.get(key).is_some_and(|v| v == value);
                a.len() == b.len() && a.iter().all(same)
            }
            _ => false,
        }
    }
}

impl Value {
    /// A boolean value.
    pub const fn bool(bool: bool) -> Self {
        if bool { Self::TRUE } else { Self::FALSE }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self.word() {
            Word::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes allocated for this value beyond its own word. Shared key lists count in equal parts
    /// for all objects that share them.
    pub fn memory(&self) -> usize {
        let below: usize = match self.word() {
            Word::Array(Items::Values(values)) => values.iter().map(Self::memory).sum(),
            Word::Fields(values, shape) => {
                shape.memory_share() + values.iter().map(Self::memory).sum::<usize>()
            }
            Word::Map(map) => {
                let values = ObjectRef::Map(map).values();
                map.key_memory() + values.iter().map(Self::memory).sum::<usize>()
            }
            _ => 0,
        };
        below + self.block_memory()
    }

    /// Changes the array in place, if this is one.
    pub fn edit_array<R>(&mut self, edit: impl FnOnce(&mut Array) -> R) -> Option<R> {
        match std::mem::take(self).into_array() {
            Ok(mut array) => {
                let result = edit(&mut array);
                *self = Self::array(array);
                Some(result)
            }
            Err(value) => {
                *self = value;
                None
            }
        }
    }

    /// Changes the object in place, if this is one.
    pub fn edit_object<R>(&mut self, edit: impl FnOnce(&mut Object) -> R) -> Option<R> {
        match std::mem::take(self).into_object() {
            Ok(mut object) => {
                let result = edit(&mut object);
                *self = Self::object(object);
                Some(result)
            }
            Err(value) => {
                *self = value;
                None
            }
        }
    }
}

impl Default for Value {
    fn default() -> Self {
        Self::NULL
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        self.view().to_value()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::print::to_string(self.view()))
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::array(Array::from_values(values))
    }
}
