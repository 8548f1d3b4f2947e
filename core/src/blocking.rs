//! Blocking commands: who waits for which key, and the protocol that serves them.
//!
//! The queues live in the shards, beside the keys. A write that might serve a waiter holds not
//! only its own keys' shards but those of every key the waiter's command names, transitively
//!; it runs the waiters' commands inside its own critical section, first come first
//! served, and hands the replies over by mailbox. Nobody can take the element in between.
//!
//! A waiter leaves the state *waiting* once: served, timed out, unblocked or gone. All but the
//! last happen while the shards of its keys are held, so that they cannot cross each other; a
//! connection that is gone says so without a lock, and what it is served meanwhile is lost with
//! it, as with a reply that is on its way.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::command::Command;
use crate::reply::Proto;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WaitState {
    /// It has not ended.
    Waiting = 0,
    /// A write served it; its reply is on the way.
    Served = 1,
    /// Its time was up, or CLIENT UNBLOCK ended it.
    Ended = 2,
}

/// Carries replies and pushes to the thread that owns a connection.
pub trait Mailbox: Send + Sync {
    /// Hands over the reply of a blocked command. It must not reach the client before the
    /// effects log is durable up to `offset`.
    fn deliver(&self, reply: Vec<u8>, offset: u64);
}

/// A blocked command.
pub struct Waiter {
    /// The session that waits.
    pub session: u64,
    /// Its protocol.
    pub proto: Proto,
    /// Its logical database.
    pub db: usize,
    /// The command.
    pub command: &'static Command,
    /// The command's words.
    pub args: Vec<Box<[u8]>>,
    /// All keys that the command names: the ones it waits for and the ones it would write.
    pub keys: Vec<Box<[u8]>>,
    /// The keys whose change may serve it.
    pub on: Vec<Box<[u8]>>,
    /// Where the reply goes.
    pub mailbox: Arc<dyn Mailbox>,
    state: AtomicU8,
}

/// What makes a [`Waiter`], from the dispatcher.
pub struct WaiterSeed {
    /// See [`Waiter::session`].
    pub session: u64,
    /// See [`Waiter::proto`].
    pub proto: Proto,
    /// See [`Waiter::db`].
    pub db: usize,
    /// See [`Waiter::command`].
    pub command: &'static Command,
    /// See [`Waiter::args`].
    pub args: Vec<Box<[u8]>>,
    /// See [`Waiter::keys`].
    pub keys: Vec<Box<[u8]>>,
    /// See [`Waiter::on`].
    pub on: Vec<Box<[u8]>>,
    /// See [`Waiter::mailbox`].
    pub mailbox: Arc<dyn Mailbox>,
}

impl Waiter {
    /// A waiter that has just begun to wait.
    pub fn new(seed: WaiterSeed) -> Arc<Self> {
        let WaiterSeed { session, proto, db, command, args, keys, on, mailbox } = seed;
        Arc::new(Self {
            session,
            proto,
            db,
            command,
            args,
            keys,
            on,
            mailbox,
            state: AtomicU8::new(WaitState::Waiting as u8),
        })
    }

    /// Ends the wait. True for the one caller that did.
    pub fn end(&self, how: WaitState) -> bool {
        self.state
            .compare_exchange(
                WaitState::Waiting as u8,
                how as u8,
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// Whether nobody has ended it yet.
    pub fn is_waiting(&self) -> bool {
        self.state.load(Ordering::Acquire) == WaitState::Waiting as u8
    }
}

/// By logical database and key.
type Queues = HashMap<(usize, Box<[u8]>), VecDeque<Arc<Waiter>>>;

/// The queues of one shard: by logical database and key, in the order of arrival.
///
/// Nearly always empty, so the queues are a pointer that is null then.
#[derive(Default)]
pub struct WaitQueues {
    queues: Option<Box<Queues>>,
    /// Waiters put in since the last sweep.
    pushes: usize,
}

/// At least so many waiters are put in before the queues are swept.
const SWEEP_MIN: usize = 64;

impl WaitQueues {
    /// Whether nobody waits in this shard: the one test that a write pays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queues.is_none()
    }

    /// Puts a waiter at the end of a key's queue.
    pub fn push(&mut self, db: usize, key: &[u8], waiter: &Arc<Waiter>) {
        // Whoever leaves without a lock stays in the queues; a sweep now and then, paid for by the
        // pushes since the last one, keeps those few.
        self.pushes += 1;
        if self.pushes > SWEEP_MIN.max(self.queues.as_ref().map_or(0, |queues| queues.len())) {
            self.sweep();
        }
        let queue = self.queues.get_or_insert_default().entry((db, key.into())).or_default();
        if !queue.iter().any(|w| Arc::ptr_eq(w, waiter)) {
            queue.push_back(Arc::clone(waiter));
        }
    }

    /// Takes waiters that no longer wait out of a key's queue.
    pub fn prune(&mut self, db: usize, key: &[u8]) {
        let at = (db, Box::from(key));
        let Some(queues) = &mut self.queues else { return };
        if let Some(queue) = queues.get_mut(&at) {
            queue.retain(|w| w.is_waiting());
            if queue.is_empty() {
                queues.remove(&at);
            }
        }
        if queues.is_empty() {
            self.queues = None;
        }
    }

    /// Takes waiters that no longer wait out of all queues.
    pub fn sweep(&mut self) {
        self.pushes = 0;
        let Some(queues) = &mut self.queues else { return };
        queues.retain(|_, queue| {
            queue.retain(|w| w.is_waiting());
            !queue.is_empty()
        });
        if queues.is_empty() {
            self.queues = None;
        }
    }

    /// Those who wait for a key, in order.
    pub fn waiting(&self, db: usize, key: &[u8]) -> Vec<Arc<Waiter>> {
        let Some(queues) = &self.queues else { return Vec::new() };
        let queue = queues.get(&(db, Box::from(key)));
        queue.map_or_else(Vec::new, |q| q.iter().filter(|w| w.is_waiting()).cloned().collect())
    }

    /// Whether anybody waits for a key.
    pub fn has(&self, db: usize, key: &[u8]) -> bool {
        self.queues.as_ref().is_some_and(|queues| queues.contains_key(&(db, Box::from(key))))
    }

    /// Everyone who waits in this shard.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Waiter>> {
        self.queues.iter().flat_map(|queues| queues.values()).flatten().filter(|w| w.is_waiting())
    }

    /// The keys of a database that somebody waits for.
    pub fn keys(&self, db: usize) -> Vec<Box<[u8]>> {
        let keys = self.queues.iter().flat_map(|queues| queues.keys());
        keys.filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect()
    }

    /// How many clients wait, counted once for each key.
    pub fn len(&self) -> usize {
        self.all().count()
    }
}
