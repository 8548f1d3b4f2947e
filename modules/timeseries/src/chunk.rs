//! A chunk: a run of a series' samples in one allocation, compressed or plain.
//! When to open, seal or split one is the series' business.
//!
//! A clone shares the samples with the original; either copies them when it first changes them. So a
//! series can be frozen for a snapshot without copying it.

use std::sync::Arc;

use crate::codec::{BitBuf, CodecState, Decoder, MAX_SAMPLE_BYTES};
use crate::error::TsError;
use crate::sample::{Batch, MAX_TIMESTAMP, Sample, Timestamp};

/// The smallest chunk size in bytes.
pub const MIN_CHUNK_SIZE: usize = 48;
/// The largest chunk size in bytes.
pub const MAX_CHUNK_SIZE: usize = 1 << 20;
/// The chunk size in bytes when none is given.
pub const DEFAULT_CHUNK_SIZE: usize = 4096;

/// The most samples that are put into a compressed chunk, even if its bytes would hold more: whoever
/// looks for one sample decodes those before it, and a late one has those after it encoded again.
pub const MAX_CHUNK_SAMPLES: u32 = 1024;

const SAMPLE_SIZE: usize = size_of::<Sample>();

/// No sample takes fewer bits than this in a compressed chunk (one for each column).
const MIN_SAMPLE_BITS: usize = 2;

/// Bytes of the counts before shared data.
const SHARED: usize = 2 * size_of::<usize>();

/// How a series stores its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The codec of [`crate::codec`].
    #[default]
    Compressed,
    /// Sixteen bytes a sample.
    Uncompressed,
}

/// Checks a chunk size given by a user.
///
/// # Errors
/// [`TsError::ChunkSize`] if it is out of range or not a multiple of eight.
pub fn check_chunk_size(size: u64) -> Result<usize, TsError> {
    let size = usize::try_from(size).map_err(|_| TsError::ChunkSize)?;
    let valid = (MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&size) && size % 8 == 0;
    valid.then_some(size).ok_or(TsError::ChunkSize)
}

/// Samples in ascending order of time.
#[derive(Clone, Debug)]
pub struct Chunk {
    first: Timestamp,
    last: Timestamp,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Compressed { count: u32, bits: Arc<BitBuf> },
    Plain(Arc<Vec<Sample>>),
}

/// Where the next sample of the newest chunk goes, and how to take its last one back.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    state: CodecState,
    /// The state and length before the last sample.
    before: CodecState,
    before_bits: usize,
}

impl Tail {
    /// Takes the last sample back.
    fn rewind(&mut self, bits: &mut BitBuf) {
        bits.truncate(self.before_bits);
        self.state = self.before;
    }
}

impl Chunk {
    /// An empty chunk.
    pub fn new(encoding: Encoding) -> Self {
        let data = match encoding {
            Encoding::Compressed => Data::Compressed { count: 0, bits: Arc::default() },
            Encoding::Uncompressed => Data::Plain(Arc::default()),
        };
        Self { first: 0, last: 0, data }
    }

    /// Takes stored bytes over as a compressed chunk of `count` samples in `bits` bits.
    ///
    /// # Errors
    /// [`TsError::CorruptChunk`] unless the bytes decode to just that many samples with ascending,
    /// valid timestamps, and to nothing else.
    pub fn from_bytes(bytes: Vec<u8>, bits: usize, count: u32) -> Result<Self, TsError> {
        let fits = bytes.len() <= MAX_CHUNK_SIZE && count as usize <= bits / MIN_SAMPLE_BITS;
        let bits = BitBuf::from_bytes(bytes, bits).filter(|_| fits && count > 0);
        let bits = bits.ok_or(TsError::CorruptChunk)?;
        let mut decoder = Decoder::new(bits.bytes(), count);
        let first = decoder.next_sample().ok_or(TsError::CorruptChunk)?.ts;
        let mut last = first;
        while let Some(sample) = decoder.next_sample() {
            if sample.ts <= last {
                return Err(TsError::CorruptChunk);
            }
            last = sample.ts;
        }
        if last > MAX_TIMESTAMP || decoder.position() != bits.bits() {
            return Err(TsError::CorruptChunk);
        }
        Ok(Self { first, last, data: Data::Compressed { count, bits: Arc::new(bits) } })
    }

    /// Encodes all samples into chunks of at most `limit` bytes: one if they fit, else halves.
    pub fn encode_all(encoding: Encoding, samples: &[Sample], limit: usize) -> Vec<(Chunk, Tail)> {
        let mut done = Vec::new();
        Self::encode_into(encoding, samples, limit, &mut done);
        done
    }

    /// The recursion halves the samples, so its depth is logarithmic in their number.
    fn encode_into(
        encoding: Encoding,
        samples: &[Sample],
        limit: usize,
        done: &mut Vec<(Chunk, Tail)>,
    ) {
        let (mut chunk, mut tail) = (Chunk::new(encoding), Tail::default());
        let may_fit = samples.len() <= MAX_CHUNK_SAMPLES as usize;
        if may_fit && samples.iter().all(|&sample| chunk.append(&mut tail, sample, limit)) {
            if !samples.is_empty() {
                done.push((chunk, tail));
            }
            return;
        }
        let (older, newer) = samples.split_at(samples.len() / 2);
        Self::encode_into(encoding, older, limit, done);
        Self::encode_into(encoding, newer, limit, done);
    }

    /// The first timestamp; 0 if the chunk is empty.
    pub fn first_ts(&self) -> Timestamp {
        self.first
    }

    /// The last timestamp; 0 if the chunk is empty.
    pub fn last_ts(&self) -> Timestamp {
        self.last
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        match &self.data {
            Data::Compressed { count, .. } => *count as usize,
            Data::Plain(samples) => samples.len(),
        }
    }

    /// Whether the chunk holds no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of data in use.
    pub fn size(&self) -> usize {
        match &self.data {
            Data::Compressed { bits, .. } => bits.bytes().len(),
            Data::Plain(samples) => samples.len() * SAMPLE_SIZE,
        }
    }

    /// Bytes allocated for data, the chunk's own header not counted. Data shared with a clone counts
    /// in full.
    pub fn allocated(&self) -> usize {
        match &self.data {
            Data::Compressed { bits, .. } => SHARED + size_of::<BitBuf>() + bits.capacity(),
            Data::Plain(samples) => {
                SHARED + size_of::<Vec<Sample>>() + samples.capacity() * SAMPLE_SIZE
            }
        }
    }

    /// The compressed bytes and their length in bits, as [`Chunk::from_bytes`] takes them.
    pub fn as_bytes(&self) -> Option<(&[u8], usize)> {
        match &self.data {
            Data::Compressed { bits, .. } => Some((bits.bytes(), bits.bits())),
            Data::Plain(_) => None,
        }
    }

    /// Appends a sample later than all others, unless the chunk would exceed `limit` bytes
    /// or [`MAX_CHUNK_SAMPLES`]. A chunk takes at least one sample.
    pub fn append(&mut self, tail: &mut Tail, sample: Sample, limit: usize) -> bool {
        let first = self.is_empty();
        let taken = match &mut self.data {
            Data::Compressed { count, bits } => {
                let room = *count < MAX_CHUNK_SAMPLES;
                let taken = room && append_bits(Arc::make_mut(bits), tail, sample, limit);
                *count += u32::from(taken);
                taken
            }
            Data::Plain(samples) => append_plain(Arc::make_mut(samples), sample, limit),
        };
        if taken {
            self.last = sample.ts;
            if first {
                self.first = sample.ts;
            }
        }
        taken
    }

    /// Replaces the last sample's value. `false`, and nothing changed, if the chunk would exceed
    /// `limit` bytes.
    pub fn replace_last(&mut self, tail: &mut Tail, value: f64, limit: usize) -> bool {
        let last = self.last;
        match &mut self.data {
            Data::Compressed { bits, .. } => {
                let bits = Arc::make_mut(bits);
                let old = tail.state.last();
                tail.rewind(bits);
                if append_bits(bits, tail, Sample::new(last, value), limit) {
                    return true;
                }
                append_bits(bits, tail, old, usize::MAX);
                false
            }
            Data::Plain(samples) => {
                if let Some(sample) = Arc::make_mut(samples).last_mut() {
                    sample.value = value;
                }
                true
            }
        }
    }

    /// Puts samples in the place of those from `from` on, which the caller has taken from
    /// [`Chunk::samples_from`] and changed. What comes before stays encoded as it is.
    ///
    /// # Errors
    /// All samples, old and new, if they do not fit as with [`Chunk::append`]; the chunk is then of no use.
    pub fn replace_from(
        &mut self,
        tail: &mut Tail,
        from: Timestamp,
        samples: &[Sample],
        limit: usize,
    ) -> Result<(), Vec<Sample>> {
        self.cut(tail, from);
        let taken = samples.iter().take_while(|&&sample| self.append(tail, sample, limit)).count();
        if taken == samples.len() {
            return Ok(());
        }
        let mut all = self.samples();
        all.extend_from_slice(samples.get(taken..).unwrap_or_default());
        Err(all)
    }

    /// Drops the samples from `from` on.
    fn cut(&mut self, tail: &mut Tail, from: Timestamp) {
        match &mut self.data {
            Data::Compressed { count, bits } => {
                let mut decoder = Decoder::new(bits.bytes(), *count);
                decoder.seek(from);
                let (state, position) = (decoder.state(), decoder.position());
                *tail = Tail { state, before: state, before_bits: position };
                *count = state.count();
                Arc::make_mut(bits).truncate(position);
            }
            Data::Plain(samples) => {
                let kept = samples.partition_point(|s| s.ts < from);
                Arc::make_mut(samples).truncate(kept);
            }
        }
    }

    /// The samples from `from` on.
    pub fn samples_from(&self, from: Timestamp) -> Vec<Sample> {
        let mut reader = self.reader();
        if let ChunkReader::Compressed(decoder) = &mut reader {
            decoder.seek(from);
        }
        let (mut all, mut batch) = (Vec::new(), Batch::default());
        while reader.fill(&mut batch) {
            all.extend(batch.iter().filter(|sample| sample.ts >= from));
        }
        all
    }

    /// Gives spare capacity back: no sample will be appended.
    pub fn seal(&mut self) {
        match &mut self.data {
            Data::Compressed { bits, .. } => Arc::make_mut(bits).shrink(),
            Data::Plain(samples) => Arc::make_mut(samples).shrink_to_fit(),
        }
    }

    /// Where appending goes on, found by decoding the chunk.
    pub fn tail(&self) -> Tail {
        let Data::Compressed { count, bits } = &self.data else { return Tail::default() };
        let mut decoder = Decoder::new(bits.bytes(), *count);
        let (mut before, mut before_bits) = (decoder.state(), 0);
        for _ in 1..*count {
            decoder.next_sample();
            (before, before_bits) = (decoder.state(), decoder.position());
        }
        decoder.next_sample();
        Tail { state: decoder.state(), before, before_bits }
    }

    /// Reads the samples in order.
    pub fn reader(&self) -> ChunkReader<'_> {
        match &self.data {
            Data::Compressed { count, bits } => {
                ChunkReader::Compressed(Decoder::new(bits.bytes(), *count))
            }
            Data::Plain(samples) => ChunkReader::Plain(samples),
        }
    }

    /// The first sample, without decoding the rest.
    pub fn first(&self) -> Option<Sample> {
        match &self.data {
            Data::Compressed { count, bits } => Decoder::new(bits.bytes(), *count).next_sample(),
            Data::Plain(samples) => samples.first().copied(),
        }
    }

    /// All samples.
    pub fn samples(&self) -> Vec<Sample> {
        let mut all = Vec::with_capacity(self.len());
        let (mut reader, mut batch) = (self.reader(), Batch::default());
        while reader.fill(&mut batch) {
            all.extend(batch.iter());
        }
        all
    }
}

/// Appends to a compressed chunk and takes it back if that made the chunk too large.
fn append_bits(bits: &mut BitBuf, tail: &mut Tail, sample: Sample, limit: usize) -> bool {
    let (before, before_bits) = (tail.state, bits.bits());
    bits.reserve(MAX_SAMPLE_BYTES, limit);
    tail.state.encode(sample, bits);
    if bits.bytes().len() > limit && before_bits > 0 {
        bits.truncate(before_bits);
        tail.state = before;
        return false;
    }
    (tail.before, tail.before_bits) = (before, before_bits);
    true
}

fn append_plain(samples: &mut Vec<Sample>, sample: Sample, limit: usize) -> bool {
    let room = (limit / SAMPLE_SIZE).max(1);
    if samples.len() >= room {
        return false;
    }
    if samples.len() == samples.capacity() {
        let target = (samples.len() + samples.len() / 2 + 2).min(room);
        samples.reserve_exact(target - samples.len());
    }
    samples.push(sample);
    true
}

/// Reads a chunk batch by batch.
#[derive(Clone, Debug)]
pub enum ChunkReader<'a> {
    /// From the codec.
    Compressed(Decoder<'a>),
    /// From plain samples.
    Plain(&'a [Sample]),
}

impl ChunkReader<'_> {
    /// Replaces `batch` with the next samples; `false` at the end.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        match self {
            Self::Compressed(decoder) => decoder.fill(batch),
            Self::Plain(samples) => {
                let (now, later) = samples.split_at(samples.len().min(crate::sample::BATCH));
                now.iter().for_each(|s| batch.push(s.ts, s.value));
                *samples = later;
            }
        }
        !batch.is_empty()
    }
}
