//! Parameters of clients: how many, how large, who may, and what they are told.

use super::{INT_MAX, SIGNED_MAX, UINT_MAX};
use crate::config::Param;
use crate::config::lists::{EVENTS, OUTPUT_LIMITS};
use crate::config::param::MB;

/// Who may use a command that is off by default.
pub const ACCESS: &[(&str, i64)] = &[("no", NOBODY), ("yes", EVERYBODY), ("local", LOCAL_ONLY)];
/// `no` in [`ACCESS`].
pub const NOBODY: i64 = 0;
/// `yes` in [`ACCESS`].
pub const EVERYBODY: i64 = 1;
/// `local` in [`ACCESS`]: connections from this machine.
pub const LOCAL_ONLY: i64 = 2;

/// Values of `acl-pubsub-default`.
const PUBSUB_DEFAULTS: &[(&str, i64)] = &[("allchannels", 1), ("resetchannels", 0)];

crate::params! {
    "Clients", after super::network::END;

    /// Disconnect a client that has been idle for this many seconds; 0 never does.
    TIMEOUT = Param::int("timeout", "0", 0, INT_MAX);
    /// How many clients may be connected at a time.
    MAXCLIENTS = Param::unsigned("maxclients", "10000", 1, UINT_MAX);
    /// The longest request, in bytes as it is sent.
    CLIENT_QUERY_BUFFER_LIMIT =
        Param::memory("client-query-buffer-limit", "1gb", MB, u64::MAX);
    /// The longest argument of a command, which is also the longest string.
    PROTO_MAX_BULK_LEN = Param::memory("proto-max-bulk-len", "512mb", MB, SIGNED_MAX);
    /// How much output may wait for a client before it is disconnected: for `normal` clients,
    /// `replica`s and `pubsub` subscribers each a hard limit, a soft limit, and the seconds the
    /// latter has to be exceeded. 0 is no limit.
    CLIENT_OUTPUT_BUFFER_LIMIT = Param::list(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
        &OUTPUT_LIMITS
    );
    /// The memory that all clients may take together, or a percentage of `maxmemory`; beyond it the
    /// largest are disconnected. 0 is no limit.
    MAXMEMORY_CLIENTS = Param::memory_or_percent("maxmemory-clients", "0");
    /// How many keys clients may track before the server makes room by invalidating some; 0 is no
    /// limit.
    TRACKING_TABLE_MAX_KEYS =
        Param::unsigned("tracking-table-max-keys", "1000000", 0, u64::MAX);
    /// The events that are published about keys: `K` to channels of keys, `E` to channels of
    /// events, and any of `g` (generic commands), `$` (strings), `l` (lists), `s` (sets), `h`
    /// (hashes), `z` (sorted sets), `t` (streams), `a` (arrays), `d` (modules), `x` (expired), `e`
    /// (evicted), `m` (misses), `n` (new), `o` (overwritten) and `c` (type changed); `A` is all
    /// but `m`, `n`, `o` and `c`.
    NOTIFY_KEYSPACE_EVENTS = Param::list("notify-keyspace-events", "", &EVENTS);

    /// The password of the user `default`; nothing for none.
    REQUIREPASS = Param::text("requirepass", "").sensitive();
    /// The file with users and their rules; nothing for users in the configuration file.
    ACLFILE = Param::text("aclfile", "").immutable().later();
    /// How many refusals ACL LOG remembers.
    ACLLOG_MAX_LEN = Param::unsigned("acllog-max-len", "128", 0, SIGNED_MAX).later();
    /// Whether new users may use all channels.
    ACL_PUBSUB_DEFAULT = Param::choice("acl-pubsub-default", "resetchannels", PUBSUB_DEFAULTS).later();
    /// Who may use DEBUG: nobody, everybody, or connections from this machine.
    ENABLE_DEBUG_COMMAND = Param::choice("enable-debug-command", "no", ACCESS).immutable();
    /// Who may use MODULE.
    ENABLE_MODULE_COMMAND = Param::choice("enable-module-command", "no", ACCESS).immutable().later();
    /// Who may set protected parameters with CONFIG SET.
    ENABLE_PROTECTED_CONFIGS = Param::choice("enable-protected-configs", "no", ACCESS).immutable();
}
