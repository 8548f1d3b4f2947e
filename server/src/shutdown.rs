//! The server's end on its way: by a signal or SHUTDOWN, until SHUTDOWN ABORT calls it off or
//! nothing can any more. What is saved before is [`crate::persist::schedule`]'s business.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cairn_core::config::table::server as params;

use crate::persist::{Purpose, schedule};
use crate::server::Server;

/// How often a signal that has to wait looks whether it may go on.
const PAUSED_SLICE: Duration = Duration::from_millis(5);

/// How the server is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Whether a snapshot is taken; `None` leaves that to the `save` points.
    pub save: Option<bool>,
    /// Whether the server ends although the snapshot failed.
    pub force: bool,
}

impl Wish {
    /// What the flags of `shutdown-on-sigint` or `shutdown-on-sigterm` say.
    pub fn of_flags(flags: i64) -> Self {
        let has = |flag| flags & flag != 0;
        let save = match (has(params::SHUTDOWN_SAVE), has(params::SHUTDOWN_NOSAVE)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        Self { save, force: has(params::SHUTDOWN_FORCE) }
    }
}

/// Why the server does not end after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The snapshot failed.
    Failed,
    /// Somebody called it off.
    Aborted,
}

/// The ends that are on their way.
#[derive(Default)]
pub struct Shutdown {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many were begun, and neither failed nor were called off.
    running: usize,
    /// How often the running ones were called off.
    aborts: u64,
    /// Nothing can be called off any more.
    decided: bool,
}

impl Shutdown {
    /// Calls off what is on its way; false if there is nothing.
    pub fn abort(&self, server: &Server) -> bool {
        let mut state = self.state();
        if state.running == 0 || state.decided {
            return false;
        }
        state.aborts += 1;
        state.running = 0;
        drop(state);
        server.persistence.abort(Some(Purpose::Save));
        server.log.notice("Shutdown manually aborted.");
        true
    }

    /// Does what comes before the end. Blocks until it is done. With Ok the server has to end. A
    /// signal is regular work: it waits while that is stopped.
    ///
    /// # Errors
    /// Why it goes on.
    pub fn prepare(&self, server: &Server, wish: Wish, signal: bool) -> Result<(), Refusal> {
        let ticket = self.begin();
        let is_aborted = || self.state().aborts != ticket;
        while signal && server.is_cron_paused() && !is_aborted() {
            std::thread::sleep(PAUSED_SLICE);
        }
        let saved = match server.aof.is_beginning() && !wish.force {
            true => {
                server.log.warning("Writing initial AOF, can't exit.");
                Err(())
            }
            false => schedule::save_at_end(server, wish.save, &is_aborted).map_err(drop),
        };
        let mut state = self.state();
        if state.aborts != ticket {
            return Err(Refusal::Aborted);
        }
        state.running -= 1;
        if saved.is_err() && !wish.force {
            return Err(Refusal::Failed);
        }
        state.decided = true;
        Ok(())
    }

    /// Whether an end is on its way that was not called off.
    pub fn is_under_way(&self) -> bool {
        self.state().running > 0
    }

    fn begin(&self) -> u64 {
        let mut state = self.state();
        state.running += 1;
        state.aborts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Prepares for the end on a thread of its own, so that signals are heard meanwhile.
///
/// # Errors
/// When the system gives no thread.
pub fn prepare_in_background(
    server: &Arc<Server>,
    wish: Wish,
) -> std::io::Result<tokio::sync::oneshot::Receiver<Result<(), Refusal>>> {
    let (sender, prepared) = tokio::sync::oneshot::channel();
    let server = Arc::clone(server);
    let work = move || {
        // Nobody listens any more after a second signal.
        let _ = sender.send(server.shutdown.prepare(&server, wish, true));
    };
    std::thread::Builder::new().name("shutdown".into()).spawn(work)?;
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_a_wish() {
        let save = params::SHUTDOWN_SAVE;
        assert_eq!(Wish::of_flags(0), Wish::default());
        assert_eq!(Wish::of_flags(save), Wish { save: Some(true), force: false });
        let flags = params::SHUTDOWN_NOSAVE | params::SHUTDOWN_FORCE;
        assert_eq!(Wish::of_flags(flags), Wish { save: Some(false), force: true });
    }
}
