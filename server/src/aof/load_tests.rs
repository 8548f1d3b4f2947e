use super::*;
use crate::aof::manifest::Part;
use crate::log::Level;
use cairn_core::effects::encode;
use cairn_tests::process::fresh_dir;
use proptest::prelude::*;

/// A directory with the increments of a test, which goes with it.
struct Files {
    manifest: Manifest,
    engine: Arc<Engine>,
}

impl Files {
    fn new(incrs: &[&[u8]]) -> Self {
        let mut manifest = Manifest::new(fresh_dir(), "a");
        for bytes in incrs {
            let part = manifest.next_incr();
            std::fs::write(manifest.file(&part), bytes).unwrap();
            manifest.incrs.push(part);
        }
        Self { manifest, engine: Arc::new(Engine::new(16, vec![], |_| ())) }
    }

    fn load(&self) -> Result<u64, LoadError> {
        let log = Log::new(Level::Nothing);
        load(&self.engine, &log, &self.manifest, &|_| Err("no snapshots here".into()))
    }

    fn set(&self, name: &str, value: &str) {
        self.engine.config.set(&[(name.as_bytes(), value.as_bytes())], true).unwrap();
    }

    /// Runs a command and answers its reply.
    fn ask(&self, line: &str) -> String {
        let worker = self.engine.worker();
        let mut session = Session::new(self.engine.next_session_id(), Box::new(()));
        let mut reply = Reply::default();
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.engine.begin_turn(&worker);
        loop {
            let (session, reply) = (&mut session, &mut reply);
            match self.engine.call(&worker, session, &words, reply, Waker::noop()) {
                Step::Again => {}
                _ => break,
            }
        }
        self.engine.end_turn(&worker);
        self.engine.retire(worker);
        String::from_utf8_lossy(reply.as_bytes()).trim_end().to_string()
    }

    fn last(&self) -> &Part {
        self.manifest.incrs.last().unwrap()
    }

    fn length(&self) -> u64 {
        std::fs::metadata(self.manifest.file(self.last())).unwrap().len()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.manifest.dir);
    }
}

fn commands(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        encode(&mut bytes, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    }
    bytes
}

#[test]
fn files_are_replayed_in_order_each_from_database_0() {
    let files = Files::new(&[
        &commands(&["SELECT 3", "SET k 1", "RPUSH l a b"]),
        &commands(&["SET k 2", "SELECT 3", "LPOP l"]),
    ]);
    files.load().unwrap();
    assert_eq!(files.ask("GET k"), "$1\r\n2");
    files.ask("SWAPDB 0 3");
    assert_eq!(files.ask("GET k"), "$1\r\n1");
    assert_eq!(files.ask("LLEN l"), ":1");
    let _reader = files.engine.effects.reader(true);
    assert!(files.engine.effects.is_active());
}

#[test]
fn a_replay_is_not_logged_again() {
    let files = Files::new(&[&commands(&["SET k 1", "MULTI", "INCR k", "INCR k", "EXEC"])]);
    files.load().unwrap();
    assert_eq!(files.engine.effects.end(), 0);
    assert_eq!(files.ask("GET k"), "$1\r\n3");
}

#[test]
fn nothing_expires_by_the_clock_meanwhile() {
    let files = Files::new(&[&commands(&[
        "SET a 1",
        "PEXPIREAT a 1000",
        "INCR a",
        "RENAME a b",
        "COPY b c",
        "PERSIST c",
        "HSET h f v g w",
        "HPEXPIREAT h 1000 FIELDS 1 f",
        "HSET h x y",
        "SET d 7 PXAT 1000",
        "INCR d",
        "PERSIST d",
    ])]);
    files.load().unwrap();
    assert_eq!(files.ask("GET c"), "$1\r\n2");
    assert_eq!(files.ask("GET d"), "$1\r\n8");
    // From now on the clock counts.
    assert_eq!(files.ask("EXISTS a b"), ":0");
    assert_eq!(files.ask("HLEN h"), ":2");
}

#[test]
fn a_torn_end_is_cut_off_the_last_file_if_allowed() {
    let whole = commands(&["SET k 1"]);
    let torn = [&whole[..], b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9\r\n22"].concat();
    let files = Files::new(&[&torn]);
    assert_eq!(files.load().unwrap(), whole.len() as u64);
    assert_eq!(files.length(), whole.len() as u64);
    assert_eq!(files.ask("GET k"), "$1\r\n1");

    let files = Files::new(&[&torn]);
    files.set("aof-load-truncated", "no");
    let error = files.load().unwrap_err().to_string();
    assert!(error.contains("check-aof --fix") && error.contains("offset 27"), "{error}");
    assert_eq!(files.length(), torn.len() as u64);

    let files = Files::new(&[&torn, &whole]);
    assert!(matches!(files.load(), Err(LoadError::Truncated(..))), "not the last file");
}

#[test]
fn a_torn_transaction_is_dropped_whole() {
    let whole = commands(&["SET k 1"]);
    let torn = [&whole[..], &commands(&["MULTI", "SET k 2", "SET l 2"])].concat();
    let files = Files::new(&[&torn]);
    assert_eq!(files.load().unwrap(), whole.len() as u64);
    assert_eq!(files.ask("GET k"), "$1\r\n1");
    assert_eq!(files.ask("EXISTS l"), ":0");
}

#[test]
fn what_is_no_command_is_fatal_and_says_where() {
    let bad = [&commands(&["SET k 1"])[..], b"rubbish\r\n"].concat();
    let files = Files::new(&[&bad]);
    let error = files.load().unwrap_err().to_string();
    assert!(error.starts_with("Bad file format") && error.contains("offset 27"), "{error}");
    files.set("aof-load-corrupt-tail-max-size", "9");
    files.load().unwrap();
    assert_eq!(files.length(), 27);

    for line in ["NONSENSE k", "SET k"] {
        let files = Files::new(&[&commands(&["SET k 1", line])]);
        let error = files.load().unwrap_err().to_string();
        assert!(error.contains("a.1.incr.aof") && error.contains("offset 27"), "{error}");
    }
}

#[test]
fn a_missing_file_is_fatal() {
    let files = Files::new(&[b""]);
    std::fs::remove_file(files.manifest.file(files.last())).unwrap();
    assert!(matches!(files.load(), Err(LoadError::Io(..))));
}

#[test]
fn a_limit_on_memory_does_not_stop_a_replay() {
    let files = Files::new(&[&commands(&["SET k 1"])]);
    files.engine.tuning.maxmemory.store(1, Ordering::SeqCst);
    files.load().unwrap();
    assert_eq!(files.engine.tuning.maxmemory.load(Ordering::SeqCst), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A transaction always sets both keys of a pair to the same number: a torn one would show.
    #[test]
    fn damage_never_panics_and_never_tears_a_transaction(
        count in 1usize..20,
        cut in 0usize..2000,
        damage in proptest::option::of((0usize..2000, any::<u8>())),
    ) {
        let mut bytes = Vec::new();
        for n in 0..count {
            let (a, b) = (format!("SET a {n}"), format!("SET b {n}"));
            bytes.extend(commands(&["MULTI", &a, &b, "EXEC"]));
        }
        bytes.truncate(cut);
        if let Some((at, byte)) = damage && let Some(old) = bytes.get_mut(at) {
            *old = byte;
        }
        let files = Files::new(&[&bytes]);
        let loaded = files.load();
        if damage.is_none() {
            prop_assert_eq!(loaded.unwrap(), files.length());
            prop_assert_eq!(files.ask("GET a"), files.ask("GET b"));
        }
    }
}
