//! Keys that hold integers, as an object whose linearizability can be checked: SET, GET, INCR and
//! transactions of them. Histories are split into groups of keys that no transaction joins.

use std::collections::BTreeMap;

use crate::linear::{self, History, Model, Timed, Violation};

/// What one command did to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// SET to this value.
    Set(i64),
    /// GET answered this; `None` is a key that is not there.
    Get(Option<i64>),
    /// INCR answered this.
    Incr(i64),
}

/// A command, or a transaction of several that take effect at one moment.
pub type Op = Vec<(usize, Act)>;

/// The keys of a group. A state is their values, in the group's order.
struct Group {
    keys: Vec<usize>,
}

impl Model for Group {
    type State = Vec<Option<i64>>;
    type Op = Op;

    fn step(&self, state: &Self::State, op: &Op) -> Option<Self::State> {
        let mut state = state.clone();
        for (key, act) in op {
            let slot = &mut state[self.keys.iter().position(|k| k == key)?];
            match *act {
                Act::Set(value) => *slot = Some(value),
                Act::Get(value) if value == *slot => {}
                Act::Incr(result) if result == slot.unwrap_or(0) + 1 => *slot = Some(result),
                _ => return None,
            }
        }
        Some(state)
    }

    fn is_read(&self, op: &Op) -> bool {
        op.iter().all(|(_, act)| matches!(act, Act::Get(_)))
    }
}

/// Checks what processes did to keys that did not exist before.
///
/// # Errors
/// The first group of keys whose history no order explains.
pub fn check(history: &History<Op>) -> Result<(), Violation> {
    for keys in groups(history) {
        let mine = |op: &Timed<Op>| op.op.first().is_some_and(|(key, _)| keys.contains(key));
        let part: History<Op> =
            history.iter().map(|ops| ops.iter().filter(|op| mine(op)).cloned().collect()).collect();
        let initial = vec![None; keys.len()];
        linear::check(&Group { keys: keys.clone() }, initial, &part).map_err(|mut violation| {
            violation.text = format!("keys {keys:?}: {}", violation.text);
            violation
        })?;
    }
    Ok(())
}

/// The keys, those together that operations have in common.
fn groups(history: &History<Op>) -> Vec<Vec<usize>> {
    let mut group_of: BTreeMap<usize, usize> = BTreeMap::new();
    for op in history.iter().flatten() {
        let joined: Vec<usize> =
            op.op.iter().map(|(key, _)| *group_of.entry(*key).or_insert(*key)).collect();
        let Some(&into) = joined.iter().min() else { continue };
        if joined.iter().any(|group| *group != into) {
            group_of.values_mut().filter(|g| joined.contains(g)).for_each(|g| *g = into);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (key, group) in group_of {
        groups.entry(group).or_default().push(key);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Instant;

    fn at(call: u64, end: u64, op: &[(usize, Act)]) -> Timed<Op> {
        Timed { call, end, op: op.to_vec() }
    }

    #[test]
    fn keys_are_grouped_by_transactions() {
        let both = [(4, Act::Set(1)), (7, Act::Set(1))];
        let chain = [(7, Act::Set(1)), (9, Act::Set(1))];
        let single = [(5, Act::Get(None))];
        let history = vec![vec![at(0, 1, &both), at(2, 3, &single)], vec![at(0, 1, &chain)]];
        assert_eq!(groups(&history), [vec![4, 7, 9], vec![5]]);
    }

    #[test]
    fn half_a_transaction_is_never_seen() {
        let write = at(0, 10, &[(0, Act::Set(1)), (1, Act::Set(1))]);
        let seen = |a, b| {
            vec![
                vec![write.clone()],
                vec![at(1, 2, &[(0, Act::Get(a))]), at(3, 4, &[(1, Act::Get(b))])],
            ]
        };
        assert!(check(&seen(Some(1), Some(1))).is_ok());
        assert!(check(&seen(None, None)).is_ok());
        assert!(check(&seen(None, Some(1))).is_ok(), "the transaction ran between the reads");
        assert!(check(&seen(Some(1), None)).is_err());
    }

    /// Stands for a server: keys behind a lock, with a fault to find.
    struct Fake {
        keys: Mutex<[i64; 2]>,
        /// Every so many commands one INCR is answered but not kept; 0 is never.
        drops_every: u64,
        /// Every so many commands one GET answers what was there before; 0 is never.
        stale_every: u64,
        count: Mutex<u64>,
    }

    impl Fake {
        fn incr(&self, key: usize) -> Act {
            let n = self.tick();
            let mut keys = self.keys.lock().expect("no test panics");
            let result = keys[key] + 1;
            if self.drops_every == 0 || !n.is_multiple_of(self.drops_every) {
                keys[key] = result;
            }
            Act::Incr(result)
        }

        fn get(&self, key: usize) -> Act {
            let n = self.tick();
            let value = self.keys.lock().expect("no test panics")[key];
            let stale = self.stale_every != 0 && n.is_multiple_of(self.stale_every) && value > 0;
            let value = if stale { value - 1 } else { value };
            Act::Get((value > 0).then_some(value))
        }

        fn tick(&self) -> u64 {
            let mut count = self.count.lock().expect("no test panics");
            *count += 1;
            *count
        }
    }

    fn record(drops_every: u64, stale_every: u64) -> History<Op> {
        let fake =
            Fake { keys: Mutex::default(), drops_every, stale_every, count: Mutex::default() };
        let clock = Instant::now();
        let now = || clock.elapsed().as_nanos() as u64;
        let process = |number: usize| {
            let one = |i: usize| {
                let (call, key) = (now(), (i + number) % 2);
                let act = if i.is_multiple_of(3) { fake.get(key) } else { fake.incr(key) };
                Timed { call, end: now(), op: vec![(key, act)] }
            };
            (0..500).map(one).collect()
        };
        let process = &process;
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|n| scope.spawn(move || process(n))).collect();
            all.into_iter().map(|t| t.join().expect("no process panics")).collect()
        })
    }

    #[test]
    fn a_server_that_works_passes() {
        assert_eq!(check(&record(0, 0)), Ok(()));
    }

    #[test]
    fn a_server_that_drops_an_update_is_caught() {
        assert!(check(&record(401, 0)).is_err());
    }

    #[test]
    fn a_server_that_answers_what_was_before_is_caught() {
        // Alone in time, so that no overlap can excuse the old value.
        let fake = Fake {
            keys: Mutex::default(),
            drops_every: 0,
            stale_every: 100,
            count: Mutex::default(),
        };
        let one = |i: u64| {
            let act = if i.is_multiple_of(2) { fake.incr(0) } else { fake.get(0) };
            at(10 * i, 10 * i + 5, &[(0, act)])
        };
        let history = vec![(0..300).map(one).collect()];
        assert!(check(&history).is_err());
    }
}
