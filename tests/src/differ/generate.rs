//! Random commands, of the same seed always the same.

use std::rc::Rc;

use super::templates::{FAMILIES, How, KEPT};

/// A small generator of random numbers (SplitMix64 by Steele, Lea and Flood).
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// A command and how its replies are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The words.
    pub words: Vec<Vec<u8>>,
    /// How to compare.
    pub how: How,
    /// The name of the family that it is of.
    pub family: &'static str,
}

/// A part of a template.
#[derive(Debug)]
enum Part {
    Word(String),
    /// One of these, or nothing when it is optional.
    Choice {
        options: Vec<Vec<Part>>,
        optional: bool,
    },
    Repeat(Vec<Part>),
}

/// A command's template, read once.
struct Template {
    how: How,
    parts: Vec<Part>,
}

/// Makes commands of the templates of some families.
pub struct Generator {
    dice: Dice,
    /// For each family its templates, so that small families come as often as large ones.
    families: Rc<[Templates]>,
    queueing: bool,
}

/// A family's templates, and its name.
struct Templates {
    name: &'static str,
    /// Whether they are never spoilt.
    kept: bool,
    templates: Vec<Template>,
}

/// One in so many commands is spoilt: a word too many, too few, or another.
const SPOILT: usize = 12;

/// One in so many keys is of any type.
const ANY_KEY: usize = 14;

const TYPES: &[&str] = &["s", "h", "l", "e", "z", "x", "g", "p", "b"];

impl Generator {
    /// Commands of the families of these names, or of all when there are none.
    pub fn new(seed: u64, names: &[String]) -> Self {
        let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
        let families = FAMILIES.iter().filter(|family| wanted(family.name));
        let read = |&(how, line): &(How, &str)| Template { how, parts: parse(line) };
        let families = families.map(|family| Templates {
            name: family.name,
            kept: KEPT.contains(&family.name),
            templates: family.templates.iter().map(read).collect(),
        });
        Self { dice: Dice::new(seed), families: families.collect(), queueing: false }
    }

    /// The next command.
    ///
    /// # Panics
    /// When there is no family.
    pub fn sample(&mut self) -> Sample {
        let sample = self.draw();
        if self.queueing && sample.how != How::Exact {
            // Replies of EXEC are compared byte for byte.
            return self.sample();
        }
        match sample.words.first().map(|name| name.to_ascii_uppercase()).as_deref() {
            Some(b"MULTI") => self.queueing = true,
            Some(b"EXEC" | b"DISCARD" | b"RESET") => self.queueing = false,
            _ => {}
        }
        sample
    }

    fn draw(&mut self) -> Sample {
        let families = Rc::clone(&self.families);
        let family = &families[self.dice.below(families.len())];
        let template = &family.templates[self.dice.below(family.templates.len())];
        let mut words = Vec::new();
        self.expand(&template.parts, &mut words);
        // What would wait for long, or change what all later commands do, stays as it is written.
        let kept = matches!(words[0].as_slice(), b"CONFIG" | b"SPOP")
            || words.get(1).is_some_and(|word| word == b"TRACKING");
        if !family.kept && !kept && self.dice.once_in(SPOILT) {
            self.spoil(&mut words);
        }
        Sample { words, how: template.how, family: family.name }
    }

    fn expand(&mut self, parts: &[Part], words: &mut Vec<Vec<u8>>) {
        for part in parts {
            match part {
                Part::Word(word) => self.word(word, words),
                Part::Repeat(inner) => {
                    for _ in 0..=self.dice.below(4) {
                        self.expand(inner, words);
                    }
                }
                Part::Choice { optional: true, .. } if !self.dice.once_in(3) => {}
                Part::Choice { options, .. } => {
                    let at = self.dice.below(options.len());
                    self.expand(&options[at], words);
                }
            }
        }
    }

    /// Drops, doubles or replaces a word, or adds one.
    fn spoil(&mut self, words: &mut Vec<Vec<u8>>) {
        let at = self.dice.below(words.len());
        match self.dice.below(5) {
            0 if at > 0 => {
                words.remove(at);
            }
            1 if at > 0 => words.insert(at, words[at].clone()),
            2 if at > 0 => words[at] = self.value(),
            3 => words.push(self.value()),
            _ => words.truncate(at.max(1)),
        }
    }

    fn word(&mut self, word: &str, words: &mut Vec<Vec<u8>>) {
        let Some(name) = word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) else {
            words.push(word.as_bytes().to_vec());
            return;
        };
        match name {
            "value" => words.push(self.value()),
            "command" => words.extend(self.draw().words),
            "name" => words.push(self.draw().words.remove(0)),
            "fields" => self.counted(Some("FIELDS"), "field", words),
            "pairs" => {
                let count = 1 + self.dice.below(3);
                words.extend([b"FIELDS".to_vec(), count.to_string().into_bytes()]);
                for _ in 0..count {
                    self.word("<field>", words);
                    words.push(self.value());
                }
            }
            name if name.starts_with("keys-") => {
                self.counted(None, name.trim_start_matches("keys-"), words);
            }
            "bitop" => {
                let kind = self.dice.of(&["GET", "SET", "INCRBY", "OVERFLOW"]);
                words.push(kind.into());
                if kind == "OVERFLOW" {
                    words.push(self.dice.of(&["WRAP", "SAT", "FAIL"]).into());
                    return;
                }
                words.push(self.dice.of(&["u8", "i8", "u4", "i16", "u63", "i64", "u64"]).into());
                words.push(self.dice.of(&["0", "1", "7", "#1", "#2", "100", "-1"]).into());
                if kind != "GET" {
                    self.word("<int>", words);
                }
            }
            name => {
                let word = self.simple(name);
                words.push(word);
            }
        }
    }

    /// A number and so many words, now and then of another number.
    fn counted(&mut self, keyword: Option<&str>, name: &str, words: &mut Vec<Vec<u8>>) {
        words.extend(keyword.map(|keyword| keyword.as_bytes().to_vec()));
        let count = 1 + self.dice.below(3);
        let said = if self.dice.once_in(20) { self.dice.below(5) } else { count };
        words.push(said.to_string().into_bytes());
        for _ in 0..count {
            let word = self.simple(name);
            words.push(word);
        }
    }

    fn simple(&mut self, name: &str) -> Vec<u8> {
        let word = match name {
            "key" => format!("{}{}", self.dice.of(TYPES), 1 + self.dice.below(3)),
            name if TYPES.contains(&name) => {
                let kind = if self.dice.once_in(ANY_KEY) { self.dice.of(TYPES) } else { name };
                format!("{kind}{}", 1 + self.dice.below(3))
            }
            "field" => format!("f{}", 1 + self.dice.below(6)),
            "member" if self.dice.once_in(4) => self.dice.below(6).to_string(),
            "member" => format!("m{}", 1 + self.dice.below(6)),
            "group" => format!("g{}", 1 + self.dice.below(2)),
            "consumer" => format!("c{}", 1 + self.dice.below(2)),
            "int" if self.dice.once_in(8) => self.odd_number().to_owned(),
            "int" => self.dice.below(12).to_string(),
            "index" if self.dice.once_in(14) => self.odd_number().to_owned(),
            "index" => (self.dice.below(12) as i64 - 5).to_string(),
            "offset" => self.dice.of(&["0", "1", "5", "7", "8", "100", "-1", "x", "1000"]).into(),
            "float" if self.dice.once_in(8) => self.odd_number().to_owned(),
            "float" => self.dice.of(&["1", "2.5", "-1", "0.1", "1e3", "-0", "3.0", "17"]).into(),
            "bound" => {
                let bounds = ["-inf", "+inf", "0", "1", "(1", "2.5", "(2.5", "17", "(", "x", "inf"];
                self.dice.of(&bounds).into()
            }
            "lex" => self.dice.of(&["-", "+", "[m1", "(m1", "[m3", "(m5", "m1", "[", "("]).into(),
            "ttl" => {
                let times = ["1000", "100000", "5000", "0", "-1", "x", "9223372036854775807"];
                let usual = if self.dice.once_in(4) { times.len() } else { 3 };
                self.dice.of(&times[..usual]).into()
            }
            "when" => {
                let times = ["5000000000", "5000000001", "5000000002000", "1", "0", "-1", "x"];
                let usual = if self.dice.once_in(4) { times.len() } else { 3 };
                self.dice.of(&times[..usual]).into()
            }
            "id" if self.dice.once_in(10) => self.dice.of(&["x", "0-0", "1-x", "-1", "*1"]).into(),
            "id" => format!("{}-{}", 1 + self.dice.below(30), self.dice.below(3)),
            "newid" => self.dice.of(&["50-*", "60-*", "70-*", "5-*", "80-1", "x-*"]).into(),
            "wait" => self.dice.of(&["0.01", "0.001", "0.01", "-1", "x", "1e400", "nan"]).into(),
            "cursor" => self.dice.of(&["0", "0", "1", "x", "-1", "18446744073709551615"]).into(),
            "lon" => self.dice.of(&["13.361389", "15.087269", "2.35", "-0.12", "181", "x"]).into(),
            "lat" => self.dice.of(&["38.115556", "37.502669", "48.85", "51.5", "-86", "x"]).into(),
            "radius" => self.dice.of(&["200", "1500", "5000", "0", "-1", "x"]).into(),
            other => panic!("no such placeholder: <{other}>"),
        };
        word.into_bytes()
    }

    fn odd_number(&mut self) -> &'static str {
        self.dice.of(&[
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "x",
            "",
            "1.5",
            "+1",
            "01",
            " 1",
            "0",
            "-0",
            "nan",
            "inf",
            "1e400",
        ])
    }

    fn value(&mut self) -> Vec<u8> {
        match self.dice.below(12) {
            0 => Vec::new(),
            1 => vec![b'x'; 100],
            2 => b"\xff\x00\r\n".to_vec(),
            3 => self.odd_number().into(),
            4 => self.dice.of(&["3.25", "-1e5", "0.1"]).into(),
            5 | 6 => self.dice.below(100).to_string().into_bytes(),
            7 => format!("m{}", 1 + self.dice.below(6)).into_bytes(),
            _ => format!("value{}", self.dice.below(20)).into_bytes(),
        }
    }
}

/// Reads a template.
fn parse(line: &str) -> Vec<Part> {
    let mut words = split(line).into_iter().peekable();
    sequence(&mut words)
}

/// The words and marks of a template.
fn split(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for word in line.split_whitespace() {
        if word == "[hl]?" {
            out.push(word.to_owned());
            continue;
        }
        let mut rest = word;
        while let Some(mark) = rest.chars().next().filter(|c| "[{(".contains(*c)) {
            out.push(mark.to_string());
            rest = &rest[1..];
        }
        let mut tail = Vec::new();
        while let Some(head) = rest.strip_suffix(")*").filter(|_| rest.len() > 1) {
            tail.push(")*");
            rest = head;
        }
        while let Some(mark) = rest.chars().last().filter(|c| "]}".contains(*c)) {
            tail.push(if mark == ']' { "]" } else { "}" });
            rest = &rest[..rest.len() - 1];
        }
        out.extend((!rest.is_empty()).then(|| rest.to_owned()));
        out.extend(tail.into_iter().rev().map(str::to_owned));
    }
    out
}

type Words = std::iter::Peekable<std::vec::IntoIter<String>>;

fn sequence(words: &mut Words) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some(word) = words.next_if(|w| !matches!(w.as_str(), "|" | "]" | "}" | ")*")) {
        parts.push(match word.as_str() {
            "[" => Part::Choice { options: options(words), optional: true },
            "{" => Part::Choice { options: options(words), optional: false },
            "(" => {
                let inner = sequence(words);
                words.next();
                Part::Repeat(inner)
            }
            _ => Part::Word(word),
        });
    }
    parts
}

/// The alternatives of a group, and the mark that ends it.
fn options(words: &mut Words) -> Vec<Vec<Part>> {
    let mut options = vec![sequence(words)];
    while words.next().is_some_and(|mark| mark == "|") {
        options.push(sequence(words));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(seed: u64) -> Vec<Sample> {
        let mut generator = Generator::new(seed, &[]);
        (0..20_000).map(|_| generator.sample()).collect()
    }

    #[test]
    fn a_seed_gives_the_same_commands_again() {
        assert_eq!(many(1), many(1));
        assert_ne!(many(1), many(2));
    }

    #[test]
    fn every_template_is_used_and_leaves_no_marks() {
        let samples = many(3);
        for (_, line) in FAMILIES.iter().flat_map(|family| family.templates) {
            let name = line.split(' ').next().unwrap().as_bytes();
            assert!(samples.iter().any(|s| s.words.first().is_some_and(|w| w == name)), "{line}");
        }
        let marks: [&[u8]; 6] = [b"[HL", b"]", b"{", b"}", b"|", b")*"];
        assert!(samples.iter().flat_map(|s| &s.words).all(|w| !marks.contains(&w.as_slice())));
    }
}
