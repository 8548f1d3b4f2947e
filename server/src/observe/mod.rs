//! Those who look on: the slow log, latency events and MONITOR.
//!
//! The engine asks for all of them with one comparison a command
//! ([`Tuning::observe_above`](cairn_core::tuning::Tuning::observe_above)): the threshold here is
//! the lowest of theirs. The commands that show what they gathered are in [`crate::commands`].

pub mod hotkeys;
pub mod latency;
pub mod monitor;
mod redact;
pub mod slowlog;

use std::sync::atomic::{AtomicI64, Ordering};

use cairn_core::command::Flags;
use cairn_core::config::Config;
use cairn_core::config::table::logging;
use cairn_core::session::Session;
use cairn_core::{Moment, Observed, clock};

use crate::client::Client;
use crate::server::Server;
use hotkeys::HotKeys;
use latency::LatencyMonitor;
use monitor::Monitors;
use slowlog::SlowLog;

/// All who look on.
pub struct Observers {
    /// SLOWLOG.
    pub slowlog: SlowLog,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// MONITOR.
    pub monitors: Monitors,
    /// HOTKEYS.
    pub hotkeys: HotKeys,
    /// `slowlog-log-slower-than`, in microseconds; negative for never.
    slower_than: AtomicI64,
}

impl Default for Observers {
    fn default() -> Self {
        Self {
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            monitors: Monitors::default(),
            hotkeys: HotKeys::default(),
            slower_than: AtomicI64::new(-1),
        }
    }
}

/// The parameters that [`Observers::follow`] reads.
pub const PARAMETERS: [cairn_core::config::Id; 5] = [
    logging::SLOWLOG_LOG_SLOWER_THAN,
    logging::SLOWLOG_MAX_LEN,
    logging::SLOWLOG_ENTRY_MAX_ARGC,
    logging::SLOWLOG_ENTRY_MAX_STRING_LEN,
    logging::LATENCY_MONITOR_THRESHOLD,
];

impl Observers {
    /// Takes over the configuration's values.
    pub fn follow(&self, config: &Config) {
        self.slower_than.store(config.int(logging::SLOWLOG_LOG_SLOWER_THAN), Ordering::Relaxed);
        self.slowlog.follow(config);
        self.latency.set_threshold(config.unsigned(logging::LATENCY_MONITOR_THRESHOLD));
    }

    /// The nanoseconds from which somebody wants to know of a command.
    pub fn threshold(&self) -> u64 {
        if self.monitors.any() || self.hotkeys.is_on() {
            return 0;
        }
        let slow = match self.slower_than.load(Ordering::Relaxed) {
            micros @ 0.. => micros.unsigned_abs().saturating_mul(1000),
            _ => u64::MAX,
        };
        let latency = match self.latency.threshold() {
            0 => u64::MAX,
            millis => millis.saturating_mul(1_000_000),
        };
        slow.min(latency)
    }

    /// Tells everybody whom it concerns of a command.
    pub fn observe(&self, server: &Server, session: &Session, seen: &Observed<'_>) {
        if seen.moment != Moment::Unblocked && self.monitors.any() {
            self.monitors.tell(server, session, seen);
        }
        if seen.moment == Moment::Blocked {
            return;
        }
        self.hotkeys.count(seen);
        let micros = (seen.nanos / 1000) as i64;
        let slower_than = self.slower_than.load(Ordering::Relaxed);
        let flags = seen.command.spec.flags;
        if slower_than >= 0 && micros >= slower_than && !flags.has(Flags::SKIP_SLOWLOG) {
            let client = client_of(server, session);
            self.slowlog.add(server.config(), seen, client.as_deref());
        }
        let event = if flags.has(Flags::FAST) { "fast-command" } else { "command" };
        self.latency.add(event, seen.nanos / 1_000_000, clock::now_millis() / 1000);
    }
}

/// The connection of a session; the session of a command that was served has only its number.
fn client_of(server: &Server, session: &Session) -> Option<std::sync::Arc<Client>> {
    Client::of(session).cloned().or_else(|| server.clients().get(&session.id).cloned())
}
