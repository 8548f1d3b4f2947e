//! Finds the keys of a command in its words, by its spec.

use super::spec::{Begin, Find, KeySpec, Spec};
use crate::util::num;

/// Appends the positions of the command's keys to `out`. Words that the arguments claim but do
/// not have are left out: the handler will complain about them.
pub fn positions(spec: &Spec, args: &[&[u8]], out: &mut Vec<usize>) {
    if let Some(find) = spec.find_keys {
        find(args, out);
        return;
    }
    for key_spec in spec.keys {
        if !key_spec.access.any(super::Access::NOT_KEY) {
            by_spec(key_spec, args, out);
        }
    }
}

/// The position of the only key, for the commands (most of them) that have exactly one at a
/// fixed place.
#[inline]
pub fn single(spec: &Spec) -> Option<usize> {
    match (spec.keys, spec.find_keys) {
        ([KeySpec { begin: Begin::Index(at), find: Find::Range { last: 0, .. }, .. }], None) => {
            usize::try_from(*at).ok()
        }
        _ => None,
    }
}

/// Whether the words have as many keys as their counts say.
pub fn counts_hold(spec: &Spec, args: &[&[u8]]) -> bool {
    spec.keys.iter().all(|key_spec| {
        let Find::KeyNum { at, first, step } = key_spec.find else { return true };
        let Some(begin) = begin(key_spec.begin, args) else { return true };
        let count = word(args, begin + i64::from(at)).and_then(num::parse_i64);
        count.is_some_and(|count| {
            let room = args.len() as i64 - begin - i64::from(first);
            count > 0 && count.saturating_sub(1).saturating_mul(i64::from(step)) < room
        })
    })
}

/// Appends the positions that one key spec yields.
pub fn by_spec(key_spec: &KeySpec, args: &[&[u8]], out: &mut Vec<usize>) {
    let len = args.len() as i64;
    let Some(begin) = begin(key_spec.begin, args) else { return };
    let (first, last, step) = match key_spec.find {
        Find::Unknown => return,
        Find::Range { last, step, limit } => {
            let end = match i64::from(last) {
                last if last >= 0 => begin + last,
                -1 if limit > 1 => begin + (len - begin) / i64::from(limit) - 1,
                last => len + last,
            };
            (begin, end, i64::from(step))
        }
        Find::KeyNum { at, first, step } => {
            let Some(count) = word(args, begin + i64::from(at)).and_then(num::parse_i64) else {
                return;
            };
            let first = begin + i64::from(first);
            let step = i64::from(step);
            // More keys than words is the handler's error to report.
            if count <= 0 || count > len {
                return;
            }
            (first, first + (count - 1) * step, step)
        }
    };
    let mut at = first;
    while at <= last && at < len && step > 0 {
        out.push(at as usize);
        at += step;
    }
}

fn begin(begin: Begin, args: &[&[u8]]) -> Option<i64> {
    match begin {
        Begin::Unknown => None,
        Begin::Index(at) => Some(i64::from(at)),
        Begin::Keyword { word, from } => {
            let matches = |at: &usize| args[*at].eq_ignore_ascii_case(word.as_bytes());
            let found = if from >= 0 {
                (from as usize..args.len()).find(matches)
            } else {
                let start = args.len().checked_sub(from.unsigned_abs() as usize)?;
                (1..=start).rev().find(matches)
            };
            found.map(|at| at as i64 + 1)
        }
    }
}

fn word<'a>(args: &[&'a [u8]], at: i64) -> Option<&'a [u8]> {
    args.get(usize::try_from(at).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::super::Access;
    use super::*;

    fn find(key_spec: KeySpec, line: &str) -> Vec<usize> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut out = Vec::new();
        by_spec(&key_spec, &args, &mut out);
        out
    }

    #[test]
    fn counts_are_held_against_the_words() {
        const KEYS: &[KeySpec] = &[KeySpec::one(1, Access::OW), KeySpec::counted(2, Access::RO)];
        let spec = Spec { keys: KEYS, ..Spec::DEFAULT };
        let holds = |line: &str| {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            counts_hold(&spec, &args)
        };
        assert!(holds("zunionstore d 2 a b") && holds("zunionstore d 1 a b"));
        for line in ["d 3 a b", "d 0 a", "d x a", "d -1 a", "d 9223372036854775807 a"] {
            assert!(!holds(&format!("zunionstore {line}")), "{line}");
        }
    }

    #[test]
    fn keys_are_found_where_the_spec_says() {
        assert_eq!(find(KeySpec::one(1, Access::RO), "get a"), [1]);
        assert_eq!(find(KeySpec::range(1, -1, 2, Access::OW), "mset a 1 b 2"), [1, 3]);
        assert_eq!(find(KeySpec::range(1, -2, 1, Access::RW), "blpop a b 0"), [1, 2]);
        assert_eq!(find(KeySpec::counted(2, Access::RW), "blmpop 0 2 a b left"), [3, 4]);
        assert_eq!(find(KeySpec::counted(1, Access::RW), "lmpop 99 a left"), []);
        let streams = KeySpec {
            access: Access::RO,
            begin: Begin::Keyword { word: "STREAMS", from: 1 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
        };
        assert_eq!(find(streams, "xread count 2 streams a b 0 0"), [4, 5]);
    }
}
