//! How many I/O threads serve connections: as many as there are processors to be had.
//!
//! Threads that wait for a processor are worse than fewer ones that run: each finds fewer events
//! when it gets there, so that more system calls serve the same commands, and switching between
//! them costs as well. Where a load generator on the same machine of two processors kept one of
//! them busy, commands sent one at a time took 1.2 times the CPU on two threads of what they took
//! on one, and fewer were answered.
//!
//! So the first thread looks every [`WINDOW`] at how long all of them ran and how long they waited
//! for a processor (`/proc/…/schedstat`), and moves a mark: connections gather on the threads below
//! it. Each connection has a thread of its own to which its letters go ([`Balance::seat`] names the
//! one that serves it now); it moves when it has nothing to do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Time over which threads are watched before the mark moves.
const WINDOW: Duration = Duration::from_millis(100);

/// Windows that the next try to use more threads waits after one that failed, doubled each time.
const REST_FIRST: u32 = 10;

/// The most of them: about a minute.
const REST_MAX: u32 = 600;

/// Windows within which a change shows what it was good for.
const TRIAL: u32 = 3;

/// Nanoseconds of one tick of the processors' clocks in `/proc/stat` (`USER_HZ` is 100 wherever
/// Linux runs).
const TICK_NANOS: u64 = 10_000_000;

/// Where connections are served.
pub struct Balance {
    threads: usize,
    active: AtomicUsize,
    /// `schedstat` of each thread, opened by itself.
    clocks: Mutex<Vec<Option<File>>>,
}

impl Balance {
    /// All of `threads` threads are in use.
    pub fn new(threads: usize) -> Self {
        let clocks = Mutex::new((0..threads).map(|_| None).collect());
        Self { threads, active: AtomicUsize::new(threads), clocks }
    }

    /// The thread that serves connections of thread `home` at the moment.
    #[inline]
    pub fn seat(&self, home: usize) -> usize {
        let active = self.active.load(Ordering::Relaxed);
        if home < active { home } else { home % active }
    }

    /// How many threads serve connections.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Has connections served on the first `active` threads, of those there are.
    pub fn set_active(&self, active: usize) {
        self.active.store(active.clamp(1, self.threads), Ordering::Relaxed);
    }

    /// To be called on I/O thread `number`, so that its time can be watched.
    pub fn watch_this(&self, number: usize) {
        // Where there is no such file, all threads stay in use.
        let clock = File::open("/proc/thread-self/schedstat").ok();
        let mut clocks = self.clocks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(slot) = clocks.get_mut(number) {
            *slot = clock;
        }
    }

    /// Nanoseconds that all threads have run, and that they have waited for a processor.
    fn clocks(&self) -> Option<Times> {
        let clocks = self.clocks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        clocks.iter().try_fold(Times::default(), |sum, clock| {
            let (ran, waited) = schedstat(clock.as_ref()?)?;
            Some(Times { ran: sum.ran + ran, waited: sum.waited + waited, ..sum })
        })
    }
}

/// Reads how long a thread has run and has waited, in nanoseconds.
fn schedstat(file: &File) -> Option<(u64, u64)> {
    let mut buffer = [0; 128];
    let n = file.read_at(&mut buffer, 0).ok()?;
    let text = std::str::from_utf8(&buffer[..n]).ok()?;
    let mut figures = text.split_ascii_whitespace().map(|word| word.parse().ok());
    Some((figures.next()??, figures.next()??))
}

/// Nanoseconds that all processors have been idle: the fourth and fifth figure of the first line
/// of `/proc/stat`, idle and waiting for a disk.
fn idle() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let mut figures = text.lines().next()?.split_ascii_whitespace().skip(4);
    let mut next = || figures.next()?.parse::<u64>().ok();
    Some((next()? + next()?) * TICK_NANOS)
}

/// Times that only grow, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// I/O threads ran.
    ran: u64,
    /// They waited for a processor.
    waited: u64,
    /// Processors were idle.
    idle: u64,
}

/// What one window showed, times in processors: 1.0 is one processor's whole time.
#[derive(Clone, Copy, Debug)]
struct Window {
    ran: f64,
    waited: f64,
    idle: f64,
}

/// The first thread's part: it watches and moves the mark.
#[derive(Default)]
pub struct Balancer {
    last: Option<(Instant, Times)>,
    rule: Rule,
}

impl Balancer {
    /// To be called often.
    pub fn tick(&mut self, balance: &Balance) {
        let now = Instant::now();
        if balance.threads < 2 || self.last.is_some_and(|(at, _)| now - at < WINDOW) {
            return;
        }
        let Some(times) = balance.clocks().zip(idle()) else { return };
        let times = Times { idle: times.1, ..times.0 };
        if let Some((at, last)) = self.last.replace((now, times)) {
            let nanos = (now - at).as_nanos() as f64;
            let share = |new: u64, old: u64| new.saturating_sub(old) as f64 / nanos;
            let window = Window {
                ran: share(times.ran, last.ran),
                waited: share(times.waited, last.waited),
                idle: share(times.idle, last.idle),
            };
            balance.set_active(self.rule.next(balance.active(), balance.threads, window));
        }
    }
}

/// A change whose use is still to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trial {
    /// A thread less. How long all ran before it.
    Fewer(f64),
    /// A thread more.
    More,
}

/// When the mark moves.
#[derive(Debug, Default)]
struct Rule {
    trial: Option<Trial>,
    /// Windows since the last change.
    since: u32,
    /// Windows for which the mark does not move again.
    rest: u32,
    /// What `rest` was last, doubled with each change that was for nothing.
    last_rest: u32,
}

impl Rule {
    /// How many of `most` threads to use after a window with `active` of them.
    fn next(&mut self, active: usize, most: usize, window: Window) -> usize {
        self.since = self.since.saturating_add(1);
        self.rest = self.rest.saturating_sub(1);
        if let Some(Trial::Fewer(before)) = self.trial
            && self.since >= TRIAL
        {
            self.trial = None;
            if lost_time(active, before, window) && active < most {
                self.pause();
                return active + 1;
            }
        }
        if wants_fewer(active, window) {
            match self.trial {
                Some(Trial::More) => self.pause(),
                _ if self.rest > 0 => return active,
                _ => {}
            }
            self.begin(Trial::Fewer(window.ran));
            return active - 1;
        }
        if self.trial == Some(Trial::More) && self.since >= TRIAL {
            (self.trial, self.last_rest) = (None, 0);
        }
        if active < most && self.rest == 0 && wants_more(active, window) {
            self.begin(Trial::More);
            return active + 1;
        }
        active
    }

    fn begin(&mut self, trial: Trial) {
        (self.trial, self.since) = (Some(trial), 0);
    }

    fn pause(&mut self) {
        self.last_rest = (self.last_rest * 2).clamp(REST_FIRST, REST_MAX);
        (self.rest, self.since) = (self.last_rest, 0);
    }
}

/// Whether a thread less would have run as long: they waited for processors, and what they got is
/// no more than the others could have had.
fn wants_fewer(active: usize, window: Window) -> bool {
    let short = window.waited > 0.2 * (window.ran + window.waited);
    active > 1 && window.ran > 0.2 && short && window.ran < (active - 1) as f64 + 0.3
}

/// Whether threads run less than they did with one more, although they always want to: others
/// compete for the processors, and more threads have a larger share.
fn lost_time(active: usize, before: f64, window: Window) -> bool {
    window.ran + window.waited > 0.9 * active as f64 && window.ran < 0.9 * before
}

/// Whether a thread more would find something to do and a processor to do it on.
fn wants_more(active: usize, window: Window) -> bool {
    window.ran > 0.9 * active as f64 && window.idle > 0.25
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(ran: f64, waited: f64, idle: f64) -> Window {
        Window { ran, waited, idle }
    }

    #[test]
    fn threads_that_wait_for_processors_become_fewer() {
        let mut rule = Rule::default();
        assert_eq!(rule.next(2, 2, window(1.05, 0.8, 0.0)), 1);
        for _ in 0..1000 {
            assert_eq!(rule.next(1, 2, window(1.0, 0.05, 0.1)), 1, "no processor is idle");
        }
        assert_eq!(rule.next(1, 2, window(0.97, 0.0, 0.6)), 2);
    }

    #[test]
    fn two_processors_worth_of_work_keep_two_threads() {
        let mut rule = Rule::default();
        for _ in 0..100 {
            assert_eq!(rule.next(2, 2, window(1.6, 0.5, 0.0)), 2);
            assert_eq!(rule.next(2, 2, window(0.1, 0.1, 1.7)), 2, "hardly any load");
            assert_eq!(rule.next(2, 2, window(0.9, 0.1, 0.9)), 2, "little waiting");
        }
    }

    #[test]
    fn a_change_that_costs_time_is_undone() {
        let mut rule = Rule::default();
        assert_eq!(rule.next(2, 2, window(1.0, 1.0, 0.0)), 1);
        let slower = window(0.6, 0.4, 0.0);
        let mut active = 1;
        for _ in 0..TRIAL {
            assert_eq!(active, 1);
            active = rule.next(active, 2, slower);
        }
        assert_eq!(active, 2);
        for _ in 1..REST_FIRST {
            assert_eq!(rule.next(2, 2, window(1.0, 1.0, 0.0)), 2, "it rests");
        }
        assert_eq!(rule.next(2, 2, window(1.0, 1.0, 0.0)), 1);
    }

    #[test]
    fn less_to_do_is_no_loss() {
        let mut rule = Rule::default();
        assert_eq!(rule.next(2, 2, window(1.0, 1.0, 0.0)), 1);
        for _ in 0..10 {
            assert_eq!(rule.next(1, 2, window(0.4, 0.1, 1.0)), 1);
        }
        assert_eq!(rule.next(1, 2, window(0.95, 0.0, 0.6)), 2, "it does not rest");
    }

    #[test]
    fn a_thread_more_that_only_waits_is_tried_less_and_less_often() {
        let mut rule = Rule::default();
        let (alone, both) = (window(1.0, 0.0, 0.5), window(1.0, 1.0, 0.0));
        let mut active = 2;
        let mut tries = 0;
        for _ in 0..2000 {
            let next = rule.next(active, 2, if active == 2 { both } else { alone });
            tries += usize::from(next > active);
            active = next;
        }
        assert!((2..=10).contains(&tries), "{tries} tries");
    }

    #[test]
    fn connections_of_threads_above_the_mark_spread_over_those_below() {
        let balance = Balance::new(4);
        assert_eq!((0..4).map(|home| balance.seat(home)).collect::<Vec<_>>(), [0, 1, 2, 3]);
        balance.set_active(3);
        assert_eq!((0..4).map(|home| balance.seat(home)).collect::<Vec<_>>(), [0, 1, 2, 0]);
        balance.set_active(0);
        assert_eq!((0..4).map(|home| balance.seat(home)).collect::<Vec<_>>(), [0; 4]);
        balance.set_active(9);
        assert_eq!(balance.active(), 4);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_clocks_of_a_thread_that_works_go_on() {
        let balance = Balance::new(1);
        assert!(balance.clocks().is_none(), "nobody has opened them");
        balance.watch_this(0);
        let before = balance.clocks().expect("schedstat");
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(30) {
            std::hint::black_box(began);
        }
        // The kernel brings them up to date when a thread stops running or ticks.
        std::thread::sleep(Duration::from_millis(5));
        let after = balance.clocks().expect("schedstat");
        assert!(after.ran > before.ran && after.waited >= before.waited);
        assert!(idle().is_some());
    }
}
