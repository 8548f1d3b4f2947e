//! The Cairn server: the protocol, connections and sessions around the keyspace engine.
//!
//! The binary in `main.rs` is a thin shell around this library, so that tests, benches and fuzz
//! targets can reach its parts.

pub mod aof;
pub mod client;
pub mod commands;
pub mod crash;
pub mod demo;
pub mod host;
pub mod info;
pub mod log;
pub mod memory;
pub mod migrate;
pub mod net;
pub mod observe;
pub mod pause;
pub mod persist;
pub mod pool;
mod priority;
pub mod pubsub;
pub mod resp;
pub mod server;
pub mod shutdown;
pub mod start;
pub mod supervise;
pub mod title;
pub mod tracking;
pub mod version;
pub mod watermark;
