//! What a handler sees: its session, the keys it may touch, and the reply it writes. Never a
//! socket.

use std::any::Any;

use super::{Command, Flow, Outcome};
use crate::engine::Engine;
use crate::keyspace::Space;
use crate::reply::Reply;
use crate::session::Session;

/// Why a handler is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A client sent it.
    Client,
    /// It is part of a transaction or script: it must not block.
    Inside,
    /// A write might serve this blocked command.
    Serving,
    /// It comes from a log or a primary: it must not block, and nobody reads the reply.
    Replay,
}

/// A wish to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The keys whose change may serve the command.
    pub on: Vec<Box<[u8]>>,
    /// When to give up, in Unix milliseconds with fractions; `None` waits for ever.
    pub deadline: Option<f64>,
    /// The reply (RESP bytes) when the time is up.
    pub timeout_reply: Vec<u8>,
    /// The words to run again when a key has changed, where they are not those of the client.
    /// The keys must stand in the same places.
    pub words: Option<Vec<Box<[u8]>>>,
    /// When to run again although no key has changed, since time alone may serve the command: in
    /// Unix milliseconds.
    pub retry: Option<i64>,
}

/// The surroundings of a running command.
pub struct Ctx<'c, 'e> {
    /// The keys.
    pub space: &'c mut Space<'e>,
    /// The session.
    pub session: &'c mut Session,
    /// The reply.
    pub reply: &'c mut Reply,
    /// The command.
    pub command: &'static Command,
    /// Why it runs.
    pub mode: Mode,
    /// What a handler that answered [`Flow::Again`] left for its next step.
    pub step: Option<Box<dyn Any + Send>>,
}

impl<'e> Ctx<'_, 'e> {
    /// The engine.
    pub fn engine(&self) -> &'e Engine {
        self.space.engine()
    }

    /// Waits for one of `keys`, or, where blocking is not possible, answers as if the time were
    /// up at once.
    ///
    /// # Errors
    /// Never; the result is a handler's.
    pub fn block(
        &mut self,
        keys: &[&[u8]],
        deadline: Option<f64>,
        timed_out: fn(&mut Reply),
    ) -> Outcome {
        if matches!(self.mode, Mode::Inside | Mode::Replay) {
            timed_out(self.reply);
            return Ok(Flow::Done);
        }
        let mut reply = Reply::new(self.reply.proto());
        timed_out(&mut reply);
        let on = keys.iter().map(|k| Box::from(*k)).collect();
        let timeout_reply = reply.take();
        Ok(Flow::Block(Block { on, deadline, timeout_reply, words: None, retry: None }))
    }
}
