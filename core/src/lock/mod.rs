//! Locking of the keyspace: striped shard locks, the gate that closes them all, and parking.
//!
//! A thread never sleeps here. It tries, spins briefly, and on failure gets a [`Ticket`]: a place
//! in a first-come-first-served line, whose [`std::task::Waker`] is called when another try is
//! worth it. What is locked, and the data behind it, are the keyspace's business
//! ([`crate::keyspace`]); this folder holds protocols only, and `core/tests/model_lock.rs`
//! explores their interleavings.

mod gate;
mod line;
mod striped;

pub use gate::{Gate, Participant};
pub use line::{Line, Ticket};
pub use striped::{Busy, Stripes};
