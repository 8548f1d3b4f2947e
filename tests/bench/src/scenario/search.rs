//! `cairn-bench search`: a catalogue of synthetic products indexed by hashes, the speed of
//! indexing, and the latency of query classes, with all answers compared between the servers.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Outcome, connect_all, interleaved};
use crate::args::Args;
use crate::client::Client;
use crate::report::{Table, count, ratio, time};
use crate::resp::Value;
use crate::rng::{Rng, Zipf};
use crate::target::{self, Target};

/// Words of one document's text.
const WORDS: usize = 40;
/// Different words; with Zipf's law most are rare, as in natural text.
const VOCABULARY: usize = 30_000;
/// Brands, the values of the TAG field.
const BRANDS: u64 = 50;
/// Prices lie below this, in whole cents.
const MAX_CENTS: u64 = 100_000;
/// Different queries of each class.
const VARIANTS: usize = 8;

/// What `--help` says about this subcommand.
pub const HELP: &str = "\
search: indexing rate and query latency on a synthetic catalogue; needs FT.* on every server
  --docs N            documents [200000]           --rounds N     runs of each query [9]
  --scorers LIST      [TFIDF,BM25STD]              --content      fetch the documents, not only ids";

/// Runs the subcommand.
pub fn run(words: Vec<String>) -> Outcome {
    let own = ["docs", "rounds", "scorers"];
    let valued: Vec<&str> = own.into_iter().chain(target::OPTIONS).collect();
    let args = Args::parse(words, &valued, &["content"])?;
    let docs: u64 = args.value("docs", 200_000)?;
    let rounds = args.value("rounds", 9usize)?.max(1);
    let mut targets = Target::from_args(&args)?;
    index_all(&mut targets, docs)?;
    for scorer in args.list::<String>("scorers", "TFIDF,BM25STD")? {
        compare(&targets, &scorer, rounds, args.has("content"))?;
    }
    Ok(())
}

fn index_all(targets: &mut [Target], docs: u64) -> Outcome {
    println!("{} documents of {WORDS} words", count(docs as f64));
    let mut table = Table::new(&["server", "documents/s", "ratio", "bytes/document", "ratio"]);
    let mut base = None;
    for target in targets {
        let (rate, bytes) = index(target, docs)?;
        let (base_rate, base_bytes) = *base.get_or_insert((rate, bytes));
        table.row([
            target.name.clone(),
            count(rate),
            ratio(rate, base_rate),
            count(bytes),
            ratio(bytes, base_bytes),
        ]);
    }
    table.print();
    Ok(())
}

/// Documents a second until all can be found, and bytes a document by `used_memory`.
fn index(target: &mut Target, docs: u64) -> Outcome<(f64, f64)> {
    target.refresh()?;
    let mut client = target.connect()?;
    client.run(
        "FT.CREATE products ON HASH PREFIX 1 p: STOPWORDS 0 \
         SCHEMA text TEXT NOSTEM brand TAG price NUMERIC SORTABLE",
    )?;
    let before = target.used_memory()?;
    let mut writer = Writer::new();
    let mut spent = Duration::ZERO;
    for id in 0..docs {
        let (key, text, brand, price) = writer.document(id);
        let begun = Instant::now();
        client.queue(&["HSET", &key, "text", &text, "brand", &brand, "price", &price])?;
        spent += begun.elapsed();
    }
    let begun = Instant::now();
    client.settle()?;
    await_indexed(&mut client, docs)?;
    spent += begun.elapsed();
    let grown = target.used_memory()?.saturating_sub(before) as f64;
    Ok((docs as f64 / spent.as_secs_f64(), grown / docs as f64))
}

/// Waits until a match-all query counts every document (peers may index in the background).
fn await_indexed(client: &mut Client, docs: u64) -> Outcome {
    for _ in 0..6000 {
        let reply = client.run("FT.SEARCH products * LIMIT 0 0")?;
        if total(&reply) == docs as i64 {
            return Ok(());
        }
        sleep(Duration::from_millis(10));
    }
    Err("the index never became complete".into())
}

/// Writes the same documents for every server.
struct Writer {
    rng: Rng,
    zipf: Zipf,
}

impl Writer {
    fn new() -> Self {
        Self { rng: Rng::new(5), zipf: Zipf::new(VOCABULARY, 1.0) }
    }

    fn document(&mut self, id: u64) -> (String, String, String, String) {
        let words: Vec<String> = (0..WORDS).map(|_| word(self.zipf.draw(&mut self.rng))).collect();
        let cents = self.rng.below(MAX_CENTS);
        let brand = format!("brand{}", self.rng.below(BRANDS));
        (format!("p:{id}"), words.join(" "), brand, format!("{:.2}", cents as f64 / 100.0))
    }
}

/// The word of a frequency rank: syllables that spell the rank, so that words are pronounceable,
/// distinct, and of natural length.
fn word(rank: usize) -> String {
    const ONSETS: &[u8] = b"bdfgklmnprstvz";
    const VOWELS: &[u8] = b"aeiou";
    let syllables = ONSETS.len() * VOWELS.len();
    let (mut rest, mut out) = (rank + syllables, String::new());
    while rest > 0 {
        let digit = rest % syllables;
        out.push(char::from(ONSETS[digit / VOWELS.len()]));
        out.push(char::from(VOWELS[digit % VOWELS.len()]));
        rest /= syllables;
    }
    out
}

/// A class of queries: its name, its queries, and the options that follow each.
struct Class {
    name: &'static str,
    queries: Vec<String>,
    options: &'static str,
}

fn classes() -> Vec<Class> {
    let each = |make: fn(usize) -> String| (0..VARIANTS).map(make).collect();
    vec![
        Class { name: "common term", queries: each(|i| word(5 + i)), options: "" },
        Class { name: "rare term", queries: each(|i| word(20_000 + i)), options: "" },
        Class {
            name: "two common terms",
            queries: each(|i| format!("{} {}", word(2 + i), word(12 + i))),
            options: "",
        },
        Class {
            name: "either of two terms",
            queries: each(|i| format!("{} | {}", word(30 + i), word(50 + i))),
            options: "",
        },
        Class {
            name: "phrase",
            queries: each(|i| format!("\"{} {}\"", word(i), word(i + 1))),
            options: "",
        },
        Class {
            name: "tag and range",
            queries: each(|i| {
                format!("@brand:{{brand{i}}} @price:[{} {}]", 100 * i, 100 * i + 150)
            }),
            options: "",
        },
        Class {
            name: "range by price",
            queries: each(|i| format!("@price:[{} {}]", 50 * i, 50 * i + 300)),
            options: "SORTBY price",
        },
        Class {
            name: "term by price",
            queries: each(|i| word(20 + i)),
            options: "SORTBY price DESC",
        },
        Class {
            name: "prefix",
            queries: each(|i| format!("{}*", &word(300 + i)[..3])),
            options: "",
        },
    ]
}

fn compare(targets: &[Target], scorer: &str, rounds: usize, content: bool) -> Outcome {
    println!("FT.SEARCH, SCORER {scorer}, LIMIT 0 10{}", if content { "" } else { ", NOCONTENT" });
    let mut clients = connect_all(targets)?;
    let mut table =
        Table::new(&["query", "server", "p50", "ratio", "hits", "same total", "same ids"]);
    for class in classes() {
        let commands: Vec<Vec<String>> =
            class.queries.iter().map(|query| command(query, &class, scorer, content)).collect();
        let answers = answers(&mut clients, &commands)?;
        let times = interleaved(&mut clients, &commands, rounds)?;
        for (index, (target, &p50)) in targets.iter().zip(&times).enumerate() {
            let agreement = Agreement::of(&answers[index], &answers[0], content);
            table.row([
                class.name.into(),
                target.name.clone(),
                time(p50),
                ratio(p50, times[0]),
                count(agreement.hits),
                format!("{}/{VARIANTS}", agreement.totals),
                format!("{}/{VARIANTS}", agreement.ids),
            ]);
        }
    }
    table.print();
    Ok(())
}

fn command(query: &str, class: &Class, scorer: &str, content: bool) -> Vec<String> {
    let mut words = vec!["FT.SEARCH".to_owned(), "products".into(), query.into()];
    let options = format!("SCORER {scorer} LIMIT 0 10 DIALECT 2 {}", class.options);
    words.extend(super::words(&options));
    if !content {
        words.push("NOCONTENT".into());
    }
    words
}

/// Every server's reply to every command.
fn answers(clients: &mut [Client], commands: &[Vec<String>]) -> Outcome<Vec<Vec<Value>>> {
    let all = |client: &mut Client| commands.iter().map(|command| client.ask(command)).collect();
    Ok(clients.iter_mut().map(all).collect::<Result<_, _>>()?)
}

/// How far a server's answers agree with the first one's.
struct Agreement {
    /// Mean number of hits.
    hits: f64,
    totals: usize,
    /// Same ids on the first page, in any order: equal scores may come in any.
    ids: usize,
}

impl Agreement {
    fn of(mine: &[Value], first: &[Value], content: bool) -> Self {
        let pairs = || mine.iter().zip(first);
        let hits = mine.iter().map(total).sum::<i64>() as f64 / mine.len().max(1) as f64;
        Self {
            hits,
            totals: pairs().filter(|(a, b)| total(a) == total(b)).count(),
            ids: pairs().filter(|(a, b)| ids(a, content) == ids(b, content)).count(),
        }
    }
}

fn total(reply: &Value) -> i64 {
    if let Some(Value::Int(total)) = reply.items().first() { *total } else { -1 }
}

fn ids(reply: &Value, content: bool) -> BTreeSet<String> {
    let step = if content { 2 } else { 1 };
    reply.items().iter().skip(1).step_by(step).map(Value::text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct() {
        let all: BTreeSet<String> = (0..VOCABULARY).map(word).collect();
        assert_eq!(all.len(), VOCABULARY);
        assert!(all.iter().all(|word| (4..=8).contains(&word.len())));
    }

    #[test]
    fn documents_repeat_for_the_next_server() {
        assert_eq!(Writer::new().document(3), Writer::new().document(3));
    }
}
