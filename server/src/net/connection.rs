//! A connection: bytes in, commands run, bytes out, as one state machine.
//!
//! [`Connection::poll`] does all that can be done now and registers for what it waits for: bytes
//! to read, room to write, a shard, a key, the log, a job, a letter from another thread. Commands
//! run in turns of at most [`TURN`], so that the connections of a thread share it fairly.
//!
//! When several connections have something to do, they do it in step: all read, then all run their
//! commands, then all send, each step in a poll of its own, since the thread polls those that woke
//! themselves after all others. So the keys of all commands can be fetched together, and the same
//! code runs many times in a row.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cairn_core::clock;
use cairn_core::command::{Ended, Step};
use cairn_core::keyspace::{Place, WARM_MAX};
use cairn_core::reply::{Proto, Reply};
use cairn_core::session::Session;
use smallvec::SmallVec;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::mailbox::{Letter, Traveller};
use super::stream::Stream;
use super::thread::ThreadState;
use crate::client::{After, Client, add};
use crate::resp::{Buffers, Limits, RequestReader, peek};

/// Commands that a connection runs before others on its thread have their turn.
const TURN: usize = 256;

/// Nanoseconds after which a turn ends early: searches and the steps of long commands take many
/// times as long as a GET.
const TURN_NANOS: u64 = 1_000_000;

/// Bytes that have arrived from which looking ahead is worth its cost: a few short commands.
const WARM_FROM: usize = 100;

/// Bytes of replies after which they are sent before more commands run.
const FLUSH_AT: usize = 64 * 1024;

/// Bytes that a connection sends before others on its thread have their turn.
const SEND_TURN: usize = 512 * 1024;

/// Bytes of unsent replies at which a connection without a limit of its own is closed.
const OUTPUT_MAX: usize = 4 << 30;

/// Bytes of requests that are read ahead of a command that waits. Reading on notices that the
/// client is gone; without a bound a client could fill memory with what it may not run yet.
const READ_AHEAD: usize = 256 * 1024;

/// A reply buffer larger than this is given back when it is empty.
const KEEP_OUTPUT: usize = 64 * 1024;

/// Why a connection ends.
#[derive(Debug)]
pub enum End {
    /// The client closed it, or its socket failed.
    Closed,
    /// The server closed it, after sending what was to be sent.
    Done,
    /// Another thread goes on serving it.
    Moves,
}

/// Why no more commands run at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// All that has arrived has run: more bytes are needed.
    Hungry,
    /// Replies are to be sent first.
    Full,
    /// A command waits: for a shard, a key, a job or the end of CLIENT PAUSE.
    Waiting,
}

/// What other tasks of the thread leave for a connection.
#[derive(Default)]
pub struct Inbox {
    letters: VecDeque<Letter>,
    /// Bytes of the messages among them.
    bytes: usize,
    waker: Option<Waker>,
}

impl Inbox {
    /// Leaves a letter and wakes the connection.
    pub fn put(&mut self, letter: Letter) {
        self.bytes += letter.bytes();
        self.letters.push_back(letter);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn take(&mut self) -> Option<Letter> {
        let letter = self.letters.pop_front()?;
        self.bytes -= letter.bytes();
        Some(letter)
    }
}

/// A connection on its thread.
pub struct Connection {
    thread: Rc<ThreadState>,
    stream: Stream,
    reader: RequestReader,
    session: Session,
    client: Arc<Client>,
    inbox: Rc<RefCell<Inbox>>,
    out: Reply,
    /// How much of `out` was sent.
    sent: usize,
    /// The log offset that `out` waits for.
    offset: u64,
    /// When a blocked command gives up.
    timer: Option<Pin<Box<Sleep>>>,
    /// When it is tried again although no key has changed.
    retry: Option<Pin<Box<Sleep>>>,
    /// The end of a wait is being carried out, with an error if true.
    unblocking: Option<bool>,
    /// A job on the query pool that the current command waits for.
    job: Option<oneshot::Receiver<Ended>>,
    /// Its end, once it is there.
    ended: Option<Ended>,
    /// `out` was held back once, for the others to run their commands first.
    replies_held: bool,
    /// A part of the current command's reply is in `out`, or was sent: pushes wait for its end.
    mid_reply: bool,
    /// Close once everything is sent.
    closing: bool,
    /// Close now: who was killed may never read what is to be sent.
    killed: bool,
    /// It goes on elsewhere, with session and client: what is left here is empty.
    moved: bool,
    /// It could not move.
    stays: bool,
    limits: Limits,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(
        thread: Rc<ThreadState>,
        stream: Stream,
        session: Session,
        client: Arc<Client>,
        inbox: Rc<RefCell<Inbox>>,
    ) -> Self {
        let limits = thread.server.limits(&session);
        Self {
            thread,
            stream,
            reader: RequestReader::new(),
            session,
            client,
            inbox,
            out: Reply::default(),
            sent: 0,
            offset: 0,
            timer: None,
            retry: None,
            unblocking: None,
            job: None,
            ended: None,
            replies_held: false,
            mid_reply: false,
            closing: false,
            killed: false,
            moved: false,
            stays: false,
            limits,
        }
    }

    /// Serves the connection until it ends, or until another thread is to serve it.
    pub async fn serve(mut self) -> Option<Box<Traveller>> {
        loop {
            match std::future::poll_fn(|cx| self.poll(cx)).await {
                End::Moves => {}
                End::Closed | End::Done => return None,
            }
            match self.stream.duplicate() {
                Ok(socket) => {
                    self.moved = true;
                    let session = Session::new(0, Box::new(()));
                    let session = std::mem::replace(&mut self.session, session);
                    let client = Arc::clone(&self.client);
                    return Some(Box::new(Traveller { socket, session, client }));
                }
                // There are no descriptors left.
                Err(_) => self.stays = true,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.inbox.borrow_mut().waker = Some(cx.waker().clone());
        let mut budget = TURN;
        loop {
            self.read_letters();
            let pause = match self.poll_wait(cx) {
                Poll::Ready(()) => self.run(cx, &mut budget),
                Poll::Pending => Pause::Waiting,
            };
            if pause == Pause::Hungry && !self.out.is_empty() && !self.replies_held {
                self.replies_held = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.replies_held = false;
            let sent = match self.poll_flush(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(End::Closed),
                Poll::Ready(Ok(())) if self.closing => return Poll::Ready(End::Done),
                Poll::Ready(Ok(())) => true,
                Poll::Pending if self.killed => return Poll::Ready(End::Done),
                Poll::Pending if self.too_much_output() => return Poll::Ready(End::Closed),
                Poll::Pending => false,
            };
            if self.closing {
                return Poll::Pending;
            }
            if budget == 0 {
                // Others first; this connection goes on where it stopped.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match pause {
                // More has arrived than has run.
                Pause::Full if sent => continue,
                // Who does not read replies has no more requests read.
                Pause::Full => return Poll::Pending,
                Pause::Waiting if self.reader.pending() > READ_AHEAD => return Poll::Pending,
                Pause::Waiting | Pause::Hungry => {}
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(End::Closed),
                Poll::Ready(Ok(_)) => {
                    self.look_ahead();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(End::Closed),
                Poll::Pending if self.moves() => return Poll::Ready(End::Moves),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whether it is to move to another thread, and may: nothing is under way, and nobody sends
    /// it letters whose order matters.
    #[inline]
    fn moves(&self) -> bool {
        self.thread.is_wrong_for(self.client.thread) && !self.stays && self.is_quiet()
    }

    fn is_quiet(&self) -> bool {
        let session = &self.session;
        let listens = session.subscribed > 0
            || session.tracks
            || self.client.monitors.load(Ordering::Relaxed);
        let waits = session.blocked.is_some() || self.job.is_some() || self.ended.is_some();
        !listens
            && !waits
            && !self.mid_reply
            && self.out.is_empty()
            && self.reader.pending() == 0
            && self.inbox.borrow().letters.is_empty()
    }

    /// Ready when the next command may run.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(job) = &mut self.job {
            match Pin::new(job).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(ended) => {
                    self.job = None;
                    self.ended = Some(ended.unwrap_or_else(|_| Ended::lost()));
                }
            }
        }
        if self.session.blocked.is_some() {
            return self.poll_blocked(cx);
        }
        Poll::Ready(())
    }

    /// Looks after a blocked command's time.
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.timer = None;
            self.unblocking.get_or_insert(false);
        }
        let Some(error) = self.unblocking else { return self.poll_retry(cx) };
        let (engine, worker) = (&self.thread.engine, &self.thread.worker);
        engine.begin_turn(worker);
        let result = engine.poll_unblock(worker, &mut self.session, cx.waker());
        engine.end_turn(worker);
        match result {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                // A write was faster: its reply is in the thread's box.
                self.unblocking = None;
                Poll::Pending
            }
            Poll::Ready(Some(bytes)) => {
                match error {
                    true => self.out.error("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
                    false => self.out.raw(&bytes),
                }
                self.end_wait();
                Poll::Ready(())
            }
        }
    }

    /// Tries a blocked command again when it is time. Its reply would come by letter.
    fn poll_retry(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(timer) = &mut self.retry {
            if timer.as_mut().poll(cx).is_pending() {
                break;
            }
            let (engine, worker) = (&self.thread.engine, &self.thread.worker);
            engine.begin_turn(worker);
            let result = engine.poll_retry(worker, &mut self.session, cx.waker());
            engine.end_turn(worker);
            let Poll::Ready(next) = result else { break };
            self.retry = next.map(|at| sleep_until(at as f64));
        }
        Poll::Pending
    }

    /// A blocked command has its reply.
    fn end_wait(&mut self) {
        self.session.blocked = None;
        self.timer = None;
        self.retry = None;
        self.unblocking = None;
        self.client.blocked.store(false, Ordering::Relaxed);
        self.client.set_waits(None);
        self.finish_command();
    }

    fn read_letters(&mut self) {
        if self.mid_reply {
            // Whoever does not read a long reply can be killed all the same.
            let letters = &self.inbox.borrow().letters;
            self.killed |= letters.iter().any(|letter| matches!(letter, Letter::Kill));
            self.closing |= self.killed;
            return;
        }
        loop {
            let Some(letter) = self.inbox.borrow_mut().take() else { return };
            match letter {
                Letter::Reply(bytes, offset) => {
                    self.out.raw(&bytes);
                    self.offset = self.offset.max(offset);
                    self.end_wait();
                }
                Letter::Push(bytes, offset) => {
                    self.out.raw(bytes.get(self.session.proto));
                    self.offset = self.offset.max(offset);
                }
                Letter::Invalidation(bytes, offset, redirected) => {
                    if self.session.proto == Proto::Resp3
                        || redirected && self.session.subscribed > 0
                    {
                        self.out.raw(bytes.get(self.session.proto));
                        self.offset = self.offset.max(offset);
                    }
                }
                Letter::Nudge => {}
                Letter::Unblock { error } => {
                    if self.session.blocked.is_some() {
                        self.unblocking = Some(error);
                    }
                }
                Letter::Kill => {
                    self.closing = true;
                    self.killed = true;
                }
            }
        }
    }

    /// Runs the commands that have arrived, and says why it stopped.
    fn run(&mut self, cx: &mut Context<'_>, budget: &mut usize) -> Pause {
        if self.closing || (self.thread.engine.effects.is_durable() && !self.out.is_empty()) {
            return Pause::Full;
        }
        let thread = Rc::clone(&self.thread);
        if self.out.buffer_mut().capacity() == 0
            && let Some(spare) = thread.spare_out.borrow_mut().pop()
        {
            *self.out.buffer_mut() = spare;
        }
        thread.warm_ahead();
        thread.worker.set_touches(!self.client.no_touch.load(Ordering::Relaxed));
        let (mut began, mut until) = (false, 0);
        let mut ran = 0;
        let mut until_warm = 0;
        let mut pause = Pause::Full;
        while *budget > 0 && !self.closing && self.out.len() - self.sent < FLUSH_AT {
            match self.reader.next(&self.limits) {
                Ok(true) => {}
                Ok(false) => {
                    pause = Pause::Hungry;
                    break;
                }
                Err(error) => {
                    if let Some(text) = error.reply() {
                        self.out.error(&String::from_utf8_lossy(&text));
                    }
                    self.closing = true;
                    break;
                }
            }
            if !began {
                thread.engine.begin_turn(&thread.worker);
                self.client.usage.arrived(&self.reader);
                began = true;
                until = thread.worker.nanos() + TURN_NANOS;
            }
            if until_warm == 0 {
                self.warm(&thread);
                until_warm = WARM_MAX;
            }
            until_warm -= 1;
            *budget -= 1;
            ran += 1;
            if !self.run_one(cx) {
                pause = Pause::Waiting;
                break;
            }
            if thread.worker.nanos() > until {
                *budget = 0;
            }
        }
        thread.engine.end_turn(&thread.worker);
        self.client.mirror(&self.session);
        self.client.usage.ran(&self.reader, &self.out, ran);
        pause
    }

    /// Brings the keys of the commands that have arrived on this connection into the cache.
    fn warm(&self, thread: &ThreadState) {
        let ahead = self.reader.ahead();
        if ahead.len() < WARM_FROM {
            return;
        }
        let mut places: SmallVec<[Place; WARM_MAX]> = SmallVec::new();
        peek::keys(ahead, WARM_MAX, |key| places.push(thread.engine.keyspace.place(key)));
        if places.len() > 1 {
            thread.engine.warm(&thread.worker, self.session.db, &places);
        }
    }

    /// Notes the key of a lone command that has just arrived, to be fetched with those of other
    /// connections.
    fn look_ahead(&self) {
        let ahead = self.reader.ahead();
        if ahead.len() < WARM_FROM {
            peek::keys(ahead, 1, |key| self.thread.note_ahead(self.session.db, key));
        }
    }

    /// Runs the command that the reader holds; false when the connection has to wait.
    fn run_one(&mut self, cx: &mut Context<'_>) -> bool {
        let args: SmallVec<[&[u8]; 8]> = self.reader.args().iter().collect();
        let thread = &self.thread;
        let from = self.out.len();
        let (engine, worker, waker) = (&thread.engine, &thread.worker, cx.waker());
        let (session, out) = (&mut self.session, &mut self.out);
        let step = match self.ended.take() {
            Some(ended) => engine.finish_job(worker, session, &args, out, ended, waker),
            None if thread.server.holds_back(session, &args, waker) => return false,
            None => engine.call(worker, session, &args, out, waker),
        };
        self.offset = self.offset.max(self.session.offset);
        match step {
            Step::Done => {
                drop(args);
                self.client.mute(&self.session, &mut self.out, from);
                self.mid_reply = false;
                self.finish_command();
                true
            }
            Step::Again => {
                if self.out.len() > from {
                    self.client.mute_part(&mut self.out, from);
                    self.mid_reply = true;
                }
                true
            }
            Step::Parked => false,
            Step::Blocked => {
                drop(args);
                self.begin_wait();
                false
            }
            Step::Offload(job) => {
                self.job = Some(thread.server.pool.run(job));
                // Polled at once, to register the waker.
                cx.waker().wake_by_ref();
                false
            }
        }
    }

    fn begin_wait(&mut self) {
        self.client.blocked.store(true, Ordering::Relaxed);
        let waiter = self.session.blocked.as_ref().map(|b| Arc::clone(&b.waiter));
        self.client.set_waits(waiter);
        let deadline = self.session.blocked.as_ref().and_then(|b| b.block.deadline);
        self.timer = deadline.map(sleep_until);
        let retry = self.session.blocked.as_ref().and_then(|b| b.block.retry);
        self.retry = retry.map(|at| sleep_until(at as f64));
        if self.timer.is_some() || self.retry.is_some() {
            // The timer registers itself when it is first polled.
            if let Some(waker) = &self.inbox.borrow().waker {
                waker.wake_by_ref();
            }
        }
    }

    /// The command's reply is complete.
    fn finish_command(&mut self) {
        self.reader.consume();
        match self.client.take_after() {
            After::Nothing => {}
            After::Relimit => self.limits = self.thread.server.limits(&self.session),
            After::Close => self.closing = true,
        }
    }

    /// Sends what is to be sent. Ready when all is.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let until = self.sent + SEND_TURN;
        while self.sent < self.out.len() {
            if self.sent >= until {
                // A client that reads as fast as this is sent would keep the thread.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.thread.poll_durable(self.offset, cx.waker()) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(lost)) => return Poll::Ready(Err(io::Error::other(lost))),
                Poll::Pending => return Poll::Pending,
            }
            let end = self.out.len().min(until);
            match self.stream.write(&self.out.as_bytes()[self.sent..end]) {
                Ok(n) => {
                    self.sent += n;
                    add(&self.client.usage.sent, n as u64);
                    add(&self.client.usage.writes, 1);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    match self.stream.poll_writable(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        self.sent = 0;
        self.out.truncate(0);
        self.client.note_sent();
        if self.out.buffer_mut().capacity() > KEEP_OUTPUT {
            self.out.buffer_mut().shrink_to(KEEP_OUTPUT);
        }
        Poll::Ready(Ok(()))
    }

    fn too_much_output(&self) -> bool {
        // What waits in the box for the end of a long reply is output as well.
        let pending = self.out.len() - self.sent + self.inbox.borrow().bytes;
        pending > OUTPUT_MAX || self.thread.server.over_output_limit(&self.client, pending)
    }

    /// Reads what has arrived. Pending when there is nothing.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.reader.borrow_from(&mut self.thread.spare.borrow_mut());
        let stream = &mut self.stream;
        let result = self.reader.fill(|buffer| stream.poll_read(cx, buffer));
        match result {
            Poll::Pending => self.go_idle(),
            Poll::Ready(ref read) => {
                add(&self.client.usage.received, *read.as_ref().unwrap_or(&0) as u64);
                add(&self.client.usage.reads, 1);
                let now = self.thread.worker.seconds();
                self.client.last_active.store(now, Ordering::Relaxed);
            }
        }
        result
    }

    /// Gives memory back while there is nothing to do, so that idle connections are cheap.
    fn go_idle(&mut self) {
        self.reader.return_to(&mut self.thread.spare.borrow_mut());
        if self.out.is_empty() {
            let spare = &mut *self.thread.spare_out.borrow_mut();
            let buffer = std::mem::take(self.out.buffer_mut());
            if buffer.capacity() > 0 && spare.len() < Buffers::SPARE_MAX {
                spare.push(buffer);
            }
        }
    }
}

/// Ends at a moment in Unix milliseconds.
fn sleep_until(at: f64) -> Pin<Box<Sleep>> {
    let left = at - clock::now_nanos() as f64 / 1e6;
    let left = Duration::try_from_secs_f64(left.max(0.0) / 1e3).unwrap_or(Duration::MAX);
    // Tokio's clock has a resolution of one millisecond and rounds up.
    Box::pin(sleep(left.min(Duration::from_secs(u64::from(u32::MAX)))))
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.moved {
            return;
        }
        self.thread.engine.abandon(&mut self.session);
        self.thread.server.disconnected(&self.client, &mut self.session);
    }
}
