//! Documents in RDB files and DUMP payloads, as RedisJSON 2 stores them: the compact JSON text as a
//! string.
//!
//! The text goes through the same parser as that of JSON.SET, so the limits of nesting and sizes
//! are the same. The trees of RedisJSON 1 (encodings 0 to 2) are refused.

use cairn_core::rdb::{ModuleType, RdbError, Reader, Writer, kind};
use cairn_core::value::Object;

use crate::document::{Document, NAME};
use crate::parse::parse;
use crate::print;
use crate::tree::View;

/// The encoding that is read and written.
pub(crate) const ENCODING: u16 = 3;

/// The type of documents.
pub static TYPES: [ModuleType; 1] =
    [ModuleType { name: NAME, encoding: ENCODING, observed: false, load }];

/// Writes a document and returns its type byte.
pub(crate) fn save(document: &Document, out: &mut Writer) -> u8 {
    out.module_id(NAME, ENCODING);
    out.module_string(print::to_string(document.root().view()).as_bytes());
    out.module_end();
    kind::MODULE
}

fn load(input: &mut Reader<'_>, encoding: u16) -> Result<Box<dyn Object>, RdbError> {
    if encoding != ENCODING {
        return Err(RdbError::Unsupported(format!(
            "{NAME} in encoding {encoding} cannot be read, only in encoding {ENCODING}"
        )));
    }
    let text = input.module_string()?;
    let root = parse(&text).map_err(|e| input.corrupt(format!("JSON document: {e}")))?;
    Ok(Box::new(Document::new(root)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{doc, documents, text};
    use crate::tree::MAX_DEPTH;
    use proptest::prelude::*;

    /// What follows the type byte, up to the end mark.
    fn read(bytes: &[u8]) -> Result<Document, RdbError> {
        let mut input = Reader::new(bytes, 0);
        let (_, encoding) = input.module_id()?;
        let loaded = load(&mut input, encoding)?;
        input.module_end()?;
        assert!(input.rest().is_empty());
        let document = loaded.downcast_ref::<Document>().map(|d| Document::new(d.root().clone()));
        Ok(document.unwrap_or_default())
    }

    fn written(document: &Document) -> Vec<u8> {
        let mut out = Writer::new(11, false);
        assert_eq!(document.save(&mut out).ok(), Some(kind::MODULE));
        out.as_bytes().to_vec()
    }

    fn of_text(text: &[u8]) -> Vec<u8> {
        let mut out = Writer::new(11, false);
        out.module_id(NAME, ENCODING);
        out.module_string(text);
        out.module_end();
        out.as_bytes().to_vec()
    }

    fn unhex(hex: &str) -> Vec<u8> {
        let digits = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2));
        digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    }

    #[test]
    fn what_redis_stack_stores_is_read_and_written_alike() {
        let stored = [
            ("8145e25238df912c0305c0ff00", "-1"),
            ("8145e25238df912c030503312e3000", "1.0"),
            (
                "8145e25238df912c0305143138343436373434303733373039353531363135 00",
                "18446744073709551615",
            ),
            (
                "8145e25238df912c030515312e3834343637343430373337303935353265313900",
                "18446744073709551616",
            ),
            ("8145e25238df912c03050431652d3700", "1e-7"),
            ("8145e25238df912c0305042d302e3000", "-0.0"),
            ("8145e25238df912c0305025b5d00", "[]"),
            ("8145e25238df912c03050d7b227a223a312c2262223a327d00", r#"{"z":1,"b":2}"#),
            ("8145e25238df912c030508227fe280a82f2f2200", "\"\\u007f\\u2028/\\/\""),
        ];
        for (hex, json) in stored {
            let bytes = unhex(&hex.replace(' ', ""));
            let document = Document::new(doc(json));
            assert_eq!(read(&bytes).ok().as_ref(), Some(&document), "{json}");
            // The server also writes short integers as numbers, which a string of text is equal to.
            if bytes.get(10) != Some(&0xc0) {
                assert_eq!(written(&document), bytes, "{json}");
            }
        }
    }

    #[test]
    fn limits_are_those_of_commands() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = read(&of_text(nested(MAX_DEPTH).as_bytes()));
        assert_eq!(deepest.map(|d| d.root().view().depth()).ok(), Some(MAX_DEPTH));
        for bad in [&*nested(MAX_DEPTH + 1), "1e400", "", "[1", "NaN"] {
            assert!(read(&of_text(bad.as_bytes())).is_err(), "{bad}");
        }
        assert!(read(&of_text(b"\"\xff\"")).is_err());
    }

    #[test]
    fn other_encodings_are_named() {
        let error = load(&mut Reader::new(&[], 0), 1).err().map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("encoding 1 cannot be read")));
    }

    proptest! {
        #[test]
        fn documents_come_back(model in documents()) {
            let document = Document::new(doc(&model.to_string()));
            let back = read(&written(&document));
            prop_assert_eq!(back.map(|d| text(d.root())).ok(), Some(text(document.root())));
        }

        #[test]
        fn damage_is_an_error_or_a_document(
            model in documents(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = written(&Document::new(doc(&model.to_string())));
            let (from, end) = (10, bytes.len());
            let at = from + at.index(end - from);
            bytes[at] = byte;
            bytes.truncate(from + cut.index(end - from + 1));
            let mut input = Reader::new(&bytes[9..], 0);
            let _ = load(&mut input, ENCODING);
        }
    }
}
