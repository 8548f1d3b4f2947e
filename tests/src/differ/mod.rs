//! The differential generator: random commands of all families, valid and invalid, the same to
//! two servers, and where their replies differ.
//!
//! [`templates`] says what commands look like, [`generate`] makes them of it, [`wire`] reads
//! replies byte for byte, [`compare`] holds them against each other and knows the differences that
//! are meant. The program is `differ`.

pub mod compare;
pub mod generate;
pub mod run;
pub mod templates;
pub mod wire;
