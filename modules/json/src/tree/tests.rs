//! Tests of the tree through parser and printer, against serde_json's tree.

use super::*;
use crate::testing::{doc, documents, model, text};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn round_trip_equals_the_model(expected in documents()) {
        let value = doc(&expected.to_string());
        prop_assert_eq!(&model(value.view()), &expected);
        let again = doc(&text(&value));
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(&model(value.clone().view()), &expected);
        let depth = model_depth(&expected);
        prop_assert_eq!(value.view().depth(), depth);
    }

    #[test]
    fn array_edits_equal_vec_edits(
        start in prop::collection::vec(documents(), 0..4),
        edits in prop::collection::vec((0..5u8, 0..12usize, documents()), 0..30),
    ) {
        let mut expected = start;
        let mut value = doc(&serde_json::Value::from(expected.clone()).to_string());
        for (edit, at, item) in edits {
            edit_both(&mut expected, &mut value, edit, at, &item);
            prop_assert_eq!(model(value.view()), serde_json::Value::from(expected.clone()));
        }
    }

    #[test]
    fn object_edits_equal_map_edits(
        edits in prop::collection::vec((0..4u8, "[a-e]{1,2}", any::<i8>()), 0..200),
    ) {
        let mut expected = serde_json::Map::new();
        let mut value = doc("{}");
        for (edit, key, int) in edits {
            value.edit_object(|object| {
                if edit == 0 {
                    expected.shift_remove(&key);
                    let gone = object.view().position(&key);
                    object.retain(|at| Some(at) != gone);
                } else {
                    let old = expected.insert(key.clone(), int.into());
                    let replaced = object.insert(&key, Value::int(int.into()));
                    assert_eq!(replaced.map(|v| model(v.view())), old);
                }
                for (key, value) in &expected {
                    assert_eq!(object.view().get(key).map(|v| model(v.view())).as_ref(), Some(value));
                }
            });
            let order: Vec<_> = match value.view() {
                Ref::Object(object) => object.keys().collect(),
                _ => Vec::new(),
            };
            prop_assert!(order.iter().eq(expected.keys()));
        }
    }
}

fn model_depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(model_depth).max().unwrap_or(0),
        serde_json::Value::Object(map) => 1 + map.values().map(model_depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn edit_both(
    expected: &mut Vec<serde_json::Value>,
    value: &mut Value,
    edit: u8,
    at: usize,
    item: &serde_json::Value,
) {
    let new = doc(&item.to_string());
    value.edit_array(|array| match edit {
        0 => {
            let removed = array.remove(at);
            let expected = (at < expected.len()).then(|| expected.remove(at));
            assert_eq!(removed.map(|v| model(v.view())), expected);
        }
        1 => {
            array.replace(at, new);
            if let Some(slot) = expected.get_mut(at) {
                *slot = item.clone();
            }
        }
        2 => {
            let mut index = 0;
            array.retain(|i| i % 3 != at % 3);
            expected.retain(|_| {
                index += 1;
                (index - 1) % 3 != at % 3
            });
        }
        3 => {
            assert!(array.insert(at, vec![new, Value::int(1)]).is_ok());
            let at = at.min(expected.len());
            expected.splice(at..at, [item.clone(), 1.into()]);
        }
        _ => {
            assert!(array.insert(array.items().len(), vec![new]).is_ok());
            expected.push(item.clone());
        }
    });
}

#[test]
fn numbers_keep_type_and_value() {
    let cases = [
        ("1", "1", "integer"),
        ("1.0", "1.0", "number"),
        ("-0", "-0.0", "number"),
        ("1e5", "100000.0", "number"),
        ("1e15", "1000000000000000.0", "number"),
        ("1e16", "1e16", "number"),
        ("1e-5", "0.00001", "number"),
        ("1e-6", "1e-6", "number"),
        ("29.99", "29.99", "number"),
        ("9223372036854775807", "9223372036854775807", "integer"),
        ("18446744073709551615", "18446744073709551615", "integer"),
        ("18446744073709551616", "1.8446744073709552e19", "number"),
        ("-9223372036854775808", "-9223372036854775808", "integer"),
        ("-9223372036854775809", "-9.223372036854776e18", "number"),
    ];
    for (input, printed, kind) in cases {
        let value = doc(input);
        assert_eq!((text(&value).as_str(), value.view().type_name()), (printed, kind), "{input}");
    }
}

#[test]
fn scalars_of_everyday_size_own_no_memory() {
    for inline in ["null", "true", "12345678", "-1", "29.99", "40.7127", "\"seven77\"", "[]"] {
        assert_eq!(doc(inline).memory(), 0, "{inline}");
    }
    assert_eq!(doc("\"eight888\"").memory(), 16);
    assert_eq!(doc("0.1234567890123").memory(), 8);
    assert_eq!(doc("[1,2,3,4,5,6,7,8]").memory(), 16);
    assert_eq!(doc("[1000,2,3,4]").memory(), 16);
}

#[test]
fn numeric_arrays_are_packed() {
    let kind = |text: &str| match doc(text).view() {
        Ref::Array(Items::I8(_)) => "i8",
        Ref::Array(Items::I16(_)) => "i16",
        Ref::Array(Items::I32(_)) => "i32",
        Ref::Array(Items::I64(_)) => "i64",
        Ref::Array(Items::F64(_)) => "f64",
        Ref::Array(Items::Values(_)) => "values",
        _ => "none",
    };
    assert_eq!(kind("[1,-128]"), "i8");
    assert_eq!(kind("[1,128]"), "i16");
    assert_eq!(kind("[1,32768]"), "i32");
    assert_eq!(kind("[1,9223372036854775807]"), "i64");
    assert_eq!(kind("[1.5,2.0]"), "f64");
    assert_eq!(kind("[1,2.5]"), "values");
    assert_eq!(kind("[1,18446744073709551615]"), "values");
}

#[test]
fn equal_keys_share_a_shape_until_the_last_user_goes() {
    let member = |n: u32| format!("{{\"shape_test_one\":{n},\"shape_test_two\":{n}}}");
    let values: Vec<Value> = (0..10).map(|n| doc(&member(n))).collect();
    let shapes: Vec<*const Shape> = values
        .iter()
        .map(|value| match value.view() {
            Ref::Object(ObjectRef::Fields(_, shape)) => std::ptr::from_ref(shape),
            _ => panic!("small objects have shapes"),
        })
        .collect();
    assert!(shapes.iter().all(|&shape| std::ptr::eq(shape, shapes[0])));
    let keys = || Keys { text: "shape_test_oneshape_test_two", ends: &[14, 28] };
    assert!(ShapeRef::find(keys()).is_some());
    drop(values);
    assert!(ShapeRef::find(keys()).is_none());
}

#[test]
fn shapes_survive_threads_that_take_and_drop_them() {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..2000 {
                    let value = doc(&format!("{{\"race\":{thread},\"race{}\":1}}", round % 3));
                    assert_eq!(value.clone(), value);
                }
            });
        }
    });
    let keys = Keys { text: "racerace0", ends: &[4, 9] };
    assert!(ShapeRef::find(keys).is_none());
}

#[test]
fn objects_ignore_order_when_compared_and_keep_it_when_printed() {
    assert_eq!(doc(r#"{"a":1,"b":[2]}"#), doc(r#"{"b":[2],"a":1}"#));
    assert_ne!(doc(r#"{"a":1}"#), doc(r#"{"a":1.0}"#));
    assert_eq!(text(&doc(r#"{"b":1,"a":2,"b":3}"#)), r#"{"b":3,"a":2}"#);
}
