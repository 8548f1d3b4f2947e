//! `cairn-bench collections`: what a large collection costs: bytes an element, the slowest command
//! while it grows, and the slowest while it is freed.

use std::thread::sleep;
use std::time::Duration;

use super::probe::while_probing;
use super::{Outcome, words};
use crate::args::Args;
use crate::generator::{self, Generator, Pace, Until};
use crate::report::{Table, count, ratio, time};
use crate::target::{self, Target};
use crate::workload::Workload;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
collections: bytes an element, and stalls while a collection grows and is freed
  --elements N        in one set, sorted set and hash; a fifth as many compact hashes [1000000]";

/// What is filled: its name, the command that adds to it, how many of `--elements` it
/// stands for, and the command that frees it.
const KINDS: &[(&str, &str, u64, &str)] = &[
    ("set, 14-byte members", "SADD c m:__seq__", 1, "DEL c"),
    ("sorted set, 14-byte members", "ZADD c __seq__ m:__seq__", 1, "DEL c"),
    ("hash, 14-byte fields", "HSET c m:__seq__ value", 1, "DEL c"),
    (
        "hashes of 10 fields",
        "HSET h:__seq__ f0 v0 f1 v1 f2 v2 f3 v3 f4 v4 f5 v5 f6 v6 f7 v7 f8 v8 f9 v9",
        5,
        "FLUSHALL",
    ),
];

/// Time that the probe goes on after a collection was freed, for work left to the background.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let valued: Vec<&str> = ["elements"].into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let elements: u64 = args.value("elements", 1_000_000)?;
    let mut targets = Target::from_args(&args)?;
    for &(name, fill, share, free) in KINDS {
        let number = elements / share;
        println!("{name}: {}", count(number as f64));
        let mut table = Table::new(&[
            "server",
            "bytes each",
            "ratio",
            "slowest insertion",
            "p99.9 while growing",
            "slowest while growing",
            "p99.9 while freed",
            "slowest while freed",
        ]);
        let fill = Workload::parse(fill, number, 8)?;
        let mut base = None;
        for target in &mut targets {
            let row = measure(target, &fill, number, free)?;
            let base = *base.get_or_insert(row.bytes);
            table.row([
                target.name.clone(),
                format!("{:.1}", row.bytes),
                ratio(row.bytes, base),
                time(row.growing.0.latency.max() as f64),
                time(row.growing.1.latency.quantile(0.999) as f64),
                time(row.growing.1.latency.max() as f64),
                time(row.freed.latency.quantile(0.999) as f64),
                time(row.freed.latency.max() as f64),
            ]);
            target.stop();
        }
        table.print();
    }
    Ok(())
}

struct Row {
    bytes: f64,
    /// The insertions, and the probe meanwhile.
    growing: (generator::Outcome, generator::Outcome),
    /// The probe while the collection was freed.
    freed: generator::Outcome,
}

fn measure(target: &mut Target, fill: &Workload, number: u64, free: &str) -> Outcome<Row> {
    target.refresh()?;
    let before = target.used_memory()?;
    let mut loader = Generator::connect(target.addr, 4, 1)?;
    let probe = Workload::parse("PING", 1, 1)?;
    let pace = Pace::Closed { pipeline: 16 };
    let growing =
        while_probing(target, &probe, || Ok(loader.run(fill, pace, Until::Requests(number))?))?;
    drop(loader);
    let bytes = target.used_memory()?.saturating_sub(before) as f64 / number as f64;
    let mut client = target.connect()?;
    let (_, freed) = while_probing(target, &probe, || {
        client.ask(&words(free))?;
        sleep(AFTERMATH);
        Ok(())
    })?;
    Ok(Row { bytes, growing, freed })
}
