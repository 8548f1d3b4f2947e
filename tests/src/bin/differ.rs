//! Sends random commands to two servers and prints where their replies differ.

use std::process::ExitCode;

use cairn_tests::differ::coverage::{EXCLUDED, left_out, made};
use cairn_tests::differ::run::{Plan, run};
use cairn_tests::differ::wire::{Link, Wire};

const USAGE: &str = "usage: differ PORT_OF_MODEL PORT [--seed N] [--commands N] [--resp3] \
                     [--families a,b] [--show N] [--history N]\n       \
                     differ --coverage PORT_OF_MODEL";

/// Differences that are printed unless told otherwise.
const SHOWN: usize = 40;

/// Earlier commands that are printed with a difference unless told otherwise.
const HISTORY: usize = 12;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, port] = &words[..]
        && flag == "--coverage"
        && let Ok(port) = port.parse()
    {
        return report_coverage(port);
    }
    match read(words.into_iter()) {
        Some((plan, shown)) => report(&plan, shown),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Option<(Plan, usize)> {
    let ports = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
    let mut plan = Plan {
        ports,
        seed: 1,
        commands: 20_000,
        resp3: false,
        families: Vec::new(),
        history: HISTORY,
    };
    let mut shown = SHOWN;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => plan.seed = words.next()?.parse().ok()?,
            "--commands" => plan.commands = words.next()?.parse().ok()?,
            "--resp3" => plan.resp3 = true,
            "--families" => plan.families = words.next()?.split(',').map(str::to_owned).collect(),
            "--history" => plan.history = words.next()?.parse().ok()?,
            "--show" => shown = words.next()?.parse().ok()?,
            _ => return None,
        }
    }
    Some((plan, shown))
}

/// Prints which commands of a server are not compared.
fn report_coverage(port: u16) -> ExitCode {
    let names = match Link::open(port).and_then(|mut link| link.call(&["COMMAND", "LIST"])) {
        Ok(Wire::Many(_, names)) => names,
        Ok(other) => {
            eprintln!("differ: COMMAND LIST answers {other}");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("differ: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = |name: &Wire| match name {
        Wire::Text(_, name) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => None,
    };
    let names: Vec<String> = names.iter().filter_map(text).collect();
    let left = left_out(&names, &made(1));
    EXCLUDED.iter().for_each(|(name, why)| println!("not compared: {name}: {why}"));
    left.iter().for_each(|name| println!("left out: {name}"));
    if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(plan: &Plan, shown: usize) -> ExitCode {
    let outcome = match run(plan) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("differ: {error}");
            return ExitCode::FAILURE;
        }
    };
    outcome.differences.iter().take(shown).for_each(|difference| println!("{difference}"));
    for (why, times) in &outcome.explained {
        println!("{times} times meant: {why}");
    }
    for (name, times) in &outcome.missing {
        println!("{times} times missing: {name}");
    }
    let families: Vec<_> =
        outcome.same.iter().map(|(name, same)| format!("{name} {same}")).collect();
    println!("same by family: {}", families.join(", "));
    let same: usize = outcome.same.values().sum();
    println!("{same} same, {} differ", outcome.differences.len());
    if outcome.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
