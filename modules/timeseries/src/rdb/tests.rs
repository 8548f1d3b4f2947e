use super::*;
use crate::aggregate::Aggregator;
use crate::compaction::Rule;
use crate::duplicate::DuplicatePolicy;
use cairn_core::value::Emit;
use proptest::prelude::*;

fn unhex(hex: &str) -> Vec<u8> {
    let digits = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2));
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// Reads all of a value from its module's name on.
fn read(bytes: &[u8]) -> Result<TimeSeries, RdbError> {
    let mut input = Reader::new(bytes, 0);
    let (_, encoding) = input.module_id()?;
    let series = load(&mut input, encoding)?;
    input.module_end()?;
    assert!(input.rest().is_empty());
    Ok(series)
}

fn written(series: &TimeSeries, alone: bool) -> Vec<u8> {
    let out = Writer::new(11, false);
    let mut out = if alone { out.alone() } else { out };
    assert_eq!(series.save(&mut out).ok(), Some(kind::MODULE));
    out.as_bytes().to_vec()
}

fn bits(series: &TimeSeries) -> Vec<(u64, u64)> {
    samples(series).iter().map(|s| (s.ts, s.value.to_bits())).collect()
}

/// What a server stored for series whose samples the tests below name.
const COMPRESSED: &str = "814d20c1f9360f10080501630281000400000000000002404002020281000001000000000004000000000000\
    10400209020602000207040000000000000440020105046b696e64050574c3a9737402000201024040020902\
    41db02813ff00000000000000243e8028100000100000000000281000000ffffb3b4c0028140100000000000\
    000201023305404087be1990c2c0e9ffe707fd590780c8435ee3fb721707bfb30e009187fcc6ff21420200fc\
    c1000000001ff2b912c06109c01f9a05edff1f0000a001000000000000";

/// As above, uncompressed and with a late sample.
const PLAIN: &str = "814d20c1f9360f1008050170020002300201024fa004000000000000f0bf0205020002000200040000000000\
    0000000200020002020243e80204024040054040e803000000000000000000000000f03fdc05000000000000\
    0000000000001c40d0070000000000000000000000000040b80b0000000000000000000000000440024fa002\
    0102300530a00f000000000000000000000000f0bfc04dee5f367f000038e5eb5f367f00000070ee5f367f00\
    00a020ee5f367f000000";

/// Sources of one rule each, with an open bucket: as stored, aggregator, duration.
const RULES: [(&str, &str, u64); 5] = [
    (
        "814d20c1f9360f1008050572756c6530020002404002020245aa040000000000a87640020402000200020004\
    0000000000000000020002010501640243e802412c0204024514040000000000448640040000000000000040\
    02000201024040020402406d028140390000000000000240640245aa023202814076a80000000000020e022b\
    054040233b097f4c841572fe09ee77461a000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000",
        "avg",
        1000,
    ),
    (
        "814d20c1f9360f1008050572756c6531020002404002020245aa040000000000a87640020402000200020004\
    0000000000000000020002010501640243e802412c0202024514040000000000a8764004ffffffffffffef7f\
    0201024040020402406d028140390000000000000240640245aa023202814076a80000000000020e022b0540\
    40233b097f4c841572fe09ee77461a0000000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000000000000000",
        "max",
        1000,
    ),
    (
        "814d20c1f9360f1008050572756c6532020002404002020245aa040000000000a87640020402000200020004\
    0000000000000000020002010501640243e802412c0206024514040000000000e07540020002010240400204\
    02406d028140390000000000000240640245aa023202814076a80000000000020e022b054040233b097f4c84\
    1572fe09ee77461a000000000000000000000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000",
        "first",
        1000,
    ),
    (
        "814d20c1f9360f1008050572756c6533020002404002020245aa040000000000a87640020402000200020004\
    0000000000000000020002010501640243e802412c020a024514040000000000448640040000000092fe0e41\
    02020201024040020402406d028140390000000000000240640245aa023202814076a80000000000020e022b\
    054040233b097f4c841572fe09ee77461a000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000",
        "std.s",
        1000,
    ),
    (
        "814d20c1f9360f1008050572756c6534020002404002020245aa040000000000a87640020402000200020004\
    0000000000000000020002010501640243e802412c020d0245140400000000502de9400245aa040000000000\
    a876400245140248fc0245140245aa0200020202000201024040020402406d02814039000000000000024064\
    0245aa023202814076a80000000000020e022b054040233b097f4c841572fe09ee77461a0000000000000000\
    00000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "twa",
        1000,
    ),
];

#[test]
fn compressed_chunks_of_redis_stack_are_read() {
    let series = read(&unhex(COMPRESSED)).unwrap();
    let values = [1.0, 1.5, 1.5, -2.25, 1e300, 5e-324, 0.0, 3.0, 4.0];
    let times = [1000, 2000, 3000, 4001, 5000, 9000, 50_000, 5_000_000, 1 << 40];
    let expected: Vec<_> = times.into_iter().zip(values.map(f64::to_bits)).collect();
    assert_eq!(bits(&series), expected);
    let options = series.series().options();
    assert_eq!((options.retention, options.chunk_size), (1 << 50, 64));
    assert_eq!(options.duplicate, Some(DuplicatePolicy::Sum));
    assert_eq!((options.ignore_time, options.ignore_value), (7, 2.5));
    assert_eq!(series.label(b"kind"), Some(&b"t\xc3\xa9st"[..]));
}

#[test]
fn uncompressed_chunks_of_redis_stack_are_read() {
    let series = read(&unhex(PLAIN)).unwrap();
    let samples = samples(&series);
    let read: Vec<_> = samples.iter().map(|s| (s.ts, s.value)).collect();
    assert_eq!(read, [(1000, 1.0), (1500, 7.0), (2000, 2.0), (3000, 2.5), (4000, -1.0)]);
    assert_eq!(series.series().options().encoding, Encoding::Uncompressed);
}

/// What stands between the head and the chunks.
fn rule_bytes(bytes: &[u8]) -> &[u8] {
    let mut input = Reader::new(bytes, 0);
    let (_, encoding) = input.module_id().unwrap();
    Head::load(&mut input, encoding).unwrap();
    let start = input.offset() as usize;
    rules::load(&mut input).unwrap();
    &bytes[start..input.offset() as usize]
}

#[test]
fn rules_of_redis_stack_are_read_and_written_alike() {
    for (hex, aggregator, duration) in RULES {
        let bytes = unhex(hex);
        let series = read(&bytes).unwrap();
        let [rule] = series.rules() else { panic!("one rule") };
        assert_eq!((rule.aggregator.name(), rule.duration), (aggregator, duration));
        assert_eq!(&*rule.destination, b"d");
        assert!(rule.latest().is_some());
        let back = written(&series, false);
        assert_eq!(rule_bytes(&back), rule_bytes(&bytes), "{aggregator}");
    }
}

#[test]
fn other_encodings_are_named() {
    let error = load(&mut Reader::new(&[], 0), 6).err().map(|e| e.to_string());
    assert!(error.is_some_and(|e| e.contains("encoding 6 cannot be read")));
}

#[test]
fn hostile_numbers_are_refused() {
    let head = |out: &mut Writer| {
        out.module_string(b"k");
        [0, 4096, 2, 0].iter().for_each(|n| out.module_unsigned(*n));
        out.module_double(0.0);
    };
    let refused = |parts: &dyn Fn(&mut Writer)| {
        let mut out = Writer::new(11, false);
        head(&mut out);
        parts(&mut out);
        load(&mut Reader::new(out.as_bytes(), 0), ENCODING).is_err()
    };
    let chunk = |out: &mut Writer, numbers: [u64; 10]| {
        [0, 0, 0, 0].iter().for_each(|n| out.module_unsigned(*n));
        out.module_double(0.0);
        [0, 0, 1].iter().for_each(|n| out.module_unsigned(*n));
        numbers.iter().for_each(|n| out.module_unsigned(*n));
        out.module_string(&[0; 8]);
    };
    let max = u64::MAX;
    assert!(refused(&|out| chunk(out, [8, max, 64, 0, 0, 0, 0, 0, 32, 32])));
    assert!(refused(&|out| chunk(out, [8, 2, max, 0, 0, 0, 0, 0, 32, 32])));
    assert!(refused(&|out| chunk(out, [8, 1, 0, 0, max, max, 0, 0, 32, 32])));
    assert!(refused(&|out| [0, 9].iter().for_each(|n| out.module_unsigned(*n))));
    assert!(refused(&|_| ()));
}

#[test]
fn a_series_alone_has_no_ties() {
    let mut series = TimeSeries::new(Options::default(), Vec::new());
    series.source = Some(b"other"[..].into());
    assert!(series.add_rule(Rule::new(b"d", Aggregator::Avg, 10, 0)));
    let back = read(&written(&series, true)).unwrap();
    assert!(back.source.is_none() && back.rules().is_empty());
    let back = read(&written(&series, false)).unwrap();
    assert_eq!(back.others().collect::<Vec<_>>(), [&b"d"[..], b"other"]);
}

fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1000), 1u64..40, 900u64..1100, 1u64..100_000, Just(1 << 33), Just(1 << 41)]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), (-500i32..500).prop_map(|c| f64::from(c) / 100.0), any::<f64>()]
}

fn series() -> impl Strategy<Value = TimeSeries> {
    let samples = prop::collection::vec((gap(), value()), 0..200);
    let sizes = prop::sample::select(vec![48usize, 64, 128, 512]);
    (samples, sizes, any::<bool>(), 0usize..15).prop_map(|(samples, chunk_size, plain, rule)| {
        let encoding = if plain { Encoding::Uncompressed } else { Encoding::Compressed };
        let options = Options { chunk_size, encoding, ..Options::default() };
        let labels = vec![(b"a"[..].into(), b"b"[..].into())];
        let mut series = TimeSeries::new(options, labels);
        let aggregator = rules::AGGREGATORS[rule];
        series.add_rule(Rule::new(b"d", aggregator, 777, 5));
        let (mut ts, mut effects) = (0, Vec::new());
        for (gap, value) in samples {
            ts += gap;
            let sample = Sample::new(ts, value);
            series.add(sample, None, DuplicatePolicy::Last, &mut effects).unwrap();
        }
        series
    })
}

fn open_value(series: &TimeSeries) -> Option<(u64, u64)> {
    let latest = series.rules().first()?.latest()?;
    Some((latest.ts, latest.value.to_bits()))
}

proptest! {
    #[test]
    fn series_come_back(series in series()) {
        let back = read(&written(&series, false)).unwrap();
        prop_assert_eq!(bits(&back), bits(&series));
        prop_assert_eq!(back.series().options(), series.series().options());
        prop_assert_eq!(back.labels(), series.labels());
        prop_assert_eq!(open_value(&back), open_value(&series));
        prop_assert_eq!(written(&back, false), written(&series, false));
    }

    #[test]
    fn a_frozen_series_is_saved_as_it_was(
        mut series in series(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), value(), 0..6u8), 0..60),
    ) {
        let emitted = |emit: &mut dyn FnMut(&mut Emit<'_>)| {
            let mut words = Vec::new();
            emit(&mut |line| words.extend(line[2..].iter().map(|word| word.to_vec())));
            words
        };
        let expected = written(&series, false);
        let rebuilt = emitted(&mut |emit| series.rebuild(b"k", emit));
        let last = series.series().last().map_or(1, |last| last.ts + 100);
        let mut frozen = freeze(&series, 0).unwrap();
        let (mut out, mut more, mut effects) = (Writer::new(11, false), true, Vec::new());
        for (at, value, action) in changes {
            let ts = at.index(last as usize) as u64;
            match action {
                0 => drop(series.delete_range(ts, ts + 5000, &mut effects)),
                1 => series.set_options(Options { retention: 1 + ts, ..*series.series().options() }),
                2 => more = more && frozen.save_next(&mut out),
                _ => drop(series.add(
                    Sample::new(ts, value), None, DuplicatePolicy::Last, &mut effects,
                )),
            }
        }
        while more {
            more = frozen.save_next(&mut out);
        }
        prop_assert_eq!(frozen.rdb_kind(11), kind::MODULE);
        prop_assert!(out.as_bytes() == expected);
        let bits = emitted(&mut |emit| while frozen.rebuild_next(b"k", emit) {});
        prop_assert_eq!(bits, rebuilt);
        prop_assert!(freeze(&series, usize::MAX).is_none());
    }

    #[test]
    fn damage_is_an_error_or_a_series(
        series in series(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let mut bytes = written(&series, false).split_off(9);
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(series) = load(&mut Reader::new(&bytes, 0), ENCODING) {
            let ascending = samples(&series).windows(2).all(|pair| pair[0].ts < pair[1].ts);
            prop_assert!(ascending);
            written(&series, false);
        }
    }

    #[test]
    fn any_bits_are_an_error_or_samples(
        data in prop::collection::vec(any::<u8>(), 0..64), count in 0u64..300, bits in 0u64..520,
    ) {
        let block = Block { count, bits, data, ..Block::default() };
        if let Some(samples) = block.samples() {
            prop_assert_eq!(samples.len() as u64, count);
            let mut again = Block::default();
            prop_assert!(samples.iter().all(|s| again.push(*s, usize::MAX)));
            let back: Vec<_> = again.samples().unwrap_or_default();
            let plain = |all: &[Sample]| -> Vec<_> { all.iter().map(|s| (s.ts, s.value.to_bits())).collect() };
            prop_assert_eq!(plain(&back), plain(&samples));
        }
    }
}
