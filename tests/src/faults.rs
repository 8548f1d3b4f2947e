//! Power cuts, full disks and broken ones: the other side of the library `cairn-faults`, which a
//! server under test has preloaded.
//!
//! The model of a power cut: of a file, what was synced is there, and any part of the bytes that
//! follow. Of a directory, the names are those of its last sync, and of the changes since then the
//! first so many, since file systems keep their order. A truncation counts at once.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::Rng;

use crate::process::fresh_dir;

/// The error of a full disk.
pub const ENOSPC: i32 = 28;

/// The error of a broken disk.
pub const EIO: i32 = 5;

/// The notes of a server process, and of those that go on in its directory after it was killed.
pub struct Faults {
    place: PathBuf,
    delay: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Faults {
    /// For a server whose syncs take up to `delay` microseconds.
    ///
    /// # Panics
    /// When there is no temporary directory.
    pub fn new(delay: u64) -> Self {
        Self { place: fresh_dir(), delay }
    }

    /// The environment that the server needs.
    ///
    /// # Panics
    /// When cargo has not built the library: the package of the test must depend on it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let place = self.place.to_str().expect("UTF-8").to_string();
        let pair = |name: &str, value: String| (name.to_string(), value);
        vec![
            pair("LD_PRELOAD", library().to_str().expect("UTF-8").to_string()),
            pair("CAIRN_FAULTS", place),
            pair("CAIRN_FAULTS_DELAY", self.delay.to_string()),
        ]
    }

    /// Has calls fail from now on: `call` is `write`, `sync`, `rename` or `open` (of what may be
    /// created), on files with `part` in their names, or at the end if `$` follows it.
    ///
    /// # Panics
    /// When the notes can't be written.
    pub fn fail(&self, call: &str, errno: i32, part: &str) {
        self.rule(&format!("{call} {errno} {part}"));
    }

    /// As [`Faults::fail`], for one call, after so many others.
    ///
    /// # Panics
    /// As there.
    pub fn fail_once(&self, call: &str, errno: i32, part: &str, after: u64) {
        self.rule(&format!("{call} {errno} {part} {after}"));
    }

    fn rule(&self, rule: &str) {
        let temporary = self.place.join("rule.new");
        fs::write(&temporary, rule).expect("a rule");
        fs::rename(temporary, self.place.join("rule")).expect("a rule");
    }

    /// Has calls work again.
    pub fn heal(&self) {
        // A rule for one call may be gone already.
        let _ = fs::remove_file(self.place.join("rule"));
    }

    /// How many calls have failed so far.
    pub fn failed(&self) -> usize {
        self.journal().lines().filter(|line| line.starts_with("fault ")).count()
    }

    fn journal(&self) -> String {
        let bytes = fs::read(self.place.join("journal")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Builds in `to` what a power cut at the process's end may have left of its directory.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn power_cut(&self, to: &Path, rng: &mut impl Rng) -> io::Result<()> {
        let events = Events::parse(&self.journal());
        for (name, number) in events.names(rng) {
            let target = to.join(&name);
            match number {
                None => fs::create_dir_all(target)?,
                // Its directory is not there.
                Some(_) if target.parent().is_some_and(|parent| !parent.exists()) => {}
                Some(number) => {
                    let bytes = fs::read(self.place.join(number.to_string()))?;
                    let synced = events.synced(number).min(bytes.len());
                    fs::write(target, &bytes[..torn(synced, bytes.len(), rng)])?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// How much of a file is left.
fn torn(synced: usize, len: usize, rng: &mut impl Rng) -> usize {
    match rng.random_range(0..3) {
        0 => synced,
        1 => len,
        _ => rng.random_range(synced..=len),
    }
}

/// The library, which cargo puts beside the tests.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a file");
    let path = test.parent().expect("it is in a directory").join("libcairn_faults.so");
    assert!(path.exists(), "no {}", path.display());
    path
}

/// A change of a directory.
enum Change {
    /// A name for a file; `None` is a directory.
    New(String, Option<u32>),
    Renamed(String, String),
    Deleted(String),
}

/// The journal.
#[derive(Default)]
struct Events {
    /// Changes with the numbers of their lines.
    changes: Vec<(u64, Change)>,
    /// Up to which line the changes of each directory are on disk.
    on_disk: HashMap<String, u64>,
    synced: HashMap<u32, usize>,
}

impl Events {
    fn parse(journal: &str) -> Self {
        let mut events = Self::default();
        let whole = journal.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        for (at, line) in whole.enumerate() {
            let words: Vec<&str> = line.trim_end_matches('\n').split(' ').collect();
            events.take(at as u64, &words);
        }
        events
    }

    fn take(&mut self, at: u64, words: &[&str]) {
        let change = match words {
            ["file", number, name] => Change::New(name.to_string(), number.parse().ok()),
            ["mkdir", name] => Change::New(name.to_string(), None),
            ["rename", from, to] => Change::Renamed(from.to_string(), to.to_string()),
            ["unlink", name] => Change::Deleted(name.to_string()),
            ["syncdir", line, name] => {
                self.on_disk.insert(name.to_string(), line.parse().expect("a line"));
                return;
            }
            [event @ ("sync" | "trunc"), number, len] => {
                let len = len.parse().expect("a length");
                let synced = self.synced.entry(number.parse().expect("a number")).or_default();
                *synced = if *event == "sync" { len } else { len.min(*synced) };
                return;
            }
            ["fault", ..] => return,
            other => panic!("no event: {other:?}"),
        };
        self.changes.push((at, change));
    }

    fn synced(&self, number: u32) -> usize {
        self.synced.get(&number).copied().unwrap_or(0)
    }

    /// The names that are left, parents first.
    fn names(&self, rng: &mut impl Rng) -> Vec<(String, Option<u32>)> {
        let mut left: HashMap<&str, u64> = HashMap::new();
        let mut dirs: Vec<&str> = self.changes.iter().map(|(_, change)| change.dir()).collect();
        dirs.sort_unstable();
        dirs.dedup();
        for dir in dirs {
            let synced = self.on_disk.get(dir).copied().unwrap_or(0);
            let later = self.changes.iter().filter(|(at, c)| c.dir() == dir && *at >= synced);
            let later: Vec<u64> = later.map(|(at, _)| *at).collect();
            let kept = torn(0, later.len(), rng);
            left.insert(dir, later.get(kept).copied().unwrap_or(u64::MAX));
        }
        let mut names: HashMap<String, Option<u32>> = HashMap::new();
        for (_, change) in self.changes.iter().filter(|(at, c)| *at < left[c.dir()]) {
            match change {
                Change::New(name, number) => _ = names.insert(name.clone(), *number),
                Change::Deleted(name) => _ = names.remove(name),
                Change::Renamed(from, to) => {
                    if let Some(number) = names.remove(from) {
                        names.insert(to.clone(), number);
                    }
                }
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        names
    }
}

impl Change {
    /// The directory that it changes.
    fn dir(&self) -> &str {
        let (Self::New(name, _) | Self::Renamed(_, name) | Self::Deleted(name)) = self;
        name.rsplit_once('/').map_or("", |(dir, _)| dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::BTreeSet;

    /// All states that a journal may leave: names with numbers.
    fn states(journal: &str) -> BTreeSet<Vec<(String, Option<u32>)>> {
        let events = Events::parse(journal);
        (0..200).map(|seed| events.names(&mut StdRng::seed_from_u64(seed))).collect()
    }

    fn state(names: &[(&str, u32)]) -> Vec<(String, Option<u32>)> {
        names.iter().map(|(name, number)| (name.to_string(), Some(*number))).collect()
    }

    #[test]
    fn names_change_in_order_after_the_last_sync_of_their_directory() {
        let journal = "file 1 a\nsyncdir 1 \nfile 2 t\nrename t a\nunlink a\n";
        let expected =
            [state(&[("a", 1)]), state(&[("a", 1), ("t", 2)]), state(&[("a", 2)]), state(&[])];
        assert_eq!(states(journal), expected.into_iter().collect());
        let synced = format!("{journal}syncdir 4 \n");
        let expected = [state(&[("a", 2)]), state(&[])];
        assert_eq!(states(&synced), expected.into_iter().collect());
    }

    #[test]
    fn a_line_that_is_cut_off_did_not_happen() {
        assert_eq!(states("file 1 a\nsyncdir 1 \nunlink a"), [state(&[("a", 1)])].into());
    }

    #[test]
    fn a_truncation_takes_back_what_was_synced() {
        let events = Events::parse("sync 1 10\ntrunc 1 4\nsync 2 7\ntrunc 2 9\n");
        assert_eq!((events.synced(1), events.synced(2), events.synced(3)), (4, 7, 0));
    }
}
