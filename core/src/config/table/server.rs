//! Parameters of the server as a whole: its databases, its clock, its process.

use super::INT_MAX;
use crate::config::{Param, Value};

/// Values of `supervised`.
const SUPERVISORS: &[(&str, i64)] = &[("upstart", 1), ("systemd", 2), ("auto", 3), ("no", 0)];

/// Values of `shutdown-on-sigint` and `shutdown-on-sigterm`.
const SHUTDOWN: &[(&str, i64)] = &[
    ("default", 0),
    ("save", SHUTDOWN_SAVE),
    ("nosave", SHUTDOWN_NOSAVE),
    ("now", SHUTDOWN_NOW),
    ("force", SHUTDOWN_FORCE),
];
/// Flag: save before the end, whether `save` says so or not.
pub const SHUTDOWN_SAVE: i64 = 1;
/// Flag: don't save.
pub const SHUTDOWN_NOSAVE: i64 = 2;
/// Flag: don't wait for replicas.
pub const SHUTDOWN_NOW: i64 = 4;
/// Flag: end even if saving fails.
pub const SHUTDOWN_FORCE: i64 = 8;

fn shutdown_flags(value: Value) -> Result<Value, String> {
    const BOTH: i64 = SHUTDOWN_SAVE | SHUTDOWN_NOSAVE;
    match value.number() & BOTH == BOTH {
        true => Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into()),
        false => Ok(value),
    }
}

/// Keeps `hz` within its bounds without a refusal, as Redis does.
fn frequency(value: Value) -> Result<Value, String> {
    Ok(Value::Number(value.number().clamp(1, 500)))
}

/// Variables of `proc-title-template`.
const TITLE_VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

fn title_template(value: Value) -> Result<Value, String> {
    let refused = || "template format is invalid or contains unknown variables".to_string();
    let text = std::str::from_utf8(value.text()).map_err(|_| refused())?;
    let mut variables = text.split('{');
    // What stands before the first variable.
    let first = variables.next().unwrap_or_default();
    let known =
        |rest: &str| rest.split_once('}').is_some_and(|(name, _)| TITLE_VARIABLES.contains(&name));
    match !text.is_empty() && !first.contains('}') && variables.all(known) {
        true => Ok(value),
        false => Err(refused()),
    }
}

crate::params! {
    "Server", after super::clients::END;

    /// How many databases there are. One takes no memory until it is used.
    DATABASES = Param::int("databases", "16", 1, INT_MAX).immutable();
    /// The modules that are loaded, of `search`, `json` and `timeseries`. Without one its commands
    /// do not exist, and it takes neither memory nor time.
    CAIRN_MODULES = Param::text("cairn-modules", "search json timeseries").immutable();
    /// How often background tasks run, in Hertz; kept between 1 and 500.
    HZ = Param::int("hz", "10", 0, INT_MAX).check(frequency);
    /// Whether background tasks run more often when many clients are connected.
    DYNAMIC_HZ = Param::bool("dynamic-hz", "yes").later();
    /// How hard to look for expired keys in the background, from 1 to 10.
    ACTIVE_EXPIRE_EFFORT = Param::int("active-expire-effort", "1", 1, 10);
    /// Whether tables are resized in the background too. They always move in bounded steps.
    ACTIVEREHASHING = Param::bool("activerehashing", "yes").later();
    /// The milliseconds after which a running script or slow command has others answered with
    /// `BUSY`; 0 never does.
    BUSY_REPLY_THRESHOLD =
        Param::int("busy-reply-threshold", "5000", 0, i64::MAX).alias("lua-time-limit").later();

    /// Whether to run in the background.
    DAEMONIZE = Param::bool("daemonize", "no").immutable();
    /// Who is told that the server is ready.
    SUPERVISED = Param::choice("supervised", "no", SUPERVISORS).immutable();
    /// The file for the process's number; nothing for none, but in the background
    /// `/var/run/redis.pid`.
    PIDFILE = Param::text("pidfile", "").immutable();
    /// Whether the process's title says what it does.
    SET_PROC_TITLE = Param::bool("set-proc-title", "yes").immutable();
    /// What the process's title says.
    PROC_TITLE_TEMPLATE =
        Param::text("proc-title-template", "{title} {listen-addr} {server-mode}")
            .check(title_template);
    /// What SIGINT does: any of `save`, `nosave`, `now` and `force`, or the `default`.
    SHUTDOWN_ON_SIGINT =
        Param::flags("shutdown-on-sigint", "default", SHUTDOWN).check(shutdown_flags);
    /// What SIGTERM does.
    SHUTDOWN_ON_SIGTERM =
        Param::flags("shutdown-on-sigterm", "default", SHUTDOWN).check(shutdown_flags);
    /// How many seconds the end waits for replicas.
    SHUTDOWN_TIMEOUT = Param::unsigned("shutdown-timeout", "10", 0, INT_MAX.unsigned_abs()).later();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_templates() {
        let check = |text: &str| title_template(Value::from(text.as_bytes())).is_ok();
        assert!(check("{title} {listen-addr}") && check("plain"));
        assert!(!check("{foo}") && !check("") && !check("{title") && !check("}{title}"));
    }
}
