//! A bit-packed block of up to [`BLOCK_LEN`] postings.
//!
//! Layout of the data: document differences, frequencies less one, byte lengths of the positions,
//! then 32-bit lanes of what the masks have beyond their common part (a width byte before each),
//! then the positions themselves. Every packed part takes 16 bytes a bit of width, so that a part
//! whose values are all equal takes none.

use super::{BLOCK_LEN, Bounds, Posting};
use crate::schema::FieldMask;
use bitpacking::{BitPacker, BitPacker4x};
use std::sync::Arc;

/// An immutable block of postings.
#[derive(Debug, Clone)]
pub struct Block {
    /// The document before the block's first.
    base: u32,
    /// The block's last document.
    pub last: u32,
    /// What its postings don't exceed.
    pub bounds: Bounds,
    /// Fields that all its postings have.
    pub common_mask: FieldMask,
    len: u8,
    doc_bits: u8,
    freq_bits: u8,
    position_bits: u8,
    lanes: u8,
    data: Arc<[u8]>,
}

/// A block's postings while it is being built, padded to full length.
pub struct BlockBuilder {
    docs: [u32; BLOCK_LEN],
    freqs: [u32; BLOCK_LEN],
    position_lens: [u32; BLOCK_LEN],
    masks: Vec<FieldMask>,
    positions: Vec<u8>,
    base: u32,
}

impl BlockBuilder {
    /// Starts a block after document `base`.
    pub fn new(base: u32) -> Self {
        Self {
            docs: [base; BLOCK_LEN],
            freqs: [0; BLOCK_LEN],
            position_lens: [0; BLOCK_LEN],
            masks: Vec::with_capacity(BLOCK_LEN),
            positions: Vec::new(),
            base,
        }
    }

    /// Adds a posting; the caller keeps to [`BLOCK_LEN`] of them, in ascending order.
    pub fn push(&mut self, posting: Posting<'_>) {
        let at = self.masks.len();
        self.docs[at..].fill(posting.doc);
        self.freqs[at] = posting.freq.saturating_sub(1);
        self.position_lens[at] = posting.positions.len() as u32;
        self.masks.push(posting.mask);
        self.positions.extend_from_slice(posting.positions);
    }

    /// Postings so far.
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// Whether there is no posting yet.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// Packs the block. `bounds` are those of its postings, or of more.
    pub fn finish(self, bounds: Bounds) -> Block {
        let packer = BitPacker4x::new();
        let mut data = Vec::new();
        let doc_bits = packer.num_bits_sorted(self.base, &self.docs);
        let start = grow(&mut data, doc_bits);
        packer.compress_sorted(self.base, &self.docs, &mut data[start..], doc_bits);
        let freq_bits = pack(&packer, &self.freqs, &mut data);
        let position_bits = pack(&packer, &self.position_lens, &mut data);
        let common_mask = self.masks.iter().fold(FieldMask::MAX, |all, m| all & m);
        let lanes = pack_masks(&packer, &self.masks, common_mask, &mut data);
        data.extend_from_slice(&self.positions);
        Block {
            base: self.base,
            last: self.docs[BLOCK_LEN - 1],
            bounds,
            common_mask,
            len: self.masks.len() as u8,
            doc_bits,
            freq_bits,
            position_bits,
            lanes,
            data: data.into(),
        }
    }
}

/// Makes room for a packed part and returns where it starts.
fn grow(data: &mut Vec<u8>, bits: u8) -> usize {
    let start = data.len();
    data.resize(start + BitPacker4x::compressed_block_size(bits), 0);
    start
}

fn pack(packer: &BitPacker4x, values: &[u32; BLOCK_LEN], data: &mut Vec<u8>) -> u8 {
    let bits = packer.num_bits(values);
    let start = grow(data, bits);
    packer.compress(values, &mut data[start..], bits);
    bits
}

/// Packs what each mask has beyond `common`; returns the number of lanes needed.
fn pack_masks(
    packer: &BitPacker4x,
    masks: &[FieldMask],
    common: FieldMask,
    data: &mut Vec<u8>,
) -> u8 {
    let any = masks.iter().fold(0, |any, m| any | (m & !common));
    let lanes = (FieldMask::BITS - any.leading_zeros()).div_ceil(32) as u8;
    for lane in 0..usize::from(lanes) {
        let mut values = [0; BLOCK_LEN];
        for (value, mask) in values.iter_mut().zip(masks) {
            *value = ((mask & !common) >> (32 * lane)) as u32;
        }
        let bits_at = data.len();
        data.push(0);
        data[bits_at] = pack(packer, &values, data);
    }
    lanes
}

impl Block {
    /// Postings in the block.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether the block holds nothing; never so in a list.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The document before the block's first.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// Unpacks the documents; places beyond [`Block::len`] repeat the last.
    pub fn docs(&self, out: &mut [u32; BLOCK_LEN]) {
        BitPacker4x::new().decompress_sorted(self.base, &self.data, out, self.doc_bits);
    }

    /// Unpacks the frequencies.
    pub fn freqs(&self, out: &mut [u32; BLOCK_LEN]) {
        let data = &self.data[self.freqs_at()..];
        BitPacker4x::new().decompress(data, out, self.freq_bits);
        out.iter_mut().for_each(|f| *f = f.wrapping_add(1));
    }

    /// Unpacks the field masks.
    pub fn masks(&self, out: &mut [FieldMask; BLOCK_LEN]) {
        out.fill(self.common_mask);
        let mut at = self.masks_at();
        for lane in 0..usize::from(self.lanes) {
            let bits = self.data[at];
            let mut values = [0; BLOCK_LEN];
            BitPacker4x::new().decompress(&self.data[at + 1..], &mut values, bits);
            for (mask, value) in out.iter_mut().zip(values) {
                *mask |= FieldMask::from(value) << (32 * lane);
            }
            at += 1 + packed_len(bits);
        }
    }

    /// Unpacks where in [`Block::position_bytes`] each posting's positions end.
    pub fn position_ends(&self, out: &mut [u32; BLOCK_LEN]) {
        let at = self.freqs_at() + packed_len(self.freq_bits);
        BitPacker4x::new().decompress(&self.data[at..], out, self.position_bits);
        let mut end = 0;
        for len in out {
            end += *len;
            *len = end;
        }
    }

    /// The coded positions of all postings, one after another.
    pub fn position_bytes(&self) -> &[u8] {
        &self.data[self.positions_at()..]
    }

    /// Heap bytes of the block: all, and the positions' share.
    pub fn heap_bytes(&self) -> (usize, usize) {
        let positions = self.data.len() - self.positions_at();
        (self.data.len() + 2 * size_of::<usize>(), positions)
    }

    fn freqs_at(&self) -> usize {
        packed_len(self.doc_bits)
    }

    fn masks_at(&self) -> usize {
        self.freqs_at() + packed_len(self.freq_bits) + packed_len(self.position_bits)
    }

    /// All of the block's data.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Where in it the positions begin.
    pub(super) fn positions_at(&self) -> usize {
        let mut at = self.masks_at();
        for _ in 0..self.lanes {
            at += 1 + packed_len(self.data[at]);
        }
        at
    }
}

fn packed_len(bits: u8) -> usize {
    BitPacker4x::compressed_block_size(bits)
}
