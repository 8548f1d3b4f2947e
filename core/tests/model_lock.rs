//! Model tests of the lock protocols: the sources of `core/src/lock` themselves, compiled against
//! shuttle's primitives and run under schedules that shuttle chooses (at random, and by priorities
//! as in Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding
//! Bugs", 2010). Shuttle executes atomics in one total order, which is what the protocols ask for
//! where it matters (the gate); weaker orderings are not explored.
//!
//! A lost wake-up shows as a deadlock, which shuttle reports; a breach of mutual exclusion as a
//! failed assertion of [`Cells`]. The tests named `seeded_…` break the protocol on purpose: they
//! hold only if the model would have found the fault.

#[path = "model_lock/blocking.rs"]
mod blocking;
#[path = "model_lock/gate.rs"]
mod gate;
#[path = "../src/lock/mod.rs"]
#[allow(dead_code, unused_imports)]
mod lock;
#[path = "model_lock/stripes.rs"]
mod stripes;

/// What the lock sources know as `crate::sync`.
mod sync {
    pub use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    pub use shuttle::sync::{Arc, Mutex, MutexGuard};

    // Fewer than in earnest, so that schedules get to what happens when spinning was in vain.
    pub const SHARD_SPINS: u32 = 1;
    pub const GATE_SPINS: u32 = 1;

    pub fn spin_hint() {
        shuttle::hint::spin_loop();
    }
}

use std::sync::Arc as StdArc;
use std::task::{Wake, Waker};

use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::sync::{Condvar, Mutex};
use shuttle::{Config, FailurePersistence, Runner};

/// Lets a thread sleep until its waker is called, as an executor does with a task.
#[derive(Default)]
struct Parker {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Wake for Parker {
    fn wake(self: StdArc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.bell.notify_one();
    }
}

impl Parker {
    fn pair() -> (StdArc<Self>, Waker) {
        let parker = StdArc::new(Self::default());
        (StdArc::clone(&parker), Waker::from(parker))
    }

    fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.bell.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// What the locks protect: each cell knows who is in it, and objects to a second one.
struct Cells(Vec<AtomicU64>);

impl Cells {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    /// Enters these cells as `me` (not 0), lets others run, and leaves again.
    fn visit(&self, cells: impl Iterator<Item = usize> + Clone, me: u64) {
        for cell in cells.clone() {
            assert_eq!(self.0[cell].swap(me, Ordering::SeqCst), 0, "mutual exclusion broken");
        }
        shuttle::thread::yield_now();
        for cell in cells {
            assert_eq!(self.0[cell].swap(0, Ordering::SeqCst), me, "mutual exclusion broken");
        }
    }
}

/// Explores `body` under both schedulers.
fn explore(iterations: usize, body: fn()) {
    let config = || {
        let mut config = Config::default();
        // The failing schedule is only of use while a fault is looked for.
        config.failure_persistence = FailurePersistence::None;
        config
    };
    let random = shuttle::scheduler::RandomScheduler::new(iterations);
    Runner::new(random, config()).run(body);
    let priorities = shuttle::scheduler::PctScheduler::new(3, iterations);
    Runner::new(priorities, config()).run(body);
}
