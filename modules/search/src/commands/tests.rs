//! What the commands log: replayed elsewhere, it leaves the same keys and indexes.

use std::sync::Arc;
use std::task::Waker;

use cairn_core::Engine;
use cairn_core::command::{Step, run_job};
use cairn_core::effects::Reader;
use cairn_core::engine::Worker;
use cairn_core::reply::Reply;
use cairn_core::session::Session;

struct Client {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
    log: Reader,
    /// Jobs so far.
    jobs: usize,
}

impl Client {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(16, vec![crate::module()], |_| ()));
        engine.modules.start(&engine);
        let log = engine.effects.reader(false);
        let worker = engine.worker();
        let session = Session::new(engine.next_session_id(), Box::new(()));
        Self { engine, worker, session, log, jobs: 0 }
    }

    fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = Reply::default();
        let mut job = None;
        loop {
            self.engine.begin_turn(&self.worker);
            let (engine, worker, session) = (&self.engine, &self.worker, &mut self.session);
            let (reply, waker) = (&mut reply, Waker::noop());
            let step = match job.take().map(run_job) {
                None => engine.call(worker, session, &words, reply, waker),
                Some(ended) => engine.finish_job(worker, session, &words, reply, ended, waker),
            };
            match step {
                Step::Done => break,
                Step::Offload(next) => {
                    self.jobs += 1;
                    job = Some(next);
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

#[test]
fn long_queries_are_jobs() {
    let mut client = Client::new();
    client.run("FT.CREATE i PREFIX 1 d: SCHEMA t TEXT");
    for n in 0..4000 {
        client.run(&format!("HSET d:{n} t word{n}"));
    }
    // (query, how its reply begins, whether it is a job)
    for (query, reply, job) in [
        ("word7", "*3 :1 $3 d:7 *2 $1 t $5 word7", false),
        ("* LIMIT 0 0", "*1 :4000", false),
        ("word*9* NOCONTENT", "*1 :0", false),
        ("%word77% LIMIT 0 0", "*1 :46", true),
        ("-nothing LIMIT 0 0 SCORER DOCSCORE", "*1 :4000", false),
        ("-word1 LIMIT 0 1 NOCONTENT", "*2 :3999 ", false),
        ("-word1 LIMIT 0 2000 NOCONTENT", "*2001 :3999 ", true),
    ] {
        let before = client.jobs;
        assert!(client.run(&format!("FT.SEARCH i {query}")).starts_with(reply), "{query}");
        assert_eq!(client.jobs > before, job, "{query}");
    }
}

#[test]
fn dead_documents_are_collected_by_and_by() {
    let mut client = Client::new();
    client.run("FT.CREATE idx SCHEMA t TEXT g TAG n NUMERIC");
    for round in 0..3 {
        for doc in 0..500 {
            client.run(&format!("HSET d:{doc} t word{round} g tag{round} n {doc}"));
        }
    }
    let module = client.engine.modules.get::<crate::SearchModule>().expect("the module");
    let index = module.catalog.find(0, b"idx").expect("the index");
    let begun = std::time::Instant::now();
    while index.index.info().records > 500 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let info = index.index.info();
    assert_eq!((info.docs, info.records), (500, 500));
    let count = |reply: String| reply.split(' ').next().map(str::to_owned);
    let mut total = |query: &str| count(client.run(&format!("FT.SEARCH idx {query} NOCONTENT")));
    assert_eq!(total("word2").as_deref(), Some("*11"));
    assert_eq!(total("word1").as_deref(), Some("*1"));
    assert_eq!(total("@g:{tag0}").as_deref(), Some("*1"));
}
