//! The wire protocol as the server meets it: [`RequestReader`] takes requests out of a
//! connection's bytes. Replies are written elsewhere, and so are the sockets.

mod args;
mod error;
pub mod peek;
mod reader;

#[cfg(test)]
mod tests;

pub use args::{Args, Arguments};
pub use error::RequestError;
pub use reader::{Buffers, Limits, RequestReader};
