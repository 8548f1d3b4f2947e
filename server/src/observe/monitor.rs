//! MONITOR: every command of every connection, as a line of text to those who asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use cairn_core::command::Flags;
use cairn_core::session::Session;
use cairn_core::{Observed, clock};

use super::client_of;
use super::redact::redacted;
use crate::client::Client;
use crate::net::mailbox::{Message, PushBytes};
use crate::server::Server;

/// The connections that monitor.
#[derive(Default)]
pub struct Monitors {
    count: AtomicUsize,
    /// Numbers of sessions by their thread.
    by_thread: Mutex<HashMap<usize, Vec<u64>>>,
}

impl Monitors {
    /// Whether there are any.
    #[inline]
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Adds a connection, unless it is there.
    pub fn add(&self, client: &Client) {
        let mut all = self.lock();
        let thread = all.entry(client.thread).or_default();
        if !thread.contains(&client.id) {
            thread.push(client.id);
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Removes a connection, if it is there.
    pub fn remove(&self, client: &Client) {
        let mut all = self.lock();
        let Some(thread) = all.get_mut(&client.thread) else { return };
        if let Some(at) = thread.iter().position(|id| *id == client.id) {
            thread.swap_remove(at);
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Sends a command to all of them, unless it is one that is not shown.
    pub fn tell(&self, server: &Server, session: &Session, seen: &Observed<'_>) {
        let flags = seen.command.spec.flags;
        if flags.any(Flags::SKIP_MONITOR.or(Flags::ADMIN)) {
            return;
        }
        let client = client_of(server, session);
        let words = redacted(server.config(), seen.command, seen.args);
        let line = line(clock::now_nanos() / 1000, session.db, client.as_deref(), &words);
        let bytes = Arc::new(PushBytes { resp2: line.clone(), resp3: line });
        // Under the lock, so that all see one order.
        for (thread, clients) in self.lock().iter().filter(|(_, clients)| !clients.is_empty()) {
            let message = Message::PushAll(clients.clone(), Arc::clone(&bytes), session.offset);
            server.threads[*thread].send(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Vec<u64>>> {
        self.by_thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A command as a simple string: time, database and address, and the words quoted.
fn line(micros: u64, db: usize, client: Option<&Client>, words: &[&[u8]]) -> Vec<u8> {
    let addr = client.map_or("lua", |c| if c.unix { "unix" } else { &c.addr });
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let mut line = format!("+{seconds}.{micros:06} [{db} {addr}]").into_bytes();
    for word in words {
        line.push(b' ');
        quote(word, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// A word in quotation marks, in ASCII.
fn quote(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        let words: [&[u8]; 2] = [b"set", b"a\"\\\r\n\x01\xff b"];
        let line = line(1_500_000, 3, None, &words);
        let expected = "+1.500000 [3 lua] \"set\" \"a\\\"\\\\\\r\\n\\x01\\xff b\"\r\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }
}
