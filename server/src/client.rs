//! What the server knows of a connection, visible to all threads: CLIENT LIST reads it, CLIENT
//! commands change it. The connection's own thread does the rest.

use std::collections::HashSet;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::blocking::Waiter;
use cairn_core::reply::Reply;
use cairn_core::session::Session;

use crate::net::mailbox::{Address, ThreadBox};
use crate::pubsub::Kind;
use crate::resp::RequestReader;
use crate::tracking;

/// What a connection has to do after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum After {
    /// Nothing special.
    Nothing,
    /// Ask for its limits again: it has authenticated, or settings have changed.
    Relimit,
    /// Close when the replies so far are sent.
    Close,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReplyMode {
    /// Replies are sent.
    On,
    /// No replies are sent.
    Off,
    /// The reply of the running command is not sent.
    SkipThis,
    /// The next command's reply is not sent.
    SkipNext,
}

/// What a client calls itself.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// CLIENT SETNAME.
    pub name: String,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: String,
    /// CLIENT SETINFO LIB-VER.
    pub lib_version: String,
    /// The ACL user.
    pub user: String,
}

/// What a connection takes and has done. Its own thread writes it, between turns; others read.
#[derive(Default)]
pub struct Usage {
    /// Bytes of requests that have arrived and not run.
    pub query: AtomicU64,
    /// Further bytes that the memory for requests has room for.
    pub query_free: AtomicU64,
    /// Bytes of commands that MULTI queued.
    pub multi: AtomicU64,
    /// Bytes of memory for replies.
    pub reply: AtomicU64,
    /// The most of it since it connected.
    pub reply_peak: AtomicU64,
    /// Bytes read.
    pub received: AtomicU64,
    /// Bytes written.
    pub sent: AtomicU64,
    /// Commands run.
    pub commands: AtomicU64,
    /// Times that there was something to read.
    pub reads: AtomicU64,
    /// Times that something was written.
    pub writes: AtomicU64,
}

/// Bytes of replies that CLIENT LIST counts as one block, which is how large Redis makes those that
/// it chains up behind a client's own buffer.
const REPLY_BLOCK: u64 = 16 * 1024;

/// Replies that wait to be sent, as CLIENT LIST shows them.
pub struct Unsent {
    /// Bytes of the first block.
    pub first: u64,
    /// How many blocks there are behind it.
    pub blocks: u64,
    /// Bytes in those.
    pub rest: u64,
}

/// Adds to a figure that one thread writes.
#[inline]
pub fn add(figure: &AtomicU64, by: u64) {
    figure.store(figure.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Usage {
    /// Notes what has arrived, before it runs.
    pub fn arrived(&self, reader: &RequestReader) {
        let pending = reader.pending();
        self.query.store(pending as u64, Ordering::Relaxed);
        let free = reader.memory().saturating_sub(pending);
        self.query_free.store(free as u64, Ordering::Relaxed);
    }

    /// Notes what is left, after some commands ran.
    pub fn ran(&self, reader: &RequestReader, out: &Reply, commands: u64) {
        self.arrived(reader);
        let reply = out.capacity() as u64;
        self.reply.store(reply, Ordering::Relaxed);
        if reply > self.reply_peak.load(Ordering::Relaxed) {
            self.reply_peak.store(reply, Ordering::Relaxed);
        }
        add(&self.commands, commands);
    }

    /// Bytes that the connection takes, besides its own structures.
    pub fn memory(&self) -> u64 {
        [&self.query, &self.query_free, &self.multi, &self.reply]
            .iter()
            .map(|figure| figure.load(Ordering::Relaxed))
            .sum()
    }
}

/// A connection.
pub struct Client {
    /// The session's number.
    pub id: u64,
    /// The peer's address.
    pub addr: String,
    /// The own address.
    pub laddr: String,
    /// The socket's file descriptor number.
    pub fd: AtomicI32,
    /// Whether it came over a Unix socket.
    pub unix: bool,
    /// The number of its home, the I/O thread that accepted it.
    pub thread: usize,
    /// The home's box, for all letters. The home passes them on if another thread serves it.
    pub mailbox: Arc<ThreadBox>,
    /// The number of the I/O thread that serves it.
    pub seat: AtomicUsize,
    /// When it connected, in Unix seconds.
    pub created: u64,
    /// When it last sent something, in Unix seconds.
    pub last_active: AtomicU64,
    /// The number of the last command that it ran.
    pub last_command: AtomicU32,
    /// The database it has selected.
    pub db: AtomicU32,
    /// 2 or 3.
    pub proto: AtomicU8,
    /// Commands queued by MULTI, -1 outside of one.
    pub queued: AtomicI64,
    /// Keys it watches.
    pub watching: AtomicU32,
    /// Whether a blocking command waits.
    pub blocked: AtomicBool,
    /// The blocking command that waits.
    pub waits: Mutex<Option<Arc<Waiter>>>,
    /// Channels, patterns and shard channels it is subscribed to.
    pub subscriptions: [AtomicU32; 3],
    /// Bytes of replies that wait to be sent.
    pub output: AtomicU64,
    /// Since when they are over the soft limit, in Unix seconds; 0 when they are not.
    pub over_soft_since: AtomicU64,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH.
    pub no_touch: AtomicBool,
    /// MONITOR.
    pub monitors: AtomicBool,
    /// Client-side caching.
    pub tracking: tracking::State,
    /// What it takes and has done.
    pub usage: Usage,
    names: Mutex<Names>,
    listening: Mutex<[HashSet<Box<[u8]>>; 3]>,
    after: AtomicU8,
    reply_mode: AtomicU8,
}

/// What a new [`Client`] is made from.
pub struct ClientSeed {
    /// See [`Client::id`].
    pub id: u64,
    /// See [`Client::addr`].
    pub addr: String,
    /// See [`Client::laddr`].
    pub laddr: String,
    /// See [`Client::fd`].
    pub fd: i32,
    /// See [`Client::unix`].
    pub unix: bool,
    /// See [`Client::thread`].
    pub thread: usize,
    /// See [`Client::mailbox`].
    pub mailbox: Arc<ThreadBox>,
    /// See [`Client::created`].
    pub created: u64,
}

impl Client {
    /// A client that has just connected.
    pub fn new(seed: ClientSeed) -> Arc<Self> {
        let ClientSeed { id, addr, laddr, fd, unix, thread, mailbox, created } = seed;
        let user = "default".to_string();
        Arc::new(Self {
            id,
            addr,
            laddr,
            fd: AtomicI32::new(fd),
            unix,
            thread,
            mailbox,
            seat: AtomicUsize::new(thread),
            created,
            last_active: AtomicU64::new(created),
            last_command: AtomicU32::new(u32::MAX),
            db: AtomicU32::new(0),
            proto: AtomicU8::new(2),
            queued: AtomicI64::new(-1),
            watching: AtomicU32::new(0),
            blocked: AtomicBool::new(false),
            waits: Mutex::default(),
            subscriptions: Default::default(),
            output: AtomicU64::new(0),
            over_soft_since: AtomicU64::new(0),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            monitors: AtomicBool::new(false),
            tracking: tracking::State::default(),
            usage: Usage::default(),
            names: Mutex::new(Names { user, ..Names::default() }),
            listening: Mutex::default(),
            after: AtomicU8::new(After::Nothing as u8),
            reply_mode: AtomicU8::new(ReplyMode::On as u8),
        })
    }

    /// The client behind a session.
    ///
    /// `None` for sessions that are not connections, such as a script's.
    pub fn of(session: &Session) -> Option<&Arc<Client>> {
        session.ext.downcast_ref::<Arc<Client>>()
    }

    /// Has replies of blocked commands take the way of all other letters, so that the client sees
    /// them in the order in which they were sent. Otherwise they go straight to who serves it.
    pub fn keep_order(&self, session: &mut Session) {
        let thread = Arc::clone(&self.mailbox);
        session.mailbox = Some(Arc::new(Address { thread, client: self.id }));
    }

    /// What it calls itself.
    pub fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Tells the connection what to do after the running command. Closing outweighs the rest,
    /// whichever thread says what first.
    pub fn then(&self, after: After) {
        self.after.fetch_max(after as u8, Ordering::Relaxed);
    }

    /// Remembers which blocking command waits, for INFO.
    pub fn set_waits(&self, waiter: Option<Arc<Waiter>>) {
        *self.waits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = waiter;
    }

    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        let ip = self.addr.parse::<std::net::SocketAddr>().map(|a| a.ip().to_canonical());
        self.unix || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Takes what there is to do after a command.
    #[inline]
    pub fn take_after(&self) -> After {
        if self.after.load(Ordering::Relaxed) == After::Nothing as u8 {
            return After::Nothing;
        }
        match self.after.swap(After::Nothing as u8, Ordering::Relaxed) {
            0 => After::Nothing,
            1 => After::Relimit,
            _ => After::Close,
        }
    }

    /// CLIENT REPLY.
    pub fn set_reply_mode(&self, mode: ReplyMode) {
        self.reply_mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Takes back what a command wrote from `from` on, if its reply is not to be sent.
    #[inline]
    pub fn mute(&self, session: &Session, out: &mut Reply, from: usize) {
        if self.reply_mode.load(Ordering::Relaxed) != ReplyMode::On as u8 {
            self.mute_reply(session, out, from);
        }
    }

    /// Drops a part of a reply from `from` on if the whole of it is not wanted.
    pub fn mute_part(&self, out: &mut Reply, from: usize) {
        if matches!(self.reply_mode.load(Ordering::Relaxed), 1 | 2) {
            out.truncate(from);
        }
    }

    #[cold]
    fn mute_reply(&self, session: &Session, out: &mut Reply, from: usize) {
        // What (un)subscribing answers is a push, which CLIENT REPLY does not concern.
        let pushes = session.last_command.is_some_and(|c| c.name.ends_with("subscribe"));
        match self.reply_mode.load(Ordering::Relaxed) {
            1 if !pushes => out.truncate(from),
            2 => {
                if !pushes {
                    out.truncate(from);
                }
                self.set_reply_mode(ReplyMode::On);
            }
            3 => self.set_reply_mode(ReplyMode::SkipThis),
            _ => {}
        }
    }

    /// Notes a subscription; false when it was there already.
    pub fn listen(&self, kind: Kind, name: &[u8]) -> bool {
        self.change_listening(kind, |names| names.insert(name.into()))
    }

    /// Forgets a subscription; false when there was none.
    pub fn unlisten(&self, kind: Kind, name: &[u8]) -> bool {
        self.change_listening(kind, |names| names.remove(name))
    }

    /// What the connection is subscribed to.
    pub fn listens_to(&self, kind: Kind) -> Vec<Box<[u8]>> {
        self.listening()[kind as usize].iter().cloned().collect()
    }

    fn change_listening(
        &self,
        kind: Kind,
        change: impl FnOnce(&mut HashSet<Box<[u8]>>) -> bool,
    ) -> bool {
        let mut listening = self.listening();
        let names = &mut listening[kind as usize];
        let changed = change(names);
        self.subscriptions[kind as usize].store(names.len() as u32, Ordering::Relaxed);
        changed
    }

    fn listening(&self) -> MutexGuard<'_, [HashSet<Box<[u8]>>; 3]> {
        self.listening.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// How many channels, patterns and shard channels it is subscribed to.
    pub fn subscription_count(&self) -> u32 {
        self.subscriptions.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Notes that no reply waits to be sent.
    #[inline]
    pub fn note_sent(&self) {
        if self.output.load(Ordering::Relaxed) != 0 {
            self.output.store(0, Ordering::Relaxed);
        }
    }

    /// The replies that wait to be sent.
    pub fn unsent(&self) -> Unsent {
        let all = self.output.load(Ordering::Relaxed);
        let first = all.min(REPLY_BLOCK);
        let rest = all - first;
        Unsent { first, blocks: rest.div_ceil(REPLY_BLOCK), rest }
    }

    /// Bytes that the connection takes.
    pub fn memory(&self) -> u64 {
        const FIXED: u64 = (size_of::<Client>() + size_of::<Session>()) as u64;
        FIXED + self.usage.memory()
    }

    /// Copies what CLIENT LIST shows of the session.
    pub fn mirror(&self, session: &Session) {
        self.db.store(session.db as u32, Ordering::Relaxed);
        let queued = session.multi.as_ref().map_or(-1, |m| m.queue.len() as i64);
        self.queued.store(queued, Ordering::Relaxed);
        let multi = session.multi.as_ref().map_or(0, |m| m.bytes as u64);
        self.usage.multi.store(multi, Ordering::Relaxed);
        self.watching.store(session.watch.keys.len() as u32, Ordering::Relaxed);
        if let Some(command) = session.last_command {
            self.last_command.store(command.id as u32, Ordering::Relaxed);
        }
    }
}
