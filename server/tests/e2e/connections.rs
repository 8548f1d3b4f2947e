//! The protocol as connections see it: versions, inline commands, pipelines, passwords, databases.

use redis::Commands;

use cairn_tests::reply::Reply;

use crate::{eventually, library, server};

#[test]
fn a_library_connects_and_works() {
    let server = server(&[]);
    let mut client = library(&server);
    let () = client.set("k", 41).expect("SET");
    let sum: i64 = client.incr("k", 1).expect("INCR");
    assert_eq!(sum, 42);
    let pairs = [("f", "1"), ("g", "2")];
    let () = client.hset_multiple("h", &pairs).expect("HSET");
    let fields: Vec<(String, String)> = client.hgetall("h").expect("HGETALL");
    assert_eq!(fields, pairs.map(|(f, v)| (f.to_string(), v.to_string())));
}

#[test]
fn hello_changes_the_protocol() {
    let server = server(&[]);
    let mut client = server.connect();
    assert!(client.run("HELLO").contains("\"proto\" :2"));
    assert_eq!(client.run("GET missing"), "nil");
    assert_eq!(client.run("HSET h f 1"), ":1");
    assert_eq!(client.run("HGETALL h"), "[\"f\" \"1\"]");
    let hello = client.run("HELLO 3 SETNAME me");
    assert!(hello.starts_with("{\"server\"=\"redis\" \"version\"="), "{hello}");
    assert!(hello.contains("\"proto\"=:3"));
    assert_eq!(client.run("HGETALL h"), "{\"f\"=\"1\"}");
    assert_eq!(client.run("CLIENT GETNAME"), "\"me\"");
    assert_eq!(client.run("HELLO 4"), "-NOPROTO unsupported protocol version");
    assert!(client.run("HELLO x").starts_with("-ERR Protocol version is not an integer"));
    assert_eq!(client.run("RESET"), "+RESET");
    assert_eq!(client.run("HGETALL h"), "[\"f\" \"1\"]");
}

#[test]
fn inline_commands() {
    let server = server(&[]);
    let mut client = server.connect();
    client.send_raw(b"\r\n\r\nSET k \"two words\\x21\"\r\nGET k\nPING\r\n");
    assert_eq!(
        [client.shown(), client.shown(), client.shown()],
        ["+OK", "\"two words!\"", "+PONG"]
    );
    client.send_raw(b"GET 'k\r\n");
    assert_eq!(client.shown(), "-ERR Protocol error: unbalanced quotes in request");
    assert!(client.is_closed());
}

#[test]
fn requests_in_pieces() {
    let server = server(&[]);
    let mut client = server.connect();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nb!\r\n" {
        client.send_raw(&[*byte]);
    }
    assert_eq!(client.shown(), "+OK");
    assert_eq!(client.run("GET k"), "\"a\\r\\nb!\"");
}

#[test]
fn a_long_pipeline_is_answered_in_order() {
    const COMMANDS: i64 = 10_000;
    let server = server(&[]);
    let mut client = server.connect();
    client.send_raw(&b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".repeat(COMMANDS as usize));
    for n in 1..=COMMANDS {
        assert_eq!(client.read().int(), Some(n));
    }
    let mut library = library(&server);
    let mut pipe = redis::pipe();
    for _ in 0..COMMANDS {
        pipe.incr("m", 1);
    }
    let sums: Vec<i64> = pipe.query(&mut library).expect("a pipeline");
    assert!(sums.into_iter().eq(1..=COMMANDS));
}

#[test]
fn a_pipeline_of_long_replies_is_answered_to_its_end() {
    // More than is kept back for a client at a time, from requests that arrive at once.
    let server = server(&[]);
    let mut client = server.connect();
    let value = "v".repeat(30_000);
    assert_eq!(client.call(&["SET", "k", &value]).to_string(), "+OK");
    client.send_raw(&b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(100));
    for n in 0..100 {
        assert_eq!(client.read().text().len(), value.len(), "reply {n}");
    }
}

#[test]
fn passwords() {
    let server = server(&["--requirepass", "secret"]);
    let mut client = server.connect();
    assert_eq!(client.run("GET k"), "-NOAUTH Authentication required.");
    assert!(client.run("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(client.run("AUTH nonsense"), wrong);
    assert_eq!(client.run("AUTH somebody secret"), wrong);
    assert_eq!(client.run("AUTH secret"), "+OK");
    assert_eq!(client.run("GET k"), "nil");
    let mut other = server.connect();
    assert!(other.run("HELLO 3 AUTH default secret").starts_with("{\"server\""));
    assert_eq!(other.run("GET k"), "nil");
    // Who is in stays in when the password goes, and new ones need none.
    assert_eq!(other.run("CONFIG SET requirepass").split(' ').next(), Some("-ERR"));
    assert_eq!(other.call(&["CONFIG", "SET", "requirepass", ""]).to_string(), "+OK");
    assert_eq!(server.connect().run("GET k"), "_".replace('_', "nil"));
    assert!(server.connect().run("AUTH secret").starts_with("-ERR AUTH <password> called without"));
}

#[test]
fn who_has_quit_is_gone_for_the_others() {
    let server = server(&[]);
    let mut other = server.connect();
    for _ in 0..200 {
        let mut client = server.connect();
        let id = client.run("CLIENT ID").trim_start_matches(':').to_string();
        assert_eq!(client.run("SUBSCRIBE news"), "[\"subscribe\" \"news\" :1]");
        assert_eq!(client.run("QUIT"), "+OK");
        assert_eq!(other.run("PUBLISH news x"), ":0");
        assert_eq!(other.run(&format!("CLIENT LIST ID {id}")), "\"\"");
    }
}

#[test]
fn strangers_may_not_send_much() {
    let server = server(&["--requirepass", "secret"]);
    let mut client = server.connect();
    client.send_raw(b"*11\r\n");
    assert_eq!(client.shown(), "-ERR Protocol error: unauthenticated multibulk length");
    assert!(client.is_closed());
    let mut client = server.connect();
    client.send_raw(b"*2\r\n$16385\r\n");
    assert_eq!(client.shown(), "-ERR Protocol error: unauthenticated bulk length");
    assert!(client.is_closed());
    let mut client = server.connect();
    assert_eq!(client.run("AUTH secret"), "+OK");
    assert_eq!(client.call(&["SET", "k", &"v".repeat(20_000)]).to_string(), "+OK");
}

#[test]
fn databases() {
    let server = server(&["--databases", "4"]);
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!(a.run("SET k zero"), "+OK");
    assert_eq!(a.run("SELECT 3"), "+OK");
    assert_eq!(a.run("GET k"), "nil");
    assert_eq!(a.run("SET k three"), "+OK");
    assert_eq!(b.run("GET k"), "\"zero\"");
    assert_eq!(b.run("SELECT 3"), "+OK");
    assert_eq!(b.run("GET k"), "\"three\"");
    assert_eq!(a.run("SELECT 4"), "-ERR DB index is out of range");
    assert_eq!(a.run("GET k"), "\"three\"");
}

#[test]
fn a_connection_can_quit() {
    let server = server(&[]);
    let mut client = server.connect();
    client.send_raw(b"QUIT\r\nSET k v\r\n");
    assert_eq!(client.shown(), "+OK");
    assert!(client.is_closed());
    assert_eq!(server.connect().run("GET k"), "nil");
}

#[test]
fn expired_keys_are_gone() {
    let server = server(&[]);
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!(a.run("SET k v PX 60"), "+OK");
    assert_eq!(a.run("SET later v EX 1000"), "+OK");
    assert_eq!(a.run("SET past v PXAT 1"), "+OK");
    assert_eq!(b.run("GET past"), "nil");
    std::thread::sleep(std::time::Duration::from_millis(80));
    assert_eq!(b.run("GET k"), "nil");
    assert_eq!(b.run("GET later"), "\"v\"");
    // Those that nobody asks for go too.
    for n in 0..500 {
        assert_eq!(a.run(&format!("SET gone:{n} v PX 1")), "+OK");
    }
    crate::eventually("active expiry", || {
        let stats = a.call(&["INFO", "stats"]).text();
        let line = stats.lines().find_map(|l| l.strip_prefix("expired_keys:"));
        line.is_some_and(|n| n.trim().parse::<u64>().is_ok_and(|n| n >= 501))
    });
}

/// A server with so many keys that the reply to `KEYS *` takes many parts.
fn crowded() -> (cairn_tests::process::Server, usize) {
    let server = server(&["--enable-debug-command", "yes"]);
    assert_eq!(server.connect().run("DEBUG POPULATE 100000"), "+OK");
    (server, 100_000)
}

#[test]
fn pushes_wait_for_the_end_of_a_long_reply() {
    let (server, keys) = crowded();
    let (mut client, mut other) = (server.connect(), server.connect());
    client.run("HELLO 3");
    client.run("SUBSCRIBE news");
    const NEWS: usize = 200;
    client.send_line("KEYS *");
    for _ in 0..NEWS {
        assert_eq!(other.run("PUBLISH news hello"), ":1");
    }
    client.send_line("PING end");
    let (mut arrays, mut pushes) = (0, 0);
    loop {
        match client.read() {
            Reply::Array(items) => {
                assert_eq!(items.len(), keys);
                assert!(items.iter().all(|key| key.text().starts_with("key:")));
                arrays += 1;
            }
            Reply::Push(_) => pushes += 1,
            end => break assert_eq!(end.text(), "end"),
        }
    }
    assert_eq!(arrays, 1);
    // What came after PING is still on its way.
    (pushes..NEWS).for_each(|_| assert!(matches!(client.read(), Reply::Push(_))));
}

#[test]
fn a_long_reply_that_is_not_wanted_is_not_sent() {
    let (server, keys) = crowded();
    let mut client = server.connect();
    client.send_line("CLIENT REPLY SKIP");
    client.send_line("KEYS *");
    assert_eq!(client.run("DBSIZE"), format!(":{keys}"));
    client.send_line("CLIENT REPLY OFF");
    client.send_line("KEYS *");
    client.send_line("CLIENT REPLY ON");
    assert_eq!(client.shown(), "+OK");
    assert_eq!(client.call(&["KEYS", "*"]).items().len(), keys);
    client.run("MULTI");
    client.run("KEYS key:1?");
    client.run("KEYS *");
    let replies = client.call(&["EXEC"]);
    let lens: Vec<usize> = replies.items().iter().map(|reply| reply.items().len()).collect();
    assert_eq!(lens, [10, keys]);
}

#[test]
fn who_does_not_read_a_long_reply_can_be_killed() {
    let server = server(&["--enable-debug-command", "yes"]);
    let mut other = server.connect();
    assert_eq!(other.run("DEBUG POPULATE 1000000"), "+OK");
    let mut client = server.connect();
    let id = client.call(&["CLIENT", "ID"]).int().expect("an ID");
    client.send_line("KEYS *");
    eventually("it sends as much as fits", || other.run("CLIENT LIST").contains("cmd=keys"));
    assert_eq!(other.run(&format!("CLIENT KILL ID {id}")), ":1");
    eventually("it is gone", || !other.run("CLIENT LIST").contains(&format!("id={id} ")));
}
