//! MULTI, EXEC and WATCH across connections.

use crate::{library, server};

#[test]
fn a_transaction_runs_as_a_whole() {
    let server = server(&[]);
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!(a.run("MULTI"), "+OK");
    assert_eq!(a.run("SET k 1"), "+QUEUED");
    assert_eq!(b.run("GET k"), "nil");
    assert_eq!(a.run("HGET k f"), "+QUEUED");
    assert_eq!(a.run("INCR k"), "+QUEUED");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(a.run("EXEC"), format!("[+OK {wrong} :2]"));
    assert_eq!(b.run("GET k"), "\"2\"");
    assert_eq!(a.run("EXEC"), "-ERR EXEC without MULTI");
    assert_eq!(a.run("DISCARD"), "-ERR DISCARD without MULTI");
}

#[test]
fn a_bad_command_spoils_a_transaction() {
    let server = server(&[]);
    let mut client = server.connect();
    for bad in ["NONSENSE", "GET"] {
        assert_eq!(client.run("MULTI"), "+OK");
        assert_eq!(client.run("SET k 1"), "+QUEUED");
        assert!(client.run(bad).starts_with("-ERR "));
        assert_eq!(
            client.run("EXEC"),
            "-EXECABORT Transaction discarded because of previous errors."
        );
        assert_eq!(client.run("GET k"), "nil");
    }
    assert_eq!(client.run("MULTI"), "+OK");
    assert_eq!(client.run("MULTI"), "-ERR MULTI calls can not be nested");
    assert_eq!(client.run("WATCH k"), "-ERR WATCH inside MULTI is not allowed");
    assert_eq!(client.run("DISCARD"), "+OK");
}

#[test]
fn watch_sees_every_kind_of_change() {
    let server = server(&[]);
    let (mut a, mut b) = (server.connect(), server.connect());
    for (change, seen) in [
        ("GET k", false),
        ("SET other 1", false),
        ("SET k 2", true),
        ("APPEND k x", true),
        ("GETDEL k", true),
        ("MSET z 1 k 2", true),
    ] {
        assert_eq!(b.run("SET k 1"), "+OK");
        assert_eq!(a.run("WATCH k unrelated"), "+OK");
        b.run(change);
        assert_eq!(a.run("MULTI"), "+OK");
        assert_eq!(a.run("SET result 1"), "+QUEUED");
        assert_eq!(a.run("EXEC"), if seen { "nil" } else { "[+OK]" }, "{change}");
    }
    assert_eq!(a.run("WATCH k"), "+OK");
    assert_eq!(a.run("UNWATCH"), "+OK");
    assert_eq!(b.run("SET k 3"), "+OK");
    assert_eq!(a.run("MULTI"), "+OK");
    assert_eq!(a.run("EXEC"), "[]");
}

#[test]
fn watch_sees_expiry() {
    let server = server(&[]);
    let mut client = server.connect();
    assert_eq!(client.run("SET k v PX 30"), "+OK");
    assert_eq!(client.run("WATCH k"), "+OK");
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(client.run("MULTI"), "+OK");
    assert_eq!(client.run("EXEC"), "nil");
}

#[test]
fn a_connection_that_ends_forgets_its_transaction() {
    let server = server(&[]);
    let mut client = server.connect();
    assert_eq!(client.run("MULTI"), "+OK");
    assert_eq!(client.run("SET k 1"), "+QUEUED");
    drop(client);
    assert_eq!(server.connect().run("GET k"), "nil");
}

#[test]
fn optimistic_counting_loses_nothing() {
    const EACH: usize = 200;
    let server = server(&[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = library(&server);
                for _ in 0..EACH {
                    count_up(&mut client);
                }
            });
        }
    });
    assert_eq!(server.connect().run("GET n"), format!("\"{}\"", 4 * EACH));
}

/// Reads and writes in a transaction of the client library, again until nobody interfered.
fn count_up(client: &mut redis::Connection) {
    loop {
        let _: () = redis::cmd("WATCH").arg("n").query(client).expect("WATCH");
        let old: Option<i64> = redis::cmd("GET").arg("n").query(client).expect("GET");
        let mut pipe = redis::pipe();
        pipe.atomic().set("n", old.unwrap_or(0) + 1);
        let done: Option<Vec<String>> = pipe.query(client).expect("a transaction");
        if done.is_some() {
            return;
        }
    }
}
