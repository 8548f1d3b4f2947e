//! Prints what the request reader costs: nanoseconds a command, for pipelines of SET and GET.
//!
//! `cargo run --release -p cairn-server --example reader_bench`

use cairn_server::resp::{Limits, RequestReader};
use std::hint::black_box;
use std::time::Instant;

const PIPELINE: usize = 64;
const ROUNDS: usize = 200_000;

fn encode(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn measure(name: &str, args: &[&[u8]]) {
    let bytes = encode(args).repeat(PIPELINE);
    let limits = Limits::default();
    let mut reader = RequestReader::new();
    let mut seen = 0usize;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        reader.push(black_box(&bytes));
        while reader.next(&limits) == Ok(true) {
            seen += black_box(reader.args().len());
            reader.consume();
        }
    }
    let each = begun.elapsed().as_nanos() as f64 / (ROUNDS * PIPELINE) as f64;
    assert_eq!(seen, args.len() * ROUNDS * PIPELINE);
    println!("{name:<24} {each:6.1} ns a command");
}

fn main() {
    measure("PING", &[b"PING"]);
    measure("GET key:0123456789ab", &[b"GET", b"key:0123456789ab"]);
    measure("SET key 32 bytes", &[b"SET", b"key:0123456789ab", &[b'x'; 32]]);
    let fields = [&b"field"[..]; 18];
    measure("HSET 18 arguments", &fields);
}
