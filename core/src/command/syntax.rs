//! The notation of a command's arguments, as the documentation writes it, made into a tree.
//!
//! ```text
//! key value [NX | XX] [GET] [EX seconds | PX milliseconds] field [field ...]
//! ```
//!
//! A capital word is a token; a token before a name belongs to it. `[ ]` is optional, `< >` a
//! group, `|` an alternative, and `x [x ...]` means that `x` may be repeated.

/// The type of an argument, in COMMAND DOCS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// An integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A time in Unix seconds or milliseconds.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of several arguments.
    OneOf,
    /// Several arguments together.
    Block,
}

impl Kind {
    /// Its name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }

    fn of(name: &str) -> Self {
        const INTEGERS: [&str; 26] = [
            "seconds",
            "milliseconds",
            "count",
            "index",
            "start",
            "stop",
            "end",
            "offset",
            "increment",
            "decrement",
            "cursor",
            "db",
            "destination-db",
            "numkeys",
            "timestamp",
            "len",
            "rank",
            "num-matches",
            "num",
            "samples",
            "bit",
            "sourceindex",
            "min-match-len",
            "width",
            "height",
            "protover",
        ];
        match name {
            "key" | "source" | "destination" | "newkey" | "key1" | "key2" | "destkey" => Kind::Key,
            "pattern" => Kind::Pattern,
            "timeout" | "score" | "radius" | "weight" | "longitude" | "latitude" => Kind::Double,
            n if n.starts_with("unix-time") => Kind::UnixTime,
            n if INTEGERS.contains(&n) => Kind::Integer,
            _ => Kind::String,
        }
    }
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name in lower case.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The word before it.
    pub token: Option<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be repeated.
    pub multiple: bool,
    /// The parts of a group.
    pub parts: Vec<Argument>,
}

impl Argument {
    fn new(name: &str, kind: Kind) -> Self {
        let name = name.to_lowercase();
        Self { name, kind, token: None, optional: false, multiple: false, parts: Vec::new() }
    }
}

/// Parses a notation. What it cannot make sense of is left out: the notations are our own, and a
/// test reads all of them.
pub fn parse(syntax: &str) -> Vec<Argument> {
    let spaced: String = syntax
        .chars()
        .flat_map(|c| if "[]<>|".contains(c) { vec![' ', c, ' '] } else { vec![c] })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    sequence(&words, &mut at)
}

/// Arguments up to the end of a group or an alternative.
fn sequence(words: &[&str], at: &mut usize) -> Vec<Argument> {
    let mut out: Vec<Argument> = Vec::new();
    while let Some(&word) = words.get(*at) {
        match word {
            "]" | ">" | "|" => break,
            "[" | "<" => {
                *at += 1;
                if let Some(end) = repetition(words, *at) {
                    if let Some(last) = out.last_mut() {
                        last.multiple = true;
                    }
                    *at = end;
                    continue;
                }
                if let Some(mut group) = alternatives(words, at) {
                    group.optional |= word == "[";
                    out.push(group);
                }
                *at += 1;
            }
            _ => {
                *at += 1;
                out.push(single(word, words, at));
            }
        }
    }
    out
}

/// Where a group that only says "and so on" ends.
fn repetition(words: &[&str], from: usize) -> Option<usize> {
    let close = from + words[from..].iter().position(|w| *w == "]")?;
    let inner = &words[from..close];
    (inner.last() == Some(&"...") && !inner.contains(&"[")).then_some(close + 1)
}

fn alternatives(words: &[&str], at: &mut usize) -> Option<Argument> {
    let mut options = Vec::new();
    loop {
        let mut parts = sequence(words, at);
        match parts.len() {
            0 => {}
            1 => options.append(&mut parts),
            _ => {
                let mut block = Argument::new(&parts[0].name.clone(), Kind::Block);
                block.parts = parts;
                options.push(block);
            }
        }
        if words.get(*at) != Some(&"|") {
            break;
        }
        *at += 1;
    }
    if options.len() <= 1 {
        return options.pop();
    }
    let mut group = Argument::new(&options[0].name.clone(), Kind::OneOf);
    group.parts = options;
    Some(group)
}

fn is_token(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_uppercase()) && !word.chars().any(|c| c.is_ascii_lowercase())
}

fn single(word: &str, words: &[&str], at: &mut usize) -> Argument {
    if !is_token(word) {
        return Argument::new(word, Kind::of(word));
    }
    match words.get(*at) {
        Some(next) if !is_token(next) && !["[", "]", "<", ">", "|", "..."].contains(next) => {
            *at += 1;
            let mut argument = Argument::new(next, Kind::of(next));
            argument.token = Some(word.to_string());
            argument
        }
        _ => {
            let mut argument = Argument::new(word, Kind::PureToken);
            argument.token = Some(word.to_string());
            argument
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notation_becomes_a_tree() {
        let tree = parse("key value [NX | XX] [GET] [EX seconds | KEEPTTL] field [field ...]");
        let names: Vec<&str> = tree.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["key", "value", "nx", "get", "seconds", "field"]);
        assert_eq!(tree[0].kind, Kind::Key);
        assert_eq!((tree[2].kind, tree[2].optional, tree[2].parts.len()), (Kind::OneOf, true, 2));
        assert_eq!((tree[3].kind, tree[3].token.as_deref()), (Kind::PureToken, Some("GET")));
        let ex = &tree[4].parts[0];
        assert_eq!((ex.kind, ex.token.as_deref()), (Kind::Integer, Some("EX")));
        assert!(tree[5].multiple && !tree[5].optional);
    }
}
