//! Numbers, times and text as a person reads them.

use std::time::Duration;

use crate::log;

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with the unit that suits it.
pub fn duration(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// The day (UTC) of a time in milliseconds since 1970.
pub fn date(milliseconds: i64) -> String {
    let (year, month, day) = log::civil(milliseconds.div_euclid(DAY));
    format!("{year}-{month:02}-{day:02}")
}

/// At most `width` characters of one line; an ellipsis stands for the rest. Control characters,
/// which could move the cursor, become spaces.
pub fn shortened(text: &str, width: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= width {
        return text.chars().map(clean).collect();
    }
    let kept = width.saturating_sub(1);
    let mut short: String = text.chars().take(kept).map(clean).collect();
    short.truncate(short.trim_end().len());
    if width > 0 {
        short.push('…');
    }
    short
}
