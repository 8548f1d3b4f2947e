//! What a command costs between the parsed request and the reply's bytes: SET, GET, LPUSH and RPOP
//! of random keys through the dispatcher, alone and on two threads at once. Quotes thread CPU time.
//!
//!     cargo run --release -p cairn-core --example commands -- 100000

use std::sync::{Arc, Barrier};
use std::task::Waker;

use cairn_core::Engine;
use cairn_core::command::Step;
use cairn_core::keyspace::Place;
use cairn_core::reply::Reply;
use cairn_core::session::Session;
use smallvec::SmallVec;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Commands that arrive together.
const PIPELINE: usize = 16;
const ROUNDS: usize = 5;
const COMMANDS: usize = 1 << 19;

fn main() {
    let keys = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let engine = Arc::new(Engine::new(16, Vec::new(), |_| ()));
    let _reader = std::env::var_os("NO_EFFECTS").is_none().then(|| engine.effects.reader(false));
    engine.effects.resize(1 << 20);
    println!("{keys} keys, 32-byte values, {PIPELINE} commands together; ns a command");
    for threads in [1, 2] {
        for name in ["SET", "GET", "LPUSH", "RPOP"] {
            let best = (0..ROUNDS).map(|_| round(&engine, threads, name, keys)).min();
            println!("{name} on {threads} threads: {}", best.unwrap_or(0));
        }
    }
}

fn round(engine: &Arc<Engine>, threads: usize, name: &'static str, keys: u64) -> u64 {
    let barrier = Arc::new(Barrier::new(threads));
    let work = |seed| {
        let (engine, barrier) = (Arc::clone(engine), Arc::clone(&barrier));
        std::thread::spawn(move || {
            let prefix = if name.ends_with("ET") { b"key:" } else { b"lst:" };
            let keys = keys_of(prefix, keys, seed);
            barrier.wait();
            let start = cpu_nanos();
            run(&engine, name, &keys);
            (cpu_nanos() - start) / COMMANDS as u64
        })
    };
    let handles: Vec<_> = (0..threads).map(|i| work(i as u64 + 1)).collect();
    handles.into_iter().map(|h| h.join().unwrap_or(0)).max().unwrap_or(0)
}

/// Processor time of the calling thread, as Linux counts it.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Random keys.
fn keys_of(prefix: &[u8; 4], keys: u64, seed: u64) -> Vec<[u8; 16]> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let key = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(prefix);
        let digits = format!("{:012}", state % keys);
        bytes[4..].copy_from_slice(digits.as_bytes());
        bytes
    };
    (0..COMMANDS).map(key).collect()
}

fn run(engine: &Engine, name: &str, keys: &[[u8; 16]]) {
    let worker = engine.worker();
    let mut session = Session::new(engine.next_session_id(), Box::new(()));
    let mut reply = Reply::default();
    let words = if matches!(name, "GET" | "RPOP") { 2 } else { 3 };
    for batch in keys.chunks(PIPELINE) {
        engine.begin_turn(&worker);
        let ahead: SmallVec<[Place; PIPELINE]> =
            batch.iter().map(|key| engine.keyspace.place(key)).collect();
        engine.warm(&worker, 0, &ahead);
        for key in batch {
            let args: [&[u8]; 3] = [name.as_bytes(), key, &[b'v'; 32]];
            let args = &args[..words];
            while !matches!(
                engine.call(&worker, &mut session, args, &mut reply, Waker::noop()),
                Step::Done
            ) {}
        }
        reply.truncate(0);
        engine.end_turn(&worker);
    }
    engine.retire(worker);
}
