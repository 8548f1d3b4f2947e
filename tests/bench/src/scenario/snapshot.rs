//! `cairn-bench snapshot`: what BGSAVE costs those who read and write meanwhile. Writes come in an
//! open loop at a fixed rate, a probe reads beside them, first without a snapshot and then until
//! one has ended; the server's resident memory is looked at all along.

use std::time::{Duration, Instant};

use super::Outcome;
use super::probe::while_probing;
use crate::args::Args;
use crate::client::Client;
use crate::generator::{self, Generator, Pace, Until};
use crate::report::{Table, count, ratio, time};
use crate::target::{self, Target};
use crate::workload::Workload;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
snapshot: latency and resident memory while BGSAVE runs under writes in an open loop
  --shape NAME        keys, hashtag (keys of one slot) or zset (one sorted set) [keys]
  --keys N            keys or members [6000000]    --size N       bytes a value or member [256]
  --rate N            writes a second [50000]      --conns N      writing connections [50]
  --seconds S         of load before the snapshot [5]";

/// How often the snapshot's end and the memory are looked at.
const SLICE: Duration = Duration::from_millis(200);

/// Commands of a shape: what fills it, what is written and what is read.
fn commands(shape: &str) -> Option<[&'static str; 3]> {
    Some(match shape {
        "keys" => ["SET key:__seq__ __data__", "SET key:__rand__ __data__", "GET key:__rand__"],
        "hashtag" => ["SET {t}:__seq__ __data__", "SET {t}:__rand__ __data__", "GET {t}:__rand__"],
        "zset" => [
            "ZADD z __seq__ __seq____data__",
            "ZADD z __rand__ __rand____data__",
            "ZSCORE z __rand____data__",
        ],
        _ => return None,
    })
}

/// A stretch of load.
#[derive(Default)]
struct Stretch {
    writes: generator::Outcome,
    reads: generator::Outcome,
    seconds: f64,
    /// The most resident bytes seen.
    resident: u64,
}

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let own = ["shape", "keys", "size", "rate", "conns", "seconds"];
    let valued: Vec<&str> = own.into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let (keys, size) = (args.value("keys", 6_000_000)?, args.value("size", 256)?);
    let (rate, conns) = (args.value("rate", 50_000.0)?, args.value("conns", 50)?);
    let shape: String = args.value("shape", "keys".to_string())?;
    let lines = commands(&shape).ok_or("--shape is keys, hashtag or zset")?;
    let [fill, write, read] = lines.map(|line| Workload::parse(line, keys, size));
    let (fill, write, read) = (fill?, write?, read?);
    let seconds = Duration::from_secs_f64(args.value("seconds", 5.0)?);
    let mut table = Table::new(&[
        "server",
        "",
        "seconds",
        "writes/s",
        "write p99.9",
        "slowest",
        "read p99.9",
        "slowest",
        "resident",
        "ratio",
    ]);
    for target in &mut Target::from_args(&args)? {
        target.refresh()?;
        let mut writer = Generator::connect(target.addr, conns, 1)?;
        writer.run(&fill, Pace::Closed { pipeline: 64 }, Until::Requests(keys))?;
        let begun = Instant::now();
        let mut load = |over: &mut dyn FnMut() -> Outcome<bool>| {
            under_load(target, &mut writer, (&write, &read), rate, over)
        };
        let before = load(&mut || Ok(begun.elapsed() >= seconds))?;
        let mut client = target.connect()?;
        client.run("BGSAVE")?;
        let during = load(&mut || Ok(!is_saving(&mut client)?))?;
        for (what, stretch) in [("before", &before), ("BGSAVE", &during)] {
            table.row([
                target.name.clone(),
                what.to_string(),
                format!("{:.1}", stretch.seconds),
                count(stretch.writes.requests as f64 / stretch.seconds),
                time(stretch.writes.latency.quantile(0.999) as f64),
                time(stretch.writes.latency.max() as f64),
                time(stretch.reads.latency.quantile(0.999) as f64),
                time(stretch.reads.latency.max() as f64),
                format!("{:.0} MB", stretch.resident as f64 / 1e6),
                ratio(stretch.resident as f64, before.resident as f64),
            ]);
        }
        target.stop();
    }
    println!("{} of shape {shape}, {size} bytes each", count(keys as f64));
    table.print();
    Ok(())
}

/// Writes at a rate and reads beside it, until `over` says so.
fn under_load(
    target: &Target,
    writer: &mut Generator,
    (write, read): (&Workload, &Workload),
    rate: f64,
    over: &mut dyn FnMut() -> Outcome<bool>,
) -> Outcome<Stretch> {
    let begun = Instant::now();
    let mut resident = 0;
    let (writes, reads) = while_probing(target, read, || {
        let mut writes = generator::Outcome::default();
        while !over()? {
            writes.merge(&writer.run(write, Pace::Open { rate }, Until::Elapsed(SLICE))?);
            resident = resident.max(target.resident().unwrap_or(0));
        }
        Ok(writes)
    })?;
    Ok(Stretch { writes, reads, seconds: begun.elapsed().as_secs_f64(), resident })
}

fn is_saving(client: &mut Client) -> Outcome<bool> {
    Ok(client.run("INFO persistence")?.text().contains("rdb_bgsave_in_progress:1"))
}
