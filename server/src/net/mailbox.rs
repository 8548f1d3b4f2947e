//! Mailboxes: how other threads reach a thread and the connections on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use cairn_core::blocking::Mailbox;
use cairn_core::reply::Proto;
use cairn_core::session::Session;
use tokio::sync::Notify;

use super::stream::Accepted;
use crate::client::Client;

/// An out-of-band message in the forms of both protocols.
#[derive(Debug)]
pub struct PushBytes {
    /// As an array.
    pub resp2: Vec<u8>,
    /// As a push.
    pub resp3: Vec<u8>,
}

impl PushBytes {
    /// The bytes for a protocol.
    pub fn get(&self, proto: Proto) -> &[u8] {
        match proto {
            Proto::Resp2 => &self.resp2,
            Proto::Resp3 => &self.resp3,
        }
    }
}

/// Something for a connection.
pub enum Letter {
    /// The reply of a blocked command, and the log offset it waits for.
    Reply(Vec<u8>, u64),
    /// An out-of-band message, and the log offset it waits for.
    Push(Arc<PushBytes>, u64),
    /// An invalidation for client-side caching, the log offset it waits for, and whether another
    /// client redirected it here. In RESP2 only a subscriber that it was redirected to can take it.
    Invalidation(Arc<PushBytes>, u64, bool),
    /// Nothing: all letters before this one have arrived.
    Nudge,
    /// CLIENT UNBLOCK: end the blocked command, with an error or as if its time were up.
    Unblock {
        /// Whether the client gets an error.
        error: bool,
    },
    /// CLIENT KILL: close, after sending no more than the socket takes at once.
    Kill,
}

impl Letter {
    /// About how many bytes it has for the client.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Reply(bytes, _) => bytes.len(),
            Self::Push(bytes, _) | Self::Invalidation(bytes, ..) => bytes.resp3.len(),
            Self::Nudge | Self::Unblock { .. } | Self::Kill => 0,
        }
    }
}

/// A connection on its way from one thread to another.
pub struct Traveller {
    /// The socket.
    pub socket: Accepted,
    /// The session, with nothing under way.
    pub session: Session,
    /// What all threads see of it.
    pub client: Arc<Client>,
}

/// A message to a thread.
pub enum Message {
    /// A new connection, whose home this thread becomes.
    Connect(Accepted),
    /// A connection to serve that another thread has served so far.
    Arrive(Box<Traveller>),
    /// No letters for this connection come here any more: it has ended, or went home.
    Forget(u64),
    /// Something for one of its connections.
    To(u64, Letter),
    /// The same push for several of its connections.
    PushAll(Vec<u64>, Arc<PushBytes>, u64),
    /// Run something on the thread.
    Run(Box<dyn FnOnce() + Send>),
    /// Close all connections and end.
    Stop,
}

/// The queue of one thread.
#[derive(Default)]
pub struct ThreadBox {
    queue: Mutex<VecDeque<Message>>,
    notify: Notify,
}

impl ThreadBox {
    /// Puts a message at the end and wakes the thread.
    pub fn send(&self, message: Message) {
        let was_empty = {
            let mut queue = self.lock();
            queue.push_back(message);
            queue.len() == 1
        };
        // Whoever found it empty wakes the thread, which takes all there is.
        if was_empty {
            self.notify.notify_one();
        }
    }

    /// Takes all messages, or waits for the first.
    pub async fn receive(&self) -> VecDeque<Message> {
        loop {
            let messages = std::mem::take(&mut *self.lock());
            if !messages.is_empty() {
                return messages;
            }
            self.notify.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The address of a connection: its thread's box and its number.
pub struct Address {
    /// The thread's box.
    pub thread: Arc<ThreadBox>,
    /// The session's number.
    pub client: u64,
}

impl Mailbox for Address {
    fn deliver(&self, reply: Vec<u8>, offset: u64) {
        self.thread.send(Message::To(self.client, Letter::Reply(reply, offset)));
    }
}
