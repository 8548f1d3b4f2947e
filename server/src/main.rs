//! `cairn-server`: the command line of redis-server, and `demo`.

use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::sync::Arc;

use cairn_core::config::command_line::{self, Action, CommandLine};
use cairn_core::module::Module;
use cairn_server::start::{self, ModuleChoice, Running};
use cairn_server::{aof, demo, persist, title, version};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "\
Usage: cairn-server [/path/to/redis.conf] [--option value ...] [-]
       cairn-server demo [--port PORT] [--exit]
       cairn-server check-rdb FILE
       cairn-server check-aof [--fix | --truncate-to-timestamp TIME] FILE
       cairn-server -v | --version
       cairn-server -h | --help

Options are the directives of the configuration file; - reads more of them from standard input.

Examples:
       cairn-server
       cairn-server /etc/cairn.conf --port 7777
       echo 'maxmemory 128mb' | cairn-server -
       cairn-server demo
";

fn main() -> ExitCode {
    let arguments: Vec<Vec<u8>> = std::env::args_os().skip(1).map(|a| a.into_vec()).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == b"demo" => demo(rest),
        Some((first, rest)) if first == b"check-rdb" => check_rdb(rest),
        Some((first, rest)) if first == b"check-aof" => check_aof(rest),
        _ => redis_server(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// What redis-server's command line can ask for.
fn redis_server(arguments: &[Vec<u8>]) -> Result<(), String> {
    match command_line::parse(arguments) {
        Action::Version => {
            println!("Cairn server v={} redis={}", version::CAIRN, version::REDIS);
            Ok(())
        }
        Action::Help => {
            print!("{USAGE}");
            Ok(())
        }
        Action::Run(line) => run(&line),
    }
}

fn demo(arguments: &[Vec<u8>]) -> Result<(), String> {
    let all: Vec<Arc<dyn Module>> = MODULES.iter().map(|choice| (choice.make)()).collect();
    demo::run(&demo::Options::parse(arguments)?, all)
}

fn check_rdb(arguments: &[Vec<u8>]) -> Result<(), String> {
    persist::check::run(arguments, MODULES.iter().map(|choice| (choice.make)()).collect())
}

fn check_aof(arguments: &[Vec<u8>]) -> Result<(), String> {
    aof::check::run(arguments, &mut std::io::stdin().lock())
}

/// All modules: adding one is a line here.
const MODULES: &[ModuleChoice] = &[
    ModuleChoice { name: "search", make: || cairn_search::module() },
    ModuleChoice { name: "json", make: || cairn_json::module() },
    ModuleChoice { name: "timeseries", make: || cairn_timeseries::module() },
];

fn run(line: &CommandLine) -> Result<(), String> {
    let (config, startup) = start::configure(line)?;
    // Before anything starts a thread: a fork takes only its own along.
    start::go_to_background(&config).map_err(|e| format!("daemonize: {e}"))?;
    title::claim(line.file.as_deref());
    let modules = start::modules(&config, MODULES)?;
    let running = Running::start(config, &startup, line.file.clone(), modules)?;
    start::write_pid_file(running.server.config()).map_err(|e| format!("pidfile: {e}"))?;
    running.serve()
}
