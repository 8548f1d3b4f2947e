//! A line of parked tasks: first come, first served.

use std::collections::VecDeque;
use std::task::Waker;

use crate::sync::{Arc, AtomicU64, Mutex, Ordering};

/// One parked task in a line.
struct Waiter {
    ticket: u64,
    waker: Waker,
}

/// A queue of tasks that wait for something to become free.
///
/// A task keeps its place for as long as it holds its [`Ticket`]: when it is woken, tries, and
/// fails again, it goes back where it stood, not to the end.
pub struct Line {
    queue: Mutex<VecDeque<Waiter>>,
    next: AtomicU64,
    /// The queue's length, to be read without its lock.
    count: AtomicU64,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            queue: Mutex::new(VecDeque::new()),
            next: AtomicU64::new(1),
            count: AtomicU64::new(0),
        }
    }
}

impl Line {
    /// Puts a task into the line, in the order of its ticket. A ticket of 0 takes a new place at
    /// the end. Returns the ticket.
    pub fn enter(&self, ticket: u64, waker: &Waker) -> u64 {
        let ticket = if ticket == 0 { self.next.fetch_add(1, Ordering::Relaxed) } else { ticket };
        let mut queue = self.lock();
        let at = queue.partition_point(|w| w.ticket < ticket);
        match queue.get_mut(at) {
            Some(w) if w.ticket == ticket => w.waker.clone_from(waker),
            _ => queue.insert(at, Waiter { ticket, waker: waker.clone() }),
        }
        self.count.store(queue.len() as u64, Ordering::SeqCst);
        ticket
    }

    /// Takes the ticket out of the line. False when it no longer stood there, that is when it was
    /// woken already.
    pub fn leave(&self, ticket: u64) -> bool {
        let mut queue = self.lock();
        let Some(at) = queue.iter().position(|w| w.ticket == ticket) else { return false };
        queue.remove(at);
        self.count.store(queue.len() as u64, Ordering::SeqCst);
        true
    }

    /// Takes the first task out of the line, runs `when_last` if none is left, and wakes it.
    pub fn wake_one(&self, when_last: impl FnOnce()) {
        let first = {
            let mut queue = self.lock();
            let first = queue.pop_front();
            self.count.store(queue.len() as u64, Ordering::SeqCst);
            if queue.is_empty() {
                when_last();
            }
            first
        };
        if let Some(waiter) = first {
            waiter.waker.wake();
        }
    }

    /// Wakes everyone, in order.
    pub fn wake_all(&self) {
        let all = {
            let mut queue = self.lock();
            self.count.store(0, Ordering::SeqCst);
            std::mem::take(&mut *queue)
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

    fn lock(&self) -> crate::sync::MutexGuard<'_, VecDeque<Waiter>> {
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

    /// Goes back to the same place after a try that failed.
    pub fn again(&mut self, waker: &Waker) {
        self.tries = self.tries.saturating_add(1);
        self.line.enter(self.number, waker);
    }

    /// Gives the place up because the wait is over.
    pub fn served(mut self) {
        self.served = true;
    }

    /// How often a task with this place was woken and failed all the same.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// The line this place belongs to.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.line.leave(self.number) && !self.served {
            // Woken, and leaving: whoever is next may try. A needless wake-up does no harm.
            self.line.wake_one(|| {});
        }
    }
}
