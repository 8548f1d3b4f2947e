//! The query pool: threads for long work that needs no shard, such as ranking a large result.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use cairn_core::command::Job;
use tokio::sync::oneshot;

type Task = (Job, oneshot::Sender<Vec<u8>>);

/// The pool.
pub struct Pool {
    queue: Sender<Task>,
}

impl Pool {
    /// Starts `threads` threads.
    pub fn start(threads: usize) -> Self {
        let (queue, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        for number in 0..threads.max(1) {
            let tasks = Arc::clone(&tasks);
            let work = move || work(&tasks);
            // With fewer threads than asked for the pool is slower, not wrong; with none at all
            // the receiver is gone and every job is answered with an error.
            let _ = std::thread::Builder::new().name(format!("query-{number}")).spawn(work);
        }
        Self { queue }
    }

    /// Runs a job; the receiver gets its reply, or an error when it panicked.
    pub fn run(&self, job: Job) -> oneshot::Receiver<Vec<u8>> {
        let (reply, receiver) = oneshot::channel();
        // A closed queue drops the sender, which the receiver reports.
        let _ = self.queue.send((job, reply));
        receiver
    }
}

fn work(tasks: &Mutex<Receiver<Task>>) {
    loop {
        let task = tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok((job, reply)) = task else { return };
        if let Ok(bytes) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)) {
            // The connection may be gone.
            let _ = reply.send(bytes);
        }
    }
}
