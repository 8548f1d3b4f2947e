//! JSON text to tree: serde_json reads, a visitor builds values without anything in between.
//!
//! Nesting is bounded by serde_json's own recursion limit, which is [`crate::tree::MAX_DEPTH`];
//! sizes are bounded here. Error texts are serde_json's, with line and column.

use crate::tree::{
    Array, Keys, MAX_ITEMS, MAX_MEMBERS, MAX_SHAPE_KEYS, MAX_SHAPE_TEXT, MAX_TEXT, Object,
    ShapeRef, Value,
};
use serde::de::{self, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Longest document that is accepted, in bytes (the server's own bulk limit).
pub const MAX_DOCUMENT: usize = 512 << 20;

/// Why a text is not a document.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The text is not JSON, or exceeds a limit of numbers, nesting or sizes.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The text is longer than [`MAX_DOCUMENT`].
    #[error("document of {0} bytes is larger than the limit of {MAX_DOCUMENT}")]
    TooLong(usize),
}

/// Parses one JSON document, which may have white space around it and nothing else.
///
/// Integers from `i64::MIN` to `u64::MAX` stay exact, larger ones become floats; numbers beyond
/// the range of floats are errors. Of equal keys the last value counts, at the first position.
pub fn parse(text: &[u8]) -> Result<Value, ParseError> {
    if text.len() > MAX_DOCUMENT {
        return Err(ParseError::TooLong(text.len()));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Node(&mut Builder::default()).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Values and keys of the containers being read, innermost last; shared by all levels so that
/// reading takes few allocations and the finished blocks have their exact size.
#[derive(Default)]
struct Builder {
    values: Vec<Value>,
    text: String,
    ends: Vec<u16>,
}

/// Reads one value.
struct Node<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(Value::uint(int))
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Value, E> {
        Value::float(float).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        if text.len() > MAX_TEXT {
            return Err(E::custom("string too long"));
        }
        Ok(Value::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let start = self.0.values.len();
        while let Some(item) = items.next_element_seed(Node(self.0))? {
            if self.0.values.len() - start == MAX_ITEMS {
                return Err(A::Error::custom("array too long"));
            }
            self.0.values.push(item);
        }
        Ok(Value::array(Array::from_stack(&mut self.0.values, start)))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        let (text, ends) = (self.0.text.len(), self.0.ends.len());
        let object = read_object(self.0, members, Marks { text, ends })?;
        self.0.text.truncate(text);
        self.0.ends.truncate(ends);
        Ok(Value::object(object))
    }
}

/// Where the keys of an object start in the builder.
#[derive(Clone, Copy)]
struct Marks {
    text: usize,
    ends: usize,
}

/// Reads members onto the builder's stacks, and into a map of its own once they are too many or
/// too long to share their keys.
fn read_object<'de, A: MapAccess<'de>>(
    builder: &mut Builder,
    mut members: A,
    marks: Marks,
) -> Result<Object, A::Error> {
    let start = builder.values.len();
    while members.next_key_seed(Key(builder))?.is_some() {
        let end = builder.text.len() - marks.text;
        if builder.ends.len() - marks.ends == MAX_SHAPE_KEYS || end > MAX_SHAPE_TEXT {
            return read_big_object(builder, members, marks, start);
        }
        builder.ends.push(end as u16);
        let value = members.next_value_seed(Node(builder))?;
        builder.values.push(value);
    }
    let keys = Keys { text: &builder.text[marks.text..], ends: &builder.ends[marks.ends..] };
    // Known shapes have distinct keys, so only new ones are searched for repetitions.
    let Some(shape) = ShapeRef::find(keys) else {
        return Ok(Object::from_members(keys.iter().zip(builder.values.drain(start..))));
    };
    Ok(Object::with_shape(shape, builder.values.drain(start..)))
}

/// Goes on reading after the key that was one too many, which is the last text in the builder.
fn read_big_object<'de, A: MapAccess<'de>>(
    builder: &mut Builder,
    mut members: A,
    marks: Marks,
    start: usize,
) -> Result<Object, A::Error> {
    let keys = Keys { text: &builder.text[marks.text..], ends: &builder.ends[marks.ends..] };
    let last = keys.ends.last().map_or(0, |&end| usize::from(end));
    let mut key = keys.text[last..].to_owned();
    let mut object = Object::from_members(keys.iter().zip(builder.values.drain(start..)));
    loop {
        let value = members.next_value_seed(Node(builder))?;
        if object.view().len() == MAX_MEMBERS {
            return Err(A::Error::custom("object with too many members"));
        }
        object.insert(&key, value);
        builder.text.truncate(marks.text);
        if members.next_key_seed(Key(builder))?.is_none() {
            return Ok(object);
        }
        key.clear();
        key.push_str(&builder.text[marks.text..]);
    }
}

/// Reads a key behind the others in the builder.
struct Key<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        self.0.text.push_str(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{MAX_DEPTH, View};

    fn error(text: &str) -> String {
        parse(text.as_bytes()).map_or_else(|error| error.to_string(), |_| "no error".into())
    }

    #[test]
    fn bad_texts_are_named_errors() {
        assert_eq!(error("1e309"), "number out of range at line 1 column 5");
        assert_eq!(error(""), "EOF while parsing a value at line 1 column 0");
        assert_eq!(error("nul"), "EOF while parsing a value at line 1 column 3");
        assert_eq!(error("NaN"), "expected value at line 1 column 1");
        assert_eq!(error("[1,2"), "EOF while parsing a list at line 1 column 4");
        assert_eq!(error("{\"a\":1}x"), "trailing characters at line 1 column 8");
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(br#""\ud800""#).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let deepest = parse(nested(MAX_DEPTH).as_bytes()).map(|value| value.view().depth());
            assert_eq!(deepest.ok(), Some(MAX_DEPTH));
            assert!(error(&nested(MAX_DEPTH + 1)).starts_with("recursion limit exceeded"));
            assert!(error(&open.repeat(1_000_000)).starts_with("recursion limit exceeded"));
        }
    }

    #[test]
    fn failures_midway_leak_no_keys() {
        assert!(parse(br#"{"midway":{"deep":[1,{"x":1}],"y":"#).is_err());
        let keys = Keys { text: "midway", ends: &[6] };
        assert!(ShapeRef::find(keys).is_none());
    }

    #[test]
    fn objects_with_too_many_or_too_long_keys_get_their_own() {
        let many: Vec<String> = (0..200).map(|n| format!("\"key{}\":{n}", n % 150)).collect();
        let long =
            format!("{{\"{}\":1,\"b\":{{\"c\":2}},\"b\":3}}", "k".repeat(MAX_SHAPE_TEXT + 1));
        for text in [format!("{{{}}}", many.join(",")), long] {
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let value = parse(text.as_bytes()).unwrap_or_default();
            assert_eq!(crate::testing::text(&value), expected.to_string());
        }
    }
}
