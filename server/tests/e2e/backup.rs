//! BACKUP: what is sealed is the data at that moment, whatever happens before, meanwhile and after.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use cairn_tests::client::Client;
use cairn_tests::process::{Server, fresh_dir};

use crate::{BINARY, eventually, info};

const OPTIONS: &[&str] = &["--save", "", "--io-threads", "3", "--enable-debug-command", "yes"];

fn start(options: &[&str]) -> Server {
    Server::start(BINARY, &[OPTIONS, options].concat())
}

/// A server that is restored from the manifest among these files, copied elsewhere before.
fn restore(files: &[PathBuf], options: &[&str]) -> Server {
    let copies = fresh_dir();
    std::fs::create_dir_all(&copies).unwrap();
    for file in files {
        std::fs::copy(file, copies.join(file.file_name().unwrap())).unwrap();
    }
    let manifest = copies.join(files.last().unwrap().file_name().unwrap());
    let preload = format!("aof:{}", manifest.display());
    let options = [OPTIONS, options, &["--preload-file", &preload]].concat();
    let server = Server::start(BINARY, &options);
    server.connect().run("PING");
    std::fs::remove_dir_all(copies).unwrap();
    server
}

fn state(client: &mut Client) -> String {
    let status = client.run("BACKUP STATUS");
    let words: Vec<&str> = status.split('"').collect();
    words[3].to_string()
}

fn until(client: &mut Client, wanted: &str) {
    eventually(wanted, || state(client) == wanted);
}

fn files(client: &mut Client) -> Vec<PathBuf> {
    let list = client.run("BACKUP LIST");
    list.split('"').skip(1).step_by(2).map(PathBuf::from).collect()
}

fn digest(client: &mut Client) -> String {
    client.run("DEBUG DIGEST")
}

#[test]
fn what_is_sealed_is_restored() {
    for appendonly in ["no", "yes"] {
        let server = start(&["--appendonly", appendonly]);
        let mut client = server.connect();
        client.run("MSET a 1 b 1");
        client.run("SELECT 4");
        client.run("RPUSH l x y");
        assert_eq!(client.run("BACKUP START"), "+OK");
        until(&mut client, "incrementing");
        assert_eq!(info(&mut client, "persistence", "backup_in_progress"), 1);
        assert_eq!(files(&mut client).len(), 1, "the base");
        client.run("RPUSH l z");
        if appendonly == "yes" {
            eventually("the first rewrite ends", || {
                info(&mut client, "persistence", "aof_rewrite_in_progress") == 0
            });
            assert!(client.run("BGREWRITEAOF").starts_with('+'));
            client.run("RPUSH l more");
            eventually("the rewrite ends", || {
                info(&mut client, "persistence", "aof_rewrite_in_progress") == 0
            });
        }
        client.run("SET last 1");
        let before = digest(&mut client);
        assert_eq!(client.run("BACKUP SEAL"), "+OK");
        assert_eq!(state(&mut client), "sealed");
        assert_eq!(info(&mut client, "persistence", "backup_in_progress"), 0);
        client.run("SET later 1");
        let after = digest(&mut client);

        let sealed = files(&mut client);
        assert_eq!(sealed.len(), if appendonly == "yes" { 4 } else { 3 }, "{sealed:?}");
        for options in [["--appendonly", "no"], ["--appendonly", "yes"]] {
            let restored = restore(&sealed, &options);
            assert_eq!(digest(&mut restored.connect()), before);
        }
        assert_eq!(client.run("BACKUP CLEANUP"), "+OK");
        assert_eq!(state(&mut client), "idle");
        assert!(sealed.iter().all(|file| !file.exists()));

        // The server's own files are as if nothing had been.
        assert_eq!(info(&mut client, "persistence", "aof_enabled"), u64::from(appendonly == "yes"));
        if appendonly == "yes" {
            assert_eq!(client.run("DEBUG LOADAOF"), "+OK");
            assert_eq!(digest(&mut client), after);
        } else {
            assert!(!server.dir().join("appendonlydir").exists());
        }
    }
}

#[test]
fn a_restored_server_goes_on_with_its_own_files() {
    let server = start(&["--appendonly", "no"]);
    let mut client = server.connect();
    client.run("SET from backup");
    client.run("BACKUP START");
    until(&mut client, "incrementing");
    assert_eq!(client.run("BACKUP SEAL"), "+OK");
    let manifest = files(&mut client).pop().unwrap();

    let dir = fresh_dir();
    let own = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut other = Server::start_in(BINARY, dir, &[OPTIONS, &own].concat());
    other.connect().run("SET own 1");
    other.signal("TERM");
    other.wait();
    let preload = format!("aof:{}", manifest.display());
    let at = |server: &Server| {
        let to = fresh_dir();
        std::fs::create_dir_all(&to).unwrap();
        std::fs::rename(server.dir().join("appendonlydir"), to.join("appendonlydir")).unwrap();
        to
    };
    let mut restored = Server::start_in(
        BINARY,
        at(&other),
        &[OPTIONS, &own, &["--preload-file", &preload]].concat(),
    );
    let mut client = restored.connect();
    assert_eq!(client.run("GET own"), "nil", "what was preloaded takes its place");
    assert_eq!(client.run("GET from"), "\"backup\"");
    assert_eq!(client.run("SET after 1"), "+OK");
    restored.signal("KILL");
    restored.wait();
    let last = Server::start_in(BINARY, at(&restored), &[OPTIONS, &own].concat());
    assert_eq!(last.connect().run("MGET own from after"), "[nil \"backup\" \"1\"]");
}

#[test]
fn what_cannot_be_done_is_said() {
    let server = start(&["--backup-sealed-ttl", "1"]);
    let mut client = server.connect();
    assert!(
        client.run("BACKUP SEAL").starts_with("-ERR The backup can't be sealed: there is none")
    );
    assert_eq!(client.run("BACKUP ABORT"), "-ERR There is no backup in progress");
    std::fs::create_dir_all(server.dir().join("backupdir")).unwrap();
    std::fs::write(server.dir().join("backupdir/mine"), "x").unwrap();
    let reply = client.run("BACKUP START");
    assert!(reply.starts_with("-ERR The backup directory") && reply.ends_with("it is not empty"));
    std::fs::remove_file(server.dir().join("backupdir/mine")).unwrap();

    client.run("CONFIG SET rdb-key-save-delay 20000");
    (0..100).for_each(|n| drop(client.run(&format!("SET k{n} 1"))));
    assert_eq!(client.run("BACKUP START"), "+OK");
    until(&mut client, "snapshotting");
    assert!(client.run("BACKUP SEAL").ends_with("its base is not written yet"));
    assert!(client.run("BACKUP CLEANUP").starts_with("-ERR The backup is not sealed"));
    assert!(client.run("BACKUP START").starts_with("-ERR A backup is in progress"));
    assert_eq!(client.run("BACKUP ABORT"), "+OK");
    assert!(client.run("BACKUP STATUS").contains("\"failed\" \"error\" \"it was aborted\""));
    client.run("CONFIG SET rdb-key-save-delay 0");
    eventually("a new one begins", || client.run("BACKUP START") == "+OK");
    until(&mut client, "incrementing");
    assert_eq!(client.run("BACKUP SEAL"), "+OK");
    assert_eq!(files(&mut client).len(), 3);
    eventually("its time is over", || state(&mut client) == "idle");
    assert_eq!(std::fs::read_dir(server.dir().join("backupdir")).unwrap().count(), 0);
}

#[test]
fn turning_the_append_only_file_on_or_off_ends_a_backup() {
    for (from, to) in [("no", "yes"), ("yes", "no")] {
        let server = start(&["--appendonly", from]);
        let mut client = server.connect();
        client.run("SET k v");
        client.run("BACKUP START");
        until(&mut client, "incrementing");
        assert_eq!(client.run("CONFIG SET appendfsync always"), "+OK");
        assert_eq!(client.run("SET k w"), "+OK");
        assert_eq!(state(&mut client), "incrementing");
        client.call(&["CONFIG", "SET", "appendonly", to]);
        until(&mut client, "failed");
        assert_eq!(client.run("SET k x"), "+OK");
        assert_eq!(std::fs::read_dir(server.dir().join("backupdir")).unwrap().count(), 0);
    }
}

/// Pairs of counters, each pair in a transaction, grow while backups are sealed: whatever was
/// acknowledged before SEAL is there, and no pair is torn.
/// Ends those who write, whether the test passes or not.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_backup_under_load_is_one_moment() {
    for appendonly in ["no", "yes"] {
        let server = start(&["--appendonly", appendonly]);
        let mut client = server.connect();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _ends = Ends(&stop);
            for n in 0..4 {
                let (server, stop) = (&server, &stop);
                scope.spawn(move || {
                    let mut client = server.connect();
                    client.run(&format!("SELECT {n}"));
                    while !stop.load(Ordering::Relaxed) {
                        for line in ["MULTI", "INCR a", "INCR b", "EXEC"] {
                            client.run(line);
                        }
                    }
                });
            }
            for _ in 0..3 {
                assert_eq!(client.run("BACKUP START"), "+OK");
                until(&mut client, "incrementing");
                let counts = |client: &mut Client| {
                    let mut counts = Vec::new();
                    for db in 0..4 {
                        client.run(&format!("SELECT {db}"));
                        let pair = client.run("MGET a b");
                        let numbers: Vec<u64> =
                            pair.split('"').filter_map(|word| word.parse().ok()).collect();
                        assert!(numbers.is_empty() || numbers[0] == numbers[1], "torn: {pair}");
                        counts.push(numbers.first().copied().unwrap_or(0));
                    }
                    counts
                };
                let before = counts(&mut client);
                assert_eq!(client.run("BACKUP SEAL"), "+OK");
                let after = counts(&mut client);
                let restored = restore(&files(&mut client), &["--appendonly", "no"]);
                let there = counts(&mut restored.connect());
                for db in 0..4 {
                    assert!(
                        (before[db]..=after[db]).contains(&there[db]),
                        "{before:?} {there:?} {after:?}"
                    );
                }
                assert_eq!(client.run("BACKUP CLEANUP"), "+OK");
            }
        });
    }
}
