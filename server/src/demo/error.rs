//! What can go wrong in the demo. No other part of the server uses it.

use std::io;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke, or the server closed it.
    #[error("the connection to the server failed: {0}")]
    Connection(#[source] io::Error),
    /// The reply is no RESP, or is larger than any the demo asks for.
    #[error("the server's reply can't be read: {0}")]
    Protocol(&'static str),
    /// A command was answered with an error.
    #[error("{command} was answered with an error: {text}")]
    Refused {
        /// The command, shortened.
        command: String,
        /// The error's text.
        text: String,
    },
    /// A command, or its answer, isn't of the form it should have.
    #[error("unexpected: {0}")]
    Unexpected(&'static str),
    /// An embedded dataset can't be read.
    #[error("dataset {name}: {reason}")]
    Dataset {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing can be printed any more.
    #[error("printing failed: {0}")]
    Output(#[source] io::Error),
}
