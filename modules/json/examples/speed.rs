//! Prints what parsing, printing and looking up cost on a document of about 1 KB, in nanoseconds.
//!
//! For orientation while working on this crate (`cargo run --release -p cairn-json --example
//! speed`); the project's benchmarks compare whole servers.

use cairn_json::parse::parse;
use cairn_json::path::{Path, cached};
use cairn_json::print::to_string;
use cairn_json::tree::View;
use std::hint::black_box;
use std::time::Instant;

/// Runs of each case.
const RUNS: u32 = 20_000;

fn time<R>(name: &str, mut run: impl FnMut() -> R) {
    let start = Instant::now();
    (0..RUNS).for_each(|_| drop(black_box(run())));
    println!("{name:<34} {:>8} ns", start.elapsed().as_nanos() / u128::from(RUNS));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let line = r#"{"sku":"A-1234567","color":"amber","price":29.99,"qty":3,"taxed":true}"#;
    let lines = [line; 12].join(",");
    let text = format!(r#"{{"id":1,"customer":{{"name":{{"first":"Ada"}}}},"lines":[{lines}]}}"#);
    let document = parse(text.as_bytes())?;
    println!("document of {} bytes, {} in memory", text.len(), document.memory());
    time("parse", || parse(text.as_bytes()));
    time("parse with serde_json", || serde_json::from_str::<serde_json::Value>(&text));
    time("print", || to_string(document.view()));
    time("clone", || document.clone());
    time("path text to cached path", || cached("$.customer.name.first"));
    let paths =
        ["$.customer.name.first", "$.lines[*].sku", "$..price", "$.lines[?(@.price<20)].sku"];
    for text in paths {
        let path = Path::parse(text)?;
        time(&format!("parse path {text}"), || Path::parse(text));
        time(text, || path.select(document.view()));
    }
    Ok(())
}
