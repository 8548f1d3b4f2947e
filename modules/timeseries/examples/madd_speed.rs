//! How long TS.MADD takes a sample, from words to reply, without a network.
//! `cargo run --release --example madd_speed`

use std::task::Waker;
use std::time::Instant;

use cairn_core::command::Step;
use cairn_core::engine::Engine;
use cairn_core::reply::Reply;
use cairn_core::session::Session;

const SERIES: usize = 100;
const ROUNDS: usize = 10_000;

fn main() {
    let engine = Engine::new(1, vec![cairn_timeseries::module()], |_| ());
    let worker = engine.worker();
    let mut session = Session::new(engine.next_session_id(), Box::new(()));
    let mut reply = Reply::default();
    let mut call = |words: &[&[u8]]| {
        reply.truncate(0);
        engine.begin_turn(&worker);
        let waker = Waker::noop();
        while let Step::Again = engine.call(&worker, &mut session, words, &mut reply, waker) {}
        engine.end_turn(&worker);
    };
    let keys: Vec<String> = (0..SERIES).map(|i| format!("key{i:03}")).collect();
    for key in &keys {
        call(&[b"TS.CREATE", key.as_bytes(), b"LABELS", b"x", b"1"]);
    }
    let values: Vec<String> = (0..1000).map(|i| format!("{}.{}", 20 + i % 17, i % 10)).collect();
    let mut spent = std::time::Duration::ZERO;
    for round in 0..ROUNDS {
        let ts = (1_700_000_000_000 + round * 1000).to_string();
        let mut words: Vec<&[u8]> = vec![b"TS.MADD"];
        for (i, key) in keys.iter().enumerate() {
            words.extend([key.as_bytes(), ts.as_bytes(), values[(round + i) % 1000].as_bytes()]);
        }
        let start = Instant::now();
        call(&words);
        spent += start.elapsed();
    }
    println!("{:.0} ns a sample", spent.as_nanos() as f64 / (SERIES * ROUNDS) as f64);
}
