//! `cairn-bench hashtag`: millions of keys under one hash tag, so that one slot's table has to
//! grow through every size, while a second connection watches for stalls.

use super::Outcome;
use super::probe::while_probing;
use crate::args::Args;
use crate::generator::{self, Generator, Pace, Until};
use crate::report::{Table, count, ratio, time};
use crate::target::{self, Target};
use crate::workload::Workload;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
hashtag: keys under one hash tag, and the slowest command meanwhile
  --keys N            keys [10000000]              --size N       bytes a value [8]
  --conns N           loading connections [4]      --pipeline N   of each [16]";

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let own = ["keys", "size", "conns", "pipeline"];
    let valued: Vec<&str> = own.into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let (keys, size) = (args.value("keys", 10_000_000)?, args.value("size", 8)?);
    let (conns, pipeline) = (args.value("conns", 4)?, args.value("pipeline", 16)?);
    let load = Workload::parse("SET {tag}:__seq__ __data__", keys, size)?;
    let mut table = Table::new(&[
        "server",
        "keys/s",
        "ratio",
        "slowest loading",
        "probe p50",
        "probe p99.9",
        "slowest probe",
        "ratio",
    ]);
    let mut base = None;
    for target in &mut Target::from_args(&args)? {
        target.refresh()?;
        let (filled, probed) = load_and_probe(target, &load, keys, conns, pipeline)?;
        let rate = filled.requests as f64 / filled.elapsed.as_secs_f64();
        let slowest = probed.latency.max() as f64;
        let (base_rate, base_slowest) = *base.get_or_insert((rate, slowest));
        table.row([
            target.name.clone(),
            count(rate),
            ratio(rate, base_rate),
            time(filled.latency.max() as f64),
            time(probed.latency.quantile(0.5) as f64),
            time(probed.latency.quantile(0.999) as f64),
            time(slowest),
            ratio(slowest, base_slowest),
        ]);
        target.stop();
    }
    println!("{} keys under one hash tag, {size}-byte values", count(keys as f64));
    table.print();
    Ok(())
}

fn load_and_probe(
    target: &Target,
    load: &Workload,
    keys: u64,
    conns: usize,
    pipeline: usize,
) -> Outcome<(generator::Outcome, generator::Outcome)> {
    let mut loader = Generator::connect(target.addr, conns, 1)?;
    let probe = Workload::parse("SET {tag}:probe 1", 1, 1)?;
    while_probing(target, &probe, || {
        Ok(loader.run(load, Pace::Closed { pipeline }, Until::Requests(keys))?)
    })
}
