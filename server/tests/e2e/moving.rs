//! Connections that move between I/O threads while they are used.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cairn_tests::client::Client;
use cairn_tests::process::Server;

use crate::{BINARY, eventually, info};

/// A server whose connections stand where the test says.
fn still(threads: &str) -> Server {
    let options = ["--io-threads", threads, "--io-threads-adaptive", "no"];
    Server::start(BINARY, &[&options[..], &["--enable-debug-command", "yes"]].concat())
}

fn gather(client: &mut Client, threads: usize) {
    assert_eq!(client.run(&format!("DEBUG IO-THREADS {threads}")), "+OK");
}

/// The thread that serves a connection, as it says itself.
fn seat(client: &mut Client) -> String {
    let info = client.run("CLIENT INFO");
    info.split(' ')
        .find_map(|field| field.strip_prefix("io-thread="))
        .expect("a thread")
        .to_string()
}

/// Has the connection do something, so that it moves, and says where it is then.
fn settled(client: &mut Client) -> String {
    seat(client);
    seat(client)
}

#[test]
fn connections_gather_and_spread() {
    let server = still("4");
    let mut admin = server.connect();
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    let seats = |clients: &mut [Client]| {
        let mut seats: Vec<String> = clients.iter_mut().map(settled).collect();
        seats.sort();
        seats.join("")
    };
    assert_eq!(seats(&mut clients), "00112233");
    gather(&mut admin, 1);
    assert_eq!(seats(&mut clients), "00000000");
    assert!(admin.run("INFO threads").contains("io_thread_3:clients=0"));
    gather(&mut admin, 3);
    assert_eq!(seats(&mut clients), "00001122");
    gather(&mut admin, 4);
    assert_eq!(seats(&mut clients), "00112233");
}

#[test]
fn what_a_connection_has_goes_with_it() {
    let server = still("2");
    let mut admin = server.connect();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        let id = client.run("CLIENT ID");
        assert_eq!(client.run("SELECT 3"), "+OK");
        assert_eq!(client.run("CLIENT SETNAME mover"), "+OK");
        assert_eq!(client.run("WATCH w"), "+OK");
        gather(&mut admin, 1);
        settled(client);
        assert_eq!(client.run("CLIENT ID"), id);
        assert_eq!(client.run("CLIENT GETNAME"), "\"mover\"");
        assert_eq!(client.run("SET k 1"), "+OK");
        assert_eq!(client.run("MULTI"), "+OK");
        assert_eq!(client.run("GET k"), "+QUEUED");
        gather(&mut admin, 2);
        assert_eq!(client.run("GET k"), "+QUEUED");
        assert_eq!(admin.run("SELECT 3"), "+OK");
        assert_eq!(client.run("EXEC"), "[\"1\" \"1\"]");
    }
}

#[test]
fn letters_find_who_has_moved() {
    let server = still("4");
    let mut admin = server.connect();
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    gather(&mut admin, 1);
    clients.iter_mut().for_each(|client| assert_eq!(settled(client), "0"));
    for client in &mut clients {
        client.run("SUBSCRIBE news");
    }
    assert_eq!(admin.run("PUBLISH news one"), ":8");
    // Subscribers stay where they are, and the order of what they get with them.
    gather(&mut admin, 4);
    assert_eq!(admin.run("PUBLISH news two"), ":8");
    for client in &mut clients {
        assert!(client.shown().contains("one"));
        assert!(client.shown().contains("two"));
    }
    let mut blocked: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    gather(&mut admin, 2);
    for (i, client) in blocked.iter_mut().enumerate() {
        settled(client);
        client.send_line(&format!("BLPOP list:{i} 0"));
    }
    eventually("all wait", || admin.run("INFO clients").contains("blocked_clients:8"));
    gather(&mut admin, 1);
    for (i, client) in blocked.iter_mut().enumerate() {
        assert_eq!(admin.run(&format!("RPUSH list:{i} x")), ":1");
        assert_eq!(client.shown(), format!("[\"list:{i}\" \"x\"]"));
    }
    assert_eq!(admin.run("CLIENT KILL TYPE normal SKIPME yes"), ":8");
    assert!(blocked.iter_mut().all(Client::is_closed));
    assert_eq!(admin.run("CLIENT KILL TYPE pubsub"), ":8");
    assert!(clients.iter_mut().all(Client::is_closed));
}

/// What the server has open.
fn open_files(server: &Server) -> Vec<String> {
    let dir = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("its descriptors");
    let links = dir.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    links.map(|link| link.display().to_string()).collect()
}

fn sockets(server: &Server) -> usize {
    open_files(server).iter().filter(|link| link.starts_with("socket:")).count()
}

/// Clients count while their connections move.
fn count_while_they_move(server: &Server, key: &str) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|i| {
                let mut client = server.connect();
                scope.spawn(move || {
                    for n in 1..=ROUNDS {
                        client.send_line(&format!("INCR {key}:{i}"));
                        client.send_line(&format!("INCR {key}"));
                        assert_eq!(client.shown(), format!(":{n}"));
                        assert!(client.shown().starts_with(':'));
                    }
                })
            })
            .collect();
        let flips = scope.spawn(|| {
            let mut admin = server.connect();
            for n in (0..).map(|n| [1, 3, 2, 4, 1, 4][n % 6]) {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                gather(&mut admin, n);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
        done.store(true, Ordering::Relaxed);
        flips.join().expect("the one who moves them");
    });
}

const CLIENTS: i64 = 6;
const ROUNDS: i64 = 1000;

#[test]
fn every_command_runs_once_while_connections_move() {
    let server = still("4");
    let mut admin = server.connect();
    let mut open = Vec::new();
    for key in ["a", "b", "c"] {
        count_while_they_move(&server, key);
        assert_eq!(admin.run(&format!("GET {key}")), format!("\"{}\"", CLIENTS * ROUNDS));
        eventually("they have gone", || info(&mut admin, "clients", "connected_clients") == 1);
        // A socket is closed a moment after its client has gone.
        std::thread::sleep(Duration::from_millis(50));
        open.push(sockets(&server));
    }
    assert!(open[2] <= open[0], "sockets are left behind: {open:?}");
}
