//! BITFIELD: a string as an array of integers of any width up to 64 bits.

use super::{BITMAP, RO_ACCESS, RW_UPDATE, WRITE, check_offset};
use crate::command::{Access, Ctx, Flags, Flow, KeySpec, Outcome, Spec};
use crate::commands::options::{int, is};
use crate::commands::strings::writable;
use crate::error::CmdError;
use crate::notify::Class;
use crate::reply::Reply;
use crate::util::num;

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "bitfield",
        arity: -2,
        flags: WRITE,
        keys: &[KeySpec::one(1, RW_UPDATE.or(Access::VARIABLE_FLAGS))],
        varies: Some(|words| {
            let changes = |word: &&[u8]| is(word, "SET") || is(word, "INCRBY");
            match words.iter().skip(2).any(changes) {
                true => RW_UPDATE,
                false => Access::RO.or(Access::ACCESS),
            }
        }),
        since: "3.2.0",
        summary: "Reads and changes integers of any width within the string at a key",
        complexity: "O(1) for every operation",
        syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                 <SET encoding offset value | INCRBY encoding offset increment> \
                 [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                 <SET encoding offset value | INCRBY encoding offset increment> ...]]",
        handler: bitfield,
        ..BITMAP
    },
    Spec {
        name: "bitfield_ro",
        arity: -2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: &[KeySpec::one(1, RO_ACCESS)],
        since: "6.0.0",
        summary: "Reads integers of any width within the string at a key",
        complexity: "O(1) for every operation",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        handler: bitfield_ro,
        ..BITMAP
    },
];

/// What happens to a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    /// Its upper bits are lost.
    Wrap,
    /// It becomes the nearest value that fits.
    Saturate,
    /// Nothing is changed, and the reply is null.
    Fail,
}

/// An integer type: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Encoding {
    signed: bool,
    bits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// One operation on the integer at a bit offset.
#[derive(Clone, Copy, Debug)]
struct Operation {
    action: Action,
    encoding: Encoding,
    offset: u64,
}

impl Encoding {
    fn parse(text: &[u8]) -> Result<Self, CmdError> {
        let bad = CmdError::fixed(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
             but i64 is.",
        );
        let (signed, digits) = match text {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(bad),
        };
        let most = if signed { 64 } else { 63 };
        let bits = num::parse_i64(digits).filter(|bits| (1..=most).contains(bits)).ok_or(bad)?;
        Ok(Self { signed, bits: bits as u32 })
    }

    fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        let magnitude = if self.signed { self.bits - 1 } else { self.bits };
        (1 << magnitude) - 1
    }

    /// The value of the lowest bits of `raw`.
    fn truncate(self, raw: i128) -> i128 {
        let unused = 128 - self.bits;
        if self.signed {
            raw << unused >> unused
        } else {
            ((raw as u128) << unused >> unused) as i128
        }
    }

    /// A value that fits, if need be by force.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        if (self.min()..=self.max()).contains(&value) {
            return Some(value);
        }
        match overflow {
            Overflow::Wrap => Some(self.truncate(value)),
            Overflow::Saturate => Some(value.clamp(self.min(), self.max())),
            Overflow::Fail => None,
        }
    }
}

/// Bytes that an integer of 64 bits touches at most.
const WINDOW: usize = 9;

impl Operation {
    /// The bytes that the integer touches, first and last.
    fn bytes(&self) -> (usize, usize) {
        let last = self.offset + u64::from(self.encoding.bits) - 1;
        ((self.offset / 8) as usize, (last / 8) as usize)
    }

    /// How far the integer's lowest bit stands from that of the window.
    fn shift(&self) -> u32 {
        WINDOW as u32 * 8 - (self.offset % 8) as u32 - self.encoding.bits
    }

    /// The bytes from the integer's first one on, as one number; zeros behind the string's end.
    fn window(&self, bytes: &[u8]) -> u128 {
        let first = self.bytes().0;
        let byte = |at: usize| u128::from(bytes.get(first + at).copied().unwrap_or(0));
        (0..WINDOW).fold(0, |window, at| window << 8 | byte(at))
    }

    fn read(&self, bytes: &[u8]) -> i128 {
        self.encoding.truncate((self.window(bytes) >> self.shift()) as i128)
    }

    /// Writes a value that fits into bytes that are there.
    fn write(&self, bytes: &mut [u8], value: i128) {
        let mask = ((1u128 << self.encoding.bits) - 1) << self.shift();
        let window = self.window(bytes) & !mask | (value as u128) << self.shift() & mask;
        let (first, last) = self.bytes();
        let window = window.to_be_bytes();
        let from = window.len() - WINDOW;
        bytes[first..=last].copy_from_slice(&window[from..=from + last - first]);
    }

    /// Runs the operation: what it answers with, and whether it changed anything.
    fn run(&self, bytes: &mut [u8]) -> (Option<i128>, bool) {
        let old = self.read(bytes);
        let (new, overflow) = match self.action {
            Action::Get => return (Some(old), false),
            Action::Set(value, overflow) if self.encoding.signed => (i128::from(value), overflow),
            // A negative value for an unsigned integer is taken as the bits that it has.
            Action::Set(value, overflow) => (i128::from(value as u64), overflow),
            Action::Add(by, overflow) => (old + i128::from(by), overflow),
        };
        let Some(new) = self.encoding.fit(new, overflow) else { return (None, false) };
        self.write(bytes, new);
        let answer = if let Action::Set(..) = self.action { old } else { new };
        (Some(answer), old != new)
    }
}

/// Reads the operations of a command.
fn parse(ctx: &Ctx<'_, '_>, words: &[&[u8]]) -> Result<Vec<Operation>, CmdError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut rest = words;
    while let Some((word, tail)) = rest.split_first() {
        if is(word, "OVERFLOW") {
            let (kind, tail) = tail.split_first().ok_or(CmdError::SYNTAX)?;
            overflow = parse_overflow(kind)?;
            rest = tail;
            continue;
        }
        let (encoding, offset, value, tail) = match tail {
            [encoding, offset, tail @ ..] if is(word, "GET") => (encoding, offset, None, tail),
            [encoding, offset, value, tail @ ..] if is(word, "SET") || is(word, "INCRBY") => {
                (encoding, offset, Some(value), tail)
            }
            _ => return Err(CmdError::SYNTAX),
        };
        let encoding = Encoding::parse(encoding)?;
        let offset = parse_offset(ctx, offset, encoding)?;
        let action = match value {
            None => Action::Get,
            Some(value) if is(word, "SET") => Action::Set(int(value)?, overflow),
            Some(value) => Action::Add(int(value)?, overflow),
        };
        operations.push(Operation { action, encoding, offset });
        rest = tail;
    }
    Ok(operations)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, CmdError> {
    match word {
        word if is(word, "WRAP") => Ok(Overflow::Wrap),
        word if is(word, "SAT") => Ok(Overflow::Saturate),
        word if is(word, "FAIL") => Ok(Overflow::Fail),
        _ => Err(CmdError::fixed("ERR Invalid OVERFLOW type specified")),
    }
}

/// An offset in bits or, behind `#`, in integers of this width.
fn parse_offset(ctx: &Ctx<'_, '_>, text: &[u8], encoding: Encoding) -> Result<u64, CmdError> {
    let offset = match text {
        [b'#', number @ ..] => {
            num::parse_i64(number).and_then(|n| n.checked_mul(i64::from(encoding.bits)))
        }
        number => num::parse_i64(number),
    };
    check_offset(ctx, offset)
}

fn bitfield(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let operations = parse(ctx, &args[2..])?;
    let writes = operations.iter().filter(|operation| operation.action != Action::Get);
    let Some(last) = writes.map(|operation| operation.bytes().1).max() else {
        return answer_reads(ctx, key, &operations);
    };
    // The last integer may begin within the longest string and end behind it.
    check_offset(ctx, i64::try_from(last as u64 * 8).ok())?;
    let writes = operations.iter().filter(|operation| operation.action != Action::Get);
    let ranges: Vec<_> = writes.map(|write| write.bytes().0..write.bytes().1 + 1).collect();
    let (bytes, mut changed) = writable(ctx.space, key, last + 1, &ranges)?;
    ctx.reply.array(operations.len());
    let mut changes = 0;
    for operation in &operations {
        let (answer, changes_it) = operation.run(bytes);
        changed |= changes_it;
        changes += usize::from(changes_it);
        write_answer(ctx.reply, answer);
    }
    if changed {
        ctx.space.changed(Class::STRING, "setbit", key);
        // A string that was only made or made longer is a change as well.
        ctx.space.count_as(changes.max(1));
    }
    Ok(Flow::Done)
}

fn bitfield_ro(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let operations = parse(ctx, &args[2..])?;
    if operations.iter().any(|operation| operation.action != Action::Get) {
        return Err(CmdError::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    answer_reads(ctx, args[1], &operations)
}

fn answer_reads(ctx: &mut Ctx<'_, '_>, key: &[u8], operations: &[Operation]) -> Outcome {
    let value = ctx.space.string(key)?;
    ctx.reply.array(operations.len());
    for operation in operations {
        let read = |bytes: &[u8]| operation.read(bytes);
        let answer = value.as_ref().map_or(0, |value| value.with(read));
        write_answer(ctx.reply, Some(answer));
    }
    Ok(Flow::Done)
}

fn write_answer(reply: &mut Reply, answer: Option<i128>) {
    match answer {
        // Every encoding's values fit 64 bits.
        Some(value) => reply.int(value as i64),
        None => reply.null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes.get((at / 8) as usize).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }

    /// Reads bit by bit.
    fn model(bytes: &[u8], operation: &Operation) -> i128 {
        let Encoding { signed, bits } = operation.encoding;
        let raw = (0..u64::from(bits))
            .fold(0i128, |raw, i| raw << 1 | i128::from(bit(bytes, operation.offset + i)));
        if signed && raw >> (bits - 1) == 1 { raw - (1 << bits) } else { raw }
    }

    proptest! {
        #[test]
        fn integers_stand_where_their_bits_stand(
            mut bytes in proptest::collection::vec(any::<u8>(), 24),
            offset in 0u64..120,
            bits in 1u32..64,
            signed: bool,
            value: i64,
        ) {
            let encoding = Encoding { signed, bits };
            let operation = Operation { action: Action::Get, encoding, offset };
            prop_assert_eq!(operation.read(&bytes), model(&bytes, &operation));
            let before = bytes.clone();
            let fitting = encoding.truncate(i128::from(value));
            operation.write(&mut bytes, fitting);
            prop_assert_eq!(model(&bytes, &operation), fitting);
            for at in (0..offset).chain(offset + u64::from(bits)..24 * 8) {
                prop_assert_eq!(bit(&bytes, at), bit(&before, at));
            }
        }
    }
}
