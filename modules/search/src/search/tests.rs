//! The first page of a search, for which most documents are passed over, against the whole
//! ranking, for which none is.

use crate::index::{FieldValue, Index};
use crate::query::{ParseOptions, parse};
use crate::schema::{Field, FieldKind, Schema, TextOptions};
use crate::score::Scorer;
use crate::search::{SearchOptions, SearchResult};
use proptest::prelude::*;

/// How often a document has each of three words and a filler, and where the third stands.
type Counts = (u8, u8, u8, u8, bool);

const QUERIES: [&str; 12] = [
    "xa",
    "xb",
    "@t:xc",
    "xa xb",
    "xa xb xc",
    "xa|xc",
    "xa -xc",
    "xa ~xb",
    "\"xa xb\"",
    "\"xb xc\"",
    "(xa xb)=>{$slop: 2; $inorder: true}",
    "xa=>{$weight: 0.3} xb",
];

/// The texts of a document.
fn texts(n: usize, &(a, b, c, filler, first): &Counts) -> [String; 2] {
    let third = "xc ".repeat(c.into());
    let body = format!(
        "{}{}{}{}{}",
        if first { &third } else { "" },
        "xa xb ".repeat(a.min(b).into()),
        "xa ".repeat(a.saturating_sub(b).into()),
        "filler ".repeat(filler.into()),
        if first { "" } else { &third },
    );
    [body, "xb xc".repeat(usize::from(n.is_multiple_of(7)))]
}

fn index(docs: &[Counts], scored: bool) -> Index {
    let text = || FieldKind::Text(TextOptions { no_stem: true, ..TextOptions::default() });
    let fields = vec![Field::new("t", text()), Field::new("u", text())];
    let index = Index::new(Schema::new(fields).unwrap());
    for (n, doc) in docs.iter().enumerate() {
        let texts = texts(n, doc);
        let fields = (0..).zip(texts.iter().map(|text| FieldValue::Bytes(text.as_bytes())));
        let filler = doc.3;
        let score = if scored { f32::from(filler % 3) / 3.0 } else { 1.0 };
        index.upsert(&(n as u32).to_be_bytes(), fields, score).unwrap();
    }
    index
}

fn search(index: &Index, query: &str, scorer: Scorer, limit: usize) -> SearchResult {
    let query = parse(query, &ParseOptions::new(index.schema())).unwrap();
    let options = SearchOptions { limit, scorer, with_scores: true, ..SearchOptions::default() };
    index.search(&query, &options)
}

fn agree(index: &Index, limit: usize) -> Result<(), TestCaseError> {
    for query in QUERIES {
        for scorer in [Scorer::TfIdf, Scorer::TfIdfDocNorm, Scorer::Bm25Std, Scorer::Bm25] {
            let mut whole = search(index, query, scorer, usize::MAX);
            let page = search(index, query, scorer, limit);
            whole.hits.truncate(limit);
            prop_assert_eq!(page, whole, "{} {:?}", query, scorer);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_page_is_the_head_of_the_ranking(
        docs in prop::collection::vec((0u8..5, 0u8..4, 0u8..3, 0u8..6, any::<bool>()), 1..1200),
        dead in 2usize..200,
        limit in 1usize..25,
        scored in any::<bool>(),
    ) {
        let index = index(&docs, scored);
        agree(&index, limit)?;
        for n in (0..docs.len()).step_by(dead) {
            index.remove(&(n as u32).to_be_bytes());
        }
        agree(&index, limit)?;
        while index.collect(16) {}
        agree(&index, limit)?;
    }

    #[test]
    fn phrases_are_found_where_they_stand(
        docs in prop::collection::vec((0u8..3, 0u8..3, 0u8..3, 0u8..2, any::<bool>()), 1..1200),
        removed in 2usize..9,
    ) {
        let index = index(&docs, false);
        for n in (0..docs.len()).step_by(removed) {
            index.remove(&(n as u32).to_be_bytes());
        }
        for phrase in ["xa xb", "xb xa", "xb xc", "xa xb xc", "xb xa filler"] {
            let has = |(n, doc): &(usize, &Counts)| {
                let text = texts(*n, doc).join(" ");
                let words: Vec<&str> = text.split_whitespace().collect();
                let phrase: Vec<&str> = phrase.split(' ').collect();
                !n.is_multiple_of(removed) && words.windows(phrase.len()).any(|w| w == phrase)
            };
            let expected = docs.iter().enumerate().filter(has).count() as u64;
            let found = search(&index, &format!("\"{phrase}\""), Scorer::TfIdf, 3).total;
            prop_assert_eq!(found, expected, "{}", phrase);
        }
    }
}
