use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::keyspace::ValueRef;
use crate::testing::Bed;

type Contents = BTreeMap<(usize, String), (String, Option<i64>)>;

/// Remembers entries as text; a second one of the same key is an error.
#[derive(Default)]
struct Memory {
    entries: Mutex<Contents>,
    twice: AtomicBool,
}

impl Sink for Memory {
    fn entry(&self, db: usize, entry: &Entry) -> bool {
        let key = String::from_utf8_lossy(entry.key()).into_owned();
        if lock(&self.entries).insert((db, key), (text(entry), entry.expiry())).is_some() {
            self.twice.store(true, Ordering::SeqCst);
        }
        false
    }
}

/// A value as the commands that would make it anew.
fn text(entry: &Entry) -> String {
    let mut text = String::new();
    match entry.value() {
        ValueRef::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        ValueRef::Int(n) => text.push_str(&n.to_string()),
        ValueRef::Object(object) => object.rebuild(b"_", &mut |words| {
            for word in words {
                text.push_str(&String::from_utf8_lossy(word));
                text.push(' ');
            }
        }),
    }
    text
}

/// Everything that is in the databases now.
fn contents(bed: &Bed) -> Contents {
    let mut all = Contents::new();
    bed.engine.hold_and(&bed.worker, &Scope::All, |space| {
        for db in 0..bed.engine.keyspace.databases() {
            space.select(db);
            for shard in 0..SHARDS as u16 {
                let Some(tables) = space.shard(shard).db(space.physical()) else { continue };
                for entry in tables.table.iter() {
                    let key = String::from_utf8_lossy(entry.key()).into_owned();
                    all.insert((db, key), (text(entry), entry.expiry()));
                }
            }
        }
    });
    all
}

/// Changes that snapshots must not see, `{0}` and `{1}` being small numbers.
const CHANGES: [&str; 16] = [
    "SET k{0} v{1}",
    "SET n{0} {1}",
    "INCR n{0}",
    "APPEND k{0} more",
    "DEL k{0}",
    "RPUSH l{0} a{1} b",
    "LPOP l{0}",
    "HSET h{0} f{1} v",
    "HDEL h{0} f{1}",
    "ZADD z{0} {1} m{1}",
    "PEXPIRE k{0} 100000",
    "RENAME k{0} k{1}",
    "MOVE k{0} 1",
    "FLUSHDB",
    "SWAPDB 0 1",
    "SELECT {0}",
];

fn change() -> impl Strategy<Value = String> {
    // What empties or swaps databases is rare.
    let which = prop_oneof![20 => 0..13usize, 1 => 13..16usize];
    (which, 0..4usize, 0..4usize).prop_map(|(which, a, b)| {
        CHANGES[which].replace("{0}", &a.to_string()).replace("{1}", &b.to_string())
    })
}

proptest! {
    #[test]
    fn a_snapshot_is_what_was_there_at_its_start(
        before in proptest::collection::vec(change(), 0..60),
        during in proptest::collection::vec((change(), 0..120usize), 0..40),
        rounds in 1..4usize,
    ) {
        let mut bed = Bed::new();
        before.iter().for_each(|line| { bed.run(line); });
        for _ in 0..rounds {
            let expected = contents(&bed);
            let sink = Arc::new(Memory::default());
            let snapshot = bed.engine.begin_snapshot(&bed.worker, Arc::<Memory>::clone(&sink), |_| {});
            let snapshot = snapshot.expect("none is running");
            let mut walk = SnapshotWalk::default();
            let mut more = true;
            for (line, steps) in &during {
                for _ in 0..*steps {
                    more = more && bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk);
                }
                bed.run(line);
            }
            while more {
                more = bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk);
            }
            prop_assert!(!sink.twice.load(Ordering::SeqCst));
            prop_assert_eq!(&*lock(&sink.entries), &expected);
            prop_assert!(!bed.engine.keyspace.snapshots.is_running());
        }
    }
}

#[test]
fn one_snapshot_at_a_time() {
    let bed = Bed::new();
    let begin = || bed.engine.begin_snapshot(&bed.worker, Arc::new(Memory::default()), |_| {});
    let first = begin().unwrap();
    assert!(begin().is_none());
    let mut walk = SnapshotWalk::default();
    while bed.engine.walk_snapshot(&bed.worker, &first, &mut walk) {}
    assert!(begin().is_some());
}

/// Says after each entry that it has enough.
struct Full;

impl Sink for Full {
    fn entry(&self, _: usize, _: &Entry) -> bool {
        true
    }
}

#[test]
fn writers_wait_for_a_sink_that_has_enough() {
    let mut bed = Bed::new();
    bed.run("SET a 1");
    let snapshot = bed.engine.begin_snapshot(&bed.worker, Arc::new(Full), |_| {}).unwrap();
    let engine = Arc::clone(&bed.engine);
    let snapshots = &engine.keyspace.snapshots;
    assert!(!snapshots.is_full());
    bed.run("SET a 2");
    assert!(snapshots.is_full());
    let mut place = None;
    assert!(snapshots.poll_room(&mut place, Waker::noop()));
    bed.engine.snapshot_relieved();
    assert!(!snapshots.poll_room(&mut place, Waker::noop()));
    bed.run("SET a 3");
    assert!(!snapshots.is_full(), "it was saved before");
    let mut walk = SnapshotWalk::default();
    while bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk) {}
}
