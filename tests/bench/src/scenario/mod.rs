//! Scenarios: questions that a plain load does not answer, each in a file of its own. Here stands
//! what they share.

pub mod collections;
pub mod hashtag;
pub mod idle;
pub mod memory;
mod probe;
pub mod search;
pub mod snapshot;
pub mod timeseries;

use std::io;
use std::time::Instant;

use crate::client::Client;
use crate::report::{median, nanos};
use crate::resp::Value;
use crate::target::Target;

/// What the scenarios return.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A blocking connection to each server.
fn connect_all(targets: &[Target]) -> io::Result<Vec<Client>> {
    targets.iter().map(Target::connect).collect()
}

/// Sends each of `queries` to all servers in turn, `rounds` times, and returns each server's
/// median latency in nanoseconds. An error reply ends the measurement.
fn interleaved(
    clients: &mut [Client],
    queries: &[Vec<String>],
    rounds: usize,
) -> Outcome<Vec<f64>> {
    let mut times = vec![Vec::new(); clients.len()];
    for _ in 0..rounds {
        for query in queries {
            for (client, list) in clients.iter_mut().zip(&mut times) {
                let begun = Instant::now();
                let reply = client.ask(query)?;
                list.push(nanos(begun.elapsed()));
                if let Value::Error(text) = reply {
                    return Err(format!("{}: {text}", query.join(" ")).into());
                }
            }
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// Splits a command line into words; only for commands whose arguments hold no spaces.
fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}
