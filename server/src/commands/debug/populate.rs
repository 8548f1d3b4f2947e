//! DEBUG POPULATE: many keys at once.

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};
use cairn_core::keyspace::Put;
use cairn_core::util::int::parse_i64;

/// The most keys that one call makes.
const KEYS_MAX: i64 = 100_000_000;
/// The longest value, in bytes.
const SIZE_MAX: i64 = 512 << 20;

/// DEBUG POPULATE: keys `prefix:0` and so on with values `value:0` and so on, cut or filled with
/// zero bytes to a size. Keys that exist stay as they are.
pub fn populate(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::allowed(ctx)?;
    if args.len() > 5 {
        return Err(CmdError::SYNTAX);
    }
    let number = |at: usize, max: i64| {
        let n = args.get(at).map(|arg| parse_i64(arg).filter(|n| (0..=max).contains(n)));
        n.map(|n| n.ok_or(CmdError::fixed("ERR value is out of range, must be positive")))
            .transpose()
    };
    let count = number(2, KEYS_MAX)?.unwrap_or(0);
    let prefix = args.get(3).copied().unwrap_or(b"key");
    let size = number(4, SIZE_MAX)?.unwrap_or(0) as usize;
    for n in 0..count {
        let mut key = prefix.to_vec();
        key.extend(format!(":{n}").into_bytes());
        if ctx.space.exists(&key) {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        ctx.space.put_bytes(&key, &value, Put::Persist);
        ctx.space.touch(&key);
    }
    ctx.space.no_effect();
    ctx.reply.ok();
    Ok(Flow::Done)
}
