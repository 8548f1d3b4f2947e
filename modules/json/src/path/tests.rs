//! Tests of both notations, evaluation order, filters and limits.

use super::*;
use crate::testing::doc;
use crate::tree::View;

const DOC: &str = r#"{"a":{"b":{"c":1},"x-y":2,"0":"zero"},
    "arr":[10,20,30,40,{"b":5,"s":"foobar"},{"b":7,"s":"bar"}],"s":"str","foo bar":3,"n":null,
    "t":true,"é":9,"_u":1,"$":4,"a.b":6,"pat":"^foo","big":[9007199254740993,9007199254740992]}"#;

/// All matches as a JSON array, or the error.
fn query(path: &str) -> String {
    let document = doc(DOC);
    match Path::parse(path).and_then(|path| path.select(document.view())) {
        Ok(nodes) => {
            let texts: Vec<String> = nodes.into_iter().map(crate::print::to_string).collect();
            format!("[{}]", texts.join(","))
        }
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn both_notations_find_what_redis_json_finds() {
    let cases = [
        ("$.a.b", r#"[{"c":1}]"#),
        ("a.b", r#"[{"c":1}]"#),
        (r#".a["b"]"#, r#"[{"c":1}]"#),
        (r#"["a"]["b"]"#, r#"[{"c":1}]"#),
        ("['a'].b", r#"[{"c":1}]"#),
        (".arr[0]", "[10]"),
        ("arr[-1].b", "[7]"),
        (".a.x-y", "[2]"),
        ("$.a.x-y", "[2]"),
        ("$..x-y", "[2]"),
        ("$.é", "[9]"),
        ("$.$", "[4]"),
        (r#".["a.b"]"#, "[6]"),
        ("$.a.0", r#"["zero"]"#),
        ("$..0", r#"["zero"]"#),
        ("$.a[0]", "[]"),
        ("$.arr.0", "[]"),
        ("$.arr[0,1]", "[10,20]"),
        ("$.arr[::2]", r#"[10,30,{"b":5,"s":"foobar"}]"#),
        ("$.arr[3:0:-1]", "[40,30,20]"),
        ("$.arr.[0]", "[10]"),
        (r#"$["a"].["b"]"#, r#"[{"c":1}]"#),
        (r#"$["foo bar"]"#, "[3]"),
        ("$..b", r#"[{"c":1},5,7]"#),
        ("$..['b','s']", r#"["str",{"c":1},5,"foobar",7,"bar"]"#),
        ("$.a..c", "[1]"),
        ("$.arr[?(@.b)].b", "[5,7]"),
        ("$.arr[?@.b].b", "[5,7]"),
        ("$.arr[?(@.b==5)].s", r#"["foobar"]"#),
        ("$.arr[?(@>15 && @<35)]", "[20,30]"),
        ("$.arr[?(@>15&&@<35||@==40)]", "[20,30,40]"),
        ("$.arr[?(!(@>15))].b", "[5,7]"),
        ("$.arr[?(@.b==$.arr[4].b)].b", "[5]"),
        ("$.arr[?(@.b==5.0)].b", "[5]"),
        ("$.arr[?(@['b']>=$.a.b.c)].b", "[5,7]"),
        ("$.arr[?('bar'==@.s)].b", "[7]"),
        ("$.a[?(@.c)]", r#"[{"c":1}]"#),
        ("$.arr[?(@.zz==null)]", "[]"),
        ("$.arr[?(length(@.s)==3)].b", "[7]"),
        ("$.big[?(@==9007199254740993)]", "[9007199254740993]"),
        ("$.big[?(@>=-9007199254740993)]", "[9007199254740993,9007199254740992]"),
        ("$.zz", "[]"),
    ];
    for (path, expected) in cases {
        assert_eq!(query(path), expected, "{path}");
    }
}

#[test]
fn the_regex_operator_searches() {
    let cases = [
        (r#"$.arr[?(@.s=~"foo.*")].b"#, "[5]"),
        (r#"$.arr[?(@.s =~ "bar" && @.b > 5)].b"#, "[7]"),
        (r#"$.arr[?@.b > 5 && @.s =~ '^bar'].b"#, "[7]"),
        (r#"$.arr[?(@.s =~ "(?i)BAR")].b"#, "[5,7]"),
        (r#"$.arr[?(@.s =~ $.pat)].b"#, "[5]"),
        (r#"$.arr[?(!(@.s =~ "^f") && @.s)].b"#, "[7]"),
        (r#"$.arr[?@.s =~ "^f" || @.s =~ "r$"].b"#, "[5,7]"),
        (r#"$.arr[?@.s =~ "("].b"#, "[]"),
        (r#"$.arr[?@ =~ 5].b"#, "[]"),
    ];
    for (path, expected) in cases {
        assert_eq!(query(path), expected, "{path}");
    }
}

#[test]
fn paths_that_are_none_are_errors() {
    let wrong = [
        "",
        "$.",
        "..",
        "$..",
        "$.a[",
        "$[]",
        "$.a.",
        "$.arr[01]",
        "$.arr[+1]",
        "$.arr[0",
        "@.a",
        "$.arr[99999999999999999999]",
        "$.arr[?]",
        "$.arr[?()]",
        "$.arr[?(@.b>5)",
        "$.a[b]",
        "$.foo bar",
        "$.arr[(@.length-1)]",
        "$.arr[?(@.b in [5])]",
        "$.arr[?nope(@.b)==1]",
        "$[?length(@.*)==1]",
        "$[?length(@.a)]",
        "$[?count(1)==1]",
        "$]",
        "$)",
        "$['a",
        "$[?'\u{FDD0}1'==@]",
        "$[?@.a =~]",
        "$[?=~'a']",
        "$.a\0",
    ];
    for path in wrong {
        assert!(query(path).starts_with('!'), "{path} gave {}", query(path));
    }
}

#[test]
fn legacy_paths_are_told_from_json_paths() {
    for legacy in [".", "a", ".a", "['a']", "$a", "$$", "a.$"] {
        assert_eq!(Path::parse(legacy).map(|path| path.is_legacy()), Ok(true), "{legacy}");
    }
    for path in ["$", "$.a", "$[0]", "$..a"] {
        assert_eq!(Path::parse(path).map(|path| path.is_legacy()), Ok(false), "{path}");
    }
    let rooted = |path| Path::parse(path).map(|path| path.rooted_text());
    assert_eq!(rooted("a.b"), Ok("$.a.b".into()));
    assert_eq!(rooted("."), Ok("$".into()));
    assert_eq!(rooted("[0]"), Ok("$.[0]".into()));
}

#[test]
fn locations_lead_to_the_nodes_and_print_normalized() {
    let document = doc(r#"{"a":[{"b'\n":1},{"b'\n":2}]}"#);
    let path = Path::parse("$.a[*]['b\\'\\n']").unwrap_or_else(|error| panic!("{error}"));
    let found = path.locate(document.view()).unwrap_or_default();
    let texts: Vec<_> = found.iter().map(|at| normalized(document.view(), at)).collect();
    assert_eq!(texts, [r"$['a'][0]['b\'\n']", r"$['a'][1]['b\'\n']"]);
}

#[test]
fn hostile_paths_are_errors_and_quick() {
    let deep = |open: &str| open.repeat(10_000);
    let hostile = [
        deep("["),
        format!("$.a[?{}", deep("(")),
        format!("$[?{}@.a{}]", deep("("), deep(")")),
        format!("$[?{}1", deep("length(")),
        format!("$[?{}x", "length(".repeat(3)),
        format!("$[?{}x", "length(@[?".repeat(3)),
        format!("$[?{}@.a", deep("!")),
        format!("$[?{}@.a{}]", "@[?".repeat(10_000), deep("]")),
        format!("${}", deep(".a")),
        format!("${}", deep("..*")),
        format!("${}", deep("[0]")),
        format!("$[{}0]", deep("0,")),
        "$".repeat(MAX_PATH + 1),
    ];
    for path in hostile {
        let _ = Path::parse(&path);
    }
    assert!(Path::parse(&format!("${}", deep(".a"))).is_err());
    assert!(Path::parse(&format!("$[?{}@.a{}]", deep("("), deep(")"))).is_err());
}

#[test]
fn paths_that_explode_are_given_up() {
    let mut text = String::from("1");
    for _ in 0..100 {
        text = format!("[{text},{text0}]", text0 = 0);
    }
    let document = doc(&text);
    let path = Path::parse(&format!("${}", "..*".repeat(20))).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(path.select(document.view()).err(), Some(PathError::TooBroad));
    let first = path.first(document.view());
    assert!(matches!(first, Ok(Some(_))));
}
