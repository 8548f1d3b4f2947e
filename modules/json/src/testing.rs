//! Documents for the tests: arbitrary ones as serde_json values, which are the naive model.

use crate::tree::{Ref, Value, View};
use proptest::prelude::*;
use serde_json::Value as Model;

/// Parses a document that is known to be good.
pub fn doc(text: &str) -> Value {
    crate::parse::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Compact text of a value.
pub fn text(value: &Value) -> String {
    crate::print::to_string(value.view())
}

/// The model of a node.
pub fn model(node: Ref<'_>) -> Model {
    match node {
        Ref::Null => Model::Null,
        Ref::Bool(bool) => bool.into(),
        Ref::Int(int) => int.into(),
        Ref::UInt(int) => int.into(),
        Ref::Float(float) => float.into(),
        Ref::Str(text) => text.into(),
        Ref::Array(items) => items.iter().map(model).collect::<Vec<_>>().into(),
        Ref::Object(object) => {
            Model::Object(object.iter().map(|(k, v)| (k.into(), model(v.view()))).collect())
        }
    }
}

/// Numbers around all borders of the encodings.
fn number() -> impl Strategy<Value = Model> {
    let border = (0..64u32, -2..=2i64).prop_map(|(bit, off)| (1i64 << bit).wrapping_add(off));
    prop_oneof![
        (-300..300i64).prop_map(Model::from),
        border.prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        any::<u64>().prop_map(Model::from),
        any::<f64>().prop_map(Model::from),
        (any::<i32>(), 0..12).prop_map(|(m, e)| (f64::from(m) / 10f64.powi(e)).into()),
        Just(Model::from(-0.0)),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", "[a-c]{1,12}", "\\PC{0,10}"]
}

fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::from),
        number(),
        "\\PC{0,12}".prop_map(Model::from),
        ".{0,3}".prop_map(Model::from),
        "[a-z]{200,300}".prop_map(Model::from),
    ]
}

/// Arbitrary documents.
pub fn documents() -> impl Strategy<Value = Model> {
    let packed = prop_oneof![
        prop::collection::vec(-200..200i64, 0..20).prop_map(Model::from),
        prop::collection::vec(number(), 0..8).prop_map(Model::from),
        prop::collection::vec(any::<f64>(), 0..8).prop_map(Model::from),
    ];
    prop_oneof![4 => scalar(), 1 => packed].prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Model::from),
            prop::collection::vec((key(), inner), 0..8)
                .prop_map(|members| Model::Object(members.into_iter().collect())),
            prop::collection::vec(("[a-z]{1,3}", scalar()), 60..75)
                .prop_map(|members| Model::Object(members.into_iter().collect())),
        ]
    })
}
