//! Small, dependency-free helpers with exactly Redis's semantics: numbers as text.
//!
//! Nothing here knows of keys, commands or the configuration.

pub mod int;
