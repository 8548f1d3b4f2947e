//! What can be wrong with a request before it is a command.

/// Why a connection's bytes can't be read any further. The connection is to be closed, after the
/// text of [`RequestError::reply`] was sent if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The count after `*` is no integer, or more than [`super::Limits::MAX_ARGS`].
    MultibulkLength,
    /// The length after `$` is no integer, negative, or more than `proto-max-bulk-len`.
    BulkLength,
    /// An argument began with this byte in place of `$`.
    ExpectedDollar(u8),
    /// More than 64 KiB after `*` without an end of line.
    LongMultibulkCount,
    /// More than 64 KiB after `$` without an end of line.
    LongBulkCount,
    /// More than 64 KiB of an inline request without an end of line.
    LongInline,
    /// An inline request's quotes don't match.
    UnbalancedQuotes,
    /// Too many arguments from a client that has yet to authenticate.
    UnauthenticatedMultibulkLength,
    /// Too long an argument from a client that has yet to authenticate.
    UnauthenticatedBulkLength,
    /// The request outgrew `client-query-buffer-limit`.
    QueryBufferLimit,
}

impl RequestError {
    /// The error reply's text, without its leading `-` and the end of line: Redis's, to the
    /// letter. `None` where Redis closes the connection without a word.
    pub fn reply(&self) -> Option<Vec<u8>> {
        let text = match self {
            Self::MultibulkLength => "invalid multibulk length",
            Self::BulkLength => "invalid bulk length",
            Self::ExpectedDollar(_) => "expected '$', got '",
            Self::LongMultibulkCount => "too big mbulk count string",
            Self::LongBulkCount => "too big bulk count string",
            Self::LongInline => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::QueryBufferLimit => return None,
        };
        let mut reply = format!("ERR Protocol error: {text}").into_bytes();
        if let Self::ExpectedDollar(got) = self {
            // An end of line would end the reply.
            let shown = if matches!(got, b'\r' | b'\n') { b' ' } else { *got };
            reply.extend_from_slice(&[shown, b'\'']);
        }
        Some(reply)
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reply() {
            Some(reply) => f.write_str(&String::from_utf8_lossy(&reply)),
            None => f.write_str("client-query-buffer-limit reached"),
        }
    }
}

impl std::error::Error for RequestError {}
