//! tmp
use crate::command::*;
use crate::keyspace::{Put, ValueRef};
use crate::notify::Class;
/// x
pub const SPECS: &[Spec] = &[
    Spec {
        name: "set",
        arity: -3,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: &[KeySpec::one(1, Access::OW)],
        handler: set,
        ..Spec::DEFAULT
    },
    Spec {
        name: "get",
        arity: 2,
        flags: Flags::READONLY.or(Flags::FAST),
        keys: &[KeySpec::one(1, Access::RO)],
        handler: get,
        ..Spec::DEFAULT
    },
    Spec { name: "ping", arity: -1, flags: Flags::FAST, handler: ping, ..Spec::DEFAULT },
];
fn ping(ctx: &mut Ctx<'_, '_>, _: &[&[u8]]) -> Outcome {
    ctx.reply.simple("PONG");
    Ok(Flow::Done)
}
fn set(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    ctx.space.put_bytes(args[1], args[2], Put::Persist);
    ctx.space.changed(Class::STRING, "set", args[1]);
    ctx.reply.ok();
    Ok(Flow::Done)
}
fn get(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    match ctx.space.lookup(args[1]).map(|e| e.value()) {
        Some(ValueRef::Bytes(b)) => ctx.reply.bulk(b),
        Some(ValueRef::Int(n)) => ctx.reply.bulk_int(n),
        _ => ctx.reply.null(),
    }
    Ok(Flow::Done)
}
