//! The one place where holding a lock turns into access to the data behind it.
//!
//! [`Held`] is the proof: it exists only while its shards are locked (or while the gate is
//! closed by its maker and every participant is out), and it hands out a shard only if that shard
//! is among them. A handler that reaches for a key it did not declare therefore panics, and is
//! caught by the dispatcher, instead of racing.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::task::Waker;

use super::entry::prefetch;
use super::shard::Shard;
use super::{ShardSet, Snapshots};
use crate::effects::EffectsLog;
use crate::lock::{Busy, Gate, Participant, Stripes, Ticket};

/// How many shards the keyspace has. A shard is 64 consecutive hash slots. More of them would cost
/// memory in caches on every access, and fewer would make threads meet.
pub const SHARDS: usize = 256;

/// The shards, their locks and the gate.
pub struct Cells {
    gate: Gate,
    shards: Stripes<UnsafeCell<Shard>>,
}

// SAFETY: 1. A shard is reached through `Held` only, which proves exclusive ownership of it.
unsafe impl Sync for Cells {}
// SAFETY: 2. Shards hold `Send` data only.
unsafe impl Send for Cells {}

/// What a caller wants to own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These shards.
    Shards(ShardSet),
    /// All shards, through the gate.
    All,
}

/// Shards that are locked, and the right to use them.
pub struct Held<'k> {
    cells: &'k Cells,
    shards: ShardSet,
    /// The token that the gate was closed with, 0 when it was not.
    gate_token: u64,
}

/// Shards that stay locked from one command of a thread to the next; to be given back to
/// [`Cells::resume`] or [`Cells::release`].
#[must_use = "its shards stay locked for ever"]
pub struct Kept {
    shards: ShardSet,
}

/// A caller's wait for shards or for the gate, kept from one try to the next.
#[derive(Default)]
pub struct Wait {
    place: Option<Ticket>,
}

impl Cells {
    /// Makes empty shards.
    pub fn new() -> Self {
        Self { gate: Gate::default(), shards: Stripes::guarding(SHARDS, UnsafeCell::default) }
    }

    /// The gate, for registering threads and for turns.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Holds no shard at all.
    pub fn hold_nothing(&self) -> Held<'_> {
        Held { cells: self, shards: ShardSet::new(), gate_token: 0 }
    }

    /// Locks `shards` at once or not at all, without waiting. The caller's flag must be up.
    #[inline]
    pub fn try_hold(&self, shards: &ShardSet, wait: &Wait) -> Result<Held<'_>, Busy> {
        self.shards.try_lock_all(shards.iter(), wait.place.as_ref())?;
        Ok(Held { cells: self, shards: *shards, gate_token: 0 })
    }

    /// Locks `shards`, or takes a place in line and returns `None`: `waker` is then called when
    /// another try is worth it. The caller's flag must be up.
    pub fn poll_hold(&self, shards: &ShardSet, wait: &mut Wait, waker: &Waker) -> Option<Held<'_>> {
        loop {
            match self.try_hold(shards, wait) {
                Ok(held) => {
                    self.over(shards, wait);
                    return Some(held);
                }
                Err(busy) => {
                    if self.shards.park(busy, &mut wait.place, waker) {
                        return None;
                    }
                }
            }
        }
    }

    /// Closes the gate under `token` and takes all shards, or returns `None` and calls `waker`
    /// when another try is worth it. The caller's flag must be down.
    pub fn poll_hold_all(&self, token: u64, wait: &mut Wait, waker: &Waker) -> Option<Held<'_>> {
        if !self.gate.close(token, &mut wait.place, waker) {
            return None;
        }
        wait.place = None;
        Some(Held { cells: self, shards: ShardSet::new(), gate_token: token })
    }

    /// Goes on with shards that were kept.
    #[inline]
    pub fn resume(&self, kept: Kept) -> Held<'_> {
        Held { cells: self, shards: kept.shards, gate_token: 0 }
    }

    /// Unlocks shards that were kept.
    #[inline]
    pub fn release(&self, kept: Kept) {
        drop(self.resume(kept));
    }

    /// The wait for `shards` is over. A place in the line of one of them is used up: whoever is
    /// next is woken when the shard is unlocked. A wake-up from any other line is passed on.
    #[inline]
    fn over(&self, shards: &ShardSet, wait: &mut Wait) {
        if let Some(place) = wait.place.take()
            && self.shards.own(shards.iter(), &place)
        {
            place.served();
        }
    }

    /// Waits for the gate to open. True when the caller has to wait.
    pub fn poll_gate(&self, wait: &mut Wait, waker: &Waker) -> bool {
        self.gate.park(&mut wait.place, waker)
    }

    /// Gives up a wait: opens the gate if `token` had closed it.
    pub fn abandon(&self, token: u64, wait: &mut Wait) {
        if token != 0 && self.gate.is_closed_by(token) {
            self.gate.open();
        }
        wait.place = None;
    }

    /// Asks the processor to bring a shard and its lock into its cache.
    #[inline]
    pub fn prefetch(&self, shard: u16) {
        let guarded = self.shards.guarded(shard).get().cast::<u8>();
        prefetch(guarded);
        // The table of the first database stands in the next line.
        prefetch(guarded.wrapping_add(64));
    }

    /// Raises the flag of a thread; false when the gate is closed.
    #[inline]
    pub fn enter(&self, me: &Participant) -> bool {
        self.gate.enter(me)
    }

    /// Lowers the flag of a thread, which holds no shard any more.
    #[inline]
    pub fn exit(&self, me: &Participant) {
        self.gate.exit(me);
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}

impl Wait {
    /// Waits for room in the effects log. True when the caller has to wait.
    pub fn poll_room(&mut self, log: &EffectsLog, waker: &Waker) -> bool {
        log.poll_room(&mut self.place, waker)
    }

    /// Waits until the snapshot that is being taken has written more. True when the caller has to
    /// wait.
    pub fn poll_snapshot(&mut self, snapshots: &Snapshots, waker: &Waker) -> bool {
        snapshots.poll_room(&mut self.place, waker)
    }
}

impl Kept {
    /// Which shards they are.
    #[inline]
    pub fn shards(&self) -> &ShardSet {
        &self.shards
    }
}

impl Held<'_> {
    /// Ends the use of the shards without unlocking them. The gate cannot be kept: it opens.
    #[inline]
    pub fn keep(mut self) -> Kept {
        Kept { shards: std::mem::take(&mut self.shards) }
    }

    /// Whether a shard is among those held.
    #[inline]
    pub fn owns(&self, shard: u16) -> bool {
        self.gate_token != 0 || self.shards.contains(shard)
    }

    /// Locks one more shard, out of order but without waiting; false when it is busy.
    #[inline]
    pub fn add(&mut self, shard: u16) -> bool {
        if self.owns(shard) {
            return true;
        }
        let free = self.cells.shards.try_lock_once(shard);
        if free {
            self.shards.insert(shard);
        }
        free
    }

    /// Whether all shards are held.
    pub fn owns_all(&self) -> bool {
        self.gate_token != 0
    }

    /// Whether no shard is held at all.
    pub fn is_nothing(&self) -> bool {
        !self.owns_all() && self.shards.is_empty()
    }

    /// The shards that are held; meaningless when all are.
    pub fn shards(&self) -> &ShardSet {
        &self.shards
    }

    /// A shard to read.
    ///
    /// # Panics
    /// When the shard is not among those held.
    #[inline]
    pub fn shard(&self, shard: u16) -> &Shard {
        assert!(self.owns(shard), "shard {shard} was not locked for this command");
        // SAFETY: 3. The shard is locked for as long as `self` lives, and `&self` allows reading
        // only.
        unsafe { &*self.cells.shards.guarded(shard).get() }
    }

    /// A shard to change.
    ///
    /// # Panics
    /// When the shard is not among those held.
    #[inline]
    pub fn shard_mut(&mut self, shard: u16) -> &mut Shard {
        assert!(self.owns(shard), "shard {shard} was not locked for this command");
        // SAFETY: 4. As 3, and `&mut self` makes this the only reference.
        unsafe { &mut *self.cells.shards.guarded(shard).get() }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.gate_token != 0 {
            self.cells.gate.open();
        }
        for shard in &self.shards {
            self.cells.shards.unlock(shard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "was not locked")]
    fn a_shard_that_is_not_held_cannot_be_reached() {
        let cells = Cells::new();
        let held = cells.try_hold(&ShardSet::from_iter([1, 5]), &Wait::default()).unwrap();
        assert!(held.owns(5));
        held.shard(2);
    }

    #[test]
    fn a_locked_shard_is_busy_until_it_is_dropped() {
        let cells = Cells::new();
        let held = cells.try_hold(&ShardSet::from_iter([1, 5]), &Wait::default()).unwrap();
        let other = ShardSet::from_iter([0, 5]);
        assert_eq!(cells.try_hold(&other, &Wait::default()).err(), Some(Busy(5)));
        drop(held);
        assert!(cells.try_hold(&other, &Wait::default()).is_ok());
    }
}
