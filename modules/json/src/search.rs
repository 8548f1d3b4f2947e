//! How search indexes read documents: paths parsed once, values spelled out.

use cairn_core::module::{DocumentPath, Documents, Scalar};
use cairn_core::value::Object;

use crate::document::Document;
use crate::path::Path;
use crate::print;
use crate::tree::{Ref, View};

/// Reads this module's documents.
pub(crate) struct Reader;

impl Documents for Reader {
    fn is_document(&self, value: &dyn Object) -> bool {
        value.downcast_ref::<Document>().is_some()
    }

    fn path(&self, text: &str) -> Result<Box<dyn DocumentPath>, String> {
        match Path::parse(text) {
            Ok(path) => Ok(Box::new(Followed(path))),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A path, to be followed.
struct Followed(Path);

impl DocumentPath for Followed {
    fn select(&self, document: &dyn Object, f: &mut dyn FnMut(Scalar<'_>)) {
        let Some(document) = document.downcast_ref::<Document>() else { return };
        // A path that matches too much of a document selects nothing of it.
        let found = self.0.select(document.root().view()).unwrap_or_default();
        found.into_iter().for_each(|node| spell(node, f));
    }

    fn text(&self, document: &dyn Object) -> Option<Vec<u8>> {
        let document: &Document = document.downcast_ref()?;
        let text = match self.0.first(document.root().view()).ok()?? {
            Ref::Null => return None,
            Ref::Bool(bool) => u8::from(bool).to_string(),
            Ref::UInt(int) => general(int as f64),
            Ref::Float(float) => general(float),
            Ref::Str(text) => text.to_owned(),
            node => print::to_string(node),
        };
        Some(text.into_bytes())
    }
}

/// Significant digits of numbers that are not integers.
const DIGITS: i32 = 12;

/// A number as C's `%.12g` writes it, which is how search results show what is not an integer.
fn general(number: f64) -> String {
    // The exponent after rounding decides between the two notations.
    let scientific = format!("{number:.*e}", (DIGITS - 1) as usize);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let fixed = format!("{number:.*}", (DIGITS - 1 - exponent) as usize);
        let text = trimmed(&fixed);
        return if text == "-0" { "0".into() } else { text.into() };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

/// Without the zeros at the end of a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn spell(node: Ref<'_>, f: &mut dyn FnMut(Scalar<'_>)) {
    match node {
        Ref::Null => f(Scalar::Null),
        Ref::Bool(bool) => f(Scalar::Bool(bool)),
        Ref::Int(int) => f(Scalar::Int(int)),
        Ref::UInt(int) => f(Scalar::Float(int as f64)),
        Ref::Float(float) => f(Scalar::Float(float)),
        Ref::Str(text) => f(Scalar::Text(text)),
        Ref::Array(_) | Ref::Object(_) => {
            f(if matches!(node, Ref::Array(_)) { Scalar::Array } else { Scalar::Object });
            node.children().for_each(|child| spell(child, f));
            f(Scalar::End);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::doc;

    fn document() -> Document {
        let text = r#"{"t":"say \"hi\"","n":1.0,"i":9007199254740993,"g":["x",[true,null]],
            "o":{"a":{"b":2.5}},"null":null,"yes":true,"small":1e-7,"big":18446744073709551615}"#;
        Document::new(doc(text))
    }

    fn path(text: &str) -> Box<dyn DocumentPath> {
        Reader.path(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn shown(text: &str) -> Option<String> {
        path(text).text(&document()).map(|t| String::from_utf8_lossy(&t).into_owned())
    }

    #[test]
    fn the_first_match_is_shown_without_quotes() {
        let cases = [
            ("$.t", "say \"hi\""),
            ("$.n", "1"),
            ("$.i", "9007199254740993"),
            ("$.g", r#"["x",[true,null]]"#),
            ("$.g[*]", "x"),
            ("$.o", r#"{"a":{"b":2.5}}"#),
            ("$.yes", "1"),
            ("$.small", "1e-07"),
            ("$.big", "1.84467440737e+19"),
            ("$..b", "2.5"),
        ];
        for (path, expected) in cases {
            assert_eq!(shown(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(shown("$.null"), None);
        assert_eq!(shown("$.absent"), None);
        assert!(shown("$").is_some_and(|text| text.starts_with(r#"{"t":"say \"hi\"","n":1.0"#)));
    }

    #[test]
    fn numbers_look_as_in_c() {
        let cases = [
            (0.1 + 0.2, "0.3"),
            (1e20, "1e+20"),
            (123_456_789_012.0, "123456789012"),
            (999_999_999_999.9, "1e+12"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (-0.0, "0"),
            (1e-300, "1e-300"),
        ];
        for (number, expected) in cases {
            assert_eq!(general(number), expected);
        }
    }

    #[test]
    fn arrays_and_objects_are_spelled_out() {
        let mut parts = Vec::new();
        path("$.g").select(&document(), &mut |part| parts.push(format!("{part:?}")));
        let expected = ["Array", "Text(\"x\")", "Array", "Bool(true)", "Null", "End", "End"];
        assert_eq!(parts, expected);
        parts.clear();
        path("$.o.*").select(&document(), &mut |part| parts.push(format!("{part:?}")));
        assert_eq!(parts, ["Object", "Float(2.5)", "End"]);
        assert!(Reader.path("$[").is_err());
        assert!(Reader.is_document(&document()));
    }
}
