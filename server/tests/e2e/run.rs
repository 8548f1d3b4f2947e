//! The process: how it starts, where it listens, how it ends.

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir, run_to_end};

use crate::{BINARY, eventually, server};

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
fn a_shutdown_can_be_called_off() {
    let mut server = server(&["--enable-debug-command", "yes", "--save", "3600 1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    assert_eq!(client.run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.");
    // A signal is regular work, which waits.
    client.run("DEBUG PAUSE-CRON 1");
    server.signal("TERM");
    eventually("SIGTERM", || client.run("SHUTDOWN ABORT") == "+OK");
    client.run("DEBUG PAUSE-CRON 0");
    for n in 0..20 {
        client.run(&format!("SET k{n} v"));
    }
    client.run("CONFIG SET rdb-key-save-delay 100000");
    for command in [true, false] {
        if command {
            other.send_line("SHUTDOWN");
        } else {
            server.signal("TERM");
        }
        eventually("the last snapshot", || client.run("SHUTDOWN ABORT") == "+OK");
        if command {
            assert_eq!(other.shown(), "-ERR Errors trying to SHUTDOWN. Check logs.");
        }
    }
    assert_eq!(client.run("SET k v"), "+OK", "what was called off is no failure");
    client.run("CONFIG SET rdb-key-save-delay 0");
    assert!(server.log().contains("Shutdown manually aborted"));
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let mut server = server(&["--save", "3600 1"]);
    let mut client = server.connect();
    for n in 0..100 {
        client.run(&format!("SET k{n} v"));
    }
    client.run("CONFIG SET rdb-key-save-delay 1000000");
    let file = server.dir().join(format!("temp-{}.rdb", server.pid()));
    server.signal("INT");
    eventually("the last snapshot", || file.exists());
    server.signal("INT");
    assert!(server.wait().success());
    assert!(!file.exists(), "what was begun is removed");
}

/// Until the first base is on disk, nothing has the data.
#[test]
fn the_server_does_not_end_while_the_first_aof_is_written() {
    let mut server = server(&["--save", ""]);
    let mut client = server.connect();
    for n in 0..10 {
        client.run(&format!("SET k{n} v"));
    }
    client.run("CONFIG SET rdb-key-save-delay 1000000000");
    client.run("CONFIG SET appendonly yes");
    eventually("the rewrite", || {
        crate::info(&mut client, "persistence", "aof_rewrite_in_progress") == 1
    });
    assert_eq!(client.run("SHUTDOWN"), "-ERR Errors trying to SHUTDOWN. Check logs.");
    server.signal("TERM");
    eventually("two refusals", || {
        server.log().matches("Writing initial AOF, can't exit").count() == 2
    });
    assert_eq!(client.run("PING"), "+PONG");
    client.send_line("SHUTDOWN FORCE");
    assert!(server.wait().success());
}

/// An interrupt that follows an end that was called off is no insisting: the data is saved.
#[test]
fn an_interrupt_after_an_abort_begins_anew() {
    for _ in 0..5 {
        let mut server = server(&["--save", "3600 1", "--enable-debug-command", "yes"]);
        let mut client = server.connect();
        client.run("SET k v");
        client.run("DEBUG PAUSE-CRON 1");
        server.signal("TERM");
        eventually("the end is on its way", || client.run("SHUTDOWN ABORT") == "+OK");
        server.signal("INT");
        assert_eq!(client.run("DEBUG PAUSE-CRON 0"), "+OK");
        assert!(server.wait().success());
        assert!(server.dir().join("dump.rdb").exists(), "{}", server.log());
    }
}

#[test]
fn what_signals_do_is_configured() {
    let mut server = server(&["--save", "3600 1", "--shutdown-on-sigterm", "nosave"]);
    server.connect().run("SET k v");
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!server.dir().join("dump.rdb").exists());
}

#[test]
fn a_crash_is_reported() {
    let mut server = server(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    client.send_line("DEBUG SEGFAULT");
    assert!(client.is_closed());
    assert!(!server.wait().success());
    let log = server.log();
    assert!(log.contains("crashed by signal: 11") && log.contains("STACK TRACE"), "{log}");
}

#[test]
fn the_title_says_what_the_process_is() {
    let server = server(&["--proc-title-template", "{title} on {listen-addr}"]);
    let title = || {
        let bytes = std::fs::read(format!("/proc/{}/cmdline", server.pid())).expect("Linux");
        String::from_utf8(bytes).expect("UTF-8").trim_end_matches('\0').to_owned()
    };
    assert!(title().starts_with(BINARY) && title().contains(" on 127.0.0.1:"), "{}", title());
    let mut client = server.connect();
    let long = "x".repeat(300);
    client.call(&["CONFIG", "SET", "proc-title-template", &format!("{long} {{port}}")]);
    assert!(title().starts_with(&long), "{}", title());
    client.call(&["CONFIG", "SET", "proc-title-template", "short"]);
    assert_eq!(title(), "short");
    let refused = client.run("CONFIG SET proc-title-template {nonsense}");
    assert!(refused.contains("template format is invalid"), "{refused}");
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

/// How many changes the file on disk lacks.
fn unsaved(client: &mut cairn_tests::client::Client) -> u64 {
    crate::info(client, "persistence", "rdb_changes_since_last_save")
}

#[test]
fn flushall_empties_the_file_as_well() {
    let mut server = server(&["--save", "3600 1"]);
    let mut client = server.connect();
    client.run("SET k v");
    assert_eq!(client.run("SAVE"), "+OK");
    for flush in ["FLUSHALL", "FLUSHALL ASYNC"] {
        client.run("SET k w");
        assert_eq!(client.run(flush), "+OK");
        assert_eq!(unsaved(&mut client), 0, "{flush}");
    }
    // Within a transaction the snapshot follows.
    client.run("SET k x");
    client.run("MULTI");
    client.run("FLUSHALL");
    assert_eq!(client.run("EXEC"), "[+OK]");
    eventually("the snapshot", || unsaved(&mut client) == 0);
    // What was begun before is not given up, and followed by another.
    for n in 0..20 {
        client.run(&format!("SET k{n} v"));
    }
    client.run("CONFIG SET rdb-key-save-delay 20000");
    client.run("BGSAVE");
    client.run("FLUSHALL");
    assert_eq!(crate::info(&mut client, "persistence", "rdb_bgsave_in_progress"), 1);
    eventually("the snapshot", || unsaved(&mut client) == 0);
    client.call(&["CONFIG", "SET", "save", ""]);
    client.run("SET k v");
    client.run("FLUSHALL");
    assert_eq!(unsaved(&mut client), 2, "nothing is on disk that would have to go");
    server.signal("KILL");
    assert!(!server.wait().success());
}

#[test]
fn a_damaged_dump_is_told_of() {
    let dir = fresh_dir();
    // A ziplist that says of itself that it is longer.
    let damaged =
        b"REDIS0006\xfe\x00\x0a\x03key\x0c\x0d\0\0\0\x0a\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\0\0\0";
    std::fs::write(dir.join("dump.rdb"), damaged).expect("a file");
    let dir = dir.to_str().expect("UTF-8");
    let (status, text) = run_to_end(BINARY, &["--port", "0", "--dir", dir]);
    assert!(!status.success());
    assert!(text.contains("key 'key': List ziplist integrity check failed"), "{text}");
    assert!(text.contains("Terminating server after rdb file reading failure."), "{text}");
}

#[test]
fn what_a_snapshot_makes_writers_copy_is_counted() {
    let server = server(&["--save", ""]);
    let mut client = server.connect();
    let figure = |client: &mut _, name| crate::info(client, "persistence", name);
    for n in 0..500 {
        client.run(&format!("SET k{n} {}", "x".repeat(500)));
    }
    assert_eq!(figure(&mut client, "current_cow_size"), 0);
    client.run("CONFIG SET rdb-key-save-delay 5000");
    client.run("BGSAVE");
    for n in 0..500 {
        client.run(&format!("APPEND k{n} y"));
    }
    let copied = figure(&mut client, "current_cow_size");
    assert!((500..500 * 700).contains(&copied), "{copied}");
    client.run("CONFIG SET rdb-key-save-delay 0");
    eventually("the snapshot", || figure(&mut client, "rdb_bgsave_in_progress") == 0);
    assert_eq!(figure(&mut client, "current_cow_size"), 0);
    assert!(figure(&mut client, "rdb_last_cow_size") >= copied);
}
