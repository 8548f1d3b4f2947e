//! The keyspace engine of Cairn, and the API that its modules are built on.
//!
//! No sockets, no async: a connection hands over a command's words and a buffer for the reply
//! ([`engine::Engine::call`]), and gets back how far the command came.

pub mod blocking;
pub mod clock;
pub mod command;
mod commands;
pub mod config;
pub mod ds;
pub mod effects;
pub mod engine;
pub mod error;
pub mod freer;
pub mod histogram;
pub mod keyspace;
pub mod lock;
pub mod module;
pub mod notify;
pub mod rdb;
pub mod reply;
pub mod session;
mod sync;
#[cfg(test)]
pub(crate) mod testing;
pub mod tuning;
pub mod types;
pub mod util;
pub mod value;
pub mod watch;

pub use engine::{Engine, Host, Moment, Observed, Worker};
pub use error::CmdError;
