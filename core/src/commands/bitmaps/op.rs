//! BITOP: bitwise operations over whole strings, shorter ones being continued with zeros.

use std::borrow::Cow;

use super::{BITMAP, RO_ACCESS, WRITE};
use crate::command::{Access, Ctx, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::is;
use crate::error::CmdError;
use crate::keyspace::{Put, Space, Value, ValueRef};
use crate::notify::Class;

/// The commands of this file.
pub const SPECS: &[Spec] = &[Spec {
    name: "bitop",
    arity: -4,
    flags: WRITE,
    keys: &[KeySpec::one(2, Access::OW.or(Access::UPDATE)), KeySpec::range(3, -1, 1, RO_ACCESS)],
    since: "2.6.0",
    summary: "Combines strings bit by bit and sets a key to the result",
    complexity: "O(N) in the length of the strings",
    syntax: "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
    handler: bitop,
    ..BITMAP
}];

/// What is done with the bits of the sources X, Y1, Y2, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Set in X and in no Y.
    Diff,
    /// Set in a Y and not in X.
    Diff1,
    /// Set in X and in a Y.
    AndOr,
    /// Set in exactly one source.
    One,
}

const NAMES: &[(&str, Operation)] = &[
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Diff),
    ("DIFF1", Operation::Diff1),
    ("ANDOR", Operation::AndOr),
    ("ONE", Operation::One),
];

impl Operation {
    /// The operation of this name, if that many sources suit it.
    fn parse(word: &[u8], sources: usize) -> Result<Self, CmdError> {
        let found = NAMES.iter().find(|(name, _)| is(word, name));
        let &(name, operation) = found.ok_or(CmdError::SYNTAX)?;
        match operation {
            Operation::Not if sources != 1 => {
                Err(CmdError::fixed("ERR BITOP NOT must be called with a single source key."))
            }
            Operation::Diff | Operation::Diff1 | Operation::AndOr if sources < 2 => {
                Err(CmdError::new(format!(
                    "ERR BITOP {name} must be called with at least two source keys."
                )))
            }
            _ => Ok(operation),
        }
    }

    /// The result, as long as the longest source.
    fn apply(self, sources: &[Cow<'_, [u8]>]) -> Vec<u8> {
        let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
        let Some((first, others)) = sources.split_first() else { return Vec::new() };
        let mut out = first.to_vec();
        out.resize(len, 0);
        match self {
            Operation::And => others.iter().for_each(|y| zip(&mut out, y, |a, b| a & b)),
            Operation::Or => others.iter().for_each(|y| zip(&mut out, y, |a, b| a | b)),
            Operation::Xor => others.iter().for_each(|y| zip(&mut out, y, |a, b| a ^ b)),
            Operation::Not => out.iter_mut().for_each(|byte| *byte = !*byte),
            Operation::Diff => zip(&mut out, &union(others, len), |x, y| x & !y),
            Operation::Diff1 => zip(&mut out, &union(others, len), |x, y| !x & y),
            Operation::AndOr => zip(&mut out, &union(others, len), |x, y| x & y),
            Operation::One => return exactly_one(sources, len),
        }
        out
    }
}

/// Combines each byte of `out` with that of `with`, or zero behind its end.
fn zip(out: &mut [u8], with: &[u8], f: impl Fn(u8, u8) -> u8) {
    let (head, tail) = out.split_at_mut(with.len().min(out.len()));
    head.iter_mut().zip(with).for_each(|(a, b)| *a = f(*a, *b));
    tail.iter_mut().for_each(|a| *a = f(*a, 0));
}

fn union(sources: &[Cow<'_, [u8]>], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    sources.iter().for_each(|source| zip(&mut out, source, |a, b| a | b));
    out
}

fn exactly_one(sources: &[Cow<'_, [u8]>], len: usize) -> Vec<u8> {
    let (mut once, mut twice) = (vec![0; len], vec![0; len]);
    for source in sources {
        let both = once.iter().zip(&**source).zip(&mut twice);
        both.for_each(|((seen, new), twice)| *twice |= seen & new);
        zip(&mut once, source, |a, b| a | b);
    }
    zip(&mut once, &twice, |a, b| a & !b);
    once
}

fn bitop(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (target, sources) = (args[2], &args[3..]);
    let operation = Operation::parse(args[1], sources.len())?;
    for &key in sources {
        ctx.space.string(key)?;
    }
    let values: Vec<Cow<'_, [u8]>> = sources.iter().map(|key| bytes(ctx.space, key)).collect();
    let result = operation.apply(&values);
    let len = result.len();
    if len > 0 {
        ctx.space.put(target, Value::Bytes(result), Put::Persist);
        if let Some(entry) = ctx.space.lookup_mut(target) {
            entry.mark_raw();
        }
        ctx.space.changed(Class::STRING, "set", target);
    } else if ctx.space.remove(target) {
        ctx.space.changed(Class::GENERIC, "del", target);
    }
    ctx.reply.count(len);
    Ok(Flow::Done)
}

/// The string at a key; empty when there is none.
fn bytes<'s>(space: &'s Space<'_>, key: &[u8]) -> Cow<'s, [u8]> {
    match space.peek(key).map(|entry| entry.value()) {
        Some(ValueRef::Bytes(bytes)) => Cow::Borrowed(bytes),
        Some(ValueRef::Int(n)) => Cow::Owned(n.to_string().into_bytes()),
        Some(ValueRef::Object(_)) | None => Cow::Borrowed(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, for the bits at one place.
    fn model(operation: Operation, bits: &[bool]) -> bool {
        let (x, any_y) = (bits[0], bits[1..].contains(&true));
        match operation {
            Operation::And => bits.iter().all(|b| *b),
            Operation::Or => bits.contains(&true),
            Operation::Xor => bits.iter().filter(|b| **b).count() % 2 == 1,
            Operation::Not => !x,
            Operation::Diff => x && !any_y,
            Operation::Diff1 => !x && any_y,
            Operation::AndOr => x && any_y,
            Operation::One => bits.iter().filter(|b| **b).count() == 1,
        }
    }

    proptest! {
        #[test]
        fn operations_agree_with_their_definition(
            sources in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..12), 1..5),
        ) {
            let len = sources.iter().map(Vec::len).max().unwrap();
            let lent: Vec<Cow<'_, [u8]>> = sources.iter().map(Cow::from).collect();
            for &(name, operation) in NAMES {
                let Ok(_) = Operation::parse(name.as_bytes(), sources.len()) else { continue };
                let result = operation.apply(&lent);
                prop_assert_eq!(result.len(), len);
                for bit in 0..len * 8 {
                    let of = |bytes: &[u8]| {
                        bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
                    };
                    let bits: Vec<bool> = sources.iter().map(|s| of(s)).collect();
                    prop_assert_eq!(of(&result), model(operation, &bits), "{} {}", name, bit);
                }
            }
        }
    }
}
