use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::keyspace::ValueRef;
use crate::rdb::{VERSION_DEFAULT, Writer};
use crate::testing::Bed;
use crate::value::Object;

type Contents = BTreeMap<(usize, String), (String, Option<i64>)>;

/// Remembers entries as text; a second one of the same key, or anything between the parts of a
/// collection, is an error.
#[derive(Default)]
struct Memory {
    entries: Mutex<Contents>,
    wrong: AtomicBool,
    /// Key and elements of the collection that was begun.
    begun: Mutex<Option<(Vec<u8>, Elements)>>,
    /// Parts that there were.
    parts: AtomicUsize,
    /// Bytes of a string that were seen before it began.
    looked: Mutex<Vec<u8>>,
    /// Lists and streams that came frozen.
    frozen: AtomicUsize,
    cancelled: AtomicBool,
}

impl Memory {
    fn add(&self, db: usize, entry: &Entry, text: String) {
        let key = String::from_utf8_lossy(entry.key()).into_owned();
        let before = lock(&self.entries).insert((db, key), (text, entry.expiry()));
        self.check(before.is_none());
    }

    fn check(&self, right: bool) {
        self.wrong.fetch_or(!right, Ordering::SeqCst);
    }
}

impl Sink for Memory {
    fn entry(&self, db: usize, entry: &Entry) -> bool {
        self.check(lock(&self.begun).is_none());
        self.add(db, entry, text(entry));
        false
    }

    fn slices(&self) -> Slices {
        Slices { least: 40, elements: 5, bytes: 200, nodes: 4, string: 5000 }
    }

    fn looks_first(&self, capture: &Capture) -> bool {
        self.check(lock(&self.begun).is_none() && lock(&self.looked).is_empty());
        capture.collection == Collection::String && capture.count.is_multiple_of(2)
    }

    fn look(&self, _: &Capture, bytes: &Pairs) {
        lock(&self.looked).extend_from_slice(bytes.bytes());
    }

    fn begin_parts(&self, capture: &Capture) {
        let begun = (capture.head.key().to_vec(), Elements::default());
        self.check(lock(&self.begun).replace(begun).is_none());
    }

    fn part(&self, capture: &Capture, elements: &Pairs) {
        self.parts.fetch_add(1, Ordering::SeqCst);
        let mut begun = lock(&self.begun);
        let Some((key, all)) = &mut *begun else { return self.check(false) };
        self.check(key == capture.head.key());
        if capture.collection == Collection::String {
            all.0.push(bytes_text(elements.bytes()));
        } else {
            capture.collection.rebuild(b"_", elements, &mut |words| all.add(words));
        }
    }

    fn end_parts(&self, capture: &Capture) {
        let Some((_, all)) = lock(&self.begun).take() else { return self.check(false) };
        if capture.collection == Collection::String {
            let (text, looked) = (all.0.concat(), std::mem::take(&mut *lock(&self.looked)));
            self.check(text.chars().count() == capture.count);
            self.check(looked.is_empty() || bytes_text(&looked) == text);
            return self.add(capture.db, &capture.head, text);
        }
        let is_deadline = |text: &&String| text.contains(" MEMBERS ") || text.contains(" FIELDS ");
        self.check(all.0.iter().filter(|text| !is_deadline(text)).count() == capture.count);
        self.add(capture.db, &capture.head, all.text());
    }

    fn frozen(&self, frozen: &mut FrozenEntry, first: bool) -> bool {
        if first {
            let (head, value) = (&frozen.head, frozen.value.object());
            self.check(lock(&self.begun).is_none());
            self.add(frozen.db, head, object_text(value));
            self.frozen.fetch_add(1, Ordering::SeqCst);
        }
        frozen.value.save_next(&mut Writer::new(VERSION_DEFAULT, false))
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// The elements of a collection, whose order is of no interest.
#[derive(Default)]
struct Elements(Vec<String>);

impl Elements {
    /// Adds those of a command.
    fn add(&mut self, words: &[&[u8]]) {
        let each = match words[0] {
            b"HSET" | b"ZADD" => 2,
            b"SADD" => 1,
            _ => words.len(),
        };
        let texts = words[2..].chunks(each).map(|element| {
            element.iter().map(|word| format!("{} ", String::from_utf8_lossy(word))).collect()
        });
        self.0.extend(texts);
    }

    fn text(mut self) -> String {
        self.0.sort_unstable();
        self.0.concat()
    }
}

/// Bytes as text, a character each.
fn bytes_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A value as text.
fn text(entry: &Entry) -> String {
    match entry.value() {
        ValueRef::Bytes(bytes) => bytes_text(bytes),
        ValueRef::Int(n) => n.to_string(),
        ValueRef::Object(object) => object_text(object),
    }
}

fn object_text(object: &dyn Object) -> String {
    let mut all = Elements::default();
    object.rebuild(b"_", &mut |words| all.add(words));
    // The order of a list counts.
    if object.kind().name == "list" { all.0.concat() } else { all.text() }
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

/// As [`CHANGES`], of large values `c0` to `c8`, of whatever type; `{2}` is one of their
/// elements.
const LARGE_CHANGES: [&str; 59] = [
    "ARSET c{0} {2}00 new",
    "ARDEL c{0} {2}",
    "ARINSERT c{0} {2} {1}",
    "XADD c{0} IDMP p{1} i{2} * f {2}",
    "FILL ARINSERT c{0} {2}",
    "SPEXPIRE c{0} {2} MEMBERS 1 {2}",
    "ZPEXPIRE c{0} {2} MEMBERS 1 {2}",
    "HPEXPIRE c{0} {2}000 FIELDS 1 {2}",
    "SPERSIST c{0} MEMBERS 1 {2}",
    "ZPERSIST c{0} MEMBERS 1 {2}",
    "HPERSIST c{0} FIELDS 1 {2}",
    "HSETEX c{0} PX {2} FIELDS 1 {2} new",
    "SADD c{0} {2} a{2}",
    "SETRANGE c{0} {2}00 new",
    "SETRANGE c{0} {2}7 {2}{2}{2}",
    "APPEND c{0} {2}",
    "SETBIT c{0} {2}003 1",
    "BITFIELD c{0} SET i5 {2}11 1 SET u8 {1}0007 {2}",
    "FILL SET c{0} {2}",
    "RPUSH c{0} {2}",
    "LPUSH c{0} {2} {1}",
    "LSET c{0} {2} new",
    "LPOP c{0} 7",
    "LTRIM c{0} {1} -3",
    "LINSERT c{0} BEFORE {2} x",
    "XADD c{0} * f {2}",
    "XTRIM c{0} MAXLEN {2}",
    "FILL RPUSH c{0} {2}",
    "FILL XADD c{0} {2}",
    "SADD c{0} {2}",
    "SREM c{0} {2}",
    "SPOP c{0} 9",
    "HSET c{0} {2} new",
    "HDEL c{0} {2}",
    "HINCRBY c{0} {2} {1}",
    "HPEXPIRE c{0} {1} FIELDS 1 {2}",
    "ZADD c{0} {1} {2}",
    "ZINCRBY c{0} {1} {2}",
    "ZREM c{0} {2}",
    "ZPOPMIN c{0} 7",
    "ZREMRANGEBYRANK c{0} 3 20",
    "ZREMRANGEBYSCORE c{0} {2} 90",
    "FILL SADD c{0} {2}",
    "FILL HSET c{0} {2}",
    "FILL ZADD c{0} {2}",
    "MULTI|SADD c{0} a{2}|ZADD c{0} 1 a{2}|HSET c{0} a{2} b|DEL c{1}|EXEC",
    "DEL c{0}",
    "UNLINK c{0}",
    "SET c{0} text",
    "RENAME c{0} c{1}",
    "COPY c{0} c{1} REPLACE",
    "MOVE c{0} {1}",
    "PEXPIRE c{0} {1}",
    "ZUNIONSTORE c{0} 2 c{0} c{1}",
    "SDIFFSTORE c{0} c{0} c{1}",
    "SORT c{0} BY nosort STORE c{1}",
    "FLUSHDB",
    "FLUSHALL",
    "SWAPDB {0} {1}",
];

fn change() -> impl Strategy<Value = String> {
    // What empties or swaps databases is rare.
    let which = prop_oneof![20 => 0..13usize, 1 => 13..16usize];
    (which, 0..4usize, 0..4usize).prop_map(|(which, a, b)| {
        CHANGES[which].replace("{0}", &a.to_string()).replace("{1}", &b.to_string())
    })
}

fn large_change() -> impl Strategy<Value = String> {
    let which = prop_oneof![49 => 0..46usize, 4 => 46..56usize, 1 => 56..59usize];
    let large = (which, 0..9usize, 0..9usize, 0..150usize).prop_map(|(which, a, b, element)| {
        let line = LARGE_CHANGES[which].replace("{0}", &a.to_string());
        line.replace("{1}", &b.to_string()).replace("{2}", &element.to_string())
    });
    prop_oneof![9 => large, 1 => change()]
}

/// Runs a line: commands between bars, or one that fills a collection with 90 elements.
fn run(bed: &mut Bed, line: &str) {
    for line in line.split('|') {
        let Some(fill) = line.strip_prefix("FILL ") else {
            bed.run(line);
            continue;
        };
        let words: Vec<&str> = fill.split(' ').collect();
        let from: usize = words[2].parse().unwrap();
        if words[0] == "SET" {
            bed.run(&format!("SET {} {}", words[1], format!("text{from}_").repeat(3000)));
            continue;
        }
        if words[0] == "XADD" {
            (0..90).for_each(|n| drop(bed.run(&format!("XADD {} * f v{n}", words[1]))));
            continue;
        }
        // What is long makes the large form.
        let mut line = format!("{} {}", words[0], words[1]);
        for element in (from..from + 90).map(|n| n.to_string()).chain(["x".repeat(70)]) {
            match words[0] {
                "HSET" => line += &format!(" {element} v{element}"),
                "ZADD" => line += &format!(" {} {element}", element.len()),
                _ => line += &format!(" {element}"),
            }
        }
        bed.run(&line);
    }
}

/// Takes snapshots, with changes after so many steps of the walk each, and returns how many parts
/// there were.
fn check_snapshots(
    before: &[String],
    during: &[(String, usize)],
    rounds: usize,
) -> Result<usize, TestCaseError> {
    let mut bed = Bed::new();
    let small: [(&[u8], &[u8]); 2] =
        [(b"list-max-listpack-size", b"3"), (b"stream-node-max-entries", b"4")];
    bed.engine.config.set(&small, false).expect("settings of this kind");
    before.iter().for_each(|line| run(&mut bed, line));
    let mut parts = 0;
    for _ in 0..rounds {
        let expected = contents(&bed);
        let sink = Arc::new(Memory::default());
        let snapshot = bed.engine.begin_snapshot(&bed.worker, Arc::<Memory>::clone(&sink), |_| {});
        let snapshot = snapshot.expect("none is running");
        let mut walk = SnapshotWalk::default();
        let mut more = true;
        for (line, steps) in during {
            for _ in 0..*steps {
                more = more && bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk);
            }
            run(&mut bed, line);
            bed.pass(1);
        }
        while more {
            more = bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk);
        }
        prop_assert!(!sink.wrong.load(Ordering::SeqCst));
        prop_assert_eq!(&*lock(&sink.entries), &expected);
        prop_assert!(!bed.engine.keyspace.snapshots.is_running());
        prop_assert_eq!(bed.engine.keyspace.snapshots.gathered.load(Ordering::SeqCst), 0);
        parts += sink.parts.load(Ordering::SeqCst) + sink.frozen.load(Ordering::SeqCst);
    }
    Ok(parts)
}

proptest! {
    #[test]
    fn a_snapshot_is_what_was_there_at_its_start(
        before in proptest::collection::vec(change(), 0..60),
        during in proptest::collection::vec((change(), 0..120usize), 0..40),
        rounds in 1..4usize,
    ) {
        check_snapshots(&before, &during, rounds)?;
    }

    #[test]
    fn large_collections_are_taken_as_they_were(
        before in proptest::collection::vec(large_change(), 0..30),
        at_once in proptest::collection::vec(large_change(), 0..10),
        during in proptest::collection::vec((large_change(), 0..5usize), 0..60),
        rounds in 1..3usize,
    ) {
        let fills = [
            "FILL SADD c0 0",
            "FILL HSET c1 20",
            "FILL ZADD c2 40",
            "FILL ZADD c3 60",
            "FILL RPUSH c4 0",
            "FILL XADD c5 0",
            "XADD c5 IDMP p0 i0 * f 1",
            "FILL ARINSERT c8 3",
            "FILL ARINSERT c8 3",
            "FILL ARINSERT c8 3",
            "FILL SET c6 11",
            "FILL SET c7 2",
        ];
        let before: Vec<String> = fills.iter().map(|s| s.to_string()).chain(before).collect();
        // Some changes before the walk has begun, the rest while the captures are written.
        let all = 2 * SHARDS;
        let mut changes: Vec<_> = at_once.into_iter().map(|line| (line, 0)).collect();
        changes.push(("PING".into(), all));
        changes.extend(during);
        check_snapshots(&before, &changes, rounds)?;
    }
}

#[test]
fn large_collections_come_in_parts() {
    let before: Vec<String> =
        ["FILL SADD c0 0", "FILL HSET c1 0", "FILL ZADD c2 0"].map(String::from).to_vec();
    let during = [("ZINCRBY c2 5 7".to_string(), 0), ("UNLINK c1".to_string(), SHARDS + 4)];
    let parts = check_snapshots(&before, &during, 1).unwrap();
    assert!(parts > 15, "{parts} parts");
}

#[test]
fn collections_whose_elements_expire_come_in_parts() {
    let before = [
        "FILL SADD c0 0",
        "SPEXPIRE c0 5 MEMBERS 2 7 8",
        "FILL HSET c1 0",
        "HPEXPIRE c1 5 FIELDS 2 7 8",
        "FILL ZADD c2 0",
        "ZPEXPIRE c2 5 MEMBERS 2 7 8",
    ];
    let during = [("SPERSIST c0 MEMBERS 1 7", 0), ("HLEN c1", 0), ("ZREM c2 8", 0), ("PING", 3)];
    let during: Vec<_> =
        during.into_iter().cycle().take(12).map(|(line, n)| (line.to_string(), n)).collect();
    let parts = check_snapshots(&before.map(String::from), &during, 1).unwrap();
    assert!(parts > 15, "{parts} parts");
}

#[test]
fn long_strings_come_in_parts() {
    let before = ["FILL SET c0 5".to_string()];
    let during = [
        ("SETRANGE c0 19999 x".to_string(), 0),
        ("RENAME c0 c1".to_string(), SHARDS + 8),
        ("APPEND c1 more".to_string(), 2),
        ("SET c1 other".to_string(), 2),
    ];
    assert_eq!(check_snapshots(&before, &during, 1).unwrap(), 5);
}

#[test]
fn lists_and_streams_come_frozen() {
    let before = ["FILL RPUSH c0 0", "FILL XADD c1 0"].map(String::from).to_vec();
    let during = [("LSET c0 5 x".to_string(), 0), ("XTRIM c1 MAXLEN 3".to_string(), 0)];
    assert_eq!(check_snapshots(&before, &during, 2).unwrap(), 3, "what is left of c1 is small");
}

#[test]
fn a_snapshot_that_is_given_up_leaves_nothing_behind() {
    let mut bed = Bed::new();
    run(&mut bed, "FILL ZADD c0 0");
    run(&mut bed, "FILL HSET c1 0");
    let sink = Arc::new(Memory::default());
    let begin = |bed: &Bed, sink: &Arc<Memory>| {
        let sink = Arc::<Memory>::clone(sink);
        bed.engine.begin_snapshot(&bed.worker, sink, |_| {}).unwrap()
    };
    let snapshot = begin(&bed, &sink);
    let mut walk = SnapshotWalk::default();
    run(&mut bed, "ZINCRBY c0 5 7");
    run(&mut bed, "DEL c1");
    let gathered = |bed: &Bed| bed.engine.keyspace.snapshots.gathered.load(Ordering::SeqCst);
    assert!(gathered(&bed) > 0);
    for _ in 0..SHARDS + 2 {
        assert!(bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk));
    }
    sink.cancelled.store(true, Ordering::SeqCst);
    while bed.engine.walk_snapshot(&bed.worker, &snapshot, &mut walk) {}
    assert_eq!(gathered(&bed), 0);
    run(&mut bed, "ZINCRBY c0 5 7");
    assert_eq!(gathered(&bed), 0);
    drop(snapshot);
    // And one that nobody walks.
    *bed.engine.keyspace.snapshots.current() = None;
    let snapshot = begin(&bed, &Arc::default());
    run(&mut bed, "ZINCRBY c0 5 7");
    assert!(gathered(&bed) > 0);
    *bed.engine.keyspace.snapshots.current() = None;
    drop(snapshot);
    assert_eq!(gathered(&bed), 0);
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

    fn begin_parts(&self, _: &Capture) {}

    fn part(&self, _: &Capture, _: &Pairs) {}

    fn end_parts(&self, _: &Capture) {}

    fn frozen(&self, _: &mut FrozenEntry, _: bool) -> bool {
        false
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
