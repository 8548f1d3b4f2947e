//! One lock word a shard, taken in ascending order, never waited for.

use std::task::Waker;

use super::line::{Line, Ticket};
use crate::sync::{Arc, AtomicU32, Mutex, Ordering, SHARD_SPINS, spin_hint};

const LOCKED: u32 = 1;
/// Somebody stands in the shard's line.
const WAITERS: u32 = 2;
/// Somebody in the line was overtaken too often and has the shard reserved: newcomers join the
/// line instead of trying. Set and cleared under the line's lock. It may stand although the
/// reservation was given up, but not the other way round.
const STARVING: u32 = 4;

/// The shard that was locked by another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy(pub u16);

#[derive(Default)]
struct Word {
    state: AtomicU32,
    line: Mutex<Option<Arc<Line>>>,
}

/// A lock word and what it guards, in cache lines of their own: neighbours do not slow each other
/// down, and taking the lock brings in what is behind it (measured: a quarter of the time of a
/// pipelined SET went into waiting for the two separately).
#[repr(align(128))]
struct Stripe<T> {
    word: Word,
    guarded: T,
}

/// The lock words of all shards, each beside what it guards. Access to that is the caller's
/// business.
pub struct Stripes<T = ()> {
    stripes: Box<[Stripe<T>]>,
}

impl Stripes<()> {
    /// Makes `count` unlocked stripes that guard nothing here.
    pub fn new(count: usize) -> Self {
        Self::guarding(count, || ())
    }
}

impl<T> Stripes<T> {
    /// Makes `count` unlocked stripes.
    pub fn guarding(count: usize, mut make: impl FnMut() -> T) -> Self {
        let stripe = |_| Stripe { word: Word::default(), guarded: make() };
        Self { stripes: (0..count).map(stripe).collect() }
    }

    /// What a stripe guards.
    #[inline]
    pub fn guarded(&self, stripe: u16) -> &T {
        &self.stripes[stripe as usize].guarded
    }

    #[inline]
    fn word(&self, stripe: u16) -> &Word {
        &self.stripes[stripe as usize].word
    }

    /// Takes one stripe, or says that it is busy. `place` is the caller's place in a line, if it
    /// has been waiting.
    #[inline]
    pub fn try_lock(&self, stripe: u16, place: Option<&Ticket>) -> Result<(), Busy> {
        if self.try_lock_once(stripe) {
            return Ok(());
        }
        self.try_lock_slow(stripe, place)
    }

    /// Takes one stripe if nobody has it or waits for it, without a second look.
    #[inline]
    pub fn try_lock_once(&self, stripe: u16) -> bool {
        let state = &self.word(stripe).state;
        state.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn try_lock_slow(&self, stripe: u16, place: Option<&Ticket>) -> Result<(), Busy> {
        let word = self.word(stripe);
        for _ in 0..SHARD_SPINS {
            let seen = word.state.load(Ordering::Relaxed);
            if seen & STARVING != 0 && !word.admits(place) {
                return Err(Busy(stripe));
            }
            if seen & LOCKED == 0
                && word
                    .state
                    .compare_exchange(seen, seen | LOCKED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                if seen & STARVING != 0 {
                    word.end_reservation(place);
                }
                return Ok(());
            }
            spin_hint();
        }
        Err(Busy(stripe))
    }

    /// Takes all of `stripes` (ascending, no duplicates), or none of them.
    #[inline]
    pub fn try_lock_all(
        &self,
        stripes: impl Iterator<Item = u16> + Clone,
        place: Option<&Ticket>,
    ) -> Result<(), Busy> {
        debug_assert!(stripes.clone().is_sorted());
        for stripe in stripes.clone() {
            if let Err(busy) = self.try_lock(stripe, place) {
                stripes.take_while(|taken| *taken != stripe).for_each(|taken| self.unlock(taken));
                return Err(busy);
            }
        }
        Ok(())
    }

    /// Gives one stripe back and wakes the first in its line.
    #[inline]
    pub fn unlock(&self, stripe: u16) {
        let word = self.word(stripe);
        let before = word.state.fetch_and(!LOCKED, Ordering::Release);
        debug_assert!(before & LOCKED != 0);
        if before & WAITERS != 0 {
            word.wake_one();
        }
    }

    /// Puts the caller into the line of a busy stripe, or back to its place there. False when
    /// the stripe has become free meanwhile, so that the caller may try again at once; its place,
    /// if it had one, is kept.
    pub fn park(&self, busy: Busy, place: &mut Option<Ticket>, waker: &Waker) -> bool {
        let word = self.word(busy.0);
        let line = word.line();
        let ticket = match place.take() {
            Some(ticket) if !Arc::ptr_eq(ticket.line(), &line) => ticket.move_to(&line, waker),
            Some(mut ticket) => {
                ticket.again(waker);
                ticket
            }
            None => Ticket::take(&line, waker),
        };
        let ticket = &*place.insert(ticket);
        if ticket.is_out_of_patience() {
            ticket.reserve(|| {
                word.state.fetch_or(STARVING, Ordering::AcqRel);
            });
        }
        // Whoever unlocks after this sees the mark; whoever unlocked before it is seen here.
        let before = word.state.fetch_or(WAITERS, Ordering::AcqRel);
        before & LOCKED != 0 || (before & STARVING != 0 && !line.admits(Some(ticket.number())))
    }

    /// Whether the line in which `place` stands is that of one of `stripes`.
    pub fn own(&self, mut stripes: impl Iterator<Item = u16>, place: &Ticket) -> bool {
        stripes.any(|stripe| self.word(stripe).has_line(place.line()))
    }
}

impl Word {
    /// The line of this word, made when first needed.
    fn line(&self) -> Arc<Line> {
        let mut line = self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Arc::clone(line.get_or_insert_with(Arc::default))
    }

    fn has_line(&self, line: &Arc<Line>) -> bool {
        let own = self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        own.as_ref().is_some_and(|own| Arc::ptr_eq(own, line))
    }

    fn admits(&self, place: Option<&Ticket>) -> bool {
        let line = self.line();
        line.admits(place.filter(|p| Arc::ptr_eq(p.line(), &line)).map(Ticket::number))
    }

    /// The word was locked while it was marked as starving: the place that it was reserved for,
    /// if it still is, has got what it waited for.
    #[cold]
    fn end_reservation(&self, place: Option<&Ticket>) {
        let line = self.line();
        if let Some(place) = place.filter(|p| Arc::ptr_eq(p.line(), &line)) {
            place.release();
        }
        line.unless_reserved(|| {
            self.state.fetch_and(!STARVING, Ordering::AcqRel);
        });
    }

    #[cold]
    fn wake_one(&self) {
        self.line().wake_one(|| {
            self.state.fetch_and(!WAITERS, Ordering::AcqRel);
        });
    }
}
