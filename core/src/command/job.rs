//! Work that a handler hands to the query pool, and what comes of it. The pool itself, its threads
//! and who waits for them are the embedder's.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use super::Step;
use super::dispatch::{aborted, panic_text};
use crate::clock;
use crate::engine::{Engine, Moment, Observed, Worker};
use crate::keyspace::{Scope, ShardSet};
use crate::reply::Reply;
use crate::session::Session;

/// Work that needs no shard.
pub struct Job {
    work: Box<dyn FnOnce() -> JobEnd + Send>,
    waits: bool,
}

impl Job {
    /// Work that keeps a thread busy.
    pub fn new(work: impl FnOnce() -> JobEnd + Send + 'static) -> Self {
        Self { work: Box::new(work), waits: false }
    }

    /// Work that mostly waits for something outside of the process, perhaps for seconds: it must
    /// not keep others from a thread.
    pub fn waiting(work: impl FnOnce() -> JobEnd + Send + 'static) -> Self {
        Self { work: Box::new(work), waits: true }
    }

    /// Whether it mostly waits.
    pub fn waits(&self) -> bool {
        self.waits
    }
}

/// What a job leaves.
pub enum JobEnd {
    /// The reply, as RESP bytes.
    Reply(Vec<u8>),
    /// The handler's next step: what it finds in [`super::Ctx::step`], and the shards it needs.
    Next(Box<dyn Any + Send>, Scope),
}

impl JobEnd {
    /// A next step that needs no shard.
    pub fn next(step: impl Any + Send) -> Self {
        Self::Next(Box::new(step), Scope::Shards(ShardSet::new()))
    }
}

/// A job that has ended, for [`crate::Engine::finish_job`].
pub struct Ended {
    /// What it left, or why it panicked.
    pub(crate) result: Result<JobEnd, String>,
    /// How long it ran, in nanoseconds; not how long it waited for a thread.
    pub(crate) nanos: u64,
}

impl Ended {
    /// The end of a job that nobody could run.
    pub fn lost() -> Self {
        Self { result: Err("no thread ran it".to_owned()), nanos: 0 }
    }
}

/// Runs a job and catches its panic.
pub fn run_job(job: Job) -> Ended {
    let begun = clock::now_nanos();
    let result =
        catch_unwind(AssertUnwindSafe(job.work)).map_err(|panic| panic_text(&*panic).into());
    Ended { result, nanos: clock::now_nanos().saturating_sub(begun) }
}

impl Engine {
    /// Goes on with a command whose job has ended. `args` are its words.
    pub fn finish_job(
        &self,
        worker: &Worker,
        session: &mut Session,
        args: &[&[u8]],
        reply: &mut Reply,
        ended: Ended,
        waker: &Waker,
    ) -> Step {
        session.pending.spent = session.pending.spent.saturating_add(ended.nanos);
        let (command, from) = (session.last_command, reply.len());
        let failed = match (ended.result, command) {
            (Ok(JobEnd::Next(step, scope)), _) => {
                session.pending.step = Some(step);
                session.pending.scope = Some(scope);
                return self.call(worker, session, args, reply, waker);
            }
            (Ok(JobEnd::Reply(bytes)), _) => {
                reply.raw(&bytes);
                false
            }
            (Err(panic), Some(command)) => {
                let error = aborted(self, command, &panic);
                worker.counters.error(error.text());
                reply.error(error.text());
                true
            }
            (Err(_), None) => true,
        };
        let nanos = std::mem::take(&mut session.pending.spent);
        if self.effects.is_durable() {
            session.offset = self.effects.end();
        }
        if let Some(command) = command {
            let replied = reply.len().saturating_sub(from);
            let seen = Observed { command, args, nanos, replied, moment: Moment::Ran };
            self.account(worker, session, &seen, failed);
        }
        Step::Done
    }
}
