//! The engine against Tantivy: the same documents, the same hits and the same BM25 scores.
//!
//! The documents of a case are equally long, since what BM25 makes of lengths is not the same:
//! RediSearch's `b` is 0.5, Tantivy's 0.75.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{
    Field as Column, INDEXED, IndexRecordOption, STORED, Schema as Columns, TEXT, Value,
};
use tantivy::{IndexReader, TantivyDocument, Term, doc};

use crate::index::{FieldValue, Index};
use crate::query::{Node, NodeKind};
use crate::schema::{Field, FieldKind, Schema, TextOptions};
use crate::score::Scorer;
use crate::search::SearchOptions;

/// More documents than any test makes.
const ALL: usize = 10_000;

/// Scores differ by rounding: Tantivy's are 32 bits wide.
const TOLERANCE: f64 = 1e-4;

/// What is asked of both.
#[derive(Debug, Clone)]
enum Question {
    Term(u8),
    And(Vec<u8>),
    Or(Vec<u8>),
    Phrase(u8, u8),
}

/// Strange enough not to be stemmed and not to be a stop word.
fn word(n: u8) -> String {
    format!("w{n}")
}

struct Oracle {
    reader: IndexReader,
    text: Column,
    key: Column,
}

impl Oracle {
    fn new(docs: &[Vec<u8>]) -> tantivy::Result<Self> {
        let mut columns = Columns::builder();
        let text = columns.add_text_field("text", TEXT);
        let key = columns.add_u64_field("key", STORED | INDEXED);
        let index = tantivy::Index::create_in_ram(columns.build());
        let mut writer = index.writer_with_num_threads(1, 20_000_000)?;
        for (n, words) in docs.iter().enumerate() {
            writer.add_document(doc!(text => joined(words), key => n as u64))?;
        }
        writer.commit()?;
        Ok(Self { reader: index.reader()?, text, key })
    }

    fn term(&self, n: u8) -> Box<dyn Query> {
        let term = Term::from_field_text(self.text, &word(n));
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    }

    fn query(&self, question: &Question) -> Box<dyn Query> {
        let all = |words: &[u8], occur| {
            let clauses = words.iter().map(|&n| (occur, self.term(n))).collect::<Vec<_>>();
            Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>
        };
        match question {
            Question::Term(n) => self.term(*n),
            Question::And(words) => all(words, Occur::Must),
            Question::Or(words) => all(words, Occur::Should),
            Question::Phrase(a, b) => {
                let terms = [a, b].map(|n| Term::from_field_text(self.text, &word(*n)));
                Box::new(PhraseQuery::new(terms.to_vec()))
            }
        }
    }

    /// The hits with their scores.
    fn answer(&self, question: &Question) -> tantivy::Result<BTreeMap<u64, f64>> {
        let searcher = self.reader.searcher();
        let hits =
            searcher.search(&*self.query(question), &TopDocs::with_limit(ALL).order_by_score())?;
        let found = hits.into_iter().map(|(score, address)| {
            let stored: TantivyDocument = searcher.doc(address)?;
            let key = stored.get_first(self.key).and_then(|v| v.as_u64()).unwrap_or(u64::MAX);
            Ok((key, f64::from(score)))
        });
        found.collect()
    }
}

fn joined(words: &[u8]) -> String {
    words.iter().map(|&n| word(n)).collect::<Vec<_>>().join(" ")
}

fn ours(docs: &[Vec<u8>]) -> Index {
    let field = Field::new("text", FieldKind::Text(TextOptions::default()));
    let index = Index::new(Schema::new(vec![field]).unwrap());
    for (n, words) in docs.iter().enumerate() {
        let text = joined(words);
        let fields = [(0, FieldValue::Bytes(text.as_bytes()))];
        index.upsert(&(n as u64).to_be_bytes(), fields, 1.0).unwrap();
    }
    index
}

fn node(question: &Question) -> Node {
    let term = |n: &u8| Node::new(NodeKind::Term { word: word(*n), expand: false });
    Node::new(match question {
        Question::Term(n) => return term(n),
        Question::And(words) => NodeKind::And(words.iter().map(term).collect()),
        Question::Or(words) => NodeKind::Or(words.iter().map(term).collect()),
        Question::Phrase(a, b) => NodeKind::Phrase(vec![word(*a), word(*b)]),
    })
}

fn answer(index: &Index, question: &Question) -> BTreeMap<u64, f64> {
    let options = SearchOptions {
        limit: ALL,
        scorer: Scorer::Bm25Std,
        with_scores: true,
        ..SearchOptions::default()
    };
    let result = index.search(&node(question), &options);
    assert_eq!(result.total, result.hits.len() as u64);
    let key = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    result.hits.iter().map(|hit| (key(&hit.key), hit.score)).collect()
}

fn documents(len: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(0u8..12, len), 1..400)
}

fn question() -> impl Strategy<Value = Question> {
    let different = |max| prop::collection::btree_set(0u8..12, 2..max);
    prop_oneof![
        (0u8..13).prop_map(Question::Term),
        different(4).prop_map(|words| Question::And(words.into_iter().collect())),
        different(5).prop_map(|words| Question::Or(words.into_iter().collect())),
        (0u8..12, 1u8..12).prop_map(|(a, step)| Question::Phrase(a, (a + step) % 12)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tantivy_finds_and_scores_the_same(
        docs in (1usize..30).prop_flat_map(documents),
        questions in prop::collection::vec(question(), 12),
    ) {
        let (index, oracle) = (ours(&docs), Oracle::new(&docs).unwrap());
        for question in &questions {
            let (got, want) = (answer(&index, question), oracle.answer(question).unwrap());
            prop_assert_eq!(
                got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{:?}", question
            );
            // RediSearch scores a phrase by its words, Tantivy as one rare word.
            if matches!(question, Question::Phrase(..)) {
                continue;
            }
            for (key, score) in &got {
                let other = want[key];
                let near = (score - other).abs() <= TOLERANCE * other.abs().max(1.0);
                prop_assert!(near, "{question:?}: document {key}: {score}, not {other}");
            }
        }
    }
}
