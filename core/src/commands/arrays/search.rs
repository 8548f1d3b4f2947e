//! ARGREP and AROP: finding values by their text, and computing with those of a range.

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

use super::super::options::is;
use super::super::parts::positive;
use super::{index, read, walk, write_index, write_pair};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
use crate::types::array::{Array, MAX_INDEX};
use crate::util::{glob, num};

/// Bytes that a compiled regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// The longest pattern of a regular expression.
const PATTERN_MAX: usize = 64 << 10;

/// What a value's text is asked for.
enum Predicate<'a> {
    Exact(&'a [u8]),
    Contains(&'a [u8]),
    Glob(&'a [u8]),
    Regex(&'a [u8]),
}

/// Makes a predicate of its text.
type Make<'a> = fn(&'a [u8]) -> Predicate<'a>;

/// A predicate that is ready to be asked.
enum Test<'a> {
    Exact(&'a [u8]),
    Contains(memmem::Finder<'a>),
    /// In lower case.
    ContainsFolded(memmem::Finder<'static>),
    Glob(&'a [u8]),
    Regex(Box<Regex>),
}

impl<'a> Predicate<'a> {
    fn parse(name: &[u8], text: &'a [u8]) -> Option<Self> {
        let kinds: [(&str, Make<'a>); 4] = [
            ("EXACT", Self::Exact),
            ("MATCH", Self::Contains),
            ("GLOB", Self::Glob),
            ("RE", Self::Regex),
        ];
        kinds.into_iter().find(|(kind, _)| is(name, kind)).map(|(_, make)| make(text))
    }

    fn compile(self, fold: bool) -> Result<Test<'a>, CmdError> {
        Ok(match self {
            Self::Exact(text) => Test::Exact(text),
            Self::Contains(text) if fold => {
                let folded = text.to_ascii_lowercase();
                Test::ContainsFolded(memmem::Finder::new(&folded).into_owned())
            }
            Self::Contains(text) => Test::Contains(memmem::Finder::new(text)),
            Self::Glob(pattern) => Test::Glob(pattern),
            Self::Regex(pattern) => Test::Regex(Box::new(regex(pattern, fold)?)),
        })
    }
}

fn regex(pattern: &[u8], fold: bool) -> Result<Regex, CmdError> {
    const INVALID: CmdError = CmdError::fixed("ERR invalid regular expression");
    let text = std::str::from_utf8(pattern).map_err(|_| INVALID)?;
    if text.len() > PATTERN_MAX {
        return Err(INVALID);
    }
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(fold).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES);
    builder.build().map_err(|_| INVALID)
}

impl Test<'_> {
    fn holds(&self, value: &[u8], fold: bool) -> bool {
        match self {
            Self::Exact(text) if fold => value.eq_ignore_ascii_case(text),
            Self::Exact(text) => value == *text,
            Self::Contains(finder) => finder.find(value).is_some(),
            Self::ContainsFolded(finder) => finder.find(&value.to_ascii_lowercase()).is_some(),
            Self::Glob(pattern) if fold => glob::matches_ignoring_case(pattern, value),
            Self::Glob(pattern) => glob::matches(pattern, value),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// The predicates and options of ARGREP.
struct Grep<'a> {
    tests: Vec<Test<'a>>,
    all: bool,
    fold: bool,
    values: bool,
    limit: usize,
}

impl<'a> Grep<'a> {
    fn parse(words: &[&'a [u8]]) -> Result<Self, CmdError> {
        let mut predicates = Vec::new();
        let (mut all, mut fold, mut values, mut limit) = (false, false, false, usize::MAX);
        let mut rest = words;
        while let [word, after @ ..] = rest {
            rest = after;
            match after {
                _ if is(word, "AND") => all = true,
                _ if is(word, "OR") => all = false,
                _ if is(word, "NOCASE") => fold = true,
                _ if is(word, "WITHVALUES") => values = true,
                [value, after @ ..] => {
                    rest = after;
                    if is(word, "LIMIT") {
                        limit = positive(value, "ERR LIMIT must be a positive integer")?;
                    } else {
                        let predicate = Predicate::parse(word, value);
                        predicates.push(predicate.ok_or(CmdError::SYNTAX)?);
                    }
                }
                [] => return Err(CmdError::SYNTAX),
            }
        }
        if predicates.is_empty() {
            return Err(CmdError::SYNTAX);
        }
        let tests: Result<Vec<Test<'a>>, CmdError> =
            predicates.into_iter().map(|predicate| predicate.compile(fold)).collect();
        Ok(Self { tests: tests?, all, fold, values, limit })
    }

    fn holds(&self, value: &[u8]) -> bool {
        let mut tests = self.tests.iter();
        match self.all {
            true => tests.all(|test| test.holds(value, self.fold)),
            false => tests.any(|test| test.holds(value, self.fold)),
        }
    }
}

/// Reads an end of a range: an index, `-` for the first or `+` for the last.
fn bound(word: &[u8], array: Option<&Array>) -> Result<u64, CmdError> {
    match word {
        b"-" => Ok(0),
        b"+" => Ok(array.map_or(0, |array| array.len().saturating_sub(1)).min(MAX_INDEX)),
        _ => index(word),
    }
}

pub(super) fn argrep(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let grep = Grep::parse(&args[4..])?;
    let (array, reply) = read(ctx, args[1])?;
    let (start, end) = (bound(args[2], array)?, bound(args[3], array)?);
    let head = reply.defer(Aggregate::Array);
    let mut written = 0;
    if let Some(array) = array {
        walk(array, start, end, |at, value| {
            if grep.holds(value) {
                match grep.values {
                    true => write_pair(reply, at, value),
                    false => write_index(reply, at),
                }
                written += 1;
            }
            written < grep.limit
        });
    }
    reply.finish(head, written);
    Ok(Flow::Done)
}

/// Makes one number of two.
type Fold = fn(Number, Number) -> Number;

/// A number as AROP computes with it.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn parse(text: &[u8]) -> Option<Self> {
        match num::parse_i64(text) {
            Some(n) => Some(Self::Int(n)),
            None => num::parse_f64(text).filter(|n| !n.is_nan()).map(Self::Float),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    /// Without its fraction; the nearest that there is if it is too large.
    fn int(self) -> i64 {
        match self {
            Self::Int(n) => n,
            Self::Float(n) => n as i64,
        }
    }

    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => {
                a.checked_add(b).map_or(Self::Float(a as f64 + b as f64), Self::Int)
            }
            _ => Self::Float(self.float() + other.float()),
        }
    }

    fn min(self, other: Self) -> Self {
        if other.is_below(self) { other } else { self }
    }

    fn max(self, other: Self) -> Self {
        if self.is_below(other) { other } else { self }
    }

    fn is_below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            _ => self.float() < other.float(),
        }
    }

    fn write(self, reply: &mut Reply) {
        match self {
            Self::Int(n) => reply.bulk_int(n),
            Self::Float(n) => reply.bulk(num::format_f64(n)),
        }
    }
}

pub(super) fn arop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (start, end) = (index(args[2])?, index(args[3])?);
    let range = (start.min(end), start.max(end));
    let (operation, rest) = (args[4], &args[5..]);
    let wanted = match rest {
        [value] if is(operation, "MATCH") => Some(*value),
        [] => None,
        _ => return Err(CmdError::SYNTAX),
    };
    let (array, reply) = read(ctx, args[1])?;
    if wanted.is_some() || is(operation, "USED") {
        let count = count(array, range, |value| wanted.is_none_or(|wanted| wanted == value));
        write_index(reply, count);
        return Ok(Flow::Done);
    }
    let folds: [(&str, Fold); 3] =
        [("SUM", Number::add), ("MIN", Number::min), ("MAX", Number::max)];
    if let Some((_, fold)) = folds.into_iter().find(|(name, _)| is(operation, name)) {
        match numbers(array, range, fold) {
            Some(result) => result.write(reply),
            None => reply.null(),
        }
        return Ok(Flow::Done);
    }
    let bits: [(&str, Fold); 3] = [
        ("AND", |a, b| Number::Int(a.int() & b.int())),
        ("OR", |a, b| Number::Int(a.int() | b.int())),
        ("XOR", |a, b| Number::Int(a.int() ^ b.int())),
    ];
    let Some((_, fold)) = bits.into_iter().find(|(name, _)| is(operation, name)) else {
        return Err(CmdError::SYNTAX);
    };
    match numbers(array, range, fold) {
        Some(result) => reply.int(result.int()),
        None => reply.null(),
    }
    Ok(Flow::Done)
}

/// How many values of a range are wanted.
fn count(array: Option<&Array>, range: (u64, u64), wanted: impl Fn(&[u8]) -> bool) -> u64 {
    let mut count = 0;
    if let Some(array) = array {
        array.scan(range.0, range.1, |_, value| {
            count += u64::from(wanted(value));
            true
        });
    }
    count
}

/// Folds the numbers of a range; `None` when there are none. Other values do not count.
fn numbers(array: Option<&Array>, (start, end): (u64, u64), fold: Fold) -> Option<Number> {
    let mut result: Option<Number> = None;
    array?.scan(start, end, |_, value| {
        if let Some(number) = Number::parse(value) {
            result = Some(result.map_or(number, |before| fold(before, number)));
        }
        true
    });
    result
}
