//! The slow log: the last commands that took longer than `slowlog-log-slower-than`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::config::Config;
use cairn_core::config::table::logging;
use cairn_core::{Observed, clock};

use super::redact::redacted;
use crate::client::Client;

/// A slow command.
pub struct Entry {
    /// Its number: they grow by one from 0 on, over resets too.
    pub id: u64,
    /// When it ended, in Unix seconds.
    pub at: i64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Its words, long ones and long lists of them cut.
    pub args: Vec<Vec<u8>>,
    /// Its client's address.
    pub addr: String,
    /// Its client's name.
    pub name: String,
}

#[derive(Default)]
struct Entries {
    next: u64,
    /// The latest first.
    kept: VecDeque<Arc<Entry>>,
}

/// The slow log.
#[derive(Default)]
pub struct SlowLog {
    max_len: AtomicUsize,
    /// Commands that were added, and the microseconds of all of them and of the longest.
    added: AtomicU64,
    micros: AtomicU64,
    longest: AtomicU64,
    entries: Mutex<Entries>,
}

impl SlowLog {
    /// Takes over `slowlog-max-len`, and drops what is too much.
    pub fn follow(&self, config: &Config) {
        let max = config.size(logging::SLOWLOG_MAX_LEN);
        self.max_len.store(max, Ordering::Relaxed);
        self.lock().kept.truncate(max);
    }

    /// Adds a command.
    pub fn add(&self, config: &Config, seen: &Observed<'_>, client: Option<&Client>) {
        let max = self.max_len.load(Ordering::Relaxed);
        if max == 0 {
            return;
        }
        let words = redacted(config, seen.command, seen.args);
        let args = cut(
            &words,
            config.size(logging::SLOWLOG_ENTRY_MAX_ARGC),
            config.size(logging::SLOWLOG_ENTRY_MAX_STRING_LEN),
        );
        let (addr, name) = match client {
            Some(client) => (client.addr.clone(), client.names().name.clone()),
            None => Default::default(),
        };
        let (at, micros) = (clock::now_millis() / 1000, seen.nanos / 1000);
        self.added.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.longest.fetch_max(micros, Ordering::Relaxed);
        let mut entries = self.lock();
        let id = entries.next;
        entries.next += 1;
        entries.kept.push_front(Arc::new(Entry { id, at, micros, args, addr, name }));
        entries.kept.truncate(max);
    }

    /// How many commands were added, and the milliseconds of all of them and of the longest.
    pub fn stats(&self) -> [f64; 3] {
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed) as f64;
        [load(&self.added), load(&self.micros) / 1000.0, load(&self.longest) / 1000.0]
    }

    /// Begins counting anew.
    pub fn reset_stats(&self) {
        for figure in [&self.added, &self.micros, &self.longest] {
            figure.store(0, Ordering::Relaxed);
        }
    }

    /// The latest entries, the last of all first.
    pub fn latest(&self, count: usize) -> Vec<Arc<Entry>> {
        self.lock().kept.iter().take(count).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().kept.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.lock().kept.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// At most `max_args` words, the last of which says how many more there were, each of at most
/// `max_len` bytes, likewise.
fn cut(words: &[&[u8]], max_args: usize, max_len: usize) -> Vec<Vec<u8>> {
    let shown = if words.len() > max_args { max_args - 1 } else { words.len() };
    let mut args: Vec<Vec<u8>> = words[..shown]
        .iter()
        .map(|word| {
            let mut arg = word[..word.len().min(max_len)].to_vec();
            if word.len() > max_len {
                arg.extend(format!("... ({} more bytes)", word.len() - max_len).into_bytes());
            }
            arg
        })
        .collect();
    if shown < words.len() {
        args.push(format!("... ({} more arguments)", words.len() - shown).into_bytes());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_and_lists_are_cut() {
        let long = [b'a'; 130];
        let words: Vec<&[u8]> = vec![&long; 40];
        let args = cut(&words, 32, 128);
        assert_eq!(args.len(), 32);
        assert!(args[0].ends_with(b"aa... (2 more bytes)"));
        assert_eq!(args[31], b"... (9 more arguments)");
        assert_eq!(cut(&[b"GET", b"k"], 32, 128), [b"GET".to_vec(), b"k".to_vec()]);
    }
}
