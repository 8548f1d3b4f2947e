//! Putting a sorted set that a command has worked out at a key.

use crate::command::Ctx;
use crate::keyspace::{Put, Value};
use crate::notify::Class;
use crate::types::zset::Zset;

/// A member and its score.
pub(in super::super) type Pair = (Vec<u8>, f64);

/// Orders members by score and then by their bytes.
pub(in super::super) fn sort(pairs: &mut [Pair]) {
    pairs.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
}

/// Puts members, which are in order, at `key` in place of whatever is there, or removes the key if
/// there are none. Answers with their number.
pub(in super::super) fn store(
    ctx: &mut Ctx<'_, '_>,
    key: &[u8],
    pairs: &[Pair],
    event: &'static str,
) {
    ctx.reply.count(pairs.len());
    if pairs.is_empty() {
        if ctx.space.remove(key) {
            ctx.space.changed(Class::GENERIC, "del", key);
        }
        return;
    }
    let zset = Zset::from_sorted(pairs, ctx.engine().tuning.limits.zset());
    ctx.space.put(key, Value::Object(Box::new(zset)), Put::Persist);
    ctx.space.changed(Class::ZSET, event, key);
    ctx.space.signal(key);
}
