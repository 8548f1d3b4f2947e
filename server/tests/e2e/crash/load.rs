//! Connections that write and read while a server is about to be killed, and what they were told.
//!
//! What they write is such that gaps, wrong orders and torn transactions show afterwards: see
//! [`super::check`].

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cairn_tests::client::{Client, encode};
use cairn_tests::reply::Reply;

/// Connections of each kind that write: with a pusher and a mover of list elements they are 8.
pub const WRITERS: usize = 3;

/// Connections that read everything, again and again.
const READERS: usize = 2;

/// How long a connection waits before it tries again.
const SOON: Duration = Duration::from_millis(5);

/// What clients were told, or saw, of each key: numbers that grow, and when.
pub type Told = BTreeMap<String, Vec<(u64, Instant)>>;

/// Adds to what was told.
fn note(told: &mut Told, key: &str, number: u64) {
    let list = told.entry(key.to_string()).or_default();
    if list.last().is_none_or(|(last, _)| *last < number) {
        list.push((number, Instant::now()));
    }
}

/// What the connections of a round do.
pub struct Load {
    port: u16,
    /// What the names of all keys end with.
    round: String,
    /// Whether a refused write and a closed connection are tried again: they fail the test
    /// otherwise, and the latter ends the load.
    faulty: bool,
    stop: AtomicBool,
    /// Writes that were acknowledged.
    pub acknowledged: AtomicU64,
    told: Mutex<Vec<Told>>,
}

impl Load {
    /// A load for the server at a port.
    pub fn new(port: u16, round: &str, faulty: bool) -> Self {
        let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
        let told = Mutex::default();
        Self { port, round: round.to_string(), faulty, stop, acknowledged, told }
    }

    /// Runs it while `until` runs, which may kill the server. Returns what was told, and what
    /// `until` returned.
    pub fn run<T>(&self, until: impl FnOnce() -> T) -> (Told, T) {
        let result = std::thread::scope(|scope| {
            for number in 0..WRITERS {
                scope.spawn(move || self.work(|c, told| self.singles(c, told, number)));
                scope.spawn(move || self.work(|c, told| self.transactions(c, told, number)));
            }
            for _ in 0..READERS {
                scope.spawn(|| self.work(|c, told| self.read(c, told)));
            }
            // What became of a push that failed is not known, so that it can't be tried again.
            if !self.faulty {
                scope.spawn(|| self.work(|c, told| self.push(c, told)));
                scope.spawn(|| self.work(|c, told| self.move_elements(c, told)));
            }
            // Those that work stop in any case.
            let stop = Stop(&self.stop);
            let result = until();
            drop(stop);
            result
        });
        let mut all = Told::new();
        for (key, list) in self.told.lock().unwrap().drain(..).flatten() {
            all.entry(key).or_default().extend(list);
        }
        (all, result)
    }

    fn work(&self, job: impl FnOnce(&mut Connection<'_>, &mut Told)) {
        let (mut told, client) = (Told::new(), Client::try_tcp(self.port).ok());
        if client.is_some() {
            job(&mut Connection { load: self, client }, &mut told);
        }
        self.told.lock().unwrap().push(told);
    }

    fn name(&self, kind: &str, number: usize) -> String {
        key(kind, number, &self.round)
    }

    /// Writes each number to two keys, the one after the other.
    fn singles(&self, c: &mut Connection<'_>, told: &mut Told, number: usize) {
        let keys = [self.name("p", number), self.name("q", number)];
        for n in 1.. {
            for key in &keys {
                let set = [&b"SET"[..], key.as_bytes(), &value(n)].map(<[u8]>::to_vec);
                if c.insist(&encode(&set), 1).is_none() {
                    return;
                }
                note(told, key, n);
            }
        }
    }

    /// Writes each number to three keys at once.
    fn transactions(&self, c: &mut Connection<'_>, told: &mut Told, number: usize) {
        let keys = ["a", "b", "c"].map(|kind| self.name(kind, number));
        for n in 1.. {
            let mut request = encode(&["MULTI"]);
            for key in &keys {
                request.extend(encode(&[&b"SET"[..], key.as_bytes(), &value(n)]));
            }
            request.extend(encode(&["EXEC"]));
            if c.insist(&request, 5).is_none() {
                return;
            }
            keys.iter().for_each(|key| note(told, key, n));
        }
    }

    fn push(&self, c: &mut Connection<'_>, told: &mut Told) {
        let key = self.name("in", 0);
        for n in 1u64.. {
            if c.insist(&encode(&["RPUSH", &key, &n.to_string()]), 1).is_none() {
                return;
            }
            note(told, &key, n);
        }
    }

    fn move_elements(&self, c: &mut Connection<'_>, told: &mut Told) {
        let (from, to) = (self.name("in", 0), self.name("out", 0));
        let request = encode(&["BLMOVE", &from, &to, "LEFT", "RIGHT", "0.1"]);
        while let Some(reply) = c.insist(&request, 1) {
            if let Reply::Bulk(_) = reply {
                note(told, &to, number_of(&reply));
            }
        }
    }

    /// Notes what it sees.
    fn read(&self, c: &mut Connection<'_>, told: &mut Told) {
        let keys: Vec<String> = all_keys(&self.round);
        let words: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(|k| &k[..])).collect();
        let request = encode(&words);
        while let Some(reply) = c.insist(&request, 1) {
            let numbers: Vec<u64> = reply.items().iter().map(number_of).collect();
            for (key, n) in keys.iter().zip(&numbers) {
                note(told, key, *n);
            }
            for three in numbers[2 * WRITERS..].chunks(3) {
                assert!(three.iter().all(|n| *n == three[0]), "a transaction is seen whole");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The name of a key of a round.
pub fn key(kind: &str, number: usize, round: &str) -> String {
    format!("{kind}{number}.{round}")
}

/// All keys with numbers: pairs first, then threes.
pub fn all_keys(round: &str) -> Vec<String> {
    let kinds = |kinds: &'static [&str]| {
        (0..WRITERS).flat_map(move |number| kinds.iter().map(move |kind| key(kind, number, round)))
    };
    kinds(&["p", "q"]).chain(kinds(&["a", "b", "c"])).collect()
}

/// What is written for a number: now and then something longer.
fn value(n: u64) -> Vec<u8> {
    let padding = if n.is_multiple_of(50) { 20_000 } else { (n % 7) as usize };
    format!("{n} {}", "x".repeat(padding)).into_bytes()
}

/// The number of a value; 0 when there is none.
pub fn number_of(reply: &Reply) -> u64 {
    match reply {
        Reply::Null => 0,
        other => {
            let text = other.text();
            let digits = text.split(' ').next().unwrap_or_default();
            digits.parse().unwrap_or_else(|_| panic!("no number: {other}"))
        }
    }
}

struct Connection<'a> {
    load: &'a Load,
    client: Option<Client>,
}

impl Connection<'_> {
    /// Sends a request until it succeeds, and returns the last of its replies. `None` when the
    /// load is over.
    fn insist(&mut self, request: &[u8], replies: usize) -> Option<Reply> {
        loop {
            if self.load.stop.load(Ordering::Relaxed) {
                return None;
            }
            match self.ask(request, replies) {
                Ok(Reply::Error(text)) => {
                    let fits = text.starts_with("MISCONF") || text.starts_with("EXECABORT");
                    assert!(self.load.faulty && fits, "{text}");
                }
                Ok(reply) => {
                    self.load.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return Some(reply);
                }
                Err(_) if !self.load.faulty => return None,
                Err(_) => self.client = Client::try_tcp(self.load.port).ok(),
            }
            std::thread::sleep(SOON);
        }
    }

    fn ask(&mut self, request: &[u8], replies: usize) -> io::Result<Reply> {
        let client = self.client.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        client.try_send_raw(request)?;
        let mut last = client.try_read()?;
        for _ in 1..replies {
            last = client.try_read()?;
        }
        Ok(last)
    }
}
