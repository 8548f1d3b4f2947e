//! Bytes of the index's parts, as reported by `FT.INFO`.

/// Heap bytes of an index, part by part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Posting lists: documents, frequencies and masks.
    pub postings: usize,
    /// Term positions.
    pub positions: usize,
    /// The term dictionary.
    pub dictionary: usize,
    /// Document table: lengths, deaths, keys.
    pub documents: usize,
    /// TAG values and their document sets.
    pub tags: usize,
    /// Numeric buckets.
    pub numeric: usize,
    /// Columns for sorting and filtering.
    pub columns: usize,
}

impl Memory {
    /// The sum of all parts.
    pub fn total(&self) -> usize {
        self.postings
            + self.positions
            + self.dictionary
            + self.documents
            + self.tags
            + self.numeric
            + self.columns
    }
}
