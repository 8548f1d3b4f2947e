//! Sockets, threads and connections.
//!
//! Each I/O thread runs a tokio current-thread runtime. A connection lives on one thread, and its
//! commands run there, inline, from the parsed request to the bytes in its output buffer. Other
//! threads reach it only through its thread's [`mailbox`].

pub mod balance;
mod connection;
pub mod durable;
pub mod listener;
pub mod mailbox;
pub mod sockets;
pub mod stream;
pub mod thread;
