//! The append-only file: what was acknowledged is there after a crash. Crashes under load are in
//! `crash`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir};

use crate::{BINARY, eventually, info};

const OPTIONS: &[&str] =
    &["--save", "", "--appendonly", "yes", "--io-threads", "3", "--enable-debug-command", "yes"];

/// A copy of a server's directory, as a crash leaves it: the server's own goes with it.
fn copy(dir: &Path) -> PathBuf {
    let to = fresh_dir();
    std::fs::create_dir_all(to.join("appendonlydir")).unwrap();
    for entry in std::fs::read_dir(dir.join("appendonlydir")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join("appendonlydir").join(entry.file_name())).unwrap();
    }
    to
}

fn start(options: &[&str]) -> Server {
    start_in(fresh_dir(), options)
}

fn start_in(dir: PathBuf, options: &[&str]) -> Server {
    Server::start_in(BINARY, dir, &[OPTIONS, options].concat())
}

/// Kills a server as a crash would, and starts one on its files.
fn crash(mut server: Server, options: &[&str]) -> Server {
    server.signal("KILL");
    server.wait();
    let dir = copy(server.dir());
    drop(server);
    start_in(dir, options)
}

fn digest(client: &mut Client) -> String {
    client.run("DEBUG DIGEST")
}

/// Waits until no rewrite is being done.
fn rewritten(client: &mut Client) {
    eventually("the rewrite ends", || info(client, "persistence", "aof_rewrite_in_progress") == 0);
}

fn fill(client: &mut Client) {
    for line in [
        "SET s 1",
        "INCR s",
        "RPUSH l a b c",
        "HSET h f v",
        "ZADD z 1.5 m",
        "XADD x * f v",
        "SET soon 1 PX 1000000",
        "SELECT 5",
        "SADD t 1 2 3",
        "SPOP t",
        "MULTI",
        "SET a 1",
        "SET b 2",
        "EXEC",
        "SELECT 0",
    ] {
        let reply = client.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

#[test]
fn everything_is_there_after_a_crash_in_each_mode() {
    for mode in ["always", "everysec", "no"] {
        let options = ["--appendfsync", mode];
        let server = start(&options);
        let mut client = server.connect();
        fill(&mut client);
        let before = digest(&mut client);
        // Replies wait for the file, but with `everysec` not while the disk syncs.
        if mode == "everysec" {
            eventually("all is written", || {
                info(&mut client, "persistence", "aof_buffer_length") == 0
            });
            std::thread::sleep(Duration::from_millis(300));
        }
        let server = crash(server, &options);
        assert_eq!(digest(&mut server.connect()), before, "{mode}");
    }
}

#[test]
fn a_base_of_commands_says_when_it_was_written() {
    let options = ["--aof-timestamp-enabled", "yes", "--aof-use-rdb-preamble", "no"];
    let server = start(&options);
    let mut client = server.connect();
    client.run("SET a 1");
    client.run("BGREWRITEAOF");
    rewritten(&mut client);
    let base = server.dir().join("appendonlydir/appendonly.aof.2.base.aof");
    assert!(std::fs::read(base).unwrap().starts_with(b"#TS:"));
    let server = crash(server, &options);
    assert_eq!(server.connect().run("GET a"), "\"1\"");
}

#[test]
fn a_rewrite_changes_nothing_and_deletes_the_old_files() {
    for preamble in ["yes", "no"] {
        let options = ["--appendfsync", "always", "--aof-use-rdb-preamble", preamble];
        let server = start(&options);
        let mut client = server.connect();
        fill(&mut client);
        assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started");
        client.run("SET meanwhile 1");
        rewritten(&mut client);
        client.run("SET after 1");
        eventually("old files go", || {
            !server.dir().join("appendonlydir/appendonly.aof.1.incr.aof").exists()
        });
        let before = digest(&mut client);
        assert_eq!(client.run("DEBUG LOADAOF"), "+OK");
        assert_eq!(digest(&mut client), before);
        let server = crash(server, &options);
        assert_eq!(digest(&mut server.connect()), before);
    }
}

#[test]
fn large_collections_change_while_they_are_saved() {
    /// Enough for several slices.
    const MEMBERS: usize = 20_000;
    for preamble in ["yes", "no"] {
        let options = ["--appendfsync", "always", "--aof-use-rdb-preamble", preamble];
        let server = start(&options);
        let mut client = server.connect();
        let names: Vec<String> = (0..MEMBERS).map(|n| format!("{n}")).collect();
        for some in names.chunks(500) {
            for (command, key, pairs) in
                [("SADD", "s", false), ("ZADD", "z", true), ("HSET", "h", true)]
            {
                let words = some.iter().flat_map(|n| if pairs { vec![n, n] } else { vec![n] });
                let line: Vec<&str> =
                    [command, key].into_iter().chain(words.map(|w| w.as_str())).collect();
                client.call(&line);
            }
        }
        for some in names.chunks(500) {
            for n in some {
                client.send(&["RPUSH", "l", n]);
                client.send(&["XADD", "x", "*", "field", n]);
            }
            (0..2 * some.len()).for_each(|_| drop(client.read()));
        }
        // Small keys, which are slow to save, come before the large ones.
        (0..300).for_each(|n| drop(client.run(&format!("SET k{n} {n}"))));
        let before = digest(&mut client);
        assert_eq!(client.run("CONFIG SET rdb-key-save-delay 3000"), "+OK");
        assert_eq!(client.run("BGSAVE"), "+Background saving started");
        for n in (0..MEMBERS).step_by(7) {
            client.run(&format!("ZADD z 0.5 {n} 1 new{n}"));
            client.run(&format!("SREM s {n}"));
            client.run(&format!("HSET h {n} new new{n} 1"));
            client.run(&format!("LSET l {n} new"));
            client.run(&format!("XADD x * field new{n}"));
        }
        client.run("LTRIM l 100 -300");
        client.run("XTRIM x MAXLEN 9000");
        client.run("RENAME h renamed");
        client.run("DEL s");
        eventually("the snapshot ends", || {
            info(&mut client, "persistence", "rdb_bgsave_in_progress") == 0
        });
        let dir = fresh_dir();
        std::fs::copy(server.dir().join("dump.rdb"), dir.join("dump.rdb")).unwrap();
        let saved = Server::start_in(BINARY, dir, &["--enable-debug-command", "yes"]);
        assert_eq!(digest(&mut saved.connect()), before);
        // The same as commands, or as a base.
        assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started");
        for n in (0..MEMBERS).step_by(9) {
            client.run(&format!("ZADD z 0.25 {n} 1 newer{n}"));
            client.run(&format!("HSET renamed {n} newer"));
            client.run("LMOVE l l LEFT RIGHT");
            client.run(&format!("XADD x * field newer{n}"));
        }
        rewritten(&mut client);
        let after = digest(&mut client);
        let server = crash(server, &options);
        assert_eq!(digest(&mut server.connect()), after, "{preamble}");
    }
}

#[test]
fn it_can_be_turned_on_and_off() {
    let server = start(&["--appendonly", "no"]);
    let mut client = server.connect();
    fill(&mut client);
    assert!(!server.dir().join("appendonlydir").exists());
    assert_eq!(client.run("CONFIG SET appendonly yes appendfsync always"), "+OK");
    let manifest = server.dir().join("appendonlydir/appendonly.aof.manifest");
    eventually("the first base", || manifest.exists());
    rewritten(&mut client);
    client.run("SET last 1");
    let before = digest(&mut client);
    assert_eq!(client.run("CONFIG SET appendonly no"), "+OK");
    eventually("the file is closed", || info(&mut client, "persistence", "aof_enabled") == 0);
    client.run("SET unlogged 1");
    let server = crash(server, &[]);
    assert_eq!(digest(&mut server.connect()), before);
}

#[test]
fn an_effect_larger_than_the_ring_survives() {
    let server = start(&["--appendfsync", "always", "--repl-backlog-size", "16kb"]);
    let mut client = server.connect();
    let value = "x".repeat(3 << 20);
    assert_eq!(client.call(&["SET", "k", &value]).to_string(), "+OK");
    let server = crash(server, &[]);
    assert_eq!(server.connect().run("STRLEN k"), format!(":{}", value.len()));
}

#[test]
fn a_file_of_redis_before_7_is_taken_in() {
    let dir = fresh_dir();
    std::fs::write(dir.join("appendonly.aof"), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
        .unwrap();
    let server = start_in(dir, &[]);
    assert_eq!(server.connect().run("GET k"), "\"v\"");
    assert!(!server.dir().join("appendonly.aof").exists());
    let server = crash(server, &[]);
    assert_eq!(server.connect().run("GET k"), "\"v\"");
}

/// Writes that are told apart by `n`, streams that are trimmed at whole nodes among them.
fn write_all(client: &mut Client, n: usize) {
    for line in [
        format!("SET count {n}"),
        format!("RPUSH list {n}"),
        format!("XADD added MAXLEN ~ 7 * n {n}"),
        format!("XADD trimmed * n {n}"),
        "XTRIM trimmed MAXLEN ~ 7".to_string(),
        format!("SET key:{} changed", n % 100),
    ] {
        let reply = client.run(&line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

/// Has DEBUG LOADAOF replace all by what is in the files, which has to be the same.
fn load_aof(client: &mut Client, when: &str) {
    let before = digest(client);
    assert_eq!(client.run("DEBUG LOADAOF"), "+OK", "{when}");
    assert_eq!(digest(client), before, "{when}");
}

#[test]
fn loading_anew_finds_all_data_whatever_is_being_rewritten() {
    for (mode, preamble) in [("always", "yes"), ("everysec", "no"), ("no", "yes")] {
        // Slow enough for the load to fall into the rewrite.
        let options =
            ["--appendonly", "no", "--appendfsync", mode, "--aof-use-rdb-preamble", preamble];
        let slow = ["--rdb-key-save-delay", "1000", "--stream-node-max-entries", "5"];
        let server = start(&[&options[..], &slow].concat());
        let mut client = server.connect();
        (0..200).for_each(|n| drop(client.run(&format!("SET key:{n} {n}"))));
        for n in 0..4 {
            write_all(&mut client, n);
            assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK");
            load_aof(&mut client, "while the first base is written");
            write_all(&mut client, n);
            load_aof(&mut client, "right behind");
            client.run("BGREWRITEAOF");
            write_all(&mut client, n);
            load_aof(&mut client, "while another base is written");
            client.run("BGSAVE");
            load_aof(&mut client, "while a snapshot is taken");
            write_all(&mut client, n);
            // What the files hold is old when they are used again.
            assert_eq!(client.run("CONFIG SET appendonly no"), "+OK");
            write_all(&mut client, n);
        }
        assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK");
        load_aof(&mut client, "at last");
        let before = digest(&mut client);
        let server = crash(server, &["--appendfsync", mode]);
        assert_eq!(digest(&mut server.connect()), before, "{mode}");
    }
}

/// As in Redis the first rewrite is seen as soon as the reply is there.
#[test]
fn turning_it_on_begins_a_rewrite_before_the_reply() {
    let server = start(&["--appendonly", "no", "--rdb-key-save-delay", "1000"]);
    let mut client = server.connect();
    (0..100).for_each(|n| drop(client.run(&format!("SET key:{n} {n}"))));
    for _ in 0..20 {
        assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK");
        assert_eq!(info(&mut client, "persistence", "aof_rewrite_in_progress"), 1);
        assert_eq!(client.run("CONFIG SET appendonly no"), "+OK");
    }
    rewritten(&mut client);
    assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started");
    rewritten(&mut client);
    assert_eq!(info(&mut client, "persistence", "aof_enabled"), 0);
}

/// A rewrite that begins while data is loaded would have a part of it as its base.
#[test]
fn no_rewrite_begins_while_data_is_loaded_anew() {
    let server = start(&["--appendfsync", "everysec", "--rdb-key-save-delay", "20"]);
    let mut client = server.connect();
    (0..5000).for_each(|n| drop(client.run(&format!("SET key:{n} {n}"))));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let mut client = server.connect();
                scope.spawn(move || {
                    for n in 0..300 {
                        assert_eq!(client.run(&format!("SET writer:{writer} {n}")), "+OK");
                        let reply = client.run(&format!("RPUSH list:{writer} {n}"));
                        assert_eq!(reply, format!(":{}", n + 1));
                    }
                })
            })
            .collect();
        let mut rewriter = server.connect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            rewriter.run("BGREWRITEAOF");
            assert_eq!(client.run("DEBUG LOADAOF"), "+OK");
        }
    });
    rewritten(&mut client);
    let before = digest(&mut client);
    eventually("all is written", || info(&mut client, "persistence", "aof_buffer_length") == 0);
    let server = crash(server, &[]);
    let mut client = server.connect();
    assert_eq!(digest(&mut client), before);
    assert_eq!(client.run("LLEN list:2"), ":300");
}

/// What `~` removes depends on the nodes, which need not be the same when the file is loaded.
#[test]
fn streams_that_are_trimmed_roughly_are_loaded_with_the_same_length() {
    let server = start(&["--stream-node-max-entries", "10"]);
    let mut client = server.connect();
    for n in 1..=95 {
        for line in [
            format!("XADD added MAXLEN ~ 25 {n}-1 n {n}"),
            format!("XADD least MINID ~ {}-0 {n}-1 n {n}", n / 2),
            format!("XADD limited MAXLEN ~ 3 LIMIT 15 {n}-1 n {n}"),
            format!("XADD trimmed {n}-1 n {n}"),
            format!("XADD emptied MAXLEN = 0 {n}-1 n {n}"),
        ] {
            assert_eq!(client.run(&line), format!("\"{n}-1\""), "{line}");
        }
    }
    for line in [
        "XTRIM trimmed MAXLEN ~ 62",
        "XTRIM trimmed MINID ~ 47-3",
        "XTRIM trimmed MAXLEN ~ 1 LIMIT 12",
        "XTRIM trimmed MAXLEN ~ 0 LIMIT 0",
    ] {
        assert!(client.run(line).starts_with(':'), "{line}");
    }
    for nodes in ["1", "0", "7"] {
        client.run(&format!("CONFIG SET stream-node-max-entries {nodes}"));
        load_aof(&mut client, nodes);
    }
    let log = std::fs::read(server.dir().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    assert!(!log.contains(&b'~'), "effects are exact");
}
