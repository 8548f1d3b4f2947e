//! What the tests of command families share: an engine without a server, and clients whose
//! replies are text.

use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use crate::blocking::Mailbox;
use crate::command::Step;
use crate::effects::Reader;
use crate::engine::{Engine, Worker};
use crate::keyspace::{Space, shard_of};
use crate::reply::{Proto, Reply};
use crate::session::Session;

/// An engine and the thread that runs commands on it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    worker: Worker,
    effects: Reader,
}

/// A connection.
pub(crate) struct Client {
    pub(crate) session: Session,
    mail: Arc<Mail>,
}

/// Collects what is delivered to a blocked client.
#[derive(Default)]
struct Mail(Mutex<Vec<Vec<u8>>>);

impl Mailbox for Mail {
    fn deliver(&self, reply: Vec<u8>, _offset: u64) {
        self.0.lock().unwrap().push(reply);
    }
}

/// RESP with spaces for line breaks.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", " ").trim_end().to_owned()
}

impl Bench {
    pub(crate) fn new() -> Self {
        let engine = Engine::new(16, Vec::new(), |_| ());
        engine.effects.resize(1 << 20);
        let worker = engine.worker();
        let effects = engine.effects.reader(false);
        Self { engine, worker, effects }
    }

    pub(crate) fn client(&self) -> Client {
        let mail = Arc::new(Mail::default());
        let mut session = Session::new(self.engine.next_session_id(), Box::new(()));
        session.mailbox = Some(Arc::clone(&mail) as Arc<dyn Mailbox>);
        Client { session, mail }
    }

    /// Runs the command of these words; `None` when the client is blocked.
    pub(crate) fn try_call(&self, client: &mut Client, args: &[&[u8]]) -> Option<Vec<u8>> {
        let mut reply = Reply::new(client.session.proto);
        self.engine.begin_turn(&self.worker);
        let step = loop {
            let waker = Waker::noop();
            match self.engine.call(&self.worker, &mut client.session, args, &mut reply, waker) {
                Step::Again => {}
                step => break step,
            }
        };
        self.engine.end_turn(&self.worker);
        match step {
            Step::Done => Some(reply.take()),
            Step::Blocked => None,
            _ => panic!("nothing else was to be expected"),
        }
    }

    /// Runs a command of words without spaces. `(blocked)` when it waits.
    pub(crate) fn run(&self, client: &mut Client, line: &str) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.try_call(client, &args).map_or_else(|| "(blocked)".to_owned(), |bytes| text(&bytes))
    }

    /// Runs several commands, one a line as `command -> reply`, and compares.
    pub(crate) fn script(&self, client: &mut Client, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (command, expected) = line.split_once(" -> ").expect("a line needs an arrow");
            assert_eq!(self.run(client, command), expected, "{command}");
        }
    }

    /// The effects logged since the last call: names and arguments.
    pub(crate) fn effects(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        self.effects.read(usize::MAX, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let commands = text.split('*').filter(|part| !part.is_empty());
        let words =
            |part: &str| part.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ");
        commands.map(words).filter(|words| !words.starts_with("SELECT")).collect()
    }

    /// How many keys of a key's shard have a queue.
    pub(crate) fn queues_of(&self, key: &[u8]) -> usize {
        let shard = shard_of(key);
        let work = |space: &mut Space<'_>| space.shard(shard).queues.keys(0).len();
        let queues = self.engine.try_with(&self.worker, shard, work).expect("the shard is free");
        self.engine.end_turn(&self.worker);
        queues
    }

    /// Ends a blocked command because its time is up.
    pub(crate) fn time_out(&self, client: &mut Client) -> Option<String> {
        let poll = self.engine.poll_unblock(&self.worker, &mut client.session, Waker::noop());
        self.engine.end_turn(&self.worker);
        match poll {
            Poll::Ready(reply) => reply.map(|bytes| text(&bytes)),
            Poll::Pending => panic!("nobody else holds a shard"),
        }
    }
}

impl Client {
    /// What was delivered since the last call, which ends the blocked command.
    pub(crate) fn mail(&mut self) -> Option<String> {
        let all = std::mem::take(&mut *self.mail.0.lock().unwrap());
        assert!(all.len() <= 1, "a blocked command has one reply");
        let reply = all.first().map(|bytes| text(bytes));
        if reply.is_some() {
            self.session.blocked = None;
        }
        reply
    }

    pub(crate) fn resp3(mut self) -> Self {
        self.session.proto = Proto::Resp3;
        self
    }
}
