//! Replies that wait until the log is durable, and when it is worth syncing.
//!
//! The replies of a thread wait here, and the thread waits for the log once for all of them: being
//! woken one by one from the thread that syncs cost more than the replies.
//!
//! That thread in turn waits until an I/O thread has run all that has arrived ([`Resting`]): what
//! clients have sent by then goes with one sync. Redis has the same effect from syncing at the end
//! of its loop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use cairn_core::effects::{EffectsLog, NotDurable};

use super::thread::ThreadState;

/// A thread's replies that wait.
pub struct Replies {
    waiting: RefCell<Vec<(u64, Waker)>>,
    /// The least offset among them.
    least: Cell<u64>,
    /// Wakes the task that waits for the log.
    task: RefCell<Option<Waker>>,
}

impl Default for Replies {
    fn default() -> Self {
        Self { waiting: RefCell::default(), least: Cell::new(u64::MAX), task: RefCell::default() }
    }
}

impl Replies {
    /// Whether a reply that saw `offset` may leave. While that is open, `waker` is called when it
    /// may have changed.
    ///
    /// # Errors
    /// It may not, now or ever.
    #[inline]
    pub fn poll(
        &self,
        log: &EffectsLog,
        offset: u64,
        waker: &Waker,
    ) -> Poll<Result<(), NotDurable>> {
        let standing = log.standing(offset);
        if standing.is_pending() {
            self.wait(offset, waker);
        }
        standing
    }

    #[cold]
    fn wait(&self, offset: u64, waker: &Waker) {
        self.waiting.borrow_mut().push((offset, waker.clone()));
        if offset < self.least.get() {
            self.least.set(offset);
            if let Some(task) = self.task.borrow_mut().take() {
                task.wake();
            }
        }
    }

    /// Ready when some may leave, or never will.
    fn poll_some(&self, log: &EffectsLog, cx: &mut Context<'_>) -> Poll<()> {
        *self.task.borrow_mut() = Some(cx.waker().clone());
        if self.waiting.borrow().is_empty() {
            return Poll::Pending;
        }
        log.poll_acknowledged(self.least.get(), cx.waker()).map(drop)
    }

    /// Wakes those that may leave, or never will.
    fn release(&self, log: &EffectsLog) {
        let mut least = u64::MAX;
        self.waiting.borrow_mut().retain(|(offset, waker)| {
            if log.standing(*offset).is_ready() {
                waker.wake_by_ref();
                return false;
            }
            least = least.min(*offset);
            true
        });
        self.least.set(least);
    }
}

/// Releases a thread's replies as the log becomes durable, for ever.
pub async fn release(state: Rc<ThreadState>) {
    let log = &state.engine.effects;
    loop {
        std::future::poll_fn(|cx| state.replies.poll_some(log, cx)).await;
        state.replies.release(log);
    }
}

/// Which I/O threads have nothing to do.
pub struct Resting {
    threads: Box<[Flag]>,
    /// Who waits for one of them.
    awaiting: Mutex<Option<Thread>>,
    /// Whether anybody does.
    awaited: AtomicBool,
}

/// Whether a thread rests, in a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Flag(AtomicBool);

impl Resting {
    /// Of `threads` threads none rests.
    pub fn new(threads: usize) -> Self {
        Self {
            threads: (0..threads).map(|_| Flag::default()).collect(),
            awaiting: Mutex::default(),
            awaited: AtomicBool::new(false),
        }
    }

    /// Thread `number` is about to sleep: it has run all that has arrived.
    pub fn rests(&self, number: usize) {
        self.threads[number].0.store(true, Ordering::SeqCst);
        // Whoever asks after this sees the flag; whoever asked before it is seen here.
        if self.awaited.load(Ordering::SeqCst)
            && self.awaited.swap(false, Ordering::SeqCst)
            && let Some(thread) = &*self.lock()
        {
            thread.unpark();
        }
    }

    /// Thread `number` has been woken.
    pub fn works(&self, number: usize) {
        self.threads[number].0.store(false, Ordering::Relaxed);
    }

    /// Waits until some thread begins to rest, at most for a time; not at all when all rest.
    pub fn wait_for_one(&self, most: Duration) {
        let deadline = Instant::now() + most;
        *self.lock() = Some(std::thread::current());
        self.awaited.store(true, Ordering::SeqCst);
        while !self.all_rest() && self.awaited.load(Ordering::SeqCst) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.awaited.store(false, Ordering::SeqCst);
    }

    fn all_rest(&self) -> bool {
        self.threads.iter().all(|thread| thread.0.load(Ordering::SeqCst))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Thread>> {
        self.awaiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn replies_leave_when_the_log_has_come_to_them() {
        let (log, replies) = (EffectsLog::new(0), Replies::default());
        log.set_durable(true);
        let counts: [Arc<Count>; 4] = Default::default();
        let wakers = counts.clone().map(Waker::from);
        let woken = || counts.each_ref().map(|count| count.0.load(Ordering::SeqCst));
        let mut cx = Context::from_waker(&wakers[3]);
        assert!(replies.poll(&log, 0, &wakers[0]).is_ready());
        assert!(replies.poll_some(&log, &mut cx).is_pending());
        assert!(replies.poll(&log, 20, &wakers[1]).is_pending());
        assert_eq!(woken(), [0, 0, 0, 1], "the task has something to wait for");
        assert!(replies.poll_some(&log, &mut cx).is_pending());
        assert!(replies.poll(&log, 10, &wakers[0]).is_pending());
        assert_eq!(woken(), [0, 0, 0, 2], "and something earlier");
        assert!(replies.poll(&log, 30, &wakers[2]).is_pending());
        assert!(replies.poll_some(&log, &mut cx).is_pending());
        log.acknowledge(20);
        assert!(woken()[3] > 2, "they are there");
        assert!(replies.poll_some(&log, &mut cx).is_ready());
        replies.release(&log);
        assert_eq!(woken()[..3], [1, 1, 0]);
        assert!(replies.poll_some(&log, &mut cx).is_pending());
        log.set_broken(true);
        assert!(replies.poll_some(&log, &mut cx).is_ready());
        replies.release(&log);
        assert_eq!(woken()[2], 1);
        assert_eq!(replies.poll(&log, 30, &wakers[2]), Poll::Ready(Err(NotDurable)));
        assert!(replies.waiting.borrow().is_empty());
    }

    #[test]
    fn nobody_is_waited_for_when_all_rest() {
        let resting = Resting::new(2);
        (0..2).for_each(|thread| resting.rests(thread));
        resting.wait_for_one(Duration::from_secs(3600));
    }

    #[test]
    fn the_first_that_rests_ends_the_wait() {
        let resting = Resting::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !resting.awaited.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                resting.rests(1);
            });
            resting.wait_for_one(Duration::from_secs(3600));
        });
        resting.works(1);
        assert!(!resting.all_rest());
        resting.wait_for_one(Duration::from_millis(1));
    }
}
