//! HyperLogLog: how many different elements were added, in at most 12 KiB, with a standard error
//! of 0.81 %.
//!
//! It is kept as a string in Redis's layout, which clients may read and write: `HYLL`, the
//! encoding (0 dense, 1 sparse), three bytes of zero, the last count in eight bytes little endian
//! (the top bit set when it is out of date), then the registers ([`dense`], [`sparse`]). So all
//! here is about bytes that may come from outside.
//!
//! The estimator is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
//! 2017), which needs no correction tables.

mod dense;
mod estimate;
mod sparse;
#[cfg(test)]
mod tests;

pub use sparse::Run;

use crate::util::murmur::murmur64a;
use estimate::Histogram;

/// Bits of an element's hash that choose its register.
const INDEX_BITS: u32 = 14;
/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of a hash that remain for the rank, so that ranks are 1 to 51.
const RANK_BITS: u32 = 64 - INDEX_BITS;

/// Bytes before the registers.
const HEADER: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
/// Bytes of a dense HyperLogLog.
pub const DENSE_BYTES: usize = HEADER + dense::BYTES;

/// Redis's seed, which the registers of everybody rest on.
const SEED: u64 = 0xadc8_3b19;

/// Why bytes are not a HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// They don't begin like one, or have the wrong length.
    #[error("not a HyperLogLog")]
    Foreign,
    /// Its sparse registers are not as many as they should be.
    #[error("corrupted HyperLogLog")]
    Corrupted,
}

/// How registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal registers.
    Sparse,
}

/// The register of an element, and the rank that it asks for: one more than the zeros at the end
/// of the rest of its hash.
#[inline]
fn position(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let index = hash as usize & (REGISTERS - 1);
    // A bit beyond the rest bounds the rank.
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

/// A HyperLogLog in its string.
#[derive(Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl<'a> View<'a> {
    /// Looks at a string, whose sparse registers are not checked yet.
    ///
    /// # Errors
    /// [`Invalid::Foreign`] when it is something else.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Invalid> {
        if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
            return Err(Invalid::Foreign);
        }
        let encoding = match bytes[ENCODING_AT] {
            0 if bytes.len() == DENSE_BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return Err(Invalid::Foreign),
        };
        Ok(Self { bytes, encoding })
    }

    /// How its registers are kept.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn registers(&self) -> &'a [u8] {
        &self.bytes[HEADER..]
    }

    /// The count in the header, if it is up to date.
    pub fn cached_count(&self) -> Option<u64> {
        let count = u64::from_le_bytes(*self.bytes[COUNT_AT..].first_chunk()?);
        (count >> 63 == 0).then_some(count)
    }

    /// Estimates how many different elements were added.
    ///
    /// # Errors
    /// [`Invalid::Corrupted`].
    pub fn count(&self) -> Result<u64, Invalid> {
        let mut histogram = Histogram::default();
        match self.encoding {
            Encoding::Dense => {
                dense::iter(self.registers()).for_each(|rank| histogram.add(rank, 1))
            }
            Encoding::Sparse => {
                for run in sparse::checked(self.registers())? {
                    histogram.add(run.rank(), run.len());
                }
            }
        }
        Ok(histogram.estimate())
    }

    /// Raises registers to those of this HyperLogLog where they are lower.
    ///
    /// # Errors
    /// [`Invalid::Corrupted`].
    pub fn merge_into(&self, registers: &mut Registers) -> Result<(), Invalid> {
        match self.encoding {
            Encoding::Dense => {
                for (own, rank) in registers.0.iter_mut().zip(dense::iter(self.registers())) {
                    *own = rank.max(*own);
                }
            }
            Encoding::Sparse => {
                let mut rest = &mut registers.0[..];
                for run in sparse::checked(self.registers())? {
                    let (here, behind) = rest.split_at_mut(run.len());
                    here.iter_mut().for_each(|own| *own = run.rank().max(*own));
                    rest = behind;
                }
            }
        }
        Ok(())
    }

    /// The runs of a sparse HyperLogLog.
    ///
    /// # Errors
    /// [`Invalid::Corrupted`].
    pub fn runs(&self) -> Result<impl Iterator<Item = Run> + 'a, Invalid> {
        sparse::checked(self.registers())
    }
}

/// An empty HyperLogLog.
pub fn empty() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 2);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&[0; 8]);
    Run::Zeros { len: REGISTERS }.write(&mut bytes);
    bytes
}

/// Adds an element to a dense HyperLogLog; true when a register changed.
#[inline]
pub fn add_dense(bytes: &mut [u8], element: &[u8]) -> bool {
    let (index, rank) = position(element);
    dense::raise(&mut bytes[HEADER..], index, rank)
}

/// Adds an element to a HyperLogLog that [`View::of`] accepts; true when a register changed. A
/// sparse one becomes dense when it would take more than `sparse_max` bytes.
///
/// # Errors
/// [`Invalid::Corrupted`].
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Invalid> {
    let (index, rank) = position(element);
    raise(bytes, index, rank, sparse_max)
}

/// Raises a register to `rank` if it is lower: see [`add`].
fn raise(bytes: &mut Vec<u8>, index: usize, rank: u8, sparse_max: usize) -> Result<bool, Invalid> {
    if View::of(bytes)?.encoding == Encoding::Sparse {
        match sparse::raise(bytes, HEADER, index, rank, sparse_max)? {
            sparse::Raised::Done(changed) => return Ok(changed),
            sparse::Raised::NeedsDense => make_dense(bytes)?,
        }
    }
    Ok(dense::raise(&mut bytes[HEADER..], index, rank))
}

/// Makes a HyperLogLog dense, if it is not so yet.
///
/// # Errors
/// [`Invalid`].
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Invalid> {
    let view = View::of(bytes)?;
    if view.encoding == Encoding::Dense {
        return Ok(());
    }
    let mut wide = vec![0; DENSE_BYTES];
    wide[..HEADER].copy_from_slice(&bytes[..HEADER]);
    wide[ENCODING_AT] = 0;
    let mut index = 0;
    for run in view.runs()? {
        if run.rank() != 0 {
            for at in index..index + run.len() {
                dense::raise(&mut wide[HEADER..], at, run.rank());
            }
        }
        index += run.len();
    }
    *bytes = wide;
    Ok(())
}

/// Marks the count in the header as out of date.
pub fn forget_count(bytes: &mut [u8]) {
    if let Some(last) = bytes.get_mut(HEADER - 1) {
        *last |= 0x80;
    }
}

/// Writes a count into the header.
pub fn cache_count(bytes: &mut [u8], count: u64) {
    if let Some(field) = bytes.get_mut(COUNT_AT..HEADER) {
        field.copy_from_slice(&count.to_le_bytes());
    }
}

/// Registers outside of any string, for merging and for counting without keeping.
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

impl Registers {
    /// Registers to which nothing was added.
    pub fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    /// Adds an element.
    pub fn add(&mut self, element: &[u8]) {
        let (index, rank) = position(element);
        self.0[index] = self.0[index].max(rank);
    }

    /// Estimates how many different elements were added.
    pub fn count(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.0.iter().for_each(|&rank| histogram.add(rank, 1));
        histogram.estimate()
    }

    /// The ranks, register by register.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.iter().copied()
    }

    /// Raises the registers of a HyperLogLog to these where they are lower.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn merge_into(&self, bytes: &mut Vec<u8>, sparse_max: usize) -> Result<(), Invalid> {
        for (index, &rank) in self.0.iter().enumerate() {
            if rank != 0 {
                raise(bytes, index, rank, sparse_max)?;
            }
        }
        Ok(())
    }
}
