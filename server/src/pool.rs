//! The query pool: threads for long work that needs no shard, such as ranking a large result; and
//! threads that come and go with work that only waits, such as for another server.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::command::{Ended, Job, run_job};
use tokio::sync::oneshot;

use crate::priority;

/// Threads at least, so that one long SAVE does not keep all queries waiting.
const THREADS_MIN: usize = 2;

/// Threads at most for work that waits; what comes on top queues for them.
const WAITING_MAX: usize = 64;

type Task = (Job, oneshot::Sender<Ended>);

/// The pool.
pub struct Pool {
    queue: Sender<Task>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Work that waits.
#[derive(Default)]
struct Waiting {
    threads: usize,
    queue: VecDeque<Task>,
}

impl Pool {
    /// Starts `threads` threads, or a few more.
    pub fn start(threads: usize) -> Self {
        let (queue, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        for number in 0..threads.max(THREADS_MIN) {
            let tasks = Arc::clone(&tasks);
            let work = move || work(&tasks);
            // With fewer threads than asked for the pool is slower, not wrong; with none at all
            // the receiver is gone and every job is answered with an error.
            let _ = std::thread::Builder::new().name(format!("query-{number}")).spawn(work);
        }
        Self { queue, waiting: Arc::default() }
    }

    /// Runs a job; the receiver gets its end. Once started it runs to its end, though nobody may
    /// wait for it any more.
    pub fn run(&self, job: Job) -> oneshot::Receiver<Ended> {
        let (end, receiver) = oneshot::channel();
        if job.waits() {
            self.run_waiting((job, end));
            return receiver;
        }
        // A closed queue drops the sender, which the receiver reports.
        let _ = self.queue.send((job, end));
        receiver
    }

    fn run_waiting(&self, task: Task) {
        let mut state = lock(&self.waiting);
        if state.threads >= WAITING_MAX {
            state.queue.push_back(task);
            return;
        }
        let waiting = Arc::clone(&self.waiting);
        let work = move || work_waiting(&waiting, task);
        // Without a thread the task goes, and with it the sender, which the receiver reports.
        if std::thread::Builder::new().name("waiting".into()).spawn(work).is_ok() {
            state.threads += 1;
        }
    }
}

/// Does a task, then what has queued meanwhile.
fn work_waiting(waiting: &Mutex<Waiting>, mut task: Task) {
    loop {
        let (job, end) = task;
        let _ = end.send(run_job(job));
        let mut state = lock(waiting);
        let Some(next) = state.queue.pop_front() else {
            state.threads -= 1;
            return;
        };
        drop(state);
        task = next;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn work(tasks: &Mutex<Receiver<Task>>) {
    priority::give_way();
    loop {
        let task = lock(tasks).recv();
        let Ok((job, end)) = task else { return };
        // The connection may be gone.
        let _ = end.send(run_job(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_core::command::JobEnd;

    #[test]
    fn what_waits_keeps_nothing_else_waiting() {
        let pool = Pool::start(1);
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let waiting: Vec<_> = (0..WAITING_MAX + 3)
            .map(|_| {
                let gate = Arc::clone(&gate);
                pool.run(Job::waiting(move || {
                    let _ = lock(&gate).recv();
                    JobEnd::Reply(Vec::new())
                }))
            })
            .collect();
        let query = pool.run(Job::new(|| JobEnd::Reply(Vec::new())));
        assert!(query.blocking_recv().is_ok(), "a query has a thread");
        // All are let go, those that had no thread before included.
        drop(release);
        assert!(waiting.into_iter().all(|end| end.blocking_recv().is_ok()));
        assert!(lock(&pool.waiting).queue.is_empty());
    }

    #[test]
    fn a_panic_keeps_no_thread() {
        let pool = Pool::start(1);
        for _ in 0..3 {
            let end = pool.run(Job::waiting(|| panic!("of the test")));
            assert!(end.blocking_recv().is_ok());
        }
    }
}
