//! The arguments of TS commands, read the way RedisTimeSeries reads them: options are found by name
//! anywhere after the fixed arguments, the first of a name counts, unknown words are passed over.

use crate::aggregate::Aggregator;
use crate::chunk::{Encoding, check_chunk_size};
use crate::duplicate::DuplicatePolicy;
use crate::error::TsError;
use crate::labels::{FilterSet, Label, MAX_FILTERS, is_valid_label};
use crate::number::parse_value;
use crate::query::{Aggregation, BucketTimestamp, RangeQuery};
use crate::sample::{MAX_TIMESTAMP, Timestamp};
use crate::series::Options;

/// The most labels that a series may have.
pub const MAX_LABELS: usize = 4096;
/// The most timestamps in FILTER_BY_TS.
pub const MAX_FILTER_TS: usize = 1 << 20;
/// The most aggregators in one AGGREGATION.
pub const MAX_AGGREGATORS: usize = 32;

type Args<'a> = &'a [&'a [u8]];

const RANGE_WORDS: [&str; 12] = [
    "LATEST",
    "FILTER_BY_TS",
    "FILTER_BY_VALUE",
    "COUNT",
    "ALIGN",
    "AGGREGATION",
    "WITHLABELS",
    "SELECTED_LABELS",
    "FILTER",
    "GROUPBY",
    "BUCKETTIMESTAMP",
    "EMPTY",
];

fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// What follows the first `word`.
fn after<'a>(args: Args<'a>, word: &str) -> Option<Args<'a>> {
    let at = args.iter().position(|arg| is(arg, word))?;
    args.get(at + 1..)
}

/// Reads a non-negative integer of at most 63 bits, written without sign or leading blanks.
pub fn parse_integer(arg: &[u8]) -> Option<u64> {
    if arg.is_empty() || arg.len() > 19 {
        return None;
    }
    let mut number = 0u64; // nineteen digits fit
    for digit in arg {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number).filter(|number| *number <= MAX_TIMESTAMP)
}

/// Reads a timestamp, `*` for `now`.
///
/// # Errors
/// [`TsError::Argument`] if it is neither.
pub fn parse_timestamp(arg: &[u8], now: Timestamp) -> Result<Timestamp, TsError> {
    if arg == b"*" {
        return Ok(now);
    }
    let negative = arg.strip_prefix(b"-").and_then(parse_integer).is_some();
    let text = if negative {
        "invalid timestamp, must be a nonnegative integer"
    } else {
        "invalid timestamp"
    };
    parse_integer(arg).ok_or(TsError::Argument(text))
}

/// What TS.CREATE, TS.ADD, TS.ALTER and TS.INCRBY say about a series; `None` is unsaid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesArgs {
    /// RETENTION, in milliseconds.
    pub retention: Option<u64>,
    /// CHUNK_SIZE, in bytes.
    pub chunk_size: Option<usize>,
    /// ENCODING, or the older flag UNCOMPRESSED.
    pub encoding: Option<Encoding>,
    /// DUPLICATE_POLICY.
    pub duplicate: Option<DuplicatePolicy>,
    /// ON_DUPLICATE, which counts for this call only.
    pub on_duplicate: Option<DuplicatePolicy>,
    /// IGNORE: milliseconds, and a difference of values.
    pub ignore: Option<(u64, f64)>,
    /// LABELS.
    pub labels: Option<Vec<Label>>,
}

impl SeriesArgs {
    /// Reads options; `args` are those after the fixed ones.
    ///
    /// # Errors
    /// The error for the first option that cannot be read.
    pub fn parse(args: Args<'_>) -> Result<Self, TsError> {
        // LABELS takes all that follows, so options are looked for before it only.
        let split = args.iter().position(|arg| is(arg, "LABELS"));
        let (options, labels) = match split {
            Some(at) => (args.get(..at).unwrap_or_default(), args.get(at + 1..)),
            None => (args, None),
        };
        Ok(Self {
            retention: parse_number(options, "RETENTION", "Couldn't parse RETENTION")?,
            chunk_size: parse_number(options, "CHUNK_SIZE", "Couldn't parse CHUNK_SIZE")?
                .map(check_chunk_size)
                .transpose()?,
            encoding: parse_encoding(options)?,
            duplicate: parse_policy(options, "DUPLICATE_POLICY")?,
            on_duplicate: parse_policy(options, "ON_DUPLICATE")?,
            ignore: parse_ignore(options)?,
            labels: labels.map(parse_labels).transpose()?,
        })
    }

    /// Reads ON_DUPLICATE alone, for TS.ADD on a series that is there.
    ///
    /// # Errors
    /// [`TsError::UnknownPolicy`] if it is no policy.
    pub fn parse_on_duplicate(args: Args<'_>) -> Result<Option<DuplicatePolicy>, TsError> {
        let split = args.iter().position(|arg| is(arg, "LABELS")).unwrap_or(args.len());
        parse_policy(args.get(..split).unwrap_or_default(), "ON_DUPLICATE")
    }

    /// Puts what is said over `options`.
    pub fn over(&self, mut options: Options) -> Options {
        options.retention = self.retention.unwrap_or(options.retention);
        options.chunk_size = self.chunk_size.unwrap_or(options.chunk_size);
        options.encoding = self.encoding.unwrap_or(options.encoding);
        options.duplicate = self.duplicate.or(options.duplicate);
        if let Some((time, value)) = self.ignore {
            (options.ignore_time, options.ignore_value) = (time, value);
        }
        options
    }
}

fn parse_number(args: Args<'_>, word: &str, error: &'static str) -> Result<Option<u64>, TsError> {
    let Some(rest) = after(args, word) else { return Ok(None) };
    let number = rest.first().and_then(|arg| parse_integer(arg));
    number.map(Some).ok_or(TsError::Argument(error))
}

fn parse_encoding(args: Args<'_>) -> Result<Option<Encoding>, TsError> {
    if let Some(rest) = after(args, "ENCODING") {
        return match rest.first() {
            Some(arg) if is(arg, "COMPRESSED") => Ok(Some(Encoding::Compressed)),
            Some(arg) if is(arg, "UNCOMPRESSED") => Ok(Some(Encoding::Uncompressed)),
            Some(_) => Err(TsError::Argument("unknown ENCODING parameter")),
            None => Err(TsError::Argument("Couldn't parse ENCODING")),
        };
    }
    Ok(after(args, "UNCOMPRESSED").map(|_| Encoding::Uncompressed))
}

fn parse_policy(args: Args<'_>, word: &str) -> Result<Option<DuplicatePolicy>, TsError> {
    let Some(rest) = after(args, word) else { return Ok(None) };
    let name = rest.first().ok_or(TsError::UnknownPolicy)?;
    DuplicatePolicy::parse(name).map(Some)
}

fn parse_ignore(args: Args<'_>) -> Result<Option<(u64, f64)>, TsError> {
    const BAD: TsError = TsError::Argument("Couldn't parse IGNORE");
    const NEGATIVE: TsError = TsError::Argument("IGNORE arguments cannot be negative");
    let Some(rest) = after(args, "IGNORE") else { return Ok(None) };
    let [time, value, ..] = rest else { return Err(BAD) };
    let value = parse_value(value).filter(|value| !value.is_nan()).ok_or(BAD)?;
    if value < 0.0 || time.strip_prefix(b"-").and_then(parse_integer).is_some() {
        return Err(NEGATIVE);
    }
    Ok(Some((parse_integer(time).ok_or(BAD)?, value)))
}

/// Reads pairs of label and value.
fn parse_labels(args: Args<'_>) -> Result<Vec<Label>, TsError> {
    let pairs = args.chunks_exact(2);
    if pairs.len() > MAX_LABELS || !pairs.remainder().is_empty() {
        return Err(TsError::Argument("Couldn't parse LABELS"));
    }
    let valid = pairs.clone().all(|pair| is_valid_label(pair[0], pair[1]));
    let labels = pairs.map(|pair| (pair[0].into(), pair[1].into())).collect();
    if valid { Ok(labels) } else { Err(TsError::Argument("Couldn't parse LABELS")) }
}

/// Reads the two timestamps of a range, where `-` and `+` are the earliest and the latest possible.
///
/// # Errors
/// [`TsError::Argument`] naming the one that cannot be read.
pub fn parse_range(from: &[u8], to: &[u8]) -> Result<(Timestamp, Timestamp), TsError> {
    let from = if from == b"-" { Some(0) } else { parse_integer(from) };
    let from = from.ok_or(TsError::Argument("wrong fromTimestamp"))?;
    let to = if to == b"+" { Some(MAX_TIMESTAMP) } else { parse_integer(to) };
    Ok((from, to.ok_or(TsError::Argument("wrong toTimestamp"))?))
}

/// A range query and whether it asks for LATEST.
#[derive(Clone, Debug, Default)]
pub struct RangeArgs {
    /// The query; `reverse` and `latest` are the caller's to set.
    pub query: RangeQuery,
    /// Whether a compaction's open bucket is asked for.
    pub latest: bool,
}

impl RangeArgs {
    /// Reads `from to [options …]`.
    ///
    /// # Errors
    /// The error for the first part that cannot be read.
    pub fn parse(args: Args<'_>) -> Result<Self, TsError> {
        let [from, to, options @ ..] = args else { return Err(TsError::Arity) };
        let (first, last) = parse_range(from, to)?;
        let query = RangeQuery {
            from: first,
            to: last,
            filter_ts: parse_filter_ts(options)?,
            filter_value: parse_filter_value(options)?,
            count: parse_count(options)?,
            aggregation: parse_aggregation(options, (from, first), (to, last))?,
            ..RangeQuery::default()
        };
        Ok(Self { query, latest: after(options, "LATEST").is_some() })
    }
}

fn parse_count(args: Args<'_>) -> Result<Option<usize>, TsError> {
    let Some(rest) = after(args, "COUNT") else { return Ok(None) };
    // `AGGREGATION count 10` is no COUNT; the one that follows it may be.
    let at = args.len() - rest.len() - 1;
    if at > 0 && args.get(at - 1).is_some_and(|arg| is(arg, "AGGREGATION")) {
        return parse_count(rest);
    }
    let arg = rest.first().ok_or(TsError::Argument("COUNT argument is missing"))?;
    match std::str::from_utf8(arg).ok().and_then(|text| text.parse::<i64>().ok()) {
        Some(count) if count > 0 => Ok(usize::try_from(count).ok()),
        Some(_) => Err(TsError::Argument("Invalid COUNT value")),
        None => Err(TsError::Argument("Couldn't parse COUNT")),
    }
}

fn parse_filter_ts(args: Args<'_>) -> Result<Option<Vec<Timestamp>>, TsError> {
    const MISSING: TsError = TsError::Argument("FILTER_BY_TS one or more arguments are missing");
    let Some(rest) = after(args, "FILTER_BY_TS") else { return Ok(None) };
    let mut wanted: Vec<_> = rest.iter().map_while(|arg| parse_integer(arg)).collect();
    if wanted.is_empty() {
        return Err(MISSING);
    }
    if wanted.len() > MAX_FILTER_TS {
        return Err(TsError::TooManyFilters);
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(Some(wanted))
}

fn parse_filter_value(args: Args<'_>) -> Result<Option<(f64, f64)>, TsError> {
    let Some(rest) = after(args, "FILTER_BY_VALUE") else { return Ok(None) };
    let [min, max, ..] = rest else {
        return Err(TsError::Argument("FILTER_BY_VALUE one or more arguments are missing"));
    };
    let parse =
        |arg, error| parse_value(arg).filter(|v| !v.is_nan()).ok_or(TsError::Argument(error));
    Ok(Some((parse(min, "Couldn't parse MIN")?, parse(max, "Couldn't parse MAX")?)))
}

/// One end of a range as it was written and read.
type End<'a> = (&'a [u8], Timestamp);

fn parse_aggregation(
    args: Args<'_>,
    from: End<'_>,
    to: End<'_>,
) -> Result<Option<Aggregation>, TsError> {
    const BAD: TsError = TsError::Argument("Couldn't parse AGGREGATION");
    let Some(rest) = after(args, "AGGREGATION") else {
        return match after(args, "ALIGN") {
            Some(_) => Err(TsError::Argument("ALIGN parameter can only be used with AGGREGATION")),
            None => Ok(None),
        };
    };
    let [names, duration, options @ ..] = rest else { return Err(BAD) };
    if names.iter().filter(|b| **b == b',').count() >= MAX_AGGREGATORS {
        return Err(BAD);
    }
    let aggregators: Result<_, _> = names.split(|b| *b == b',').map(Aggregator::parse).collect();
    let (empty, timestamp) = parse_bucket_options(options)?;
    Ok(Some(Aggregation {
        aggregators: aggregators?,
        duration: parse_duration(duration)?,
        align: parse_align(args, from, to)?,
        timestamp,
        empty,
    }))
}

/// Reads a bucket's length in milliseconds.
///
/// # Errors
/// [`TsError::Argument`] if it is no integer or not above zero.
pub fn parse_duration(arg: &[u8]) -> Result<u64, TsError> {
    let zero = TsError::Argument("bucketDuration must be greater than zero");
    let negative = arg.strip_prefix(b"-").and_then(parse_integer).is_some();
    match parse_integer(arg) {
        Some(duration) if duration > 0 => Ok(duration),
        None if !negative => Err(TsError::Argument("Couldn't parse AGGREGATION")),
        _ => Err(zero),
    }
}

/// EMPTY and BUCKETTIMESTAMP, which must follow the bucket's length.
fn parse_bucket_options(args: Args<'_>) -> Result<(bool, BucketTimestamp), TsError> {
    let (mut empty, mut timestamp) = (false, BucketTimestamp::Start);
    let mut rest = args;
    while let Some((word, more)) = rest.split_first() {
        if is(word, "EMPTY") {
            empty = true;
            rest = more;
        } else if is(word, "BUCKETTIMESTAMP") {
            let (which, more) = more.split_first().ok_or(TsError::Arity)?;
            timestamp = parse_bucket_timestamp(which)?;
            rest = more;
        } else {
            break;
        }
    }
    if after(rest, "EMPTY").is_some() {
        let text = "EMPTY flag should be the 3rd or 5th flag after AGGREGATION flag";
        return Err(TsError::Argument(text));
    }
    Ok((empty, timestamp))
}

fn parse_bucket_timestamp(arg: &[u8]) -> Result<BucketTimestamp, TsError> {
    match arg.to_ascii_lowercase().as_slice() {
        b"start" | b"-" => Ok(BucketTimestamp::Start),
        b"mid" | b"~" => Ok(BucketTimestamp::Mid),
        b"end" | b"+" => Ok(BucketTimestamp::End),
        _ => Err(TsError::Argument("unknown BUCKETTIMESTAMP parameter")),
    }
}

fn parse_align(args: Args<'_>, from: End<'_>, to: End<'_>) -> Result<Timestamp, TsError> {
    let Some(rest) = after(args, "ALIGN") else { return Ok(0) };
    let arg = rest.first().ok_or(TsError::Arity)?;
    let explicit = |end: End<'_>, open: &[u8], error| match end.0 == open {
        true => Err(TsError::Argument(error)),
        false => Ok(end.1),
    };
    match arg.to_ascii_lowercase().as_slice() {
        b"start" | b"-" => {
            explicit(from, b"-", "start alignment can only be used with explicit start timestamp")
        }
        b"end" | b"+" => {
            explicit(to, b"+", "end alignment can only be used with explicit end timestamp")
        }
        _ => parse_integer(arg).ok_or(TsError::Argument("unknown ALIGN parameter")),
    }
}

/// Which labels a reply shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ShownLabels {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    Selected(Vec<Box<[u8]>>),
}

impl ShownLabels {
    /// Reads WITHLABELS or SELECTED_LABELS, among arguments before FILTER.
    ///
    /// # Errors
    /// [`TsError::Argument`] for both together, or for no selected label.
    pub fn parse(args: Args<'_>) -> Result<Self, TsError> {
        let all = after(args, "WITHLABELS").is_some();
        let Some(rest) = after(args, "SELECTED_LABELS") else {
            return Ok(if all { Self::All } else { Self::None });
        };
        if all {
            let text = "cannot accept WITHLABELS and SELECT_LABELS together";
            return Err(TsError::Argument(text));
        }
        let is_word = |arg: &[u8]| RANGE_WORDS.iter().any(|word| is(arg, word));
        let names = rest.iter().take_while(|arg| !is_word(arg));
        let names: Vec<Box<[u8]>> = names.take(MAX_LABELS).map(|name| (*name).into()).collect();
        if names.is_empty() {
            return Err(TsError::Argument("SELECT_LABELS should have at least 1 parameter"));
        }
        Ok(Self::Selected(names))
    }
}

/// GROUPBY label REDUCE reducer.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupArgs {
    /// The label whose values make the groups.
    pub label: Box<[u8]>,
    /// What puts a group's values together.
    pub reducer: Aggregator,
}

impl GroupArgs {
    fn parse(args: Args<'_>) -> Result<Self, TsError> {
        let [label, word, reducer] = args else { return Err(TsError::Arity) };
        if !is(word, "REDUCE") {
            return Err(TsError::Arity);
        }
        let reducer = Aggregator::parse(reducer).ok().filter(|reducer| reducer.can_reduce());
        let reducer = reducer.ok_or(TsError::Argument("Invalid reducer type"))?;
        Ok(Self { label: (*label).into(), reducer })
    }
}

/// TS.MRANGE and TS.MREVRANGE: `from to [options …] FILTER filter … [GROUPBY …]`.
#[derive(Clone, Debug)]
pub struct MultiRangeArgs {
    /// The query for each series.
    pub range: RangeArgs,
    /// Which labels are shown.
    pub labels: ShownLabels,
    /// Which series are asked.
    pub filters: FilterSet,
    /// How they are put together.
    pub group: Option<GroupArgs>,
}

impl MultiRangeArgs {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The error for the first part that cannot be read.
    pub fn parse(args: Args<'_>) -> Result<Self, TsError> {
        let (options, filters) = split_filter(args)?;
        if after(options, "GROUPBY").is_some() {
            return Err(TsError::Argument("GROUPBY should always come after filter"));
        }
        let range = RangeArgs::parse(options)?;
        let labels = ShownLabels::parse(options)?;
        let at = filters.iter().position(|arg| is(arg, "GROUPBY")).unwrap_or(filters.len());
        let (filters, group) = filters.split_at(at);
        let group = match group.split_first() {
            Some((_, group)) => Some(GroupArgs::parse(group)?),
            None => None,
        };
        let many = range.query.aggregation.as_ref().is_some_and(|a| a.aggregators.len() > 1);
        if group.is_some() && many {
            let text = "GROUPBY is not allowed when multiple aggregators are specified";
            return Err(TsError::Argument(text));
        }
        Ok(Self { range, labels, filters: parse_filters(filters)?, group })
    }
}

/// TS.MGET: `[LATEST] [WITHLABELS | SELECTED_LABELS …] FILTER filter …`.
#[derive(Clone, Debug)]
pub struct MultiGetArgs {
    /// Whether a compaction's open bucket is asked for.
    pub latest: bool,
    /// Which labels are shown.
    pub labels: ShownLabels,
    /// Which series are asked.
    pub filters: FilterSet,
}

impl MultiGetArgs {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The error for the first part that cannot be read.
    pub fn parse(args: Args<'_>) -> Result<Self, TsError> {
        let (options, filters) = split_filter(args)?;
        let labels = ShownLabels::parse(options)?;
        let latest = after(options, "LATEST").is_some();
        Ok(Self { latest, labels, filters: parse_filters(filters)? })
    }
}

/// What stands before FILTER and after it.
fn split_filter<'a>(args: Args<'a>) -> Result<(Args<'a>, Args<'a>), TsError> {
    let at = args.iter().position(|arg| is(arg, "FILTER")).ok_or(TsError::Arity)?;
    let (before, from) = args.split_at(at);
    Ok((before, from.get(1..).unwrap_or_default()))
}

fn parse_filters(args: Args<'_>) -> Result<FilterSet, TsError> {
    if args.is_empty() {
        return Err(TsError::Argument("missing labels for filter argument"));
    }
    if args.len() > MAX_FILTERS {
        return Err(TsError::TooManyFilters);
    }
    FilterSet::parse(args)
}

#[cfg(test)]
mod tests;
