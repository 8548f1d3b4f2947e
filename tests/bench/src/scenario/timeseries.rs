//! `cairn-bench timeseries`: ingest by TS.MADD, bytes a sample, and a few range queries, on values
//! that compress (a random walk with two decimals) and on values that do not (uniform noise).

use std::time::Instant;

use super::{Outcome, connect_all, interleaved, words};
use crate::args::Args;
use crate::client::Client;
use crate::report::{Table, count, median, ratio, time};
use crate::rng::Rng;
use crate::target::{self, Target};

/// Timestamp of the first sample, in milliseconds: an arbitrary recent midnight.
const EPOCH: u64 = 1_700_000_000_000;
/// Milliseconds between two samples of a series.
const STEP: u64 = 1000;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
timeseries: samples by TS.MADD (one of each series a command), bytes a sample, range queries
  --samples N         in all [1000000]             --series N     [100]
  --rounds N          ingest rounds, and repetitions of each query [3]";

#[derive(Clone, Copy)]
enum Values {
    Walk,
    Noise,
}

impl Values {
    fn describe(self) -> &'static str {
        match self {
            Self::Walk => "random walk with two decimals",
            Self::Noise => "noise of full precision",
        }
    }
}

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let own = ["samples", "series", "rounds"];
    let valued: Vec<&str> = own.into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &[])?;
    let (samples, series) = (args.value("samples", 1_000_000u64)?, args.value("series", 100u64)?);
    let rounds = args.value("rounds", 3usize)?.max(1);
    let mut targets = Target::from_args(&args)?;
    for values in [Values::Walk, Values::Noise] {
        println!("{} samples, {series} series, {}", count(samples as f64), values.describe());
        ingest(&mut targets, values, samples / series, series, rounds)?;
        queries(&targets, samples / series, rounds)?;
    }
    Ok(())
}

fn ingest(
    targets: &mut [Target],
    values: Values,
    length: u64,
    series: u64,
    rounds: usize,
) -> Outcome {
    let mut rates = vec![Vec::new(); targets.len()];
    let mut bytes = vec![0.0; targets.len()];
    for _ in 0..rounds {
        for (index, target) in targets.iter_mut().enumerate() {
            let (rate, size) = fill(target, values, length, series)?;
            rates[index].push(rate);
            bytes[index] = size;
        }
    }
    let base = (median(rates[0].iter().copied()), bytes[0]);
    let mut table = Table::new(&["server", "samples/s", "ratio", "bytes/sample", "ratio"]);
    for (target, (rates, &size)) in targets.iter().zip(rates.iter().zip(&bytes)) {
        let rate = median(rates.iter().copied());
        table.row([
            target.name.clone(),
            count(rate),
            ratio(rate, base.0),
            format!("{size:.2}"),
            ratio(size, base.1),
        ]);
    }
    table.print();
    Ok(())
}

/// Fills an empty server; samples a second, and bytes a sample by `used_memory`.
fn fill(target: &mut Target, values: Values, length: u64, series: u64) -> Outcome<(f64, f64)> {
    target.refresh()?;
    let mut client = target.connect()?;
    // Taken before the series exist: an empty series has its first chunk already.
    let before = target.used_memory()?;
    for id in 0..series {
        client.run(&format!("TS.CREATE ts:{id} LABELS sensor {id} room {}", id % 10))?;
    }
    let seconds = send(&mut client, values, length, series)?;
    let grown = target.used_memory()?.saturating_sub(before) as f64;
    let total = (length * series) as f64;
    Ok((total / seconds, grown / total))
}

fn send(client: &mut Client, values: Values, length: u64, series: u64) -> Outcome<f64> {
    let mut rng = Rng::new(11);
    let mut levels = vec![10_000i64; series as usize];
    let mut spent = 0.0;
    for index in 0..length {
        let mut command = vec!["TS.MADD".to_owned()];
        for (id, level) in levels.iter_mut().enumerate() {
            *level += rng.below(21) as i64 - 10;
            let value = match values {
                Values::Walk => format!("{:.2}", *level as f64 / 100.0),
                Values::Noise => rng.unit().to_string(),
            };
            command.extend([format!("ts:{id}"), (EPOCH + index * STEP).to_string(), value]);
        }
        let begun = Instant::now();
        client.queue(&command)?;
        spent += begun.elapsed().as_secs_f64();
    }
    let begun = Instant::now();
    client.settle()?;
    Ok(spent + begun.elapsed().as_secs_f64())
}

fn queries(targets: &[Target], length: u64, rounds: usize) -> Outcome {
    let (first, last) = (EPOCH, EPOCH + length * STEP);
    let recent = last - 60 * STEP;
    let classes = [
        ("all of one series", format!("TS.RANGE ts:7 {first} {last}")),
        ("average a minute", format!("TS.RANGE ts:7 {first} {last} AGGREGATION avg 60000")),
        ("last minute", format!("TS.RANGE ts:7 {recent} {last}")),
        (
            "ten series, maximum a minute",
            format!("TS.MRANGE {first} {last} AGGREGATION max 60000 FILTER room=3"),
        ),
        ("latest of ten", "TS.MGET FILTER room=3".to_owned()),
    ];
    let mut clients = connect_all(targets)?;
    let mut table = Table::new(&["query", "server", "p50", "ratio"]);
    for (name, line) in classes {
        let times = interleaved(&mut clients, &[words(&line)], rounds * 10)?;
        for (target, &p50) in targets.iter().zip(&times) {
            table.row([name.into(), target.name.clone(), time(p50), ratio(p50, times[0])]);
        }
    }
    table.print();
    Ok(())
}
