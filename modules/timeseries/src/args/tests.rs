use super::*;
use proptest::prelude::*;

fn words(text: &str) -> Vec<&[u8]> {
    text.split_whitespace().map(str::as_bytes).collect()
}

fn range(text: &str) -> Result<RangeArgs, TsError> {
    RangeArgs::parse(&words(text))
}

fn range_error(text: &str) -> String {
    range(text).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn ranges_are_read() {
    let args = range("- + LATEST FILTER_BY_TS 5 3 3 FILTER_BY_VALUE -1 2.5 COUNT 7").unwrap();
    assert!(args.latest);
    assert_eq!((args.query.from, args.query.to), (0, MAX_TIMESTAMP));
    assert_eq!(args.query.filter_ts, Some(vec![3, 5]));
    assert_eq!(args.query.filter_value, Some((-1.0, 2.5)));
    assert_eq!(args.query.count, Some(7));
    let args =
        range("3 90 align + aggregation MIN,max 10 bucketTimestamp ~ empty count 2").unwrap();
    let aggregation = args.query.aggregation.unwrap();
    assert_eq!(aggregation.aggregators.as_slice(), [Aggregator::Min, Aggregator::Max]);
    assert_eq!((aggregation.align, aggregation.empty), (90, true));
    assert_eq!(aggregation.timestamp, BucketTimestamp::Mid);
    assert_eq!(args.query.count, Some(2));
    assert_eq!(range("- + AGGREGATION count 10 EMPTY").unwrap().query.count, None);
}

/// Texts observed on Redis Stack.
#[test]
fn wrong_ranges_are_refused() {
    let cases = [
        ("x +", "TSDB: wrong fromTimestamp"),
        ("+ -", "TSDB: wrong fromTimestamp"),
        ("- x", "TSDB: wrong toTimestamp"),
        ("- 18446744073709551615", "TSDB: wrong toTimestamp"),
        ("- + COUNT", "TSDB: COUNT argument is missing"),
        ("- + COUNT x", "TSDB: Couldn't parse COUNT"),
        ("- + COUNT 0", "TSDB: Invalid COUNT value"),
        ("- + AGGREGATION sum", "TSDB: Couldn't parse AGGREGATION"),
        ("- + AGGREGATION sum x", "TSDB: Couldn't parse AGGREGATION"),
        ("- + AGGREGATION sum 0", "TSDB: bucketDuration must be greater than zero"),
        ("- + AGGREGATION foo 1", "TSDB: Unknown aggregation type"),
        ("- + FILTER_BY_TS x", "TSDB: FILTER_BY_TS one or more arguments are missing"),
        ("- + FILTER_BY_VALUE 1", "TSDB: FILTER_BY_VALUE one or more arguments are missing"),
        ("- + FILTER_BY_VALUE 1 x", "TSDB: Couldn't parse MAX"),
        ("- + ALIGN 5", "TSDB: ALIGN parameter can only be used with AGGREGATION"),
        ("- + ALIGN x AGGREGATION sum 10", "TSDB: unknown ALIGN parameter"),
        (
            "- + ALIGN - AGGREGATION sum 10",
            "TSDB: start alignment can only be used with explicit start timestamp",
        ),
        (
            "- + AGGREGATION sum 10 FOO EMPTY",
            "TSDB: EMPTY flag should be the 3rd or 5th flag after AGGREGATION flag",
        ),
        ("- + AGGREGATION sum 10 BUCKETTIMESTAMP x", "TSDB: unknown BUCKETTIMESTAMP parameter"),
    ];
    for (text, error) in cases {
        assert_eq!(range_error(text), error, "{text}");
    }
    assert_eq!(range("-").unwrap_err(), TsError::Arity);
}

#[test]
fn series_options_are_read() {
    let text = "RETENTION 5 ENCODING UNCOMPRESSED CHUNK_SIZE 128 DUPLICATE_POLICY max IGNORE 3 0.5 LABELS a b c d";
    let args = SeriesArgs::parse(&words(text)).unwrap();
    let options = args.over(Options::default());
    assert_eq!((options.retention, options.chunk_size), (5, 128));
    assert_eq!(options.encoding, Encoding::Uncompressed);
    assert_eq!(options.duplicate, Some(DuplicatePolicy::Max));
    assert_eq!((options.ignore_time, options.ignore_value), (3, 0.5));
    assert_eq!(args.labels.map(|labels| labels.len()), Some(2));
    assert_eq!(SeriesArgs::parse(&words("LABELS")).unwrap().labels, Some(Vec::new()));
    assert_eq!(SeriesArgs::parse(&words("BOGUS")), Ok(SeriesArgs::default()));
}

#[test]
fn wrong_series_options_are_refused() {
    let cases = [
        (
            "CHUNK_SIZE 47",
            "TSDB: CHUNK_SIZE value must be a multiple of 8 in the range [48 .. 1048576]",
        ),
        ("CHUNK_SIZE x", "TSDB: Couldn't parse CHUNK_SIZE"),
        ("RETENTION -1", "TSDB: Couldn't parse RETENTION"),
        ("ENCODING x", "TSDB: unknown ENCODING parameter"),
        ("DUPLICATE_POLICY foo", "TSDB: Unknown DUPLICATE_POLICY"),
        ("LABELS a b,c", "TSDB: Couldn't parse LABELS"),
        ("IGNORE 1", "TSDB: Couldn't parse IGNORE"),
        ("IGNORE 1 -1", "TSDB: IGNORE arguments cannot be negative"),
        ("IGNORE -1 1", "TSDB: IGNORE arguments cannot be negative"),
    ];
    for (text, error) in cases {
        assert_eq!(SeriesArgs::parse(&words(text)).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn multi_ranges_are_read() {
    let text = "- + SELECTED_LABELS x y COUNT 1 FILTER a=b c= GROUPBY g REDUCE sum";
    let args = MultiRangeArgs::parse(&words(text)).unwrap();
    assert_eq!(args.labels, ShownLabels::Selected(vec![(*b"x").into(), (*b"y").into()]));
    assert_eq!(args.range.query.count, Some(1));
    assert_eq!(args.group.map(|group| group.reducer), Some(Aggregator::Sum));
    let error = |text| MultiRangeArgs::parse(&words(text)).unwrap_err().to_string();
    assert_eq!(error("- + FILTER"), "TSDB: missing labels for filter argument");
    assert_eq!(error("- + FILTER a=b GROUPBY x REDUCE twa"), "TSDB: Invalid reducer type");
    assert_eq!(
        error("- + GROUPBY x REDUCE sum FILTER a=b"),
        "TSDB: GROUPBY should always come after filter"
    );
    assert_eq!(
        error("- + SELECTED_LABELS FILTER a=b"),
        "TSDB: SELECT_LABELS should have at least 1 parameter"
    );
    assert_eq!(
        error("- + WITHLABELS SELECTED_LABELS a FILTER a=b"),
        "TSDB: cannot accept WITHLABELS and SELECT_LABELS together"
    );
    assert!(MultiGetArgs::parse(&words("LATEST WITHLABELS FILTER a=b")).unwrap().latest);
}

proptest! {
    #[test]
    fn any_words_are_read_or_refused(
        picks in prop::collection::vec((0usize..RANGE_WORDS.len() + 8, any::<[u8; 3]>()), 0..14),
    ) {
        let extra: [&[u8]; 7] = [b"-", b"+", b"10", b"sum,avg", b"a=b", b"REDUCE", b"LABELS"];
        let args: Vec<&[u8]> = picks.iter().map(|(at, raw)| match RANGE_WORDS.get(*at) {
            Some(word) => word.as_bytes(),
            None => extra.get(at - RANGE_WORDS.len()).copied().unwrap_or(raw),
        }).collect();
        let _ = RangeArgs::parse(&args);
        let _ = MultiRangeArgs::parse(&args);
        let _ = MultiGetArgs::parse(&args);
        let _ = SeriesArgs::parse(&args);
    }
}
