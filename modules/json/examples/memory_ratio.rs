//! Prints how many bytes documents of about 1 KB take in memory, as a multiple of their text.
//!
//! Each corpus is kept as a whole, as a database would, so that key lists are shared. Run with
//! `cargo run -p cairn-json --example memory_ratio`.

use cairn_json::parse::parse;
use cairn_json::tree::Value;
use serde_json::json;

/// Documents in each corpus.
const DOCUMENTS: u64 = 1000;

const WORDS: [&str; 16] = [
    "river", "amber", "wireless", "stone", "quiet", "market", "copper", "lantern", "of", "the",
    "and", "northern", "glass", "harbor", "silk", "mountain",
];

/// Small deterministic generator (splitmix64): corpora must be the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn words(&mut self, count: u64) -> String {
        let words: Vec<_> = (0..count).map(|_| WORDS[self.next(16) as usize]).collect();
        words.join(" ")
    }

    fn list<T>(&mut self, most: u64, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.next(most)).map(|_| item(self)).collect()
    }
}

fn product(random: &mut Random) -> serde_json::Value {
    json!({
        "id": format!("P-{:08}", random.next(100_000_000)),
        "name": random.words(4),
        "description": random.words(60),
        "price": (random.next(100_000) as f64) / 100.0,
        "stock": random.next(500),
        "active": random.next(2) == 0,
        "tags": random.list(6, |r| r.words(1)),
        "dimensions": {"w": random.next(200), "h": random.next(200), "d": random.next(200)},
        "ratings": random.list(40, |r| r.next(5) + 1),
        "location": {"lat": random.next(90_000_000) as f64 / 1e6, "lon": random.next(90) as f64},
        "variants": random.list(5, |r| json!({
            "sku": format!("SKU-{:05}", r.next(100_000)), "color": r.words(1), "qty": r.next(90),
        })),
    })
}

fn user(random: &mut Random) -> serde_json::Value {
    json!({
        "_id": format!("{:016x}{:08x}", random.next(u64::MAX), random.next(1 << 32)),
        "index": random.next(1000),
        "isActive": true,
        "balance": format!("${}.{}", random.next(9999), random.next(99)),
        "age": random.next(90),
        "name": {"first": random.words(1), "last": random.words(1)},
        "company": random.words(2),
        "email": format!("{}@example.com", random.words(1)),
        "about": random.words(50),
        "registered": format!("2024-{:02}-11T08:26:{:02}Z", random.next(12), random.next(60)),
        "latitude": random.next(1 << 53) as f64 / 1e14,
        "longitude": random.next(1 << 53) as f64 / 1e14,
        "friends": random.list(6, |r| json!({"id": r.next(9), "name": r.words(2)})),
        "range": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        "manager": null,
    })
}

fn flat(random: &mut Random) -> serde_json::Value {
    let field = |n: u64, r: &mut Random| match n % 3 {
        0 => json!(r.next(1_000_000)),
        1 => json!(r.words(1)),
        _ => json!(r.next(2) == 0),
    };
    (0..50)
        .map(|n| (format!("attribute_{n}"), field(n, random)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn vector(random: &mut Random) -> serde_json::Value {
    let floats: Vec<f64> =
        (0..96).map(|_| f64::from(random.next(1 << 24) as f32) / 1.7e7).collect();
    json!({"id": random.next(1 << 40), "embedding": floats})
}

fn orders(random: &mut Random) -> serde_json::Value {
    json!({
        "order": random.next(1 << 50),
        "lines": (0..14).map(|n| json!({
            "line": n, "sku": format!("{:06}", random.next(1_000_000)), "qty": random.next(9),
            "price": random.next(10_000) as f64 / 100.0, "taxed": random.next(2) == 0,
        })).collect::<Vec<_>>(),
    })
}

fn unique_keys(random: &mut Random) -> serde_json::Value {
    let key = |r: &mut Random| format!("{:012x}", r.next(1 << 48));
    let members = (0..35).map(|_| (key(random), json!({"n": random.next(1000)})));
    members.collect::<serde_json::Map<_, _>>().into()
}

fn main() {
    type Generator = fn(&mut Random) -> serde_json::Value;
    let corpora: [(&str, Generator); 6] = [
        ("products", product),
        ("users", user),
        ("flat", flat),
        ("vectors", vector),
        ("orders", orders),
        ("unique keys", unique_keys),
    ];
    println!("{:<12} {:>9} {:>9} {:>6}", "corpus", "text", "memory", "ratio");
    for (name, generate) in corpora {
        let mut random = Random(7);
        let texts: Vec<String> =
            (0..DOCUMENTS).map(|_| generate(&mut random).to_string()).collect();
        let values: Vec<Value> =
            texts.iter().filter_map(|text| parse(text.as_bytes()).ok()).collect();
        let text: usize = texts.iter().map(String::len).sum();
        let memory: usize = values.iter().map(|value| size_of_val(value) + value.memory()).sum();
        let (text, memory) = (text as f64 / 1e3, memory as f64 / 1e3);
        println!("{name:<12} {text:>9.0} {memory:>9.0} {:>6.2}", memory / text);
    }
}
