//! An I/O thread: its runtime, its connections and its box.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use cairn_core::clock;
use cairn_core::effects::NotDurable;
use cairn_core::keyspace::{ExpireCursor, Place, WARM_MAX};
use cairn_core::session::Session;
use cairn_core::{Engine, Worker};
use tokio::task::LocalSet;

use super::balance::Balancer;
use super::connection::{Connection, Inbox};
use super::durable::{self, Replies};
use super::mailbox::{Address, Letter, Message, ThreadBox, Traveller};
use super::stream::{Accepted, Stream};
use crate::aof::backup::Backup;
use crate::client::{Client, ClientSeed};
use crate::persist::schedule;
use crate::resp::Buffers;
use crate::server::Server;

/// Keys of different connections that are fetched together, well within the first-level cache.
const AHEAD_MAX: usize = 4 * WARM_MAX;

/// What the connections of a thread share.
pub struct ThreadState {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The thread's part of it.
    pub worker: Worker,
    /// The server.
    pub server: Arc<Server>,
    /// Request memory that active connections borrow.
    pub spare: RefCell<Vec<Buffers>>,
    /// Reply memory, likewise.
    pub spare_out: RefCell<Vec<Vec<u8>>>,
    /// Where the keys are that arrived commands are about, in one logical database.
    ahead: RefCell<(usize, Vec<Place>)>,
    /// Replies that wait until the log is durable.
    pub replies: Replies,
    number: usize,
    mailbox: Arc<ThreadBox>,
    seats: RefCell<HashMap<u64, Seat>>,
}

/// Where letters for a connection go.
enum Seat {
    /// This thread serves it.
    Here(Rc<RefCell<Inbox>>),
    /// Another thread does, or passes them on.
    Away(Arc<ThreadBox>),
}

/// Starts I/O thread `number`, which serves until it is told to stop.
///
/// # Errors
/// When the system cannot start a thread.
pub fn start(
    server: Arc<Server>,
    number: usize,
    mailbox: Arc<ThreadBox>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("io-{number}")).spawn(move || {
        let runtime = match runtime(&server, number) {
            Ok(runtime) => runtime,
            Err(error) => {
                server.log.warning(&format!("I/O thread {number} could not start: {error}"));
                return;
            }
        };
        server.balance.watch_this(number);
        let engine = Arc::clone(&server.engine);
        let state = Rc::new(ThreadState {
            worker: engine.worker(),
            engine,
            server,
            spare: RefCell::default(),
            spare_out: RefCell::default(),
            ahead: RefCell::default(),
            replies: Replies::default(),
            number,
            mailbox,
            seats: RefCell::default(),
        });
        let tasks = LocalSet::new();
        tasks.spawn_local(cron(Rc::clone(&state)));
        tasks.spawn_local(durable::release(Rc::clone(&state)));
        tasks.block_on(&runtime, read_mail(state));
    })
}

fn runtime(server: &Arc<Server>, number: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let (resting, working) = (Arc::clone(server), Arc::clone(server));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || resting.resting.rests(number))
        .on_thread_unpark(move || working.resting.works(number))
        .build()
}

/// Hands out what arrives in the thread's box, until told to stop.
async fn read_mail(state: Rc<ThreadState>) {
    loop {
        for message in state.mailbox.receive().await {
            match message {
                Message::Connect(stream) => connect(&state, stream),
                Message::Arrive(traveller) => arrive(&state, *traveller),
                Message::Forget(client) => state.forget(client),
                Message::To(client, letter) => state.put(client, letter),
                Message::PushAll(clients, bytes, offset) => {
                    for client in clients {
                        state.put(client, Letter::Push(Arc::clone(&bytes), offset));
                    }
                }
                Message::Run(work) => work(),
                Message::Stop => return,
            }
        }
    }
}

/// Begins to serve a new connection.
fn connect(state: &Rc<ThreadState>, accepted: Accepted) {
    let stream = match accepted.adopt() {
        Ok(stream) => stream,
        Err(error) => {
            state.server.log.warning(&format!("a connection could not be served: {error}"));
            state.server.leave();
            return;
        }
    };
    let id = state.engine.next_session_id();
    let mailbox = Arc::clone(&state.mailbox);
    let client = Client::new(ClientSeed {
        id,
        addr: stream.peer(),
        laddr: stream.local(),
        fd: stream.fd(),
        unix: matches!(stream, Stream::Unix(_)),
        thread: state.number,
        mailbox: Arc::clone(&mailbox),
        created: clock::now_nanos() / 1_000_000_000,
    });
    let mut session = Session::new(id, Box::new(Arc::clone(&client)));
    session.mailbox = Some(Arc::new(Address { thread: mailbox, client: id }));
    state.server.connected(&client, &mut session);
    serve(state, stream, session, client);
}

/// Goes on serving a connection that another thread has served.
fn arrive(state: &Rc<ThreadState>, traveller: Traveller) {
    let Traveller { socket, mut session, client } = traveller;
    let home = &state.server.threads[client.thread];
    let stream = match socket.adopt() {
        Ok(stream) => stream,
        Err(error) => {
            state.server.log.warning(&format!("a connection could not be served on: {error}"));
            state.engine.abandon(&mut session);
            state.server.disconnected(&client, &mut session);
            return home.send(Message::Forget(client.id));
        }
    };
    if let Some(Seat::Away(last)) = state.seats.borrow_mut().remove(&client.id) {
        // It has come home: from now on no letters go to where it was.
        last.send(Message::Forget(client.id));
    }
    client.fd.store(stream.fd(), Ordering::Relaxed);
    client.seat.store(state.number, Ordering::Relaxed);
    let mailbox = Arc::clone(&state.mailbox);
    session.mailbox = Some(Arc::new(Address { thread: mailbox, client: client.id }));
    serve(state, stream, session, client);
}

/// Serves a connection until it ends or moves to another thread.
fn serve(state: &Rc<ThreadState>, stream: Stream, session: Session, client: Arc<Client>) {
    let (id, home) = (client.id, client.thread);
    let inbox = Rc::new(RefCell::new(Inbox::default()));
    state.seats.borrow_mut().insert(id, Seat::Here(Rc::clone(&inbox)));
    let state = Rc::clone(state);
    tokio::task::spawn_local(async move {
        let connection = Connection::new(Rc::clone(&state), stream, session, client, inbox);
        match connection.serve().await {
            Some(traveller) => state.send_off(traveller),
            None => {
                state.forget(id);
                if home != state.number {
                    state.server.threads[home].send(Message::Forget(id));
                }
            }
        }
    });
}

impl ThreadState {
    /// Whether a reply that saw `offset` may leave; while that is open, `waker` is called when it
    /// may have changed.
    ///
    /// # Errors
    /// It may not, now or ever: its connection is to be closed.
    #[inline]
    pub fn poll_durable(&self, offset: u64, waker: &Waker) -> Poll<Result<(), NotDurable>> {
        self.replies.poll(&self.engine.effects, offset, waker)
    }

    /// Notes the key of a command that has arrived and will run soon.
    pub fn note_ahead(&self, db: usize, key: &[u8]) {
        let (of, places) = &mut *self.ahead.borrow_mut();
        if places.is_empty() {
            *of = db;
        }
        if *of == db && places.len() < AHEAD_MAX {
            places.push(self.engine.keyspace.place(key));
        }
    }

    /// Brings the keys noted so far into the cache.
    pub fn warm_ahead(&self) {
        let (db, places) = &mut *self.ahead.borrow_mut();
        if places.len() > 1 {
            for some in places.chunks(WARM_MAX) {
                self.engine.warm(&self.worker, *db, some);
            }
        }
        places.clear();
    }

    /// Whether another thread is to serve a connection whose home is thread `home`.
    #[inline]
    pub fn is_wrong_for(&self, home: usize) -> bool {
        self.server.balance.seat(home) != self.number
    }

    /// Sends a connection to where it is to be served: from elsewhere by way of its home, which
    /// passes its letters on. They never overtake it, since both take the same way.
    fn send_off(&self, traveller: Box<Traveller>) {
        let (id, home) = (traveller.client.id, traveller.client.thread);
        let to = if self.number == home { self.server.balance.seat(home) } else { home };
        let to = Arc::clone(&self.server.threads[to]);
        self.seats.borrow_mut().insert(id, Seat::Away(Arc::clone(&to)));
        to.send(Message::Arrive(traveller));
    }

    fn forget(&self, client: u64) {
        self.seats.borrow_mut().remove(&client);
    }

    fn put(&self, client: u64, letter: Letter) {
        match self.seats.borrow().get(&client) {
            Some(Seat::Here(inbox)) => inbox.borrow_mut().put(letter),
            Some(Seat::Away(mailbox)) => mailbox.send(Message::To(client, letter)),
            None => {}
        }
    }
}

/// The share of a cron period that eviction may take, as a divisor.
const EVICT_SHARE: u32 = 4;

/// Regular work: the first thread expires keys, forgets dead watchers, and looks after clients.
async fn cron(state: Rc<ThreadState>) {
    let period = Duration::from_secs(1) / state.server.hz();
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut cursor = ExpireCursor::default();
    let mut balancer = Balancer::default();
    loop {
        ticks.tick().await;
        if state.number != 0 {
            continue;
        }
        if state.server.gathers() {
            balancer.tick(&state.server.balance);
        }
        if state.server.persistence.is_loading() {
            state.server.cron();
            continue;
        }
        if state.server.active_expire() {
            let start = std::time::Instant::now();
            expire(&state, &mut cursor, period * state.server.expire_share() / 100).await;
            let millis = start.elapsed().as_millis() as u64;
            state.server.observers.latency.add("expire-cycle", millis, clock::now_millis() / 1000);
        }
        evict(&state, period / EVICT_SHARE).await;
        state.server.cron();
        if !state.server.cron_paused.load(Ordering::Relaxed) {
            schedule::tick(&state.server);
            Backup::tick(&state.server);
        }
    }
}

/// Makes room, since the limit may have been lowered and nobody may send commands.
async fn evict(state: &ThreadState, budget: Duration) {
    let start = std::time::Instant::now();
    while state.engine.tuning.maxmemory.load(Ordering::Relaxed) != 0 {
        let before = state.engine.totals().evicted;
        state.engine.make_room(&state.worker);
        state.engine.end_turn(&state.worker);
        if state.engine.totals().evicted == before || start.elapsed() >= budget {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Time that active expiry works before connections have their turn.
const EXPIRE_SLICE: Duration = Duration::from_millis(1);

async fn expire(state: &ThreadState, cursor: &mut ExpireCursor, budget: Duration) {
    let start = std::time::Instant::now();
    loop {
        let slice = std::time::Instant::now();
        let done = || slice.elapsed() >= EXPIRE_SLICE || !state.server.active_expire();
        let cycle = state.engine.expire_cycle(&state.worker, cursor, done);
        let spent = slice.elapsed().as_micros() as u64;
        state.server.expire_micros.fetch_add(spent, Ordering::Relaxed);
        if cycle.around || !state.server.active_expire() {
            return;
        }
        if start.elapsed() >= budget {
            state.server.expire_cut_short.fetch_add(1, Ordering::Relaxed);
            return;
        }
        tokio::task::yield_now().await;
    }
}
