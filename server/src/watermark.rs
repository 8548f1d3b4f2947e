//! How high memory has risen, and for how long it was above `maxmemory`.

use std::sync::{Mutex, MutexGuard};

use cairn_core::clock;

/// What was seen of the memory in use, whenever somebody looked: ten times a second, and for INFO.
pub struct Watermark(Mutex<Marks>);

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// The most that was allocated, in bytes.
    peak: usize,
    /// When that was, in Unix milliseconds.
    at: i64,
    /// Since when it has been above the limit, in Unix milliseconds.
    over_since: Option<i64>,
    /// For how many milliseconds it was before.
    over_before: i64,
}

impl Watermark {
    /// One that has seen `used` bytes.
    pub fn new(used: usize) -> Self {
        Self(Mutex::new(Marks { peak: used, at: clock::now_millis(), ..Marks::default() }))
    }

    /// Looks at `used` bytes, of which there may be `limit`; 0 is no limit.
    pub fn see(&self, used: usize, limit: u64) {
        let now = clock::now_millis();
        let mut marks = self.marks();
        if used > marks.peak {
            (marks.peak, marks.at) = (used, now);
        }
        let over = limit > 0 && used as u64 > limit;
        match marks.over_since {
            None if over => marks.over_since = Some(now),
            Some(since) if !over => {
                marks.over_before += (now - since).max(0);
                marks.over_since = None;
            }
            _ => {}
        }
    }

    /// The most bytes that were seen.
    pub fn peak(&self) -> usize {
        self.marks().peak
    }

    /// When those were seen, in Unix seconds.
    pub fn peak_time(&self) -> i64 {
        self.marks().at / 1000
    }

    /// For how many milliseconds there was more than the limit, in all and since it last became so.
    pub fn time_over(&self) -> (i64, i64) {
        let marks = self.marks();
        let current = marks.over_since.map_or(0, |since| (clock::now_millis() - since).max(0));
        (marks.over_before + current, current)
    }

    /// Begins anew with `used` bytes.
    pub fn reset(&self, used: usize) {
        let mut marks = self.marks();
        let over_since = marks.over_since.map(|_| clock::now_millis());
        *marks = Marks { peak: used, at: clock::now_millis(), over_since, over_before: 0 };
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_and_time_above_the_limit_adds_up() {
        let marks = Watermark::new(10);
        marks.see(30, 20);
        std::thread::sleep(std::time::Duration::from_millis(3));
        let (all, current) = marks.time_over();
        assert!(current >= 3 && all >= current);
        marks.see(5, 20);
        let (all, current) = marks.time_over();
        assert!(all >= 3 && current == 0);
        assert_eq!(marks.peak(), 30);
        marks.see(40, 0);
        assert_eq!((marks.peak(), marks.time_over()), (40, (all, 0)));
        marks.reset(7);
        assert_eq!((marks.peak(), marks.time_over()), (7, (0, 0)));
    }
}
