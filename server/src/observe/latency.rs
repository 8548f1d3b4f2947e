//! Latency events: what took longer than `latency-monitor-threshold`, by kind of event.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Samples that are kept of each event.
const SAMPLES: usize = 160;

/// The samples of one event, at most one a second.
#[derive(Clone, Default)]
pub struct Event {
    /// When (Unix seconds) and how long (milliseconds), the earliest first.
    pub samples: VecDeque<(i64, u64)>,
    /// The longest ever, in milliseconds.
    pub max: u64,
}

impl Event {
    fn add(&mut self, millis: u64, now: i64) {
        self.max = self.max.max(millis);
        match self.samples.back_mut() {
            Some((at, longest)) if *at == now => *longest = millis.max(*longest),
            _ => {
                if self.samples.len() == SAMPLES {
                    self.samples.pop_front();
                }
                self.samples.push_back((now, millis));
            }
        }
    }

    /// The mean of the samples that are kept, in milliseconds.
    pub fn mean(&self) -> u64 {
        let sum: u64 = self.samples.iter().map(|(_, millis)| millis).sum();
        sum.checked_div(self.samples.len() as u64).unwrap_or(0)
    }
}

/// LATENCY's memory.
#[derive(Default)]
pub struct LatencyMonitor {
    threshold: AtomicU64,
    events: Mutex<BTreeMap<&'static str, Event>>,
}

impl LatencyMonitor {
    /// `latency-monitor-threshold` in milliseconds, 0 for off.
    pub fn threshold(&self) -> u64 {
        self.threshold.load(Ordering::Relaxed)
    }

    /// Sets the threshold.
    pub fn set_threshold(&self, millis: u64) {
        self.threshold.store(millis, Ordering::Relaxed);
    }

    /// Remembers an event, if it took long enough. `now` is in Unix seconds.
    pub fn add(&self, event: &'static str, millis: u64, now: i64) {
        let threshold = self.threshold();
        if threshold != 0 && millis >= threshold {
            self.lock().entry(event).or_default().add(millis, now);
        }
    }

    /// All events.
    pub fn all(&self) -> Vec<(&'static str, Event)> {
        self.lock().iter().map(|(name, event)| (*name, event.clone())).collect()
    }

    /// One event.
    pub fn event(&self, name: &[u8]) -> Option<(&'static str, Event)> {
        let events = self.lock();
        let found = events.iter().find(|(known, _)| known.as_bytes() == name);
        found.map(|(name, event)| (*name, event.clone()))
    }

    /// Forgets these events, or all if none are named. Returns how many were forgotten.
    pub fn reset(&self, names: &[&[u8]]) -> usize {
        let mut events = self.lock();
        let before = events.len();
        events.retain(|name, _| !names.is_empty() && !names.contains(&name.as_bytes()));
        before - events.len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Event>> {
        self.events.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Rows of a graph.
const ROWS: u64 = 4;
/// Columns of a graph.
const COLUMNS: usize = 80;

/// An event as a graph of text: a column a sample, how long ago it was written below.
pub fn graph(name: &str, event: &Event, now: i64) -> String {
    let skip = event.samples.len().saturating_sub(COLUMNS);
    let shown: Vec<(i64, u64)> = event.samples.iter().skip(skip).copied().collect();
    let high = shown.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let low = shown.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let mut out =
        format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", event.max);
    out.push_str(&"-".repeat(COLUMNS));
    out.push('\n');
    // Each row is worth two steps: half a step is '_', a whole one '#' at the top and '|' below.
    let steps = |ms: u64| 1 + (ms - low) * (2 * ROWS - 1) / (high - low).max(1);
    for row in (0..ROWS).rev() {
        let column = |(_, ms): &(i64, u64)| match steps(*ms).saturating_sub(row * 2) {
            0 => ' ',
            1 => '_',
            2 => '#',
            _ => '|',
        };
        let line: String = shown.iter().map(column).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let ages: Vec<String> = shown.iter().map(|(at, _)| age(now - at)).collect();
    let height = ages.iter().map(String::len).max().unwrap_or(0);
    out.push('\n');
    for row in 0..height {
        let line: String = ages.iter().map(|age| age.chars().nth(row).unwrap_or(' ')).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A time span in its largest unit.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ ..60 => format!("{s}s"),
        s @ ..3600 => format!("{}m", s / 60),
        s @ ..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// Advice on all events, for people.
pub fn doctor(monitor: &LatencyMonitor) -> String {
    if monitor.threshold() == 0 {
        return "Latency monitoring is off: 'CONFIG SET latency-monitor-threshold <milliseconds>' \
                turns it on.\n"
            .into();
    }
    let events = monitor.all();
    if events.is_empty() {
        return "No latency event has been seen since the start or the last LATENCY RESET.\n"
            .into();
    }
    let mut out = String::from("Latency events, most recent samples:\n\n");
    for (at, (name, event)) in events.iter().enumerate() {
        let _ = writeln!(
            out,
            "{}. {name}: {} samples, mean {} ms, worst ever {} ms.",
            at + 1,
            event.samples.len(),
            event.mean(),
            event.max
        );
    }
    out.push_str("\nAdvice:\n\n");
    for (name, _) in &events {
        let _ = writeln!(out, "- {}", advice(name));
    }
    out
}

fn advice(event: &str) -> &'static str {
    match event {
        "command" => "SLOWLOG GET shows which commands were slow; see whether they can do less.",
        "fast-command" => {
            "Commands that take constant time were slow: look for a machine that is out of memory \
             or of processors, and at THP and swap."
        }
        "expire-cycle" => "Many keys expire at a time: spread their times.",
        _ => "Look at what else the machine does at those times.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_the_longest() {
        let monitor = LatencyMonitor::default();
        monitor.add("command", 500, 1);
        assert!(monitor.all().is_empty(), "the threshold is off");
        monitor.set_threshold(100);
        for (millis, now) in [(99, 1), (100, 1), (300, 1), (200, 1), (150, 2)] {
            monitor.add("command", millis, now);
        }
        let (_, event) = monitor.event(b"command").unwrap();
        assert_eq!(event.samples, [(1, 300), (2, 150)]);
        assert_eq!((event.max, event.mean()), (300, 225));
        assert_eq!(monitor.reset(&[b"other"]), 0);
        assert_eq!(monitor.reset(&[]), 1);
    }

    #[test]
    fn old_samples_go() {
        let mut event = Event::default();
        (0..200).for_each(|now| event.add(5, now));
        assert_eq!(event.samples.len(), SAMPLES);
        assert_eq!(event.samples.front(), Some(&(40, 5)));
    }

    #[test]
    fn a_graph_has_a_column_for_each_sample() {
        let mut event = Event::default();
        [(1, 100), (2, 500), (90, 300)].into_iter().for_each(|(at, ms)| event.add(ms, at));
        let graph = graph("command", &event, 92);
        assert!(graph.starts_with("command - high 500 ms, low 100 ms (all time high 500 ms)\n"));
        assert!(graph.ends_with("112\nmms\n"));
    }
}
