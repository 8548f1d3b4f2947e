//! (crate root)

pub mod ds;
