//! Client-side caching: who has read which keys, or asked for which prefixes, and is told when
//! they change.
//!
//! While a command's shards are held, the keys that it read are noted ([`Tracking::remember`]) and
//! the keys that it changed are looked up ([`Tracking::invalidate`]): no change can slip in
//! between a read and its note. Messages travel through the threads' boxes, so that a connection
//! gets them between replies, and its own after the reply of the command that caused them.

mod mode;
mod prefixes;
mod table;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use cairn_core::keyspace::{Event, INVALIDATE_ALL, INVALIDATED};
use cairn_core::notify::Class;
use cairn_core::reply::{Proto, Reply};

pub use mode::{Mode, Options, State};
use prefixes::Prefixes;
use table::KeyTable;

use crate::client::Client;
use crate::net::mailbox::{Letter, Message, PushBytes};
use crate::server::Server;

/// The channel that invalidations come by in RESP2.
const CHANNEL: &str = "__redis__:invalidate";

/// Who caches what.
#[derive(Default)]
pub struct Tracking {
    clients: RwLock<HashMap<u64, Arc<Client>>>,
    table: KeyTable,
    prefixes: Prefixes,
    max_keys: AtomicUsize,
}

/// Figures for INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Clients that track.
    pub clients: usize,
    /// Keys that are remembered.
    pub keys: usize,
    /// Clients that are remembered for them.
    pub items: usize,
    /// Prefixes that are asked for.
    pub prefixes: usize,
}

impl Tracking {
    /// Begins to track for a client, or gives it further prefixes.
    pub fn enable(&self, server: &Server, client: &Arc<Client>, options: Options) {
        server.engine.tuning.set_invalidates(true);
        self.prefixes.add(client.id, &options.prefixes);
        client.tracking.enable(options);
        write(&self.clients).insert(client.id, Arc::clone(client));
    }

    /// Ends tracking for a client. What was remembered for it goes as the keys change.
    pub fn disable(&self, server: &Server, client: &Client) {
        self.prefixes.remove(client.id, &client.tracking.disable());
        let mut clients = write(&self.clients);
        if clients.remove(&client.id).is_some() && clients.is_empty() {
            server.engine.tuning.set_invalidates(false);
            self.table.clear();
        }
    }

    /// Takes over `tracking-table-max-keys`; 0 is no limit.
    pub fn set_max_keys(&self, server: &Server, max: usize) {
        self.max_keys.store(max, Ordering::Relaxed);
        self.make_room(server);
    }

    /// Remembers that a client has read keys.
    pub fn remember<'a>(
        &self,
        server: &Server,
        client: &Client,
        keys: impl Iterator<Item = &'a [u8]>,
    ) {
        for key in keys {
            self.table.add(key, client.id);
        }
        self.make_room(server);
    }

    /// Invalidates keys until there are no more than allowed.
    fn make_room(&self, server: &Server) {
        let max = self.max_keys.load(Ordering::Relaxed);
        while max != 0 && self.table.keys() > max {
            let Some((key, clients)) = self.table.pop() else { return };
            self.tell_readers(server, &key, clients, 0, 0);
        }
    }

    /// Tells clients of the changes among these events, which session `by` brought about. The
    /// messages are held back until the effects log is durable up to `offset`.
    pub fn invalidate(&self, server: &Server, by: u64, events: &[Event], offset: u64) {
        let changes = || events.iter().filter(|event| event.class == Class::INVALIDATION);
        if changes().any(|event| event.name == INVALIDATE_ALL) {
            return self.invalidate_all(server, offset);
        }
        let untold = changes().filter(|event| event.name != INVALIDATED);
        let untold: BTreeSet<&[u8]> = untold.map(|event| &*event.key).collect();
        for key in &untold {
            if let Some(clients) = self.table.take(key) {
                self.tell_readers(server, key, clients, by, offset);
            }
        }
        let keys: BTreeSet<&[u8]> = changes().map(|event| &*event.key).collect();
        self.prefixes.matching(&keys, |clients, keys| {
            let message = Arc::new(invalidation(Some(keys)));
            for id in clients {
                self.tell(server, *id, by, &message, offset);
            }
        });
    }

    /// Tells those who have read the keys of these events, before somebody else reads them within
    /// the same transaction.
    pub fn invalidate_read(&self, server: &Server, by: u64, events: &mut [Event]) {
        let changes = events.iter_mut().filter(|event| event.class == Class::INVALIDATION);
        for event in changes.filter(|event| event.name.is_empty()) {
            event.name = INVALIDATED;
            if let Some(clients) = self.table.take(&event.key) {
                self.tell_readers(server, &event.key, clients, by, 0);
            }
        }
    }

    fn tell_readers(
        &self,
        server: &Server,
        key: &[u8],
        clients: BTreeSet<u64>,
        by: u64,
        offset: u64,
    ) {
        let message = Arc::new(invalidation(Some(&[key])));
        for id in clients {
            let client = read(&self.clients).get(&id).cloned();
            if client.is_some_and(|c| !c.tracking.mode().has(Mode::BCAST)) {
                self.tell(server, id, by, &message, offset);
            }
        }
    }

    fn invalidate_all(&self, server: &Server, offset: u64) {
        self.table.clear();
        let message = Arc::new(invalidation(None));
        let clients: Vec<u64> = read(&self.clients).keys().copied().collect();
        for id in clients {
            self.tell(server, id, 0, &message, offset);
        }
    }

    /// Sends an invalidation to a client, or to whom it redirects.
    fn tell(&self, server: &Server, id: u64, by: u64, message: &Arc<PushBytes>, offset: u64) {
        let Some(client) = read(&self.clients).get(&id).cloned() else { return };
        if id == by && client.tracking.mode().has(Mode::NOLOOP) {
            return;
        }
        let Some(target) = client.tracking.redirect() else {
            let letter = Letter::Invalidation(Arc::clone(message), offset, false);
            return client.mailbox.send(Message::To(id, letter));
        };
        let found = server.clients().get(&target).cloned();
        match found {
            Some(other) => {
                let letter = Letter::Invalidation(Arc::clone(message), offset, true);
                other.mailbox.send(Message::To(target, letter));
            }
            None => {
                client.tracking.break_redirect();
                let message = Arc::new(broken(target));
                let letter = Letter::Invalidation(message, offset, false);
                client.mailbox.send(Message::To(id, letter));
            }
        }
    }

    /// Figures for INFO.
    pub fn totals(&self) -> Totals {
        Totals {
            clients: read(&self.clients).len(),
            keys: self.table.keys(),
            items: self.table.items(),
            prefixes: self.prefixes.len(),
        }
    }
}

/// The invalidation of some keys, or of all.
fn invalidation(keys: Option<&[&[u8]]>) -> PushBytes {
    let write_keys = |reply: &mut Reply| match keys {
        None => reply.null(),
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
    };
    let mut resp2 = Reply::new(Proto::Resp2);
    resp2.push(3);
    resp2.bulk("message");
    resp2.bulk(CHANNEL);
    write_keys(&mut resp2);
    let mut resp3 = Reply::new(Proto::Resp3);
    resp3.push(2);
    resp3.bulk("invalidate");
    write_keys(&mut resp3);
    PushBytes { resp2: resp2.take(), resp3: resp3.take() }
}

/// What a client is told in RESP3 when the client that it redirects to is gone.
fn broken(target: u64) -> PushBytes {
    let mut resp3 = Reply::new(Proto::Resp3);
    resp3.push(2);
    resp3.bulk("tracking-redir-broken");
    resp3.int(target as i64);
    PushBytes { resp2: Vec::new(), resp3: resp3.take() }
}

type Clients = HashMap<u64, Arc<Client>>;

fn read(clients: &RwLock<Clients>) -> std::sync::RwLockReadGuard<'_, Clients> {
    clients.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn write(clients: &RwLock<Clients>) -> std::sync::RwLockWriteGuard<'_, Clients> {
    clients.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}
