//! Parameters whose values are lists with a syntax of their own: `save`,
//! `client-output-buffer-limit` and others. A list is kept as text in the form that CONFIG GET
//! shows; the functions here that give back a structure read that form.

use super::param::Merge;
use super::value::words;
use crate::util::float::{format_f64, parse_f64};
use crate::util::int::{parse_i64, parse_u64};
use crate::util::memory::parse_memory;
use crate::util::words::quote;

/// Reads the words of a value, given the present one; gives back the form to keep, or Redis's text
/// of why they are no value.
pub type ParseList = fn(words: &[&[u8]], present: &[u8]) -> Result<Vec<u8>, String>;

/// A syntax of lists.
pub struct ListKind {
    /// Reads a value.
    pub parse: ParseList,
    /// How a file has the kept form: one entry a line.
    pub lines: fn(kept: &[u8]) -> Vec<Vec<u8>>,
    /// What becomes of the present value.
    pub merge: Merge,
}

/// All of it on one line, in quotes if it would not read back without.
fn one_line(kept: &[u8]) -> Vec<Vec<u8>> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    let plain = !kept.is_empty() && kept.iter().all(is_plain);
    vec![if plain { kept.to_vec() } else { quote(kept) }]
}

/// The kept form, cut into lines of `size` words each.
fn lines_of(kept: &[u8], size: usize) -> Vec<Vec<u8>> {
    words(kept).chunks(size).map(|line| line.join(&b' ')).collect()
}

/// Any words.
pub static WORDS: ListKind =
    ListKind { parse: |words, _| Ok(words.join(&b' ')), lines: one_line, merge: Merge::Replace };

/// The most addresses that `bind` takes.
const MAX_ADDRESSES: usize = 16;

/// Addresses to listen on; one with a `-` before it may be missing.
pub static ADDRESSES: ListKind = ListKind {
    parse: |words, _| match words.len() > MAX_ADDRESSES {
        true => Err("Too many bind addresses specified.".into()),
        false => Ok(words.join(&b' ')),
    },
    lines: one_line,
    merge: Merge::Replace,
};

/// `replicaof`: an address and a port, or `no one`.
pub static PRIMARY: ListKind = ListKind {
    parse: |words, _| match words {
        [host, port] if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") => {
            Ok(Vec::new())
        }
        [host, port] => match parse_u64(port) {
            Some(0..=65535) => Ok([host, &b" "[..], port].concat()),
            _ => Err("Invalid master port".into()),
        },
        [] => Ok(Vec::new()),
        _ => Err("wrong number of arguments".into()),
    },
    lines: |kept| if kept.is_empty() { Vec::new() } else { one_line(kept) },
    merge: Merge::Replace,
};

/// A snapshot is due once so many seconds have passed with so many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

/// `save`: pairs of seconds and changes.
pub static SAVE: ListKind = ListKind {
    parse: |words, present| {
        let invalid = || "Invalid save parameters".to_string();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let (pairs, rest) = words.as_chunks::<2>();
        let valid = |[seconds, changes]: &[&[u8]; 2]| {
            parse_i64(seconds).is_some_and(|seconds| (1..=i64::from(i32::MAX)).contains(&seconds))
                && parse_i64(changes)
                    .is_some_and(|changes| (0..=i64::from(i32::MAX)).contains(&changes))
        };
        if !rest.is_empty() || !pairs.iter().all(valid) {
            return Err(invalid());
        }
        let mut kept = present.to_vec();
        for word in words {
            if !kept.is_empty() {
                kept.push(b' ');
            }
            kept.extend_from_slice(word);
        }
        Ok(kept)
    },
    lines: |kept| if kept.is_empty() { vec![b"\"\"".to_vec()] } else { lines_of(kept, 2) },
    merge: Merge::WithinFile,
};

/// Reads the kept form of `save`.
pub fn save_points(kept: &[u8]) -> Vec<SavePoint> {
    let numbers: Vec<u64> = words(kept).into_iter().filter_map(parse_u64).collect();
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs.iter().map(|&[seconds, changes]| SavePoint { seconds, changes }).collect()
}

/// How much output may wait for a client before it is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes that disconnect at once; 0 for no limit.
    pub hard: u64,
    /// Bytes that disconnect when they last; 0 for no limit.
    pub soft: u64,
    /// How long they have to last, in seconds.
    pub soft_seconds: u64,
}

/// The classes of clients with an [`OutputLimit`] of their own, with their names.
const CLIENT_CLASSES: [&[&str]; 3] = [&["normal"], &["slave", "replica"], &["pubsub"]];

/// `client-output-buffer-limit`: a class of clients and its three limits, repeatedly. Classes that
/// are not named stay as they are.
pub static OUTPUT_LIMITS: ListKind = ListKind {
    parse: |words, present| {
        let mut limits = output_limits(present);
        let (entries, rest) = words.as_chunks::<4>();
        if !rest.is_empty() || entries.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for entry in entries {
            let (class, limit) = output_limit(entry)?;
            if let Some(present) = limits.get_mut(class) {
                *present = limit;
            }
        }
        let entries = CLIENT_CLASSES.iter().zip(limits).map(|(names, limit)| {
            let name = names.first().copied().unwrap_or_default();
            format!("{name} {} {} {}", limit.hard, limit.soft, limit.soft_seconds)
        });
        Ok(entries.collect::<Vec<_>>().join(" ").into_bytes())
    },
    lines: |kept| lines_of(kept, 4),
    merge: Merge::Always,
};

/// Reads one class's number and limit.
fn output_limit([class, hard, soft, seconds]: &[&[u8]; 4]) -> Result<(usize, OutputLimit), String> {
    let class = CLIENT_CLASSES
        .iter()
        .position(|names| names.iter().any(|name| class.eq_ignore_ascii_case(name.as_bytes())))
        .ok_or("Invalid client class specified in buffer limit configuration.")?;
    let limit = parse_memory(hard).zip(parse_memory(soft)).zip(parse_u64(seconds));
    let ((hard, soft), soft_seconds) = limit
        .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
    Ok((class, OutputLimit { hard, soft, soft_seconds }))
}

/// Reads the kept form of `client-output-buffer-limit`: the limits of normal clients, replicas and
/// subscribers.
pub fn output_limits(kept: &[u8]) -> [OutputLimit; 3] {
    let mut limits = [OutputLimit { hard: 0, soft: 0, soft_seconds: 0 }; 3];
    for entry in words(kept).as_chunks::<4>().0 {
        if let Ok((class, limit)) = output_limit(entry)
            && let Some(present) = limits.get_mut(class)
        {
            *present = limit;
        }
    }
    limits
}

/// `latency-tracking-info-percentiles`: numbers of 0 to 100.
pub static PERCENTILES: ListKind = ListKind {
    parse: |words, _| {
        const NAME: &str = "latency-tracking-info-percentiles";
        let mut kept = Vec::new();
        for word in words {
            let number = parse_f64(word).ok_or_else(|| format!("Invalid {NAME} parameters"))?;
            if !(0.0..=100.0).contains(&number) {
                return Err(format!("{NAME} parameters should sit between [0.0,100.0]"));
            }
            kept.push(format_f64(number));
        }
        Ok(kept.join(" ").into_bytes())
    },
    lines: one_line,
    merge: Merge::Replace,
};

/// Reads the kept form of `latency-tracking-info-percentiles`.
pub fn percentiles(kept: &[u8]) -> Vec<f64> {
    words(kept).into_iter().filter_map(parse_f64).collect()
}

/// `oom-score-adj-values`: three numbers.
pub static OOM_SCORES: ListKind = ListKind {
    parse: |words, _| {
        if words.len() != 3 {
            return Err("wrong number of arguments".into());
        }
        let valid =
            |word: &&[u8]| parse_i64(word).is_some_and(|score| (-2000..=2000).contains(&score));
        match words.iter().all(valid) {
            true => Ok(words.join(&b' ')),
            false => {
                Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into())
            }
        }
    },
    lines: one_line,
    merge: Merge::Replace,
};

/// The letters of `notify-keyspace-events`, in the order CONFIG GET gives them; the first lot is
/// what `A` stands for.
const EVENT_CLASSES: (&[u8], &[u8]) = (b"g$lshzxetda", b"KEmnocSTIV");

/// `notify-keyspace-events`: letters in any order.
pub static EVENTS: ListKind = ListKind {
    parse: |words, _| {
        let given = words.concat();
        let (covered, apart) = EVENT_CLASSES;
        let known =
            |letter: &u8| *letter == b'A' || covered.contains(letter) || apart.contains(letter);
        if !given.iter().all(known) {
            return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdnocaSTIV'.".into());
        }
        // Before there were arrays, all the other letters meant the same as `A`.
        let before_arrays = covered.strip_suffix(b"a").unwrap_or(covered);
        let all =
            given.contains(&b'A') || before_arrays.iter().all(|letter| given.contains(letter));
        let mut kept = if all { vec![b'A'] } else { Vec::new() };
        kept.extend(covered.iter().filter(|letter| !all && given.contains(letter)));
        kept.extend(apart.iter().filter(|letter| given.contains(letter)));
        Ok(kept)
    },
    lines: |kept| vec![quote(kept)],
    merge: Merge::Replace,
};
