//! The built-in parameters, in one file a topic. A module of the server brings a table of its own
//! ([`super::Config::add`]).

pub mod clients;
pub mod collections;
pub mod later;
pub mod logging;
pub mod memory;
pub mod network;
pub mod persistence;
pub mod server;

use super::param::Table;

/// The most that a C `int` holds: the bound of many of Redis's parameters.
const INT_MAX: i64 = i32::MAX as i64;

/// The most that a C `unsigned int` holds.
const UINT_MAX: u64 = u32::MAX as u64;

/// The bound of memory parameters that are signed in Redis.
const SIGNED_MAX: u64 = i64::MAX as u64;

/// All tables, each beginning where the one before it ends.
pub(super) const ALL: &[Table] = &[
    network::TABLE,
    clients::TABLE,
    server::TABLE,
    memory::TABLE,
    collections::TABLE,
    persistence::TABLE,
    logging::TABLE,
    later::TABLE,
];
