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

fn index(docs: &[Counts], scored: bool) -> Index {
    let text = || FieldKind::Text(TextOptions { no_stem: true, ..TextOptions::default() });
    let fields = vec![Field::new("t", text()), Field::new("u", text())];
    let index = Index::new(Schema::new(fields).unwrap());
    for (n, &(a, b, c, filler, first)) in docs.iter().enumerate() {
        let third = "xc ".repeat(c.into());
        let body = format!(
            "{}{}{}{}{}",
            if first { &third } else { "" },
            "xa xb ".repeat(a.min(b).into()),
            "xa ".repeat(a.saturating_sub(b).into()),
            "filler ".repeat(filler.into()),
            if first { "" } else { &third },
        );
        let other = "xb xc".repeat(usize::from(n % 7 == 0));
        let values = [(0, body.as_bytes()), (1, other.as_bytes())];
        let fields = values.map(|(id, value)| (id, FieldValue::Bytes(value)));
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
}
