//! Runs commands against two servers and reports where they differ.

use std::collections::BTreeMap;
use std::io;

use super::compare::{agree, explained};
use super::generate::{Generator, Sample};
use super::shape::lacking;
use super::templates::How;
use super::wire::{Link, Wire};

/// After so many commands the contents of all keys are compared.
const LOOK_EVERY: usize = 250;

/// Most characters of a reply that a report shows.
const BRIEF: usize = 600;

/// The family of the commands that look at all keys.
const LOOK: &str = "contents";

/// A key for what one server's DUMP says of another.
const CARRIED: &[u8] = b"carried";

/// What to run.
pub struct Plan {
    /// The servers' ports: the model first.
    pub ports: [u16; 2],
    /// The generator's seed.
    pub seed: u64,
    /// How many commands.
    pub commands: usize,
    /// Whether to speak RESP3.
    pub resp3: bool,
    /// The families' names; all when empty.
    pub families: Vec<String>,
    /// How many earlier commands on the same keys a report shows.
    pub history: usize,
}

/// What came out.
#[derive(Default)]
pub struct Outcome {
    /// Commands whose replies agreed, by family; those that look at all keys are one of their own.
    pub same: BTreeMap<&'static str, usize>,
    /// Differences that are meant, by reason.
    pub explained: BTreeMap<&'static str, usize>,
    /// Commands that one of the servers does not have, with how often they came.
    pub missing: BTreeMap<String, usize>,
    /// Descriptions of all others.
    pub differences: Vec<String>,
}

struct Pair {
    links: [Link; 2],
    /// Commands since all was removed.
    history: Vec<Sample>,
    queueing: bool,
    /// How many of them a report shows.
    shown: usize,
    resp3: bool,
}

/// Runs a plan.
///
/// # Errors
/// When a server hangs up or sends what is no reply.
pub fn run(plan: &Plan) -> io::Result<Outcome> {
    let links = [Link::open(plan.ports[0])?, Link::open(plan.ports[1])?];
    let (shown, resp3) = (plan.history, plan.resp3);
    let mut pair = Pair { links, history: Vec::new(), queueing: false, shown, resp3 };
    pair.greet()?;
    pair.clear()?;
    let mut generator = Generator::new(plan.seed, &plan.families);
    let mut outcome = Outcome::default();
    for number in 1..=plan.commands {
        let sample = generator.sample();
        pair.check(sample, &mut outcome)?;
        if number % LOOK_EVERY == 0 && !pair.queueing {
            pair.look(&mut outcome)?;
        }
    }
    Ok(outcome)
}

impl Pair {
    fn both<A: AsRef<[u8]>>(&mut self, words: &[A]) -> io::Result<[Wire; 2]> {
        let [a, b] = &mut self.links;
        a.send(words)?;
        b.send(words)?;
        Ok([a.receive()?, b.receive()?])
    }

    fn greet(&mut self) -> io::Result<()> {
        if self.resp3 {
            self.both(&["HELLO", "3"])?;
        }
        Ok(())
    }

    /// Removes all keys on both servers, so that one difference does not lead to others.
    fn clear(&mut self) -> io::Result<()> {
        if self.queueing {
            self.both(&["DISCARD"])?;
            self.queueing = false;
        }
        self.both(&["UNWATCH"])?;
        self.both(&["SELECT", "0"])?;
        self.both(&["FLUSHALL"])?;
        self.history.clear();
        Ok(())
    }

    fn check(&mut self, sample: Sample, outcome: &mut Outcome) -> io::Result<()> {
        let [a, b] = self.both(&sample.words)?;
        let name = sample.words[0].to_ascii_uppercase();
        match name.as_slice() {
            b"MULTI" if !a.is_error() => self.queueing = true,
            b"EXEC" | b"DISCARD" if sample.words.len() == 1 => self.queueing = false,
            b"RESET" if !a.is_error() => {
                self.queueing = false;
                self.greet()?;
            }
            _ => {}
        }
        if agree(sample.how, &a, &b) {
            *outcome.same.entry(sample.family).or_default() += 1;
            self.history.push(sample);
            return Ok(());
        }
        let unknown = |reply: &Wire| reply.to_string().starts_with("-ERR unknown command");
        if unknown(&a) != unknown(&b) {
            *outcome.missing.entry(name.escape_ascii().to_string()).or_default() += 1;
        } else if let Some(why) = explained(&sample.words, &a, &b) {
            *outcome.explained.entry(why).or_default() += 1;
        } else {
            outcome.differences.push(self.describe(&sample, &a, &b));
        }
        self.clear()
    }

    /// Compares the types, encodings and contents of all keys.
    fn look(&mut self, outcome: &mut Outcome) -> io::Result<()> {
        let [Wire::Many(_, keys), _] = self.both(&["KEYS", "*"])? else { return Ok(()) };
        for key in keys {
            let Wire::Text(_, key) = key else { continue };
            let [kind, _] = self.both(&[b"TYPE", key.as_slice()])?;
            let Wire::Line(_, kind) = kind else { continue };
            let words: &[&str] = match kind.as_slice() {
                b"string" => &["GET"],
                b"list" => &["LRANGE", "0", "-1"],
                b"hash" => &["HGETALL"],
                b"set" => &["SMEMBERS"],
                b"zset" => &["ZRANGE", "0", "-1", "WITHSCORES"],
                b"stream" => &["XRANGE", "-", "+"],
                _ => continue,
            };
            let ends = outcome.differences.len();
            self.content(words, &key, outcome)?;
            self.carry(words, &key, outcome)?;
            let encoding = [b"OBJECT".to_vec(), b"ENCODING".to_vec(), key].to_vec();
            self.check(Sample { words: encoding, how: How::Exact, family: LOOK }, outcome)?;
            if outcome.differences.len() > ends {
                break;
            }
        }
        Ok(())
    }

    /// Compares what a key holds, read by a command of its type.
    fn content(&mut self, words: &[&str], key: &[u8], outcome: &mut Outcome) -> io::Result<()> {
        let mut words: Vec<Vec<u8>> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        words.insert(1, key.to_vec());
        self.check(Sample { words, how: How::Unordered, family: LOOK }, outcome)
    }

    /// Gives each server what DUMP of the other says of a key, and compares what it makes of it.
    fn carry(&mut self, words: &[&str], key: &[u8], outcome: &mut Outcome) -> io::Result<()> {
        let dumps = self.both(&[b"DUMP", key])?;
        for (from, dump) in dumps.into_iter().enumerate() {
            let Wire::Text(_, dump) = dump else { continue };
            let [a, b] = self.both(&[b"RESTORE", CARRIED, b"0", &dump, b"REPLACE"])?;
            let words_of = |word: &[u8]| vec![b"RESTORE".to_vec(), key.to_vec(), word.to_vec()];
            if a.is_error() || b.is_error() {
                let words = words_of(if from == 0 { b"(first's)" } else { b"(second's)" });
                let sample = Sample { words, how: How::Exact, family: LOOK };
                outcome.differences.push(self.describe(&sample, &a, &b));
                continue;
            }
            self.content(words, CARRIED, outcome)?;
        }
        self.both(&[b"DEL", CARRIED])?;
        Ok(())
    }

    fn describe(&self, sample: &Sample, a: &Wire, b: &Wire) -> String {
        let keys: Vec<&Vec<u8>> =
            sample.words[1..].iter().filter(|word| (1..4).contains(&word.len())).collect();
        let related = |s: &&Sample| s.words[1..].iter().any(|word| keys.contains(&word));
        let all = keys.is_empty();
        let before = self.history.iter().rev().filter(|s| all || related(s));
        let mut before: Vec<String> = before.take(self.shown).map(show).collect();
        before.reverse();
        let before = before.join("; ");
        let lacking = match sample.how {
            How::Shape => format!("\n  lacks:  {}", lacking(a, b).join(", ")),
            _ => String::new(),
        };
        let (a, b) = (brief(a), brief(b));
        format!("{}\n  first:  {a}\n  second: {b}{lacking}\n  before: {before}", show(sample))
    }
}

fn brief(reply: &Wire) -> String {
    reply.to_string().chars().take(BRIEF).collect()
}

fn show(sample: &Sample) -> String {
    let word = |word: &Vec<u8>| match word.as_slice() {
        b"" => "\"\"".to_owned(),
        word if word.contains(&b' ') => format!("\"{}\"", word.escape_ascii()),
        word => word.escape_ascii().to_string(),
    };
    sample.words.iter().map(word).collect::<Vec<_>>().join(" ")
}
