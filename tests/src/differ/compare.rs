//! Whether two replies are the same as far as they should be, and the differences that are meant.

use super::shape;
use super::templates::How;
use super::wire::Wire;

/// How far apart two readings of a time may be: in milliseconds, and in seconds.
const MILLIS_APART: f64 = 3000.0;
const SECONDS_APART: f64 = 3.0;

/// Numbers from here on are milliseconds: as seconds they would be after the year 4000.
const MILLIS_FROM: f64 = 1_000_000.0;

/// Whether two replies agree.
pub fn agree(how: How, a: &Wire, b: &Wire) -> bool {
    if a == b {
        return true;
    }
    match how {
        How::Exact => false,
        How::Unordered => a.sorted() == b.sorted(),
        How::Near => near(a, b),
        How::Shape => shape::fits(a, b),
        How::Error => !a.is_error() && !b.is_error(),
    }
}

fn near(a: &Wire, b: &Wire) -> bool {
    match (a, b) {
        (Wire::Many(x, a), Wire::Many(y, b)) => {
            x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b))
        }
        _ => match (a.number(), b.number()) {
            (Some(a), Some(b)) => {
                let apart = if a > MILLIS_FROM { MILLIS_APART } else { SECONDS_APART };
                (a - b).abs() <= apart && (a < 0.0) == (b < 0.0)
            }
            _ => a == b,
        },
    }
}

/// A difference that is meant.
pub struct Meant {
    /// The commands' first word, or all of them when it is empty.
    pub command: &'static str,
    /// What the first server's reply contains.
    pub first: &'static str,
    /// What the second server's reply contains.
    pub second: &'static str,
    /// Why.
    pub why: &'static str,
}

/// All of them, with Redis 8.2 as the first server and Cairn as the second.
pub const MEANT: &[Meant] = &[
    Meant {
        command: "",
        first: "-",
        second: "\\xef\\xbf\\xbd",
        why: "errors are UTF-8: other bytes of a request are not repeated in them",
    },
    Meant {
        command: "LSET",
        first: "+OK",
        second: "-ERR index out of range",
        why: "the least 64-bit integer is no index of an element",
    },
    Meant {
        command: "OBJECT",
        first: "$embstr",
        second: "$int",
        why: "a result of INCRBYFLOAT that is an integer is kept as one",
    },
    Meant {
        command: "OBJECT",
        first: "$listpackex",
        second: "$listpack",
        why: "a hash gets room for deadlines with the first deadline, not when one was refused",
    },
    Meant {
        command: "HELLO",
        first: "$redis",
        second: "$redis",
        why: "version, client and modules are each server's own",
    },
    Meant {
        command: "EXEC",
        first: "$server, $redis, $version",
        second: "$server, $redis, $version",
        why: "likewise, of a HELLO in a transaction",
    },
    Meant {
        command: "COMMAND",
        first: "[$restore-asking, ",
        second: "[$arset, ",
        why: "each server lists its own commands, where all of them are asked for",
    },
    Meant {
        command: "COMMAND",
        first: "$notes, $",
        second: "$flags, ",
        why: "key specifications have no notes",
    },
    Meant {
        command: "COMMAND",
        first: "$ltrim, %[",
        second: "$arset, %[",
        why: "each server documents its own commands, where all of them are asked for",
    },
    Meant {
        command: "SCAN",
        first: "*[$",
        second: "*[$",
        why: "a scan that does not return everything at once takes its own order",
    },
    Meant {
        command: "OBJECT",
        first: "$skiplist",
        second: "$listpack",
        why: "SORT of a sorted set reads it and leaves its encoding alone",
    },
    Meant {
        command: "CONFIG",
        first: "allkeys-random, noeviction",
        second: "volatile-lrm",
        why: "eviction policies of Redis 8.6 are known",
    },
];

/// The reason for which two replies may differ, if there is one.
pub fn explained(words: &[Vec<u8>], a: &Wire, b: &Wire) -> Option<&'static str> {
    let name = words.first().map(|name| String::from_utf8_lossy(name).to_ascii_uppercase())?;
    let (a, b) = (a.to_string(), b.to_string());
    let meant = MEANT.iter().find(|meant| {
        (meant.command.is_empty() || meant.command == name)
            && a.contains(meant.first)
            && b.contains(meant.second)
    });
    meant.map(|meant| meant.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(n: i64) -> Wire {
        Wire::Line(b':', n.to_string().into_bytes())
    }

    #[test]
    fn replies_agree_as_far_as_they_should() {
        let (a, b) =
            (Wire::Many(b'*', vec![int(1), int(2)]), Wire::Many(b'*', vec![int(2), int(1)]));
        assert!(!agree(How::Exact, &a, &b) && agree(How::Unordered, &a, &b));
        assert!(agree(How::Near, &int(1000), &int(999)));
        assert!(!agree(How::Near, &int(1000), &int(900)));
        assert!(!agree(How::Near, &int(0), &int(-1)));
        let error = Wire::Line(b'-', b"ERR".to_vec());
        assert!(agree(How::Error, &int(1), &int(5)) && !agree(How::Error, &int(1), &error));
    }
}
