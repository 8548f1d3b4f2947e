//! `cairn-bench load`: workloads against servers, interleaved round by round, with ratios against
//! the first server.

use std::error::Error;
use std::thread;
use std::time::Duration;

use crate::args::Args;
use crate::generator::{Generator, Outcome, Pace, Until};
use crate::report::{Table, count, median, nanos, ratio, time};
use crate::sys;
use crate::target::{self, Target};
use crate::workload::Workload;

/// Time each server is loaded before a round's measurement begins.
const WARM_UP: Duration = Duration::from_millis(200);

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
load: one or more workloads against one or more servers (each workload starts with FLUSHALL)
  --workload LIST     set get setget mixed … or a template such as 'SET k:__rand__ __data__' [set,get]
  --keys N            different keys [100000]      --size N       bytes a value [32]
  --conns N           connections [50]             --threads N    generator threads [1]
  --pipeline LIST     commands in flight on each connection [1,16]
  --rate LIST         open loop: commands a second in all; latency from the intended instant
  --seconds S         a round's measurement [2]    --requests N   end a round after N commands
  --rounds N          rounds over all servers [5]  --cpu N        pin the generator to processor N
  --seed N            of the random keys [1]       --keep         no FLUSHALL, no filling";

struct Plan {
    keys: u64,
    size: usize,
    conns: usize,
    threads: usize,
    until: Until,
    rounds: usize,
    seed: u64,
    keep: bool,
    cpu: Option<usize>,
}

/// One server's figures in one round.
struct Sample {
    throughput: f64,
    quantiles: [f64; 3],
    /// Nanoseconds of server CPU a command; 0 when unknown.
    server_cpu: f64,
    generator_cpu: f64,
    errors: u64,
}

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Result<(), Box<dyn Error>> {
    let own = "workload keys size conns threads pipeline rate seconds requests rounds cpu seed";
    let valued: Vec<&str> = own.split(' ').chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &["keep"])?;
    let plan = Plan::from_args(&args)?;
    if let Some(cpu) = plan.cpu {
        sys::pin(0, cpu)?;
    }
    let mut targets = Target::from_args(&args)?;
    for name in names(args.get("workload").unwrap_or("set,get")) {
        let workload = Workload::parse(name, plan.keys, plan.size)?;
        for pace in paces(&args)? {
            plan.compare(&mut targets, &workload, pace)?;
        }
    }
    Ok(())
}

/// Names are separated by commas; what has a space is one template, which may contain commas.
fn names(text: &str) -> Vec<&str> {
    if text.contains(' ') { vec![text] } else { text.split(',').collect() }
}

fn paces(args: &Args) -> Result<Vec<Pace>, String> {
    if args.has("rate") {
        let rates = args.list("rate", "")?;
        return Ok(rates.into_iter().map(|rate| Pace::Open { rate }).collect());
    }
    let depths = args.list("pipeline", "1,16")?;
    Ok(depths.into_iter().map(|depth: usize| Pace::Closed { pipeline: depth.max(1) }).collect())
}

impl Plan {
    fn from_args(args: &Args) -> Result<Self, String> {
        let until = match args.optional("requests")? {
            Some(requests) => Until::Requests(requests),
            None => Until::Elapsed(Duration::from_secs_f64(args.value("seconds", 2.0)?)),
        };
        let conns = args.value("conns", 50usize)?.max(1);
        Ok(Self {
            keys: args.value("keys", 100_000)?,
            size: args.value("size", 32)?,
            conns,
            threads: args.value("threads", 1usize)?.clamp(1, conns),
            until,
            rounds: args.value("rounds", 5usize)?.max(1),
            seed: args.value("seed", 1)?,
            keep: args.has("keep"),
            cpu: args.optional("cpu")?,
        })
    }

    fn compare(
        &self,
        targets: &mut [Target],
        workload: &Workload,
        pace: Pace,
    ) -> Result<(), Box<dyn Error>> {
        for target in targets.iter_mut().filter(|_| !self.keep) {
            prepare(target, workload)?;
        }
        let mut samples: Vec<Vec<Sample>> = targets.iter().map(|_| Vec::new()).collect();
        for round in 0..self.rounds {
            for (target, list) in targets.iter().zip(&mut samples) {
                list.push(self.measure(target, workload, pace, round as u64)?);
            }
        }
        self.print(targets, workload, pace, &samples);
        Ok(())
    }

    fn measure(
        &self,
        target: &Target,
        workload: &Workload,
        pace: Pace,
        round: u64,
    ) -> Result<Sample, Box<dyn Error>> {
        let mut generators = Vec::new();
        for index in 0..self.threads {
            let conns = self.conns / self.threads + usize::from(index < self.conns % self.threads);
            let seed = self.seed ^ (round << 8) ^ index as u64;
            generators.push(Generator::connect(target.addr, conns, seed)?);
        }
        run_all(&mut generators, workload, pace, Until::Elapsed(WARM_UP))?;
        let before = target.cpu_time();
        let outcome = run_all(&mut generators, workload, pace, self.until)?;
        let used = target.cpu_time().zip(before).map(|(after, before)| after - before);
        Ok(Sample::new(&outcome, used))
    }

    fn print(&self, targets: &[Target], workload: &Workload, pace: Pace, rows: &[Vec<Sample>]) {
        let pace = match pace {
            Pace::Closed { pipeline } => format!("pipeline {pipeline}"),
            Pace::Open { rate } => format!("open loop at {}/s", count(rate)),
        };
        println!(
            "{}: {pace}, {} connections, {} keys, {}-byte values, median of {} rounds",
            workload.name,
            self.conns,
            count(self.keys as f64),
            self.size,
            self.rounds
        );
        let mut table = Table::new(&[
            "server",
            "commands/s",
            "ratio",
            "CPU/command",
            "ratio",
            "p50",
            "p99",
            "p99.9",
            "ratio of p99",
            "generator CPU",
            "errors",
        ]);
        for (target, list) in targets.iter().zip(rows) {
            table.row(cells(&target.name, list, &rows[0]));
        }
        table.print();
    }
}

fn prepare(target: &mut Target, workload: &Workload) -> Result<(), Box<dyn Error>> {
    let mut client = target.connect()?;
    client.run("FLUSHALL")?;
    for command in workload.fill() {
        client.queue_raw(&command)?;
    }
    Ok(client.settle()?)
}

/// Runs a phase on all generators, each on a thread of its own (they inherit the affinity).
fn run_all(
    generators: &mut [Generator],
    workload: &Workload,
    pace: Pace,
    until: Until,
) -> Result<Outcome, Box<dyn Error>> {
    let share = generators.len() as u64;
    let pace = match pace {
        Pace::Open { rate } => Pace::Open { rate: rate / share as f64 },
        closed @ Pace::Closed { .. } => closed,
    };
    let until = match until {
        Until::Requests(requests) => Until::Requests(requests.div_ceil(share)),
        elapsed @ Until::Elapsed(_) => elapsed,
    };
    let mut sum = Outcome::default();
    thread::scope(|scope| {
        let start = |g| scope.spawn(move || Generator::run(g, workload, pace, until));
        let running: Vec<_> = generators.iter_mut().map(start).collect();
        for thread in running {
            sum.merge(&thread.join().map_err(|_| "a generator panicked")??);
        }
        Ok(sum)
    })
}

impl Sample {
    fn new(outcome: &Outcome, server_cpu: Option<Duration>) -> Self {
        let requests = outcome.requests.max(1) as f64;
        Self {
            throughput: requests / outcome.elapsed.as_secs_f64(),
            quantiles: [0.5, 0.99, 0.999].map(|q| outcome.latency.quantile(q) as f64),
            server_cpu: server_cpu.map_or(0.0, |used| nanos(used) / requests),
            generator_cpu: nanos(outcome.cpu) / requests,
            errors: outcome.errors,
        }
    }
}

/// A row of medians; ratios are medians of each round's ratio, so that a slow spell of the machine
/// that covers a round weighs on both sides.
fn cells(name: &str, list: &[Sample], base: &[Sample]) -> Vec<String> {
    let mid = |f: fn(&Sample) -> f64| median(list.iter().map(f));
    let rel = |f: fn(&Sample) -> f64| {
        ratio(median(list.iter().zip(base).map(|(mine, first)| f(mine) / f(first))), 1.0)
    };
    let server_cpu = mid(|s| s.server_cpu);
    vec![
        name.to_owned(),
        count(mid(|s| s.throughput)),
        rel(|s| s.throughput),
        if server_cpu > 0.0 { time(server_cpu) } else { "–".into() },
        rel(|s| s.server_cpu),
        time(mid(|s| s.quantiles[0])),
        time(mid(|s| s.quantiles[1])),
        time(mid(|s| s.quantiles[2])),
        rel(|s| s.quantiles[1]),
        time(mid(|s| s.generator_cpu)),
        list.iter().map(|s| s.errors).sum::<u64>().to_string(),
    ]
}
