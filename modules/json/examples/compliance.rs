//! Runs the JSONPath Compliance Test Suite against this crate's paths.
//!
//! The suite (`cts.json` of jsonpath-standard/jsonpath-compliance-test-suite) is not part of the
//! project: `cargo run -p cairn-json --example compliance -- path/to/cts.json`.

use cairn_json::parse::parse;
use cairn_json::path::{Path, normalized};
use cairn_json::print::to_string;
use cairn_json::tree::View;
use serde_json::Value;

/// Nodes and their normalized paths, or why there are none.
fn run(test: &Value) -> Result<(Value, Value), String> {
    let selector = test["selector"].as_str().unwrap_or_default();
    let path = Path::parse(selector).map_err(|error| error.to_string())?;
    let text = test["document"].to_string();
    let document = parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let nodes = path.select(document.view()).map_err(|error| error.to_string())?;
    let texts: Vec<String> = nodes.into_iter().map(to_string).collect();
    let nodes = serde_json::from_str(&format!("[{}]", texts.join(","))).unwrap_or_default();
    let places = path.locate(document.view()).map_err(|error| error.to_string())?;
    let places: Vec<_> = places.iter().map(|at| normalized(document.view(), at)).collect();
    Ok((nodes, places.into()))
}

/// The suite lists one result, or several of which any is right.
fn agrees(test: &Value, one: &str, several: &str, got: &Value) -> bool {
    match (&test[one], &test[several]) {
        (Value::Null, Value::Array(any)) => any.contains(got),
        (Value::Null, _) => true,
        (only, _) => only == got,
    }
}

fn passes(test: &Value, outcome: &Result<(Value, Value), String>) -> bool {
    match outcome {
        Err(_) => test["invalid_selector"] == true,
        Ok(_) if test["invalid_selector"] == true => false,
        Ok((nodes, places)) => {
            agrees(test, "result", "results", nodes)
                && agrees(test, "result_paths", "results_paths", places)
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: compliance CTS_JSON")?;
    let suite: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let tests = suite["tests"].as_array().ok_or("no tests in the file")?;
    let mut passed = 0;
    for test in tests {
        let outcome = run(test);
        if passes(test, &outcome) {
            passed += 1;
        } else {
            println!("{} {}: {outcome:?}", test["name"], test["selector"]);
        }
    }
    println!("{passed} of {} passed", tests.len());
    Ok(())
}
