//! What stands before the rules and chunks of a stored series: its options, labels and source.

use cairn_core::rdb::{RdbError, Reader, Writer};

use super::chunk_size;
use crate::chunk::Encoding;
use crate::duplicate::DuplicatePolicy;
use crate::labels::Label;
use crate::sample::Sample;
use crate::series::Options;
use crate::value::TimeSeries;

/// Duplicate policies by their number less one; 0 is none of its own.
pub const POLICIES: [DuplicatePolicy; 6] = [
    DuplicatePolicy::Block,
    DuplicatePolicy::Last,
    DuplicatePolicy::First,
    DuplicatePolicy::Min,
    DuplicatePolicy::Max,
    DuplicatePolicy::Sum,
];

/// The number that stands for compressed chunks.
const COMPRESSED: u64 = 2;

/// The number that stands for uncompressed chunks.
const UNCOMPRESSED: u64 = 1;

/// The first encoding with IGNORE.
const WITH_IGNORE: u16 = 8;

/// What stands before the rules.
pub struct Head {
    pub key: Vec<u8>,
    pub options: Options,
    pub last: Sample,
    pub samples: u64,
    pub source: Option<Box<[u8]>>,
    pub labels: Vec<Label>,
}

impl Head {
    /// That of a series under a key, with its source unless it is to be `alone`.
    pub fn of(series: &TimeSeries, key: &[u8], samples: u64, alone: bool) -> Self {
        let source = series.source.as_deref().filter(|_| !alone);
        Self {
            key: key.to_vec(),
            options: *series.series().options(),
            last: series.series().last().unwrap_or(Sample::new(0, 0.0)),
            samples,
            source: source.map(|key| series.slot.present_name(key)),
            labels: series.labels().to_vec(),
        }
    }

    /// Writes it.
    pub fn save(&self, out: &mut Writer) {
        let options = &self.options;
        out.module_string(&self.key);
        out.module_unsigned(options.retention);
        out.module_unsigned(options.chunk_size as u64);
        out.module_unsigned(match options.encoding {
            Encoding::Compressed => COMPRESSED,
            Encoding::Uncompressed => UNCOMPRESSED,
        });
        out.module_unsigned(self.last.ts);
        out.module_double(self.last.value);
        out.module_unsigned(self.samples);
        let policy = options.duplicate.and_then(|p| POLICIES.iter().position(|one| *one == p));
        out.module_unsigned(policy.map_or(0, |at| at as u64 + 1));
        out.module_unsigned(u64::from(self.source.is_some()));
        if let Some(source) = &self.source {
            out.module_string(source);
        }
        out.module_unsigned(options.ignore_time);
        out.module_double(options.ignore_value);
        out.module_unsigned(self.labels.len() as u64);
        for (label, value) in &self.labels {
            out.module_string(label);
            out.module_string(value);
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the parts are not those of a series.
    pub fn load(input: &mut Reader<'_>, encoding: u16) -> Result<Self, RdbError> {
        let key = input.module_string()?;
        let (retention, size) = (input.module_unsigned()?, input.module_unsigned()?);
        let chunks = match input.module_unsigned()? {
            UNCOMPRESSED => Encoding::Uncompressed,
            COMPRESSED => Encoding::Compressed,
            other => return Err(input.corrupt(format!("options {other} of a series"))),
        };
        let last = Sample::new(input.module_unsigned()?, input.module_double()?);
        let samples = input.module_unsigned()?;
        let duplicate = load_policy(input)?;
        let source = match input.module_unsigned()? {
            0 => None,
            _ => Some(input.module_string()?.into_boxed_slice()),
        };
        let (ignore_time, ignore_value) = match encoding < WITH_IGNORE {
            true => (0, 0.0),
            false => (input.module_unsigned()?, input.module_double()?),
        };
        let options = Options {
            retention,
            chunk_size: chunk_size(size),
            encoding: chunks,
            duplicate,
            ignore_time,
            ignore_value,
        };
        let labels = load_labels(input)?;
        Ok(Self { key, options, last, samples, source, labels })
    }
}

fn load_policy(input: &mut Reader<'_>) -> Result<Option<DuplicatePolicy>, RdbError> {
    let number = input.module_unsigned()?;
    let Some(at) = number.checked_sub(1) else { return Ok(None) };
    let policy = usize::try_from(at).ok().and_then(|at| POLICIES.get(at));
    policy.map(|p| Some(*p)).ok_or_else(|| input.corrupt(format!("duplicate policy {number}")))
}

fn load_labels(input: &mut Reader<'_>) -> Result<Vec<Label>, RdbError> {
    let mut labels = Vec::new();
    for _ in 0..input.module_unsigned()? {
        labels.push((input.module_string()?.into(), input.module_string()?.into()));
    }
    Ok(labels)
}
