//! End-to-end tests: each starts the real binary on a free port and talks to it over sockets.
//!
//! `CAIRN_FULL=1` makes the random tests run at full length.

mod aof;
mod backup;
mod bad_input;
mod blocking;
mod clients;
mod config;
mod connections;
mod crash;
mod eviction;
mod linearizable;
mod migrate;
mod moving;
mod observe;
mod pool;
mod pubsub;
mod random;
mod run;
mod slow_readers;
mod snapshot;
mod tracking;
mod transactions;
mod versions;

use cairn_tests::client::Client;
use cairn_tests::process::Server;

/// The binary that cargo built for these tests.
const BINARY: &str = env!("CARGO_BIN_EXE_cairn-server");

/// A server with two I/O threads at least, whatever the machine, so that threads meet.
fn server(options: &[&str]) -> Server {
    Server::start(BINARY, &[options, &["--io-threads", "3"]].concat())
}

/// A connection of a client library.
fn library(server: &Server) -> redis::Connection {
    let client = redis::Client::open(server.url()).expect("a valid address");
    client.get_connection().expect("the server accepts")
}

/// Whether the long form of random tests is asked for.
fn full() -> bool {
    std::env::var_os("CAIRN_FULL").is_some_and(|value| value != "0")
}

/// Waits until `condition` holds, for what takes effect a little after its command.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if condition() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("never happened: {what}");
}

/// The value of a line of INFO.
fn info(client: &mut Client, section: &str, field: &str) -> u64 {
    let text = client.call(&["INFO", section]).text();
    let line = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    let value = line.unwrap_or_else(|| panic!("no line {field} in:\n{text}"));
    value.trim().parse().unwrap_or_else(|_| panic!("{field} is {value}"))
}

/// Whether the server has a command.
fn has(client: &mut Client, command: &str) -> bool {
    client.run(&format!("COMMAND INFO {command}")) != "[nil]"
}
