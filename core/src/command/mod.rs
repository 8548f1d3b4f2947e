//! Commands: their specs, the table of all of them, and how one is run.
//!
//! - [`spec`]: the declarative spec; [`syntax`]: the notation of its arguments.
//! - [`keys`]: finding a command's keys.
//! - [`registry`]: the table.
//! - [`ctx`]: what a handler sees.
//! - [`dispatch`]: from words to reply: checks, locks, handler, effects, waiters.
//! - [`exec`]: transactions, the wider case of the same thing.
//! - [`job`]: work for the query pool.
//!
//! The commands themselves are in [`crate::commands`], the modules and the server.

mod ctx;
mod dispatch;
mod exec;
mod job;
pub mod keys;
mod registry;
mod serve;
mod spec;
pub mod syntax;

pub use ctx::{Block, Ctx, Mode};
pub use dispatch::Step;
pub use job::{Ended, Job, JobEnd, run_job};
pub use registry::{Command, Registry};
pub use spec::{
    Access, Acl, Begin, Find, Flags, Flow, Handler, KeyFinder, KeySpec, Outcome, Reach, Spec,
};

pub(crate) use exec::exec;
pub use exec::run_inside;
