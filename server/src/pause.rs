//! CLIENT PAUSE: holding commands back for a while.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::task::Waker;

use cairn_core::clock;
use cairn_core::command::{Command, Flags, Reach};
use cairn_core::lock::Line;
use cairn_core::session::Session;

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Paused {
    /// Nothing.
    Nothing,
    /// Commands that may write, publish or otherwise reach replicas.
    Writes,
    /// All commands.
    All,
}

/// The pause, if there is one.
///
/// It is set while all shards are held, so that when CLIENT PAUSE answers no write is under way.
pub struct Pause {
    what: AtomicU8,
    until: AtomicI64,
    waiting: Line,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            what: AtomicU8::new(Paused::Nothing as u8),
            until: AtomicI64::new(0),
            waiting: Line::default(),
        }
    }
}

impl Pause {
    /// Begins a pause until a time in Unix milliseconds. An earlier pause that is longer or holds
    /// back more stays in force in that respect.
    pub fn begin(&self, what: Paused, until: i64) {
        if self.what() == Paused::Nothing {
            self.until.store(0, Ordering::SeqCst);
        }
        self.until.fetch_max(until, Ordering::SeqCst);
        self.what.fetch_max(what as u8, Ordering::SeqCst);
    }

    /// Ends the pause.
    pub fn end(&self) {
        self.what.store(Paused::Nothing as u8, Ordering::SeqCst);
        self.waiting.wake_all();
    }

    /// Ends the pause if its time is up.
    pub fn tick(&self) {
        if self.is_active() && clock::now_millis() >= self.until.load(Ordering::SeqCst) {
            self.end();
        }
    }

    /// Whether anything is held back: the one load that a command pays.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.what.load(Ordering::Relaxed) != Paused::Nothing as u8
    }

    /// What is held back.
    pub fn what(&self) -> Paused {
        match self.what.load(Ordering::SeqCst) {
            0 => Paused::Nothing,
            1 => Paused::Writes,
            _ => Paused::All,
        }
    }

    /// Whether this command has to wait; `waker` is called when it need not any more.
    pub fn poll(&self, session: &Session, command: &Command, waker: &Waker) -> bool {
        self.tick();
        if !self.holds(session, command) {
            return false;
        }
        self.waiting.wait(waker);
        // Looked at again after entering: an end in between would have woken nobody.
        self.holds(session, command)
    }

    fn holds(&self, session: &Session, command: &Command) -> bool {
        match self.what() {
            Paused::Nothing => false,
            Paused::All => !matches!(command.name.as_str(), "client|unpause" | "client|pause"),
            Paused::Writes => {
                let changes = |c: &Command| c.spec.flags.any(Flags::WRITE.or(Flags::MAY_REPLICATE));
                let queued = session.multi.as_ref();
                changes(command)
                    || command.spec.reach == Reach::Transaction
                        && queued.is_some_and(|m| m.queue.iter().any(|q| changes(q.command)))
            }
        }
    }
}
