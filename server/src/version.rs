//! Versions and names that the server answers with.

/// The Redis version whose documented commands are complete here: clients choose their behaviour
/// by it.
pub const REDIS: &str = "7.4.0";

/// Cairn's own version.
pub const CAIRN: &str = env!("CARGO_PKG_VERSION");
