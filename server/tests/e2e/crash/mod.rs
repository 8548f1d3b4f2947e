//! Crashes under load: a server is killed at a random moment, again and again, and what it had
//! promised is there when it starts again. Half of the tests have the machine lose power as well,
//! at once or after further rounds, so that what was not synced may be gone (see
//! `cairn_tests::faults`).
//!
//! - `load`: what connections write, and what they are told.
//! - `check`: what has to be there.
//! - `faults`: disks that fill up, and break.
//!
//! `CAIRN_FULL=1` makes hundreds of rounds of it. A failure prints a seed, which `CAIRN_SEED`
//! repeats: the same choices, although threads run as they like.

mod check;
mod faults;
mod load;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cairn_tests::client::Client;
use cairn_tests::faults::Faults;
use cairn_tests::process::{Server, fresh_dir};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{BINARY, full, info};
use check::{Found, Promise};
use load::Load;

/// Options of all servers here. Snapshots are slow, so that crashes fall into them.
const OPTIONS: &[&str] =
    &["--io-threads", "3", "--save", "", "--rdb-key-save-delay", "20", "--dir", "."];

/// Keys that nobody changes, for snapshots to take a while.
const KEYS: usize = 3000;

/// Rounds on one directory.
const LIFE: u64 = 8;

/// What `everysec` may lose: a second's writes. In the short form of the test a second more is
/// allowed, for a sync that takes long on whatever machine this runs.
fn everysec() -> Duration {
    Duration::from_secs(if full() { 1 } else { 2 })
}

/// A series of crashes.
#[derive(Clone, Copy)]
struct Series {
    /// `appendfsync`; `None` is no append-only file but snapshots only.
    fsync: Option<&'static str>,
    /// Whether what was not synced may be gone.
    power_cut: bool,
    /// How long the load runs at most, in milliseconds.
    longest: u64,
    /// Rounds by default, and in full.
    rounds: (u64, u64),
}

/// Shows the seed of a round that fails.
struct Announce(u64, u64);

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("round {} of CAIRN_SEED={}", self.1, self.0);
        }
    }
}

/// The seed of this run.
fn seed() -> u64 {
    let given = std::env::var("CAIRN_SEED").ok();
    given.map_or_else(rand::random, |text| text.parse().expect("CAIRN_SEED is a number"))
}

fn fill(client: &mut Client) {
    let mut words = vec!["MSET".to_string()];
    words.extend((0..KEYS).flat_map(|n| [format!("key:{n}"), format!("{n:0100}")]));
    assert_eq!(client.call(&words).to_string(), "+OK");
}

/// Copies a directory, as a kill leaves it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it can be read");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("it has a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = std::fs::copy(entry.path(), target).expect("it can be copied"),
        }
    }
}

/// Kills a server. Its machine loses power as well if there are notes of what was synced, which it
/// takes. Returns the directory that is left, and when that was.
fn crash(server: Server, faults: &mut Option<Faults>, rng: &mut StdRng) -> (PathBuf, Instant) {
    let (left, at) = (fresh_dir(), Instant::now());
    let dir = server.crash();
    match faults.take() {
        None => copy(&dir, &left),
        Some(faults) => faults.power_cut(&left, rng).expect("it can be rebuilt"),
    }
    std::fs::remove_dir_all(dir).expect("it is ours");
    (left, at)
}

/// What a round left behind for the next to check.
struct Last {
    name: String,
    told: load::Told,
    promise: Promise,
    crash: Instant,
}

impl Series {
    fn options(&self) -> Vec<&'static str> {
        let mut options = OPTIONS.to_vec();
        options.extend(match self.fsync {
            None => vec!["--appendonly", "no"],
            Some(fsync) => vec!["--appendonly", "yes", "--appendfsync", fsync],
        });
        options
    }

    fn run(self) {
        let seed = seed();
        let rounds = if full() { self.rounds.1 } else { self.rounds.0 };
        let (mut dir, mut found) = (fresh_dir(), Vec::new());
        let (mut last, mut lost, mut writes) = (None::<Last>, Duration::ZERO, 0);
        let mut faults = None;
        // The last round only looks at what the one before has left.
        for round in 0..=rounds {
            let _announce = Announce(seed, round);
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
            if self.power_cut && faults.is_none() {
                faults = Some(Faults::new(rng.random_range(0..4000)));
            }
            let environment = faults.as_ref().map(Faults::environment).unwrap_or_default();
            let server = Server::start_with(BINARY, dir, &self.options(), &environment);
            let mut client = server.connect();
            found.iter().for_each(|found: &Found| found.check_again(&mut client));
            if let Some(last) = last.take() {
                let now = Found::read(&mut client, &last.name);
                lost = lost.max(now.check(&last.told, last.promise, last.crash));
                found.push(now);
            }
            if round == rounds {
                break;
            }
            if round % LIFE == 0 {
                client.run("FLUSHALL");
                fill(&mut client);
                found.clear();
            }
            let name = round.to_string();
            let load = Load::new(server.port(), &name, false);
            let (told, (left, promise, crash)) =
                load.run(|| self.one(server, &mut faults, &mut rng));
            writes += load.acknowledged.into_inner();
            last = Some(Last { name, told, promise, crash });
            dir = left;
        }
        println!("{rounds} crashes, {writes} replies; the oldest lost write was {lost:?} old");
    }

    /// Lets the load run for a while, with snapshots and rewrites, and crashes the server. Returns
    /// what is left, what of it was promised, and when the crash was.
    fn one(
        self,
        server: Server,
        faults: &mut Option<Faults>,
        rng: &mut StdRng,
    ) -> (PathBuf, Promise, Instant) {
        let mut client = server.connect();
        let end = Instant::now() + Duration::from_millis(rng.random_range(30..self.longest));
        let mut saved = None;
        while Instant::now() < end {
            let pause = Duration::from_millis(rng.random_range(5..150));
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            match self.fsync {
                None => saved = save(&mut client, end).or(saved),
                Some(_) => disturb(&mut client, rng),
            }
        }
        // Power may go only when the server has gone on with what a kill has left. A snapshot that
        // was not done is promised to nobody.
        let (left, at) = match self.power_cut && self.fsync.is_some() && rng.random_bool(0.4) {
            true => (server.crash(), Instant::now()),
            false => crash(server, faults, rng),
        };
        let promise = match self.fsync {
            None => saved.map_or(Promise::Nothing, Promise::Before),
            Some("always") => Promise::All,
            Some("everysec") => {
                at.checked_sub(everysec()).map_or(Promise::Nothing, Promise::Before)
            }
            // The system has all of it.
            _ if !self.power_cut => Promise::All,
            _ => Promise::Nothing,
        };
        (left, promise, at)
    }
}

/// Starts something that may be going on at the crash. What is going on already may refuse it.
fn disturb(client: &mut Client, rng: &mut StdRng) {
    let command = match rng.random_range(0..8) {
        0 | 1 => "BGREWRITEAOF",
        2 => "BGSAVE",
        3 => "CONFIG SET aof-use-rdb-preamble no",
        4 => "CONFIG SET aof-use-rdb-preamble yes",
        5 => "CONFIG SET auto-aof-rewrite-min-size 64kb auto-aof-rewrite-percentage 20",
        _ => return,
    };
    client.run(command);
}

/// Takes a snapshot, and returns when it was asked for, if it was done before `end`.
fn save(client: &mut Client, end: Instant) -> Option<Instant> {
    let begun = Instant::now();
    assert_eq!(client.run("BGSAVE"), "+Background saving started");
    while info(client, "persistence", "rdb_bgsave_in_progress") != 0 {
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    Some(begun)
}

#[test]
fn killed_with_always() {
    let rounds = (4, 200);
    Series { fsync: Some("always"), power_cut: false, longest: 800, rounds }.run();
}

#[test]
fn killed_with_everysec() {
    let rounds = (3, 200);
    Series { fsync: Some("everysec"), power_cut: false, longest: 800, rounds }.run();
}

#[test]
fn killed_with_no() {
    let rounds = (3, 200);
    Series { fsync: Some("no"), power_cut: false, longest: 800, rounds }.run();
}

#[test]
fn killed_with_snapshots_only() {
    let rounds = (3, 60);
    Series { fsync: None, power_cut: false, longest: 800, rounds }.run();
}

#[test]
fn power_cut_with_always() {
    let rounds = (4, 120);
    Series { fsync: Some("always"), power_cut: true, longest: 800, rounds }.run();
}

#[test]
fn power_cut_with_everysec() {
    let rounds = (2, 60);
    Series { fsync: Some("everysec"), power_cut: true, longest: 5000, rounds }.run();
}

#[test]
fn power_cut_with_no() {
    let rounds = (2, 60);
    Series { fsync: Some("no"), power_cut: true, longest: 800, rounds }.run();
}

#[test]
fn power_cut_with_snapshots_only() {
    let rounds = (2, 60);
    Series { fsync: None, power_cut: true, longest: 800, rounds }.run();
}
