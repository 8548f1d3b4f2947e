//! Times common queries over generated documents on one thread and prints medians, ranked by
//! BM25STD and by TFIDF.
//!
//! `micro_bench [documents] [words a document]`; 200,000 and 40 by default. With `--dump FILE` the
//! documents are also written, one a line, so that another engine can be timed on them; with
//! `--only TEXT` only queries with that text are run.

use cairn_search::index::{FieldValue, Index};
use cairn_search::query::{Dialect, ParseOptions, parse};
use cairn_search::schema::{Field, FieldKind, Schema, Sortable, TagOptions, TextOptions};
use cairn_search::score::Scorer;
use cairn_search::search::{SearchOptions, SortBy};
use std::io::Write;
use std::time::{Duration, Instant};

/// Distinct words.
const VOCABULARY: u32 = 50_000;

/// A small generator of its own, so that documents are the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A rank whose logarithm is uniform, which is Zipf's law.
    fn rank(&mut self) -> u32 {
        (f64::from(VOCABULARY).powf(self.unit())) as u32
    }
}

struct Doc {
    text: String,
    tag: String,
    price: u32,
}

fn doc(random: &mut Random, words: usize) -> Doc {
    let word = |r: &mut Random| format!("w{:x}q", r.rank());
    let text = (0..words).map(|_| word(random)).collect::<Vec<_>>().join(" ");
    Doc { text, tag: format!("t{}", random.next() % 10), price: (random.next() % 1000) as u32 }
}

fn median(mut run: impl FnMut() -> u64, rounds: usize) -> (Duration, u64) {
    let mut times = Vec::new();
    let mut total = 0;
    for _ in 0..rounds {
        let start = Instant::now();
        total = run();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    (times[times.len() / 2], total)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, or: usize| args.get(at).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (count, words) = (number(1, 200_000), number(2, 40));
    let only = args.iter().position(|a| a == "--only").and_then(|at| args.get(at + 1));
    let schema = Schema::new(vec![
        Field::new("body", FieldKind::Text(TextOptions::default())),
        Field::new("tag", FieldKind::Tag(TagOptions::default())),
        Field::new("price", FieldKind::Numeric).sortable(Sortable::Normalized),
    ])
    .expect("a schema");
    let index = Index::new(schema);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let docs: Vec<Doc> = (0..count).map(|_| doc(&mut random, words)).collect();
    if let Some(at) = args.iter().position(|a| a == "--dump") {
        let mut out =
            std::io::BufWriter::new(std::fs::File::create(&args[at + 1]).expect("a file"));
        for d in &docs {
            writeln!(out, "{}\t{}\t{}", d.text, d.tag, d.price).expect("space");
        }
    }
    let start = Instant::now();
    for (n, d) in docs.iter().enumerate() {
        let price = d.price.to_string();
        let fields = [
            (0, FieldValue::Bytes(d.text.as_bytes())),
            (1, FieldValue::Bytes(d.tag.as_bytes())),
            (2, FieldValue::Bytes(price.as_bytes())),
        ];
        index.upsert(format!("doc:{n}").as_bytes(), fields, 1.0).expect("room");
    }
    let took = start.elapsed();
    println!("index     {:>9.1} µs a document", took.as_secs_f64() * 1e6 / count as f64);
    println!("{:#?}", index.info());
    for (query, sort) in [
        ("w1q", false),
        ("w2q", false),
        ("w1q w2q", false),
        ("w3q w4q w5q", false),
        ("w1q|w2q", false),
        ("w1q w1ff0q", false),
        ("\"w1q w2q\"", false),
        ("\"w5q w6q\"", false),
        ("\"w1q w2q w3q\"", false),
        ("w1q -w2q", false),
        ("w1f*", false),
        ("@tag:{t3} @price:[100 300]", false),
        ("w1q @tag:{t3}", false),
        ("w1q @price:[100 300]", false),
        ("@price:[100 300]", true),
        ("w1q", true),
        ("*", true),
    ] {
        if only.is_some_and(|only| !query.contains(only.as_str())) {
            continue;
        }
        let options = ParseOptions::new(index.schema()).dialect(Dialect::new(2).expect("2"));
        let tree = parse(query, &options).expect("a query");
        let sort_by = sort.then_some(SortBy { field: 2, descending: false });
        let [by_default, tfidf] = [Scorer::Bm25Std, Scorer::TfIdf].map(|scorer| {
            let search = SearchOptions { sort_by, scorer, ..SearchOptions::default() };
            median(|| index.search(&tree, &search).total, 31)
        });
        println!(
            "{:>9.1} µs, TFIDF {:>9.1} µs {:>7} {query}{}",
            by_default.0.as_secs_f64() * 1e6,
            tfidf.0.as_secs_f64() * 1e6,
            tfidf.1,
            if sort { " by price" } else { "" }
        );
    }
}
