//! Input that no client should send: the sender gets an error, everybody else goes on.

use cairn_tests::process::Server;

use crate::{has, server};

/// Whether the server works for others.
fn goes_on(server: &Server) {
    let mut client = server.connect();
    assert_eq!(client.run("SET alive yes"), "+OK");
    assert_eq!(client.run("GET alive"), "\"yes\"");
}

#[test]
fn wrong_commands() {
    let server = server(&[]);
    let mut client = server.connect();
    for (line, reply) in [
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("GET a b", "-ERR wrong number of arguments for 'get' command"),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"),
        ("HSET h f", "-ERR wrong number of arguments for 'hset' command"),
        ("NONSENSE a b", "-ERR unknown command 'NONSENSE', with args beginning with: 'a' 'b' "),
        ("CLIENT NONSENSE", "-ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP."),
        ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET k v NX XX", "-ERR syntax error"),
        ("INCRBY k 99999999999999999999", "-ERR value is not an integer or out of range"),
        (
            "SETRANGE k 4294967296 x",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
    ] {
        assert_eq!(client.run(line), reply, "{line}");
    }
    let long = "x".repeat(100_000);
    let reply = client.call(&[&long, &long]).text();
    assert!(reply.starts_with("ERR unknown command 'xxx") && reply.len() < 500, "cut short");
    let binary: [&[u8]; 2] = [b"\r\n\0\xff", b"\r\n+OK\r\n"];
    assert!(client.call(&binary).text().starts_with("ERR unknown command '"));
    assert_eq!(client.run("PING"), "+PONG", "no reply was split in two");
}

#[test]
fn lengths_that_cannot_be() {
    let server = server(&[]);
    for (bytes, reply) in [
        ("*2147483648\r\n", "-ERR Protocol error: invalid multibulk length"),
        ("*99999999999999999999\r\n", "-ERR Protocol error: invalid multibulk length"),
        ("*x\r\n", "-ERR Protocol error: invalid multibulk length"),
        ("*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length"),
        ("*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"),
        ("*1\r\n$9223372036854775807\r\n", "-ERR Protocol error: invalid bulk length"),
        ("*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'"),
    ] {
        let mut client = server.connect();
        client.send_raw(bytes.as_bytes());
        assert_eq!(client.shown(), reply, "{bytes:?}");
        assert!(client.is_closed(), "{bytes:?}");
    }
    let mut client = server.connect();
    client.send_raw(&[b'a'; 70_000]);
    // Closing while bytes are left unread may cost the client the reply.
    match client.try_read() {
        Ok(reply) => assert_eq!(reply.text(), "ERR Protocol error: too big inline request"),
        Err(_) => assert!(client.is_closed()),
    }
    goes_on(&server);
}

#[test]
fn a_promise_of_bytes_takes_no_memory() {
    let server = server(&[]);
    let before = server.resident();
    let mut liars: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for (n, client) in liars.iter_mut().enumerate() {
        match n % 2 {
            0 => client.send_raw(b"*2\r\n$3\r\nGET\r\n$536870912\r\nabc"),
            _ => client.send_raw(b"*2147483647\r\n$3\r\nGET\r\n"),
        }
    }
    goes_on(&server);
    assert!(server.resident() < before + (64 << 20));
}

#[test]
fn nested_requests() {
    let server = server(&[]);
    let mut client = server.connect();
    // A reader that recursed would run out of stack.
    client.send_raw(&b"*1\r\n".repeat(10_000));
    assert_eq!(client.shown(), "-ERR Protocol error: expected '$', got '*'");
    goes_on(&server);
}

#[test]
fn nested_documents() {
    let server = server(&[]);
    let mut client = server.connect();
    if !has(&mut client, "json.set") {
        return;
    }
    for text in
        ["[".repeat(10_000) + &"]".repeat(10_000), "{\"a\":".repeat(10_000), "[".repeat(1 << 20)]
    {
        assert!(client.call(&["JSON.SET", "k", "$", &text]).to_string().starts_with("-"));
    }
    let path = "$".to_string() + &"[?(@.a".repeat(10_000);
    assert_eq!(client.run("JSON.SET k $ {\"a\":1}"), "+OK");
    assert!(client.call(&["JSON.GET", "k", &path]).to_string().starts_with("-"));
    goes_on(&server);
}

#[test]
fn a_panic_is_one_clients_error() {
    let server = server(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    for _ in 0..20 {
        let reply = client.run("DEBUG PANIC");
        assert!(reply.starts_with("-ERR "), "{reply}");
    }
    assert_eq!(client.run("MULTI"), "+OK");
    for line in ["SET k 1", "DEBUG PANIC", "INCR k"] {
        assert_eq!(client.run(line), "+QUEUED");
    }
    let reply = client.call(&["EXEC"]);
    assert_eq!(reply.items().len(), 3, "{reply}");
    assert!(reply.items()[1].to_string().starts_with("-ERR "));
    assert_eq!(client.run("GET k"), "\"2\"", "the keys that it held are free");
    goes_on(&server);
    assert!(server.log().contains("DEBUG PANIC was called"));
}

#[test]
fn debug_is_off_unless_asked_for() {
    let server = server(&[]);
    let mut client = server.connect();
    assert!(client.run("DEBUG PANIC").starts_with("-ERR DEBUG command not allowed."));
    assert_eq!(client.run("PING"), "+PONG");
}

#[test]
fn random_bytes() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    let server = server(&[]);
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..300 {
        let mut client = server.connect();
        let mut bytes: Vec<u8> =
            (0..random.random_range(1..400)).map(|_| random.random()).collect();
        if random.random() {
            bytes.splice(0..0, *b"*3\r\n$3\r\nSET\r\n");
        }
        // The server may hang up midway.
        let _ = client.try_send_raw(&bytes);
        let _ = client.try_send_raw(b"\r\n");
    }
    goes_on(&server);
}
