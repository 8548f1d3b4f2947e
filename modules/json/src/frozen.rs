//! A document as it stood at one moment, saved a bit at a time.
//!
//! The file has the length of the text in front of it, so the text is made twice: first to be
//! measured, then to be written.

use cairn_core::rdb::{Writer, kind};
use cairn_core::value::{Frozen, Object};

use crate::document::{Document, NAME};
use crate::print::Sliced;
use crate::rdb::ENCODING;
use crate::tree::{Remains, View};

/// Bytes of text from which on a bit ends.
const SLICE: usize = if cfg!(test) { 40 } else { 64 * 1024 };

/// How far a document has come.
#[derive(Clone, Copy)]
enum Stage {
    /// Its text is being measured; so long it is by now, as it is and compressed.
    Measuring(usize, usize),
    /// It is being written, compressed or not.
    Writing(bool),
}

struct FrozenDocument {
    document: Document,
    /// What is left of an earlier one, to be dropped where nobody waits.
    _remains: Option<Remains>,
    text: Sliced,
    stage: Stage,
}

/// A document to be saved a bit at a time.
pub fn freeze(document: Document, remains: Option<Remains>) -> Box<dyn Frozen> {
    let (text, stage) = (Sliced::default(), Stage::Measuring(0, 0));
    Box::new(FrozenDocument { document, _remains: remains, text, stage })
}

impl Frozen for FrozenDocument {
    fn object(&self) -> &dyn Object {
        &self.document
    }

    fn rdb_kind(&self, _: u16) -> u8 {
        kind::MODULE
    }

    fn save_next(&mut self, out: &mut Writer) -> bool {
        let mut text = Vec::new();
        let more = self.text.next(self.document.root().view(), SLICE, &mut text);
        match self.stage {
            Stage::Measuring(mut len, mut compressed) => {
                len += text.len();
                if out.compresses() {
                    let mut part = Writer::new(out.version(), true);
                    part.string_part(&text, true);
                    compressed += part.as_bytes().len();
                }
                self.stage = Stage::Measuring(len, compressed);
                if !more {
                    self.begin(len, Some(compressed).filter(|c| (1..len).contains(c)), out);
                }
                true
            }
            Stage::Writing(compressed) => {
                out.string_part(&text, compressed);
                if !more {
                    out.module_end();
                }
                more
            }
        }
    }
}

impl FrozenDocument {
    /// Writes what comes before the text.
    fn begin(&mut self, len: usize, compressed: Option<usize>, out: &mut Writer) {
        out.module_id(NAME, ENCODING);
        out.module_string_head(len, compressed);
        self.stage = Stage::Writing(compressed.is_some());
        self.text = Sliced::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{self, SetMode};
    use crate::path::Path;
    use crate::testing::{doc, documents, text};
    use crate::tree::{Keys, ShapeRef, Value};
    use cairn_core::rdb::Reader;
    use proptest::prelude::*;
    use std::any::Any;

    const PATHS: [&str; 12] = [
        "$.frozen_test",
        "$.frozen_test[0]",
        "$.frozen_test.a",
        "$.frozen_test[*]",
        "$.frozen_test.*",
        "$..a",
        "$..b",
        "$..[0]",
        "$..[-1]",
        "$.frozen_test[1:3]",
        "$.frozen_test..c",
        "$.frozen_test[0][0]",
    ];

    #[derive(Clone, Debug)]
    enum Step {
        /// An operation of [`operate`] at one of [`PATHS`].
        Change(u8, usize, serde_json::Value),
        /// So many bits are saved.
        Save(u8),
        /// Another snapshot begins once this one is over.
        Finish,
    }

    fn step() -> impl Strategy<Value = Step> {
        let change = (0..8u8, 0..PATHS.len(), documents());
        prop_oneof![
            4 => change.prop_map(|(what, path, value)| Step::Change(what, path, value)),
            2 => (1..5u8).prop_map(Step::Save),
            1 => Just(Step::Finish),
        ]
    }

    fn operate(root: &mut Value, what: u8, path: &str, value: &Value) {
        let path = &Path::parse(path).unwrap();
        let _ = match what {
            0 => ops::set(root, path, value.clone(), SetMode::Always).is_ok(),
            1 => ops::delete(root, path).is_ok(),
            2 => ops::append(root, path, std::slice::from_ref(value)).is_ok(),
            3 => ops::insert(root, path, 0, std::slice::from_ref(value)).is_ok(),
            4 => ops::pop(root, path, 1).is_ok(),
            5 => ops::merge(root, path, value.clone()).is_ok(),
            6 => ops::append_string(root, path, "more").is_ok(),
            _ => ops::toggle(root, path).is_ok(),
        };
    }

    /// The text that was saved.
    fn loaded(out: &Writer) -> Vec<u8> {
        let mut input = Reader::new(out.as_bytes(), 0);
        input.module_id().unwrap();
        let text = input.module_string().unwrap();
        input.module_end().unwrap();
        assert!(input.rest().is_empty());
        text
    }

    /// Ends a snapshot and returns what it saved.
    fn finish(frozen: Box<dyn Frozen>, out: &mut Writer, mut more: bool) -> Vec<u8> {
        let mut frozen = frozen;
        while more {
            more = frozen.save_next(out);
        }
        loaded(out)
    }

    fn thaw(document: &mut Document) -> Option<Box<dyn Any + Send>> {
        document.thaw()
    }

    proptest! {
        #[test]
        fn a_frozen_document_is_saved_as_it_was(
            model in documents(),
            steps in prop::collection::vec(step(), 0..30),
            compress: bool,
            thaws: bool,
        ) {
            let start = doc(&format!("{{\"frozen_test\":{model}}}"));
            let mut document = Document::new(start.clone());
            let mut control = start;
            let writer = || Writer::new(11, compress);
            let (mut out, mut more, mut before) = (writer(), true, text(&control));
            let mut frozen = document.freeze(0);
            prop_assert!(frozen.is_some());
            for step in steps {
                match step {
                    Step::Change(what, path, value) => {
                        let value = doc(&value.to_string());
                        operate(&mut control, what, PATHS[path], &value);
                        operate(document.root_mut(), what, PATHS[path], &value);
                        prop_assert_eq!(text(document.root()), text(&control));
                    }
                    Step::Save(count) => {
                        for _ in 0..count {
                            more = more && frozen.as_mut().unwrap().save_next(&mut out);
                        }
                    }
                    Step::Finish => {
                        prop_assert!(document.freeze(0).is_none(), "the first is in use");
                        let saved = finish(frozen.take().unwrap(), &mut out, more);
                        prop_assert!(saved == before.as_bytes());
                        if thaws {
                            prop_assert!(thaw(&mut document).is_some());
                            prop_assert_eq!(text(document.root()), text(&control));
                        }
                        (out, more, before) = (writer(), true, text(&control));
                        frozen = document.freeze(0);
                    }
                }
            }
            let kept = document.duplicate();
            drop(document);
            prop_assert_eq!(kept.downcast_ref::<Document>().map(|d| text(d.root())), Some(text(&control)));
            prop_assert!(finish(frozen.unwrap(), &mut out, more) == before.as_bytes());
        }
    }

    #[test]
    fn nothing_is_left_of_trees_that_shared() {
        let keys = || Keys { text: "frozen_leak", ends: &[11] };
        let many = (0..50).map(|n| format!("{{\"frozen_leak\":[{n},\"a longer text {n}\"]}}"));
        let mut document = Document::new(doc(&format!("[{}]", many.collect::<Vec<_>>().join(","))));
        for end in 0..4 {
            let frozen = document.freeze(0);
            for at in 0..10 {
                let path = format!("$[{at}].frozen_leak[1]");
                operate(document.root_mut(), 0, &path, &doc("\"another longer text\""));
            }
            operate(document.root_mut(), 1, "$[20]", &Value::NULL);
            assert!(thaw(&mut document).is_none() && ShapeRef::find(keys()).is_some());
            drop(frozen);
            // The last one is dropped with what it shares.
            if end < 3 {
                assert!(thaw(&mut document).is_some());
            }
        }
        drop(document);
        assert!(ShapeRef::find(keys()).is_none());
    }

    #[test]
    fn small_documents_are_not_frozen() {
        let mut document = Document::new(doc("{\"a\":[1,2,3]}"));
        assert!(document.freeze(1).is_none());
        let text = "x".repeat(5000);
        assert!(Document::new(doc(&format!("{{\"a\":[\"{text}\"]}}"))).freeze(1).is_some());
        let numbers = "7,".repeat(3000);
        assert!(Document::new(doc(&format!("[{numbers}7]"))).freeze(1).is_some());
        let nested = "{\"a\":null},".repeat(600);
        assert!(Document::new(doc(&format!("[{nested}7]"))).freeze(1).is_some());
    }
}
