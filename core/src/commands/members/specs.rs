//! The specs of the nine commands that each family of collections has for the deadlines of its
//! elements.

/// The specs of a family: of its [`super::Family`], what its specs have in common, what its
/// elements are called, how they are named in the syntax, and the commands' names.
macro_rules! specs {
    (
        $family:ident, $base:expr, $of:literal, $named:literal,
        [$expire:literal, $pexpire:literal, $expireat:literal, $pexpireat:literal],
        [$ttl:literal, $pttl:literal, $expiretime:literal, $pexpiretime:literal], $persist:literal
    ) => {{
        use crate::command::{Access, Flags, KeySpec, Spec};
        use crate::commands::members;
        use crate::commands::options::Unit;

        const SET: Spec = Spec {
            arity: -6,
            flags: Flags::WRITE.or(Flags::FAST),
            keys: &[KeySpec::one(1, Access::RW.or(Access::UPDATE))],
            complexity: "O(1) for each element",
            ..$base
        };
        const ASK: Spec = Spec {
            arity: -5,
            flags: Flags::READONLY.or(Flags::FAST),
            keys: &[KeySpec::one(1, Access::RO.or(Access::ACCESS))],
            complexity: "O(1) for each element",
            syntax: concat!("key ", $named),
            ..$base
        };
        &[
            Spec {
                name: $expire,
                summary: concat!("Sets how many seconds ", $of, " have left"),
                syntax: concat!("key seconds [NX | XX | GT | LT] ", $named),
                handler: |ctx, args| members::expire(ctx, args, &$family, Unit::EX),
                ..SET
            },
            Spec {
                name: $pexpire,
                summary: concat!("Sets how many milliseconds ", $of, " have left"),
                syntax: concat!("key milliseconds [NX | XX | GT | LT] ", $named),
                handler: |ctx, args| members::expire(ctx, args, &$family, Unit::PX),
                ..SET
            },
            Spec {
                name: $expireat,
                summary: concat!("Sets the Unix time, in seconds, at which ", $of, " expire"),
                syntax: concat!("key unix-time-seconds [NX | XX | GT | LT] ", $named),
                handler: |ctx, args| members::expire(ctx, args, &$family, Unit::EXAT),
                ..SET
            },
            Spec {
                name: $pexpireat,
                summary: concat!("Sets the Unix time, in milliseconds, at which ", $of, " expire"),
                syntax: concat!("key unix-time-milliseconds [NX | XX | GT | LT] ", $named),
                handler: |ctx, args| members::expire(ctx, args, &$family, Unit::PXAT),
                ..SET
            },
            Spec {
                name: $persist,
                arity: -5,
                summary: concat!("Has ", $of, " expire no longer"),
                syntax: concat!("key ", $named),
                handler: |ctx, args| members::persist(ctx, args, &$family),
                ..SET
            },
            Spec {
                name: $ttl,
                summary: concat!("Returns how many seconds ", $of, " have left"),
                handler: |ctx, args| members::left(ctx, args, &$family, Unit::EX),
                ..ASK
            },
            Spec {
                name: $pttl,
                summary: concat!("Returns how many milliseconds ", $of, " have left"),
                handler: |ctx, args| members::left(ctx, args, &$family, Unit::PX),
                ..ASK
            },
            Spec {
                name: $expiretime,
                summary: concat!("Returns the Unix time, in seconds, at which ", $of, " expire"),
                handler: |ctx, args| members::left(ctx, args, &$family, Unit::EXAT),
                ..ASK
            },
            Spec {
                name: $pexpiretime,
                summary: concat!(
                    "Returns the Unix time, in milliseconds, at which ",
                    $of,
                    " expire"
                ),
                handler: |ctx, args| members::left(ctx, args, &$family, Unit::PXAT),
                ..ASK
            },
        ]
    }};
}

pub(crate) use specs;
