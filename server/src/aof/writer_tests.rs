use super::*;
use crate::aof::output::FAIL_SYNC;
use crate::aof::{load, setup};
use crate::host::ServerHost;
use crate::log::{Level, Log};
use cairn_core::Engine;
use cairn_core::command::Step;
use cairn_core::config::Value;
use cairn_core::reply::Reply;
use cairn_core::session::Session;
use cairn_tests::process::fresh_dir;
use std::path::Path;
use std::task::Poll;

/// A server without sockets whose append-only file is in `dir`, synced before each reply.
fn server(dir: &Path) -> Arc<Server> {
    let engine = Arc::new(Engine::new(16, vec![], |_| ()));
    let server = Server::new(engine, Log::new(Level::Nothing), 1, None);
    server.engine.set_host(Box::new(ServerHost::new(&server)));
    let config = server.config();
    let name = dir.to_str().expect("a plain name").as_bytes();
    config.put(params::APPENDDIRNAME, Value::Text(name.into()));
    config.put(params::APPENDONLY, Value::Number(1));
    config.put(params::APPENDFSYNC, Value::Number(params::FSYNC_ALWAYS));
    config.put(params::AOF_USE_RDB_PREAMBLE, Value::Number(0));
    setup::open(&server, &|_| Err("no snapshots here".into()), false).expect("it opens");
    server
}

fn ask(server: &Server, line: &str) -> String {
    let engine = &server.engine;
    let worker = engine.worker();
    let mut session = Session::new(engine.next_session_id(), Box::new(()));
    session.authenticated = true;
    let mut reply = Reply::default();
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    loop {
        engine.begin_turn(&worker);
        let step = engine.call(&worker, &mut session, &words, &mut reply, Waker::noop());
        engine.end_turn(&worker);
        match step {
            Step::Again => {}
            Step::Parked => std::thread::yield_now(),
            _ => break,
        }
    }
    engine.retire(worker);
    String::from_utf8_lossy(reply.as_bytes()).trim_end().to_string()
}

/// Whether what was logged so far becomes durable.
fn durable(server: &Server) -> bool {
    let effects = &server.engine.effects;
    let end = effects.end();
    for _ in 0..6000 {
        match effects.poll_acknowledged(end, Waker::noop()) {
            Poll::Ready(result) => return result.is_ok(),
            Poll::Pending => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    panic!("it never became known");
}

#[test]
fn after_a_failed_sync_writes_are_refused_until_there_is_a_new_base() {
    let dir = fresh_dir();
    let first = server(&dir);
    assert_eq!(ask(&first, "SET a 1"), "+OK");
    assert!(durable(&first));
    FAIL_SYNC.store(true, Ordering::SeqCst);
    assert_eq!(ask(&first, "SET b 2"), "+OK");
    assert!(!durable(&first), "its reply never leaves");
    let refused = "-MISCONF Errors writing to the AOF file: a test says so";
    for line in ["SET c 3", "GET b"] {
        assert_eq!(ask(&first, line), refused, "{line}");
    }
    FAIL_SYNC.store(false, Ordering::SeqCst);
    while ask(&first, "SET c 3") == refused {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(durable(&first));
    assert_eq!(ask(&first, "GET b"), "$1\r\n2");
    first.aof.stop();

    let manifest = Manifest::read(&dir, "appendonly.aof").unwrap().unwrap();
    assert!(manifest.base.as_ref().is_some_and(|base| base.seq >= 2));
    assert_eq!(manifest.incrs.len(), 1);
    let engine = Arc::new(Engine::new(16, vec![], |_| ()));
    let log = Log::new(Level::Nothing);
    load::load(&engine, &log, &manifest, &|_| Err("no snapshots here".into())).unwrap();
    assert_eq!(engine.db_size(0), 3);
    std::fs::remove_dir_all(dir).unwrap();
}
