//! A test bed: an engine without a server, driven by command lines at a time that only the test
//! moves on. It shows replies, effects and keyspace events as text.

use std::sync::{Arc, Mutex};
use std::task::Waker;

use crate::clock;
use crate::command::{Command, Step, run_job};
use crate::effects::Reader;
use crate::engine::{Engine, Host, Observed, Worker};
use crate::error::CmdError;
use crate::keyspace::{Event, SIZE_CLASSES, Scope, SizeKind, Sweep, tally};
use crate::module::Module;
use crate::notify::Class;
use crate::reply::Reply;
use crate::session::Session;

/// When a bed's time begins, in Unix milliseconds.
pub const START: i64 = 1_000_000_000_000;

/// An engine with one thread and one session.
pub struct Bed {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The thread.
    pub worker: Worker,
    /// The session that commands run in.
    pub session: Session,
    now: i64,
    log: Reader,
    events: Arc<Mutex<Vec<Event>>>,
}

/// Most keys whose sizes are compared after each command.
const SIZES_CHECKED: usize = 64;

struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Host for Recorder {
    fn authorize(&self, _: &Session, _: &Command, _: &[&[u8]]) -> Result<(), CmdError> {
        Ok(())
    }

    fn publish(&self, _: &Session, events: &[Event], _: u64) {
        self.0.lock().unwrap().extend_from_slice(events);
    }

    fn used_memory(&self) -> usize {
        0
    }

    fn observe(&self, _: &Session, _: &Observed<'_>) {}

    fn warn(&self, text: &str) {
        // Of a handler, which would have been caught.
        assert!(!text.contains("panicked"), "{text}");
    }
}

impl Bed {
    /// A fresh engine of 16 databases.
    pub fn new() -> Self {
        Self::with_modules(Vec::new())
    }

    /// A fresh engine with these modules.
    pub fn with_modules(modules: Vec<Arc<dyn Module>>) -> Self {
        let engine = Arc::new(Engine::new(16, modules, |_| ()));
        let events = Arc::default();
        engine.set_host(Box::new(Recorder(Arc::clone(&events))));
        engine.tuning.set_notify_classes(Class::parse("AKEnomc").unwrap());
        let log = engine.effects.reader(false);
        let worker = engine.worker();
        let session = Session::new(engine.next_session_id(), Box::new(()));
        Self { engine, worker, session, now: START, log, events }
    }

    /// Moves time on.
    pub fn pass(&mut self, millis: i64) {
        self.now += millis;
        self.set_clock();
    }

    fn set_clock(&self) {
        let nanos = self.now as u64 * 1_000_000;
        self.worker.clock.set(nanos);
        clock::FIXED.set(Some(nanos));
    }

    /// Runs the words of one command and returns the bytes of its reply.
    pub fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut reply = Reply::default();
        let mut job = None;
        loop {
            self.set_clock();
            let (engine, worker, session) = (&self.engine, &self.worker, &mut self.session);
            let step = match job.take() {
                None => engine.call(worker, session, args, &mut reply, Waker::noop()),
                Some(job) => {
                    let ended = run_job(job);
                    engine.finish_job(worker, session, args, &mut reply, ended, Waker::noop())
                }
            };
            match step {
                Step::Done => break,
                Step::Again => {}
                Step::Offload(next) => job = Some(next),
                Step::Blocked => return b"+(blocked)\r\n".to_vec(),
                Step::Parked => panic!("nobody else holds a shard"),
            }
        }
        self.engine.end_turn(&self.worker);
        self.check_sizes();
        reply.take()
    }

    /// Compares the sizes of values as they were counted with the values as they are, unless there
    /// are many.
    fn check_sizes(&self) {
        let dbs = 0..self.engine.keyspace.databases();
        if dbs.clone().map(|db| self.engine.db_size(db)).sum::<usize>() > SIZES_CHECKED {
            return;
        }
        self.engine.hold_and(&self.worker, &Scope::All, |space| {
            for db in dbs {
                space.select(db);
                let mut sizes = [[0; SIZE_CLASSES]; SizeKind::COUNT];
                Sweep::new().advance(space, usize::MAX, |entry, _| tally(entry, &mut sizes));
                assert_eq!(self.engine.db_sizes(db), sizes, "sizes in database {db}");
            }
        });
    }

    /// Runs a command line and returns its reply as text: see [`show`].
    pub fn run(&mut self, line: &str) -> String {
        let words = words(line);
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        show(&self.call(&words))
    }

    /// Runs every line `command -> reply` and compares. Lines without an arrow are only run;
    /// empty lines and those that begin with `#` are skipped.
    pub fn check(&mut self, script: &str) {
        for line in script.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.rsplit_once(" -> ") {
                Some((command, expected)) => {
                    assert_eq!(self.run(command), expected.trim(), "{command}");
                }
                None => {
                    self.run(line);
                }
            }
        }
    }

    /// The effects that were logged since the last call, SELECT left out, joined by `; `.
    pub fn effects(&mut self) -> String {
        let mut bytes = Vec::new();
        self.log.read(usize::MAX, &mut bytes).expect("the ring is large enough");
        let mut at = 0;
        let mut lines = Vec::new();
        while at < bytes.len() {
            let Node::Array(words) = parse(&bytes, &mut at) else { panic!("not a command") };
            let words: Vec<String> = words.iter().map(Node::bare).collect();
            if words[0] != "SELECT" {
                lines.push(words.join(" "));
            }
        }
        lines.join("; ")
    }

    /// The events that were published since the last call, as `name(key)`, joined by spaces.
    pub fn events(&mut self) -> String {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let shown = events.iter().map(|e| format!("{}({})", e.name, e.key.escape_ascii()));
        shown.collect::<Vec<_>>().join(" ")
    }

    /// Runs every line `command -> effects | events` and compares what it left behind.
    pub fn check_traces(&mut self, script: &str) {
        self.effects();
        self.events();
        for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (command, expected) = line.split_once(" ->").expect("an arrow");
            self.run(command);
            let left = format!("{} | {}", self.effects(), self.events());
            assert_eq!(left.trim(), expected.trim(), "{command}");
        }
    }
}

/// A reply, read back.
enum Node {
    Line(String),
    Int(String),
    Text(Vec<u8>),
    Null,
    Array(Vec<Node>),
}

impl Node {
    fn bare(&self) -> String {
        match self {
            Node::Text(bytes) => bytes.escape_ascii().to_string(),
            other => other.show(),
        }
    }

    fn show(&self) -> String {
        match self {
            Node::Line(text) | Node::Int(text) => text.clone(),
            Node::Text(bytes) => format!("\"{}\"", bytes.escape_ascii()),
            Node::Null => "nil".into(),
            Node::Array(items) => {
                let items: Vec<String> = items.iter().map(Node::show).collect();
                format!("[{}]", items.join(" "))
            }
        }
    }
}

/// A reply as text: `OK`, `ERR …`, `12`, `"text"`, `nil`, `[1 "a" nil]`. Maps are shown as arrays
/// of twice the length.
pub fn show(reply: &[u8]) -> String {
    let mut at = 0;
    let text = parse(reply, &mut at).show();
    assert_eq!(at, reply.len(), "one reply to one command");
    text
}

fn parse(bytes: &[u8], at: &mut usize) -> Node {
    let end = *at + bytes[*at..].iter().position(|&b| b == b'\r').expect("a line");
    let (mark, line) = (bytes[*at], String::from_utf8_lossy(&bytes[*at + 1..end]).into_owned());
    *at = end + 2;
    match mark {
        b'$' | b'=' if line != "-1" => {
            let len: usize = line.parse().expect("a length");
            *at += len + 2;
            Node::Text(bytes[*at - len - 2..*at - 2].to_vec())
        }
        b'*' | b'~' | b'>' | b'%' if line != "-1" => {
            let pairs = if mark == b'%' { 2 } else { 1 };
            let len: usize = line.parse().expect("a length");
            Node::Array((0..len * pairs).map(|_| parse(bytes, at)).collect())
        }
        b'$' | b'*' | b'_' => Node::Null,
        b':' | b',' | b'#' | b'(' => Node::Int(line),
        _ => Node::Line(line),
    }
}

/// The words of a command line: separated by spaces, `"…"` around words with spaces, in which
/// `\n`, `\\`, `\"` and `\xNN` are understood.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, used) = quoted_word(quoted.as_bytes());
            out.push(word);
            rest = quoted[used..].trim_start();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            out.push(rest.as_bytes()[..end].to_vec());
            rest = rest[end..].trim_start();
        }
    }
    out
}

fn quoted_word(text: &[u8]) -> (Vec<u8>, usize) {
    let mut word = Vec::new();
    let mut at = 0;
    while text[at] != b'"' {
        match &text[at..] {
            [b'\\', b'x', high, low, ..] => {
                let hex = [*high, *low];
                let hex = std::str::from_utf8(&hex).expect("hexadecimal digits");
                word.push(u8::from_str_radix(hex, 16).expect("hexadecimal digits"));
                at += 4;
            }
            [b'\\', b'n', ..] => {
                word.push(b'\n');
                at += 2;
            }
            [b'\\', other, ..] => {
                word.push(*other);
                at += 2;
            }
            _ => {
                word.push(text[at]);
                at += 1;
            }
        }
    }
    (word, at + 1)
}
