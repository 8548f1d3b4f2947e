//! The query pool: threads for long work that needs no shard, such as ranking a large result.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use cairn_core::command::{Ended, Job, run_job};
use tokio::sync::oneshot;

use crate::priority;

/// Threads at least, so that one long SAVE does not keep all queries waiting.
const THREADS_MIN: usize = 2;

type Task = (Job, oneshot::Sender<Ended>);

/// The pool.
pub struct Pool {
    queue: Sender<Task>,
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
        Self { queue }
    }

    /// Runs a job; the receiver gets its end. Once started it runs to its end, though nobody may
    /// wait for it any more.
    pub fn run(&self, job: Job) -> oneshot::Receiver<Ended> {
        let (end, receiver) = oneshot::channel();
        // A closed queue drops the sender, which the receiver reports.
        let _ = self.queue.send((job, end));
        receiver
    }
}

fn work(tasks: &Mutex<Receiver<Task>>) {
    priority::give_way();
    loop {
        let task = tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok((job, end)) = task else { return };
        // The connection may be gone.
        let _ = end.send(run_job(job));
    }
}
