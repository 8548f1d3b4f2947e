//! `cairn-bench idle`: what thousands of silent connections cost a server in memory and CPU, and
//! whether the one that speaks notices them.

use std::time::{Duration, Instant};
use std::{io, thread};

use super::Outcome;
use crate::args::Args;
use crate::client::Client;
use crate::histogram::Histogram;
use crate::report::{Table, count, nanos, time};
use crate::sys;
use crate::target::{self, Target};

/// PINGs of the one connection that speaks.
const PINGS: usize = 2000;
/// Descriptors for everything but the idle connections, ours or those of a server that inherits the
/// limit.
const SPARE_FILES: u64 = 256;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
idle: thousands of silent connections (mind the server's maxclients and both limits on open files)
  --conns N           connections [20000]          --seconds S    to watch them [3]";

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let valued: Vec<&str> = ["conns", "seconds"].into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let conns: usize = args.value("conns", 20_000)?;
    let watch = Duration::from_secs_f64(args.value("seconds", 3.0)?);
    let wanted = conns as u64 + SPARE_FILES;
    let limit = sys::raise_open_files(wanted)?;
    if limit < wanted {
        return Err(format!("the limit on open files is {limit}; raise it with ulimit -n").into());
    }
    let mut table = Table::new(&[
        "server",
        "connections/s",
        "resident bytes/connection",
        "CPU while idle",
        "PING p50",
        "PING p99.9",
    ]);
    for target in &mut Target::from_args(&args)? {
        table.row(measure(target, conns, watch)?);
        target.stop();
    }
    println!("{} idle connections", count(conns as f64));
    table.print();
    Ok(())
}

fn measure(target: &Target, conns: usize, watch: Duration) -> Outcome<Vec<String>> {
    let before = target.resident().unwrap_or(0);
    let begun = Instant::now();
    let idle = (0..conns).map(|_| spoken_once(target)).collect::<io::Result<Vec<_>>>()?;
    let rate = conns as f64 / begun.elapsed().as_secs_f64();
    let grown = target.resident().unwrap_or(0).saturating_sub(before);
    let cpu = target.cpu_time();
    thread::sleep(watch);
    let used = target.cpu_time().zip(cpu).map(|(after, before)| after - before);
    let share = used.map(|used| used.as_secs_f64() / watch.as_secs_f64() * 100.0);
    let pings = ping(target)?;
    drop(idle);
    Ok(vec![
        target.name.clone(),
        count(rate),
        count(grown as f64 / conns as f64),
        share.map_or("–".into(), |share| format!("{share:.1} %")),
        time(pings.quantile(0.5) as f64),
        time(pings.quantile(0.999) as f64),
    ])
}

/// A connection that has had its first command, so that its buffers have existed.
fn spoken_once(target: &Target) -> io::Result<Client> {
    let mut client = target.connect()?;
    client.run("PING")?;
    client.forget_buffers();
    Ok(client)
}

fn ping(target: &Target) -> io::Result<Histogram> {
    let (mut client, mut histogram) = (target.connect()?, Histogram::default());
    for _ in 0..PINGS {
        let begun = Instant::now();
        client.run("PING")?;
        histogram.record(nanos(begun.elapsed()) as u64, 1);
    }
    Ok(histogram)
}
