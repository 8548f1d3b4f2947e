//! Parameters of what the server tells about itself: its log, slow commands, latency.

use super::{SIGNED_MAX, UINT_MAX};
use crate::config::Param;
use crate::config::lists::PERCENTILES;

/// Values of `loglevel`, the most talkative first.
const LEVELS: &[(&str, i64)] =
    &[("debug", 0), ("verbose", 1), ("notice", 2), ("warning", 3), ("nothing", 4)];

crate::params! {
    "Logging", after super::persistence::END;

    /// How much is logged.
    LOGLEVEL = Param::choice("loglevel", "notice", LEVELS);
    /// The log's file; nothing for standard output.
    LOGFILE = Param::text("logfile", "").immutable();
    /// Whether a banner is logged even where nobody reads along.
    ALWAYS_SHOW_LOGO = Param::bool("always-show-logo", "no").immutable().later();
    /// Whether keys and values are kept out of the log.
    HIDE_USER_DATA_FROM_LOG = Param::bool("hide-user-data-from-log", "no").later();
    /// Whether a crash is logged with its circumstances.
    CRASH_LOG_ENABLED = Param::bool("crash-log-enabled", "yes");
    /// The microseconds from which a command is slow, and goes to SLOWLOG; -1 is never.
    SLOWLOG_LOG_SLOWER_THAN = Param::int("slowlog-log-slower-than", "10000", -1, i64::MAX);
    /// How many slow commands are remembered.
    SLOWLOG_MAX_LEN = Param::unsigned("slowlog-max-len", "128", 0, SIGNED_MAX);
    /// How many arguments of a slow command are remembered.
    SLOWLOG_ENTRY_MAX_ARGC = Param::unsigned("slowlog-entry-max-argc", "32", 2, UINT_MAX);
    /// How long an argument of a slow command may be to be remembered in full.
    SLOWLOG_ENTRY_MAX_STRING_LEN =
        Param::unsigned("slowlog-entry-max-string-len", "128", 1, UINT_MAX);
    /// The milliseconds from which an event goes to LATENCY; 0 is never.
    LATENCY_MONITOR_THRESHOLD = Param::int("latency-monitor-threshold", "0", 0, i64::MAX);
    /// Whether the time that each command takes is counted.
    LATENCY_TRACKING = Param::bool("latency-tracking", "yes");
    /// The percentiles that INFO gives of it.
    LATENCY_TRACKING_INFO_PERCENTILES =
        Param::list("latency-tracking-info-percentiles", "50 99 99.9", &PERCENTILES);
}
