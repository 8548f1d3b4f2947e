//! DEBUG PROTOCOL: a value of each type of the protocol.

use cairn_core::CmdError;
use cairn_core::command::{Ctx, Flow, Outcome};

use crate::commands::text;

/// DEBUG PROTOCOL.
pub fn protocol(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    super::allowed(ctx)?;
    let reply = &mut ctx.reply;
    match text(args[2]).to_ascii_lowercase().as_str() {
        "string" => reply.bulk("Hello World"),
        "integer" => reply.int(12_345),
        // A number of three decimals, as Redis has it, that only looks like pi.
        "double" => reply.double(f64::from(3141) / 1000.0),
        "bignum" => reply.big_number("1234567999999999999999999999999999999"),
        "null" => reply.null(),
        "array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.int(n));
        }
        "set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.int(n));
        }
        "map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        "attrib" => {
            if reply.attribute(1) {
                reply.bulk("key-popularity");
                reply.array(2);
                reply.bulk("key:123");
                reply.int(90);
            }
            reply.bulk("Some real reply following the attribute");
        }
        "push" if reply.is_resp3() => {
            reply.push(2);
            reply.bulk("server-cpu-usage");
            reply.int(42);
        }
        "push" => return Err(CmdError::fixed("ERR RESP2 is not supported by this command")),
        "verbatim" => reply.verbatim("txt", "This is a verbatim\nstring"),
        "true" => reply.bool(true),
        "false" => reply.bool(false),
        _ => {
            return Err(CmdError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(Flow::Done)
}
