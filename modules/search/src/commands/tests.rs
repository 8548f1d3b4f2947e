//! What the commands log: replayed elsewhere, it leaves the same keys and indexes.

use std::sync::Arc;
use std::task::Waker;

use cairn_core::Engine;
use cairn_core::command::Step;
use cairn_core::effects::Reader;
use cairn_core::engine::Worker;
use cairn_core::reply::Reply;
use cairn_core::session::Session;

struct Client {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
    log: Reader,
}

impl Client {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(16, vec![crate::module()], |_| ()));
        engine.modules.start(&engine);
        engine.effects.set_active(true);
        let log = engine.effects.reader(false);
        let worker = engine.worker();
        let session = Session::new(engine.next_session_id(), Box::new(()));
        Self { engine, worker, session, log }
    }

    fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = Reply::default();
        loop {
            self.engine.begin_turn(&self.worker);
            let session = &mut self.session;
            match self.engine.call(&self.worker, session, &words, &mut reply, Waker::noop()) {
                Step::Done => break,
                Step::Offload(job) => {
                    reply.raw(&job());
                    break;
                }
                // The scan of an index may hold a shard for a moment.
                _ => std::thread::yield_now(),
            }
        }
        self.engine.end_turn(&self.worker);
        String::from_utf8_lossy(reply.as_bytes()).replace("\r\n", " ").trim_end().to_owned()
    }

    /// The commands logged since the last call, SELECT left out.
    fn logged(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        self.log.read(usize::MAX, &mut bytes).expect("the ring is large enough");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words =
            |part: &str| part.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ");
        let commands = text.split("\r\n*").map(|part| words(part.trim_start_matches('*')));
        let commands = commands.map(|line| line.trim_end().to_owned());
        commands.filter(|line| !line.is_empty() && !line.starts_with("SELECT")).collect()
    }
}

#[test]
fn definitions_are_replayed() {
    let mut client = Client::new();
    let create = "FT.CREATE i PREFIX 1 d: SCHEMA t TEXT n NUMERIC SORTABLE";
    for line in ["HSET d:1 t hello n 1", "HSET other t hello", create, "FT.CREATE j SCHEMA x TAG"] {
        assert!(!client.run(line).starts_with('-'), "{line}");
    }
    assert!(client.run(create).starts_with('-'));
    assert_eq!(client.run("FT.DROPINDEX j"), "+OK");
    assert!(client.run("FT.DROPINDEX j").starts_with('-'));
    let log = client.logged();
    assert_eq!(log[2..], [create, "FT.CREATE j SCHEMA x TAG", "FT.DROPINDEX j"]);
    let mut copy = Client::new();
    log.iter().for_each(|line| drop(copy.run(line)));
    assert_eq!(copy.run("FT._LIST"), client.run("FT._LIST"));
}

#[test]
fn deleted_documents_are_logged_with_their_index() {
    let mut client = Client::new();
    client.run("FT.CREATE i PREFIX 1 d: SCHEMA t TEXT");
    for line in ["HSET d:1 t a1", "HSET d:2 t a2", "HSET other t a"] {
        client.run(line);
    }
    let mut copy = Client::new();
    client.logged().iter().for_each(|line| drop(copy.run(line)));
    assert_eq!(client.run("FT.DROPINDEX i DD"), "+OK");
    let log = client.logged();
    let mut sorted = log.clone();
    sorted.sort();
    assert_eq!(log[0], "FT.DROPINDEX i");
    assert_eq!(sorted, ["DEL d:1", "DEL d:2", "FT.DROPINDEX i"]);
    log.iter().for_each(|line| drop(copy.run(line)));
    for line in ["FT._LIST", "EXISTS d:1 d:2 other"] {
        assert_eq!(copy.run(line), client.run(line), "{line}");
    }
}
