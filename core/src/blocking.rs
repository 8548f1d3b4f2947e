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
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::command::Command;
use crate::keyspace::shard_of;
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
    /// When it is to be tried again although no key has changed, in Unix milliseconds; 0 is never.
    retry: AtomicI64,
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
    /// See [`Waiter::retry`].
    pub retry: Option<i64>,
}

impl Waiter {
    /// A waiter that has just begun to wait.
    pub fn new(seed: WaiterSeed) -> Arc<Self> {
        let WaiterSeed { session, proto, db, command, args, keys, on, mailbox, retry } = seed;
        Arc::new(Self {
            session,
            proto,
            db,
            command,
            args,
            keys,
            on,
            mailbox,
            retry: AtomicI64::new(retry.unwrap_or(0)),
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

    /// When it is to be tried again although no key has changed, in Unix milliseconds.
    pub fn retry(&self) -> Option<i64> {
        Some(self.retry.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// It was tried, and goes on waiting.
    pub fn set_retry(&self, at: Option<i64>) {
        self.retry.store(at.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether nobody has ended it yet.
    pub fn is_waiting(&self) -> bool {
        self.state.load(Ordering::Acquire) == WaitState::Waiting as u8
    }
}

/// The queues of one shard: by logical database and key, in the order of arrival.
///
/// Nearly always empty, so it is a single pointer that is null then.
#[derive(Default)]
pub struct WaitQueues(Option<Box<Queues>>);

/// A key of a logical database.
type DbKey = (usize, Box<[u8]>);

#[derive(Default)]
struct Queues {
    by_key: HashMap<DbKey, VecDeque<Arc<Waiter>>>,
    /// Which shards the commands of the waiters reach, and how many keys of theirs lie in each:
    /// what a write has to know before it can serve them, without looking at each of them.
    reach: HashMap<u16, usize>,
    /// Waiters put in since the last sweep, and how many keys that left.
    pushes: usize,
    kept: usize,
}

impl Queues {
    /// Counts a waiter that was put into a queue.
    fn reaches(reach: &mut HashMap<u16, usize>, waiter: &Waiter) {
        for key in &waiter.keys {
            *reach.entry(shard_of(key)).or_default() += 1;
        }
    }

    /// Counts a waiter that was taken out of a queue.
    fn reaches_no_more(reach: &mut HashMap<u16, usize>, waiter: &Waiter) {
        for key in &waiter.keys {
            let shard = shard_of(key);
            if let Some(count) = reach.get_mut(&shard) {
                *count -= 1;
                if *count == 0 {
                    reach.remove(&shard);
                }
            }
        }
    }
}

/// At least so many waiters are put in before the queues are swept.
const SWEEP_MIN: usize = 64;

impl WaitQueues {
    /// Whether nobody waits in this shard: the one test that a write pays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Puts a waiter at the end of a key's queue.
    pub fn push(&mut self, db: usize, key: &[u8], waiter: &Arc<Waiter>) {
        // Whoever leaves without a lock stays in the queues; a sweep now and then, paid for by the
        // pushes since the last one, keeps those few.
        if self.0.as_ref().is_some_and(|q| q.pushes >= SWEEP_MIN.max(q.kept)) {
            self.sweep();
        }
        let queues = self.0.get_or_insert_default();
        queues.pushes += 1;
        let queue = queues.by_key.entry((db, key.into())).or_default();
        // A command that names a key twice puts its waiter in twice in a row.
        if !queue.back().is_some_and(|last| Arc::ptr_eq(last, waiter)) {
            queue.push_back(Arc::clone(waiter));
            Queues::reaches(&mut queues.reach, waiter);
        }
    }

    /// Takes a waiter out of a key's queue, if it is there.
    pub fn remove(&mut self, db: usize, key: &[u8], waiter: &Arc<Waiter>) {
        self.change(db, key, |queue, reach| {
            // Near the front as a rule: who came first is served first, or has its time up first.
            if let Some(at) = queue.iter().position(|w| Arc::ptr_eq(w, waiter)) {
                queue.remove(at);
                Queues::reaches_no_more(reach, waiter);
            }
        });
    }

    /// The waiter at a position of a key's queue; those that no longer wait are taken out first.
    pub fn at(&mut self, db: usize, key: &[u8], position: usize) -> Option<Arc<Waiter>> {
        self.change(db, key, |queue, reach| {
            while queue.get(position).is_some_and(|w| !w.is_waiting()) {
                if let Some(gone) = queue.remove(position) {
                    Queues::reaches_no_more(reach, &gone);
                }
            }
            queue.get(position).cloned()
        })?
    }

    /// Runs `work` on a key's queue, if there is one, and drops what is empty then.
    fn change<R>(
        &mut self,
        db: usize,
        key: &[u8],
        work: impl FnOnce(&mut VecDeque<Arc<Waiter>>, &mut HashMap<u16, usize>) -> R,
    ) -> Option<R> {
        let at = (db, Box::from(key));
        let queues = self.0.as_mut()?;
        let queue = queues.by_key.get_mut(&at)?;
        let result = work(queue, &mut queues.reach);
        if queue.is_empty() {
            queues.by_key.remove(&at);
        }
        if queues.by_key.is_empty() {
            self.0 = None;
        }
        Some(result)
    }

    /// Takes waiters that no longer wait out of all queues.
    pub fn sweep(&mut self) {
        let Some(queues) = &mut self.0 else { return };
        queues.pushes = 0;
        queues.reach.clear();
        queues.by_key.retain(|_, queue| {
            queue.retain(|w| w.is_waiting());
            queue.iter().for_each(|w| Queues::reaches(&mut queues.reach, w));
            !queue.is_empty()
        });
        queues.kept = queues.by_key.len();
        if queues.by_key.is_empty() {
            self.0 = None;
        }
    }

    /// Whether anybody waits for a key.
    pub fn has(&self, db: usize, key: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|queues| queues.by_key.contains_key(&(db, Box::from(key))))
    }

    /// The shards that the commands of the waiters reach.
    pub fn reach(&self) -> impl Iterator<Item = u16> {
        self.0.iter().flat_map(|queues| queues.reach.keys().copied())
    }

    /// Everyone who waits in this shard.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Waiter>> {
        self.0.iter().flat_map(|queues| queues.by_key.values()).flatten().filter(|w| w.is_waiting())
    }

    /// The keys of a database that somebody waits for.
    pub fn keys(&self, db: usize) -> Vec<Box<[u8]>> {
        let keys = self.0.iter().flat_map(|queues| queues.by_key.keys());
        keys.filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect()
    }

    /// How many clients wait, counted once for each key.
    pub fn len(&self) -> usize {
        self.all().count()
    }
}
