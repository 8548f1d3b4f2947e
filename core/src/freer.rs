//! The freer: a thread that drops large values, so that commands need not.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::value::Object;

/// Drops what it is given, on a thread of its own.
pub struct Freer {
    queue: Sender<Box<dyn Any + Send>>,
    pending: Arc<AtomicU64>,
    freed: Arc<AtomicU64>,
    after: Arc<OnceLock<fn()>>,
}

impl Freer {
    /// Starts the thread. It ends when the freer is dropped.
    pub fn start() -> Self {
        let (queue, garbage) = channel::<Box<dyn Any + Send>>();
        let (pending, freed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (p, f) = (Arc::clone(&pending), Arc::clone(&freed));
        let after = Arc::new(OnceLock::<fn()>::new());
        let then = Arc::clone(&after);
        let work = move || {
            for item in garbage {
                drop(item);
                p.fetch_sub(1, Ordering::Relaxed);
                f.fetch_add(1, Ordering::Relaxed);
                if let Some(then) = then.get() {
                    then();
                }
            }
        };
        // Without a thread the channel is closed, and values are dropped where they are given up.
        let _ = thread::Builder::new().name("freer".into()).spawn(work);
        Self { queue, pending, freed, after }
    }

    /// Has `then` called on the thread after each item. Only the first call has an effect.
    pub fn after_each(&self, then: fn()) {
        // A second one is ignored by design.
        let _ = self.after.set(then);
    }

    /// Drops a value in the background.
    pub fn free(&self, object: Box<dyn Object>) {
        self.free_any(Box::new(object));
    }

    /// Drops anything in the background.
    pub fn free_any(&self, item: Box<dyn Any + Send>) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        if let Err(back) = self.queue.send(item) {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            drop(back);
        }
    }

    /// Items that wait to be dropped.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Begins counting dropped items anew.
    pub fn reset(&self) {
        self.freed.store(0, Ordering::Relaxed);
    }

    /// Items that were dropped.
    pub fn freed(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }
}
