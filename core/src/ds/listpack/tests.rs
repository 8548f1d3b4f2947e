//! Tests of the listpack: bytes fixed by the format, and behaviour beside a vector of strings.

use super::format::{BackLength, decode_back_length};
use super::*;
use proptest::prelude::*;

fn pack(elements: &[&[u8]]) -> Listpack {
    elements.iter().copied().collect()
}

fn contents(listpack: &Listpack) -> Vec<Vec<u8>> {
    listpack.iter().map(|element| element.to_vec()).collect()
}

/// The entry that a listpack of one element holds.
fn entry(element: &[u8]) -> Vec<u8> {
    let listpack = pack(&[element]);
    assert_eq!(listpack.len(), 1);
    listpack.as_bytes()[HEADER..listpack.end().0].to_vec()
}

#[test]
fn the_empty_listpack() {
    let listpack = Listpack::new();
    assert_eq!(listpack.as_bytes(), [7, 0, 0, 0, 0, 0, 0xff]);
    assert!(listpack.is_empty());
    assert_eq!((listpack.first(), listpack.last(), listpack.get(0)), (None, None, None));
}

#[test]
fn encodings_follow_the_specification() {
    assert_eq!(entry(b"0"), [0x00, 1]);
    assert_eq!(entry(b"127"), [0x7f, 1]);
    assert_eq!(entry(b"128"), [0xc0, 0x80, 2]);
    assert_eq!(entry(b"-1"), [0xdf, 0xff, 2]);
    assert_eq!(entry(b"4095"), [0xcf, 0xff, 2]);
    assert_eq!(entry(b"-4096"), [0xd0, 0x00, 2]);
    assert_eq!(entry(b"4096"), [0xf1, 0x00, 0x10, 3]);
    assert_eq!(entry(b"-32768"), [0xf1, 0x00, 0x80, 3]);
    assert_eq!(entry(b"32768"), [0xf2, 0x00, 0x80, 0x00, 4]);
    assert_eq!(entry(b"-8388608"), [0xf2, 0x00, 0x00, 0x80, 4]);
    assert_eq!(entry(b"8388608"), [0xf3, 0x00, 0x00, 0x80, 0x00, 5]);
    assert_eq!(entry(b"2147483648"), [0xf4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]);
    assert_eq!(entry(b""), [0x80, 1]);
    assert_eq!(entry(b"a"), [0x81, b'a', 2]);
    assert_eq!(entry(&[b'x'; 63])[..2], [0x80 | 63, b'x']);
    assert_eq!(entry(&[b'x'; 64])[..3], [0xe0, 64, b'x']);
    assert_eq!(entry(&[b'x'; 4095])[..3], [0xef, 0xff, b'x']);
    assert_eq!(entry(&[b'x'; 4096])[..6], [0xf0, 0, 0x10, 0, 0, b'x']);
}

#[test]
fn sizes_behind_entries_follow_the_reference_implementation() {
    assert_eq!(entry(&[b'x'; 125])[127..], [127]);
    assert_eq!(entry(&[b'x'; 126])[128..], [1, 0x80]);
    assert_eq!(entry(&[b'x'; 16_377])[16_382..], [127, 0x80 | 126]);
    assert_eq!(entry(&[b'x'; 16_378])[16_383..], [0, 0x80 | 127, 0x80 | 127]);
    for size in [0, 1, 127, 128, 16_382, 16_383, 2_097_150, 2_097_151, 268_435_455, 1 << 32] {
        let back = BackLength::new(size);
        let mut bytes = [0u8; 5];
        let len = back_length_size(size);
        bytes[..len].copy_from_slice(back.bytes());
        assert_eq!(decode_back_length(&bytes[..len]), Some(size));
    }
}

#[test]
fn only_canonical_integers_become_numbers() {
    for n in [i64::MIN, i64::MAX, 0, -1, 1, 10, -10, 12_345_678_901] {
        let listpack = pack(&[n.to_string().as_bytes()]);
        assert_eq!(listpack.get(0), Some(Element::Int(n)));
    }
    let not = ["", "-", "-0", "01", "+1", "1 ", " 1", "1a", "9223372036854775808", "1.0", "--1"];
    for text in not.iter().chain(&["-9223372036854775809", "00", "-01", "100000000000000000000"]) {
        let listpack = pack(&[text.as_bytes()]);
        assert_eq!(listpack.get(0), Some(Element::Bytes(text.as_bytes())));
    }
}

#[test]
fn find_passes_over_values() {
    let listpack = pack(&[b"a", b"b", b"b", b"7", b"7", b"a"]);
    let first = listpack.first().expect("not empty");
    let index = |at: Option<At>| at.and_then(|at| listpack.positions().position(|p| p == at));
    assert_eq!(index(listpack.find(first, b"b", 0)), Some(1));
    assert_eq!(index(listpack.find(first, b"b", 1)), Some(2));
    assert_eq!(index(listpack.find(first, b"7", 1)), Some(4));
    assert_eq!(index(listpack.find(first, 7, 0)), Some(3));
    assert_eq!(listpack.find(first, b"c", 0), None);
    assert_eq!(Listpack::new().find(At(HEADER), b"c", 0), None);
}

#[test]
fn texts_of_integers_kept_as_strings_are_found() {
    let bytes = vec![11, 0, 0, 0, 1, 0, 0x82, b'4', b'2', 3, END];
    let listpack = Listpack::from_bytes(&bytes).expect("well formed");
    let first = listpack.first().expect("not empty");
    assert_eq!(listpack.find(first, b"42", 0), Some(first));
}

#[test]
fn more_elements_than_the_header_counts() {
    let mut listpack = Listpack::new();
    for n in 0..66_000i64 {
        listpack.push_back(n % 100);
    }
    assert_eq!(listpack.counted(), UNCOUNTED);
    assert_eq!(listpack.len(), 66_000);
    assert_eq!(listpack.get(65_999), Some(Element::Int(99)));
    assert_eq!(listpack.remove_range(10..65_010), 65_000);
    assert_eq!(listpack.len(), 1000);
    assert!(Listpack::from_bytes(listpack.as_bytes()).is_ok());
}

#[test]
fn malformed_listpacks_are_refused() {
    let good = pack(&[b"a", b"4095", b"hello"]).into_bytes();
    let check = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        Listpack::from_bytes(&bytes).err()
    };
    assert_eq!(check(&|_| ()), None);
    assert_eq!(check(&|b| b.truncate(6)), Some(Malformed::Short));
    assert_eq!(check(&|b| b.clear()), Some(Malformed::Short));
    assert_eq!(check(&|b| b.push(0)), Some(Malformed::Length));
    assert_eq!(check(&|b| b[4] = 2), Some(Malformed::Count));
    assert_eq!(check(&|b| b[6] = 0x82), Some(Malformed::Entry(6)));
    assert_eq!(check(&|b| b[8] = 3), Some(Malformed::Entry(6)));
    assert_eq!(check(&|b| b[9] = END), Some(Malformed::Entry(9)));
    assert_eq!(check(&|b| *b.last_mut().expect("not empty") = 0), Some(Malformed::Entry(19)));
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..12),
        4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        4 => (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        1 => (60usize..200).prop_map(|n| vec![b'x'; n]),
        1 => (4000usize..4200).prop_map(|n| vec![b'y'; n]),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    PopBack,
    PopFront,
    SplitAndJoin(usize),
    KeepShorter(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => element().prop_map(Step::PushBack),
        3 => element().prop_map(Step::PushFront),
        3 => (0usize..30, element()).prop_map(|(at, e)| Step::Insert(at, e)),
        3 => (0usize..30, element()).prop_map(|(at, e)| Step::Replace(at, e)),
        1 => (0usize..30, 0usize..5).prop_map(|(at, n)| Step::Remove(at, n)),
        1 => Just(Step::PopBack),
        1 => Just(Step::PopFront),
        1 => (0usize..30).prop_map(Step::SplitAndJoin),
        1 => (3usize..200).prop_map(Step::KeepShorter),
    ]
}

fn apply(listpack: &mut Listpack, model: &mut Vec<Vec<u8>>, step: Step) {
    match step {
        Step::PushBack(e) => {
            listpack.push_back(&e[..]);
            model.push(e);
        }
        Step::PushFront(e) => {
            listpack.push_front(&e[..]);
            model.insert(0, e);
        }
        Step::Insert(at, e) => {
            assert_eq!(listpack.insert(at, &e[..]), at <= model.len());
            if at <= model.len() {
                model.insert(at, e);
            }
        }
        Step::Replace(index, e) => {
            if let Some(at) = listpack.seek(index) {
                listpack.replace(at, &e[..]);
                model[index] = e;
            }
        }
        Step::Remove(from, n) => {
            let range = from.min(model.len())..(from + n).min(model.len());
            assert_eq!(listpack.remove_range(from..from + n), range.len());
            model.drain(range);
        }
        Step::PopBack => assert_eq!(listpack.pop_back(), model.pop()),
        Step::PopFront => {
            let expected = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(listpack.pop_front(), expected);
        }
        Step::KeepShorter(than) => {
            let before = model.len();
            model.retain(|e| e.len() < than);
            let removed = listpack.retain(|e| e.to_vec().len() < than);
            assert_eq!(removed, before - model.len());
        }
        Step::SplitAndJoin(index) => {
            if let Some(at) = listpack.seek(index) {
                let tail = listpack.split_off(at);
                assert_eq!(contents(listpack), model[..index]);
                assert_eq!(contents(&tail), model[index..]);
                assert_eq!(tail.len(), model.len() - index);
                listpack.append(&tail);
            }
        }
    }
}

proptest! {
    #[test]
    fn behaves_like_a_vector(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut listpack, mut model) = (Listpack::new(), Vec::new());
        for step in steps {
            apply(&mut listpack, &mut model, step);
            prop_assert_eq!(listpack.len(), model.len());
            prop_assert_eq!(&contents(&listpack), &model);
            prop_assert_eq!(validate(listpack.as_bytes()), Ok(model.len()));
        }
        let backwards: Vec<_> = listpack.iter().rev().map(|e| e.to_vec()).collect();
        model.reverse();
        prop_assert_eq!(&backwards, &model);
        model.reverse();
        let canonical: Listpack = model.iter().map(|e| &e[..]).collect();
        prop_assert_eq!(canonical.as_bytes(), listpack.as_bytes());
        for (index, element) in model.iter().enumerate() {
            let at = listpack.seek(index).expect("within the length");
            prop_assert_eq!(listpack.get(index).map(|e| e.to_vec()), Some(element.clone()));
            prop_assert_eq!(listpack.find(at, &element[..], 0), Some(at));
            let first = listpack.first().expect("not empty");
            let found = listpack.find(first, &element[..], 0);
            let expected = model.iter().position(|e| e == element);
            prop_assert_eq!(found, expected.and_then(|i| listpack.seek(i)));
        }
        prop_assert_eq!(listpack.get(model.len()), None);
    }

    /// Whatever passes the check can be read and changed without harm.
    #[test]
    fn damaged_bytes_are_refused_or_harmless(
        elements in proptest::collection::vec(element(), 0..8),
        damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
        steps in proptest::collection::vec(step(), 0..6),
    ) {
        let mut bytes = elements.iter().map(|e| &e[..]).collect::<Listpack>().into_bytes();
        for (at, byte) in damage {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(mut listpack) = Listpack::from_bytes(&bytes) {
            let mut model = contents(&listpack);
            let mut backwards: Vec<_> = listpack.iter().rev().map(|e| e.to_vec()).collect();
            backwards.reverse();
            prop_assert_eq!(&backwards, &model);
            for step in steps {
                apply(&mut listpack, &mut model, step);
                prop_assert_eq!(&contents(&listpack), &model);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_harmless(mut bytes in proptest::collection::vec(any::<u8>(), 7..40)) {
        let length = (bytes.len() as u32).to_le_bytes();
        bytes[..4].copy_from_slice(&length);
        bytes[4..6].copy_from_slice(&[0xff, 0xff]);
        if let Some(last) = bytes.last_mut() {
            *last = END;
        }
        if let Ok(listpack) = Listpack::from_bytes(&bytes) {
            prop_assert_eq!(listpack.len(), listpack.iter().rev().count());
        }
    }
}
