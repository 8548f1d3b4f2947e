//! Client-side caching.

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{info, server};

/// A connection that speaks RESP3 and tracks.
fn tracking(server: &Server, options: &str) -> Client {
    let mut client = server.connect();
    client.run("HELLO 3");
    assert_eq!(client.run(&format!("CLIENT TRACKING ON {options}")), "+OK");
    client
}

fn invalidated(client: &mut Client) -> String {
    client.read().to_string()
}

#[test]
fn a_change_of_what_was_read_is_told_once() {
    let server = server(&[]);
    let (mut reader, mut writer) = (tracking(&server, ""), server.connect());
    reader.run("MGET a b");
    assert_eq!(info(&mut writer, "stats", "tracking_total_keys"), 2);
    writer.run("SET a 1");
    writer.run("SET a 2");
    writer.run("SET b 1");
    assert!(invalidated(&mut reader).contains("\"a\""));
    assert!(invalidated(&mut reader).contains("\"b\""));
    assert_eq!(info(&mut writer, "stats", "tracking_total_keys"), 0);
    reader.run("GET a");
    writer.run("FLUSHALL");
    let all = invalidated(&mut reader);
    assert!(all.contains("invalidate") && !all.contains("\"a\""), "{all}");
}

#[test]
fn ones_own_changes_come_after_the_reply_or_not_at_all() {
    let server = server(&[]);
    let mut client = tracking(&server, "");
    client.run("GET a");
    assert_eq!(client.run("SET a 1"), "+OK");
    assert!(invalidated(&mut client).contains("\"a\""));
    let mut quiet = tracking(&server, "NOLOOP");
    quiet.run("GET a");
    assert_eq!(quiet.run("SET a 2"), "+OK");
    assert_eq!(quiet.run("PING"), "+PONG");
}

#[test]
fn reads_within_a_transaction_are_newer_than_its_writes() {
    let server = server(&[]);
    let mut client = tracking(&server, "");
    for command in ["MULTI", "SET a 1", "GET a", "EXEC", "PING"] {
        client.run(command);
    }
    assert_eq!(info(&mut server.connect(), "stats", "tracking_total_keys"), 1);
}

#[test]
fn prefixes_are_told_together() {
    let server = server(&[]);
    let (mut reader, mut writer) =
        (tracking(&server, "BCAST PREFIX foo PREFIX bar"), server.connect());
    writer.run("MSET foo1 1 foo2 2 other 3");
    let told = invalidated(&mut reader);
    assert!(told.contains("\"foo1\" \"foo2\"") && !told.contains("other"), "{told}");
    assert!(reader.run("CLIENT TRACKING ON BCAST PREFIX fo").contains("overlaps"));
}

#[test]
fn only_what_was_opted_in() {
    let server = server(&[]);
    let (mut reader, mut writer) = (tracking(&server, "OPTIN"), server.connect());
    reader.run("GET a");
    assert_eq!(reader.run("CLIENT CACHING YES"), "+OK");
    reader.run("GET b");
    reader.run("GET c");
    writer.run("MSET a 1 c 1 b 1");
    assert!(invalidated(&mut reader).contains("\"b\""));
    assert_eq!(info(&mut writer, "stats", "tracking_total_keys"), 0);
}

#[test]
fn redirected_to_a_subscriber() {
    let server = server(&[]);
    let (mut subscriber, mut reader) = (server.connect(), server.connect());
    let id = subscriber.run("CLIENT ID");
    subscriber.run("SUBSCRIBE __redis__:invalidate");
    let on = format!("CLIENT TRACKING ON REDIRECT {}", id.trim_start_matches(':'));
    assert_eq!(reader.run(&on), "+OK");
    reader.run("GET a");
    server.connect().run("SET a 1");
    let message = subscriber.read().to_string();
    assert_eq!(message, "[\"message\" \"__redis__:invalidate\" [\"a\"]]");
}

#[test]
fn the_table_has_a_limit() {
    let server = server(&["--tracking-table-max-keys", "10"]);
    let mut reader = tracking(&server, "");
    let mut told = 0;
    for n in 0..30 {
        // An invalidation may come before the next reply.
        reader.send(&["GET", &format!("key{n}")]);
    }
    for _ in 0..50 {
        told += usize::from(reader.read().to_string().contains("invalidate"));
    }
    assert_eq!(told, 20);
    assert_eq!(info(&mut server.connect(), "stats", "tracking_total_keys"), 10);
}

#[test]
fn evicted_keys_are_told_before_the_reply_that_they_made_room_for() {
    let server = server(&["--maxmemory-policy", "volatile-random"]);
    let mut client = tracking(&server, "");
    for round in 0..5 {
        // What changes without a limit must not count again once there is one.
        client.run("SETBIT unlimited 8000000 0");
        client.run("DEL unlimited");
        let limit = info(&mut client, "memory", "used_memory") + (1 << 20);
        assert_eq!(client.run(&format!("CONFIG SET maxmemory {limit}")), "+OK");
        assert_eq!(client.run("SETEX volatile 10000 x"), "+OK", "round {round}");
        client.run("GET volatile");
        client.run("SETBIT large 16000000 0");
        let first = client.run("GETBIT large 0");
        assert!(first.contains("invalidate") && first.contains("volatile"), "{round}: {first}");
        assert_eq!(client.read().to_string(), ":0");
        client.run("CONFIG SET maxmemory 0");
        client.run("DEL large");
        assert!(invalidated(&mut client).contains("large"));
    }
}
