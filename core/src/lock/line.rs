//! A line of parked tasks: first come, first served.

use std::collections::VecDeque;
use std::task::Waker;

use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering};

/// After so many failed tries a task is let through before newcomers.
const PATIENCE: u32 = 4;

/// One parked task in a line.
struct Waiter {
    ticket: u64,
    waker: Waker,
}

#[derive(Default)]
struct Queue {
    /// Those who are parked, in the order of their tickets.
    waiters: VecDeque<Waiter>,
    /// The ticket for which the thing is kept, 0 for none. Its holder is either parked here or
    /// awake: about to take the thing or to drop the ticket.
    reserved: u64,
}

impl Queue {
    fn take(&mut self, ticket: u64) -> Option<Waiter> {
        let at = self.waiters.binary_search_by_key(&ticket, |w| w.ticket).ok()?;
        self.waiters.remove(at)
    }

    /// Who is to be woken when the thing becomes free. While it is reserved, anybody else would
    /// try in vain.
    fn next(&mut self) -> Option<Waiter> {
        match self.reserved {
            0 => self.waiters.pop_front(),
            ticket => self.take(ticket),
        }
    }
}

/// A queue of tasks that wait for something to become free.
///
/// A task keeps its place for as long as it holds its [`Ticket`]: when it is woken, tries, and
/// fails again, it goes back where it stood, not to the end. A task that has failed too often may
/// have the thing reserved ([`Ticket::reserve`]), which bounds how often it is overtaken.
pub struct Line {
    queue: Mutex<Queue>,
    next: AtomicU64,
    /// The queue's length, to be read without its lock.
    count: AtomicU64,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            queue: Mutex::new(Queue::default()),
            next: AtomicU64::new(1),
            count: AtomicU64::new(0),
        }
    }
}

impl Line {
    /// Puts a task into the line, in the order of its ticket. A ticket of 0 takes a new place at
    /// the end. Returns the ticket.
    fn enter(&self, ticket: u64, waker: &Waker) -> u64 {
        let mut queue = self.lock();
        // Numbered under the lock, so that a new place is at the end indeed.
        let ticket = if ticket == 0 { self.next.fetch_add(1, Ordering::Relaxed) } else { ticket };
        match queue.waiters.binary_search_by_key(&ticket, |w| w.ticket) {
            Ok(at) => queue.waiters[at].waker.clone_from(waker),
            Err(at) => queue.waiters.insert(at, Waiter { ticket, waker: waker.clone() }),
        }
        self.count_now(&queue);
        ticket
    }

    /// Puts a task at the end, to be woken with all others by [`Line::wake_all`].
    pub fn wait(&self, waker: &Waker) {
        self.enter(0, waker);
    }

    /// Takes the first task out of the line (or, if the thing is reserved, the one it is reserved
    /// for), runs `when_last` if none is left, and wakes it.
    pub fn wake_one(&self, when_last: impl FnOnce()) {
        let next = {
            let mut queue = self.lock();
            let next = queue.next();
            self.count_now(&queue);
            if queue.waiters.is_empty() {
                when_last();
            }
            next
        };
        if let Some(waiter) = next {
            waiter.waker.wake();
        }
    }

    /// Wakes everyone, in order.
    pub fn wake_all(&self) {
        let all = {
            let mut queue = self.lock();
            let all = std::mem::take(&mut queue.waiters);
            self.count_now(&queue);
            all
        };
        for waiter in all {
            waiter.waker.wake();
        }
    }

    /// Whether nobody waits. A task that enters before it looks at what it waits for, and a
    /// change that is made before this is asked, cannot miss each other.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Whether the holder of `place` (or, with `None`, a newcomer) may have the thing: nobody
    /// has it reserved, or they have.
    pub fn admits(&self, place: Option<u64>) -> bool {
        let reserved = self.lock().reserved;
        reserved == 0 || place == Some(reserved)
    }

    /// Runs `work` if nothing is reserved, so that no reservation can be made meanwhile.
    pub fn unless_reserved(&self, work: impl FnOnce()) {
        if self.lock().reserved == 0 {
            work();
        }
    }

    fn count_now(&self, queue: &Queue) {
        self.count.store(queue.waiters.len() as u64, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A waker that panics cannot leave the queue half changed, so a poisoned lock is sound.
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A task's place in a line, kept over several tries.
///
/// Dropped without having been used, it passes a wake-up that it had received on to the next
/// task, so that a client which disconnects at the wrong moment costs nobody their turn.
pub struct Ticket {
    line: Arc<Line>,
    number: u64,
    tries: u32,
    served: bool,
}

impl Ticket {
    /// Takes a place at the end of the line.
    pub fn take(line: &Arc<Line>, waker: &Waker) -> Self {
        Self { number: line.enter(0, waker), line: Arc::clone(line), tries: 0, served: false }
    }

    /// Takes a place at the end of another line, where the patience already shown counts.
    pub fn move_to(self, line: &Arc<Line>, waker: &Waker) -> Self {
        let tries = self.tries.saturating_add(1);
        // The old place goes first: whoever is next there must not wait for this one.
        drop(self);
        let mut ticket = Self::take(line, waker);
        ticket.tries = tries;
        ticket
    }

    /// Goes back to the same place after a try that failed.
    pub fn again(&mut self, waker: &Waker) {
        self.tries = self.tries.saturating_add(1);
        self.line.enter(self.number, waker);
    }

    /// Gives the place up because the wait is over.
    pub fn served(mut self) {
        self.served = true;
    }

    /// Whether a task with this place was woken and failed so often that it may reserve the
    /// thing.
    pub fn is_out_of_patience(&self) -> bool {
        self.tries >= PATIENCE
    }

    /// Reserves the thing for this place, unless it is reserved already. Whoever has it reserved
    /// must try as soon as it is woken, or give its place up. `on_success` runs before anybody
    /// can see or undo the reservation.
    pub fn reserve(&self, on_success: impl FnOnce()) {
        let mut queue = self.line.lock();
        if queue.reserved == 0 || queue.reserved == self.number {
            queue.reserved = self.number;
            on_success();
        }
    }

    /// Ends this place's reservation, if it has one, without waking anybody.
    pub fn release(&self) {
        let mut queue = self.line.lock();
        if queue.reserved == self.number {
            queue.reserved = 0;
        }
    }

    /// The number of this place in its line.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The line this place belongs to.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// Takes this place out of the line. True when somebody else should be woken instead: a
    /// wake-up was received but not used, or others wait for the end of a reservation.
    fn leave(&self) -> bool {
        let mut queue = self.line.lock();
        let woken = queue.take(self.number).is_none();
        self.line.count_now(&queue);
        let reserved = queue.reserved == self.number;
        if reserved {
            queue.reserved = 0;
        }
        reserved || (woken && !self.served)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.leave() {
            // Whoever is next may try. A needless wake-up does no harm.
            self.line.wake_one(|| {});
        }
    }
}
