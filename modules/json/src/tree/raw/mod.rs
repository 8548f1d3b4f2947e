//! The unsafe core of the tree: tagged value words and the heap blocks they point to.
//!
//! Everything here hands out safe types; no other module of the crate contains `unsafe`. What the
//! values mean (packing of numbers, key sharing, equality) lives one level up in `tree`.
#![allow(unsafe_code)]

mod fields;
mod shared;
mod size;
mod text;
mod thin;
mod word;

pub use fields::Fields;
pub use shared::{Remains, Tree};
pub use size::size_class;
pub use text::MAX_TEXT;
pub use thin::{Item, MAX_ITEMS, ThinVec};
pub use word::{Value, Word};
