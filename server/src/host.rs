//! What the engine asks of the server.

use std::sync::Arc;

use cairn_core::command::{Command, Flags};
use cairn_core::keyspace::Event;
use cairn_core::session::Session;
use cairn_core::{CmdError, Host, Observed};

use crate::memory;
use crate::server::Server;

/// The server as the engine sees it. Both live as long as the process, so that the circle between
/// them does no harm.
pub struct ServerHost(Arc<Server>);

impl ServerHost {
    /// The host of a server.
    pub fn new(server: &Arc<Server>) -> Self {
        Self(Arc::clone(server))
    }

    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.0
    }
}

impl Host for ServerHost {
    fn authorize(
        &self,
        session: &Session,
        command: &Command,
        _args: &[&[u8]],
    ) -> Result<(), CmdError> {
        if !session.authenticated && !command.spec.flags.has(Flags::NO_AUTH) {
            return Err(CmdError::fixed("NOAUTH Authentication required."));
        }
        crate::commands::check_subscriber(session, command)
    }

    fn publish(&self, _session: &Session, events: &[Event], offset: u64) {
        let classes = self.0.engine.tuning.notify_classes();
        self.0.pubsub.publish_events(events, classes, offset);
    }

    fn used_memory(&self) -> usize {
        memory::estimate()
    }

    fn observe(&self, _session: &Session, _seen: &Observed<'_>) {}

    fn warn(&self, text: &str) {
        self.0.log.warning(text);
    }
}
