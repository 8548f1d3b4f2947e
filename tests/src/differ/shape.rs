//! Whether two replies have one shape: the same types and the same names, whatever the values are.
//!
//! That is what can be compared of figures, times and identifiers. The names are those of a map, of
//! an array of names and values in turn, and of texts: `name:value` lines as INFO has them, and
//! `name=value` words as CLIENT LIST has them. The second reply may have names of its own.

use std::collections::BTreeMap;

use super::wire::Wire;

/// Names that only the first server has, being Redis's own: of its event loop, its prefetching, its
/// buffers for replies, its build.
pub const OWN_NAMES: &[&str] = &[
    "atomicvar_api",
    "gcc_version",
    "reply_buffer_expands",
    "reply_buffer_shrinks",
    "io_threaded_total_prefetch_batches",
    "io_threaded_total_prefetch_entries",
    "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec",
    "eventloop_cycles",
    "eventloop_duration_sum",
    "eventloop_duration_cmd_sum",
];

/// Stands for all names that are numbers, such as the classes of a histogram.
const NUMBER: &str = "#";

/// Whether the second reply has the shape of the first.
pub fn fits(first: &Wire, second: &Wire) -> bool {
    if first.is_error() || second.is_error() {
        return first == second;
    }
    if let (Some(a), Some(b)) = (named(first), named(second)) {
        return kind(first) == kind(second) && all_fit(&a, &b);
    }
    match (first, second) {
        (Wire::Line(x, _), Wire::Line(y, _)) => x == y,
        (Wire::Text(x, a), Wire::Text(y, b)) => x == y && texts_fit(a, b),
        (Wire::Many(x, a), Wire::Many(y, b)) => x == y && items_fit(a, b),
        _ => false,
    }
}

fn kind(reply: &Wire) -> u8 {
    match reply {
        Wire::Line(kind, _) | Wire::Text(kind, _) | Wire::Many(kind, _) => *kind,
    }
}

fn all_fit(a: &BTreeMap<String, &Wire>, b: &BTreeMap<String, &Wire>) -> bool {
    a.iter().all(|(name, value)| match b.get(name) {
        Some(other) => fits(value, other),
        None => OWN_NAMES.contains(&name.as_str()),
    })
}

/// Items that stand for different things are as many in both; those of a list are all alike.
fn items_fit(a: &[Wire], b: &[Wire]) -> bool {
    if a.len() == b.len() {
        return a.iter().zip(b).all(|(a, b)| fits(a, b));
    }
    let Some(model) = a.first() else { return true };
    a.iter().chain(b).all(|item| fits(model, item))
}

/// What a map's names stand for, or those of an array of names and values.
fn named(reply: &Wire) -> Option<BTreeMap<String, &Wire>> {
    let Wire::Many(kind, items) = reply else { return None };
    if items.len() % 2 != 0 || (items.is_empty() && *kind != b'%') {
        return None;
    }
    let pairs = items.chunks_exact(2);
    let named: Option<BTreeMap<_, _>> =
        pairs.map(|pair| Some((name(&pair[0], *kind == b'%')?, &pair[1]))).collect();
    // Strings that come twice are no names.
    named.filter(|named| *kind == b'%' || named.len() * 2 == items.len())
}

fn name(item: &Wire, in_map: bool) -> Option<String> {
    let text = match item {
        Wire::Line(b':', _) if in_map => NUMBER.into(),
        Wire::Line(b'+', text) if in_map => String::from_utf8_lossy(text).into_owned(),
        Wire::Text(_, text) => String::from_utf8_lossy(text).into_owned(),
        _ => return None,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-|#".contains(c);
    (!text.is_empty() && text.chars().all(is_name)).then_some(text)
}

fn texts_fit(a: &[u8], b: &[u8]) -> bool {
    missing(a, b).is_empty()
}

/// The names in the first text that are not in the second, and are none of Redis's own.
fn missing(a: &[u8], b: &[u8]) -> Vec<String> {
    let there = names_in(b);
    let names = names_in(a).into_iter();
    names.filter(|n| !there.contains(n) && !OWN_NAMES.contains(&n.as_str())).collect()
}

fn names_in(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let is_info = text.starts_with("# ");
    let mut names: Vec<String> = if is_info {
        let lines = text.lines().map(|line| line.split(':').next().unwrap_or_default());
        lines.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    } else {
        let words = text.lines().next().unwrap_or_default().split(' ');
        words.filter_map(|word| Some(word.split_once('=')?.0.to_owned())).collect()
    };
    names.sort();
    names
}

/// The names in which the replies differ, for a report; empty when something else does.
pub fn lacking(first: &Wire, second: &Wire) -> Vec<String> {
    match (first, second) {
        (Wire::Text(_, a), Wire::Text(_, b)) => missing(a, b),
        _ => match (named(first), named(second)) {
            (Some(a), Some(b)) => {
                let own = |name: &String| OWN_NAMES.contains(&name.as_str());
                let bad = |(name, value): (&String, &&Wire)| match b.get(name) {
                    Some(other) => (!fits(value, other)).then(|| format!("{name} (its value)")),
                    None => (!own(name)).then(|| name.clone()),
                };
                a.iter().filter_map(bad).collect()
            }
            _ => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Wire {
        Wire::Text(b'$', text.into())
    }

    fn int(n: i64) -> Wire {
        Wire::Line(b':', n.to_string().into_bytes())
    }

    fn many(kind: u8, items: &[Wire]) -> Wire {
        Wire::Many(kind, items.to_vec())
    }

    #[test]
    fn values_may_differ_but_types_and_names_may_not() {
        assert!(fits(&int(1), &int(2)) && !fits(&int(1), &text("1")));
        for kind in [b'%', b'*'] {
            let a = many(kind, &[text("a"), int(1), text("b"), text("x")]);
            let b = many(kind, &[text("b"), text("y"), text("a"), int(2), text("c"), int(3)]);
            assert!(fits(&a, &b) && !fits(&b, &a));
            assert_eq!(lacking(&b, &a), ["c"]);
            assert!(!fits(&a, &many(kind, &[text("a"), text("1"), text("b"), text("x")])));
        }
        assert!(!fits(&many(b'%', &[text("a"), int(1)]), &many(b'*', &[text("a"), int(1)])));
    }

    #[test]
    fn lists_are_alike_whatever_their_lengths() {
        let entry = |n| many(b'*', &[int(n), text("0.5 x")]);
        assert!(fits(&many(b'*', &[entry(1)]), &many(b'*', &[entry(2), entry(3)])));
        assert!(!fits(&many(b'*', &[entry(1)]), &many(b'*', &[entry(2), int(3)])));
        assert!(fits(&many(b'*', &[]), &many(b'*', &[entry(2)])));
        let flags = |flags: [&str; 2]| {
            many(b'*', &flags.map(|flag| Wire::Line(b'+', flag.as_bytes().to_vec())))
        };
        assert!(fits(&flags(["admin", "fast"]), &flags(["fast", "slow"])));
    }

    #[test]
    fn texts_have_names_too() {
        let info = "# Server\r\nport:1\r\n\r\n# Clients\r\nclients:2\r\n";
        assert!(fits(&text(info), &text(&info.replace("port:1", "host:h\r\nport:5"))));
        assert_eq!(lacking(&text(info), &text("# Server\r\nport:3\r\n")), ["# Clients", "clients"]);
        assert!(fits(&text("id=1 addr=x"), &text("id=2 name=x addr=y")));
        assert!(!fits(&text("id=1 addr=x"), &text("id=2 name=x")));
    }
}
