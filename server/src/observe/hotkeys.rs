//! HOTKEYS: which keys take most of the time and of the network, during a run of sampling.
//!
//! The heaviest keys are found with Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient
//! Computation of Frequent and Top-k Elements in Data Streams", 2005): a bounded set of counters,
//! the smallest of which a key that has none takes over, with its count.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use cairn_core::command::keys;
use cairn_core::{Observed, clock};

/// Counters for each key that is reported: what keeps the error small.
const COUNTERS_PER_KEY: usize = 8;

/// What HOTKEYS START asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// By processor time.
    pub cpu: bool,
    /// By bytes on the network.
    pub net: bool,
    /// How many keys are reported.
    pub count: usize,
    /// Milliseconds after which it stops by itself.
    pub duration: Option<u64>,
    /// One key in so many is looked at.
    pub sample: u64,
}

/// A bounded set of counters.
#[derive(Clone, Default)]
struct Heaviest {
    counts: HashMap<Box<[u8]>, u64>,
    room: usize,
}

impl Heaviest {
    fn add(&mut self, key: &[u8], weight: u64) {
        if let Some(count) = self.counts.get_mut(key) {
            *count += weight;
            return;
        }
        let mut from = 0;
        if self.counts.len() >= self.room {
            let least = self.counts.iter().min_by_key(|(_, count)| **count);
            if let Some((least, count)) = least.map(|(key, count)| (key.clone(), *count)) {
                self.counts.remove(&least);
                from = count;
            }
        }
        self.counts.insert(key.into(), from + weight);
    }

    fn top(&self, count: usize) -> Vec<(Box<[u8]>, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(key, n)| (key.clone(), *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }
}

/// A run, going on or over.
#[derive(Clone)]
pub struct Run {
    /// What was asked for.
    pub options: Options,
    /// When it began, in Unix milliseconds.
    pub began: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// Nanoseconds of all commands.
    pub nanos: u64,
    /// Bytes of all commands and replies.
    pub bytes: u64,
    /// User and system time of the process when it began, later during it, in milliseconds.
    pub cpu: (u64, u64),
    by_time: Heaviest,
    by_bytes: Heaviest,
}

impl Run {
    /// The keys that took most time, in microseconds.
    pub fn by_time(&self) -> Vec<(Box<[u8]>, u64)> {
        let mut top = self.by_time.top(self.options.count);
        top.iter_mut().for_each(|(_, nanos)| *nanos /= 1000);
        top
    }

    /// The keys that took most bytes.
    pub fn by_bytes(&self) -> Vec<(Box<[u8]>, u64)> {
        self.by_bytes.top(self.options.count)
    }

    fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    fn end(&mut self, now: i64) {
        let (user, system) = crate::memory::cpu_millis();
        self.ended = Some(now);
        self.cpu = (user.saturating_sub(self.cpu.0), system.saturating_sub(self.cpu.1));
    }
}

/// HOTKEYS' memory.
#[derive(Default)]
pub struct HotKeys {
    on: AtomicBool,
    run: Mutex<Option<Run>>,
}

impl HotKeys {
    /// Whether a run is going on.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Begins a run; false when one is going on.
    pub fn start(&self, options: Options) -> bool {
        let mut run = self.lock();
        if run.as_ref().is_some_and(|run| !run.is_over()) {
            return false;
        }
        let room = options.count * COUNTERS_PER_KEY;
        let counters = Heaviest { counts: HashMap::new(), room };
        *run = Some(Run {
            options,
            began: clock::now_millis(),
            ended: None,
            nanos: 0,
            bytes: 0,
            cpu: crate::memory::cpu_millis(),
            by_time: counters.clone(),
            by_bytes: counters,
        });
        self.on.store(true, Ordering::SeqCst);
        true
    }

    /// Ends a run; false when none is going on.
    pub fn stop(&self) -> bool {
        let mut run = self.lock();
        let Some(run) = run.as_mut().filter(|run| !run.is_over()) else { return false };
        run.end(clock::now_millis());
        self.on.store(false, Ordering::SeqCst);
        true
    }

    /// Ends a run whose time is up; true when it did.
    pub fn tick(&self) -> bool {
        if !self.is_on() {
            return false;
        }
        let up = self.lock().as_ref().is_some_and(|run| {
            let age = (clock::now_millis() - run.began).unsigned_abs();
            run.options.duration.is_some_and(|duration| age >= duration)
        });
        up && self.stop()
    }

    /// Forgets the last run; false while one is going on.
    pub fn reset(&self) -> bool {
        let mut run = self.lock();
        let over = run.as_ref().is_none_or(Run::is_over);
        if over {
            *run = None;
        }
        over
    }

    /// The last run, as it stands.
    pub fn run(&self) -> Option<Run> {
        let mut run = self.lock().clone()?;
        if !run.is_over() {
            let (user, system) = crate::memory::cpu_millis();
            run.cpu = (user.saturating_sub(run.cpu.0), system.saturating_sub(run.cpu.1));
        }
        Some(run)
    }

    /// Counts a command.
    #[inline]
    pub fn count(&self, seen: &Observed<'_>) {
        if self.is_on() {
            self.count_keys(seen);
        }
    }

    #[cold]
    fn count_keys(&self, seen: &Observed<'_>) {
        let mut at = Vec::new();
        keys::positions(seen.command.spec, seen.args, &mut at);
        let words: Vec<&[u8]> = at.into_iter().filter_map(|i| seen.args.get(i)).copied().collect();
        let sent: usize = seen.args.iter().map(|word| word.len()).sum();
        let bytes = (sent + seen.replied) as u64;
        let mut run = self.lock();
        let Some(run) = run.as_mut().filter(|run| !run.is_over()) else { return };
        run.nanos += seen.nanos;
        run.bytes += bytes;
        let share = words.len() as u64;
        for key in words {
            if run.options.sample > 1
                && cairn_core::util::random::with(|r| r.next_u64()) % run.options.sample != 0
            {
                continue;
            }
            if run.options.cpu {
                run.by_time.add(key, seen.nanos / share);
            }
            if run.options.net {
                run.by_bytes.add(key, bytes / share);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_stay() {
        let mut counters = Heaviest { counts: HashMap::new(), room: 16 };
        for round in 0..1000u32 {
            counters.add(b"hot", 10);
            counters.add(b"warm", 5);
            counters.add(&round.to_le_bytes(), 1);
        }
        let top = counters.top(2);
        assert_eq!((&*top[0].0, top[0].1), (&b"hot"[..], 10_000));
        assert_eq!((&*top[1].0, top[1].1), (&b"warm"[..], 5_000));
        assert!(counters.counts.len() <= 16);
    }

    #[test]
    fn runs_begin_and_end_in_order() {
        let options = Options { cpu: true, net: false, count: 3, duration: None, sample: 1 };
        let hot = HotKeys::default();
        assert!(!hot.stop() && hot.reset() && hot.run().is_none());
        assert!(hot.start(options) && !hot.start(options) && !hot.reset());
        assert!(hot.stop() && !hot.is_on() && hot.run().is_some());
        assert!(hot.reset() && hot.run().is_none());
    }
}
