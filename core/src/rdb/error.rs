//! What can be wrong with an RDB file or payload.

use super::kind;

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

impl RdbError {
    /// A type byte that nothing is known of.
    pub(crate) fn unknown_kind(kind: u8) -> Self {
        let newest = kind::HASH_TEMPLATE_ARRAY_REF;
        Self::Unsupported(format!(
            "Unknown RDB encoding type {kind}: a newer server wrote it, {newest} is the newest known"
        ))
    }

    /// This error, which says that it is of a value of this type if something is damaged.
    pub fn of_value(self, kind: u8) -> Self {
        match self {
            Self::Corrupt { what, offset } => {
                let what = format!("{} integrity check failed: {what}", kind::describe(kind));
                Self::Corrupt { what, offset }
            }
            other => other,
        }
    }
}
