//! Commands that wait for keys, across connections.

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{eventually, has, info, server};

/// A server and a connection, if lists are there.
fn with_lists() -> Option<(Server, Client)> {
    let server = server(&[]);
    let mut client = server.connect();
    has(&mut client, "blpop").then_some((server, client))
}

/// Waits until so many clients are blocked.
fn wait_for_blocked(client: &mut Client, number: u64) {
    eventually("clients are blocked", || info(client, "clients", "blocked_clients") == number);
}

#[test]
fn a_push_serves_who_waited_longest() {
    let Some((server, mut pusher)) = with_lists() else { return };
    let mut waiting: Vec<Client> = Vec::new();
    for n in 0..4 {
        let mut client = server.connect();
        client.send_line("BLPOP other list 0");
        waiting.push(client);
        wait_for_blocked(&mut pusher, n + 1);
    }
    assert_eq!(pusher.run("RPUSH list a b c d e"), ":5");
    for (client, item) in waiting.iter_mut().zip(["a", "b", "c", "d"]) {
        assert_eq!(client.shown(), format!("[\"list\" \"{item}\"]"));
    }
    assert_eq!(pusher.run("LRANGE list 0 -1"), "[\"e\"]");
}

#[test]
fn waiting_ends_with_its_time() {
    let Some((_server, mut client)) = with_lists() else { return };
    let begun = std::time::Instant::now();
    assert_eq!(client.run("BLPOP list 0.1"), "nil");
    assert!(begun.elapsed() >= std::time::Duration::from_millis(100));
    assert_eq!(client.run("BLPOP list -1"), "-ERR timeout is negative");
}

#[test]
fn unblock_ends_waiting() {
    let Some((server, mut boss)) = with_lists() else { return };
    let mut client = server.connect();
    let id = client.run("CLIENT ID");
    for (how, reply) in [
        ("", "nil"),
        (" TIMEOUT", "nil"),
        (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    ] {
        client.send_line("BLPOP list 0");
        wait_for_blocked(&mut boss, 1);
        assert_eq!(boss.run(&format!("CLIENT UNBLOCK {}{how}", &id[1..])), ":1");
        assert_eq!(client.shown(), reply);
    }
    assert_eq!(boss.run(&format!("CLIENT UNBLOCK {}", &id[1..])), ":0");
}

#[test]
fn who_is_gone_takes_nothing() {
    let Some((server, mut pusher)) = with_lists() else { return };
    let mut client = server.connect();
    client.send_line("BLPOP list 0");
    wait_for_blocked(&mut pusher, 1);
    drop(client);
    wait_for_blocked(&mut pusher, 0);
    assert_eq!(pusher.run("RPUSH list a"), ":1");
    assert_eq!(pusher.run("LLEN list"), ":1");
}

#[test]
fn a_transaction_serves_when_it_is_done() {
    let Some((server, mut pusher)) = with_lists() else { return };
    let mut client = server.connect();
    client.send_line("BLPOP list 0");
    wait_for_blocked(&mut pusher, 1);
    assert_eq!(pusher.run("MULTI"), "+OK");
    for line in ["RPUSH list a", "LPUSH list b", "BLPOP empty 0"] {
        assert_eq!(pusher.run(line), "+QUEUED");
    }
    assert_eq!(pusher.run("EXEC"), "[:1 :2 nil]");
    assert_eq!(client.shown(), "[\"list\" \"b\"]");
}

#[test]
fn commands_behind_a_waiting_one_come_after_it() {
    let Some((server, mut pusher)) = with_lists() else { return };
    let mut client = server.connect();
    client.send_raw(b"BLPOP list 0\r\nSET k after\r\n");
    wait_for_blocked(&mut pusher, 1);
    assert_eq!(pusher.run("GET k"), "nil");
    assert_eq!(pusher.run("RPUSH list a"), ":1");
    assert_eq!([client.shown(), client.shown()], ["[\"list\" \"a\"]", "+OK"]);
}

#[test]
fn every_element_is_popped_once() {
    const ITEMS: usize = 2000;
    let Some((server, mut pusher)) = with_lists() else { return };
    let popped: Vec<String> = std::thread::scope(|scope| {
        let pop = || {
            let mut client = server.connect();
            let mut mine = Vec::new();
            loop {
                let reply = client.call(&["BLPOP", "list", "list2", "0"]);
                match reply.items()[1].text() {
                    end if end == "end" => return mine,
                    item => mine.push(item),
                }
            }
        };
        let all: Vec<_> = (0..6).map(|_| scope.spawn(pop)).collect();
        for n in 0..ITEMS {
            let list = if n % 3 == 0 { "list2" } else { "list" };
            assert!(pusher.call(&["RPUSH", list, &n.to_string()]).int().is_some());
        }
        eventually("all are popped", || {
            pusher.run("LLEN list") == ":0" && pusher.run("LLEN list2") == ":0"
        });
        for _ in 0..6 {
            pusher.run("RPUSH list end");
        }
        all.into_iter().flat_map(|t| t.join().expect("no client fails")).collect()
    });
    let mut numbers: Vec<usize> = popped.iter().map(|t| t.parse().expect("a number")).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..ITEMS));
}

#[test]
fn who_waits_with_claim_is_woken_by_time() {
    let server = server(&[]);
    let (mut owner, mut waiter) = (server.connect(), server.connect());
    owner.run("XADD s 1-1 f v");
    owner.run("XGROUP CREATE s g 0");
    owner.run("XGROUP CREATE t g $ MKSTREAM");
    let wait = "XREADGROUP GROUP g waiter BLOCK 20000 CLAIM 150 STREAMS t s > >";
    // What is pending already, and what is handed out while it waits.
    for round in 0..2 {
        if round == 0 {
            owner.run("XREADGROUP GROUP g owner STREAMS s >");
            waiter.send_line(wait);
        } else {
            waiter.send_line(wait);
            assert!(waiter.is_silent());
            owner.run("MULTI");
            owner.run("XADD s 2-1 f v");
            owner.run("XREADGROUP GROUP g owner STREAMS s >");
            owner.run("EXEC");
        }
        let reply = waiter.read();
        let entry = reply.items()[0].items()[1].items()[0].items();
        assert_eq!(entry[0].text(), format!("{}-1", round + 1));
        let (idle, count) = (entry[2].to_string(), entry[3].to_string());
        assert!(idle.trim_start_matches(':').parse::<u64>().unwrap() >= 150, "{idle}");
        assert_eq!(count, ":1");
        assert_eq!(owner.run("XPENDING s g").matches("waiter").count(), 1, "it has changed hands");
        waiter.run(&format!("XACK s g {}-1", round + 1));
    }
    // The time to wait is over all the same, and so is a wait that is ended.
    assert_eq!(waiter.run("XREADGROUP GROUP g waiter BLOCK 60 CLAIM 10 STREAMS t >"), "nil");
    waiter.send_line(wait);
    assert!(waiter.is_silent());
    owner.run("XGROUP DESTROY t g");
    assert!(waiter.shown().starts_with("-NOGROUP"));
}

#[test]
fn who_is_served_by_a_transaction_goes_on_after_it() {
    let server = server(&["--enable-debug-command", "yes"]);
    let (mut client, mut waiting) = (server.connect(), server.connect());
    waiting.send_line("BRPOP k 0");
    wait_for_blocked(&mut client, 1);
    for line in ["MULTI", "RPUSH k a", "PEXPIRE k 20", "DEBUG SLEEP 0.05", "EXISTS k"] {
        client.run(line);
    }
    // The transaction happens at the moment that it began at: the key is there throughout.
    assert_eq!(client.run("EXEC"), "[:1 :1 +OK :1]");
    assert_eq!(info(&mut client, "clients", "blocked_clients"), 1);
    assert_eq!(client.run("RPUSH k b"), ":1");
    assert_eq!(waiting.shown(), "[\"k\" \"b\"]");
}
