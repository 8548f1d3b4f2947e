//! BITCOUNT and BITPOS: counting and finding bits in a range.

use super::{BITMAP, RO_ACCESS};
use crate::command::{Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{int, is};
use crate::error::CmdError;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "bitcount",
        arity: -2,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "2.6.0",
        summary: "Counts the bits that are set in the string at a key",
        complexity: "O(N) in the length of the range",
        syntax: "key [start end [BYTE | BIT]]",
        handler: bitcount,
        ..BITMAP
    },
    Spec {
        name: "bitpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "2.8.7",
        summary: "Finds the first bit that is set, or clear, in the string at a key",
        complexity: "O(N) in the length of the range",
        syntax: "key bit [start [end [BYTE | BIT]]]",
        handler: bitpos,
        ..BITMAP
    },
];

/// A range in bytes or bits, both ends included, negative ones counted from the back.
struct Range {
    start: i64,
    end: i64,
    bits: bool,
}

impl Range {
    const ALL: Self = Self { start: 0, end: -1, bits: false };

    fn parse(words: &[&[u8]]) -> Result<Self, CmdError> {
        let (start, end, unit) = match *words {
            [] => return Ok(Self::ALL),
            [start] => (start, None, None),
            [start, end] => (start, Some(end), None),
            [start, end, unit] => (start, Some(end), Some(unit)),
            _ => return Err(CmdError::SYNTAX),
        };
        let start = int(start)?;
        let end = end.map_or(Ok(-1), int)?;
        let bits = unit.map_or(Ok(false), is_bit)?;
        Ok(Self { start, end, bits })
    }

    /// The first and the last bit that it covers in a string of `len` bytes; `None` for no bit.
    fn bits_of(&self, len: usize) -> Option<(u64, u64)> {
        let &Range { start, end, bits } = self;
        let total = (len as i64).checked_mul(if bits { 8 } else { 1 })?;
        if start < 0 && end < 0 && start > end {
            return None;
        }
        let from_front = |at: i64| if at < 0 { at.saturating_add(total).max(0) } else { at };
        let (start, end) = (from_front(start) as u64, from_front(end).min(total - 1));
        let end = u64::try_from(end).ok().filter(|&end| start <= end)?;
        Some(if bits { (start, end) } else { (start * 8, end * 8 + 7) })
    }
}

/// Of the byte at `at`, the bits between `from` and `to`, both included.
fn mask(at: usize, (from, to): (u64, u64)) -> u8 {
    let (at, mut mask) = (at as u64, 0xff);
    if at == from / 8 {
        mask &= 0xff >> (from % 8);
    }
    if at == to / 8 {
        mask &= 0xff << (7 - to % 8);
    }
    mask
}

/// How many bits are set in a range that lies within `bytes`.
fn count(bytes: &[u8], range: (u64, u64)) -> u64 {
    let (first, last) = ((range.0 / 8) as usize, (range.1 / 8) as usize);
    let ends = [first, last];
    let ends = if first == last { &ends[..1] } else { &ends };
    let at_ends: u32 = ends.iter().map(|&at| (bytes[at] & mask(at, range)).count_ones()).sum();
    let between = bytes.get(first + 1..last).unwrap_or_default();
    let (words, rest) = between.as_chunks::<8>();
    let in_words: u64 = words.iter().map(|w| u64::from(u64::from_ne_bytes(*w).count_ones())).sum();
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    u64::from(at_ends) + in_words + u64::from(in_rest)
}

/// The first bit that is set, or clear, in a range that lies within `bytes`.
fn find(bytes: &[u8], set: bool, range: (u64, u64)) -> Option<u64> {
    let flip = if set { 0 } else { 0xff };
    let (first, last) = ((range.0 / 8) as usize, (range.1 / 8) as usize);
    let mut at = first;
    while at <= last {
        let here = (bytes[at] ^ flip) & mask(at, range);
        if here != 0 {
            return Some(at as u64 * 8 + u64::from(here.leading_zeros()));
        }
        at += 1;
        while let Some(word) = bytes.get(at..(at + 8).min(last))
            && *word == [flip; 8]
        {
            at += 8;
        }
    }
    None
}

fn bitcount(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    if args.len() == 3 {
        return Err(CmdError::SYNTAX);
    }
    let range = Range::parse(&args[2..])?;
    let ones = ctx.space.string(args[1])?.map_or(0, |value| {
        value.with(|bytes| range.bits_of(bytes.len()).map_or(0, |range| count(bytes, range)))
    });
    ctx.reply.int(ones as i64);
    Ok(Flow::Done)
}

/// Reads BYTE or BIT.
fn is_bit(unit: &[u8]) -> Result<bool, CmdError> {
    match is(unit, "BIT") {
        bits if bits || is(unit, "BYTE") => Ok(bits),
        _ => Err(CmdError::SYNTAX),
    }
}

fn bitpos(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let set = match int(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(CmdError::fixed("ERR The bit argument must be 1 or 0.")),
    };
    if let [start, _, unit] = args[3..] {
        // The unit is looked at before the end.
        int(start)?;
        is_bit(unit)?;
    }
    let range = Range::parse(&args[3..])?;
    let open_ended = args.len() < 5;
    let position = match ctx.space.string(args[1])? {
        Some(value) => value.with(|bytes| {
            let range = range.bits_of(bytes.len())?;
            // A string without an end goes on with zeros.
            let behind = (!set && open_ended).then_some(bytes.len() as u64 * 8);
            find(bytes, set, range).or(behind)
        }),
        None => (!set).then_some(0),
    };
    ctx.reply.int(position.map_or(-1, |at| at as i64));
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(bytes: &[u8]) -> Vec<bool> {
        bytes.iter().flat_map(|byte| (0..8).map(move |i| byte & (0x80 >> i) != 0)).collect()
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_looking_at_every_bit(
            fill in prop_oneof![Just(0u8), Just(0xff)],
            len in 1usize..80,
            odd in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            ends in any::<(prop::sample::Index, prop::sample::Index)>(),
            set: bool,
        ) {
            let mut bytes = vec![fill; len];
            odd.iter().for_each(|(at, byte)| bytes[at.index(len)] = *byte);
            let ends = [ends.0.index(len * 8), ends.1.index(len * 8)];
            let (from, to) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            let all = bits(&bytes);
            let range = (from as u64, to as u64);
            let ones = all[from..=to].iter().filter(|b| **b).count();
            prop_assert_eq!(count(&bytes, range), ones as u64);
            let first = all[from..=to].iter().position(|b| *b == set).map(|at| (at + from) as u64);
            prop_assert_eq!(find(&bytes, set, range), first);
        }
    }
}
