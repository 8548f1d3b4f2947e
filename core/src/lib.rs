//! (crate root)
pub mod util;
