//! The configuration: what can be configured, its values, and the ways to set them, which are
//! configuration files, the command line, CONFIG SET, and back to the file CONFIG REWRITE.
//!
//! A parameter is declared once, as a row of a [`Table`] (the built-in ones are in [`table`]); its
//! validation, CONFIG GET and SET, the file's syntax and `docs/configuration.md` follow from the
//! row. Values live in a [`Config`], where reading a number is one relaxed load. What a value
//! *does* is not known here: whoever acts on a parameter reads it, or registers a hook with
//! [`Config::on_change`].

pub mod command_line;
mod error;
pub mod lists;
pub mod load;
mod param;
mod registry;
pub mod rewrite;
mod set;
pub mod table;
mod value;

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

pub use error::SetError;
pub use param::{Id, Kind, Merge, Offset, Param, Table};
pub use registry::{Config, MemoryLimit};
pub use value::Value;
