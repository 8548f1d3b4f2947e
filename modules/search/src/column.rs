//! Dense columns: one value a document, for filtering and sorting.
//!
//! Numbers are floats with an optional remainder ([`crate::number`]); strings are kept as they are
//! compared. Chunks are shared with snapshots, as in [`crate::docs`].

use crate::docs::CHUNK;
use crate::number::{Number, Range};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Bits that no number has: the document has no value.
const MISSING: u64 = f64::NAN.to_bits();
/// Bits that no number has: the document has several values, or one beyond `f64`'s precision.
const ELSEWHERE: u64 = f64::NAN.to_bits() | 1;

/// The values of a document that has no single float.
type Others = OnceLock<Box<[Number]>>;

#[derive(Debug)]
struct NumberChunk {
    bits: Box<[AtomicU64]>,
    /// Values of the documents marked [`ELSEWHERE`].
    others: OnceLock<Box<[Others]>>,
}

impl NumberChunk {
    fn new() -> Self {
        let bits = (0..CHUNK).map(|_| AtomicU64::new(MISSING)).collect();
        Self { bits, others: OnceLock::new() }
    }

    fn others(&self, at: usize) -> &[Number] {
        self.others.get().and_then(|o| o[at].get()).map_or(&[], |values| values)
    }
}

/// The numbers of one field.
#[derive(Debug, Clone, Default)]
pub struct NumberColumn {
    chunks: Arc<Vec<Arc<NumberChunk>>>,
}

impl NumberColumn {
    /// Sets the values of a document, once.
    pub fn set(&mut self, doc: u32, values: &[Number]) {
        let (chunk, at) = (doc as usize / CHUNK, doc as usize % CHUNK);
        if self.chunks.len() <= chunk {
            Arc::make_mut(&mut self.chunks).resize_with(chunk + 1, || Arc::new(NumberChunk::new()));
        }
        let chunk = &self.chunks[chunk];
        match values {
            [] => {}
            [one] if one.rest() == 0 => chunk.bits[at].store(one.float().to_bits(), Relaxed),
            many => {
                let make = || (0..CHUNK).map(|_| OnceLock::new()).collect();
                let _ = chunk.others.get_or_init(make)[at].set(many.into());
                chunk.bits[at].store(ELSEWHERE, Relaxed);
            }
        }
    }

    /// The first value of a document.
    pub fn get(&self, doc: u32) -> Option<Number> {
        let (chunk, at) = (self.chunks.get(doc as usize / CHUNK)?, doc as usize % CHUNK);
        match chunk.bits[at].load(Relaxed) {
            MISSING => None,
            ELSEWHERE => chunk.others(at).first().copied(),
            bits => Some(Number::from_parts(f64::from_bits(bits), 0)),
        }
    }

    /// Whether this and another are views of one column, taken at the same size.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }

    /// Whether one of a document's values lies in `range`.
    pub fn matches(&self, doc: u32, range: &Range) -> bool {
        let Some(chunk) = self.chunks.get(doc as usize / CHUNK) else { return false };
        let at = doc as usize % CHUNK;
        match chunk.bits[at].load(Relaxed) {
            MISSING => false,
            ELSEWHERE => chunk.others(at).iter().any(|&v| range.contains(v)),
            bits => range.contains(Number::from_parts(f64::from_bits(bits), 0)),
        }
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        let others = |chunk: &NumberChunk| -> usize {
            let cells = chunk.others.get().map_or(&[][..], |o| o);
            let values: usize =
                cells.iter().filter_map(|c| c.get()).map(|v| size_of_val(&**v)).sum();
            size_of_val(cells) + values
        };
        self.chunks.iter().map(|c| CHUNK * 8 + size_of::<NumberChunk>() + others(c)).sum()
    }
}

#[derive(Debug)]
struct StringChunk(Box<[OnceLock<Box<[u8]>>]>);

/// The strings of one SORTABLE field.
#[derive(Debug, Clone, Default)]
pub struct StringColumn {
    chunks: Arc<Vec<Arc<StringChunk>>>,
}

impl StringColumn {
    /// Sets the value of a document, once.
    pub fn set(&mut self, doc: u32, value: &[u8]) {
        let (chunk, at) = (doc as usize / CHUNK, doc as usize % CHUNK);
        if self.chunks.len() <= chunk {
            let make = || Arc::new(StringChunk((0..CHUNK).map(|_| OnceLock::new()).collect()));
            Arc::make_mut(&mut self.chunks).resize_with(chunk + 1, make);
        }
        let _ = self.chunks[chunk].0[at].set(value.into());
    }

    /// The value of a document.
    pub fn get(&self, doc: u32) -> Option<&[u8]> {
        self.chunks.get(doc as usize / CHUNK)?.0[doc as usize % CHUNK].get().map(|v| &**v)
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        let chunk = |c: &StringChunk| -> usize {
            size_of_val(&*c.0) + c.0.iter().filter_map(|v| v.get()).map(|v| v.len()).sum::<usize>()
        };
        self.chunks.iter().map(|c| chunk(c)).sum()
    }
}

/// A column to sort by.
#[derive(Debug, Clone)]
pub enum Column {
    /// Numbers.
    Number(NumberColumn),
    /// Strings.
    String(StringColumn),
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    /// A number.
    Number(Number),
    /// A string as it is compared.
    String(Box<[u8]>),
}

impl Column {
    /// A document's value.
    pub fn value(&self, doc: u32) -> Option<SortValue> {
        match self {
            Self::Number(column) => column.get(doc).map(SortValue::Number),
            Self::String(column) => column.get(doc).map(|v| SortValue::String(v.into())),
        }
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Number(column) => column.heap_bytes(),
            Self::String(column) => column.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_single_many_and_exact() {
        let n = Number::from_i64;
        let mut column = NumberColumn::default();
        let big = (1i64 << 53) + 1;
        column.set(5, &[n(7)]);
        column.set(9000, &[n(1), n(100)]);
        column.set(9001, &[n(big)]);
        let view = column.clone();
        column.set(9002, &[n(3)]);
        assert_eq!(view.get(5), Some(n(7)));
        assert_eq!(view.get(6), None);
        assert_eq!(view.get(9000), Some(n(1)));
        assert!(view.matches(9000, &Range::closed(n(50), n(100))));
        assert!(!view.matches(9000, &Range::closed(n(2), n(99))));
        assert!(view.matches(9001, &Range::closed(n(big), n(big))));
        assert!(!view.matches(9001, &Range::closed(n(big - 1), n(big - 1))));
        assert!(column.matches(9002, &Range::ALL));
    }
}
