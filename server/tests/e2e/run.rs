//! The process: how it starts, where it listens, how it ends.

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir, run_to_end};

use crate::{BINARY, server};

#[test]
fn shutdown_ends_the_process() {
    for command in ["SHUTDOWN NOSAVE", "SHUTDOWN"] {
        let mut server = server(&[]);
        let mut client = server.connect();
        client.send_line(command);
        assert!(client.is_closed());
        assert!(server.wait().success());
        assert!(server.log().contains("ready to exit"));
    }
}

#[test]
fn signals_end_the_process() {
    for signal in ["TERM", "INT"] {
        let mut server = server(&[]);
        let mut client = server.connect();
        assert_eq!(client.run("PING"), "+PONG");
        server.signal(signal);
        assert!(server.wait().success());
        assert!(client.is_closed());
        assert!(server.log().contains(&format!("Received SIG{signal}")));
    }
}

#[test]
fn a_unix_socket() {
    use std::os::unix::fs::PermissionsExt;
    let dir = fresh_dir();
    let path = dir.join("cairn.sock");
    let options = ["--unixsocket", path.to_str().expect("UTF-8"), "--unixsocketperm", "700"];
    // Something has to listen on TCP as well, for the harness to know when it is ready.
    let mut server = Server::start_in(BINARY, dir, &options);
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut client = Client::unix(&path);
    assert_eq!(client.run("SET k v"), "+OK");
    let list = client.call(&["CLIENT", "LIST"]).text();
    assert!(list.contains("cairn.sock:0 ") && list.contains("flags=U"), "{list}");
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!path.exists(), "the socket's file goes with the server");
}

#[test]
fn the_command_line() {
    let (status, text) = run_to_end(BINARY, &["--version"]);
    assert!(status.success() && text.starts_with("Cairn server v="), "{text}");
    let (status, text) = run_to_end(BINARY, &["--help"]);
    assert!(status.success() && text.contains("cairn-server [/path/to/redis.conf]"));
    let (status, text) = run_to_end(BINARY, &["--no-such-directive", "1"]);
    assert!(!status.success() && text.contains("no-such-directive"), "{text}");
    let (status, text) = run_to_end(BINARY, &["/no/such/file.conf"]);
    assert!(!status.success() && text.contains("/no/such/file.conf"), "{text}");
}

#[test]
fn a_port_in_use_is_told() {
    let server = server(&[]);
    let port = server.port().to_string();
    let (status, text) = run_to_end(BINARY, &["--port", &port, "--bind", "127.0.0.1"]);
    assert!(!status.success() && text.contains("Could not create server TCP listening socket"));
}

#[test]
fn commands_describe_themselves() {
    let server = server(&[]);
    let mut client = server.connect();
    let count = client.call(&["COMMAND", "COUNT"]).int().expect("a number");
    assert!(count > 60);
    assert_eq!(client.call(&["COMMAND"]).items().len() as i64, count);
    let list = client.call(&["COMMAND", "LIST"]);
    let whole = list.items().iter().filter(|name| !name.text().contains('|'));
    assert_eq!(whole.count() as i64, count, "the others are subcommands");
    assert!(list.items().iter().any(|name| name.text() == "config|get"));
    let docs = client.call(&["COMMAND", "DOCS"]);
    assert_eq!(docs.items().len() as i64, 2 * count, "names and descriptions");
    let info = client.call(&["COMMAND", "INFO", "get", "nonsense"]);
    let [get, nonsense] = info.items() else { panic!("two items: {info}") };
    assert_eq!(get.items()[..2].iter().map(|r| r.to_string()).collect::<String>(), "\"get\":2");
    assert_eq!(nonsense.to_string(), "nil");
    let docs = client.run("COMMAND DOCS set");
    assert!(docs.starts_with("[\"set\" [\"summary\" "), "{docs}");
    assert_eq!(client.run("COMMAND GETKEYS MSET a 1 b 2"), "[\"a\" \"b\"]");
}
