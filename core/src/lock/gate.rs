//! The gate: work that needs every shard closes it, and each command looks at it once.
//!
//! Every thread that runs commands is a [`Participant`] with a flag that says "I may hold
//! shards". A command raises its thread's flag, then looks at the gate; closing the gate is done
//! the other way round: close, then look at the flags. Both sides use sequentially consistent
//! operations, so at least one of them sees the other (Dekker's argument), and whoever closed the
//! gate owns all shards once every other flag is down, without touching a single shard lock.

use std::task::Waker;

use super::line::{Line, Ticket};
use crate::sync::{Arc, AtomicBool, AtomicU64, GATE_SPINS, Mutex, Ordering, spin_hint};

/// A thread that may hold shards.
#[derive(Default)]
pub struct Participant {
    active: AtomicBool,
}

/// The gate in front of all shards.
#[derive(Default)]
pub struct Gate {
    /// 0 while open, otherwise the token of whoever closed it.
    closer: AtomicU64,
    participants: Mutex<Vec<Arc<Participant>>>,
    /// Commands that found the gate closed.
    outside: Arc<Line>,
    /// The closer that waits for the flags to go down.
    draining: Arc<Line>,
}

impl Gate {
    /// Registers the calling thread and returns its flag.
    pub fn register(&self) -> Arc<Participant> {
        let me = Arc::new(Participant::default());
        self.participants().push(Arc::clone(&me));
        me
    }

    /// Forgets a thread, whose flag must be down.
    pub fn unregister(&self, me: &Arc<Participant>) {
        self.participants().retain(|other| !Arc::ptr_eq(other, me));
    }

    /// Raises the flag of `me`. True when the gate is open, so that shards may be locked; when
    /// it is closed the flag is down again.
    #[inline]
    pub fn enter(&self, me: &Participant) -> bool {
        me.active.swap(true, Ordering::SeqCst);
        if self.closer.load(Ordering::SeqCst) == 0 {
            return true;
        }
        self.exit(me);
        false
    }

    /// Whether the gate is closed: the one load that a command makes within a turn.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closer.load(Ordering::SeqCst) != 0
    }

    /// Lowers the flag of `me`, which holds no shard any more.
    #[inline]
    pub fn exit(&self, me: &Participant) {
        me.active.swap(false, Ordering::SeqCst);
        if self.closer.load(Ordering::SeqCst) != 0 {
            self.draining.wake_one(|| {});
        }
    }

    /// Waits in line for the gate to open. False when it is open by now, so that the caller may
    /// try at once; it should keep its place until it has entered.
    pub fn park(&self, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        self.stand_outside(place, waker);
        self.is_closed()
    }

    /// Closes the gate under `token` (not 0, and used by one caller at a time), or goes on
    /// closing it. True when every flag is down: the caller then owns all shards until
    /// [`Gate::open`]. False when it must be polled again; `place` then holds what it waits for.
    /// The caller's own flag must be down. A caller that gives up must open the gate if
    /// [`Gate::is_closed_by`] says it was the one to close it.
    pub fn close(&self, token: u64, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        while !self.is_closed_by(token) {
            if self.admits(place)
                && self
                    .closer
                    .compare_exchange(0, token, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
            {
                leave(place);
                break;
            }
            self.stand_outside(place, waker);
            if self.is_closed() || !self.admits(place) {
                return false;
            }
        }
        for _ in 0..GATE_SPINS {
            if self.drained() {
                leave(place);
                return true;
            }
            spin_hint();
        }
        wait_in(&self.draining, place, waker);
        if self.drained() {
            leave(place);
            return true;
        }
        false
    }

    /// Whether the caller may close the gate. Those who found it closed too often go first, since
    /// otherwise work on all shards, one after the other, could keep everybody else out.
    fn admits(&self, place: &Option<Ticket>) -> bool {
        let own = place.as_ref().filter(|p| Arc::ptr_eq(p.line(), &self.outside));
        self.outside.admits(own.map(Ticket::number))
    }

    fn stand_outside(&self, place: &mut Option<Ticket>, waker: &Waker) {
        wait_in(&self.outside, place, waker);
        if let Some(ticket) = place.as_ref().filter(|p| p.is_out_of_patience()) {
            ticket.reserve(|| {});
        }
    }

    /// Whether `token` is who closed the gate.
    pub fn is_closed_by(&self, token: u64) -> bool {
        self.closer.load(Ordering::SeqCst) == token
    }

    /// Opens the gate again and wakes those who found it closed.
    pub fn open(&self) {
        self.closer.store(0, Ordering::SeqCst);
        self.outside.wake_all();
    }

    fn drained(&self) -> bool {
        self.participants().iter().all(|p| !p.active.load(Ordering::SeqCst))
    }

    fn participants(&self) -> crate::sync::MutexGuard<'_, Vec<Arc<Participant>>> {
        self.participants.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Takes a place in `line`, or goes back to the one held there.
fn wait_in(line: &Arc<Line>, place: &mut Option<Ticket>, waker: &Waker) {
    match place {
        Some(ticket) if Arc::ptr_eq(ticket.line(), line) => ticket.again(waker),
        _ => *place = Some(Ticket::take(line, waker)),
    }
}

/// Gives up the place of a wait that is over.
fn leave(place: &mut Option<Ticket>) {
    if let Some(ticket) = place.take() {
        ticket.served();
    }
}
