//! JSON documents as a native value type: a compact tree, its text form, JSONPath over it, and the
//! operations of the JSON commands.
//!
//! `tree` holds documents, `parse` and `print` convert them from and to text, `path` finds nodes,
//! `ops` changes them. None of these knows of keys, clients or replies.

pub mod ops;
pub mod parse;
pub mod path;
pub mod print;
#[cfg(test)]
mod testing;
pub mod tree;
