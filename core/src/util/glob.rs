//! Glob patterns, as KEYS, SCAN, PSUBSCRIBE and CONFIG GET match them: `*`, `?`, `[a-z]`, `[^a]`
//! and `\` for what is to be taken literally. The corner cases are Redis's: a class without its
//! `]` goes to the end of the pattern, and only where something of the text is left can a pattern
//! match at all, but for the empty one.
//!
//! Matching needs no recursion and at most pattern times text steps: every element but `*` takes
//! exactly one byte, so going back to the last `*` is enough.

/// Whether all of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { fold: false }.run(pattern, text)
}

/// Whether all of `text` matches `pattern`, ASCII letters being equal in upper and lower case.
pub fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { fold: true }.run(pattern, text)
}

/// Whether the pattern has no special character, so that it matches nothing but itself.
pub fn is_literal(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

/// Stars that a pattern may have, runs of them counting once; with more it matches nothing but an
/// empty pattern's text. It is Redis's limit on nesting, which users' tests know.
pub const STARS_MAX: usize = 1000;

/// Whether a pattern has more than [`STARS_MAX`] stars.
fn has_too_many_stars(pattern: &[u8]) -> bool {
    let runs = pattern.iter().zip(pattern.iter().skip(1).chain([&0]));
    pattern.len() > STARS_MAX
        && runs.filter(|(a, b)| **a == b'*' && **b != b'*').count() > STARS_MAX
}

struct Matcher {
    /// Whether case is ignored.
    fold: bool,
}

impl Matcher {
    fn run(&self, mut pattern: &[u8], mut text: &[u8]) -> bool {
        if text.is_empty() {
            return pattern.is_empty();
        }
        if has_too_many_stars(pattern) {
            return false;
        }
        // Where to go on if what follows the last star fails: the pattern behind the star, and the
        // text with one byte more given to the star.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern, text) {
                ([b'*', rest @ ..], _) => {
                    if rest.iter().all(|byte| *byte == b'*') {
                        return true;
                    }
                    pattern = rest;
                    retry = Some((pattern, text));
                    continue;
                }
                ([], []) => return true,
                (_, [byte, rest @ ..]) => {
                    if let Some(behind) = self.element(pattern, *byte) {
                        (pattern, text) = (behind, rest);
                        continue;
                    }
                }
                (_, []) => return false,
            }
            match retry {
                Some((behind_star, [_, rest @ ..])) if !rest.is_empty() => {
                    (pattern, text) = (behind_star, rest);
                    retry = Some((behind_star, rest));
                }
                _ => return false,
            }
        }
    }

    /// Matches `byte` with the first element of `pattern`; gives back what is behind that.
    #[inline]
    fn element<'p>(&self, pattern: &'p [u8], byte: u8) -> Option<&'p [u8]> {
        match pattern {
            [] => None,
            [b'?', rest @ ..] => Some(rest),
            [b'[', class @ ..] => self.class(class, byte),
            [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
                self.equal(*literal, byte).then_some(rest)
            }
        }
    }

    /// The same for a class, whose `[` is already behind us.
    fn class<'p>(&self, class: &'p [u8], byte: u8) -> Option<&'p [u8]> {
        let (negated, mut class) = match class {
            [b'^', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut found = false;
        loop {
            class = match class {
                [b'\\', literal, rest @ ..] => {
                    found |= *literal == byte;
                    rest
                }
                [b']', rest @ ..] => break (found != negated).then_some(rest),
                [] => break (found != negated).then_some(class),
                [first, b'-', last, rest @ ..] => {
                    found |= self.in_range(*first, *last, byte);
                    rest
                }
                [literal, rest @ ..] => {
                    found |= self.equal(*literal, byte);
                    rest
                }
            }
        }
    }

    fn equal(&self, a: u8, b: u8) -> bool {
        a == b || (self.fold && a.eq_ignore_ascii_case(&b))
    }

    fn in_range(&self, first: u8, last: u8, byte: u8) -> bool {
        let lower = |byte: u8| if self.fold { byte.to_ascii_lowercase() } else { byte };
        // The ends may stand in either order.
        let (first, last) = (first.min(last), first.max(last));
        (lower(first)..=lower(last)).contains(&lower(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by plain recursion: slow, but seen to be right. Classes are only simple ones.
    fn model(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| model(rest, &text[skip..])),
            ([b'?', rest @ ..], [_, text @ ..]) => model(rest, text),
            ([b'[', a, b']', rest @ ..], [byte, text @ ..]) => a == byte && model(rest, text),
            ([b'\\', a, rest @ ..], [byte, text @ ..]) => a == byte && model(rest, text),
            ([a, rest @ ..], [byte, text @ ..]) => a == byte && model(rest, text),
            ([], []) => true,
            _ => false,
        }
    }

    #[test]
    fn classes() {
        for (pattern, text, expected) in [
            ("h[ae]llo", "hello", true),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("[\\]]", "]", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[a", "a", true),
            ("[^b", "a", true),
            ("[^", "a", true),
            ("[", "[", false),
            ("[a-]", "a", true),
            ("[a-z", "q", true),
            ("[\\a]", "a", true),
            ("[a-]b", "b", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn corner_cases() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", false),
            ("**", "", false),
            ("a**", "a", true),
            ("*\\a", "a", true),
            ("\\", "\\", true),
            ("a\\", "a", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a", "", false),
            ("*?", "a", true),
            ("*a*b*c*", "xaxbxcx", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(matches_ignoring_case(b"H[A-E]LLO*", b"hello world"));
        assert!(!matches(b"H*", b"hello"));
    }

    #[test]
    fn many_stars_are_no_attack() {
        let pattern = b"a*".repeat(1000);
        assert!(!matches(&[&pattern[..], b"b"].concat(), &vec![b'a'; 20_000]));
    }

    proptest! {
        #[test]
        fn agrees_with_the_model(
            elements in prop::collection::vec(
                prop::sample::select(vec!["*", "?", "a", "b", "[a]", "[b]", "\\a", "c"]), 0..8),
            text in "[abc]{1,9}",
        ) {
            let pattern = elements.concat();
            prop_assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                model(pattern.as_bytes(), text.as_bytes())
            );
        }

        #[test]
        fn never_panics(pattern in "[*?a\\[\\]^\\\\-]{0,12}", text in "[a-c^-]{0,12}") {
            let _ = matches(pattern.as_bytes(), text.as_bytes());
            let _ = matches_ignoring_case(pattern.as_bytes(), text.as_bytes());
        }

        #[test]
        fn a_literal_matches_itself_alone(a in "[a-c]{1,3}", b in "[a-c]{1,3}") {
            prop_assert!(is_literal(a.as_bytes()));
            prop_assert_eq!(matches(a.as_bytes(), b.as_bytes()), a == b);
        }
    }
}
