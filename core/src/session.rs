//! A session: what a connection (or a script, or a replica's link) is to the engine.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::blocking::{Mailbox, Waiter};
use crate::command::{Block, Command};
use crate::keyspace::{Scope, Wait};
use crate::reply::Proto;
use crate::watch::WatchSet;

/// A command that MULTI queued.
pub struct Queued {
    /// The command.
    pub command: &'static Command,
    /// Its words.
    pub args: Vec<Box<[u8]>>,
}

/// A transaction that is being queued.
#[derive(Default)]
pub struct Multi {
    /// The commands so far.
    pub queue: Vec<Queued>,
    /// A command was refused: EXEC will abort.
    pub broken: bool,
    /// Bytes that the queue holds.
    pub bytes: usize,
}

/// A blocked command's end of the wait.
pub struct Blocked {
    /// The waiter in the queues.
    pub waiter: Arc<Waiter>,
    /// When to give up and what to answer then.
    pub block: Block,
    /// The place in line of [`crate::engine::Engine::poll_unblock`]. It goes when the wait does,
    /// so that a reply which comes first leaves no place behind that nobody will use.
    pub(crate) wait: Wait,
}

/// Where a command that could not go on stands.
#[derive(Default)]
pub(crate) struct Pending {
    /// Its place in a line.
    pub wait: Wait,
    /// The shards for its next try, when they are not what its words say.
    pub scope: Option<Scope>,
    /// What its last step left.
    pub step: Option<Box<dyn Any + Send>>,
    /// Where its reply began.
    pub reply_start: Option<usize>,
    /// Nanoseconds that its steps so far took.
    pub spent: u64,
}

/// Lists of field names, by the names that HIMPORT PREPARE gave them.
pub type Fieldsets = HashMap<Box<[u8]>, Vec<Box<[u8]>>>;

/// The state of one connection.
pub struct Session {
    /// Unique among all sessions, never 0.
    pub id: u64,
    /// The selected logical database.
    pub db: usize,
    /// The protocol.
    pub proto: Proto,
    /// Whether the session may run commands that need authentication.
    pub authenticated: bool,
    /// The transaction being queued.
    pub multi: Option<Multi>,
    /// The watched keys.
    pub watch: WatchSet,
    /// The blocked command, between [`crate::engine::Step::Blocked`] and its end.
    pub blocked: Option<Blocked>,
    /// The last command that it sent and was allowed to run.
    pub last_command: Option<&'static Command>,
    /// Channels and patterns it listens to: in RESP2 it may then do little else.
    pub subscribed: u32,
    /// Whether [`crate::Host::track`] is told of its commands (client-side caching).
    pub tracks: bool,
    /// The end of the effects log when the last command had run. Its reply must not leave before
    /// the log is durable up to here.
    pub offset: u64,
    /// The fieldsets of HIMPORT, once there was one.
    pub fieldsets: Option<Box<Fieldsets>>,
    /// The server's part.
    pub ext: Box<dyn Any + Send>,
    /// Where replies of blocked commands go; `None` for sessions that cannot block.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    pub(crate) pending: Pending,
}

impl Session {
    /// A fresh session in database 0.
    pub fn new(id: u64, ext: Box<dyn Any + Send>) -> Self {
        Self {
            id,
            db: 0,
            proto: Proto::default(),
            authenticated: false,
            multi: None,
            watch: WatchSet::default(),
            blocked: None,
            last_command: None,
            subscribed: 0,
            tracks: false,
            offset: 0,
            fieldsets: None,
            ext,
            mailbox: None,
            pending: Pending::default(),
        }
    }
}
