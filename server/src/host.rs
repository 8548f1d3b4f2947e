//! What the engine asks of the server.

use std::sync::Arc;

use cairn_core::command::{Command, Flags, keys};
use cairn_core::engine::AfterFlush;
use cairn_core::keyspace::Event;
use cairn_core::notify::Class;
use cairn_core::session::Session;
use cairn_core::{CmdError, Host, Observed};

use crate::client::Client;
use crate::memory;
use crate::net::mailbox::{Letter, Message};
use crate::persist::schedule;
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
        if self.0.persistence.refuses() {
            self.0.persistence.refusal(session, command)?;
            self.0.aof.refusal(&self.0, session, command)?;
        }
        crate::commands::check_subscriber(session, command)
    }

    fn publish(&self, session: &Session, events: &[Event], offset: u64) {
        let invalidations = events.iter().any(|event| event.class == Class::INVALIDATION);
        if invalidations {
            self.0.tracking.invalidate(&self.0, session.id, events, offset);
        }
        let classes = self.0.engine.tuning.notify_classes();
        if classes != Class::default() {
            self.0.pubsub.publish_events(events, classes, offset);
        }
    }

    fn used_memory(&self) -> usize {
        memory::estimate()
    }

    fn observe(&self, session: &Session, seen: &Observed<'_>) {
        self.0.observers.observe(&self.0, session, seen);
    }

    fn track(
        &self,
        session: &Session,
        command: &Command,
        args: &[&[u8]],
        inside: Option<&mut Vec<Event>>,
    ) {
        let Some(client) = Client::of(session) else { return };
        let flags = command.spec.flags;
        let alone = inside.is_none();
        if flags.has(Flags::READONLY) && !flags.has(Flags::PUBSUB) && client.tracking.remembers() {
            let tracking = &self.0.tracking;
            if let Some(events) = inside {
                tracking.invalidate_read(&self.0, session.id, events);
            }
            let mut at = Vec::new();
            keys::positions(command.spec, args, &mut at);
            let keys = at.into_iter().filter_map(|i| args.get(i)).copied();
            tracking.remember(&self.0, client, keys);
        }
        // CLIENT CACHING is for the next command, or the whole of the next transaction.
        if alone && session.multi.is_none() && command.name != "client|caching" {
            client.tracking.set_caching(false);
        }
    }

    fn call_again(&self, session: &Session) {
        if let Some(client) = Client::of(session) {
            client.mailbox.send(Message::To(client.id, Letter::Nudge));
        }
    }

    fn emptied(&self, alone: bool) -> Option<AfterFlush> {
        schedule::after_flush(&self.0, alone)
    }

    fn warn(&self, text: &str) {
        self.0.log.warning(text);
    }
}
