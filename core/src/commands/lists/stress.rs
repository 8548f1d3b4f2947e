//! Threads that push, pop, move and wait at the same time: no element may be lost or doubled, and
//! nobody may be left waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use crate::blocking::Mailbox;
use crate::command::Step;
use crate::engine::{Engine, Worker};
use crate::reply::Reply;
use crate::session::Session;

const THREADS: usize = 4;
const ELEMENTS: usize = 4000;

/// What unblocks whoever waits when all is done.
const STOP: &str = "stop";

/// A thread's bell: rung by wakers and by deliveries.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    sound: Condvar,
    mail: Mutex<Option<Vec<u8>>>,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.sound.notify_one();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap();
        // So long that only a lost wake-up can last it out.
        let long = Duration::from_secs(60);
        let (mut rung, result) = self.sound.wait_timeout_while(rung, long, |rung| !*rung).unwrap();
        assert!(!result.timed_out(), "a wake-up was lost");
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

impl Mailbox for Bell {
    fn deliver(&self, reply: Vec<u8>, _offset: u64) {
        *self.mail.lock().unwrap() = Some(reply);
        self.ring();
    }
}

/// A thread with one connection.
struct Actor<'e> {
    engine: &'e Engine,
    worker: Worker,
    session: Session,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<'e> Actor<'e> {
    fn new(engine: &'e Engine) -> Self {
        let bell = Arc::new(Bell::default());
        let mut session = Session::new(engine.next_session_id(), Box::new(()));
        session.mailbox = Some(Arc::clone(&bell) as Arc<dyn Mailbox>);
        let waker = Waker::from(Arc::clone(&bell));
        Self { engine, worker: engine.worker(), session, bell, waker }
    }

    /// Runs a command, waiting as long as it takes; `impatient` ends a blocked command at once.
    fn call(&mut self, line: &str, impatient: bool) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = Reply::default();
        loop {
            self.engine.begin_turn(&self.worker);
            let step =
                self.engine.call(&self.worker, &mut self.session, &args, &mut reply, &self.waker);
            self.engine.end_turn(&self.worker);
            match step {
                Step::Done => break,
                Step::Again => {}
                Step::Parked => self.bell.wait(),
                Step::Blocked => {
                    let bytes = self.wait_for_reply(impatient);
                    return String::from_utf8(bytes).unwrap();
                }
                Step::Offload(_) => unreachable!("no command of this test is offloaded"),
            }
        }
        String::from_utf8(reply.take()).unwrap()
    }

    fn wait_for_reply(&mut self, impatient: bool) -> Vec<u8> {
        loop {
            if impatient && self.session.blocked.is_some() {
                let poll = self.engine.poll_unblock(&self.worker, &mut self.session, &self.waker);
                self.engine.end_turn(&self.worker);
                if let Poll::Ready(Some(reply)) = poll {
                    return reply;
                }
            }
            if let Some(reply) = self.bell.mail.lock().unwrap().take() {
                self.session.blocked = None;
                return reply;
            }
            self.bell.wait();
        }
    }
}

/// The last word of a reply, if it is one of those that `push` made.
fn element(reply: &str) -> Option<usize> {
    reply.trim_end().rsplit("\r\n").next()?.strip_prefix('e')?.parse().ok()
}

fn push(engine: &Engine, thread: usize) {
    let mut actor = Actor::new(engine);
    for n in 0..ELEMENTS {
        let id = thread * ELEMENTS + n;
        let key = ["{a}1", "b", "c"][n % 3];
        match n % 50 {
            0 => {
                actor.call("MULTI", false);
                actor.call(&format!("RPUSH {key} e{id}"), false);
                actor.call("EXEC", false);
            }
            _ => drop(actor.call(&format!("LPUSH {key} e{id}"), false)),
        }
    }
}

/// How far the test got.
struct Progress {
    /// How often each element was taken.
    seen: Vec<AtomicUsize>,
    /// Elements that nobody has taken yet.
    left: AtomicUsize,
    /// Threads that still take elements.
    taking: AtomicUsize,
}

impl Progress {
    fn is_over(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

/// Takes elements until all have been seen. The first two threads wait for ever, the others give
/// up at once, so that waits end in every way there is.
fn pop(engine: &Engine, thread: usize, progress: &Progress) {
    let mut actor = Actor::new(engine);
    let mut round = 0;
    while !progress.is_over() {
        round += 1;
        let command = match (round + thread) % 4 {
            0 => "BLMOVE b c LEFT RIGHT 0",
            1 => "BLPOP c {a}1 0",
            2 => "BRPOP {a}1 c b 0",
            _ => "BLMPOP 0 2 c b RIGHT",
        };
        let reply = actor.call(command, thread > 1);
        if let Some(id) = element(&reply)
            && !command.starts_with("BLMOVE")
        {
            progress.seen[id].fetch_add(1, Ordering::SeqCst);
            progress.left.fetch_sub(1, Ordering::SeqCst);
        }
    }
    progress.taking.fetch_sub(1, Ordering::SeqCst);
}

/// Closes the gate now and then, and in the end lets those go who still wait.
fn sweep(engine: &Engine, progress: &Progress) {
    let mut actor = Actor::new(engine);
    while progress.taking.load(Ordering::SeqCst) > 0 {
        actor.call("MULTI", false);
        actor.call("TEST.ALL", false);
        actor.call("EXEC", false);
        if progress.is_over() {
            actor.call(&format!("RPUSH b {STOP}"), false);
            actor.call(&format!("RPUSH c {STOP}"), false);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A command that needs all shards.
const ALL: &[crate::command::Spec] = &[crate::command::Spec {
    name: "test.all",
    arity: 1,
    reach: crate::command::Reach::All,
    handler: |ctx, _| {
        assert!(ctx.space.held().owns_all());
        ctx.reply.ok();
        Ok(crate::command::Flow::Done)
    },
    ..crate::command::Spec::DEFAULT
}];

#[test]
fn nothing_is_lost_or_doubled() {
    let engine = Engine::new(1, Vec::new(), |registry| registry.add(ALL));
    let progress = Progress {
        seen: (0..THREADS * ELEMENTS).map(|_| AtomicUsize::new(0)).collect(),
        left: AtomicUsize::new(THREADS * ELEMENTS),
        taking: AtomicUsize::new(THREADS),
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, progress) = (&engine, &progress);
            scope.spawn(move || push(engine, thread));
            scope.spawn(move || pop(engine, thread, progress));
        }
        scope.spawn(|| sweep(&engine, &progress));
    });
    assert!(progress.seen.iter().all(|times| times.load(Ordering::SeqCst) == 1));
}
