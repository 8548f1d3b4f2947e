//! Why CONFIG SET refuses.

/// The reason, whose text is Redis's, to the letter; an error reply puts `ERR ` before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such parameter.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A value was refused, by its kind or by who is to act on it.
    #[error("CONFIG SET failed (possibly related to argument '{argument}') - {reason}")]
    Refused {
        /// The parameter's name as the client wrote it.
        argument: String,
        /// Why.
        reason: String,
    },
}
