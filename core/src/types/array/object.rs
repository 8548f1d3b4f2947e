//! Arrays as values: memory, copies, and the commands that make one anew.

use super::Array;
use crate::keyspace::SizeKind;
use crate::rdb::{RdbError, VERSION_ARRAYS, Writer, value};
use crate::value::{Emit, Frozen, Kind, Object};

/// The type of arrays.
pub static ARRAY: Kind = Kind { name: "array" };

/// Values that count as one node.
const NODE_VALUES: usize = 64;

/// Values that one command sets when an array is made anew.
const REBUILD_VALUES: usize = 64;

impl Object for Array {
    fn kind(&self) -> &'static Kind {
        &ARRAY
    }

    fn encoding(&self) -> &'static str {
        "array"
    }

    fn memory(&self) -> usize {
        let slices: usize = self.slices.values().map(|slice| slice.memory() + 64).sum();
        size_of::<Self>() + slices
    }

    fn counted_size(&self) -> Option<(SizeKind, usize)> {
        Some((SizeKind::NeedsRdb14, 0))
    }

    fn needs_rdb(&self) -> u16 {
        VERSION_ARRAYS
    }

    fn free_effort(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn freeze(&mut self, nodes: usize) -> Option<Box<dyn Frozen>> {
        let large = self.count >= (nodes * NODE_VALUES) as u64;
        large.then(|| value::freeze_array(self))
    }

    fn save(&self, out: &mut Writer) -> Result<u8, RdbError> {
        value::save_array(self, out)
    }

    fn rebuild(&self, key: &[u8], emit: &mut Emit<'_>) {
        let mut pairs: Vec<(String, &[u8])> = Vec::with_capacity(REBUILD_VALUES);
        let mut flush = |pairs: &mut Vec<(String, &[u8])>| {
            let mut words: Vec<&[u8]> = vec![b"ARMSET", key];
            words.extend(pairs.iter().flat_map(|(index, value)| [index.as_bytes(), value]));
            emit(&words);
            pairs.clear();
        };
        self.scan(0, u64::MAX, |index, value| {
            pairs.push((index.to_string(), value));
            if pairs.len() == REBUILD_VALUES {
                flush(&mut pairs);
            }
            true
        });
        if !pairs.is_empty() {
            flush(&mut pairs);
        }
        emit(&[b"ARSEEK", key, self.next.to_string().as_bytes()]);
    }
}
