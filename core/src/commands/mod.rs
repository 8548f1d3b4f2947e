//! Core's own commands: a file a family, its specs beside their handlers.
//!
//! A family's `SPECS` is all that this file needs to know of it. Commands about connections,
//! configuration and the process are the server's.

mod connection;
mod hashes;
mod options;
mod parts;
mod strings;
#[cfg(test)]
mod testing;
mod transactions;

use crate::command::Registry;

/// Adds all of them.
pub(crate) fn register(registry: &mut Registry) {
    let families = [connection::SPECS, transactions::SPECS, hashes::SPECS].into_iter();
    for specs in families.chain(strings::SPECS.iter().copied()) {
        registry.add(specs);
    }
}
