//! Core's own commands: a file a family, its specs beside their handlers.
//!
//! A family's `SPECS` is all that this file needs to know of it. Commands about connections,
//! configuration and the process are the server's.

mod arrays;
mod bitmaps;
mod choice;
mod connection;
mod geo;
mod hashes;
mod hyperloglog;
mod keys;
mod lists;
mod members;
mod options;
mod parts;
mod sets;
mod streams;
mod strings;
#[cfg(test)]
mod testing;
mod transactions;
mod zsets;

use crate::command::Registry;

/// Adds all of them.
pub(crate) fn register(registry: &mut Registry) {
    let families = [
        arrays::SPECS,
        connection::SPECS,
        hashes::SPECS,
        hashes::expiry::EXPIRY,
        hashes::expiry::SPECS,
        hashes::import::SPECS,
        hyperloglog::SPECS,
        lists::SPECS,
        lists::inside::SPECS,
        lists::blocking::SPECS,
        lists::move_many::SPECS,
        sets::COMBINING,
        sets::expiry::SPECS,
        sets::MEMBERS,
        streams::SPECS,
        transactions::SPECS,
    ];
    let folders = [bitmaps::SPECS, keys::SPECS, strings::SPECS, zsets::SPECS, geo::SPECS]
        .into_iter()
        .flatten()
        .copied();
    for specs in families.into_iter().chain(folders) {
        registry.add(specs);
    }
}
