//! Compares the incremental table with the standard library's (hashbrown): time an operation, the
//! longest single insertion, and bytes an element.
//!
//!     cargo run --release -p cairn-core --example table -- 1000000

use cairn_core::ds::{Seed, Table, hash_bytes};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

static SEED: LazyLock<Seed> = LazyLock::new(|| Seed::fixed(42));

/// Stands for a key's entry: eight bytes in the table, the key behind a pointer.
struct Entry(Box<[u8; 16]>);

/// Passes our own hash through, so that both tables hash alike.
#[derive(Default)]
struct Through(u64);

impl Hasher for Through {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(&SEED, bytes);
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

type Key = [u8; 16];

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash_bytes(&SEED, &self.0[..]));
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Entry {}
impl std::borrow::Borrow<[u8; 16]> for Entry {
    fn borrow(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What both tables are asked to do.
trait Subject {
    fn add(&mut self, key: [u8; 16]);
    fn has(&self, key: &Key) -> bool;
    fn remove(&mut self, key: &Key) -> bool;
    fn bytes(&self) -> usize;
}

fn hasher(entry: &Entry) -> u64 {
    hash_bytes(&SEED, &entry.0[..])
}

impl Subject for Table<Entry> {
    fn add(&mut self, key: [u8; 16]) {
        let hash = hash_bytes(&SEED, &key);
        self.find_or_insert(hash, |e| *e.0 == key, hasher, || Entry(Box::new(key)));
    }
    fn has(&self, key: &Key) -> bool {
        self.find(hash_bytes(&SEED, key), |e| *e.0 == *key).is_some()
    }
    fn remove(&mut self, key: &Key) -> bool {
        Table::remove(self, hash_bytes(&SEED, key), |e| *e.0 == *key, hasher).is_some()
    }
    fn bytes(&self) -> usize {
        self.memory()
    }
}

type StandardSet = HashSet<Entry, BuildHasherDefault<Through>>;

impl Subject for StandardSet {
    fn add(&mut self, key: [u8; 16]) {
        if !self.contains(&key) {
            self.insert(Entry(Box::new(key)));
        }
    }
    fn has(&self, key: &Key) -> bool {
        self.contains(key)
    }
    fn remove(&mut self, key: &Key) -> bool {
        HashSet::remove(self, key)
    }
    fn bytes(&self) -> usize {
        (self.capacity().max(1) * 8 / 7).next_power_of_two() * 9 + 16
    }
}

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = n;
    for byte in key[4..].iter_mut().rev() {
        *byte = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// A permutation of `0..len`, for access in random order.
fn shuffled(len: usize) -> impl Iterator<Item = usize> {
    let size = len.next_power_of_two();
    (0..size)
        .map(move |i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (size - 1))
        .filter(move |&n| n < len)
}

/// Nanoseconds an operation; the best of a few rounds, since others use the machine too.
fn best(len: usize, mut round: impl FnMut() -> usize) -> f64 {
    let rounds = (2_000_000 / len).clamp(3, 100);
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        let count = black_box(round());
        start.elapsed().as_nanos() as f64 / count.max(len) as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

fn measure(name: &str, subject: &mut impl Subject, len: usize) {
    let (mut longest, mut bytes, mut samples) = (Duration::ZERO, 0.0, 0.0);
    let start = Instant::now();
    for n in 0..len {
        let before = Instant::now();
        subject.add(key(n));
        longest = longest.max(before.elapsed());
        if n > len / 2 && n % 64 == 0 {
            bytes += subject.bytes() as f64 / n as f64;
            samples += 1.0;
        }
    }
    let insert = start.elapsed().as_nanos() as f64 / len as f64;
    let hit = best(len, || shuffled(len).filter(|&n| subject.has(&key(n))).count());
    let miss = best(len, || shuffled(len).filter(|&n| subject.has(&key(n + len))).count());
    let start = Instant::now();
    let removed = shuffled(len).filter(|&n| subject.remove(&key(n))).count();
    let remove = start.elapsed().as_nanos() as f64 / removed as f64;
    println!(
        "{name:9} {len:9}: insert {insert:5.0} ns (longest {longest:?}), hit {hit:4.0}, \
         miss {miss:4.0}, remove {remove:4.0}, {:.1} bytes an element",
        bytes / samples
    );
}

fn main() {
    let len: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    for _ in 0..2 {
        measure("ours", &mut Table::<Entry>::new(), len);
        measure("hashbrown", &mut StandardSet::default(), len);
    }
}
