//! What the targets share: an engine with all modules, driven by commands, and seeds: values of
//! every type and encoding, as DUMP gives them.

// Not every target needs everything.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::task::Waker;

use cairn_core::command::{Step, run_job};
use cairn_core::reply::Reply;
use cairn_core::session::Session;
use cairn_core::{Engine, Worker};

/// Bytes behind the value of a payload: the version and the checksum.
const FOOTER: usize = 2 + 8;

/// More elements than the compact encodings take.
const MANY: usize = 600;

/// What makes a key `k`, one line for each type and encoding.
const RECIPES: &[&str] = &[
    "SET k text",
    "SET k 12345",
    "RPUSH k a b c 1 2 -70000",
    "SADD k 1 2 300",
    "SADD k a b 3",
    "ZADD k 1 a 2.5 b inf c",
    "HSET k a 1 b 2",
    "HSET k a 1 b 2 c 3; HEXPIRE k 100000 FIELDS 2 a b",
    "XADD k 1-1 f v; XADD k 1-2 f v g w; XADD k 3-0 f v; XDEL k 1-2; XGROUP CREATE k g 0; \
     XREADGROUP GROUP g c COUNT 1 STREAMS k >",
    "XADD k IDMP p i * f v; XADD k IDMP p j * f v; XADD k IDMP q i * f v",
    "XADD k 1-1 f v; XADD k 1-2 f v; XGROUP CREATE k g 0; XREADGROUP GROUP g c STREAMS k >; \
     XNACK k g FAIL IDS 1 1-2",
    "ARMSET k 0 a 7 12 9 1.5 100000 e; ARSEEK k 8",
    "PFADD k a b c",
    "JSON.SET k $ {\"a\":[1,2.5,null,\"x\",{\"b\":true}]}",
    "TS.CREATE k LABELS a b; TS.ADD k 1000 1.5; TS.ADD k 2000 2.5",
];

/// What makes a large key: the command, and what stands for each element.
const LARGE: &[(&str, &str)] = &[
    ("RPUSH k", "element-%"),
    ("SADD k", "member-%"),
    ("ZADD k", "%.5 member-%"),
    ("HSET k", "field-% value-%"),
    ("APPEND k", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%"),
    ("XADD k *", "field-% value-%"),
];

/// Hashes with their template in front, which are read and never written.
const WITH_TEMPLATES: &[&[u8]] = &[
    b"\x1d\x01\x02\x01a\x02bb\x0d\x0d\0\0\0\x03\0\x07\x01\x01\x01\x02\x01\xff",
    b"\x1d\0\x0e\x0e\0\0\0\x02\0\x81a\x02\x82bb\x03\xff\
      \x0d\x0d\0\0\0\x03\0\x07\x01\x01\x01\x02\x01\xff",
    b"\x1f\x01\x02\x01a\x02bb\x01x\xc0\x07",
];

/// An engine, the thread that drives it and its session.
pub struct Driver {
    /// The engine.
    pub engine: Engine,
    worker: Worker,
    session: Session,
}

impl Driver {
    /// One without keys.
    pub fn new() -> Self {
        let modules =
            vec![cairn_search::module(), cairn_json::module(), cairn_timeseries::module()];
        let engine = Engine::new(1, modules, |_| ());
        let worker = engine.worker();
        let mut session = Session::new(engine.next_session_id(), Box::new(()));
        session.authenticated = true;
        Self { engine, worker, session }
    }

    /// Runs a command and returns its reply.
    pub fn call(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let (engine, worker, session) = (&self.engine, &self.worker, &mut self.session);
        let mut reply = Reply::default();
        engine.begin_turn(worker);
        let mut job = None;
        loop {
            let waker = Waker::noop();
            let step = match job.take().map(run_job) {
                None => engine.call(worker, session, words, &mut reply, waker),
                Some(end) => engine.finish_job(worker, session, words, &mut reply, end, waker),
            };
            match step {
                Step::Done | Step::Blocked => break,
                Step::Again | Step::Parked => {}
                Step::Offload(next) => job = Some(next),
            }
        }
        engine.end_turn(worker);
        reply.as_bytes().to_vec()
    }
}

/// The bytes of a bulk string; `None` when the reply is another.
pub fn bulk(reply: &[u8]) -> Option<&[u8]> {
    let from = reply.strip_prefix(b"$")?.iter().position(|b| *b == b'\n')? + 2;
    reply.get(from..reply.len().checked_sub(2)?)
}

/// Values with their type bytes before them.
pub fn values() -> Vec<Vec<u8>> {
    let mut driver = Driver::new();
    let large = LARGE.iter().map(|(command, element)| {
        let n = if command.starts_with("APPEND") { 1 } else { MANY };
        let elements = (0..n).map(|n| element.replace('%', &n.to_string()));
        format!("{command} {}", elements.collect::<Vec<_>>().join(" "))
    });
    let recipes: Vec<String> = RECIPES.iter().map(ToString::to_string).chain(large).collect();
    let mut values = Vec::new();
    for recipe in recipes {
        driver.call(&[b"FLUSHALL"]);
        for line in recipe.split("; ") {
            let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
            let reply = driver.call(&words);
            assert!(!reply.starts_with(b"-"), "{line}: {}", String::from_utf8_lossy(&reply));
        }
        for version in [b"11", b"15"] {
            driver.call(&[b"CONFIG", b"SET", b"rdb-version", version]);
            let dumped = driver.call(&[b"DUMP", b"k"]);
            let payload = bulk(&dumped).expect("a seed has a value");
            values.push(payload[..payload.len() - FOOTER].to_vec());
        }
    }
    values.extend(WITH_TEMPLATES.iter().map(|value| value.to_vec()));
    values.dedup();
    values
}

/// Writes seeds into the corpus, if it is empty: a directory among the arguments.
pub fn seed(seeds: Vec<Vec<u8>>) {
    let mut directories = std::env::args().skip(1).map(PathBuf::from).filter(|path| path.is_dir());
    let Some(corpus) = directories.next() else { return };
    if fs::read_dir(&corpus).is_ok_and(|mut files| files.next().is_some()) {
        return;
    }
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).expect("the corpus can be written");
    }
}
