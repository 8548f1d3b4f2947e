//! Documents: how one module reads the parts of another's values without knowing their type.

use crate::value::Object;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// JSON's null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// An array begins; its elements follow, then [`Scalar::End`].
    Array,
    /// An object begins; its values follow without their names, then [`Scalar::End`].
    Object,
    /// The innermost array or object ends.
    End,
}

/// A path that was parsed once, to be followed in many documents.
pub trait DocumentPath: Send + Sync {
    /// Calls `f` for each part that the path selects, in document order; arrays and objects are
    /// spelled out.
    fn select(&self, document: &dyn Object, f: &mut dyn FnMut(Scalar<'_>));

    /// The first part that the path selects, or all of them when it can select several, as the
    /// text that RETURN and LOAD show. `None` when it selects nothing.
    fn text(&self, document: &dyn Object) -> Option<Vec<u8>>;
}

/// A document type.
pub trait Documents: Send + Sync {
    /// Whether a value is a document of this type.
    fn is_document(&self, value: &dyn Object) -> bool;

    /// Parses a path.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    fn path(&self, text: &str) -> Result<Box<dyn DocumentPath>, String>;
}
