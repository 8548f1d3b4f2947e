//! The server's log: lines in Redis's form, to standard output or a file.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// For developers.
    Debug,
    /// Rarely useful.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// What an operator has to know.
    Warning,
    /// Nothing is logged.
    Nothing,
}

/// The log.
pub struct Log {
    level: AtomicU8,
    file: Mutex<Option<PathBuf>>,
}

impl Log {
    /// A log to standard output.
    pub fn new(level: Level) -> Self {
        Self { level: AtomicU8::new(level as u8), file: Mutex::new(None) }
    }

    /// Chooses which lines are written.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// Chooses where lines go; `None` is standard output.
    pub fn set_file(&self, file: Option<PathBuf>) {
        *self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = file;
    }

    /// Writes a line of level notice.
    pub fn notice(&self, text: &str) {
        self.write(Level::Notice, text);
    }

    /// Writes a line of level warning.
    pub fn warning(&self, text: &str) {
        self.write(Level::Warning, text);
    }

    /// Writes a line if its level is high enough.
    pub fn write(&self, level: Level, text: &str) {
        if (level as u8) < self.level.load(Ordering::Relaxed) {
            return;
        }
        let mark = ['.', '-', '*', '#', ' '][level as usize];
        let line = format!("{}:M {} {mark} {text}\n", std::process::id(), timestamp());
        let file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A log that cannot be written must not stop the server.
        let _ = match &*file {
            None => std::io::stdout().write_all(line.as_bytes()),
            Some(path) => std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .and_then(|mut f| f.write_all(line.as_bytes())),
        };
    }
}

/// The time as `23 Nov 2026 05:33:57.123`, UTC.
fn timestamp() -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let millis = cairn_core::clock::now_millis();
    let (days, ms) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let month = MONTHS[month as usize - 1];
    format!("{day:02} {month} {year} {h:02}:{m:02}:{s:02}.{:03}", ms % 1000)
}

/// Year, month and day of a number of days since 1970-01-01 (Hinnant, "chrono-compatible
/// low-level date algorithms", `civil_from_days`).
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
    }
}
