//! Clients that send and do not read: they take bounded memory, and nobody else notices.

use std::time::Duration;

use crate::{eventually, server};

/// More than sockets and the server hold for a client, in bytes.
const FLOOD: usize = 256 << 20;

/// What a server may take for a client that does not read, in bytes: far less than [`FLOOD`].
const BOUND: u64 = 64 << 20;

#[test]
fn requests_of_who_does_not_read_are_not_piled_up() {
    let server = server(&[]);
    let mut other = server.connect();
    let value = "v".repeat(10_000);
    assert_eq!(other.call(&["SET", "k", &value]).to_string(), "+OK");
    let before = server.resident();
    let mut greedy = server.connect();
    greedy.set_write_timeout(Duration::from_millis(500));
    let requests = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(50_000);
    let mut sent = 0;
    while sent < FLOOD && greedy.try_send_raw(&requests).is_ok() {
        sent += requests.len();
    }
    assert!(sent < FLOOD, "the server stops reading");
    assert!(server.resident() < before + BOUND, "{} bytes more", server.resident() - before);
    assert_eq!(other.run("STRLEN k"), ":10000");
}

#[test]
fn requests_during_a_pause_are_not_piled_up() {
    let server = server(&[]);
    let mut other = server.connect();
    assert_eq!(other.run("CLIENT PAUSE 60000 WRITE"), "+OK");
    let before = server.resident();
    let mut eager = server.connect();
    eager.set_write_timeout(Duration::from_millis(500));
    let requests = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n".repeat(50_000);
    let mut sent = 0;
    while sent < FLOOD && eager.try_send_raw(&requests).is_ok() {
        sent += requests.len();
    }
    assert!(sent < FLOOD, "the server stops reading");
    assert!(server.resident() < before + BOUND, "{} bytes more", server.resident() - before);
}

#[test]
fn listeners_that_do_not_read_are_dropped_at_their_limit() {
    let server = server(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (mut deaf, mut good, mut speaker) = (server.connect(), server.connect(), server.connect());
    deaf.run("SUBSCRIBE c");
    good.run("SUBSCRIBE c");
    let payload = "x".repeat(100_000);
    let mut heard = 0;
    eventually("the one that does not read is dropped", || {
        let receivers = speaker.call(&["PUBLISH", "c", &payload]).int().expect("a number");
        assert!(good.read().items()[2].text() == payload);
        heard += 1;
        receivers == 1
    });
    assert!(heard > 10, "not before its limit");
    assert!(deaf.is_closed());
}

#[test]
fn a_long_reply_beyond_the_limit_ends_the_connection() {
    let server = server(&["--client-output-buffer-limit", "normal 1mb 0 0"]);
    let mut client = server.connect();
    let value = "v".repeat(20 << 20);
    assert_eq!(client.call(&["SET", "k", &value]).to_string(), "+OK");
    client.send_line("GET k");
    // It is not read meanwhile, and no socket buffers that much.
    let mut other = server.connect();
    eventually("it is dropped", || crate::info(&mut other, "clients", "connected_clients") == 1);
    assert!(client.is_closed());
}
