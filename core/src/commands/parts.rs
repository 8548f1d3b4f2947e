//! What families of commands on collections have in common: reading counts, time-outs and the
//! options of HSCAN and its like, and answering with elements of compact structures.

use crate::command::{Ctx, Flow, Outcome};
use crate::ds::listpack::Element;
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};
use crate::util::long_double::LongDouble;
use crate::util::random::Random;
use crate::util::{glob, num};
use crate::value::Object;

/// Elements that a scan looks at in one call when COUNT does not say.
const SCAN_COUNT: u64 = 10;

/// A scan goes on to further parts of a table until it has seen COUNT elements, but only so many
/// times COUNT parts, since parts may be empty.
const SCAN_PARTS: u64 = 10;

/// Answers with an element of a compact structure.
pub(crate) fn element(reply: &mut Reply, element: Element<'_>) {
    match element {
        Element::Int(n) => reply.bulk_int(n),
        Element::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Reads an integer.
pub(crate) fn int(word: &[u8]) -> Result<i64, CmdError> {
    num::parse_i64(word).ok_or(CmdError::NOT_INT)
}

/// Reads an integer between these, inclusive.
pub(crate) fn int_between(word: &[u8], least: i64, most: i64) -> Result<i64, CmdError> {
    match int(word)? {
        n if (least..=most).contains(&n) => Ok(n),
        _ => Err(CmdError::new(format!(
            "ERR value is out of range, value must between {least} and {most}"
        ))),
    }
}

/// Reads a number of elements that may be 0.
pub(crate) fn count(word: &[u8]) -> Result<usize, CmdError> {
    let n = num::parse_i64(word).and_then(|n| usize::try_from(n).ok());
    n.ok_or(CmdError::fixed("ERR value is out of range, must be positive"))
}

/// Reads an integer above 0; everything else is answered with `error`.
pub(crate) fn positive(word: &[u8], error: &'static str) -> Result<usize, CmdError> {
    let n = num::parse_i64(word).filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
    n.ok_or(CmdError::fixed(error))
}

/// Reads the time-out of a blocking command, in seconds with fractions, and returns the moment at
/// which it is over in Unix milliseconds; `None` for a time-out of 0, which is never.
pub(crate) fn deadline(ctx: &Ctx<'_, '_>, word: &[u8]) -> Result<Option<f64>, CmdError> {
    const OUT_OF_RANGE: CmdError = CmdError::fixed("ERR timeout is out of range");
    // A number that only an extended-precision float can hold is one, though out of range.
    LongDouble::parse(word).ok_or(CmdError::fixed("ERR timeout is not a float or out of range"))?;
    let huge = if word.starts_with(b"-") { f64::NEG_INFINITY } else { f64::INFINITY };
    let seconds = num::parse_f64(word).unwrap_or(huge);
    let millis = (seconds * 1000.0).ceil();
    // Not the command's whole milliseconds: a wait must never be shorter than was asked for.
    let now = ctx.space.worker().clock.get() as f64 / 1e6;
    if millis >= i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    if millis < 0.0 {
        return Err(CmdError::fixed("ERR timeout is negative"));
    }
    if millis == 0.0 {
        return Ok(None);
    }
    match now + millis {
        at if at >= i64::MAX as f64 => Err(OUT_OF_RANGE),
        at => Ok(Some(at)),
    }
}

/// Indices as Redis counts them, from the end when negative, as a range of existing ones; empty
/// when they select nothing.
pub(crate) fn index_range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let at = |index: i64| match index {
        0.. => usize::try_from(index).unwrap_or(usize::MAX),
        _ => len.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    // A stop before the first element selects nothing, a start before it the first.
    if stop < 0 && stop.unsigned_abs() > len as u64 {
        return 0..0;
    }
    let (start, end) = (at(start), at(stop).saturating_add(1).min(len));
    if start >= end { 0..0 } else { start..end }
}

/// Passes `count` of `items`, which are `len` in number, to `f`, all choices being equally likely.
///
/// Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
pub(crate) fn sample<T>(
    items: impl Iterator<Item = T>,
    len: usize,
    count: usize,
    random: &mut Random,
    mut f: impl FnMut(T),
) {
    let (mut wanted, mut left) = (count, len);
    for item in items {
        if wanted == 0 {
            break;
        }
        if random.index(left) < wanted {
            f(item);
            wanted -= 1;
        }
        left = left.saturating_sub(1);
    }
}

/// Answers a scan of the collection at a key: `args` are all words of the command, `values` says
/// whether NOVALUES is allowed, and `part` passes the elements from a cursor on to [`Found`] and
/// returns the next cursor.
pub(crate) fn scan<T: Object>(
    ctx: &mut Ctx<'_, '_>,
    args: &[&[u8]],
    values: bool,
    mut part: impl FnMut(&T, u64, &mut Found<'_, '_>) -> u64,
) -> Outcome {
    ScanArgs::cursor(args[2])?;
    let Some(collection) = ctx.space.object::<T>(args[1])? else {
        ScanArgs::answer_nothing(ctx.reply);
        return Ok(Flow::Done);
    };
    let wanted = ScanArgs::parse(&args[2..], values)?;
    wanted.answer(ctx.reply, |cursor, found| part(collection, cursor, found));
    Ok(Flow::Done)
}

/// The arguments of a scan of one collection.
pub(crate) struct ScanArgs<'a> {
    cursor: u64,
    pattern: Option<&'a [u8]>,
    count: u64,
    /// Whether only names are asked for.
    no_values: bool,
}

impl<'a> ScanArgs<'a> {
    /// The answer to NOVALUES where there are no values.
    pub(crate) const NO_VALUES: CmdError =
        CmdError::fixed("ERR NOVALUES option can only be used in HSCAN");

    /// Reads a cursor alone: the options do not matter where there is nothing to scan. As in Redis,
    /// white space, a plus sign and zeros may stand before the digits.
    pub(crate) fn cursor(word: &[u8]) -> Result<u64, CmdError> {
        let cursor = num::parse_u64(word)
            .or_else(|| std::str::from_utf8(word).ok()?.trim_ascii_start().parse().ok());
        cursor.ok_or(CmdError::fixed("ERR invalid cursor"))
    }

    /// Reads `cursor [MATCH pattern] [COUNT count] [NOVALUES]`; the last only where `values` says
    /// that there are any.
    ///
    /// # Errors
    /// For anything else.
    pub(crate) fn parse(words: &[&'a [u8]], values: bool) -> Result<Self, CmdError> {
        let [cursor, options @ ..] = words else { return Err(CmdError::SYNTAX) };
        let cursor = Self::cursor(cursor)?;
        let mut args = Self { cursor, pattern: None, count: SCAN_COUNT, no_values: false };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            if option.eq_ignore_ascii_case(b"NOVALUES") {
                if !values {
                    return Err(Self::NO_VALUES);
                }
                args.no_values = true;
                continue;
            }
            let value = *options.next().ok_or(CmdError::SYNTAX)?;
            if option.eq_ignore_ascii_case(b"MATCH") {
                args.pattern = (value != b"*").then_some(value);
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                args.count = match int(value)? {
                    n if n < 1 => return Err(CmdError::SYNTAX),
                    n => n.unsigned_abs(),
                };
            } else {
                return Err(CmdError::SYNTAX);
            }
        }
        Ok(args)
    }

    /// Whether the pattern, if there is one, matches a name.
    fn matches(&self, name: Element<'_>) -> bool {
        let Some(pattern) = self.pattern else { return true };
        glob::matches(pattern, name.as_bytes(&mut itoa::Buffer::new()))
    }

    /// Answers as a scan that found nothing and is over.
    fn answer_nothing(reply: &mut Reply) {
        reply.array(2);
        reply.bulk("0");
        reply.array(0);
    }

    /// Answers with what `scan` finds, which passes the elements from a cursor on to [`Found`] and
    /// returns the next cursor.
    fn answer(&self, reply: &mut Reply, mut scan: impl FnMut(u64, &mut Found<'_, 'a>) -> u64) {
        let mut found = Found { args: self, reply: Reply::new(reply.proto()), len: 0, seen: 0 };
        let list = found.reply.defer(Aggregate::Array);
        let next = self.run(|cursor| {
            found.seen = 0;
            (scan(cursor, &mut found), found.seen)
        });
        found.reply.finish(list, found.len);
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(next));
        reply.raw(found.reply.as_bytes());
    }

    /// Calls `part`, which scans from a cursor and returns the next one and how many elements it
    /// saw, until that is enough. Returns the cursor for the client.
    fn run(&self, mut part: impl FnMut(u64) -> (u64, u64)) -> u64 {
        let (mut cursor, mut seen) = (self.cursor, 0);
        for _ in 0..self.count.saturating_mul(SCAN_PARTS) {
            let (next, here) = part(cursor);
            (cursor, seen) = (next, seen + here);
            if cursor == 0 || seen >= self.count {
                break;
            }
        }
        cursor
    }
}

/// What a scan of one collection has found.
pub(crate) struct Found<'s, 'a> {
    args: &'s ScanArgs<'a>,
    reply: Reply,
    len: usize,
    seen: u64,
}

impl Found<'_, '_> {
    /// Takes an element if its name is asked for; true when its value is to follow.
    pub(crate) fn name(&mut self, name: Element<'_>) -> bool {
        self.seen += 1;
        let matches = self.args.matches(name);
        if matches {
            self.value(|reply| element(reply, name));
        }
        matches && !self.args.no_values
    }

    /// Adds the value of the element just taken.
    pub(crate) fn value(&mut self, write: impl FnOnce(&mut Reply)) {
        write(&mut self.reply);
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_those_of_a_slice(start in -12i64..12, stop in -12i64..12, len in 0usize..10) {
            let at = |index: i64| if index < 0 { index + len as i64 } else { index };
            let chosen: Vec<i64> =
                (0..len as i64).filter(|i| *i >= at(start) && *i <= at(stop)).collect();
            let range = index_range(start, stop, len);
            prop_assert_eq!(range.map(|i| i as i64).collect::<Vec<_>>(), chosen);
        }
    }

    #[test]
    fn extreme_indices_do_no_harm() {
        assert_eq!(index_range(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(index_range(i64::MAX, i64::MIN, 3), 0..0);
        assert_eq!(index_range(i64::MIN, i64::MIN, 3), 0..0);
        assert_eq!(index_range(0, -1, 0), 0..0);
    }
}
