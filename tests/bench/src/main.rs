//! `cairn-bench`: measures RESP servers side by side and prints ratios. This file only picks the
//! subcommand; each has a file of its own.

mod args;
mod client;
mod generator;
mod histogram;
mod load;
mod procfs;
mod report;
mod resp;
mod rng;
mod scenario;
mod sys;
mod target;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use scenario::{collections, hashtag, idle, memory, search, snapshot, timeseries};

const SERVERS: &str = "\
Servers, in any number; ratios are against the first:
  --server NAME=HOST:PORT[:PID]      one that runs already (the pid is found by its port)
  --start 'NAME=COMMAND … {port}'    one to start on a free port, and to stop at the end
  --server-cpu N                     pin the servers to processor N";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match dispatch(&command, words.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cairn-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, words: Vec<String>) -> Result<(), Box<dyn Error>> {
    match command {
        "load" => load::run(words),
        "memory" => memory::run(words),
        "collections" => collections::run(words),
        "hashtag" => hashtag::run(words),
        "search" => search::run(words),
        "timeseries" => timeseries::run(words),
        "idle" => idle::run(words),
        "snapshot" => snapshot::run(words),
        "" | "help" | "--help" | "-h" => {
            help();
            Ok(())
        }
        other => Err(format!("no subcommand '{other}'; see cairn-bench help").into()),
    }
}

fn help() {
    println!("Usage: cairn-bench SUBCOMMAND [options]\n\n{SERVERS}");
    let texts = [
        load::HELP,
        memory::HELP,
        collections::HELP,
        hashtag::HELP,
        search::HELP,
        timeseries::HELP,
        idle::HELP,
        snapshot::HELP,
    ];
    for text in texts {
        println!("\n{text}");
    }
    println!("\nBuilt-in workloads: {}", workload::Workload::names());
}
