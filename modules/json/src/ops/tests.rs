//! Tests of the operations: cases observed on RedisJSON, and random changes against serde_json.

use super::*;
use crate::path::Path;
use crate::testing::{doc, documents, model, text};
use crate::tree::{Items, Ref, Value, View};
use proptest::prelude::*;
use serde_json::Value as Model;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Outcome of an operation and the document after it.
fn after<R: std::fmt::Debug>(
    document: &str,
    change: impl FnOnce(&mut Value) -> Result<R, OpError>,
) -> String {
    let mut value = doc(document);
    let outcome = match change(&mut value) {
        Ok(result) => format!("{result:?}"),
        Err(error) => error.to_string(),
    };
    format!("{outcome} {}", text(&value))
}

const DOC: &str = r#"{"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#;

#[test]
fn set_replaces_adds_or_refuses() {
    let cases = [
        ("$.a.c", r#"true {"a":{"b":1,"c":2},"arr":[1,{"x":1}],"s":"str"}"#),
        ("a.c", r#"true {"a":{"b":1,"c":2},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$", "true 2"),
        ("$.a.c.d", r#"false {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.arr.q", r#"false {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.arr[0]", r#"true {"a":{"b":1},"arr":[2,{"x":1}],"s":"str"}"#),
        ("$.arr[-1]", r#"true {"a":{"b":1},"arr":[1,2],"s":"str"}"#),
        ("$.arr[5]", r#"ERR array index out of range {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$..q", r#"Err wrong static path {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.*.q", r#"Err wrong static path {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$..*", r#"true {"a":2,"arr":2,"s":2}"#),
        (r#"$["a","c"]"#, r#"true {"a":2,"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.arr[?(@.x==1)].x", r#"true {"a":{"b":1},"arr":[1,{"x":2}],"s":"str"}"#),
    ];
    for (at, expected) in cases {
        let set = |value: &mut Value| set(value, &path(at), Value::int(2), SetMode::Always);
        assert_eq!(after(DOC, set), expected, "{at}");
    }
}

#[test]
fn set_heeds_nx_and_xx() {
    use SetMode::{IfMissing, IfPresent};
    let cases = [
        ("$.a.c", IfMissing, true),
        ("$.a.c", IfPresent, false),
        ("$.a.b", IfMissing, false),
        ("$.a.b", IfPresent, true),
        ("$..q", IfPresent, false),
        ("$", IfMissing, false),
    ];
    for (at, mode, expected) in cases {
        let done = set(&mut doc(DOC), &path(at), Value::int(2), mode);
        assert_eq!(done, Ok(expected), "{at} {mode:?}");
    }
}

#[test]
fn delete_counts_the_outermost_matches() {
    let cases = [
        (DOC, "$.a", r#"Nodes(1) {"arr":[1,{"x":1}],"s":"str"}"#),
        (DOC, "$.zz", r#"Nodes(0) {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        (DOC, ".arr[*]", r#"Nodes(2) {"a":{"b":1},"arr":[],"s":"str"}"#),
        (DOC, "$.arr[0,0]", r#"Nodes(1) {"a":{"b":1},"arr":[{"x":1}],"s":"str"}"#),
        (DOC, "$..*", "Nodes(3) {}"),
        ("[1]", "$", "Document [1]"),
        (r#"{"a":{"a":{"a":1}}}"#, "$..a", "Nodes(1) {}"),
        (r#"{"a":[1,[2,[3]],4]}"#, "$..[0]", r#"Nodes(3) {"a":[[[]],4]}"#),
        ("[1,2,3,4,5]", "$[::2]", "Nodes(3) [2,4]"),
    ];
    for (document, at, expected) in cases {
        assert_eq!(after(document, |value| delete(value, &path(at))), expected, "{at}");
    }
}

#[test]
fn numbers_stay_exact_or_become_floats() {
    let sum = |document: &str, by: &str| {
        after(document, |value| increment(value, &path("$"), Number::of(&doc(by))?))
    };
    let cases = [
        ("5", "1", "6"),
        ("5", "1.0", "6.0"),
        ("5", "1e2", "105.0"),
        ("0.1", "0.2", "0.30000000000000004"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "-1", "18446744073709551614"),
        ("18446744073709551615", "1", "1.8446744073709552e19"),
        ("-9223372036854775808", "-1", "-9.223372036854776e18"),
    ];
    for (number, by, expected) in cases {
        assert_eq!(sum(number, by), format!("[Some({expected})] {expected}"));
    }
    assert_eq!(sum("\"s\"", "1"), "[None] \"s\"");
    assert_eq!(sum("1e308", "1e308"), "ERR result is not a number 1e308");
    assert_eq!(sum("5", "\"a\""), "bad input number 5");
    let all = |value: &mut Value| increment(value, &path("$.*"), Number::Float(1e308));
    assert_eq!(after("[1,1e308]", all), "ERR result is not a number [1,1e308]");
    let by = Number::Int(1);
    let nested = after(r#"{"a":1,"b":[1,"x",2]}"#, |value| increment(value, &path("$..*"), by));
    assert_eq!(nested, r#"[Some(2), None, Some(2), None, Some(3)] {"a":2,"b":[2,"x",3]}"#);
    let product = |document: &str, by: &str| {
        after(document, |value| multiply(value, &path("$"), Number::of(&doc(by))?))
    };
    assert_eq!(product("5", "2.5"), "[Some(12.5)] 12.5");
    assert_eq!(
        product("4611686018427387904", "2"),
        "[Some(9223372036854775808)] 9223372036854775808"
    );
    assert_eq!(
        product("18446744073709551615", "18446744073709551615").split(' ').next_back(),
        Some("3.402823669209385e38")
    );
}

#[test]
fn strings_booleans_and_clear() {
    let append = |at: &'static str| move |value: &mut Value| append_string(value, &path(at), "é");
    assert_eq!(after("\"é😀\"", append("$")), "[Some(8)] \"é😀é\"");
    assert_eq!(after(r#"{"a":"x","b":1}"#, append("$.*")), r#"[Some(3), None] {"a":"xé","b":1}"#);
    let flip = |value: &mut Value| toggle(value, &path("$.*"));
    assert_eq!(after("[true,false,1]", flip), "[Some(false), Some(true), None] [false,true,1]");
    let wipe = |at: &'static str| move |value: &mut Value| clear(value, &path(at));
    let document = r#"{"a":1,"b":[1],"c":"s","d":true,"e":null,"f":{},"g":0.0,"h":2.5}"#;
    let cleared = r#"3 {"a":0,"b":[],"c":"s","d":true,"e":null,"f":{},"g":0.0,"h":0}"#;
    assert_eq!(after(document, wipe("$.*")), cleared);
    assert_eq!(after(r#"{"a":[1,{"b":2}],"c":5}"#, wipe("$..*")), r#"2 {"a":[],"c":0}"#);
}

#[test]
fn array_commands_treat_indexes_as_redis_json_does() {
    let ab = [Value::string("a"), Value::string("b")];
    let inserted = |index| after("[1,2]", |value| insert(value, &path("$"), index, &ab));
    assert_eq!(inserted(0), r#"[Some(4)] ["a","b",1,2]"#);
    assert_eq!(inserted(2), r#"[Some(4)] [1,2,"a","b"]"#);
    assert_eq!(inserted(-1), r#"[Some(4)] [1,"a","b",2]"#);
    for index in [3, -3, i64::MIN, i64::MAX] {
        assert_eq!(inserted(index), "ERR index out of bounds [1,2]");
    }
    let popped = |index| after("[1,2,3]", |value| pop(value, &path("$"), index));
    for (index, expected) in [(0, 1), (1, 2), (-1, 3), (-2, 2), (5, 3), (-5, 1), (i64::MIN, 1)] {
        assert!(popped(index).starts_with(&format!("[Some({expected})]")), "{index}");
    }
    assert_eq!(after("[]", |value| pop(value, &path("$"), -1)), "[None] []");
    let trimmed = |start, stop| after("[1,2,3]", |value| trim(value, &path("$"), start, stop));
    for ((start, stop), expected) in [
        ((0, 0), "[1]"),
        ((1, 2), "[2,3]"),
        ((-2, -1), "[2,3]"),
        ((5, 9), "[]"),
        ((2, 1), "[]"),
        ((-9, 1), "[1,2]"),
        ((0, 99), "[1,2,3]"),
        ((-1, -9), "[]"),
        ((-99, -99), "[1]"),
    ] {
        assert!(trimmed(start, stop).ends_with(&format!("] {expected}")), "{start} {stop}");
    }
    let nested = after("[[1],[2,[3]]]", |value| append(value, &path("$..*"), &[Value::int(9)]));
    assert_eq!(nested, "[Some(2), Some(3), None, None, Some(2), None] [[1,9],[2,[3,9],9]]");
    let nested = after("[[1],[2,[3]]]", |value| insert(value, &path("$..*"), 0, &[Value::int(9)]));
    assert_eq!(nested, "[Some(2), Some(3), None, None, Some(2), None] [[9,1],[9,2,[9,3]]]");
}

#[test]
fn index_of_rounds_its_bounds() {
    let array = doc(r#"[1,2,3,4]"#);
    let Ref::Array(items) = array.view() else { panic!("an array") };
    let find = |wanted: i64, start, stop| index_of(items, Ref::Int(wanted), start, stop);
    for (wanted, start, stop, expected) in [
        (4, 0, -1, None),
        (3, 0, -1, Some(2)),
        (4, 0, 0, Some(3)),
        (4, 0, 99, Some(3)),
        (4, 0, 3, None),
        (4, 4, 0, Some(3)),
        (4, 3, 3, None),
        (1, -4, 1, Some(0)),
        (1, -5, -99, None),
        (1, 0, -3, Some(0)),
        (2, 0, -3, None),
        (1, i64::MIN, i64::MAX, Some(0)),
    ] {
        assert_eq!(find(wanted, start, stop), expected, "{wanted} {start} {stop}");
    }
    assert_eq!(index_of(items, Ref::Float(1.0), 0, 0), None);
    assert_eq!(index_of(Items::Values(&[]), Ref::Null, 0, 0), None);
}

#[test]
fn merge_patches_as_rfc_7396_says() {
    let cases = [
        ("$", r#"{"a":null}"#, r#"true {"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.a", r#"{"b":null,"c":5}"#, r#"true {"a":{"c":5},"arr":[1,{"x":1}],"s":"str"}"#),
        ("$.a", "null", r#"true {"a":null,"arr":[1,{"x":1}],"s":"str"}"#),
        (
            "$.new",
            r#"{"q":null}"#,
            r#"true {"a":{"b":1},"arr":[1,{"x":1}],"s":"str","new":{"q":null}}"#,
        ),
        ("$.*", r#"{"m":1}"#, r#"true {"a":{"b":1,"m":1},"arr":{"m":1},"s":{"m":1}}"#),
        (
            "$",
            r#"{"a":{"b":{"c":{"d":null,"e":1}}}}"#,
            r#"true {"a":{"b":{"c":{"e":1}}},"arr":[1,{"x":1}],"s":"str"}"#,
        ),
        ("$.x.y", "1", r#"false {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#),
        (
            "$.arr[9]",
            "1",
            r#"ERR array index out of range {"a":{"b":1},"arr":[1,{"x":1}],"s":"str"}"#,
        ),
    ];
    for (at, patch, expected) in cases {
        assert_eq!(
            after(DOC, |value| merge(value, &path(at), doc(patch))),
            expected,
            "{at} {patch}"
        );
    }
    let nested = after(r#"{"a":{"a":{"x":1}}}"#, |v| merge(v, &path("$..a"), doc(r#"{"y":2}"#)));
    assert_eq!(nested, r#"true {"a":{"a":{"x":1,"y":2},"y":2}}"#);
}

#[test]
fn documents_never_get_deeper_than_the_limit() {
    let deepest = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let bottom = format!("${}", "[0]".repeat(MAX_DEPTH));
    let mut value = doc(&deepest);
    let always = SetMode::Always;
    assert_eq!(set(&mut value, &path(&bottom), doc("[]"), always), Err(OpError::TooDeep));
    assert_eq!(set(&mut value, &path(&bottom), doc("2"), always), Ok(true));
    assert_eq!(merge(&mut value, &path(&bottom), doc("{}")), Err(OpError::TooDeep));
    let above = format!("${}", "[0]".repeat(MAX_DEPTH - 1));
    assert_eq!(append(&mut value, &path(&above), &[doc("[]")]), Err(OpError::TooDeep));
    assert_eq!(append(&mut value, &path(&above), &[doc("1")]), Ok(vec![Some(2)]));
    assert_eq!(insert(&mut value, &path(&above), 0, &[doc("{}")]), Err(OpError::TooDeep));
    let mut value = doc("{}");
    let mut at = String::from("$");
    let depth = (0..).take_while(|_| {
        at.push_str(".a");
        set(&mut value, &path(&at), doc("{}"), always) == Ok(true)
    });
    assert_eq!(depth.count(), MAX_DEPTH - 1);
    assert_eq!(value.view().depth(), MAX_DEPTH);
}

/// RFC 7396's own pseudo code.
fn model_merge(target: &mut Model, patch: &Model) {
    let Model::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::json!({});
    }
    let Model::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            model_merge(target.entry(key).or_insert(Model::Null), value);
        }
    }
}

/// A random existing place: follows `picks` down as far as there are children.
fn place(model: &Model, picks: &[usize]) -> (String, String) {
    let (mut node, mut path, mut pointer) = (model, String::from("$"), String::new());
    for pick in picks {
        let (segment, token, child) = match node {
            Model::Array(items) if !items.is_empty() => {
                let at = pick % items.len();
                (format!("[{at}]"), at.to_string(), &items[at])
            }
            Model::Object(map) if !map.is_empty() => {
                let Some((key, child)) = map.iter().nth(pick % map.len()) else { break };
                let token = key.replace('~', "~0").replace('/', "~1");
                (format!("[{}]", Model::from(key.as_str())), token, child)
            }
            _ => break,
        };
        path.push_str(&segment);
        pointer.push('/');
        pointer.push_str(&token);
        node = child;
    }
    (path, pointer)
}

/// Changes model and document alike.
fn change(kind: u8, target: &mut Model, document: &mut Value, at: &Path, item: &Model) {
    let new = doc(&item.to_string());
    match (kind, target) {
        (0, target) => {
            *target = item.clone();
            assert_eq!(set(document, at, new, SetMode::Always), Ok(true));
        }
        (1, target) => {
            model_merge(target, item);
            assert_eq!(merge(document, at, new), Ok(true));
        }
        (2, Model::Array(items)) => {
            items.extend([item.clone(), 1.into()]);
            let lengths = append(document, at, &[new, Value::int(1)]);
            assert_eq!(lengths, Ok(vec![Some(items.len())]));
        }
        (3, Model::Array(items)) => {
            let expected = (!items.is_empty()).then(|| items.remove(0));
            let popped = pop(document, at, 0).unwrap_or_default();
            assert_eq!(popped[0].as_ref().map(|value| model(value.view())), expected);
        }
        (4, Model::Array(items)) => {
            items.splice(0..0, [item.clone()]);
            assert_eq!(insert(document, at, 0, &[new]), Ok(vec![Some(items.len())]));
        }
        (5, Model::String(string)) => {
            string.push_str("tail");
            assert_eq!(append_string(document, at, "tail"), Ok(vec![Some(string.len())]));
        }
        (6, target) => {
            let emptied = match target {
                Model::Array(items) => !std::mem::take(items).is_empty(),
                Model::Object(map) => !std::mem::take(map).is_empty(),
                Model::Number(number) if number.as_f64() != Some(0.0) => {
                    *target = 0.into();
                    true
                }
                _ => false,
            };
            assert_eq!(clear(document, at), Ok(usize::from(emptied)));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_changes_equal_the_models(
        start in documents(),
        steps in prop::collection::vec(
            (0..7u8, prop::collection::vec(0..10usize, 0..4), documents()), 1..12),
    ) {
        let mut expected = start;
        let mut value = doc(&expected.to_string());
        for (kind, picks, item) in steps {
            let (at, pointer) = place(&expected, &picks);
            if let Some(target) = expected.pointer_mut(&pointer) {
                change(kind, target, &mut value, &path(&at), &item);
            }
            prop_assert_eq!(text(&value), text(&doc(&expected.to_string())));
        }
    }

    #[test]
    fn deleting_equals_filtering(start in documents(), key in "[a-d]") {
        let mut expected = start;
        let mut value = doc(&expected.to_string());
        let removed = delete(&mut value, &path(&format!("$..{key}")));
        let counted = remove_key(&mut expected, &key);
        prop_assert_eq!(removed, Ok(Deleted::Nodes(counted)));
        prop_assert_eq!(model(value.view()), expected);
    }
}

fn remove_key(value: &mut Model, key: &str) -> usize {
    match value {
        Model::Array(items) => items.iter_mut().map(|item| remove_key(item, key)).sum(),
        Model::Object(map) => {
            let removed = usize::from(map.shift_remove(key).is_some());
            removed + map.values_mut().map(|item| remove_key(item, key)).sum::<usize>()
        }
        _ => 0,
    }
}
