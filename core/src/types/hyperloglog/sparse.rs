//! Sparse registers: runs of equal ones, in one or two bytes each.
//!
//! `00llllll` is a run of 1 to 64 zeros, `01llllll llllllll` one of up to 16384, `1vvvvvll` a run
//! of 1 to 4 registers of a rank from 1 to 32.
//!
//! When a register changes, its run is split; afterwards runs around it are joined where they are
//! equal and fit into one, as far as Redis does, so that the same elements give the same bytes.

use super::{Invalid, REGISTERS};

/// Longest run of zeros in one byte.
const SHORT_ZEROS: usize = 64;
/// Longest run of a rank above 0.
const RANK_RUN: usize = 4;
/// Highest rank that a run can have.
const RANK_MAX: u8 = 32;
/// How many runs, beginning with the one before the change, are looked at for joining.
const JOIN_SPAN: usize = 5;

/// A run of equal registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Of registers that nothing has reached.
    Zeros {
        /// How many, at least 1.
        len: usize,
    },
    /// Of another rank.
    Rank {
        /// The rank, 1 to 32.
        rank: u8,
        /// How many, 1 to 4.
        len: usize,
    },
}

impl Run {
    /// Number of registers.
    pub fn len(&self) -> usize {
        match *self {
            Run::Zeros { len } | Run::Rank { len, .. } => len,
        }
    }

    /// A run is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The registers' rank.
    pub fn rank(&self) -> u8 {
        match *self {
            Run::Zeros { .. } => 0,
            Run::Rank { rank, .. } => rank,
        }
    }

    /// Whether it takes two bytes.
    pub fn is_wide(&self) -> bool {
        matches!(self, Run::Zeros { len } if *len > SHORT_ZEROS)
    }

    fn with_len(self, len: usize) -> Self {
        match self {
            Run::Zeros { .. } => Run::Zeros { len },
            Run::Rank { rank, .. } => Run::Rank { rank, len },
        }
    }

    /// Appends its bytes.
    pub(super) fn write(self, to: &mut Vec<u8>) {
        match self {
            Run::Zeros { len } if len <= SHORT_ZEROS => to.push((len - 1) as u8),
            Run::Zeros { len } => {
                let len = (len - 1) as u16;
                to.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]);
            }
            Run::Rank { rank, len } => to.push(0x80 | (rank - 1) << 2 | (len - 1) as u8),
        }
    }

    /// Reads the run at `at` and the number of its bytes.
    #[inline]
    fn read(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let first = *bytes.get(at)?;
        let low = usize::from(first & 0x3f);
        match first >> 6 {
            0 => Some((Run::Zeros { len: low + 1 }, 1)),
            1 => {
                let second = usize::from(*bytes.get(at + 1)?);
                Some((Run::Zeros { len: (low << 8 | second) + 1 }, 2))
            }
            _ => {
                let len = usize::from(first & 3) + 1;
                Some((Run::Rank { rank: (first >> 2 & 0x1f) + 1, len }, 1))
            }
        }
    }
}

/// The runs of a whole HyperLogLog, once it is certain that they make all registers.
pub(super) fn checked(runs: &[u8]) -> Result<impl Iterator<Item = Run> + '_, Invalid> {
    let (mut at, mut registers) = (0, 0);
    while let Some((run, size)) = Run::read(runs, at) {
        (at, registers) = (at + size, registers + run.len());
    }
    if at != runs.len() || registers != REGISTERS {
        return Err(Invalid::Corrupted);
    }
    let mut at = 0;
    Ok(std::iter::from_fn(move || {
        let (run, size) = Run::read(runs, at)?;
        at += size;
        Some(run)
    }))
}

/// What came of an attempt to raise a register.
pub(super) enum Raised {
    /// It is at least as high as it should be; whether it changed.
    Done(bool),
    /// Runs cannot hold it. Nothing changed.
    NeedsDense,
}

/// Raises a register to `rank` if it is lower. Runs begin at `from` in `bytes`, which may grow to
/// `most`.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    from: usize,
    index: usize,
    rank: u8,
    most: usize,
) -> Result<Raised, Invalid> {
    if rank > RANK_MAX {
        return Ok(Raised::NeedsDense);
    }
    let (mut previous, mut at, mut first) = (from, from, 0);
    let (run, size) = loop {
        let (run, size) = Run::read(bytes, at).ok_or(Invalid::Corrupted)?;
        if index < first + run.len() {
            break (run, size);
        }
        (previous, at, first) = (at, at + size, first + run.len());
    };
    if run.rank() >= rank {
        return Ok(Raised::Done(false));
    }
    let (left, right) = (index - first, first + run.len() - 1 - index);
    let mut parts = Vec::with_capacity(5);
    if left > 0 {
        run.with_len(left).write(&mut parts);
    }
    Run::Rank { rank, len: 1 }.write(&mut parts);
    if right > 0 {
        run.with_len(right).write(&mut parts);
    }
    if parts.len() > size && bytes.len() + parts.len() - size > most {
        return Ok(Raised::NeedsDense);
    }
    bytes.splice(at..at + size, parts);
    join(bytes, previous);
    Ok(Raised::Done(true))
}

/// Joins neighbours of the same rank, from the run at `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_SPAN {
        let Some((run, size)) = Run::read(bytes, at) else { return };
        let next = Run::read(bytes, at + size).map(|(next, _)| next);
        match (run, next) {
            (Run::Rank { rank, len }, Some(Run::Rank { rank: other, len: more }))
                if rank == other && len + more <= RANK_RUN =>
            {
                // Both are one byte, and the joined run may be joined again.
                bytes.remove(at);
                bytes[at] = 0x80 | (rank - 1) << 2 | (len + more - 1) as u8;
            }
            _ => at += size,
        }
    }
}
