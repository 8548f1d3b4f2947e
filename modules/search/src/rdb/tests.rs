use std::sync::Arc;

use cairn_core::Engine;
use cairn_core::module::Module;
use cairn_core::rdb::{RdbError, Reader, Writer};
use proptest::prelude::*;

use super::*;
use crate::commands::{FieldSpec, Head, define};
use crate::schema::{Field, TagOptions, TextOptions};

/// FT.CREATE docs PREFIX 2 doc: d: SCORE 0.5 STOPWORDS 2 foo bar SCHEMA t AS title TEXT NOSTEM
/// WEIGHT 2 SORTABLE c TAG SEPARATOR ; CASESENSITIVE n NUMERIC SORTABLE u TEXT SORTABLE UNF NOINDEX
const PLAIN: &str = "02010505646f63730002800008405b020405067469746c650002010502740002010203020002000400000000\
    00000040050263000200020802000281ffffffffffffffff020705013b05026e000200020202210201050275\
    00020002010225020202800000ffff04000000000000f03f0505484153480002020505646f633a000503643a\
    00020002000200020004000000000000e03f0200020205036261720503666f6f0281fffffffffffffc180200\
    00";

/// What is not supported yet, between fields that are; an index with FILTER; one of vectors only.
const OTHER: &str = "0203050263000280000080530201050276000200021002000281ffffffffffffffff020c0202020102000200\
    02030200020002440002100240c8020a050548415348000201050100020002000200020004000000000000f0\
    3f02000281fffffffffffffc18020005026200024053020105026e000200020202000281ffffffffffffffff\
    05054841534800020105010002010505406e3e330002000200020004000000000000f03f02000281ffffffff\
    fffffc180200050261000280000c87530206050278000200020102080281ffffffffffffffff020004000000\
    000000f03f050267000200020402000281ffffffffffffffff050273000200022002000281ffffffffffffff\
    ff0201050276000200021002000281ffffffffffffffff020c02020201020002000203020002000244000210\
    0240c8020a050277000200021002000281ffffffffffffffff02180200020102030202020002440002440005\
    027900020002080241000281ffffffffffffffff020605012c05054841534800020105010002000200020105\
    03736600020004000000000000f03f02090202050462617200020105036731000504666f6f00020105036731\
    000280000f424002010503616c0000";

fn unhex(hex: &str) -> Vec<u8> {
    let digits = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2));
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(16, vec![crate::module()], |_| ()))
}

type Loaded = (Result<Vec<Arc<Definition>>, RdbError>, Vec<String>);

/// What is loaded from a body, and the warnings. The end mark is left.
fn read(engine: &Engine, name: &str, encoding: u16, body: &[u8]) -> Loaded {
    let (mut input, mut warnings) = (Reader::new(body, 0), Vec::new());
    let loaded =
        load(engine, name, encoding, &mut input, &mut |text| warnings.push(text.to_owned()));
    let loaded = loaded.expect("a name of search");
    if loaded.is_ok() {
        assert!(matches!(input.rest(), [] | [0]), "{:?}", input.rest());
    }
    (loaded, warnings)
}

fn bodies(all: &[Arc<Definition>]) -> Vec<(&'static str, u16, Vec<u8>)> {
    let mut bodies = Vec::new();
    save(all, &mut |name, encoding, body| {
        let mut out = Writer::new(11, false);
        body(&mut out);
        bodies.push((name, encoding, out.as_bytes().to_vec()));
    });
    bodies
}

#[test]
fn definitions_of_redis_stack_are_read_and_written_alike() {
    let stored = unhex(PLAIN);
    let (loaded, warnings) = read(&engine(), SCHEMAS, ENCODING, &stored);
    let all = loaded.unwrap();
    assert_eq!(warnings, [""; 0]);
    let [index] = all.as_slice() else { panic!("one index") };
    assert_eq!((&*index.name, index.source, index.score), (&b"docs"[..], Source::Hash, 0.5));
    assert_eq!(index.prefixes, [b"doc:".to_vec(), b"d:".to_vec()]);
    let identifiers: Vec<_> = index.fields.iter().map(|f| f.identifier.as_str()).collect();
    assert_eq!(identifiers, ["t", "c", "n", "u"]);
    let text = |weight, no_stem| FieldKind::Text(TextOptions { weight, no_stem });
    let tag = FieldKind::Tag(TagOptions { separator: b';', case_sensitive: true });
    let mut hidden = Field::new("u", text(1.0, false)).sortable(Sortable::Raw);
    hidden.no_index = true;
    let expected = [
        Field::new("title", text(2.0, true)).sortable(Sortable::Normalized),
        Field::new("c", tag),
        Field::new("n", FieldKind::Numeric).sortable(Sortable::Normalized),
        hidden,
    ];
    assert_eq!(index.index.schema().fields(), expected);
    assert_eq!(
        own_stop_words(index.index.schema().analyzer().stop_words()),
        Some(vec!["bar", "foo"])
    );
    let body = stored[..stored.len() - 1].to_vec();
    assert_eq!(bodies(&all), [(SCHEMAS, ENCODING, body)]);
}

#[test]
fn what_cannot_be_held_is_said() {
    let (loaded, mut warnings) = read(&engine(), SCHEMAS, ENCODING, &unhex(OTHER));
    let all = loaded.unwrap();
    let [index] = all.as_slice() else { panic!("one index") };
    let names: Vec<_> = index.index.schema().fields().iter().map(|f| f.name.as_str()).collect();
    assert_eq!((&*index.name, names), (&b"a"[..], vec!["x", "y"]));
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "search index 'a' is loaded without: PHONETIC of field 'x', GEO field 'g', GEOSHAPE field \
             's', VECTOR field 'v', VECTOR field 'w', INDEXEMPTY of field 'y', SCORE_FIELD, LANGUAGE \
             other than english, synonyms, TEMPORARY, alias 'al'",
            "search index 'b' is left out: FILTER is not supported",
            "search index 'c' is left out: it has no field that can be held",
            "search index 'c' is loaded without: VECTOR field 'v'",
        ]
    );
}

#[test]
fn names_and_encodings_are_checked() {
    let engine = engine();
    let mut nothing = Reader::new(&[], 0);
    assert!(load(&engine, "ft_index1", ENCODING, &mut nothing, &mut |_| ()).is_none());
    let (loaded, _) = read(&engine, SCHEMAS, 17, &[2, 5]);
    let error = loaded.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.starts_with("search indexes in encoding 17 cannot be read"), "{error}");
    // Dictionaries: nothing at all before the keys, none behind them, one.
    assert!(read(&engine, DICTIONARIES, 1, &[0]).0.is_ok());
    assert!(read(&engine, DICTIONARIES, 1, &[2, 0, 0]).0.is_ok());
    let mut out = Writer::new(11, false);
    out.module_unsigned(1);
    out.module_string(b"words\0");
    out.module_unsigned(1);
    out.module_string(b"w1\0");
    out.module_double(1.0);
    let (loaded, warnings) = read(&engine, DICTIONARIES, 1, out.as_bytes());
    assert!(loaded.is_ok());
    assert_eq!(warnings, ["dictionary 'words' of search is left out"]);
}

#[test]
fn loaded_indexes_replace_those_of_their_name_and_wait_for_keys() {
    let engine = engine();
    engine.modules.start(&engine);
    let module = engine.modules.get::<crate::SearchModule>().unwrap();
    let body = unhex(PLAIN);
    for _ in 0..2 {
        let loaded = module.load_aux(SCHEMAS, ENCODING, &mut Reader::new(&body, 0));
        assert!(matches!(loaded, Some(Ok(()))));
    }
    let all = module.catalog.list();
    assert_eq!(all.len(), 1);
    assert!(all[0].awaits_keys.load(Ordering::Relaxed) && engine.modules.observes_keys());
    module.loaded();
    assert!(!all[0].awaits_keys.load(Ordering::Relaxed));
}

fn field() -> impl Strategy<Value = Field> {
    let kind = prop_oneof![
        (0.0f64..10.0, any::<bool>())
            .prop_map(|(weight, no_stem)| FieldKind::Text(TextOptions { weight, no_stem })),
        (1u8.., any::<bool>()).prop_map(|(separator, case_sensitive)| {
            FieldKind::Tag(TagOptions { separator, case_sensitive })
        }),
        Just(FieldKind::Numeric),
    ];
    ("[a-z]{1,3}", kind, 0u8..3, any::<bool>()).prop_map(|(name, kind, sortable, no_index)| {
        let raw = kind != FieldKind::Numeric;
        let mut field = Field::new(name, kind);
        field.sortable = match sortable {
            0 => None,
            1 if raw => Some(Sortable::Raw),
            _ => Some(Sortable::Normalized),
        };
        field.no_index = no_index;
        field
    })
}

fn definition(engine: &Engine, name: &str, db: usize, mut fields: Vec<Field>) -> Arc<Definition> {
    let mut names = std::collections::HashSet::new();
    fields.retain(|field| names.insert(field.name.clone()));
    let spec = |field: Field| {
        let identifier = if field.no_index { field.name.clone() } else { "other".into() };
        FieldSpec { field, identifier }
    };
    let stop_words = name.contains('s').then(|| vec!["word".to_owned(), "a".to_owned()]);
    let head = Head { prefixes: vec![name.into()], stop_words, ..Head::default() };
    let fields = fields.into_iter().map(spec).collect();
    Arc::new(define(engine, name.as_bytes(), db, head, fields).unwrap())
}

proptest! {
    #[test]
    fn definitions_come_back(
        indexes in prop::collection::vec(("[a-z]{1,8}", 0usize..3, prop::collection::vec(field(), 1..6)), 1..5),
    ) {
        let engine = engine();
        let all: Vec<_> =
            indexes.into_iter().map(|(name, db, fields)| definition(&engine, &name, db, fields)).collect();
        let mut back = Vec::new();
        for (name, encoding, body) in bodies(&all) {
            back.extend(read(&engine, name, encoding, &body).0.unwrap());
        }
        prop_assert_eq!(bodies(&back), bodies(&all));
        prop_assert_eq!(back.len(), all.len());
        for one in &all {
            let db = one.db.load(Ordering::Relaxed);
            let same = |d: &&Arc<Definition>| {
                d.name == one.name && d.db.load(Ordering::Relaxed) == db
                    && d.index.schema().fields() == one.index.schema().fields()
            };
            prop_assert!(back.iter().any(|d| same(&d)));
        }
    }

    #[test]
    fn damage_is_an_error_or_definitions(
        at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(), other: bool,
    ) {
        let mut body = unhex(if other { OTHER } else { PLAIN });
        let at = at.index(body.len());
        body[at] = byte;
        body.truncate(cut.index(body.len()) + 1);
        let mut input = Reader::new(&body, 0);
        let _ = load(&engine(), SCHEMAS, ENCODING, &mut input, &mut |_| ());
    }
}
