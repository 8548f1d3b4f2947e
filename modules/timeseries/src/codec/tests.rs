use super::*;
use crate::sample::{Batch, Sample};
use proptest::prelude::*;

fn encode(samples: &[Sample]) -> BitBuf {
    let (mut state, mut out) = (CodecState::default(), BitBuf::default());
    for &sample in samples {
        let before = out.bits();
        state.encode(sample, &mut out);
        assert!(out.bits() - before <= MAX_SAMPLE_BYTES * 8);
    }
    out
}

fn decode(buf: &BitBuf, count: usize) -> (Vec<Sample>, usize) {
    let mut decoder = Decoder::new(buf.bytes(), count as u32);
    let mut all = Vec::new();
    let mut batch = Batch::default();
    loop {
        batch.clear();
        decoder.fill(&mut batch);
        if batch.is_empty() {
            return (all, decoder.position());
        }
        all.extend(batch.iter());
    }
}

fn bits(samples: &[Sample]) -> Vec<(u64, u64)> {
    samples.iter().map(|s| (s.ts, s.value.to_bits())).collect()
}

fn assert_round_trip(samples: &[Sample]) {
    let buf = encode(samples);
    let (back, position) = decode(&buf, samples.len());
    assert_eq!(bits(&back), bits(samples));
    assert_eq!(position, buf.bits());
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (-100_000i64..100_000).prop_map(|i| i as f64 / 100.0),
        2 => (-1_000_000i64..1_000_000, 0u32..15).prop_map(|(i, e)| i as f64 / 10f64.powi(e as i32)),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => 0.0..1.0f64,
        1 => Just(7.25),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324,
            f64::MAX, f64::MIN, 9007199254740993.0, 2251799813685247.0, -2251799813685248.0, 1e-12,
        ]),
    ]
}

fn any_gap() -> impl Strategy<Value = u64> {
    prop_oneof![5 => Just(1000u64), 2 => 990u64..1010, 1 => 1u64..1 << 40, 1 => any::<u64>()]
}

proptest! {
    #[test]
    fn round_trip(pairs in prop::collection::vec((any_gap(), any_value()), 0..600)) {
        let mut ts = 0u64;
        let samples: Vec<_> = pairs
            .into_iter()
            .map(|(gap, value)| {
                ts = ts.wrapping_add(gap);
                Sample::new(ts, value)
            })
            .collect();
        assert_round_trip(&samples);
    }

    #[test]
    fn runs_of_one_kind(runs in prop::collection::vec((0u8..4, 1usize..150), 1..8), seed: u64) {
        let mut x = seed | 1;
        let mut samples = Vec::new();
        for (kind, len) in runs {
            for _ in 0..len {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let value = match kind {
                    0 => f64::from_bits(x),
                    1 => (x >> 54) as f64 / 100.0,
                    2 => (x >> 11) as f64 / (1u64 << 53) as f64,
                    _ => 42.0,
                };
                samples.push(Sample::new(1000 * samples.len() as u64, value));
            }
        }
        assert_round_trip(&samples);
    }

    #[test]
    fn hostile_bytes_are_only_wrong(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0usize..500) {
        let mut decoder = Decoder::new(&bytes, n as u32);
        let mut left = n;
        while let Some(sample) = decoder.next_sample() {
            left -= 1;
            let _ = sample;
        }
        prop_assert_eq!(left, 0);
        // Whatever state the bytes led to, encoding goes on from it without panic.
        let mut state = decoder.state();
        let mut out = BitBuf::default();
        for value in [1.25, f64::NAN, 1e9 + 0.001, 1.0 / 3.0, 2.0 / 3.0, 0.1, -1e300] {
            state.encode(Sample::new(u64::MAX / 3, value), &mut out);
        }
    }

    #[test]
    fn bit_buffer_matches_a_string(parts in prop::collection::vec((any::<u64>(), 0u32..=64), 0..60), cut in 0usize..4000) {
        let (mut buf, mut model) = (BitBuf::default(), String::new());
        for &(value, n) in &parts {
            buf.push(value, n);
            model.push_str(&format!("{value:064b}")[64 - n as usize..]);
        }
        let mut reader = BitReader::new(buf.bytes());
        for &(value, n) in &parts {
            let mask = if n == 64 { u64::MAX } else { (1 << n) - 1 };
            prop_assert_eq!(reader.read(n), value & mask);
        }
        prop_assert_eq!(buf.bits(), model.len());
        buf.truncate(cut);
        model.truncate(cut);
        buf.push(0b101, 3);
        model.push_str("101");
        let text: String = buf.bytes().iter().map(|b| format!("{b:08b}")).collect();
        prop_assert_eq!(&text[..model.len()], &model[..]);
        prop_assert!(BitBuf::from_bytes(buf.bytes().to_vec(), buf.bits()).is_some());
    }
}

#[test]
fn a_stream_can_be_resumed() {
    let samples: Vec<_> = (0..500)
        .map(|i| Sample::new(i * 17, if i % 90 > 60 { 1.0 / i as f64 } else { i as f64 / 4.0 }))
        .collect();
    let mut buf = encode(&samples[..300]);
    let mut decoder = Decoder::new(buf.bytes(), 300);
    while decoder.next_sample().is_some() {}
    let mut state = decoder.state();
    for &sample in &samples[300..] {
        state.encode(sample, &mut buf);
    }
    let (back, _) = decode(&buf, 500);
    assert_eq!(bits(&back), bits(&samples));
}

#[test]
fn decimals_at_a_regular_pace_take_less_than_two_bytes() {
    let (mut x, mut cents) = (1u64, 10_000i64);
    let samples: Vec<_> = (0..10_000u64)
        .map(|i| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            cents += (x >> 55) as i64 - 256;
            Sample::new(1_700_000_000_000 + i * 1000, cents as f64 / 100.0)
        })
        .collect();
    let bytes = encode(&samples).bytes().len();
    assert!(bytes < 20_000, "{bytes} bytes for 10,000 samples");
}
