//! What can be wrong with an RDB file or payload.

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RdbError {
    /// The bytes are not what the format asks for.
    #[error("{what} at offset {offset}")]
    Corrupt {
        /// What is wrong.
        what: String,
        /// Where, in bytes from the beginning of the file or payload.
        offset: u64,
    },
    /// It ends too early.
    #[error("unexpected end at offset {offset}")]
    Truncated {
        /// Where it ends.
        offset: u64,
    },
    /// It is well formed but nothing here can hold it, for example a value of an unknown module.
    #[error("{0}")]
    Unsupported(String),
    /// The version to be written cannot express a value.
    #[error("{what} needs at least rdb-version {needs}")]
    Version {
        /// What it is.
        what: &'static str,
        /// The oldest version that can express it.
        needs: u16,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
