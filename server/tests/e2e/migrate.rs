//! MIGRATE: keys go to another server, and are here or there afterwards, never nowhere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{BINARY, info, server};

/// A server to send to, that takes commands of tests.
fn target() -> Server {
    server(&["--enable-debug-command", "yes"])
}

/// The words of a MIGRATE to a port; `-` stands for no key.
fn words(port: u16, rest: &str) -> Vec<String> {
    let line = format!("MIGRATE 127.0.0.1 {port} {rest}");
    line.split(' ').map(|word| word.replace('-', "")).collect()
}

/// Runs a MIGRATE and shows its reply.
fn migrate(client: &mut Client, port: u16, rest: &str) -> String {
    client.call(&words(port, rest)).to_string()
}

#[test]
fn a_key_moves_with_its_deadline() {
    let (from, to) = (server(&[]), target());
    let (mut here, mut there) = (from.connect(), to.connect());
    there.run("SELECT 9");
    here.run("RPUSH l a b c");
    here.run("PEXPIRE l 100000");
    assert_eq!(migrate(&mut here, to.port(), "l 9 5000"), "+OK");
    assert_eq!(here.run("EXISTS l"), ":0");
    assert_eq!(there.run("LRANGE l 0 -1"), "[\"a\" \"b\" \"c\"]");
    let left = there.call(&["PTTL", "l"]).int().expect("a number");
    assert!((50_000..=100_000).contains(&left), "{left}");
    assert_eq!(migrate(&mut here, to.port(), "l 9 5000"), "+NOKEY");
    assert_eq!(info(&mut here, "stats", "migrate_cached_sockets"), 1);
}

#[test]
fn a_copy_stays_and_replaces_only_if_asked() {
    let (from, to) = (server(&[]), target());
    let (mut here, mut there) = (from.connect(), to.connect());
    here.run("SET k mine");
    there.run("SET k theirs");
    let busy = "-ERR Target instance replied with error: BUSYKEY Target key name already exists.";
    assert_eq!(migrate(&mut here, to.port(), "k 0 5000 COPY"), busy);
    assert_eq!(migrate(&mut here, to.port(), "k 0 5000"), busy);
    assert_eq!(here.run("GET k"), "\"mine\"");
    assert_eq!(migrate(&mut here, to.port(), "k 0 5000 COPY REPLACE"), "+OK");
    assert_eq!((here.run("GET k"), there.run("GET k")), ("\"mine\"".into(), "\"mine\"".into()));
}

#[test]
fn of_many_keys_those_that_were_taken_go() {
    let (from, to) = (server(&["--appendonly", "yes"]), target());
    let (mut here, mut there) = (from.connect(), to.connect());
    for n in 0..3000 {
        here.run(&format!("SET k{n} {n}"));
    }
    there.run("MSET k7 _ k2999 _");
    let keys: Vec<String> = (0..3000).map(|n| format!("k{n}")).collect();
    let reply = migrate(&mut here, to.port(), &format!("- 0 5000 KEYS none {} k1", keys.join(" ")));
    assert!(reply.contains("BUSYKEY"), "{reply}");
    assert_eq!(
        here.run("KEYS *").replace("\"k2999\" \"k7\"", "\"k7\" \"k2999\""),
        "[\"k7\" \"k2999\"]"
    );
    assert_eq!(there.run("DBSIZE"), ":3000");
    assert_eq!(here.run("COMMAND GETKEYS MIGRATE h 1 - 0 1 AUTH KEYS KEYS a b"), "[\"a\" \"b\"]");
    drop(here);
    let dir = from.crash();
    let from = Server::start_in(BINARY, dir, &["--appendonly", "yes"]);
    assert_eq!(from.connect().run("DBSIZE"), ":2", "the log has the removal");
}

#[test]
fn logins() {
    let (from, to) = (server(&[]), target());
    let (mut here, mut there) = (from.connect(), to.connect());
    there.run("CONFIG SET requirepass secret");
    here.run("SET k v");
    let wrong = migrate(&mut here, to.port(), "k 0 5000 AUTH nonsense");
    assert!(wrong.contains("replied with error: WRONGPASS"), "{wrong}");
    assert!(migrate(&mut here, to.port(), "k 0 5000").contains("NOAUTH"));
    assert_eq!(here.run("GET k"), "\"v\"");
    assert_eq!(migrate(&mut here, to.port(), "k 0 5000 AUTH2 default secret"), "+OK");
    here.run("SET k w");
    // The connection that is logged in is not for others.
    assert!(migrate(&mut here, to.port(), "k 0 5000 REPLACE").contains("NOAUTH"));
    assert_eq!(here.run("GET k"), "\"w\"");
}

#[test]
fn wrong_words() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET k v");
    let empty =
        "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
    for (rest, expected) in [
        ("k 0 1 KEYS k", empty),
        ("k x 1", "-ERR value is not an integer or out of range"),
        ("k 0 1 AUTH", "-ERR syntax error"),
        ("k 0 1 NONSENSE", "-ERR syntax error"),
    ] {
        assert_eq!(migrate(&mut client, 1, rest), expected);
    }
    client.run("MULTI");
    let refused = migrate(&mut client, 1, "k 0 1");
    assert_eq!(refused, "-ERR Command not allowed inside a transaction");
    assert!(client.run("EXEC").starts_with("-EXECABORT"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = migrate(&mut client, nobody, "k 0 500");
    assert_eq!(refused, "-IOERR error or timeout connecting to the client");
    assert_eq!(client.run("GET k"), "\"v\"");
}

/// A target that answers when it is told to: the connection that came after `send`.
fn slow_target(client: &mut Client, rest: &str) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    client.send(&words(listener.local_addr().unwrap().port(), rest));
    let (mut stream, _) = listener.accept().unwrap();
    // Something has arrived, so the key has been captured.
    stream.read_exact(&mut [0]).unwrap();
    stream
}

#[test]
fn a_key_that_changes_on_its_way_stays() {
    let server = server(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for change in ["APPEND k x", "DEL k", "FLUSHALL", "SWAPDB 0 1"] {
        other.run("MSET k v same v");
        let mut stream = slow_target(&mut client, "- 0 60000 KEYS k same");
        // Nobody waits for the target but the client that sent the command.
        assert!(!other.run(change).starts_with('-'));
        stream.write_all(b"+OK\r\n+OK\r\n+OK\r\n").unwrap();
        let reply = client.shown();
        assert!(reply.starts_with("-ERR A key changed while it was sent"), "{change}: {reply}");
        if change == "APPEND k x" {
            assert_eq!(other.run("MGET k same"), "[\"vx\" nil]", "the other one went");
        } else {
            assert_eq!(other.run("MGET k same"), "[nil nil]", "{change}");
        }
        if change.starts_with("SWAPDB") {
            other.run(change);
            assert_eq!(other.run("MGET k same"), "[\"v\" \"v\"]");
        }
        other.run("FLUSHALL");
    }
}

#[test]
fn a_target_that_fails_half_way() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("MSET a 1 b 2");
    let mut stream = slow_target(&mut client, "- 0 60000 KEYS a b");
    stream.write_all(b"+OK\r\n+OK\r\n").unwrap();
    // With requests unread a close would be a reset, which may take the answers along.
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.shown(), "-IOERR error or timeout reading to target instance");
    assert_eq!(client.run("MGET a b"), "[nil \"2\"]", "what was not answered for stays");
    drop(slow_target(&mut client, "b 0 200"));
    assert!(client.shown().starts_with("-IOERR"));
    let stream = slow_target(&mut client, "b 0 200");
    assert_eq!(client.shown(), "-IOERR error or timeout reading to target instance");
    drop(stream);
    let mut stream = slow_target(&mut client, "b 0 60000");
    stream.write_all(&vec![b'+'; 1 << 20]).unwrap_or_default();
    assert!(client.shown().starts_with("-IOERR"), "an answer without an end");
    assert_eq!(client.run("GET b"), "\"2\"");
}

#[test]
fn a_connection_that_the_target_has_closed_is_made_anew() {
    let (from, to) = (server(&[]), target());
    let mut here = from.connect();
    here.run("MSET a 1 b 2");
    assert_eq!(migrate(&mut here, to.port(), "a 0 5000"), "+OK");
    to.connect().run("CLIENT KILL TYPE normal");
    assert_eq!(migrate(&mut here, to.port(), "b 0 5000"), "+OK");
    assert_eq!(to.connect().run("MGET a b"), "[\"1\" \"2\"]");
}

/// What WATCH does not hear of is not lost either.
#[test]
fn a_stream_whose_groups_change_on_its_way_stays() {
    let server = server(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for change in ["XACK x g 1-1", "XREADGROUP GROUP g one STREAMS x >", "XGROUP CREATE x h 0"] {
        for line in ["FLUSHALL", "XADD x 1-1 f v", "XADD x 2-1 f v", "XGROUP CREATE x g 0"] {
            other.run(line);
        }
        other.run("XREADGROUP GROUP g one COUNT 1 STREAMS x >");
        let mut stream = slow_target(&mut client, "x 0 60000");
        assert!(!other.run(change).starts_with('-'));
        stream.write_all(b"+OK\r\n+OK\r\n").unwrap();
        let reply = client.shown();
        assert!(reply.starts_with("-ERR A key changed while it was sent"), "{change}: {reply}");
        assert_eq!(other.run("XLEN x"), ":2", "{change}");
    }
}
