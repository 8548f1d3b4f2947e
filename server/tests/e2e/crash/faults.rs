//! Disks that fill up, and break: errors reach the client, nothing acknowledged is lost, and the
//! server recovers when the disk does.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cairn_tests::client::Client;
use cairn_tests::faults::{EIO, ENOSPC, Faults};
use cairn_tests::process::{Server, fresh_dir};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::check::{Found, Promise};
use super::load::{Load, Told};
use super::{Announce, Series, copy, crash, fill, seed};
use crate::{BINARY, eventually, full, info};

/// A server with an append-only file, or with snapshots only, whose files can be made to fail.
fn start(fsync: Option<&'static str>, faults: &Faults) -> Server {
    let series = Series { fsync, power_cut: true, longest: 0, rounds: (0, 0) };
    let server = Server::start_with(BINARY, fresh_dir(), &series.options(), &faults.environment());
    fill(&mut server.connect());
    server
}

/// Random choices, whose seed is shown if the test fails.
fn chance() -> StdRng {
    let seed = seed();
    println!("CAIRN_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Starts a server on what is left, and checks that all that was told is there.
fn check(left: PathBuf, fsync: &'static str, told: &Told) {
    let series = Series { fsync: Some(fsync), power_cut: false, longest: 0, rounds: (0, 0) };
    let server = Server::start_in(BINARY, left, &series.options());
    let found = Found::read(&mut server.connect(), "x");
    found.check(told, Promise::All, Instant::now());
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// What a command is answered, on a connection of its own: the server may close it unanswered when
/// its disk fails meanwhile.
fn ask(server: &Server, line: &str) -> Option<String> {
    let mut client = server.connect();
    client.try_send_raw(format!("{line}\r\n").as_bytes()).ok()?;
    client.try_read().ok().map(|reply| reply.to_string())
}

fn write(server: &Server) -> Option<String> {
    ask(server, "SET probe 1")
}

/// Waits until writes are refused, and returns with what.
fn refused(server: &Server) -> String {
    let mut answer = None;
    eventually("writes are refused", || {
        answer = write(server).filter(|text| text.starts_with('-'));
        answer.is_some()
    });
    answer.unwrap_or_default()
}

fn accepted(server: &Server) {
    eventually("writes are accepted again", || write(server).as_deref() == Some("+OK"));
}

/// The text of a line of INFO.
fn status(client: &mut Client, field: &str) -> String {
    let text = client.call(&["INFO", "persistence"]).text();
    let line = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no line {field}")).trim().to_string()
}

/// Waits until all that was acknowledged is on disk: with `always` it is.
fn settle(server: &Server, fsync: &str) {
    let mut client = server.connect();
    eventually("all is written", || info(&mut client, "persistence", "aof_buffer_length") == 0);
    if fsync != "always" {
        pause(2500);
    }
}

/// Has `call` fail on increments for a while, under load, and returns what was told until the end
/// of that.
fn trouble(server: &Server, faults: &Faults, fsync: &'static str, call: &str, errno: i32) -> Told {
    let load = Load::new(server.port(), "x", true);
    let (told, ()) = load.run(|| {
        pause(100);
        faults.fail(call, errno, "incr");
        let text = if errno == ENOSPC { "No space left on device" } else { "Input/output error" };
        let expected = format!("-MISCONF Errors writing to the AOF file: {text}");
        assert_eq!(refused(server), expected);
        let mut client = server.connect();
        assert_eq!(status(&mut client, "aof_last_write_status"), "err");
        let read = client.run("GET key:1");
        // With `always` it might show what a crash would undo.
        assert_eq!(read == expected, fsync == "always", "{read}");
        pause(300);
        faults.heal();
        accepted(server);
        pause(200);
        let mut client = server.connect();
        assert_eq!(status(&mut client, "aof_last_write_status"), "ok");
    });
    told
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    for fsync in ["always", "everysec", "no"] {
        let faults = Faults::default();
        let server = start(Some(fsync), &faults);
        let told = trouble(&server, &faults, fsync, "write", ENOSPC);
        settle(&server, fsync);
        // Nothing is synced with `no`.
        let mut cut = Some(faults).filter(|_| fsync != "no");
        let (left, _) = crash(server, &mut cut, &mut chance());
        check(left, fsync, &told);
    }
}

#[test]
fn a_failed_sync_refuses_writes_until_there_is_a_new_base() {
    for fsync in ["always", "everysec"] {
        let faults = Faults::default();
        let server = start(Some(fsync), &faults);
        let told = trouble(&server, &faults, fsync, "sync", EIO);
        let log = server.log();
        assert!(log.contains("A new base is needed"), "{log}");
        settle(&server, fsync);
        let (left, _) = crash(server, &mut Some(faults), &mut chance());
        check(left, fsync, &told);
    }
}

#[test]
fn one_failed_sync_is_not_forgotten() {
    let faults = Faults::default();
    let server = start(Some("always"), &faults);
    let load = Load::new(server.port(), "x", true);
    let (told, (left, _)) = load.run(|| {
        pause(100);
        faults.fail_once("sync", EIO, "incr", 0);
        eventually("it fails", || faults.failed() > 0);
        accepted(&server);
        assert!(server.dir().join("appendonlydir/appendonly.aof.2.base.rdb").exists());
        pause(100);
        crash(server, &mut Some(faults), &mut chance())
    });
    check(left, "always", &told);
}

/// Whatever of a rewrite fails, the files before go on, and a later one succeeds.
#[test]
fn a_rewrite_that_fails_changes_nothing() {
    let faults = Faults::default();
    let server = start(Some("always"), &faults);
    let mut client = server.connect();
    let load = Load::new(server.port(), "x", false);
    let (told, (left, _)) = load.run(|| {
        let places = [
            "write temp-",
            "sync temp-",
            "open temp-",
            "rename base",
            "write manifest",
            "sync manifest",
        ];
        for place in places.iter().chain(&["rename manifest", "open incr"]) {
            let (call, part) = place.split_once(' ').unwrap();
            faults.fail(call, ENOSPC, part);
            let before = faults.failed();
            client.run("BGREWRITEAOF");
            eventually("it fails", || status(&mut client, "aof_last_bgrewrite_status") == "err");
            assert!(faults.failed() > before, "{place}");
            faults.heal();
            client.run("BGREWRITEAOF");
            eventually("it succeeds", || status(&mut client, "aof_last_bgrewrite_status") == "ok");
        }
        crash(server, &mut Some(faults), &mut chance())
    });
    check(left, "always", &told);
}

#[test]
fn a_snapshot_that_fails_leaves_the_last_and_has_writes_refused() {
    let faults = Faults::default();
    let server = start(None, &faults);
    let mut client = server.connect();
    // Save points are what has writes refused, as in Redis.
    assert_eq!(client.call(&["CONFIG", "SET", "save", "3600 100000"]).to_string(), "+OK");
    let bgsave = |client: &mut Client, wanted: &str| {
        client.run("BGSAVE");
        eventually("it ends", || info(client, "persistence", "rdb_bgsave_in_progress") == 0);
        assert_eq!(status(client, "rdb_last_bgsave_status"), wanted);
    };
    bgsave(&mut client, "ok");
    let dump = server.dir().join("dump.rdb");
    let first = std::fs::read(&dump).unwrap();
    assert_eq!(client.run("SET new 1"), "+OK");
    for call in ["write", "sync", "open", "rename"] {
        let part = if call == "rename" { "dump.rdb" } else { "temp-" };
        faults.fail(call, ENOSPC, part);
        bgsave(&mut client, "err");
        assert_eq!(std::fs::read(&dump).unwrap(), first, "{call}");
        let names = std::fs::read_dir(server.dir()).unwrap().count();
        assert_eq!(names, 1, "nothing is left lying about");
        let refused = client.run("SET other 1");
        assert!(refused.starts_with("-MISCONF Redis is configured to save RDB"), "{refused}");
        assert_eq!(client.run("GET new"), "\"1\"");
        faults.heal();
        assert!(client.run("SAVE").starts_with("+OK"));
        bgsave(&mut client, "ok");
        assert_eq!(client.run("SET other 1"), "+OK");
        bgsave(&mut client, "ok");
        std::fs::write(&dump, &first).unwrap();
    }
}

/// Whether the new name of a file is on disk is not known after such a failure: each in turn of a
/// rewrite's, which are the manifest at the cut, the base, and the manifests with the base and
/// without what came before.
#[test]
fn a_directory_that_cannot_be_synced_is_a_failed_sync() {
    let (seed, repeats) = (seed(), if full() { 20 } else { 3 });
    for round in 0..4 * repeats {
        let _announce = Announce(seed, round);
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
        let faults = Faults::default();
        let server = start(Some("always"), &faults);
        let load = Load::new(server.port(), "x", true);
        let (told, (left, _)) = load.run(|| {
            pause(30);
            faults.fail_once("sync", EIO, "dir$", round % 4);
            ask(&server, "BGREWRITEAOF");
            eventually("it fails", || faults.failed() > 0);
            pause(rng.random_range(0..200));
            crash(server, &mut Some(faults), &mut rng)
        });
        check(left, "always", &told);
    }
}

/// A server that ends by itself leaves nothing behind, however it syncs.
#[test]
fn the_power_may_go_after_a_shutdown() {
    for fsync in ["always", "everysec", "no"] {
        let faults = Faults::new(1000);
        let mut server = start(Some(fsync), &faults);
        let load = Load::new(server.port(), "x", true);
        let (told, (left, _)) = load.run(|| {
            pause(200);
            server.connect().run("BGREWRITEAOF");
            pause(100);
            server.signal("TERM");
            server.wait();
            crash(server, &mut Some(faults), &mut chance())
        });
        check(left, fsync, &told);
    }
}

/// A rewrite syncs files of its own, and beside a slow disk that takes long: replies do not leave
/// early for it.
#[test]
fn a_kill_beside_a_rewrite_on_a_slow_disk_loses_nothing() {
    let (seed, rounds) = (seed(), if full() { 40 } else { 4 });
    for round in 0..rounds {
        let _announce = Announce(seed, round);
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
        let faults = Faults::new(200_000);
        let server = start(Some("no"), &faults);
        let load = Load::new(server.port(), "x", true);
        let (told, (left, _)) = load.run(|| {
            pause(30);
            ask(&server, "BGREWRITEAOF");
            pause(rng.random_range(0..600));
            crash(server, &mut None, &mut rng)
        });
        check(left, "no", &told);
    }
}

/// Anything fails at any time, and then the power goes.
#[test]
fn random_faults_lose_nothing_with_always() {
    let seed = seed();
    let rounds = if full() { 100 } else { 3 };
    let mut failed = 0;
    for round in 0..rounds {
        let _announce = Announce(seed, round);
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
        let faults = Faults::new(rng.random_range(0..2000));
        let server = start(Some("always"), &faults);
        let load = Load::new(server.port(), "x", true);
        let (told, (left, _)) = load.run(|| {
            for _ in 0..rng.random_range(1..6) {
                pause(rng.random_range(5..150));
                let call = ["write", "sync", "rename", "open"][rng.random_range(0..4)];
                let part =
                    ["a", "incr", "base", "temp", "manifest", "dir$"][rng.random_range(0..6)];
                match rng.random_bool(0.5) {
                    true => faults.fail_once(call, EIO, part, rng.random_range(0..4)),
                    false => faults.fail(call, EIO, part),
                }
                pause(rng.random_range(1..100));
                // While nothing can be written the answer is an error.
                let command = ["BGREWRITEAOF", "BGSAVE", "PING"][rng.random_range(0..3)];
                ask(&server, command);
                pause(rng.random_range(1..300));
                faults.heal();
            }
            if rng.random_bool(0.5) {
                accepted(&server);
                pause(rng.random_range(1..200));
            }
            failed += faults.failed();
            crash(server, &mut Some(faults), &mut rng)
        });
        check(left, "always", &told);
    }
    println!("{rounds} rounds, {failed} calls failed");
}

/// A file system of 8 MiB, where mounting one is allowed.
struct Small(PathBuf);

impl Small {
    fn mount() -> Option<Self> {
        let dir = fresh_dir();
        let mount = ["-t", "tmpfs", "-o", "size=8m", "cairn-test"];
        let done = Command::new("mount").args(mount).arg(&dir).output();
        done.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the server may still be there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// With a file system that is really full; where none can be mounted, that is not tested.
#[test]
fn a_file_system_that_fills_up() {
    let Some(small) = Small::mount() else { return };
    for fsync in ["always", "everysec", "no"] {
        let dir = small.0.join(fsync);
        std::fs::create_dir(&dir).unwrap();
        let series = Series { fsync: Some(fsync), power_cut: false, longest: 0, rounds: (0, 0) };
        let server = Server::start_in(BINARY, dir.clone(), &series.options());
        let load = Load::new(server.port(), "x", true);
        let ballast = small.0.join("ballast");
        let (told, ()) = load.run(|| {
            pause(50);
            // As much as there is room for.
            let _ = std::fs::write(&ballast, vec![1; 16 << 20]);
            let text = refused(&server);
            assert_eq!(text, "-MISCONF Errors writing to the AOF file: No space left on device");
            pause(200);
            std::fs::remove_file(&ballast).unwrap();
            accepted(&server);
        });
        let mut client = server.connect();
        eventually("all is written", || info(&mut client, "persistence", "aof_buffer_length") == 0);
        // What the writer has not yet taken from the effects log is not in that buffer.
        pause(1000);
        let left = fresh_dir();
        let dir = server.crash();
        copy(&dir, &left);
        std::fs::remove_dir_all(dir).unwrap();
        check(left, fsync, &told);
    }
}
