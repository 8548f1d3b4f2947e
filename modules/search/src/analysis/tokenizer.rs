//! Splits text into lower-case tokens by RediSearch's rules.
//!
//! White space and ASCII punctuation other than the underscore separate tokens; a backslash makes
//! the next character part of the token; control characters vanish. Characters beyond ASCII never
//! separate.

use super::{MAX_TERM_LENGTH, StopWords};

/// One token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The lower-case text.
    pub text: &'a str,
    /// The token's place in its text, from 1; stop words take a place too.
    pub position: u32,
}

/// Whether a byte ends a token unless a backslash stands before it.
pub const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
        || (byte.is_ascii_punctuation() && byte != b'_')
}

/// Appends `text` in lower case.
pub fn lower_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.extend(text.bytes().map(|b| char::from(b.to_ascii_lowercase())));
        return;
    }
    for c in text.chars() {
        out.extend(c.to_lowercase());
    }
}

/// Calls `emit` for every token of `text` that is not a stop word; returns the number of places
/// taken, stop words included. `scratch` is reused between calls.
pub fn tokenize(
    text: &str,
    stop_words: &StopWords,
    scratch: &mut String,
    mut emit: impl FnMut(Token<'_>),
) -> u32 {
    let mut position: u32 = 0;
    let mut rest = text;
    while let Some(after) = next_token(rest, scratch) {
        rest = after;
        position = position.saturating_add(1);
        if !stop_words.contains(scratch) {
            emit(Token { text: scratch, position });
        }
    }
    position
}

/// Puts the next token of `text` into `out` and returns what follows it.
fn next_token<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|&b| !is_separator(b) || b == b'\\')?;
        out.clear();
        let end = scan_token(text, at, out);
        if !out.is_empty() {
            return Some(&text[end..]);
        }
        at = end.max(at + 1);
    }
}

/// Appends the token that starts at `at`; returns where it ends.
fn scan_token(text: &str, at: usize, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let plain = bytes[at..].iter().take_while(|&&b| b.is_ascii_alphanumeric()).count();
    let mut end = at + plain;
    out.extend(bytes[at..end].iter().map(|b| char::from(b.to_ascii_lowercase())));
    let mut escaped = false;
    for c in text[end..].chars() {
        let separates = u8::try_from(c).is_ok_and(|b| b.is_ascii() && is_separator(b));
        if !escaped && c == '\\' {
            escaped = true;
        } else if separates && !escaped {
            break;
        } else {
            escaped = false;
            if !c.is_ascii_control() && out.len() < MAX_TERM_LENGTH {
                out.extend(c.to_lowercase());
            }
        }
        end += c.len_utf8();
    }
    out.truncate(out.floor_char_boundary(MAX_TERM_LENGTH));
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<(String, u32)> {
        let mut out = Vec::new();
        tokenize(text, &StopWords::default(), &mut String::new(), |t| {
            out.push((t.text.to_owned(), t.position));
        });
        out
    }

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|(w, _)| w).collect()
    }

    #[test]
    fn separators_and_escapes() {
        assert_eq!(
            texts("b/c c\\d e|f g?h i`j k_l"),
            ["b", "c", "cd", "e", "f", "g", "h", "i", "j", "k_l"]
        );
        assert_eq!(texts("hello\\-world"), ["hello-world"]);
        assert_eq!(texts("foo\\"), ["foo"]);
        assert_eq!(texts("ab\\ cd b\\,c,d x\\\\y"), ["ab cd", "b,c", "d", "x\\y"]);
        assert_eq!(texts("--x don't 3.14"), ["x", "don", "t", "3", "14"]);
        assert_eq!(texts("tab\there\nnl\x01ctl"), ["tab", "here", "nlctl"]);
        assert_eq!(texts("\\"), Vec::<String>::new());
    }

    #[test]
    fn lower_case_beyond_ascii() {
        assert_eq!(texts("ÀÉÎ foo\u{a0}Bar 日本語"), ["àéî", "foo\u{a0}bar", "日本語"]);
    }

    #[test]
    fn stop_words_take_a_place() {
        let got = words("The quick and THE fox");
        assert_eq!(got, [("quick".to_owned(), 2), ("fox".to_owned(), 5)]);
    }

    proptest! {
        #[test]
        fn tokens_of_plain_words_are_the_words(list in prop::collection::vec("[a-zA-Z0-9_é]{1,12}", 0..20)) {
            let text = list.join(" ,;");
            let none = StopWords::new(Vec::<String>::new());
            let mut got = Vec::new();
            tokenize(&text, &none, &mut String::new(), |t| got.push(t.text.to_owned()));
            let expected: Vec<_> = list.iter().map(|w| w.to_lowercase()).collect();
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn any_text_is_accepted(text in any::<String>()) {
            for (word, _) in words(&text) {
                prop_assert!(!word.is_empty() && word.len() <= MAX_TERM_LENGTH);
            }
        }
    }
}
