//! The whole engine against a naive model: documents in a map, queries evaluated one document at a
//! time.

use crate::index::{FieldValue, Index};
use crate::number::{Number, Range};
use crate::query::{Node, NodeKind, TagMatch};
use crate::schema::{Field, FieldKind, Schema, TagOptions, TextOptions};
use crate::score::Scorer;
use crate::search::{SearchOptions, SortBy};
use proptest::prelude::*;
use std::collections::BTreeMap;

const FIELDS: [&str; 4] = ["t", "u", "tag", "n"];

#[derive(Debug, Clone)]
struct Doc {
    t: Vec<u8>,
    u: Vec<u8>,
    tags: Vec<u8>,
    n: i8,
}

/// Words are `a0`, `a1`, …: too short and strange to be stemmed.
fn word(n: u8) -> String {
    format!("{}{n}", char::from(b'b' + n % 3))
}

fn text(words: &[u8]) -> String {
    words.iter().map(|&w| word(w)).collect::<Vec<_>>().join(" ")
}

fn schema() -> Schema {
    let text = || FieldKind::Text(TextOptions::default());
    Schema::new(vec![
        Field::new(FIELDS[0], text()),
        Field::new(FIELDS[1], text()),
        Field::new(FIELDS[2], FieldKind::Tag(TagOptions::default())),
        Field::new(FIELDS[3], FieldKind::Numeric),
    ])
    .unwrap()
}

fn put(index: &Index, key: u16, doc: &Doc) {
    let (t, u, tags, n) = (text(&doc.t), text(&doc.u), tag_text(&doc.tags), doc.n.to_string());
    let values = [&t, &u, &tags, &n];
    let fields = (0..).zip(values.map(|v| FieldValue::Bytes(v.as_bytes())));
    index.upsert(&key.to_be_bytes(), fields, 1.0).unwrap();
}

fn tag_text(tags: &[u8]) -> String {
    tags.iter().map(|t| format!("T{t}")).collect::<Vec<_>>().join(" , ")
}

fn doc() -> impl Strategy<Value = Doc> {
    let words = || prop::collection::vec(0u8..12, 0..8);
    (words(), words(), prop::collection::vec(0u8..4, 0..3), -20i8..20)
        .prop_map(|(t, u, tags, n)| Doc { t, u, tags, n })
}

fn leaf() -> impl Strategy<Value = Node> {
    let term = (0u8..14, 1u128..4).prop_map(|(w, fields)| Node {
        fields,
        ..Node::new(NodeKind::Term { word: word(w), expand: true })
    });
    let phrase = prop::collection::vec(0u8..12, 2..4)
        .prop_map(|w| Node::new(NodeKind::Phrase(w.into_iter().map(word).collect())));
    let prefix =
        (0u8..3).prop_map(|c| Node::new(NodeKind::Prefix(format!("{}1", char::from(b'b' + c)))));
    let tag = prop::collection::vec(0u8..5, 1..3).prop_map(|tags| {
        let values = tags.into_iter().map(|t| TagMatch::Value(format!("t{t}"))).collect();
        Node::new(NodeKind::Tag(2, values))
    });
    let range = (-25i64..25, 0i64..20, any::<(bool, bool)>()).prop_map(|(min, span, ends)| {
        let closed = Range::closed(Number::from_i64(min), Number::from_i64(min + span));
        let range = Range { min_inclusive: ends.0, max_inclusive: ends.1, ..closed };
        Node::new(NodeKind::Numeric(3, range))
    });
    prop_oneof![4 => term, 1 => phrase, 1 => prefix, 2 => tag, 2 => range, 1 => Just(Node::new(NodeKind::All))]
}

fn query() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        let many = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            many().prop_map(|c| Node::new(NodeKind::And(c))),
            many().prop_map(|c| Node::new(NodeKind::Or(c))),
            inner.clone().prop_map(|c| Node::new(NodeKind::Not(Box::new(c)))),
            inner.clone().prop_map(|c| Node::new(NodeKind::Optional(Box::new(c)))),
        ]
    })
}

/// Whether a document matches, by the words of the definition.
fn matches(node: &Node, doc: &Doc) -> bool {
    let has = |w: &str, fields: u128| {
        (fields & 1 != 0 && doc.t.iter().any(|&x| word(x) == w))
            || (fields & 2 != 0 && doc.u.iter().any(|&x| word(x) == w))
    };
    match &node.kind {
        NodeKind::All | NodeKind::Optional(_) => true,
        NodeKind::Term { word, .. } => has(word, node.fields),
        NodeKind::Prefix(prefix) => {
            doc.t.iter().chain(&doc.u).any(|&w| word(w).starts_with(prefix))
        }
        NodeKind::Phrase(words) => phrase_matches(words, doc),
        NodeKind::And(children) => children.iter().all(|c| matches(c, doc)),
        NodeKind::Or(children) => children.iter().any(|c| matches(c, doc)),
        NodeKind::Not(child) => !matches(child, doc),
        NodeKind::Tag(_, values) => {
            values.iter().any(|v| doc.tags.iter().any(|t| *v == TagMatch::Value(format!("t{t}"))))
        }
        NodeKind::Numeric(_, range) => range.contains(Number::from_i64(doc.n.into())),
        _ => false,
    }
}

/// RediSearch's phrases: a word may repeat at one place, and the gaps of the others make up for it.
fn phrase_matches(words: &[String], doc: &Doc) -> bool {
    let all: Vec<String> = doc.t.iter().chain(&doc.u).map(|&w| word(w)).collect();
    let all = &all[..];
    let places = |w: &String| {
        let w = w.clone();
        (0..all.len()).filter(move |&at| all[at] == w)
    };
    places(&words[0]).any(|start| {
        let mut last = start as i64;
        let mut span = 0;
        for word in &words[1..] {
            let Some(next) = places(word).map(|p| p as i64).find(|&p| p >= last) else {
                return false;
            };
            span += next - last - 1;
            last = next;
        }
        span <= 0
    })
}

#[derive(Debug, Clone)]
enum Write {
    Put(u16, Doc),
    Remove(u16),
    Collect(usize),
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let key = || 0u16..60;
    let write = prop_oneof![
        8 => (key(), doc()).prop_map(|(k, d)| Write::Put(k, d)),
        2 => key().prop_map(Write::Remove),
        1 => (1usize..200).prop_map(Write::Collect),
    ];
    prop::collection::vec(write, 1..150)
}

fn apply(index: &Index, model: &mut BTreeMap<u16, Doc>, write: &Write) {
    match write {
        Write::Put(key, doc) => {
            put(index, *key, doc);
            model.insert(*key, doc.clone());
        }
        Write::Remove(key) => {
            assert_eq!(index.remove(&key.to_be_bytes()), model.remove(key).is_some());
        }
        Write::Collect(steps) => {
            index.collect(*steps);
        }
    }
}

fn everything(scorer: Scorer) -> SearchOptions {
    SearchOptions { limit: 10_000, scorer, ..SearchOptions::default() }
}

fn keys(result: &crate::search::SearchResult) -> Vec<u16> {
    let key = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    result.hits.iter().map(|h| key(&h.key)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn finds_what_the_model_finds(writes in writes(), queries in prop::collection::vec(query(), 1..8)) {
        let index = Index::new(schema());
        let mut model = BTreeMap::new();
        for (n, write) in writes.iter().enumerate() {
            apply(&index, &mut model, write);
            let query = &queries[n % queries.len()];
            let result = index.search(query, &everything(Scorer::Bm25Std));
            let mut got = keys(&result);
            got.sort_unstable();
            let want: Vec<u16> = model.iter().filter(|(_, d)| matches(query, d)).map(|(k, _)| *k).collect();
            prop_assert_eq!(result.total, want.len() as u64);
            prop_assert_eq!(got, want);
        }
        while index.collect(10) {}
        prop_assert_eq!(index.info().dead, 0);
        prop_assert_eq!(index.info().docs, model.len() as u64);
    }

    #[test]
    fn the_top_is_the_head_of_the_whole(docs in prop::collection::vec(doc(), 1..400), query in query(), offset in 0usize..5, limit in 0usize..12, sorted in any::<bool>(), descending in any::<bool>()) {
        let index = Index::new(schema());
        docs.iter().enumerate().for_each(|(key, d)| put(&index, key as u16, d));
        for scorer in [Scorer::TfIdf, Scorer::Bm25Std, Scorer::DisMax] {
            let sort_by = sorted.then_some(SortBy { field: 3, descending });
            let whole = index.search(&query, &SearchOptions { sort_by, with_scores: true, ..everything(scorer) });
            let part = index.search(&query, &SearchOptions { sort_by, offset, limit, with_scores: true, ..everything(scorer) });
            let from = offset.min(whole.hits.len());
            let to = (offset + limit).min(whole.hits.len());
            prop_assert_eq!(part.total, whole.total);
            prop_assert_eq!(&part.hits[..], &whole.hits[from..to]);
            if !sorted {
                prop_assert!(whole.hits.windows(2).all(|w| (w[1].score, w[0].doc) < (w[0].score, w[1].doc)));
            }
        }
    }
}

#[test]
fn one_term_by_blocks_scores_as_the_general_way() {
    let index = Index::new(schema());
    for key in 0..3000u16 {
        let n = u32::from(key).wrapping_mul(2_654_435_761) >> 16;
        let words = (0..n % 9).map(|i| (n >> i) as u8 % 3).collect();
        let tags = Vec::new();
        put(&index, key, &Doc { t: words, u: vec![(n % 12) as u8], tags, n: 0 });
        if key % 7 == 3 {
            index.remove(&(key / 2).to_be_bytes());
        }
    }
    let term =
        |fields| Node { fields, ..Node::new(NodeKind::Term { word: word(1), expand: false }) };
    for fields in [1, 2, u128::MAX] {
        for scorer in [Scorer::TfIdf, Scorer::Bm25Std] {
            // A conjunction with an alternative that adds nothing takes the general way.
            let nothing = Node::new(NodeKind::Not(Box::new(Node::new(NodeKind::All))));
            let general = Node::new(NodeKind::Or(vec![term(fields), nothing]));
            let options = SearchOptions { limit: 10, scorer, ..SearchOptions::default() };
            let fast = index.search(&term(fields), &options);
            assert!(fast.total > 200, "{}", fast.total);
            assert_eq!(fast, index.search(&general, &options));
        }
    }
}

#[test]
fn searches_see_writes_while_others_search() {
    let index = Index::new(schema());
    std::thread::scope(|scope| {
        for thread in 0..3u16 {
            let index = &index;
            scope.spawn(move || {
                for round in 0..150u16 {
                    let doc =
                        Doc { t: vec![1, (thread as u8) + 3], u: vec![2], tags: vec![1], n: 1 };
                    put(index, thread * 50 + round % 50, &doc);
                    let mine =
                        Node::new(NodeKind::Term { word: word(thread as u8 + 3), expand: false });
                    let both = Node::new(NodeKind::And(vec![
                        Node::new(NodeKind::Term { word: word(1), expand: false }),
                        mine,
                    ]));
                    let want = u64::from(round.min(49)) + 1;
                    assert_eq!(index.search(&both, &SearchOptions::default()).total, want);
                    index.collect(3);
                }
            });
        }
    });
    while index.collect(100) {}
    let info = index.info();
    assert_eq!((info.docs, info.dead), (150, 0));
    assert_eq!(info.records, 150 * 3);
}
