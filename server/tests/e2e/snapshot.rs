//! Snapshots and rewrites of large values that change meanwhile: the file has them as they were.

use std::path::Path;

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir};

use crate::{BINARY, eventually, info};

const OPTIONS: &[&str] = &["--save", "", "--io-threads", "3", "--enable-debug-command", "yes"];

/// Small keys, which the walk meets between the large ones.
const SMALL: usize = 300;

fn start(options: &[&str]) -> Server {
    Server::start(BINARY, &[OPTIONS, options].concat())
}

/// A command of a name and a key, with arguments that come of numbers.
fn many(client: &mut Client, head: &str, count: usize, each: impl Fn(usize) -> String) {
    for from in (0..count).step_by(500) {
        let mut words: Vec<String> = head.split(' ').map(String::from).collect();
        for n in from..(from + 500).min(count) {
            words.extend(each(n).split(' ').map(String::from));
        }
        let reply = client.call(&words).text();
        assert!(!reply.starts_with('-'), "{head}: {reply}");
    }
}

/// Large values of all types that come in parts.
fn fill(client: &mut Client) {
    (0..SMALL).for_each(|n| drop(client.run(&format!("SET small{n} {n}"))));
    let text = |from: usize| (from..from + 90_000).map(|n| format!("{n}_")).collect::<String>();
    client.call(&["SET", "string", &text(1)]);
    client.call(&["SET", "gone", &text(2)]);
    many(client, "SADD set", 9000, |n| format!("member{n}"));
    many(client, "SADD expiring-set", 9000, |n| format!("member{n}"));
    many(client, "HSET hash", 9000, |n| format!("field{n} value{n}"));
    many(client, "HSET expiring-hash", 9000, |n| format!("field{n} value{n}"));
    many(client, "ZADD zset", 9000, |n| format!("{n} member{n}"));
    many(client, "ZADD expiring-zset", 9000, |n| format!("{n} member{n}"));
    let far = 6_000_000_000_000usize;
    for n in 0..900 {
        let at = far + n;
        client.run(&format!("SPEXPIREAT expiring-set {at} MEMBERS 1 member{n}"));
        client.run(&format!("HPEXPIREAT expiring-hash {at} FIELDS 1 field{n}"));
        client.run(&format!("ZPEXPIREAT expiring-zset {at} MEMBERS 1 member{n}"));
        client.run(&format!("XADD stream IDMP p{} i{n} * field value{n}", n % 7));
    }
    many(client, "RPUSH list", 90_000, |n| format!("element{n}"));
    (0..9000).for_each(|n| drop(client.run(&format!("XADD stream * field value{n}"))));
    many(client, "ARINSERT array", 9000, |n| format!("value{n}"));
    let item = |n| format!("{{\"id\":{n},\"name\":\"number {n}\",\"at\":[{n},1.5]}}");
    let items: Vec<String> = (0..9000).map(item).collect();
    client.call(&["JSON.SET", "json", "$", &format!("[{}]", items.join(","))]);
    client.run("TS.CREATE series");
    for from in (0..40_000).step_by(500) {
        let triple = |n| format!("series {} {}", 1000 + n * 10 + n % 3, n % 101);
        let words: Vec<String> = (from..from + 500).map(triple).collect();
        client.run(&format!("TS.MADD {}", words.join(" ")));
    }
}

/// Changes everything, moves it around and removes it.
fn change(client: &mut Client, flush: &str) {
    for n in (137..9000).step_by(800) {
        for line in [
            format!("SETRANGE string {} changed", n * 50),
            format!("APPEND string more{n}"),
            format!("SREM set member{n}"),
            format!("HSET hash field{n} new"),
            format!("ZADD zset 5 member{n} 6 new{n}"),
            format!("SREM expiring-set member{n}"),
            format!("SPERSIST expiring-set MEMBERS 1 member{}", n / 10),
            format!("HPERSIST expiring-hash FIELDS 1 field{}", n / 10),
            format!("HPEXPIRE expiring-hash 1 FIELDS 1 field{n}"),
            format!("ZPEXPIRE expiring-zset 1 MEMBERS 1 member{n}"),
            format!("LSET list {n} new"),
            format!("XADD stream IDMP p1 new{n} * field value"),
            format!("XTRIM stream MAXLEN {}", 9000 - n),
            format!("ARSET array {n} new"),
            format!("JSON.SET json $[{n}].name \"another\""),
            format!("JSON.ARRPOP json $ {n}"),
            format!("TS.ADD series {} 7 ON_DUPLICATE LAST", 1000 + n * 10),
            format!("TS.DEL series {} {}", 2000 + n * 10, 3000 + n * 10),
        ] {
            client.run(&line);
        }
    }
    for line in [
        "RENAME string moved",
        "COPY json copied",
        "RENAME zset moved-zset",
        "MOVE hash 3",
        "SET gone little",
        "DEL array",
        "SWAPDB 0 4",
        "SELECT 4",
        "JSON.DEL json $[3]",
        "SETRANGE moved 5 again",
        flush,
    ] {
        client.run(line);
    }
}

/// What a server that loads the files of a directory has.
fn loaded(dir: &Path, options: &[&str]) -> String {
    let server = Server::start_in(BINARY, dir.to_path_buf(), &[OPTIONS, options].concat());
    server.connect().run("DEBUG DIGEST")
}

/// A copy of a directory's files, since a server removes its own.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
        }
    }
}

#[test]
fn a_snapshot_has_large_values_as_they_were() {
    for compression in ["yes", "no"] {
        let server = start(&["--rdbcompression", compression]);
        let mut client = server.connect();
        fill(&mut client);
        let digest = client.run("DEBUG DIGEST");
        client.run("CONFIG SET rdb-key-save-delay 3000");
        client.run("BGSAVE");
        eventually("the first key", || {
            info(&mut client, "persistence", "current_save_keys_processed") > 0
        });
        change(&mut client, "FLUSHALL");
        client.run("CONFIG SET rdb-key-save-delay 0");
        eventually("the end", || info(&mut client, "persistence", "rdb_bgsave_in_progress") == 0);
        let dir = fresh_dir();
        copy(server.dir(), &dir);
        assert_eq!(loaded(&dir, &[]), digest, "rdbcompression {compression}");
    }
}

#[test]
fn a_rewrite_has_large_values_as_they_were() {
    // Whatever moment the base shows, what was changed after it is in the increment.
    for preamble in ["yes", "no"] {
        let options = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
        let server = start(&options);
        let mut client = server.connect();
        fill(&mut client);
        client.run("CONFIG SET rdb-key-save-delay 3000");
        client.run("BGREWRITEAOF");
        // FLUSHALL would have it begin anew.
        change(&mut client, "PING");
        client.run("CONFIG SET rdb-key-save-delay 0");
        eventually("the end", || info(&mut client, "persistence", "aof_rewrite_in_progress") == 0);
        // What expires soon has done so.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let digest = client.run("DEBUG DIGEST");
        let dir = fresh_dir();
        copy(&server.dir().join("appendonlydir"), &dir.join("appendonlydir"));
        assert_eq!(loaded(&dir, &options), digest, "preamble {preamble}");
    }
}
