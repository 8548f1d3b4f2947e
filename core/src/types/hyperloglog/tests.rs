//! Both encodings against plain registers, and the estimates against the truth.

use proptest::prelude::*;

use super::*;

const MAX: usize = 3000;

fn naive(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    for element in elements {
        let (index, rank) = position(element);
        registers[index] = rank.max(registers[index]);
    }
    registers
}

fn registers_of(bytes: &[u8]) -> Vec<u8> {
    let mut registers = Registers::new();
    View::of(bytes).unwrap().merge_into(&mut registers).unwrap();
    registers.iter().collect()
}

fn elements() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let few = (0..400usize, any::<u32>());
    prop_oneof![few, (1000..4000usize, any::<u32>())].prop_map(|(len, from)| {
        (0..len as u32).map(|n| from.wrapping_add(n).to_string().into_bytes()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_encodings_hold_the_registers(elements in elements(), sparse_max in 10..4000usize) {
        let (mut bytes, mut wide) = (empty(), empty());
        make_dense(&mut wide).unwrap();
        for element in &elements {
            let changed = add(&mut bytes, element, sparse_max).unwrap();
            prop_assert_eq!(add_dense(&mut wide, element), changed);
        }
        let expected = naive(&elements);
        prop_assert_eq!(&registers_of(&bytes), &expected);
        prop_assert_eq!(&registers_of(&wide), &expected);
        let view = View::of(&bytes).unwrap();
        if view.encoding() == Encoding::Sparse {
            prop_assert!(bytes.len() <= sparse_max.max(HEADER + 2));
        }
        prop_assert_eq!(view.count(), View::of(&wide).unwrap().count());
        make_dense(&mut bytes).unwrap();
        prop_assert_eq!(bytes, wide);
    }

    #[test]
    fn merging_is_adding_all(a in elements(), b in elements()) {
        let [mut left, mut right, mut both] = [(); 3].map(|()| empty());
        for element in &a {
            add(&mut left, element, MAX).unwrap();
            add(&mut both, element, MAX).unwrap();
        }
        for element in &b {
            add(&mut right, element, MAX).unwrap();
            add(&mut both, element, MAX).unwrap();
        }
        let mut registers = Registers::new();
        View::of(&left).unwrap().merge_into(&mut registers).unwrap();
        View::of(&right).unwrap().merge_into(&mut registers).unwrap();
        prop_assert_eq!(Ok(registers.count()), View::of(&both).unwrap().count());
        registers.merge_into(&mut left, MAX).unwrap();
        prop_assert_eq!(registers_of(&left), registers_of(&both));
    }

    #[test]
    fn garbage_does_no_harm(tail in proptest::collection::vec(any::<u8>(), 0..60), index in 0..REGISTERS) {
        let mut bytes = empty()[..HEADER].to_vec();
        bytes.extend_from_slice(&tail);
        let view = View::of(&bytes).unwrap();
        let _ = view.count();
        let _ = view.merge_into(&mut Registers::new());
        let _ = make_dense(&mut bytes.clone());
        let _ = raise(&mut bytes, index, 7, MAX);
    }
}

#[test]
fn estimates_are_near_the_truth() {
    let mut registers = Registers::new();
    let mut added = 0u64;
    for goal in [10u64, 100, 1_000, 10_000, 100_000, 1_000_000] {
        while added < goal {
            registers.add(format!("element:{added}").as_bytes());
            added += 1;
        }
        let error = registers.count() as f64 / goal as f64 - 1.0;
        assert!(error.abs() < 0.04, "{goal}: {error}");
    }
}

#[test]
fn foreign_bytes_are_told_apart() {
    for bytes in [&b""[..], b"HYLL", b"hyll\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", &[b'H'; 100]] {
        assert_eq!(View::of(bytes).err(), Some(Invalid::Foreign));
    }
    let mut short = empty();
    short[ENCODING_AT] = 0;
    assert_eq!(View::of(&short).err(), Some(Invalid::Foreign));
    let truncated = &empty()[..HEADER + 1];
    assert_eq!(View::of(truncated).unwrap().count(), Err(Invalid::Corrupted));
}

#[test]
fn counts_in_the_header_can_be_out_of_date() {
    let mut bytes = empty();
    assert_eq!(View::of(&bytes).unwrap().cached_count(), Some(0));
    forget_count(&mut bytes);
    assert_eq!(View::of(&bytes).unwrap().cached_count(), None);
    cache_count(&mut bytes, 77);
    assert_eq!(View::of(&bytes).unwrap().cached_count(), Some(77));
}
