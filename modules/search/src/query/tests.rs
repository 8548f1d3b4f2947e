//! The parser against the trees and errors that Redis Stack 7.4 gives.

use super::*;
use crate::schema::Schema;
use crate::schema::{Field, FieldKind, TagOptions, TextOptions};
use proptest::prelude::*;
use std::fmt::Write;

fn schema() -> Schema {
    let text = || FieldKind::Text(TextOptions::default());
    Schema::new(vec![
        Field::new("t", text()),
        Field::new("u", text()),
        Field::new("n", FieldKind::Numeric),
        Field::new("tg", FieldKind::Tag(TagOptions::default())),
    ])
    .unwrap()
}

/// A short form of a tree: `a~` is a term with its stems, `&(…)`, `|(…)`, `-x`, `?x`.
fn show(node: &Node, out: &mut String) {
    let list = |sign: &str, children: &[Node], out: &mut String| {
        out.push_str(sign);
        out.push('(');
        for (at, child) in children.iter().enumerate() {
            if at > 0 {
                out.push(' ');
            }
            show(child, out);
        }
        out.push(')');
    };
    match node.fields {
        0 => out.push_str("@0:"),
        1 => out.push_str("@t:"),
        2 => out.push_str("@u:"),
        3 => out.push_str("@t|u:"),
        _ => {}
    }
    match &node.kind {
        NodeKind::Nothing => out.push('0'),
        NodeKind::All => out.push('*'),
        NodeKind::Term { word, expand } => {
            out.push_str(word);
            out.push_str(if *expand { "~" } else { "" });
        }
        NodeKind::Prefix(word) => write!(out, "{word}*").unwrap(),
        NodeKind::Suffix(word) => write!(out, "*{word}").unwrap(),
        NodeKind::Infix(word) => write!(out, "*{word}*").unwrap(),
        NodeKind::Wildcard(word) => write!(out, "w'{word}'").unwrap(),
        NodeKind::Fuzzy(word, distance) => write!(out, "%{distance}{word}").unwrap(),
        NodeKind::Phrase(words) => write!(out, "\"{}\"", words.join(" ")).unwrap(),
        NodeKind::And(children) => list("&", children, out),
        NodeKind::Or(children) => list("|", children, out),
        NodeKind::Not(child) => {
            out.push('-');
            show(child, out);
        }
        NodeKind::Optional(child) => {
            out.push('?');
            show(child, out);
        }
        NodeKind::Tag(_, values) => write!(out, "{values:?}").unwrap(),
        NodeKind::Numeric(_, r) => {
            let open = |inclusive: bool| if inclusive { "" } else { "(" };
            let (min, max) = (r.min.float(), r.max.float());
            write!(out, "[{}{min} {}{max}]", open(r.min_inclusive), open(r.max_inclusive)).unwrap();
        }
    }
    if node.attributes != Attributes::default() {
        let a = &node.attributes;
        write!(out, "^{}", a.weight).unwrap();
        if let Some(slop) = a.slop {
            write!(out, ",{slop}").unwrap();
        }
        out.push_str(if a.in_order { ",inorder" } else { "" });
    }
}

fn tree(text: &str, dialect: u8) -> String {
    let schema = schema();
    let options = ParseOptions::new(&schema).dialect(Dialect::new(dialect).unwrap());
    match parse(text, &options) {
        Ok(node) => {
            let mut out = String::new();
            show(&node, &mut out);
            out
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn precedence_by_dialect() {
    for (text, one, two) in [
        ("hello world", "&(hello~ world~)", "&(hello~ world~)"),
        ("b c | d e", "|(&(b~ c~) &(d~ e~))", "|(&(b~ c~) &(d~ e~))"),
        ("b|c d|e", "|(b~ &(c~ d~) e~)", "|(b~ &(c~ d~) e~)"),
        ("(b|c) d", "&(|(b~ c~) d~)", "&(|(b~ c~) d~)"),
        ("b -c d", "&(b~ -&(c d))", "&(b~ -c d~)"),
        ("b -c|d", "&(b~ -|(c d))", "|(&(b~ -c) d~)"),
        ("-b|c", "-|(b c)", "|(-b c~)"),
        ("b ~c d|e", "&(b~ ?|(&(c d) e))", "|(&(b~ ?c d~) e~)"),
        ("b @t:c d", "&(b~ @t:&(@t:c~ @t:d~))", "&(b~ @t:c~ d~)"),
        ("b @t:c|d", "&(b~ @t:|(@t:c~ @t:d~))", "|(&(b~ @t:c~) d~)"),
        ("x @n:[1 2] | y", "&(x~ |([1 2] y~))", "|(&(x~ [1 2]) y~)"),
        ("3.14", "3.14~", "3.14"),
        ("@t:b (c) d", "&(@t:b~ c~ d~)", "&(@t:b~ c~ d~)"),
        ("@t:b c ~d", "&(@t:&(@t:b~ @t:c~) ?d)", "&(@t:b~ c~ ?d)"),
        ("@t:b* c", "&(@t:b* c~)", "&(@t:b* c~)"),
        ("@n:[1 2] b | c", "&([1 2] |(b~ c~))", "|(&([1 2] b~) c~)"),
        ("b* | c d", "|(b* &(c~ d~))", "|(b* &(c~ d~))"),
        ("b c d|e @n:[1 2]", "&(|(&(b~ c~ d~) e~) [1 2])", "|(&(b~ c~ d~) &(e~ [1 2]))"),
        ("-b* c | d", "-&(b* |(c d))", "|(&(-b* c~) d~)"),
        ("b c @n:[1 2]", "&(b~ c~ [1 2])", "&(b~ c~ [1 2])"),
        ("@t:(b c) d", "&(@t:&(@t:b~ @t:c~) d~)", "&(@t:&(@t:b~ @t:c~) d~)"),
        ("(b|c)|d", "|(b~ c~ d~)", "|(b~ c~ d~)"),
        ("-5", "-5~", "-5"),
        ("@t:(running|fast) a", "@t:|(@t:running~ @t:fast~)", "@t:|(@t:running~ @t:fast~)"),
    ] {
        assert_eq!(tree(text, 1), one, "{text}");
        assert_eq!(tree(text, 2), two, "{text}");
    }
}

#[test]
fn atoms() {
    for (text, want) in [
        ("", "0"),
        ("*", "*"),
        ("the a", "0"),
        ("the|b", "b~"),
        ("Hel*", "hel*"),
        ("*hel", "*hel"),
        ("*hel*", "*hel*"),
        ("%%hel%%", "%2hel"),
        ("w'h?l*'", "w'h?l*'"),
        ("\"Hello World\"", "\"hello world\""),
        ("hello-world foo_bar", "&(hello~ -world foo_bar~)"),
        ("hello\\-world", "hello-world~"),
        ("b.c", "&(b~ c~)"),
        ("b & c", "&(b~ c~)"),
        ("@t|u:b", "@t|u:b~"),
        ("@t : b", "@t:b~"),
        ("@t:-b", "@t:-@t:b"),
        ("-@t:b", "-@t:b"),
        ("@t:ab*", "@t:ab*"),
        ("@zz:b", "@0:b~"),
        ("--b", "--b"),
        ("b|c @n:[1 2]", "|(b~ &(c~ [1 2]))"),
        ("b|c|d @n:[1 2]", "&(|(b~ c~ d~) [1 2])"),
        ("b c|d|e @n:[1 2]", "&(|(&(b~ c~) d~ e~) [1 2])"),
        ("b|c|d e @n:[1 2]", "&(|(b~ c~ &(d~ e~)) [1 2])"),
        ("@n:[1 2]|b|d @n:[1 2]", "|([1 2] b~ &(d~ [1 2]))"),
        ("b|c|-e", "|(b~ c~ -e)"),
        ("b|(c|d)", "|(b~ |(c~ d~))"),
        ("b (c d)", "&(b~ &(c~ d~))"),
        ("(b c)=>{$weight:2} d", "&(b~ c~ d~)^2"),
        ("b=>{$weight:2;$slop:1}", "b~^2,1"),
        ("quick (fox|dog) => {$weight: 3}", "&(quick~ |(fox~ dog~)^3)"),
        ("@n:[(1 +inf]", "[(1 inf]"),
        ("@n:[1,2]", "[1 2]"),
        ("@n:[-inf (2.5]", "[-inf (2.5]"),
        ("@n>=3 @n<4", "&([3 inf] [-inf (4])"),
        ("@n!=3", "-[3 3]"),
        ("@tg:{ a | b c }", "[Value(\"a\"), Value(\"b c\")]"),
        ("@tg:{a\\,b|c*}", "[Value(\"a,b\"), Prefix(\"c\")]"),
    ] {
        assert_eq!(tree(text, 2), want, "{text}");
    }
}

#[test]
fn errors() {
    for (text, want) in [
        ("b:c", "Syntax error at offset 1 near b"),
        ("b *", "Syntax error at offset 2 near b"),
        ("()", "Syntax error at offset 1 near "),
        ("(", "Syntax error at offset 0 near "),
        ("b)", "Syntax error at offset 1 near b"),
        ("b|", "Syntax error at offset 1 near b"),
        ("|b", "Syntax error at offset 0 near "),
        ("b||c", "Syntax error at offset 2 near b"),
        ("\"b", "Syntax error at offset 1 near b"),
        ("@n:[1", "Syntax error at offset 4 near 1"),
        ("@tg:{}", "Syntax error at offset 5 near tg"),
        ("b|c|@t:e", "Syntax error at offset 4 near t"),
        ("b;c", "Syntax error at offset 1 near b"),
        ("$x", "No such parameter `x`"),
        ("b => {$weight:x}", "Invalid value (x) for `weight`"),
        ("b=>{$foo:1}", "Invalid attribute foo"),
    ] {
        assert_eq!(tree(text, 2), want, "{text}");
    }
    assert_eq!(tree("run \"a b\"", 1), "Syntax error at offset 5 near a");
    assert_eq!(tree(&"(".repeat(100_000), 2), "Query is too complex");
    assert_eq!(tree(&"-".repeat(100_000), 1), "Query is too complex");
}

proptest! {
    #[test]
    fn any_text_parses_or_fails(text in any::<String>(), dialect in 1u8..=4) {
        tree(&text, dialect);
    }

    #[test]
    fn near_queries_parse_or_fail(parts in prop::collection::vec(prop::sample::select(vec!["a", "b ", "foo", "@t:", "@n:[", "1", "(", ")", "|", "-", "~", "\"", "{", "}", "]", "@tg:{", "*", "%", "=>", "$", "weight:", ";", "\\", "'", "w'", " ", ",", "é", "@n>", "inf"]), 0..30), dialect in 1u8..=4) {
        tree(&parts.concat(), dialect);
    }
}
