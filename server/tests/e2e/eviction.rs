//! What happens when memory is full, under each family of policies.

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{info, server};

/// Room for data on top of what an empty server takes, in bytes.
const ROOM: u64 = 8 << 20;

/// Values so large that a few thousand fill the room several times.
const VALUE: usize = 4000;

/// A server with `policy` and a little room.
fn small(policy: &str) -> (Server, Client) {
    let server = server(&["--maxmemory-policy", policy]);
    let mut client = server.connect();
    let limit = info(&mut client, "memory", "used_memory") + ROOM;
    assert_eq!(client.run(&format!("CONFIG SET maxmemory {limit}")), "+OK");
    (server, client)
}

fn fill(client: &mut Client, keys: usize, options: &[&str]) -> Vec<String> {
    let value = "v".repeat(VALUE);
    let mut set = |n| {
        let key = format!("k:{n}");
        client.call(&[&["SET", &key, &value], options].concat()).to_string()
    };
    (0..keys).map(&mut set).collect()
}

const FULL: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

#[test]
fn noeviction_refuses_writes() {
    let (_server, mut client) = small("noeviction");
    let replies = fill(&mut client, 4000, &[]);
    let stored = replies.iter().filter(|r| *r == "+OK").count();
    assert!((1000..3000).contains(&stored), "{stored} were stored");
    assert!(replies.iter().all(|r| r == "+OK" || r == FULL), "nothing but success and refusal");
    assert_eq!(replies.last().map(String::as_str), Some(FULL));
    assert_eq!(client.run("STRLEN k:0"), format!(":{VALUE}"), "reads go on");
    // A transaction is refused as a whole.
    assert_eq!(client.run("MULTI"), "+OK");
    assert_eq!(client.run("SET k v"), FULL);
    assert!(client.run("EXEC").starts_with("-EXECABORT"));
    for n in 0..stored {
        client.run(&format!("GETDEL k:{n}"));
    }
    crate::eventually("room again", || client.run("SET k v") == "+OK");
}

#[test]
fn allkeys_policies_make_room() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-lrm"] {
        let (_server, mut client) = small(policy);
        assert!(fill(&mut client, 6000, &[]).iter().all(|r| r == "+OK"), "{policy}");
        let (used, limit) =
            (info(&mut client, "memory", "used_memory"), info(&mut client, "memory", "maxmemory"));
        assert!(used <= limit + (2 << 20), "{policy}: {used} of {limit}");
        assert!(info(&mut client, "stats", "evicted_keys") > 2000, "{policy}");
        // One that was just written is there.
        assert_eq!(client.run("STRLEN k:5999"), format!(":{VALUE}"), "{policy}");
    }
}

#[test]
fn volatile_policies_spare_what_does_not_expire() {
    for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let (_server, mut client) = small(policy);
        for n in 0..200 {
            assert_eq!(client.run(&format!("SET stays:{n} v")), "+OK");
        }
        assert!(fill(&mut client, 5000, &["EX", "1000"]).iter().all(|r| r == "+OK"), "{policy}");
        assert!(info(&mut client, "stats", "evicted_keys") > 1000, "{policy}");
        for n in 0..200 {
            assert_eq!(client.run(&format!("GET stays:{n}")), "\"v\"", "{policy}");
        }
    }
}

#[test]
fn volatile_policies_refuse_when_nothing_expires() {
    let (_server, mut client) = small("volatile-lru");
    let replies = fill(&mut client, 4000, &[]);
    assert_eq!(replies.last().map(String::as_str), Some(FULL));
}

#[test]
fn lru_keeps_what_is_used() {
    let (_server, mut client) = small("allkeys-lru");
    assert_eq!(client.run("CONFIG SET maxmemory-samples 20"), "+OK");
    let value = "v".repeat(VALUE);
    let hot = |n: usize| format!("hot:{n}");
    for n in 0..50 {
        assert_eq!(client.call(&["SET", &hot(n), &value]).to_string(), "+OK");
    }
    // The clock of use counts seconds at its coarsest, so uses are spread over some.
    for round in 0..4 {
        for n in 0..1000 {
            let key = format!("cold:{round}:{n}");
            assert_eq!(client.call(&["SET", &key, &value]).to_string(), "+OK");
            client.run(&format!("STRLEN {}", hot(n % 50)));
        }
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    let kept = (0..50).filter(|n| client.run(&format!("STRLEN {}", hot(*n))) != ":0").count();
    assert!(kept >= 40, "{kept} of 50 keys in use were kept");
}
