//! `cairn-server`.

use std::process::ExitCode;
use std::sync::Arc;

use cairn_core::Engine;
use cairn_server::log::{Level, Log};
use cairn_server::net::{listener, thread};
use cairn_server::server::Server;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let port = std::env::args()
        .skip_while(|a| a != "--port")
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(6379);
    let threads = std::env::args()
        .skip_while(|a| a != "--threads")
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(2);
    let engine = Arc::new(Engine::new(16, Vec::new(), |_| ()));
    engine.effects.resize(1 << 20);
    engine.effects.set_active(true);
    let server = Server::new(engine, Log::new(Level::Notice), threads);
    for (i, mailbox) in server.threads.iter().enumerate() {
        thread::start(Arc::clone(&server), i, Arc::clone(mailbox)).unwrap();
    }
    let l = listener::tcp("127.0.0.1".parse().unwrap(), port, 511).unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(listener::accept_tcp(server, l)).unwrap();
    ExitCode::SUCCESS
}
