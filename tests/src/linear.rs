//! A checker of linearizability: whether operations that several processes ran at the same time
//! on one object could have happened one after another, each at some moment between its call and
//! its return.
//!
//! The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's
//! memory of configurations that led nowhere ("Testing for linearizability", 2017). Two things keep
//! it fast on long histories:
//!
//! - A process runs its operations in order, so a set of linearized operations is told by how many
//!   each process has behind it. A configuration is those counts and the object's state, whatever
//!   the history's length.
//! - A read that may come next and fits is taken at once and for good: whatever follows can follow
//!   it just as well. (Not so a write of the value that is there: others may need it later.)
//!
//! Objects that have no operation in common can be checked one by one (locality: Herlihy and Wing,
//! 1990); who uses the checker splits the history. What an object is stands in a [`Model`].

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// A sequential object.
pub trait Model {
    /// Its state.
    type State: Clone + Eq + Hash + Debug;
    /// An operation, with what it answered.
    type Op: Debug;

    /// The state after `op`, or `None` if it could not have answered so in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// Whether `op` leaves every state as it is.
    fn is_read(&self, op: &Self::Op) -> bool;
}

/// An operation and when it ran, on a clock that all processes share.
#[derive(Clone, Debug)]
pub struct Timed<Op> {
    /// A moment before the server could see it.
    pub call: u64,
    /// A moment after its answer was sent.
    pub end: u64,
    /// What it was and what it answered.
    pub op: Op,
}

/// The history of an object: what each process did, in its order.
pub type History<Op> = Vec<Vec<Timed<Op>>>;

/// Why a history is not linearizable, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// How many operations the longest attempt put in order.
    pub reached: usize,
    /// The state there, and the operations of each process that come next and do not fit.
    pub text: String,
}

/// Checks a history that begins in `initial`.
///
/// Time and memory grow with the operations times the orders that concurrency leaves open.
///
/// # Errors
/// A [`Violation`] if no order explains the history.
pub fn check<M: Model>(
    model: &M,
    initial: M::State,
    history: &History<M::Op>,
) -> Result<(), Violation> {
    Search { model, history, seen: HashSet::new(), furthest: None }.run(initial)
}

/// How far each process has come, and the state then.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration<S> {
    done: Box<[u32]>,
    state: S,
}

impl<S> Configuration<S> {
    fn len(&self) -> usize {
        self.done.iter().map(|n| *n as usize).sum()
    }
}

struct Search<'a, M: Model> {
    model: &'a M,
    history: &'a History<M::Op>,
    /// Configurations that were on the way already.
    seen: HashSet<Configuration<M::State>>,
    furthest: Option<Configuration<M::State>>,
}

impl<M: Model> Search<'_, M> {
    fn run(mut self, initial: M::State) -> Result<(), Violation> {
        let total: usize = self.history.iter().map(Vec::len).sum();
        let done = vec![0; self.history.len()].into();
        let mut stack = vec![Configuration { done, state: initial }];
        while let Some(mut at) = stack.pop() {
            self.take_reads(&mut at);
            let reached = at.len();
            if reached == total {
                return Ok(());
            }
            if self.furthest.as_ref().is_none_or(|f| f.len() < reached) {
                self.furthest = Some(at.clone());
            }
            if self.seen.contains(&at) {
                continue;
            }
            self.branch(&at, &mut stack);
            self.seen.insert(at);
        }
        Err(self.violation())
    }

    /// The next operation of a process, if there is one and nothing has to come before it.
    fn candidate(&self, at: &Configuration<M::State>, process: usize) -> Option<&M::Op> {
        let next = self.next(at, process)?;
        (next.call <= self.first_end(at)).then_some(&next.op)
    }

    fn next(&self, at: &Configuration<M::State>, process: usize) -> Option<&Timed<M::Op>> {
        self.history[process].get(at.done[process] as usize)
    }

    /// When the first of the operations that are not linearized ended: what was called later has
    /// to come after it.
    fn first_end(&self, at: &Configuration<M::State>) -> u64 {
        let ends = (0..at.done.len()).filter_map(|p| self.next(at, p)).map(|op| op.end);
        ends.min().unwrap_or(u64::MAX)
    }

    /// Linearizes all reads that may come next and fit.
    fn take_reads(&self, at: &mut Configuration<M::State>) {
        let mut process = 0;
        while process < at.done.len() {
            let op = self.candidate(at, process).filter(|op| self.model.is_read(op));
            if op.is_some_and(|op| self.model.step(&at.state, op).is_some()) {
                at.done[process] += 1;
                // Others may follow now that this one has ended.
                process = 0;
            } else {
                process += 1;
            }
        }
    }

    /// Puts on the stack what may follow.
    fn branch(&self, at: &Configuration<M::State>, stack: &mut Vec<Configuration<M::State>>) {
        for process in 0..at.done.len() {
            let op = self.candidate(at, process);
            if let Some(state) = op.and_then(|op| self.model.step(&at.state, op)) {
                let mut done = at.done.clone();
                done[process] += 1;
                stack.push(Configuration { done, state });
            }
        }
    }

    fn violation(&self) -> Violation {
        let Some(at) = &self.furthest else {
            return Violation { reached: 0, text: "an empty search".into() };
        };
        let mut text = format!("after {} operations the state is {:?}, but:", at.len(), at.state);
        for process in 0..at.done.len() {
            if let Some(next) = self.next(at, process) {
                text.push_str(&format!("\n  process {process} goes on with {next:?}"));
            }
        }
        Violation { reached: at.len(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A register that can be read, written and counted up.
    struct Register;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Write(i64),
        Read(i64),
        Add(i64),
    }

    impl Model for Register {
        type State = i64;
        type Op = Op;

        fn step(&self, state: &i64, op: &Op) -> Option<i64> {
            match *op {
                Op::Write(value) => Some(value),
                Op::Read(value) => (value == *state).then_some(value),
                Op::Add(result) => (result == state + 1).then_some(result),
            }
        }

        fn is_read(&self, op: &Op) -> bool {
            matches!(op, Op::Read(_))
        }
    }

    fn at(call: u64, end: u64, op: Op) -> Timed<Op> {
        Timed { call, end, op }
    }

    fn is_linearizable(history: &History<Op>) -> bool {
        check(&Register, 0, history).is_ok()
    }

    #[test]
    fn overlapping_operations_may_take_either_order() {
        let write = at(0, 10, Op::Write(1));
        for value in [0, 1] {
            assert!(is_linearizable(&vec![vec![write.clone()], vec![at(2, 5, Op::Read(value))]]));
        }
        assert!(!is_linearizable(&vec![vec![write], vec![at(2, 5, Op::Read(2))]]));
    }

    #[test]
    fn a_stale_read_is_found() {
        let history = vec![vec![at(0, 1, Op::Write(1))], vec![at(2, 3, Op::Read(0))]];
        let found = check(&Register, 0, &history).expect_err("the write had ended");
        assert_eq!(found.reached, 1);
        assert!(found.text.contains("Read(0)"), "{}", found.text);
    }

    #[test]
    fn reads_may_not_go_back() {
        // Both reads overlap the write, but the later one saw the older value.
        let reads = vec![at(1, 2, Op::Read(1)), at(3, 4, Op::Read(0))];
        assert!(!is_linearizable(&vec![vec![at(0, 10, Op::Write(1))], reads]));
    }

    #[test]
    fn a_lost_update_is_found() {
        let both = |a, b| vec![vec![at(0, 5, Op::Add(a))], vec![at(1, 6, Op::Add(b))]];
        assert!(is_linearizable(&both(1, 2)) && is_linearizable(&both(2, 1)));
        assert!(!is_linearizable(&both(1, 1)));
    }

    #[test]
    fn a_choice_that_leads_nowhere_is_taken_back() {
        // Writing 2 first is possible, but then nobody could have read 1 after both.
        let writes = vec![vec![at(0, 10, Op::Write(1))], vec![at(0, 10, Op::Write(2))]];
        for value in [1, 2] {
            let mut history = writes.clone();
            history.push(vec![at(11, 12, Op::Read(value))]);
            assert!(is_linearizable(&history));
        }
    }

    /// Histories of a register that works, and when each operation took effect.
    fn real_history() -> impl Strategy<Value = History<Op>> {
        let op = (0..4usize, 0..3u8, 0..3i64, 0..40u64, 0..40u64);
        proptest::collection::vec(op, 1..40).prop_map(|ops| {
            let mut history = vec![Vec::new(); 4];
            let mut state = 0;
            for (i, (process, kind, value, before, after)) in ops.into_iter().enumerate() {
                let moment = (i as u64 + 1) * 10;
                let op = match kind {
                    0 => Op::Write(value),
                    1 => Op::Read(state),
                    _ => Op::Add(state + 1),
                };
                state = Register.step(&state, &op).expect("it works");
                // A process's next call comes after its last answer.
                let mine: &mut Vec<Timed<Op>> = &mut history[process];
                let last = mine.last_mut().map_or(0, |last| {
                    last.end = last.end.min(moment - 1);
                    last.end
                });
                mine.push(at(moment.saturating_sub(before).max(last), moment + after, op));
            }
            history
        })
    }

    /// Tries all orders.
    fn naive(history: &History<Op>, done: &mut [usize], state: i64) -> bool {
        let next = |done: &[usize], p: usize| history[p].get(done[p]).cloned();
        let left: Vec<_> = (0..done.len()).filter_map(|p| next(done, p)).collect();
        let Some(first_end) = left.iter().map(|op| op.end).min() else { return true };
        (0..done.len()).any(|p| {
            let Some(op) = next(done, p).filter(|op| op.call <= first_end) else { return false };
            let Some(after) = Register.step(&state, &op.op) else { return false };
            done[p] += 1;
            let fits = naive(history, done, after);
            done[p] -= 1;
            fits
        })
    }

    proptest! {
        #[test]
        fn what_a_real_register_did_is_linearizable(history in real_history()) {
            prop_assert!(is_linearizable(&history));
        }

        #[test]
        fn the_search_agrees_with_trying_all_orders(
            ops in proptest::collection::vec((0..3usize, 0..3u8, 0..3i64, 0..30u64, 1..12u64), 0..9)
        ) {
            let mut history = vec![Vec::new(); 3];
            for (process, kind, value, call, length) in ops {
                let op = [Op::Write(value), Op::Read(value), Op::Add(value)][kind as usize];
                let mine: &mut Vec<Timed<Op>> = &mut history[process];
                let call = call.max(mine.last().map_or(0, |last| last.end));
                mine.push(at(call, call + length, op));
            }
            prop_assert_eq!(is_linearizable(&history), naive(&history, &mut [0; 3], 0));
        }
    }
}
