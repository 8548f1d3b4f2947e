//! A slice of an array: the values of neighbouring indexes.

use super::SLICE;

/// Values at which a sparse slice becomes dense.
const DENSE_FROM: usize = 256;
/// Values at which a dense slice becomes sparse again.
const SPARSE_BELOW: usize = 64;

/// How a slice is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether every place has room of its own.
    pub dense: bool,
    /// Values there is room for.
    pub capacity: usize,
    /// Values.
    pub used: usize,
}

/// The values of up to [`SLICE`] indexes.
#[derive(Clone)]
pub(super) enum Slice {
    /// In the order of their places.
    Sparse(Vec<(u16, Box<[u8]>)>),
    /// By their places, up to the last one that had a value; and how many there are.
    Dense(Vec<Option<Box<[u8]>>>, usize),
}

impl Default for Slice {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Slice {
    /// Number of values.
    pub(super) fn used(&self) -> usize {
        match self {
            Self::Sparse(values) => values.len(),
            Self::Dense(_, used) => *used,
        }
    }

    pub(super) fn form(&self) -> Form {
        let (dense, capacity) = match self {
            Self::Sparse(values) => (false, values.capacity()),
            Self::Dense(places, _) => (true, places.capacity()),
        };
        Form { dense, capacity, used: self.used() }
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let mut bytes = 0;
        self.scan(0, SLICE - 1, |_, value| {
            bytes += value.len();
            true
        });
        bytes
            + match self {
                Self::Sparse(values) => values.capacity() * size_of::<(u16, Box<[u8]>)>(),
                Self::Dense(places, _) => places.capacity() * size_of::<Option<Box<[u8]>>>(),
            }
    }

    /// The last place with a value.
    pub(super) fn last(&self) -> Option<u64> {
        match self {
            Self::Sparse(values) => values.last().map(|(at, _)| u64::from(*at)),
            Self::Dense(places, _) => places.iter().rposition(Option::is_some).map(|at| at as u64),
        }
    }

    pub(super) fn get(&self, at: u64) -> Option<&[u8]> {
        match self {
            Self::Sparse(values) => {
                let found = values.binary_search_by_key(&at, |(at, _)| u64::from(*at));
                found.ok().and_then(|i| values.get(i)).map(|(_, value)| &**value)
            }
            Self::Dense(places, _) => places.get(at as usize)?.as_deref(),
        }
    }

    /// Sets a value; whether there was none before.
    pub(super) fn set(&mut self, at: u64, value: &[u8]) -> bool {
        if matches!(self, Self::Sparse(values) if values.len() >= DENSE_FROM) {
            self.make_dense();
        }
        match self {
            Self::Sparse(values) => {
                match values.binary_search_by_key(&at, |(at, _)| u64::from(*at)) {
                    Ok(found) => {
                        values[found].1 = value.into();
                        false
                    }
                    Err(free) => {
                        values.insert(free, (at as u16, value.into()));
                        true
                    }
                }
            }
            Self::Dense(places, used) => {
                let at = at as usize;
                if places.len() <= at {
                    places.resize(at + 1, None);
                }
                let is_new = places[at].replace(value.into()).is_none();
                *used += usize::from(is_new);
                is_new
            }
        }
    }

    fn make_dense(&mut self) {
        let Self::Sparse(values) = std::mem::take(self) else { return };
        let used = values.len();
        let mut places = vec![None; values.last().map_or(0, |(at, _)| usize::from(*at) + 1)];
        for (at, value) in values {
            places[usize::from(at)] = Some(value);
        }
        *self = Self::Dense(places, used);
    }

    fn make_sparse(&mut self) {
        let Self::Dense(places, _) = std::mem::take(self) else { return };
        let values = places.into_iter().enumerate();
        *self = Self::Sparse(values.filter_map(|(at, v)| Some((at as u16, v?))).collect());
    }

    /// Removes the values of these places, inclusive; how many there were.
    pub(super) fn remove_range(&mut self, from: u64, to: u64) -> u64 {
        let before = self.used();
        match self {
            Self::Sparse(values) => {
                let start = values.partition_point(|(at, _)| u64::from(*at) < from);
                let end = values.partition_point(|(at, _)| u64::from(*at) <= to);
                values.drain(start..end);
            }
            Self::Dense(places, used) => {
                let end = places.len().min(to as usize + 1);
                for place in places.iter_mut().take(end).skip(from as usize) {
                    *used -= usize::from(place.take().is_some());
                }
            }
        }
        let after = self.used();
        if matches!(self, Self::Dense(..)) && after < SPARSE_BELOW {
            self.make_sparse();
        }
        (before - after) as u64
    }

    /// Calls `visit` for the values of these places in ascending order until it answers false;
    /// whether it never did.
    pub(super) fn scan<'a>(
        &'a self,
        from: u64,
        to: u64,
        mut visit: impl FnMut(u64, &'a [u8]) -> bool,
    ) -> bool {
        match self {
            Self::Sparse(values) => values
                .iter()
                .filter(|(at, _)| (from..=to).contains(&u64::from(*at)))
                .all(|(at, value)| visit(u64::from(*at), value)),
            Self::Dense(places, _) => (from..=to.min(places.len() as u64)).all(|at| {
                places.get(at as usize).and_then(Option::as_deref).is_none_or(|v| visit(at, v))
            }),
        }
    }

    /// As [`Slice::scan`], in descending order.
    pub(super) fn scan_back<'a>(
        &'a self,
        from: u64,
        to: u64,
        mut visit: impl FnMut(u64, &'a [u8]) -> bool,
    ) -> bool {
        match self {
            Self::Sparse(values) => values
                .iter()
                .rev()
                .filter(|(at, _)| (from..=to).contains(&u64::from(*at)))
                .all(|(at, value)| visit(u64::from(*at), value)),
            Self::Dense(places, _) => (from..=to.min(places.len() as u64)).rev().all(|at| {
                places.get(at as usize).and_then(Option::as_deref).is_none_or(|v| visit(at, v))
            }),
        }
    }
}
