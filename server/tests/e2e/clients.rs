//! CLIENT: what connections see of and do to each other; limits on connections.

use std::time::{Duration, Instant};

use crate::{eventually, server};

#[test]
fn names_and_lists() {
    let server = server(&[]);
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!(a.run("CLIENT GETNAME"), "nil");
    assert_eq!(a.run("CLIENT SETNAME first"), "+OK");
    assert!(a.call(&["CLIENT", "SETNAME", "two words"]).text().contains("cannot contain spaces"));
    assert_eq!(b.run("CLIENT SETINFO LIB-NAME mine"), "+OK");
    let id = a.run("CLIENT ID");
    let list = b.call(&["CLIENT", "LIST"]).text();
    assert_eq!(list.lines().count(), 2);
    let line = list.lines().find(|l| l.contains("name=first")).expect("the first client");
    assert!(line.starts_with(&format!("id={} ", &id[1..])));
    assert!(line.contains(&format!("addr={} ", a.address())) && line.contains("flags=N"));
    assert!(list.contains("lib-name=mine"));
    assert!(line.contains("cmd=client|id ") && list.contains("cmd=client|list "));
    let only = b.run(&format!("CLIENT LIST ID {}", &id[1..]));
    assert!(only.contains("name=first") && !only.contains("lib-name=mine"));
    assert_eq!(b.run("CLIENT LIST TYPE pubsub"), "\"\"");
}

#[test]
fn kill_by_filters() {
    let server = server(&[]);
    let mut killer = server.connect();
    let mut one = server.connect();
    let id = one.run("CLIENT ID");
    assert_eq!(killer.run(&format!("CLIENT KILL ID {}", &id[1..])), ":1");
    assert!(one.is_closed());
    assert_eq!(killer.run(&format!("CLIENT KILL ID {}", &id[1..])), ":0");
    for (words, error) in [
        ("KILL TYPE x y", "-ERR Unknown client type 'x'"),
        ("KILL ID 5 x", "-ERR syntax error"),
        ("UNBLOCK x y", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        ("PAUSE -1 y", "-ERR CLIENT PAUSE mode must be WRITE or ALL"),
    ] {
        assert_eq!(killer.run(&format!("CLIENT {words}")), error);
    }
    let mut two = server.connect();
    assert_eq!(two.run("PING"), "+PONG");
    assert_eq!(killer.run(&format!("CLIENT KILL {}", two.address())), "+OK");
    assert!(two.is_closed());
    assert_eq!(killer.run("CLIENT KILL 127.0.0.1:1"), "-ERR No such client");
    let mut many: Vec<_> = (0..5).map(|_| server.connect()).collect();
    many.iter_mut().for_each(|c| assert_eq!(c.run("PING"), "+PONG"));
    assert_eq!(killer.run("CLIENT KILL TYPE normal SKIPME yes"), ":5");
    assert!(many.iter_mut().all(|c| c.is_closed()));
    assert_eq!(killer.run("CLIENT KILL SKIPME no ID 0").split(' ').next(), Some("-ERR"));
    assert_eq!(killer.run("CLIENT KILL USER default SKIPME no"), ":1");
    assert!(killer.is_closed());
}

#[test]
fn pause_holds_commands_back() {
    let server = server(&[]);
    let (mut boss, mut worker) = (server.connect(), server.connect());
    let begun = Instant::now();
    assert_eq!(boss.run("CLIENT PAUSE 400 WRITE"), "+OK");
    assert_eq!(worker.run("GET k"), "nil", "reads go on");
    assert_eq!(worker.run("SET k v"), "+OK");
    assert!(begun.elapsed() >= Duration::from_millis(390), "the write waited");
    assert_eq!(boss.run("CLIENT PAUSE 60000 ALL"), "+OK");
    worker.send_line("GET k");
    assert!(worker.is_silent());
    assert_eq!(boss.run("CLIENT UNPAUSE"), "+OK");
    assert_eq!(worker.shown(), "\"v\"");
}

#[test]
fn a_pause_holds_transactions_that_write() {
    let server = server(&[]);
    let (mut boss, mut worker) = (server.connect(), server.connect());
    assert_eq!(worker.run("MULTI"), "+OK");
    assert_eq!(worker.run("SET k v"), "+QUEUED");
    assert_eq!(boss.run("CLIENT PAUSE 60000 WRITE"), "+OK");
    worker.send_line("EXEC");
    assert!(worker.is_silent());
    assert_eq!(boss.run("CLIENT UNPAUSE"), "+OK");
    assert_eq!(worker.shown(), "[+OK]");
}

#[test]
fn replies_can_be_turned_off() {
    let server = server(&[]);
    let mut client = server.connect();
    client.send_raw(b"CLIENT REPLY SKIP\r\nSET k 1\r\nGET k\r\n");
    assert_eq!(client.shown(), "\"1\"");
    client.send_raw(
        b"CLIENT REPLY OFF\r\nSET k 2\r\nNONSENSE\r\nGET k\r\nCLIENT REPLY ON\r\nGET k\r\n",
    );
    assert_eq!([client.shown(), client.shown()], ["+OK", "\"2\""]);
}

#[test]
fn flags_that_a_client_sets() {
    let server = server(&[]);
    let mut client = server.connect();
    for (command, flag) in [("NO-TOUCH", 'T'), ("NO-EVICT", 'e')] {
        assert_eq!(client.run(&format!("CLIENT {command} ON")), "+OK");
        let flags = |text: String| {
            text.split("flags=").nth(1).map(|f| f.split(' ').next().unwrap_or("").to_string())
        };
        assert!(flags(client.run("CLIENT INFO")).is_some_and(|f| f.contains(flag)));
        assert_eq!(client.run(&format!("CLIENT {command} OFF")), "+OK");
        assert_eq!(flags(client.run("CLIENT INFO")).as_deref(), Some("N"));
        assert_eq!(client.run(&format!("CLIENT {command} MAYBE")), "-ERR syntax error");
    }
}

#[test]
fn no_more_than_maxclients() {
    let server = server(&["--maxclients", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|c| assert_eq!(c.run("PING"), "+PONG"));
    let mut refused = server.connect();
    assert_eq!(refused.shown(), "-ERR max number of clients reached");
    assert!(refused.is_closed());
    drop(clients.pop());
    eventually("room for another", || {
        let mut another = server.connect();
        another.try_send_raw(b"PING\r\n").is_ok()
            && another.try_read().is_ok_and(|r| r.to_string() == "+PONG")
    });
}

#[test]
fn maxclients_holds_for_a_rush_of_connections() {
    let server = server(&["--maxclients", "10"]);
    let mut clients: Vec<_> = (0..60).map(|_| server.connect()).collect();
    let mut served = 0;
    for client in &mut clients {
        let sent = client.try_send_raw(b"PING\r\n").is_ok();
        let reply = client.try_read().map(|r| r.to_string());
        served += usize::from(sent && reply.is_ok_and(|r| r == "+PONG"));
    }
    assert_eq!(served, 10);
}

#[test]
fn idle_clients_are_dropped() {
    let server = server(&["--timeout", "1"]);
    let mut idle = server.connect();
    let mut listener = server.connect();
    assert_eq!(idle.run("PING"), "+PONG");
    listener.run("SUBSCRIBE c");
    assert!(idle.is_closed());
    assert_eq!(server.connect().run("PUBLISH c x"), ":1", "who listens may be idle");
    assert_eq!(listener.shown(), "[\"message\" \"c\" \"x\"]");
}

#[test]
fn some_thousand_idle_connections() {
    let server = server(&[]);
    let mut first = server.connect();
    let before = server.resident();
    let limit = open_files().saturating_sub(200).min(3000);
    let mut idle: Vec<_> = (0..limit).map(|_| server.connect()).collect();
    idle.iter_mut().for_each(|c| assert_eq!(c.run("PING"), "+PONG"));
    assert_eq!(crate::info(&mut first, "clients", "connected_clients"), limit as u64 + 1);
    let each = (server.resident().saturating_sub(before)) / limit as u64;
    assert!(each < 16 * 1024, "{each} bytes for an idle connection");
    assert_eq!(first.run("SET k v"), "+OK");
    drop(idle);
    eventually("they are gone", || crate::info(&mut first, "clients", "connected_clients") == 1);
}

/// How many files this process may have open: the tests in it share them.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}

/// A field of a client's line in CLIENT LIST.
fn field(line: &str, name: &str) -> u64 {
    let value = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(u64::MAX)
}

#[test]
fn who_does_not_read_shows_up_in_the_list() {
    let server = server(&[]);
    let (mut watcher, mut lazy) = (server.connect(), server.connect());
    let id = lazy.run("CLIENT ID");
    let list = format!("CLIENT LIST ID {}", &id[1..]);
    let line = watcher.call(&list.split(' ').collect::<Vec<_>>()).text();
    assert_eq!((field(&line, "obl"), field(&line, "oll"), field(&line, "omem")), (0, 0, 0));
    watcher.call(&["SET", "k", &"v".repeat(1 << 20)]);
    let gets = "GET k\r\n".repeat(40);
    lazy.send_raw(gets.as_bytes());
    eventually("replies wait", || {
        let line = watcher.call(&list.split(' ').collect::<Vec<_>>()).text();
        field(&line, "oll") > 0 && field(&line, "omem") > 0 && line.contains("events=rw")
    });
    (0..40).for_each(|_| assert_eq!(lazy.try_read().expect("a reply").text().len(), 1 << 20));
    eventually("all is sent", || {
        let line = watcher.call(&list.split(' ').collect::<Vec<_>>()).text();
        field(&line, "omem") == 0 && line.contains("events=r ")
    });
    let own = watcher.call(&["CLIENT", "INFO"]).text();
    assert_eq!(field(&own, "argv-mem"), "CLIENTINFO".len() as u64);
}

#[test]
fn debug_describes_the_nodes_of_a_list() {
    let server = server(&["--enable-debug-command", "yes", "--list-max-listpack-size", "2"]);
    let mut client = server.connect();
    client.run("RPUSH l 1 2 3 4 5 6 7 8 9 10");
    let shown = client.run("DEBUG OBJECT l");
    let nodes = "ql_nodes:5 ql_avg_node:2.00 ql_listpack_max:2 ql_compressed:0";
    assert!(shown.ends_with(&format!("{nodes} ql_uncompressed_size:55")), "{shown}");
    assert_eq!(client.run("DEBUG LISTPACK l"), "-ERR Not a listpack encoded object.");
    assert!(client.run("DEBUG QUICKLIST l").starts_with("+encoding:quicklist"));
}

#[test]
fn info_shows_the_sizes_of_values() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("RPUSH l 1 2 3");
    client.call(&["SET", "s", &"v".repeat(3000)]);
    client.run("HSET h f v");
    let text = client.run("INFO keysizes");
    for line in ["strings_sizes:2K=1", "lists_items:2=1", "hashes_items:1=1"] {
        assert!(text.contains(&format!("db0_distrib_{line}")), "{text}");
    }
    assert!(client.run("INFO").contains("# Keysizes"));
}
