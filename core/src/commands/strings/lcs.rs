//! LCS: the longest common subsequence of two strings.
//!
//! The textbook dynamic programme (Wagner and Fischer, 1974): a table of the lengths for all pairs
//! of prefixes, and a walk back through it that finds the sequence and its ranges.

use std::sync::atomic::Ordering;

use super::{RO_ACCESS, STRING};
use crate::command::{Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{int, is};
use crate::error::CmdError;
use crate::reply::{Aggregate, Reply};

/// The commands of this file.
pub const SPECS: &[Spec] = &[Spec {
    name: "lcs",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::range(1, 1, 1, RO_ACCESS)],
    since: "7.0.0",
    summary: "Finds the longest common subsequence of two strings",
    complexity: "O(N*M) in the lengths of the strings",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    handler: lcs,
    ..STRING
}];

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    min_match: usize,
    with_match_len: bool,
}

impl Options {
    fn parse(words: &[&[u8]]) -> Result<Self, CmdError> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word {
                word if is(word, "LEN") => options.len = true,
                word if is(word, "IDX") => options.idx = true,
                word if is(word, "WITHMATCHLEN") => options.with_match_len = true,
                word if is(word, "MINMATCHLEN") => {
                    let least = int(words.next().ok_or(CmdError::SYNTAX)?)?;
                    options.min_match = usize::try_from(least).unwrap_or(0);
                }
                _ => return Err(CmdError::SYNTAX),
            }
        }
        if options.len && options.idx {
            let text = "ERR If you want both the length and indexes, please just use IDX.";
            return Err(CmdError::fixed(text));
        }
        Ok(options)
    }
}

fn lcs(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (a, b) = (text(ctx, args[1])?, text(ctx, args[2])?);
    let options = Options::parse(&args[3..])?;
    let limit = ctx.engine().tuning.max_bulk_len.load(Ordering::Relaxed);
    let table = Table::new(&a, &b, limit)?;
    match options {
        Options { len: true, .. } => ctx.reply.count(table.len()),
        Options { idx: true, .. } => write_ranges(ctx.reply, &table, &options),
        _ => ctx.reply.bulk(table.sequence()),
    }
    Ok(Flow::Done)
}

fn text(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Result<Vec<u8>, CmdError> {
    let found = ctx.space.string(key);
    let found =
        found.map_err(|_| CmdError::fixed("ERR The specified keys must contain string values"))?;
    Ok(found.map_or_else(Vec::new, |value| value.to_vec()))
}

/// The lengths of the longest common subsequences of all prefixes of two strings.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    lengths: Vec<u32>,
}

/// A run of bytes that is in both strings, by its last positions and its length.
struct Match {
    a_end: usize,
    b_end: usize,
    len: usize,
}

impl<'a> Table<'a> {
    /// Fills the table, unless it would take more than `limit` bytes.
    fn new(a: &'a [u8], b: &'a [u8], limit: u64) -> Result<Self, CmdError> {
        let cells = (a.len() as u64 + 1).checked_mul(b.len() as u64 + 1);
        let bytes = cells.and_then(|n| n.checked_mul(size_of::<u32>() as u64));
        let too_long = CmdError::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        );
        bytes.filter(|&n| n <= limit).ok_or(too_long)?;
        let width = b.len() + 1;
        let mut lengths = vec![0u32; (a.len() + 1) * width];
        for (i, x) in a.iter().enumerate() {
            let (above, below) = lengths[i * width..(i + 2) * width].split_at_mut(width);
            for (j, y) in b.iter().enumerate() {
                below[j + 1] = if x == y { above[j] + 1 } else { above[j + 1].max(below[j]) };
            }
        }
        Ok(Self { a, b, lengths })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * (self.b.len() + 1) + j]
    }

    fn len(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// Walks from the ends to the starts and calls `matched` with each pair of positions that
    /// belongs to the subsequence.
    fn walk(&self, mut matched: impl FnMut(usize, usize)) {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                matched(i - 1, j - 1);
                (i, j) = (i - 1, j - 1);
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }

    fn sequence(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.walk(|i, _| bytes.push(self.a[i]));
        bytes.reverse();
        bytes
    }

    /// The runs, the last one first.
    fn matches(&self) -> Vec<Match> {
        let mut runs: Vec<Match> = Vec::new();
        self.walk(|i, j| match runs.last_mut() {
            Some(run) if run.a_end == i + run.len && run.b_end == j + run.len => run.len += 1,
            _ => runs.push(Match { a_end: i, b_end: j, len: 1 }),
        });
        runs
    }
}

fn write_ranges(reply: &mut Reply, table: &Table<'_>, options: &Options) {
    reply.map(2);
    reply.bulk("matches");
    let list = reply.defer(Aggregate::Array);
    let mut count = 0;
    for run in table.matches().iter().filter(|run| run.len >= options.min_match) {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for end in [run.a_end, run.b_end] {
            reply.array(2);
            reply.count(end + 1 - run.len);
            reply.count(end);
        }
        if options.with_match_len {
            reply.count(run.len);
        }
        count += 1;
    }
    reply.finish(list, count);
    reply.bulk("len");
    reply.count(table.len());
}
