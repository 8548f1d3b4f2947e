//! Publish and subscribe: who listens to what, and how a message reaches them.
//!
//! A channel's subscribers are grouped by their I/O thread. A message is put into each thread's
//! box under the lock of the registry, so that all subscribers see the messages of all publishers
//! in one order; the threads copy it to their connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::keyspace::Event;
use cairn_core::notify::Class;
use cairn_core::reply::{Proto, Reply};
use cairn_core::util::glob;

use crate::net::mailbox::{Message, PushBytes, ThreadBox};

/// What one can subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE.
    Channel = 0,
    /// PSUBSCRIBE.
    Pattern = 1,
    /// SSUBSCRIBE.
    Shard = 2,
}

/// Clients by thread.
type Subscribers = HashMap<usize, Vec<u64>>;

#[derive(Default)]
struct Registry {
    by_name: [HashMap<Box<[u8]>, Subscribers>; 3],
}

/// The registry of subscriptions.
pub struct PubSub {
    registry: Mutex<Registry>,
    threads: Vec<Arc<ThreadBox>>,
}

impl PubSub {
    /// An empty registry for these threads.
    pub fn new(threads: Vec<Arc<ThreadBox>>) -> Self {
        Self { registry: Mutex::default(), threads }
    }

    /// Adds a subscription.
    pub fn subscribe(&self, kind: Kind, name: &[u8], thread: usize, client: u64) {
        let mut registry = self.lock();
        let subscribers = registry.by_name[kind as usize].entry(name.into()).or_default();
        subscribers.entry(thread).or_default().push(client);
    }

    /// Removes a subscription.
    pub fn unsubscribe(&self, kind: Kind, name: &[u8], thread: usize, client: u64) {
        let mut registry = self.lock();
        let names = &mut registry.by_name[kind as usize];
        let Some(subscribers) = names.get_mut(name) else { return };
        if let Some(clients) = subscribers.get_mut(&thread) {
            clients.retain(|c| *c != client);
            if clients.is_empty() {
                subscribers.remove(&thread);
            }
        }
        if subscribers.is_empty() {
            names.remove(name);
        }
    }

    /// Publishes a message and returns how many clients it goes to. It is held back from them
    /// until the effects log is durable up to `offset`.
    pub fn publish(&self, kind: Kind, channel: &[u8], message: &[u8], offset: u64) -> usize {
        let registry = self.lock();
        let mut count = 0;
        if let Some(subscribers) = registry.by_name[kind as usize].get(channel) {
            let word: &[u8] = if kind == Kind::Shard { b"smessage" } else { b"message" };
            count += self.send(subscribers, &[word, channel, message], offset);
        }
        if kind == Kind::Channel {
            for (pattern, subscribers) in &registry.by_name[Kind::Pattern as usize] {
                if glob::matches(pattern, channel) {
                    let words: [&[u8]; 4] = [b"pmessage", pattern, channel, message];
                    count += self.send(subscribers, &words, offset);
                }
            }
        }
        count
    }

    fn send(&self, subscribers: &Subscribers, words: &[&[u8]], offset: u64) -> usize {
        let bytes = Arc::new(push(words));
        let mut count = 0;
        for (thread, clients) in subscribers {
            count += clients.len();
            let message = Message::PushAll(clients.clone(), Arc::clone(&bytes), offset);
            self.threads[*thread].send(message);
        }
        count
    }

    /// Publishes keyspace events to the channels that the configuration asks for.
    pub fn publish_events(&self, events: &[Event], classes: Class, offset: u64) {
        let published = events.iter().filter(|event| event.class != Class::INVALIDATION);
        for event in published {
            if classes.has(Class::KEYSPACE) {
                let mut channel = format!("__keyspace@{}__:", event.db).into_bytes();
                channel.extend_from_slice(&event.key);
                self.publish(Kind::Channel, &channel, event.name.as_bytes(), offset);
            }
            if classes.has(Class::KEYEVENT) {
                let channel = format!("__keyevent@{}__:{}", event.db, event.name);
                self.publish(Kind::Channel, channel.as_bytes(), &event.key, offset);
            }
            if !event.elements.is_empty() {
                self.publish_elements(event, classes, offset);
            }
        }
    }

    /// Publishes which elements an event is about to the channels of elements. A length goes before
    /// each name in a payload, since names may hold what separates them. What could not be told
    /// apart is left out: events with a `|` and keys with a line break in channels of such.
    fn publish_elements(&self, event: &Event, classes: Class, offset: u64) {
        let Event { db, name, key, elements, .. } = event;
        let mut list = Vec::new();
        for element in elements {
            if !list.is_empty() {
                list.push(b',');
            }
            push_name(&mut list, element);
        }
        let send = |channel: &[&[u8]], payload: &[&[u8]]| {
            self.publish(Kind::Channel, &channel.concat(), &payload.concat(), offset);
        };
        let (db, name) = (format!("@{db}__:"), name.as_bytes());
        let clear = !name.contains(&b'|');
        if classes.has(Class::SUBKEYSPACE) && clear {
            send(&[b"__subkeyspace", db.as_bytes(), key], &[name, b"|", &list]);
        }
        if classes.has(Class::SUBKEYEVENT) {
            let mut named = Vec::new();
            push_name(&mut named, key);
            send(&[b"__subkeyevent", db.as_bytes(), name], &[&named, b"|", &list]);
        }
        if classes.has(Class::SUBKEYSPACEITEM) && !key.contains(&b'\n') {
            for element in elements {
                send(&[b"__subkeyspaceitem", db.as_bytes(), key, b"\n", element], &[name]);
            }
        }
        if classes.has(Class::SUBKEYSPACEEVENT) && clear {
            send(&[b"__subkeyspaceevent", db.as_bytes(), name, b"|", key], &[&list]);
        }
    }

    /// The names with subscribers that match a pattern, or all of them.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let registry = self.lock();
        let names = registry.by_name[kind as usize].keys();
        names.filter(|name| pattern.is_none_or(|p| glob::matches(p, name))).cloned().collect()
    }

    /// How many clients subscribe to a name.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        let registry = self.lock();
        let subscribers = registry.by_name[kind as usize].get(name);
        subscribers.map_or(0, |s| s.values().map(Vec::len).sum())
    }

    /// How many names have subscribers.
    pub fn len(&self, kind: Kind) -> usize {
        self.lock().by_name[kind as usize].len()
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Appends a name with its length before it.
fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(format!("{}:", name.len()).as_bytes());
    out.extend_from_slice(name);
}

/// A push in the forms of both protocols.
pub fn push(words: &[&[u8]]) -> PushBytes {
    let form = |proto| {
        let mut reply = Reply::new(proto);
        reply.push(words.len());
        words.iter().for_each(|word| reply.bulk(word));
        reply.take()
    };
    PushBytes { resp2: form(Proto::Resp2), resp3: form(Proto::Resp3) }
}
