//! What end-to-end tests need: a server process, a raw client, a naive model of the data and a
//! checker of linearizability.
//!
//! The tests themselves are in `server/tests/`, since cargo tells only a package's own tests where
//! its binary is.

pub mod client;
pub mod differ;
pub mod faults;
pub mod linear;
pub mod model;
pub mod process;
pub mod registers;
pub mod reply;
