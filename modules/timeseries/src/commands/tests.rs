//! Tests of the commands: words in, RESP out, as Redis Stack (time series 1.12) answered them. Line
//! ends are shown as blanks.

use std::sync::{Arc, Mutex};
use std::task::Waker;

use cairn_core::command::{Command, Step, run_job};
use cairn_core::effects::Reader;
use cairn_core::engine::{Engine, Host, Observed, Worker};
use cairn_core::error::CmdError;
use cairn_core::keyspace::Event;
use cairn_core::notify::Class;
use cairn_core::reply::{Proto, Reply};
use cairn_core::session::Session;

mod index;
mod restore;
mod rules;

/// An engine with one client.
struct Client {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
    log: Reader,
    events: Arc<Mutex<Vec<Event>>>,
}

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
        panic!("{text}");
    }
}

impl Client {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(16, vec![crate::module()], |_| ()));
        let events = Arc::default();
        engine.set_host(Box::new(Recorder(Arc::clone(&events))));
        engine.tuning.set_notify_classes(Class::parse("AKE").unwrap());
        let log = engine.effects.reader(false);
        let worker = engine.worker();
        let session = Session::new(engine.next_session_id(), Box::new(()));
        Self { engine, worker, session, log, events }
    }

    fn resp3() -> Self {
        let mut client = Self::new();
        client.session.proto = Proto::Resp3;
        client
    }

    fn call(&mut self, words: &[&[u8]]) -> String {
        let mut reply = Reply::default();
        loop {
            self.engine.begin_turn(&self.worker);
            let session = &mut self.session;
            match self.engine.call(&self.worker, session, words, &mut reply, Waker::noop()) {
                Step::Again => {}
                Step::Done => break,
                Step::Offload(job) => {
                    let (ended, waker) = (run_job(job), Waker::noop());
                    self.engine.finish_job(&self.worker, session, words, &mut reply, ended, waker);
                    break;
                }
                _ => panic!("nobody else holds a shard"),
            }
        }
        self.engine.end_turn(&self.worker);
        String::from_utf8_lossy(reply.as_bytes()).replace("\r\n", " ").trim_end().to_owned()
    }

    /// Runs a command of words separated by blanks.
    fn run(&mut self, line: &str) -> String {
        self.call(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Runs every line `command -> reply` and compares; those without an arrow answer `+OK`.
    fn check(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (command, expected) = line.split_once(" -> ").unwrap_or((line, "+OK"));
            assert_eq!(self.run(command), expected.trim(), "{command}");
        }
    }

    /// The effects since the last call, SELECT left out.
    fn effects(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        self.log.read(usize::MAX, &mut bytes).expect("the ring is large enough");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words =
            |part: &str| part.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ");
        let commands = text.split("\r\n*").map(|part| words(part.trim_start_matches('*')));
        let commands = commands.map(|line| line.trim_end().to_owned());
        commands.filter(|line| !line.is_empty() && !line.starts_with("SELECT")).collect()
    }

    /// The events since the last call, as `name(key)`.
    fn events(&mut self) -> String {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let shown = events.iter().map(|e| format!("{}({})", e.name, e.key.escape_ascii()));
        shown.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn series_are_made_and_take_samples() {
    Client::new().check(
        "TS.CREATE -> -ERR wrong number of arguments for 'ts.create' command
         TS.CREATE a RETENTION 100 LABELS x 1 y 2
         TS.CREATE a -> -ERR TSDB: key already exists
         TS.CREATE q ENCODING foo -> -ERR TSDB: unknown ENCODING parameter
         OBJECT ENCODING a -> $3 raw
         TYPE a -> +TSDB-TYPE
         TS.ADD a 1000 1.5 -> :1000
         TS.ADD a abc 1 -> -ERR TSDB: invalid timestamp
         TS.ADD a 1000 -> -ERR wrong number of arguments for 'ts.add' command
         TS.ADD a 1000 1 -> -ERR TSDB: Error at upsert, update is not supported when DUPLICATE_POLICY is set to BLOCK mode
         TS.ADD a 2000 xx -> -ERR TSDB: invalid value
         TS.ADD a 1000 1 RETENTION x ON_DUPLICATE y -> -ERR TSDB: Unknown DUPLICATE_POLICY
         TS.ADD a 1000 1 RETENTION x ON_DUPLICATE sum -> :1000
         TS.GET a -> *2 :1000 +2.5
         TS.ADD a 800 1 -> -ERR TSDB: Timestamp is older than retention
         TS.ADD b 5 0.5 RETENTION x -> -ERR TSDB: Couldn't parse RETENTION
         TS.ADD b 5 0.5 LABELS l v -> :5
         TS.RANGE b - + -> *1 *2 :5 +5E-1
         SET s 1
         TS.ADD s 1 1 -> -ERR TSDB: the key is not a TSDB key
         TS.CREATE s -> -ERR TSDB: key already exists
         TS.ALTER nokey -> -ERR TSDB: the key does not exist
         TS.ALTER s -> -WRONGTYPE Operation against a key holding the wrong kind of value
         TS.CREATE i DUPLICATE_POLICY last IGNORE 5 5
         TS.ADD i 100 1 -> :100
         TS.ADD i 101 1 -> :100
         TS.RANGE i - + -> *1 *2 :100 +1",
    );
}

#[test]
fn many_samples_have_a_reply_each() {
    let mut client = Client::new();
    client.check(
        "TS.CREATE a
         SET s 1
         TS.MADD -> -ERR wrong number of arguments for 'ts.madd' command
         TS.MADD a 1 -> -ERR wrong number of arguments for 'ts.madd' command
         TS.MADD a 1 1 a 2 -> -ERR wrong number of arguments for 'ts.madd' command
         TS.MADD nokey 1 1 -> *1 -ERR TSDB: the key is not a TSDB key
         TS.MADD a 1 1 b 1 1 a 2 x a zz 1 s 1 1 a 1 5 a 2 2 -> *7 :1 -ERR TSDB: the key is not a TSDB key -ERR TSDB: invalid value -ERR TSDB: invalid timestamp -ERR TSDB: the key is not a TSDB key -ERR TSDB: Error at upsert, update is not supported when DUPLICATE_POLICY is set to BLOCK mode :2
         TS.RANGE a - + -> *2 *2 :1 +1 *2 :2 +2",
    );
    client.effects();
    client.events();
    let reply = client.run("TS.MADD a 3 1 a * 2");
    let now = reply.strip_prefix("*2 :3 :").expect("two timestamps");
    assert!(now.parse::<u64>().is_ok_and(|now| now > 1_700_000_000_000));
    assert_eq!(client.effects(), [format!("TS.MADD a 3 1 a {now} 2")]);
    assert_eq!(client.events(), "ts.add(a) ts.add(a)");
}

#[test]
fn steps_begin_at_the_latest_value() {
    let mut client = Client::new();
    client.check(
        "TS.INCRBY n -> -ERR wrong number of arguments for 'ts.incrby' command
         TS.INCRBY n 5 TIMESTAMP 10 -> :10
         TS.INCRBY n 5 TIMESTAMP 9 -> -TSDB: timestamp must be equal to or higher than the maximum existing timestamp
         TS.INCRBY n x -> -ERR TSDB: invalid increase/decrease value
         TS.INCRBY n 1 TIMESTAMP x -> -ERR TSDB: invalid timestamp
         TS.DECRBY n 2 TIMESTAMP 11 -> :11
         TS.INCRBY n +5 TIMESTAMP 11 -> :11
         TS.RANGE n - + -> *2 *2 :10 +5 *2 :11 +8
         TS.INCRBY new x -> -ERR TSDB: invalid increase/decrease value
         EXISTS new -> :0
         SET s 1
         TS.INCRBY s 1 -> -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
    client.effects();
    let now = client.run("TS.INCRBY m 1 LABELS x 1").split_off(1);
    assert_eq!(client.effects(), [format!("TS.INCRBY m 1 TIMESTAMP {now} LABELS x 1")]);
    let now = client.run("TS.ADD o * 1 LABELS x 1").split_off(1);
    assert_eq!(client.effects(), [format!("TS.ADD o {now} 1 LABELS x 1")]);
}

#[test]
fn one_series_is_read() {
    Client::new().check(
        "TS.GET -> -ERR wrong number of arguments for 'ts.get' command
         TS.GET nokey -> -ERR TSDB: the key does not exist
         TS.RANGE nokey - + -> -ERR TSDB: the key does not exist
         SET s 1
         TS.GET s -> -WRONGTYPE Operation against a key holding the wrong kind of value
         TS.RANGE s - + -> -WRONGTYPE Operation against a key holding the wrong kind of value
         TS.CREATE a
         TS.GET a -> *0
         TS.GET a foo -> -ERR TSDB: wrong 3rd argument
         TS.GET a LATEST x -> -ERR wrong number of arguments for 'ts.get' command
         TS.MADD a 1 1 a 2 2 a 11 3 a 25 4 -> *4 :1 :2 :11 :25
         TS.GET a LATEST -> *2 :25 +4
         TS.RANGE a -> -ERR wrong number of arguments for 'ts.range' command
         TS.RANGE a 2 11 -> *2 *2 :2 +2 *2 :11 +3
         TS.REVRANGE a 2 11 -> *2 *2 :11 +3 *2 :2 +2
         TS.RANGE a - + COUNT 1 -> *1 *2 :1 +1
         TS.REVRANGE a - + COUNT 1 -> *1 *2 :25 +4
         TS.RANGE a - + COUNT 0 -> -ERR TSDB: Invalid COUNT value
         TS.RANGE a - + FILTER_BY_TS 2 25 FILTER_BY_VALUE 3 9 -> *1 *2 :25 +4
         TS.RANGE a - + AGGREGATION avg 10 -> *3 *2 :0 +1.5 *2 :10 +3 *2 :20 +4
         TS.RANGE a 1 + ALIGN start AGGREGATION sum 10 BUCKETTIMESTAMP end -> *3 *2 :11 +3 *2 :21 +3 *2 :31 +4
         TS.RANGE a - + AGGREGATION min,max 10 COUNT 1 -> *1 *3 :0 +1 +2
         TS.DEL a 0 -> -ERR wrong number of arguments for 'ts.del' command
         TS.DEL a 0 x -> -ERR TSDB: wrong toTimestamp
         TS.DEL nokey 0 1 -> -ERR TSDB: the key does not exist
         TS.DEL a 2 11 -> :2
         TS.RANGE a - + -> *2 *2 :1 +1 *2 :25 +4",
    );
    Client::resp3().check(
        "TS.ADD a 1 1.5 -> :1
         TS.GET a -> *2 :1 ,1.5
         TS.RANGE a - + -> *1 *2 :1 ,1.5",
    );
}

const INFO: &str = "TS.CREATE a RETENTION 100 LABELS x 1 y 2
    TS.CREATE d IGNORE 5 0.5 DUPLICATE_POLICY last
    TS.CREATERULE a d AGGREGATION std.p 10
    TS.MADD a 1 1.5 a 5 1 -> *2 :1 :5";

/// INFO with the bytes of memory left out.
fn info(client: &mut Client, line: &str) -> String {
    let text = client.run(line);
    let (before, after) = text.split_once("+memoryUsage :").expect("memory is told of");
    let after = after.split_once(' ').expect("more is told of").1;
    format!("{before}{after}")
}

#[test]
fn info_tells_of_everything() {
    let mut client = Client::new();
    client.check(INFO);
    client.check(
        "TS.INFO -> -ERR wrong number of arguments for 'ts.info' command
         TS.INFO nokey -> -ERR TSDB: the key does not exist
         TS.INFO a DEBUG x -> -ERR wrong number of arguments for 'ts.info' command",
    );
    assert_eq!(
        info(&mut client, "TS.INFO a"),
        "*28 +totalSamples :2 +firstTimestamp :1 +lastTimestamp :5 +retentionTime :100 \
         +chunkCount :1 +chunkSize :4096 +chunkType +compressed +duplicatePolicy $-1 \
         +labels *2 *2 $1 x $1 1 *2 $1 y $1 2 +sourceKey $-1 +rules *1 *4 $1 d :10 +STD.P :0 \
         +ignoreMaxTimeDiff :0 +ignoreMaxValDiff $1 0"
    );
    assert_eq!(
        info(&mut client, "TS.INFO d foo"),
        "*28 +totalSamples :0 +firstTimestamp :0 +lastTimestamp :0 +retentionTime :0 \
         +chunkCount :1 +chunkSize :4096 +chunkType +compressed +duplicatePolicy +last \
         +labels *0 +sourceKey $1 a +rules *0 +ignoreMaxTimeDiff :5 +ignoreMaxValDiff $4 5E-1"
    );
    let mut client = Client::resp3();
    client.check(INFO);
    assert_eq!(
        info(&mut client, "TS.INFO a"),
        "%14 +totalSamples :2 +firstTimestamp :1 +lastTimestamp :5 +retentionTime :100 \
         +chunkCount :1 +chunkSize :4096 +chunkType +compressed +duplicatePolicy _ \
         +labels %2 $1 x $1 1 $1 y $1 2 +sourceKey _ +rules %1 $1 d *3 :10 +STD.P :0 \
         +ignoreMaxTimeDiff :0 +ignoreMaxValDiff ,0"
    );
    let debug = client.run("TS.INFO a DEBUG");
    assert!(debug.starts_with("%16 "));
    assert!(debug.contains(" +keySelfName $1 a +Chunks *1 %5 +startTimestamp :1 +endTimestamp :5"));
}

#[test]
fn a_watched_series_that_gets_samples_ends_the_transaction() {
    for write in ["TS.ADD a 5 1", "TS.MADD a 5 1", "TS.INCRBY a 1 TIMESTAMP 5", "TS.DEL a - +"] {
        let mut client = Client::new();
        client.check("TS.ADD a 1 1 -> :1\nWATCH a");
        client.run(write);
        client.check("MULTI\nTS.GET a -> +QUEUED\nEXEC -> *-1");
    }
}
