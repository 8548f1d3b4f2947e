//! The differential generator: random commands of all families, valid and invalid, the same to
//! two servers, and where their replies differ.
//!
//! [`templates`] says what commands look like, [`generate`] makes them of it, [`wire`] reads
//! replies byte for byte, [`compare`] holds them against each other and knows the differences that
//! are meant; [`shape`] compares those whose values are each server's own. [`coverage`] says which
//! commands of a server are not compared, and why. The program is `differ`.

pub mod compare;
pub mod coverage;
pub mod generate;
pub mod run;
pub mod shape;
pub mod templates;
pub mod wire;
