//! PFDEBUG and PFSELFTEST.

use super::{edit, look};
use crate::command::{Ctx, Flow, Outcome};
use crate::error::CmdError;
use crate::types::hyperloglog::{self as hll, Encoding, REGISTERS, Registers, Run, View};

const NO_KEY: CmdError = CmdError::fixed("ERR The specified key does not exist");

pub(super) fn pfdebug(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let (subcommand, key) = (args[1], args[2]);
    if subcommand.eq_ignore_ascii_case(b"SIMD") {
        return simd(ctx, key);
    }
    let encoding = look(ctx.space, key)?.ok_or(NO_KEY)?.encoding();
    match &subcommand.to_ascii_lowercase()[..] {
        b"getreg" => registers(ctx, key),
        b"decode" if encoding == Encoding::Dense => {
            Err(CmdError::fixed("ERR HLL encoding is not sparse"))
        }
        b"decode" => decode(ctx, key),
        b"encoding" => {
            ctx.reply.simple(if encoding == Encoding::Dense { "dense" } else { "sparse" });
            Ok(Flow::Done)
        }
        b"todense" => {
            let changed = to_dense(ctx, key)?;
            ctx.reply.int(i64::from(changed));
            Ok(Flow::Done)
        }
        _ => {
            let name = String::from_utf8_lossy(subcommand);
            Err(CmdError::new(format!("ERR Unknown PFDEBUG subcommand '{name}'")))
        }
    }
}

/// There is one implementation, so nothing to switch.
fn simd(ctx: &mut Ctx<'_, '_>, switch: &[u8]) -> Outcome {
    if switch.eq_ignore_ascii_case(b"ON") {
        ctx.reply.simple("enabled");
    } else if switch.eq_ignore_ascii_case(b"OFF") {
        ctx.reply.simple("disabled");
    } else {
        return Err(CmdError::fixed("ERR Argument must be ON or OFF"));
    }
    Ok(Flow::Done)
}

/// Makes a HyperLogLog dense; false when it is so already.
fn to_dense(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Result<bool, CmdError> {
    let changes = edit(ctx.space, key, |bytes| {
        let is_sparse = View::of(bytes)?.encoding() == Encoding::Sparse;
        hll::make_dense(bytes)?;
        Ok(usize::from(is_sparse))
    })?;
    if changes > 0 {
        ctx.space.count_change();
        ctx.space.touch(key);
    }
    Ok(changes > 0)
}

fn registers(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
    to_dense(ctx, key)?;
    let mut registers = Registers::new();
    look(ctx.space, key)?.ok_or(NO_KEY)?.merge_into(&mut registers)?;
    ctx.reply.array(REGISTERS);
    registers.iter().for_each(|rank| ctx.reply.int(i64::from(rank)));
    Ok(Flow::Done)
}

fn decode(ctx: &mut Ctx<'_, '_>, key: &[u8]) -> Outcome {
    let runs = look(ctx.space, key)?.ok_or(NO_KEY)?.runs()?;
    let shown = |run: Run| match run {
        Run::Zeros { len } if run.is_wide() => format!("Z:{len}"),
        Run::Zeros { len } => format!("z:{len}"),
        Run::Rank { rank, len } => format!("v:{rank},{len}"),
    };
    let text = runs.map(shown).collect::<Vec<_>>().join(" ");
    ctx.reply.bulk(text);
    Ok(Flow::Done)
}

/// Elements that the self-test adds: enough to pass from sparse to dense.
const TEST_ELEMENTS: u32 = 20_000;
/// Six standard errors.
const TEST_ERROR: f64 = 0.05;

/// Adds elements to every representation there is, compares their registers, and the estimate
/// with the truth.
pub(super) fn pfselftest(ctx: &mut Ctx<'_, '_>, _args: &[&[u8]]) -> Outcome {
    let sparse_max = ctx.engine().tuning.limits.hll_sparse();
    let (mut bytes, mut plain) = (hll::empty(), Registers::new());
    let mut buffer = itoa::Buffer::new();
    for n in 0..TEST_ELEMENTS {
        let element = buffer.format(n).as_bytes();
        hll::add(&mut bytes, element, sparse_max)?;
        plain.add(element);
    }
    let mut read = Registers::new();
    View::of(&bytes)?.merge_into(&mut read)?;
    if !read.iter().eq(plain.iter()) {
        return Err(CmdError::fixed("ERR TESTFAILED registers differ between representations"));
    }
    let error = plain.count() as f64 / f64::from(TEST_ELEMENTS) - 1.0;
    if error.abs() > TEST_ERROR {
        return Err(CmdError::new(format!("ERR TESTFAILED estimate is wrong by {error:.3}")));
    }
    ctx.reply.ok();
    Ok(Flow::Done)
}
